"""The picture in a file, a notebook and a terminal, while a training runs."""

import errno
import os
import re
import sys
import types

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest

from keras_extras.callbacks import LivePlot
from tests.callbacks import small

X, Y = small.data()
PNG = b"\x89PNG\r\n\x1a\n"


def play(plot, *logs, start=0):
    """Plays one fit to the callback, as Keras would."""
    plot.on_train_begin()
    for epoch, entry in enumerate(logs, start=start):
        plot.on_epoch_end(epoch, dict(entry))
    plot.on_train_end()
    return plot


def logs(*values):
    return [{"loss": value, "val_loss": value + 1} for value in values]


class Terminal:
    """A screen that understands what a table needs: lines, up, clear."""

    encoding = "utf-8"

    def __init__(self):
        self.lines, self.row = [""], 0

    def isatty(self):
        return True

    def flush(self):
        pass

    def write(self, text):
        for part in re.split(r"(\x1b\[\d*[AJ]|\n)", text):
            if part == "\n":
                self.row += 1
                self.lines += [""] * (self.row + 1 - len(self.lines))
            elif part.endswith("A") and part.startswith("\x1b"):
                self.row -= int(part[2:-1])
            elif part == "\x1b[J":
                del self.lines[self.row :]
                self.lines.append("")
            else:
                self.lines[self.row] += part


# --- file --------------------------------------------------------------------


def test_a_training_draws_a_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "curves.png"
    seen = []
    see = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(path.read_bytes())
    )
    model, plot = small.model(), LivePlot(path)
    for _ in range(2):
        model.fit(
            X, Y, epochs=2, verbose=0, callbacks=[plot, see],
            validation_data=(X, Y),
        )  # fmt: skip
    assert len(set(seen)) == 4  # a new picture in each epoch
    assert all(data.startswith(PNG) and data[-8:-4] == b"IEND" for data in seen)
    assert [one.name for one in tmp_path.iterdir()] == ["curves.png"]
    assert plt.get_fignums() == []
    epochs, curves = plot._curves()
    assert epochs.tolist() == [1, 2, 3, 4]
    assert list(curves) == ["loss", "val_loss", "accuracy", "val_accuracy"]


def test_a_link_to_the_picture_is_kept(tmp_path):
    real, link = tmp_path / "real.png", tmp_path / "link.png"
    real.write_text("")
    real.chmod(0o600)
    link.symlink_to(real)
    play(LivePlot(link), *logs(2, 1))
    assert link.is_symlink()
    assert real.read_bytes().startswith(PNG)
    assert real.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_keeps_the_last_picture(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "curves.png"
    plot = play(LivePlot(path), *logs(3))
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.warns(UserWarning, match="No space left") as caught:
        play(plot, *logs(2, 1))
    assert len(caught) == 1
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_that_cannot_be_written_warns_once(tmp_path):
    plot = LivePlot(tmp_path / "no" / "folder.png")
    with pytest.warns(UserWarning, match="training goes on") as caught:
        play(plot, *logs(3, 2, 1))
    assert len(caught) == 1
    assert not [*tmp_path.iterdir()]


def test_only_the_first_of_several_processes_draws(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, written in [("1", False), ("0", True)]:
        monkeypatch.setenv("RANK", rank)
        play(LivePlot(tmp_path / "curves.png"), *logs(2.0, 1.0))
        assert (tmp_path / "curves.png").exists() is written
        play(LivePlot(), *logs(2.0, 1.0))
        assert bool(capsys.readouterr().out) is written


@pytest.mark.parametrize("every", [1, 2, 3])
def test_every(tmp_path, every, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        LivePlot, "_write_file", lambda self: drawn.append(self._count.epoch)
    )
    play(LivePlot(tmp_path / "a.png", every=every), *logs(5, 4, 3, 2, 1))
    assert drawn == {1: [1, 2, 3, 4, 5], 2: [2, 4, 5], 3: [3, 5]}[every]


def test_other_kinds_of_pictures(tmp_path):
    play(LivePlot(tmp_path / "a.svg"), *logs(2, 1))
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()


# --- notebook ----------------------------------------------------------------


def test_a_notebook_gets_one_picture_that_is_replaced(monkeypatch):
    events = []

    class Handle:
        def update(self, value):
            events.append(("update", value))

    def display(value, display_id):
        events.append(("display", value))
        return Handle()

    fake = types.ModuleType("IPython")
    fake.get_ipython = lambda: types.SimpleNamespace(kernel=1)
    part = types.ModuleType("IPython.display")
    part.display = display
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(sys.modules, "IPython.display", part)

    plot = LivePlot()
    play(plot, *logs(3, 2))
    play(plot, *logs(1))  # another cell
    assert [kind for kind, _ in events] == ["display", "update", "display"]
    assert events[-1][1].epochs.tolist() == [1, 2, 3]
    assert events[-1][1]._repr_png_().startswith(PNG)


# --- terminal ----------------------------------------------------------------


def test_a_terminal_gets_a_table_that_is_written_over(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "60")
    terminal.write("before\n")
    play(LivePlot(), *logs(4.0, 2.0, 1.0, 3.0))
    assert terminal.lines == [
        "before",
        "epoch 4",
        # From 1 to 5: a half each of the eight heights.
        "loss      ▇▃▁▅  3        best 1 in epoch 3",
        "val_loss  █▅▃▇  4        best 2 in epoch 3",
        "",
    ]


def test_a_narrow_terminal_cuts_lines_so_that_they_can_be_written_over(
    monkeypatch,
):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("LINES", "4")
    play(LivePlot(), *logs(4.0, 2.0, 1.0))
    assert terminal.lines == ["epoch 3", "loss      ▇▃▁  1   "[:19], ""]


def test_a_log_file_gets_the_table_once(capsys):
    play(LivePlot(), *logs(3, 2, 1))
    out = capsys.readouterr().out
    assert out.count("epoch 3") >= 1
    assert out.count("loss ") == 2
    assert "\x1b" not in out


def test_terminals_without_blocks_get_letters(monkeypatch):
    terminal = Terminal()
    terminal.encoding = "ascii"
    monkeypatch.setattr(sys, "stdout", terminal)
    play(LivePlot(), *logs(4.0, 1.0))
    assert "".join(terminal.lines).isascii()


def test_table_of_strange_numbers():
    plot = LivePlot()
    play(
        plot,
        {"loss": np.nan, "m": np.float32(1), "list": [1, 2]},
        {"loss": np.inf, "val_loss": 2.0},
        {"loss": 1.0},
    )
    assert plot.table().splitlines() == [
        "epoch 3",
        "loss       !▁  1        best 1 in epoch 3",
        "val_loss   █   2        best 2 in epoch 2",
        "m         ▁    1",
    ]


def test_long_trainings_are_squeezed():
    plot = LivePlot()
    play(plot, *({"loss": 1000 - epoch} for epoch in range(1000)))
    line = plot.table().splitlines()[1].split("  ")
    assert len(line[1]) == 40
    assert line[1][0] == "█"
    assert line[1][-1] == "▁"


# --- errors ------------------------------------------------------------------


def test_metrics_are_chosen_and_names_of_layers_left_out():
    entry = {"loss": 1.0, "val_loss": 1.0, "mae": 1.0, "norm/dense": 1.0}
    for metrics, expected in [
        (None, ["loss", "val_loss", "mae"]),
        (["mae", "norm/dense"], ["mae", "norm/dense"]),
        (["loss"], ["loss", "val_loss"]),
    ]:
        plot = LivePlot(metrics=metrics)
        play(plot, entry)
        assert list(plot._curves()[1]) == expected
    with pytest.raises(ValueError, match=r"names out of \['loss', 'mae'"):
        play(LivePlot(metrics=["acc"]), entry)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"path": 3}, TypeError, "path must be a path"),
        ({"every": 0}, ValueError, "every must be a positive integer"),
        ({"metrics": "loss"}, TypeError, "metrics must be a list of names"),
    ],
    ids=str,
)
def test_wrong_arguments_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        LivePlot(**arguments)


def test_the_home_folder_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert LivePlot("~/a.png").path == os.path.join(tmp_path, "a.png")
