"""The learning-rate range test: a short training with ever larger steps.

    rate_i = min_rate · (max_rate / min_rate)^(i / (steps - 1))

    mean_i     = smoothing · mean_{i-1} + (1 - smoothing) · loss_i
    smoothed_i = mean_i / (1 - smoothing^(i+1))

At first the rate is too small and the loss stays; then it falls; then the
steps are too large and it explodes. A good rate lies where it falls.
"""

import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_extras import _checks
from keras_extras._errors import invalid_argument
from keras_extras._keras_internals import learning_rate_schedule
from keras_extras.callbacks._callback import Callback
from keras_extras.callbacks._snapshot import Snapshot

if TYPE_CHECKING:
    from keras_extras.plotting import LearningRateFinderDisplay

_METHODS = ("valley", "minimum")


class LearningRateFinder(Callback):
    """Tries learning rates from small to large in one fit, then puts all back.

    Give it to a `fit` of its own, with no other callback: it takes over the
    learning rate, ends the fit itself, and at the end the model and its
    optimizer are what they were, bit for bit: weights, moving statistics,
    optimizer state with its iterations and learning rate or schedule, metrics,
    seeds of layers. Only the order in which Keras shuffles the data next is
    another; `keras.utils.set_random_seed` sets that.

    `losses` are the losses of single batches. What Keras logs per batch is the
    mean of the epoch so far, in which an explosion shows late; so the metrics
    are reset before each batch. With `steps_per_execution`, one step here is
    one execution, and its loss the mean of its batches.

    If `fit` offers fewer batches than `steps` (epochs times batches), the same
    range is gone through in as many as there are.

    Args:
        min_learning_rate: the first rate.
        max_learning_rate: the last one.
        steps: number of batches; at least 2.
        smoothing: how much of the mean stays at each step, from 0 (no
            smoothing) to below 1.
        stop_factor: the test ends when the smoothed loss is this many times the
            smallest one so far, or not finite.

    Attributes:
        learning_rates: the rates, a list of as many numbers as steps were run.
        losses: the loss of each batch, before its step.
        smoothed_losses: the same, smoothed.

    Raises:
        TypeError: if an argument is no number.
        ValueError: if one is out of its range; when the fit begins, if the
            model has no weights yet, or no learning rate.

    Examples:
        >>> x = np.linspace(-1, 1, 64).reshape(64, 1)
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile(keras.optimizers.SGD(0.01), loss="mse")
        >>> finder = LearningRateFinder(1e-4, 100.0, steps=40)
        >>> _ = model.fit(
        ...     x, 3 * x, batch_size=16, epochs=9, verbose=0, callbacks=[finder]
        ... )
        >>> 1e-4 < finder.suggest() < 10
        True
        >>> round(float(model.optimizer.learning_rate), 4)
        0.01

    References:
        - Smith, "Cyclical Learning Rates for Training Neural Networks", 2017,
          section 3.3, where the rate grows linearly and is judged by accuracy.
        - fastai's `lr_find`, whose smoothing, end and suggestions these are.
    """

    def __init__(
        self,
        min_learning_rate: float = 1e-7,
        max_learning_rate: float = 10.0,
        steps: int = 100,
        *,
        smoothing: float = 0.98,
        stop_factor: float = 4.0,
    ) -> None:
        super().__init__()
        self.min_learning_rate: float = _checks.positive(
            self, "min_learning_rate", min_learning_rate
        )
        self.max_learning_rate: float = _checks.positive(
            self, "max_learning_rate", max_learning_rate
        )
        if self.max_learning_rate <= self.min_learning_rate:
            raise invalid_argument(
                self,
                "max_learning_rate",
                f"above min_learning_rate={self.min_learning_rate:g}",
                max_learning_rate,
            )
        self.steps: int = _checks.integer(self, "steps", steps, minimum=2)
        self.smoothing: float = _checks.fraction(self, "smoothing", smoothing)
        if self.smoothing == 1:
            raise invalid_argument(
                self, "smoothing", "a number from 0 to below 1", smoothing
            )
        self.stop_factor: Any = _checks.number(
            self, "stop_factor", stop_factor, above=1
        )
        self.learning_rates: list[float] = []
        self.losses: list[float] = []
        self.smoothed_losses: list[float] = []
        self._before: tuple[Snapshot, Any] | None = None

    # --- the fit -------------------------------------------------------------

    def on_train_begin(self, logs: Any = None) -> None:
        """Keeps the state of model and optimizer."""
        self.learning_rates.clear()
        self.losses.clear()
        self.smoothed_losses.clear()
        self._mean, self._exploded = 0.0, False
        self._last = self._steps_of_fit() - 1
        model, optimizer = self.model, self._optimizer()
        if not model.built or not all(layer.built for layer in model.layers):
            # Their first values would be made and moved in one compiled step.
            raise invalid_argument(
                self,
                "model",
                "built, so that its weights can be put back",
                model.name,
                fix="Call it once: model(x[:1]), or begin it with keras.Input.",
            )
        if not optimizer.built:
            optimizer.build(model.trainable_variables)
        schedule = learning_rate_schedule(optimizer)
        values = Snapshot(
            [
                *model.variables,
                *model.metrics_variables,
                *optimizer.variables,
            ]
        )
        self._before = values, schedule
        if schedule is not None:
            # A schedule is part of the compiled step: compile one with ours.
            start = int(optimizer.iterations)
            optimizer.learning_rate = _Range(self._rate, self._last, start)
            model.make_train_function(force=True)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Sets the rate, and begins the mean of the losses anew."""
        rate = self._rate(len(self.losses))
        self.learning_rates.append(rate)
        model = self.model
        model.reset_metrics()
        if self._before is not None and self._before[1] is None:
            model.optimizer.learning_rate = rate

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Notes the loss; ends the fit after the last or at an explosion."""
        loss = float((logs or {})["loss"])
        self.losses.append(loss)
        self._mean = self.smoothing * self._mean + (1 - self.smoothing) * loss
        count = len(self.losses)
        smoothed = self._mean / (1 - self.smoothing**count)
        self.smoothed_losses.append(smoothed)
        limit = self.stop_factor * min(self.smoothed_losses)
        self._exploded = not math.isfinite(loss) or (
            count > 1 and smoothed > limit
        )
        if self._exploded or count > self._last:
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        """Puts all back."""
        self.restore()
        if not self._exploded and len(self.losses) <= self._last:
            warnings.warn(
                f"LearningRateFinder: fit ended after {len(self.losses)} of "
                f"{self._last + 1} steps, before the largest rate. Give fit "
                "more epochs.",
                stacklevel=2,
            )

    def restore(self) -> None:
        """Puts model and optimizer back to what they were before the fit.

        The end of the fit does it. To be called only if the fit ended with an
        error or with Ctrl-C, which skip the end.
        """
        if self._before is None:
            return
        values, schedule = self._before
        self._before = None
        if schedule is not None:
            self.model.optimizer.learning_rate = schedule
            self.model.make_train_function(force=True)
        values.restore()

    # --- what came out -------------------------------------------------------

    def suggest(self, method: str = "valley") -> float:
        """Returns a learning rate to begin with.

        Args:
            method: how it is read off the smoothed losses, without the first
                tenth of the steps:
                `"valley"`: two thirds down the longest descent, fastai's choice
                and the least moved by noise;
                `"minimum"`: a tenth of the rate with the smallest loss.

        Raises:
            ValueError: if there is no such method, or the loss never fell.
        """
        _checks.choice(self, "method", method, _METHODS)
        rates, losses = self._usable()
        if method == "minimum":
            return float(rates[losses.argmin()] / 10)
        descent = _longest_descent(losses)
        return float(rates[descent[2 * len(descent) // 3]])

    def _usable(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns rates and smoothed losses in which a suggestion is sought."""
        # The first means are of a few batches only, and may be low by chance.
        skipped = len(self.losses) // 10
        finite = np.isfinite(self.smoothed_losses)
        rates = np.asarray(self.learning_rates[: len(finite)])[finite][skipped:]
        losses = np.asarray(self.smoothed_losses)[finite][skipped:]
        if len(_longest_descent(losses)) < 3:
            raise invalid_argument(
                self,
                "losses",
                "falling over at least 3 steps",
                [float(f"{loss:.4g}") for loss in self.losses[:8]],
                context=f"{len(self.losses)} steps were run.",
                fix="Run it in a fit; begin at a smaller min_learning_rate, or "
                "use more steps or larger batches.",
            )
        return rates, losses

    def plot(self, ax: Any = None, **style: Any) -> "LearningRateFinderDisplay":
        """Draws the losses over the learning rate, with the suggestion.

        Args:
            ax: axes to draw on. `None` makes a figure.
            **style: passed to the `Axes.plot` of the smoothed losses.

        Returns:
            The drawn `keras_extras.plotting.LearningRateFinderDisplay`.

        Raises:
            ValueError: if no fit was run.
            ImportError: if matplotlib is not installed.
        """
        from keras_extras.plotting import LearningRateFinderDisplay

        try:
            suggestion = self.suggest()
        except ValueError:
            suggestion = None
        return LearningRateFinderDisplay(
            self.learning_rates[: len(self.losses)],
            self.losses,
            smoothed_losses=self.smoothed_losses,
            suggestion=suggestion,
        ).plot(ax=ax, **style)

    # --- helpers -------------------------------------------------------------

    def _rate(self, step: Any) -> Any:
        ratio = self.max_learning_rate / self.min_learning_rate
        return self.min_learning_rate * ratio ** (step / self._last)

    def _steps_of_fit(self) -> int:
        params = self.params or {}
        batches, epochs = params.get("steps"), params.get("epochs")
        if not batches or not epochs:
            return self.steps
        executions = -(-batches // self.model.steps_per_execution)
        return max(2, min(self.steps, executions * epochs))

    def _optimizer(self) -> Any:
        optimizer = self.model.optimizer
        if optimizer is None:
            raise invalid_argument(
                self,
                "model",
                "compiled with an optimizer",
                self.model.name,
                fix="Call model.compile(optimizer=..., loss=...).",
            )
        return optimizer


class _Range(keras.optimizers.schedules.LearningRateSchedule):
    """The rates of the test as a schedule, for optimizers that have one."""

    def __init__(
        self, rate: Callable[[Any], Any], last: int, start: int
    ) -> None:
        self.rate, self.last, self.start = rate, last, start

    def __call__(self, step: Any) -> Any:
        position = keras.ops.cast(step - self.start, "float32")
        return self.rate(keras.ops.clip(position, 0, self.last))

    def get_config(self) -> dict[str, Any]:
        return {"rate": self.rate, "last": self.last, "start": self.start}


def _longest_descent(losses: np.ndarray) -> list[int]:
    """Returns the positions of a longest decreasing subsequence."""
    if not len(losses):
        return []
    lengths = [1] * len(losses)
    before = [-1] * len(losses)
    for i in range(1, len(losses)):
        for j in range(i):
            if losses[j] > losses[i] and lengths[j] >= lengths[i]:
                lengths[i], before[i] = lengths[j] + 1, j
    position, path = int(np.argmax(lengths)), []
    while position >= 0:
        path.append(position)
        position = before[position]
    return path[::-1]
