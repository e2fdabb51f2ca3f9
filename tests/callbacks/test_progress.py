"""The line that moves: counts, bars and words, in terminal and notebook."""

import pickle
import re
import sys
import threading
import types

import keras
import pytest

from keras_extras.callbacks import ProgressBar
from tests.callbacks import small

X, Y = small.data()


class Terminal:
    """A screen of one growing text, of which lines can be written over."""

    encoding = "utf-8"

    def __init__(self):
        self.text = ""

    def __enter__(self):
        # Not in the fixture: pytest changes it once more before the test.
        self.before, sys.stdout = sys.stdout, self

    def __exit__(self, *_):
        sys.stdout = self.before

    def isatty(self):
        return True

    def flush(self):
        pass

    def fileno(self):
        raise OSError

    def write(self, text):
        self.text += text

    def frames(self):
        """Every state of the line, without colors."""
        plain = re.sub(r"\x1b\[[\d;]*m", "", self.text)
        return [frame.rstrip() for frame in re.split(r"[\r\n]", plain) if frame]

    def stays(self):
        """What is left on the screen."""
        plain = re.sub(r"\x1b\[[\d;]*m", "", self.text)
        return [line.rpartition("\r")[2].rstrip() for line in plain.split("\n")]


@pytest.fixture
def terminal(monkeypatch):
    """A terminal in which every step is drawn."""
    monkeypatch.setattr("keras_extras.callbacks._progress._TERMINAL_SECONDS", 0)
    for name, value in {
        "TERM": "xterm",
        "COLUMNS": "100",
        "LINES": "30",
    }.items():
        monkeypatch.setenv(name, value)
    return Terminal()


def fit(model, *data, **arguments):
    arguments = {"batch_size": 16, "epochs": 2, "verbose": 0, **arguments}
    data = data or (X, Y)
    return model.fit(*data, callbacks=[ProgressBar()], **arguments)


def counts(frames):
    return [re.search(r"(\d+/[\d?]+) [━─]", frame)[1] for frame in frames]


def test_lines_of_a_training_with_validation(terminal):
    with terminal:
        history = fit(small.model(), validation_data=(X, Y)).history
    first = [one for one in terminal.frames() if one.startswith("Epoch 1/2")]
    steps = counts(first)
    assert steps[0] == "0/3"
    assert steps[-1] == "3/3"
    assert sorted(steps) == steps
    assert "validating: 1" in " ".join(first)

    one, two, rest = terminal.stays()
    assert rest == ""
    assert one.startswith("Epoch 1/2  3/3 " + "━" * 24)
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert f"{name} {history[name][1]:.4g}" in two
    # What is written over must not wrap; what stays may.
    assert max(len(frame) for frame in first[:-1]) <= 99


def test_unknown_lengths_are_known_in_the_second_epoch(terminal):
    bar = ProgressBar()
    bar.set_params({"steps": None, "epochs": 2})
    with terminal:
        bar.on_train_begin()
        for epoch, steps in enumerate([3, 3, 4]):
            bar.on_epoch_begin(epoch)
            for batch in range(steps):
                bar.on_train_batch_end(batch, {"loss": 1.0})
            bar.on_epoch_end(epoch, {"loss": 1.0})
    found = counts(terminal.frames())
    assert found == [
        *["0/?", "1/?", "2/?", "3/?", "3/3"],
        *["0/3", "1/3", "2/3", "3/3", "3/3"],
        # Longer than before: unknown again.
        *["0/3", "1/3", "2/3", "3/3", "4/?", "4/4"],
    ]


@pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="Keras refuses it on torch"
)
def test_several_steps_per_execution(terminal):
    model = small.model(steps_per_execution=2)
    with terminal:
        fit(model, batch_size=10, epochs=1)  # 5 batches: 2, 2 and 1
    assert counts(terminal.frames()) == ["0/5", "2/5", "4/5", "5/5", "5/5"]


def test_late_and_repeated_batches_do_not_turn_it_back(terminal):
    bar = ProgressBar()
    bar.set_params({"steps": 4, "epochs": 1})
    with terminal:
        bar.on_train_begin()
        bar.on_epoch_begin(0)
        for batch in (2, 0, 1):
            thread = threading.Thread(
                target=bar.on_train_batch_end, args=(batch, {})
            )
            thread.start()
            thread.join()
        bar.on_test_begin()
        bar.on_train_batch_end(3, {})  # its thread was late, and it counts
        bar.on_train_batch_end(1, {})
        bar.on_epoch_end(0, {"loss": 1.0})
    found = counts(terminal.frames())
    assert found == ["0/4", "3/4", "3/4", "4/4", "4/4"]


def test_evaluate_and_predict(terminal):
    model = small.model()
    with terminal:
        model.evaluate(X, Y, 16, verbose=0, callbacks=[ProgressBar()])
        model.predict(X, 16, verbose=0, callbacks=[ProgressBar()])
    one, two, _ = terminal.stays()
    assert one.startswith("Evaluate  3/3 ━")
    assert "loss" in one
    assert two.startswith("Predict  3/3 ━")


def test_a_log_file_gets_finished_lines_only(capsys):
    fit(small.model())
    out = capsys.readouterr().out
    assert "\r" not in out
    assert "\x1b" not in out
    assert [line[:14] for line in out.splitlines()] == [
        "Epoch 1/2  3/3",
        "Epoch 2/2  3/3",
    ]


def test_a_notebook_gets_a_line_of_html_per_epoch(monkeypatch):
    events = []

    class Handle:
        def update(self, value):
            events.append(("update", value._repr_html_()))

    def display(value, display_id):
        events.append(("display", value._repr_html_()))
        return Handle()

    fake = types.ModuleType("IPython")
    fake.get_ipython = lambda: types.SimpleNamespace(kernel=1)
    part = types.ModuleType("IPython.display")
    part.display = display
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(sys.modules, "IPython.display", part)
    monkeypatch.setattr("keras_extras.callbacks._progress._NOTEBOOK_SECONDS", 0)
    assert not ProgressBar().async_safe

    bar = ProgressBar()
    bar.set_params({"steps": 2, "epochs": 1})
    bar.on_train_begin()
    bar.on_epoch_begin(0)
    bar.on_train_batch_end(0, {"a<b": 1.0})
    bar.on_epoch_end(0, {"a<b": 1.0})
    assert [kind for kind, _ in events] == ["display", "update", "update"]
    assert 'value="0.500"' in events[1][1]
    assert "a&lt;b 1" in events[1][1]


def test_times():
    from keras_extras.callbacks import _progress as progress

    assert progress._duration(0.25) == "250 ms"
    assert progress._duration(12.34) == "12.3 s"
    assert progress._duration(3723) == "1:02:03"
    assert progress._clock(65) == "1:05"
    assert progress._step_time(2e-5) == "20 µs/step"
    assert progress._step_time(0.012) == "12 ms/step"
    assert progress._step_time(3) == "3.0 s/step"


def test_the_time_left(monkeypatch, terminal):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    bar = ProgressBar()
    bar.set_params({"steps": 10, "epochs": 1})
    with terminal:
        bar.on_train_begin()
        bar.on_epoch_begin(0)
        # The first batch compiles.
        for batch, moment in enumerate([30.0, 32.0, 34.0]):
            now[0] = moment
            bar.on_train_batch_end(batch, {})
    assert terminal.frames()[-1].endswith("2.0 s/step  0:14 left")


def test_it_can_be_sent_to_another_process():
    copied = pickle.loads(pickle.dumps(ProgressBar()))
    copied.on_predict_begin()
    copied.on_predict_end()


def test_nothing_is_left_behind_by_an_error(terminal):
    def fail(batch, logs):
        raise RuntimeError("no more")

    threads = threading.active_count()
    broken = keras.callbacks.LambdaCallback(on_train_batch_end=fail)
    with terminal, pytest.raises(RuntimeError, match="no more"):
        small.model().fit(X, Y, verbose=0, callbacks=[ProgressBar(), broken])
    assert "\x1b[?25l" not in terminal.text  # the cursor is not hidden
    assert threading.active_count() <= threads + 1  # Keras's own pool
