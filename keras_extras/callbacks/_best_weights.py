"""Ctrl-C that ends a training instead of breaking it off.

first Ctrl-C    model.stop_training = True: the batch is finished, the epoch
                is validated and logged, all callbacks get their last hooks
second Ctrl-C   KeyboardInterrupt, at once
"""

import contextlib
import signal
import threading
import warnings
from collections.abc import Mapping
from types import FrameType
from typing import Any

import numpy as np

from keras_extras import _checks
from keras_extras._errors import invalid_argument
from keras_extras.callbacks._callback import Callback
from keras_extras.callbacks._output import say
from keras_extras.history._directions import sign_of


class BestWeightsOnInterrupt(Callback):
    """Lets Ctrl-C end a fit properly, with the best weights so far.

    Without it, Ctrl-C raises `KeyboardInterrupt` in the middle of a step: the
    epoch is lost, no callback runs its last hook, `EarlyStopping` does not
    restore its weights, and a script ends before it has saved anything. With
    it, the first Ctrl-C ends the fit after the batch in progress, as
    `model.stop_training` does: `fit` returns its history, and the model has
    the weights of its best epoch. The second Ctrl-C raises, as ever.

    For the time of the fit it handles the signal SIGINT, and gives it back to
    whoever had it afterwards, also when the fit ended with an error. Signals
    reach the main thread only: a fit in another thread is not changed.

    A fit that ends by itself keeps its last weights; to have the best ones
    there, use `EarlyStopping(restore_best_weights=True)`. The two go together.

    Args:
        monitor: the metric that tells the best epoch.
        mode: whether `"min"` or `"max"` of it is best; `"auto"` goes by its
            name, as `keras_extras.history.metric_direction` does.
        restore_best_weights: whether the best weights are put back after an
            interruption; else the last ones stay, and `monitor` is not used.
        verbose: 1 says in a line what happens, 0 says nothing.

    Attributes:
        interrupted: whether Ctrl-C ended the last fit.
        best: the best value of `monitor` in the last fit; `None` before the
            first.
        best_epoch: its epoch as Keras counts them, plus one.

    Raises:
        TypeError: if `monitor` is no text.
        ValueError: if `mode` is another text, or does not follow from the name;
            at the end of the first epoch if `monitor` is not logged.

    Examples:
        >>> import signal
        >>> class CtrlC(keras.callbacks.Callback):
        ...     def on_epoch_begin(self, epoch, logs=None):
        ...         if epoch == 2:
        ...             signal.raise_signal(signal.SIGINT)
        >>> x, y = np.ones((8, 2)), np.ones((8, 1))
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile("sgd", loss="mse")
        >>> keeper = BestWeightsOnInterrupt("loss", verbose=0)
        >>> history = model.fit(
        ...     x, y, epochs=9, verbose=0, callbacks=[keeper, CtrlC()]
        ... )
        >>> keeper.interrupted, len(history.epoch)
        (True, 3)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "auto",
        *,
        restore_best_weights: bool = True,
        verbose: int = 1,
    ) -> None:
        super().__init__()
        if not isinstance(monitor, str):
            raise invalid_argument(
                self,
                "monitor",
                "the name of a metric",
                monitor,
                error=TypeError,
            )
        self.monitor = monitor
        self.mode = mode
        self.restore_best_weights: bool = _checks.boolean(
            self, "restore_best_weights", restore_best_weights
        )
        self.verbose = verbose
        self._sign = (
            sign_of(self, monitor, mode) if self.restore_best_weights else 0
        )
        self.interrupted = False
        self.best: float | None = None
        self.best_epoch: int | None = None
        self._weights: list[np.ndarray] = []
        self._previous: Any = None
        self._fitted: Any = None

    def set_model(self, model: Any) -> None:
        """Keeps the model where the handler of the signal can reach it."""
        super().set_model(model)
        # `self.model` writes the state of JAX's step back into the model, which
        # in the middle of a step is the wrong moment.
        self._fitted = model

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Begins to handle Ctrl-C."""
        self.interrupted = False
        self.best, self.best_epoch, self._weights = None, None, []
        if threading.current_thread() is not threading.main_thread():
            return
        previous = signal.getsignal(signal.SIGINT)
        # `None`: it is handled outside of Python, and could not be given back.
        # Ignored: the process stands in the background, and is to go on.
        if previous in (None, signal.SIG_IGN, self._handle):
            return
        self._previous = previous
        signal.signal(signal.SIGINT, self._handle)

    def on_epoch_end(
        self, epoch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Keeps the weights if they are the best so far."""
        if not self.restore_best_weights:
            return
        value = _monitored(self, self.monitor, logs or {})
        if value is None or np.isnan(value):
            return
        if self.best is None or self._sign * value > self._sign * self.best:
            self.best, self.best_epoch = value, epoch + 1
            # Copied: the arrays may be those of the model, which goes on.
            self._weights = [
                np.array(weight) for weight in self.model.get_weights()
            ]

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Gives Ctrl-C back; restores the best weights if it was pressed."""
        self._give_back()
        if self.interrupted and self.restore_best_weights:
            if self.best_epoch is None:
                warnings.warn(
                    f"BestWeightsOnInterrupt: {self.monitor} was never logged; "
                    "the model keeps its last weights.",
                    stacklevel=2,
                )
            else:
                self.model.set_weights(self._weights)
                self._say(
                    f"the weights are those of epoch {self.best_epoch}, "
                    f"{self.monitor} = {self.best:.4g}."
                )
        self._weights = []

    def _handle(self, number: int, frame: FrameType | None) -> None:
        """Is called by Python when Ctrl-C was pressed."""
        if not self.interrupted and self._is_fitting(frame):
            self.interrupted: bool = True
            self._fitted.stop_training = True
            # Printing fails if the signal came in the middle of printing.
            with contextlib.suppress(RuntimeError):
                self._say(
                    "Ctrl-C: training ends after this batch. Press it again to "
                    "break it off at once."
                )
            return
        previous = self._previous
        self._give_back()
        if callable(previous):
            previous(number, frame)
        elif previous == signal.SIG_DFL:
            raise KeyboardInterrupt

    def _is_fitting(self, frame: FrameType | None) -> bool:
        """Returns whether the model is at work; an error may have ended it."""
        while frame is not None:
            if frame.f_locals.get("self") is self._fitted:
                return True
            frame = frame.f_back
        return False

    def _give_back(self) -> None:
        # If somebody else has taken the signal over since, it is theirs.
        if (
            self._previous is not None
            and threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) == self._handle
        ):
            signal.signal(signal.SIGINT, self._previous)

    def _say(self, text: str) -> None:
        if self.verbose:
            say(f"BestWeightsOnInterrupt: {text}")


def _monitored(
    owner: object, monitor: str, logs: Mapping[str, Any]
) -> float | None:
    """Returns the number in `logs`, or `None` if it may come in another epoch.

    Raises:
        ValueError: if there is no such metric, or if it is not one number.
    """
    if monitor in logs:
        try:
            return float(logs[monitor])
        # torch raises a RuntimeError for a tensor of several numbers.
        except (TypeError, ValueError, RuntimeError) as error:
            raise invalid_argument(
                owner, "monitor", "a metric that is one number", monitor
            ) from error
    # Validation need not run in every epoch.
    if monitor.startswith("val_") and monitor.removeprefix("val_") in logs:
        return None
    known = list(logs)
    known += [f"val_{name}" for name in logs if not name.startswith("val_")]
    raise invalid_argument(
        owner,
        "monitor",
        f"a metric that is logged: one of {list(logs)}",
        monitor,
        fix=_checks.did_you_mean(monitor, known),
    )
