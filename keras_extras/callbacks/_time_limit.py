"""A limit on the duration of a fit, kept to the batch."""

import time
from collections.abc import Mapping
from typing import Any

from keras_extras import _checks
from keras_extras.callbacks._callback import Callback
from keras_extras.callbacks._output import say


class TimeLimit(Callback):
    """Ends a fit when its time is up, after the batch in progress.

    The epoch is cut short, not thrown away: its weights stay, its validation
    runs, it is logged, and the other callbacks get their last hooks. The fit
    therefore takes longer than the limit by a batch and a validation. The time
    that compiling takes counts, since it is spent. Each fit has the whole time.

    Args:
        seconds: the time that a fit may take, above 0.
        verbose: 1 says in a line that the time was up, 0 does not.

    Attributes:
        stopped_epoch: the epoch that was cut short, from 1; `None` if the last
            fit ended by itself.

    Raises:
        TypeError: if `seconds` is no number.
        ValueError: if it is not above 0.

    Examples:
        >>> x, y = np.ones((8, 2)), np.ones((8, 1))
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile(loss="mse")
        >>> limit = TimeLimit(seconds=1e-6, verbose=0)
        >>> history = model.fit(
        ...     x, y, epochs=1000, verbose=0, callbacks=[limit]
        ... )
        >>> len(history.epoch), limit.stopped_epoch
        (1, 1)
    """

    def __init__(self, seconds: float, *, verbose: int = 1) -> None:
        super().__init__()
        self.seconds: float = _checks.positive(self, "seconds", seconds)
        self.verbose = verbose
        self.stopped_epoch: int | None = None
        self._end = 0.0
        self._epoch = 0

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Starts the clock."""
        self._end = time.monotonic() + self.seconds
        self.stopped_epoch = None

    def on_epoch_begin(
        self, epoch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Notes the epoch."""
        self._epoch = epoch + 1

    # Waits for the batch on purpose (no `async_safe`): JAX would otherwise be
    # many batches ahead, and these would have to be finished after the limit.
    def on_train_batch_end(
        self, batch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Ends the fit if the time is up."""
        self._check(f"batch {batch + 1}")

    def on_epoch_end(
        self, epoch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Ends the fit if the validation took the rest of the time."""
        self._check("its end")

    def _check(self, where: str) -> None:
        if self.stopped_epoch is None and time.monotonic() >= self._end:
            self.stopped_epoch = self._epoch
            self.model.stop_training = True
            if self.verbose:
                say(
                    f"TimeLimit: {self.seconds:g} seconds are over, training "
                    f"ends in epoch {self._epoch} after {where}."
                )
