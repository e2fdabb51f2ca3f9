"""Runs in a process of its own: data sets under `DataParallel` on JAX.

python scale_jax.py FOLDER                     one process, four devices
python scale_jax.py FOLDER RANK COUNT PORT     two devices in each process
"""

import os
import sys
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"

import jax

folder, *network = sys.argv[1:]
jax.config.update("jax_num_cpu_devices", 2 if network else 4)
if network:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")

# Keras and JAX look at this when they are imported.
import keras  # noqa: E402
import numpy as np  # noqa: E402
import scale_common as common  # noqa: E402


def values(model: Any) -> list[Any]:
    """Returns the weights, which all devices hold alike."""
    copies = [
        [np.asarray(part.data) for part in weight.value.addressable_shards]
        for weight in model.trainable_weights
    ]
    for copy in copies:
        assert all((part == copy[0]).all() for part in copy)
    return [copy[0].tolist() for copy in copies]


def one_process() -> None:
    """Compares four devices with one."""
    parallel = keras.distribution.DataParallel()
    for name, dataset in common.datasets(folder):
        keras.distribution.set_distribution(parallel)
        trained, history = common.fitted(dataset)
        devices = len(trained.trainable_weights[0].value.sharding.device_set)
        keras.distribution.set_distribution(None)
        dataset.epoch = 0
        alone, _ = common.fitted(dataset)
        common.report(
            name=name,
            devices=devices,
            history=history,
            weights=values(trained),
            expected=values(alone),
        )


def one_of_several(rank: int, count: int, port: int) -> None:
    """Trains on a shard, in step with the other processes."""
    keras.distribution.initialize(f"127.0.0.1:{port}", count, rank)
    keras.distribution.set_distribution(
        keras.distribution.DataParallel(auto_shard_dataset=False)
    )
    for name, whole in common.datasets(folder, batch_size=8):
        if name == "folder":
            continue  # reads images as it does alone; to train costs seconds
        trained, history = common.fitted(whole.shard(rank, count))
        common.report(
            name=name,
            rank=rank,
            devices=len(keras.distribution.list_devices()),
            history=history,
            weights=values(trained),
        )


if network:
    one_of_several(*map(int, network))
else:
    one_process()
