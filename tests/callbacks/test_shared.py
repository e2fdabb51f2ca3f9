"""What the callbacks share, piece by piece."""

import sys
import types

import keras
import numpy as np
import pytest

from keras_extras.callbacks import _shared as shared

LOGS = {"loss": 1.0, "accuracy": 0.5}


@pytest.mark.parametrize(
    ("fits", "expected"),
    [
        ([[0, 1], [0, 1]], [(1, 1), (1, 2), (2, 3), (2, 4)]),
        ([[0, 1], [2, 3]], [(1, 1), (1, 2), (2, 3), (2, 4)]),
        ([[4]], [(1, 5)]),
        ([[0], [], [0]], [(1, 1), (2, 2)]),  # a fit without an epoch
    ],
    ids=str,
)
def test_epochs_go_on_over_fits(fits, expected):
    count, found = shared.EpochCount(), []
    for epochs in fits:
        count.begin()
        for epoch in epochs:
            number = count.complete(epoch)
            found.append((count.run, number))
    assert found == expected


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32", "bool"])
def test_values_come_back_bit_for_bit(dtype):
    variable = keras.Variable([1, 0, 1], dtype=dtype, trainable=False)
    if dtype == "float32":
        variable.assign(np.array([np.nan, -0.0, 1e-45], "float32"))
    bits = np.array(keras.ops.convert_to_numpy(variable.value)).tobytes()
    values = shared.Values([variable])
    for _ in range(2):
        variable.assign(keras.ops.cast([0, 1, 1], dtype))
        values.restore()
        after = np.array(keras.ops.convert_to_numpy(variable.value))
        assert after.tobytes() == bits


def test_monitored():
    assert shared.monitored("X", "loss", LOGS) == 1.0
    assert shared.monitored("X", "val_loss", LOGS) is None  # may come yet


@pytest.mark.parametrize(
    "value",
    [np.ones(3), [0.5, 1.0], {"a": 1.0}, "high", keras.ops.ones(3)],
    ids=lambda value: type(value).__name__,
)
def test_a_monitor_that_is_no_number_is_named(value):
    words = r"X: monitor must be a metric that is one number.*monitor='f1'"
    with pytest.raises(ValueError, match=words):
        shared.monitored("X", "f1", {"f1": value})


@pytest.mark.parametrize(
    ("monitor", "words"),
    [
        ("acc", r"\['loss', 'accuracy'\].*Did you mean 'accuracy'"),
        ("val_acc", r"Did you mean 'val_accuracy'"),
        ("zzz", r"one of \['loss', 'accuracy'\]\. Received: monitor='zzz'\.$"),
    ],
)
def test_an_unknown_monitor_names_what_there_is(monitor, words):
    with pytest.raises(ValueError, match=words):
        shared.monitored("X", monitor, LOGS)


def test_names_of_weights_are_unique_and_without_the_model():
    weights = [
        types.SimpleNamespace(path=path)
        for path in ["net/a/kernel", "a/kernel", "b/kernel", "a/kernel"]
    ]
    model = types.SimpleNamespace(name="net")
    assert shared.weight_names(model, weights) == [
        "a/kernel",
        "a/kernel_2",
        "b/kernel",
        "a/kernel_3",
    ]


def test_messages_go_to_the_log_if_keras_does_not_print(capsys, caplog):
    shared.say("one")
    keras.config.disable_interactive_logging()
    try:
        with caplog.at_level("INFO", logger="keras_extras"):
            shared.say("two")
    finally:
        keras.config.enable_interactive_logging()
    assert capsys.readouterr().out == "one\n"
    assert [record.message for record in caplog.records] == ["two"]


@pytest.mark.parametrize("kernel", [True, False])
def test_a_notebook_is_told_by_its_kernel(monkeypatch, kernel):
    shell = types.SimpleNamespace(**({"kernel": 1} if kernel else {}))
    fake = types.ModuleType("IPython")
    fake.get_ipython = lambda: shell
    part = types.ModuleType("IPython.display")
    part.display = object()
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(sys.modules, "IPython.display", part)
    assert shared.ipython_display() is (part.display if kernel else None)
