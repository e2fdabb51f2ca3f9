"""Learning curves while they grow: in a notebook, a terminal or a file."""

import os
import shutil
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_extras import _checks
from keras_extras._errors import import_optional, invalid_argument
from keras_extras._files import replaced
from keras_extras.callbacks._epochs import EpochCount
from keras_extras.callbacks._main_process import is_main_process
from keras_extras.callbacks._output import ipython_display
from keras_extras.history import metric_direction
from keras_extras.history._rows import single_numbers

_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII = "_.-~=+*#"  # for terminals that cannot show blocks


class LivePlot(keras.callbacks.Callback):
    """Draws the learning curves anew at the end of each epoch.

    With a path it writes a picture there; any viewer that reloads shows the
    training. Without one, a notebook gets a picture that is replaced in place,
    and a terminal gets a small table:

    ```text
    epoch 8
    loss      █▅▃▃▂▂▁▁  0.2101  best 0.2101 in epoch 8
    val_loss  █▆▄▃▃▃▃▄  0.3125  best 0.2907 in epoch 6
    ```

    A metric and its `val_` counterpart have one scale. Output that is no
    terminal, a log file say, gets the table once, at the end. Use
    `fit(..., verbose=0)` with it, since Keras's bar would write between.

    The file is replaced in one step, so that nobody reads half a picture; if
    it cannot be written, one warning says so and the training goes on. Figures
    are plain ones that no list keeps: nothing piles up over the epochs. Of
    several processes that train one model together the first draws.

    Args:
        path: a picture file that matplotlib can write, such as `"curves.png"`.
        metrics: which metrics to show, without `val_`; `None` is all but those
            of single layers and weights, whose names have a `/`.
        every: draw at every so many epochs, and at the end of the fit.

    Raises:
        TypeError: if `path` is no path or `every` no integer.
        ValueError: if `every` is not positive; at the end of the first epoch
            if a metric is not logged.
        ImportError: if there is a picture to draw and matplotlib is not
            installed.

    Examples:
        >>> from pathlib import Path
        >>> x, y = np.ones((8, 2)), np.ones((8, 1))
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile(loss="mse")
        >>> plot = LivePlot("curves.png")
        >>> _ = model.fit(x, y, epochs=2, verbose=0, callbacks=[plot])
        >>> Path("curves.png").read_bytes()[1:4]
        b'PNG'
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        metrics: Sequence[str] | None = None,
        every: int = 1,
    ) -> None:
        super().__init__()
        self.path: str | None = (
            None if path is None else _checks.file_path(self, "path", path)
        )
        if isinstance(metrics, str):
            raise invalid_argument(
                self, "metrics", "a list of names", metrics, error=TypeError
            )
        self.metrics: list[str] | None = (
            None if metrics is None else list(metrics)
        )
        self.every: int = _checks.integer(self, "every", every)
        self._count = EpochCount()
        self._table: dict[int, dict[str, float]] = {}
        self._drawn = 0  # epoch of the last picture
        self._lines = 0  # of the table that stands in the terminal
        self._handle: Any = None
        self._warned = False

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Begins a new picture; the curves go on."""
        self._count.begin()
        self._lines, self._handle = 0, None
        if self.path is not None or ipython_display() is not None:
            import_optional("matplotlib", extra="plot", owner="LivePlot")

    def on_epoch_end(
        self, epoch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Adds the numbers of the epoch, and draws."""
        epoch = self._count.complete(epoch)
        self._table[epoch] = self._chosen(logs or {})
        if epoch % self.every == 0:
            self._draw(last=False)

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Draws what is not drawn yet."""
        self._draw(last=True)

    def table(self) -> str:
        """Returns the curves as the text that a terminal gets."""
        epochs, curves = self._curves()
        lines = [f"epoch {epochs[-1]}"] if len(epochs) else []
        width = max(map(len, curves), default=0)
        for name, values in curves.items():
            group = name.removeprefix("val_")
            both = [
                curves[key] for key in (group, f"val_{group}") if key in curves
            ]
            logged = values[~np.isnan(values)]
            lines.append(
                f"{name:{width}}  {_sparkline(values, np.concatenate(both))}  "
                f"{logged[-1]:<7.4g}{_best(name, epochs, values)}".rstrip()
            )
        return "\n".join(lines)

    # --- helpers -------------------------------------------------------------

    def _chosen(self, logs: Mapping[str, Any]) -> dict[str, float]:
        numbers = single_numbers(logs)
        if self.metrics is None:
            return {name: numbers[name] for name in numbers if "/" not in name}
        known = list(
            dict.fromkeys(name.removeprefix("val_") for name in numbers)
        )
        for name in self.metrics:
            if name not in known:
                raise invalid_argument(
                    self, "metrics", f"names out of {known}", self.metrics
                )
        return {
            name: value
            for name, value in numbers.items()
            if name.removeprefix("val_") in self.metrics
        }

    def _curves(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Returns the epochs, and a value for each per metric."""
        names: dict[str, None] = {}
        for line in self._table.values():
            for name in line:
                names[name] = None
        order = sorted(
            names,
            key=lambda name: (
                name.removeprefix("val_") != "loss",
                name.removeprefix("val_"),
                name.startswith("val_"),
            ),
        )
        curves = {
            name: np.array(
                [line.get(name, np.nan) for line in self._table.values()]
            )
            for name in order
        }
        return np.array(list(self._table)), curves

    def _draw(self, *, last: bool) -> None:
        if not self._table or (not last and self._drawn == self._count.epoch):
            return
        if not is_main_process():  # all see the same numbers
            return
        new = self._drawn != self._count.epoch
        self._drawn = self._count.epoch
        if self.path is not None:
            if new:
                self._write_file()
        elif (show := ipython_display()) is not None:
            if new:
                self._show(show)
        else:
            self._write_table(new=new, last=last)

    def _display(self) -> Any:
        from keras_extras.plotting import HistoryDisplay

        return HistoryDisplay(*self._curves())

    def _show(self, show: Any) -> None:
        """Shows the picture in a notebook, in place of the last one."""
        if self._handle is None:
            self._handle = show(self._display(), display_id=True)
        else:
            self._handle.update(self._display())

    def _write_file(self) -> None:
        """Writes the picture in place of the last one."""
        path = self.path or ""
        kind = os.path.splitext(path)[1].removeprefix(".") or "png"
        figure = self._display().plot().figure_
        try:
            with replaced(path) as file:
                figure.savefig(file, format=kind)
        except OSError as error:
            if not self._warned:
                self._warned = True
                warnings.warn(
                    "LivePlot: the picture cannot be written, training goes "
                    f"on without it. {error}",
                    stacklevel=2,
                )

    def _write_table(self, *, new: bool, last: bool) -> None:
        """Writes the table into the terminal, over the last one."""
        out = sys.stdout
        is_terminal = out.isatty()
        if not is_terminal and not last:
            return
        if is_terminal and not new:
            return
        text = self.table()
        encoding = getattr(out, "encoding", None) or "ascii"
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            text = text.translate(str.maketrans(_BLOCKS, _ASCII))
        lines = text.split("\n")
        if is_terminal:
            # A line that wraps, or that scrolled out at the top, could not be
            # written over.
            width, height = shutil.get_terminal_size()
            lines = [line[: width - 1] for line in lines[: height - 2]]
        if self._lines:
            out.write(f"\x1b[{self._lines}A\x1b[J")  # up, and clear below
        out.write("\n".join(lines) + "\n")
        out.flush()
        self._lines = len(lines)


def _sparkline(values: np.ndarray, scale: np.ndarray, width: int = 40) -> str:
    """Returns a curve as blocks of eight heights; blank where it is NaN.

    More values than `width` are joined to means of neighbors.
    """
    if len(values) > width:
        parts = np.array_split(values, width)
        values = np.array(
            [
                np.nan if np.isnan(part).all() else np.nanmean(part)
                for part in parts
            ]
        )
    finite = scale[np.isfinite(scale)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    text = ""
    for value in values:
        if not np.isfinite(value):
            text += " " if np.isnan(value) else "!"
        elif high == low:
            text += _BLOCKS[0]
        else:
            height = (value - low) / (high - low)
            text += _BLOCKS[min(int(height * len(_BLOCKS)), len(_BLOCKS) - 1)]
    return text


def _best(name: str, epochs: np.ndarray, values: np.ndarray) -> str:
    """Returns the text for the best epoch, if the name tells what is good."""
    direction = metric_direction(name)
    if direction is None or np.isnan(values).all():
        return ""
    best = np.nanargmax if direction == "max" else np.nanargmin
    position = int(best(values))
    return f"  best {values[position]:.4g} in epoch {epochs[position]}"
