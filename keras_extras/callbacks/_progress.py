"""A progress bar for `fit`, `evaluate` and `predict`.

    left = (batches - done) · (time since the first batch) / (done - 1)

The first batch is left out, since it compiles.
"""

import html
import threading
import time
from collections.abc import Mapping
from typing import Any

import keras

from keras_extras._errors import import_optional
from keras_extras.callbacks._output import ipython_display
from keras_extras.history._rows import single_numbers

# Often enough for the eye; in a notebook each drawing is a message.
_TERMINAL_SECONDS = 0.1
_NOTEBOOK_SECONDS = 0.5
_WIDTH = 24  # of the bar, in characters


class ProgressBar(keras.callbacks.Callback):
    """Shows how far a training is: one line per epoch, with the time left.

    ```text
    Epoch 2/5  34/100 ━━━━━━━━╸─────────  12 ms/step  0:01 left  loss 0.1234
    ```

    In a terminal the line is drawn with rich, which Keras brings; in a notebook
    it is a line of HTML, replaced in place. Output that is neither, a log file
    say, gets the finished line of each epoch only. Use it with `verbose=0`:
    `fit(..., verbose=0, callbacks=[ProgressBar()])`.

    A data set of unknown length is counted in its first epoch, and has a bar
    from the second one on. With `steps_per_execution` the bar moves by that
    many. Validation has a count of its own. The metrics within an epoch are
    Keras's, means of the epoch so far. No thread and no hidden cursor are left
    behind by a training that ends with an error or Ctrl-C.

    Examples:
        >>> x, y = np.ones((8, 2)), np.ones((8, 1))
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile(loss="mse")
        >>> _ = model.fit(
        ...     x, y, batch_size=4, verbose=0, callbacks=[ProgressBar()]
        ... )  # doctest: +ELLIPSIS
        Epoch 1/1  2/2 ...
    """

    # `fit` may run several batches at once, between which nothing is drawn.
    per_batch = False

    def __init__(self) -> None:
        super().__init__()
        # Made when it begins: a callback may be sent to another process before.
        self._lock: Any = None
        self._epochs: int | None = None
        self._training = False
        self._label = ""
        self._counted: int | None = None  # steps of the last whole epoch
        self._console: Any = None
        self._show: Any = None
        self._handle: Any = None
        self._begin("", None)

    @property
    def async_safe(self) -> bool:
        """Whether JAX need not wait for the bar; not in a notebook."""
        return ipython_display() is None

    # --- fit -----------------------------------------------------------------

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Looks where the bar is to be drawn."""
        self._training, self._counted = True, None
        self._open()

    def on_epoch_begin(
        self, epoch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Begins a line."""
        epochs = (self.params or {}).get("epochs")
        label = f"Epoch {epoch + 1}" + (f"/{epochs}" if epochs else "")
        self._begin(label, self._steps() or self._counted)
        self._draw(force=True)

    def on_train_batch_end(
        self, batch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Moves the bar."""
        self._step(batch, logs, phase="train")

    def on_epoch_end(
        self, epoch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Finishes the line."""
        self._counted = self._done
        self._finish(logs)

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Ends the training."""
        self._training = False

    # --- evaluate and predict ------------------------------------------------

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Begins to count the batches of a validation, or a line of its own."""
        if self._training:
            with self._lock:
                self._phase, self._validated = "validate", 0
            self._draw(force=True)
        else:
            self._open()
            self._begin("Evaluate", self._steps())
            self._phase = "validate"

    def on_test_batch_end(
        self, batch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Counts a batch."""
        if not self._training:
            self._step(batch, logs, phase="validate")
            return
        with self._lock:
            self._validated = max(self._validated, batch + 1)
        self._draw()

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Finishes the line of an evaluation."""
        if not self._training:
            self._finish(logs)

    def on_predict_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Begins a line."""
        self._open()
        self._begin("Predict", self._steps())

    def on_predict_batch_end(
        self, batch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Moves the bar."""
        self._step(batch, None, phase="train")

    def on_predict_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Finishes the line."""
        self._finish(None)

    # --- state ---------------------------------------------------------------

    def _steps(self) -> int | None:
        steps = (self.params or {}).get("steps")
        return int(steps) if steps else None

    def _open(self) -> None:
        self._lock = threading.Lock()
        self._show, self._handle = ipython_display(), None
        if self._show is None:
            rich = import_optional(
                "rich.console", extra="all", owner="ProgressBar"
            )
            # Here, not before: `sys.stdout` may be another one by now.
            self._console = rich.Console(highlight=False, soft_wrap=True)

    def _begin(self, label: str, steps: int | None) -> None:
        self._label, self._total = label, steps
        self._phase = "train"
        self._done = self._validated = 0
        self._numbers: Mapping[str, Any] = {}
        self._start = time.monotonic()
        self._first: tuple[int, float] | None = None  # what compiling took
        self._drawn = 0.0

    def _step(self, batch: int, logs: Any, *, phase: str) -> None:
        with self._lock:
            # Keras calls from several threads, and late: the last batch of
            # training may come when validation has begun.
            late = self._training and self._phase == "validate"
            if batch + 1 <= self._done or (phase != self._phase and not late):
                return
            self._done = batch + 1
            if self._total is not None and self._total < self._done:
                # The last execution of `steps_per_execution` may be shorter;
                # or a data set is longer than in the epoch before.
                if self._steps():
                    self._done = self._total
                else:
                    self._total = None
            self._numbers = logs or {}
            if self._first is None:
                self._first = self._done, time.monotonic()
        self._draw()

    # --- drawing -------------------------------------------------------------

    def _draw(self, *, force: bool = False) -> None:
        """Draws the line that moves."""
        now = time.monotonic()
        pause = _TERMINAL_SECONDS if self._show is None else _NOTEBOOK_SECONDS
        if not force and now - self._drawn < pause:
            return
        with self._lock:
            self._drawn = now
            if self._show is not None:
                self._replace(self._html(self._texts(now)))
            elif self._console.is_terminal:
                text = self._rich(self._texts(now))
                text.truncate(self._console.width - 1, pad=True)
                self._console.print(text, end="\r")

    def _finish(self, logs: Mapping[str, Any] | None) -> None:
        """Draws the finished line, which stays."""
        with self._lock:
            now = time.monotonic()
            self._numbers = logs or self._numbers
            self._phase = "done"
            texts = self._texts(now)
            if self._show is not None:
                self._replace(self._html(texts))
                self._handle = None  # the next epoch has a line of its own
                return
            text = self._rich(texts)
            if self._console.is_terminal:  # covers what stood there
                text.pad_right(max(0, self._console.width - 1 - len(text)))
            self._console.print(text)

    def _texts(self, now: float) -> tuple[str, str]:
        """Returns what stands before and behind the bar."""
        total = "?" if self._total is None else str(self._total)
        if self._phase == "done":
            total = str(self._done if self._total is None else self._total)
        left = f"{self._label}  {self._done}/{total} "
        parts = [*self._speed(now)]
        if self._phase == "validate" and self._training:
            parts.append(f"validating: {self._validated}")
        parts += [
            f"{name} {value:.4g}"
            for name, value in single_numbers(self._numbers).items()
        ]
        return left, "  ".join(["", *parts])

    def _speed(self, now: float) -> list[str]:
        parts = []
        if self._phase == "done":
            parts.append(_duration(now - self._start))
        if self._first is not None and self._done > self._first[0]:
            end = now if self._phase != "validate" else self._drawn
            step = (end - self._first[1]) / (self._done - self._first[0])
            if self._phase == "train":
                parts.append(_step_time(step))
                if self._total is not None:
                    rest = (self._total - self._done) * step
                    parts.append(f"{_clock(rest)} left")
        return parts

    def _share(self) -> float | None:
        """Returns how much is done, from 0 to 1; `None` if nobody knows."""
        if self._total is None:
            return 1.0 if self._phase == "done" else None
        return min(1.0, self._done / self._total)

    def _rich(self, texts: tuple[str, str]) -> Any:
        from rich.text import Text

        share = self._share()
        full = 0 if share is None else round(share * _WIDTH)
        # rich's own rule: what cannot show lines gets ASCII.
        ascii_only = not self._console.encoding.lower().startswith("utf")
        done, rest = ("#", "-") if ascii_only else ("━", "─")
        return Text.assemble(
            texts[0],
            (done * full, "green" if full == _WIDTH else "cyan"),
            (rest * (_WIDTH - full), "bright_black"),
            texts[1],
        )

    def _html(self, texts: tuple[str, str]) -> "_Html":
        share = self._share()
        value = "" if share is None else f' value="{share:.3f}"'
        left, right = (html.escape(text.strip()) for text in texts)
        return _Html(
            '<div style="font-family:monospace;white-space:pre-wrap">'
            f'{left} <progress max="1"{value} style="width:12em"></progress> '
            f"{right}</div>"
        )

    def _replace(self, line: "_Html") -> None:
        if self._handle is None:
            self._handle = self._show(line, display_id=True)
        else:
            self._handle.update(line)


class _Html:
    """A line that a notebook shows."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _repr_html_(self) -> str:
        return self.text


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1e3:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 100 else _clock(seconds)


def _step_time(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.1f} s/step"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.0f} ms/step"
    return f"{seconds * 1e6:.0f} µs/step"


def _clock(seconds: float) -> str:
    """Returns a duration as `h:mm:ss` or `m:ss`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02}"
    return f"{minutes}:{rest:02}"
