"""Runs in two processes: shards under torch's `DistributedDataParallel`.

    python -m torch.distributed.run --standalone --nproc-per-node 2 \
        scale_torch.py FOLDER
"""

import os
import sys
from collections.abc import Callable
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"
os.environ["CUDA_VISIBLE_DEVICES"] = ""  # Keras would move to a GPU

import keras
import numpy as np
import scale_common as common
import torch
import torch.distributed as processes
from torch.nn.parallel import DistributedDataParallel


def line(seed: int) -> Any:
    """Returns a model, other weights for another seed."""
    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Flatten(), keras.layers.Dense(1)]
    return keras.Sequential([keras.Input((3, 3, 1)), *layers])


def train(
    model: torch.nn.Module,
    dataset: Any,
    after_step: Callable[[], None] = lambda: None,
) -> list[list[int]]:
    """Trains two epochs; returns the numbers of the images of each batch."""
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    seen = []
    for _ in range(2):
        for index in range(len(dataset)):
            images = dataset[index][0]
            x = torch.tensor(np.asarray(images), dtype=torch.float32)
            seen.append(x[:, 0, 0, 0].int().tolist())
            x = x / common.COUNT
            optimizer.zero_grad()
            loss = ((x[:, 0, 0, 0] - 2 * model(x)[:, 0]) ** 2).mean()
            loss.backward()
            optimizer.step()
            after_step()
        dataset.on_epoch_end()
    return seen


def gathered(value: object) -> list[Any]:
    """Returns the value of each process."""
    values = [None] * processes.get_world_size()
    processes.all_gather_object(values, value)
    return values


def check_same() -> None:
    """Compares the processes: gradients and weights."""
    mine = [w.detach().numpy().copy() for w in model.parameters()]
    mine += [w.grad.numpy().copy() for w in model.parameters()]
    for theirs in gathered(mine):
        for one, other in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(one, other)


processes.init_process_group("gloo")
rank, count = processes.get_rank(), processes.get_world_size()
for items in (common.COUNT, common.COUNT - 3):
    folder = f"{sys.argv[1]}/{rank}-{items}"
    os.makedirs(folder)
    for name, whole in common.datasets(folder, items, batch_size=8):
        model = line(seed=rank)
        initial = gathered(model.get_weights())[0]
        seen = train(
            DistributedDataParallel(model), whole.shard(rank, count), check_same
        )
        # The shards' batches together are a batch of the whole.
        alone = line(seed=0)
        alone.set_weights(initial)
        whole.batch_size *= count
        train(alone, whole)
        common.report(
            name=name,
            rank=rank,
            items=items,
            seen=seen,
            weights=[w.tolist() for w in model.get_weights()],
            expected=[w.tolist() for w in alone.get_weights()],
        )
processes.destroy_process_group()
