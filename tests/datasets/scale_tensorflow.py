"""Runs in a process of its own: data sets under `MirroredStrategy`.

python scale_tensorflow.py FOLDER
"""

import os
import sys
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"

import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)

import scale_common as common  # noqa: E402


def replica() -> Any:
    """Returns which of the two devices runs this."""
    context = tf.distribute.get_replica_context()  # none while Keras builds
    return context.replica_id_in_sync_group if context else 0


for name, dataset in common.datasets(sys.argv[1]):
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        trained, history = common.fitted(dataset, replicas=2, replica=replica)
    dataset.epoch = 0
    alone, _ = common.fitted(dataset)
    copies = [
        [copy.numpy().tolist() for copy in weight.value.values]
        for weight in trained.trainable_weights
    ]
    common.report(
        name=name,
        devices=strategy.num_replicas_in_sync,
        history=history,
        copies=copies,
        weights=[copy[0] for copy in copies],
        expected=[w.numpy().tolist() for w in alone.trainable_weights],
    )
