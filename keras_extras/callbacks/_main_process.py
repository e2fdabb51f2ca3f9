"""Which process writes, where several train one model together.

All of them see the same numbers, so one file is enough, and two writers in one
file would spoil it. Who is first is known from what started the processes:

    KERAS_DISTRIBUTION_PROCESS_ID    keras.distribution.initialize
    JAX_PROCESS_ID                   jax.distributed.initialize
    RANK, with WORLD_SIZE            torchrun
    TF_CONFIG                        tf.distribute
"""

import json
import os

import keras


def is_main_process() -> bool:
    """Returns whether this is the process that writes files.

    Anything that is not set, or not readable, speaks for yes: a process that
    trains alone must not lose its record.
    """
    environment = os.environ
    numbers = [
        environment.get("KERAS_DISTRIBUTION_PROCESS_ID"),
        environment.get("JAX_PROCESS_ID"),
    ]
    if "WORLD_SIZE" in environment:
        # RANK alone is too common a name.
        numbers.append(environment.get("RANK"))
    if any(_is_positive(number) for number in numbers):
        return False
    if not _is_chief(environment.get("TF_CONFIG")):
        return False
    # Processes that were numbered in Python: the first part of the data is
    # with the first process.
    distribution = keras.distribution.distribution()
    return getattr(distribution, "data_shard_id", 0) == 0


def _is_positive(number: str | None) -> bool:
    return number is not None and number.strip().isdecimal() and int(number) > 0


def _is_chief(config: str | None) -> bool:
    """Returns whether TF_CONFIG names this task the chief, or none."""
    try:
        read = json.loads(config or "{}")
        task, cluster = read.get("task"), read.get("cluster", {})
        if not task:
            return True
        kind, index = task.get("type"), int(task.get("index", 0))
    except (ValueError, TypeError, AttributeError):
        return True
    if "chief" in cluster or "master" in cluster:
        return kind in ("chief", "master")
    return kind in ("worker", None) and index == 0
