"""What the weights look like, and how far they moved, epoch by epoch.

update_ratio = |w(end of the epoch) - w(its beginning)| / |w(its beginning)|
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_extras.callbacks._epochs import EpochRows, weight_names


class WeightStatsRow(NamedTuple):
    """One weight at the end of one epoch.

    Args:
        run: which call of `fit`, from 1.
        epoch: which epoch, from 1, counted over all runs.
        weight: path of the weight, such as `"dense/kernel"`.
        mean: mean of its numbers.
        std: their standard deviation.
        min: the smallest.
        max: the largest.
        norm: length of the weight, the root of the sum of squares.
        update_ratio: how far it moved in the epoch, in lengths of itself; `inf`
            if it began as zeros, 0 if it did not move, `NaN` if its beginning
            is not known, since the first step of a fit made it.

    Examples:
        >>> row = WeightStatsRow(
        ...     1, 1, "dense/kernel", 0.0, 0.5, -1.0, 1.0, 2.0, 0.01
        ... )
        >>> row.update_ratio
        0.01
    """

    run: int
    epoch: int
    weight: str
    mean: float
    std: float
    min: float
    max: float
    norm: float
    update_ratio: float


class WeightStats(EpochRows):
    """Records statistics of every weight at the end of each epoch.

    A weight whose `update_ratio` is 0 does not learn; one whose ratio is near 1
    is thrown over in each epoch, and the learning rate is too large for it. A
    growing `norm` calls for weight decay; a `std` near 0 says that all numbers
    are equal, as after a bad initialization.

    It costs one copy of the weights on the host, and a pass over them per
    epoch.

    Args:
        add_to_logs: also log each ratio, as `"update_ratio/<weight>"`, and each
            norm, as `"weight_norm/<weight>"`, for the callbacks that follow in
            the list.

    Attributes:
        rows: list of `WeightStatsRow`, epoch by epoch, in the order of
            `model.weights` (trainable or not).

    Raises:
        TypeError: if `add_to_logs` is not True or False.

    Examples:
        >>> x, y = np.ones((8, 2)), np.ones((8, 1))
        >>> model = keras.Sequential(
        ...     [keras.Input((2,)), keras.layers.Dense(1, name="out")]
        ... )
        >>> model.compile(loss="mse")
        >>> stats = WeightStats()
        >>> _ = model.fit(x, y, epochs=2, verbose=0, callbacks=[stats])
        >>> [(row.epoch, row.weight) for row in stats.rows[:3]]
        [(1, 'out/kernel'), (1, 'out/bias'), (2, 'out/kernel')]
    """

    row = WeightStatsRow

    def __init__(self, *, add_to_logs: bool = False) -> None:
        super().__init__(add_to_logs)
        self._before: dict[str, np.ndarray] = {}

    def on_epoch_begin(
        self, epoch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Keeps the weights, to see how far they move."""
        self._before = self._weights()

    def _rows_of(self, run: int, epoch: int) -> list[WeightStatsRow]:
        before, self._before = self._before, {}
        return [
            WeightStatsRow(
                run,
                epoch,
                name,
                **_statistics(array),
                update_ratio=_ratio(array, before.get(name)),
            )
            for name, array in self._weights().items()
        ]

    def _logged(self, row: WeightStatsRow) -> dict[str, float]:
        return {
            f"weight_norm/{row.weight}": row.norm,
            f"update_ratio/{row.weight}": row.update_ratio,
        }

    def _weights(self) -> dict[str, np.ndarray]:
        model = self.model
        # Copied: the next step of training may write into what it was handed.
        return {
            name: np.array(keras.ops.convert_to_numpy(weight.value))
            for name, weight in zip(
                weight_names(model, model.weights), model.weights, strict=True
            )
        }


def _statistics(array: np.ndarray) -> dict[str, float]:
    """Returns the numbers of a row that come from the weight alone."""
    array = array.astype("float64")  # sums of many half-precision numbers
    norm = float(np.linalg.norm(array))
    if not array.size:
        array = np.array([np.nan])
    with np.errstate(invalid="ignore", over="ignore"):  # a diverged training
        return {
            "mean": float(array.mean()),
            "std": float(array.std()),
            "min": float(array.min()),
            "max": float(array.max()),
            "norm": norm,
        }


def _ratio(after: np.ndarray, before: np.ndarray | None) -> float:
    """Returns how far a weight moved, in lengths of what it was."""
    if before is None:
        return float("nan")
    with np.errstate(invalid="ignore", over="ignore"):
        moved = np.linalg.norm(after.astype("float64") - before)
        length = np.linalg.norm(before.astype("float64"))
    if length == 0:
        return 0.0 if moved == 0 else float("inf")
    return float(moved / length)
