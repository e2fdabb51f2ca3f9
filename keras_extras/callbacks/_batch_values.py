r"""The value of one batch, from what Keras keeps of all batches of an epoch.

    value_k = result(state_k - state_{k-1})

Keras logs means over the epoch so far. A mean cannot be taken apart without
its weights, but its state can: Keras's metrics keep sums (of losses and of
counts, of hits and of misses), so the difference of the state after and before
a batch is the state that this batch alone would have made, and the metric's
own `result` makes its number of it. This is exact for batches of any size, for
sample weights, and for metrics that are no means, such as AUC; rounding in
float32 costs a relative error of about 6e-8 times the batches of the epoch.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_extras._keras_internals import package_of


class BatchValues:
    """Takes the metrics of a model apart, batch by batch."""

    def __init__(self) -> None:
        self._before: dict[int, np.ndarray] = {}
        self._unknown: set[str] | None = None
        self._warned = False

    def begin_epoch(self) -> None:
        """Keras has reset the metrics."""
        self._before = {}
        self._unknown = None

    def of_batch(self, model: Any) -> Mapping[str, Any]:
        """Returns the logs of the batches since the last call, alone.

        Args:
            model: the model in training, its state in its variables. (On JAX
                `Callback.model` sees to that.)
        """
        if self._unknown is None:
            self._unknown = _names_without_sums(model)
            self._warn(self._unknown)
        after, differences = {}, []
        for variable in model.metrics_variables:
            # A copy: on torch the array is the memory of the variable.
            state = np.array(
                keras.ops.convert_to_numpy(variable.value), "float64"
            )
            after[id(variable)] = state
            difference = state - self._before.get(id(variable), 0.0)
            differences.append((variable, difference))
        self._before = after
        with keras.StatelessScope(state_mapping=differences):
            logs = model.get_metrics_result()
        return {
            name: value
            for name, value in logs.items()
            if name not in self._unknown
        }

    def _warn(self, names: set[str]) -> None:
        if names and not self._warned:
            self._warned = True
            warnings.warn(
                f"HistoryRecorder: {sorted(names)} are metrics with an "
                "update_state of their own, whose state may be no sum: their "
                "values for single batches are not known. Their means since "
                "the start of the epoch are recorded (split 'running').",
                stacklevel=4,
            )


def _names_without_sums(model: Any) -> set[str]:
    """Returns the log names of metrics whose state may be no sum."""
    names: set[str] = set()
    for metric in model.metrics:
        # What `compile` was given is one metric that holds the others.
        parts = getattr(metric, "metrics", None) or [metric]
        known = [_keeps_sums(part) for part in parts]
        if all(known):
            continue
        result = metric.result()
        logged = list(result) if isinstance(result, dict) else [metric.name]
        if len(logged) != len(parts):
            known = [False] * len(logged)  # nobody knows which is whose
        names.update(
            name for name, is_known in zip(logged, known, strict=True)
            if not is_known
        )  # fmt: skip
    return names


def _keeps_sums(metric: Any) -> bool:
    if isinstance(metric, keras.metrics.Mean | keras.metrics.Sum):
        return True
    (owner, *_) = (c for c in type(metric).__mro__ if "update_state" in vars(c))
    return package_of(owner) == "keras"
