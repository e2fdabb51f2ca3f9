"""Trainings drawn at random leave the same, whether Keras fits or we do.

A model, what it is compiled with, data, and a script of events: fits with
callbacks that look, change, nest and fail; changes in between; evaluations,
new compilations, weights put away and back.
"""

import warnings

import keras
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import keras_extras
from tests.fitting import test_differences as known
from tests.fitting.both import BACKEND, Net, check_same, compiled, fitted

if BACKEND == "torch":
    from keras_extras.fitting import _reach, _replay
from keras_extras.fitting import _steps

DEV = settings.default.max_examples
# An example costs a tenth of a second on torch, and seconds of compiling.
EXAMPLES = {"torch": DEV, "jax": 2, "tensorflow": 2}[BACKEND]
LONG = DEV * (40 if BACKEND == "torch" else 2)


@keras.saving.register_keras_serializable("tests")
class Counted(keras.layers.Layer):
    """Has a state in Python, and does not say that it is pure."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.calls = 0

    def call(self, inputs):
        self.calls += 1
        return inputs * (1.0 + 0.001 * self.calls)


@keras.saving.register_keras_serializable("tests")
class Pure(keras.layers.Layer):
    pure_call = True
    factor = 0.5

    def call(self, inputs):
        return self.factor * inputs


LAYERS = {
    "dense": lambda: keras.layers.Dense(4, activation="tanh"),
    "regularized": lambda: keras.layers.Dense(
        4, kernel_regularizer="l2", bias_constraint="non_neg"
    ),
    "ours": lambda: keras_extras.layers.Dense(4, activation="relu"),
    "normalized": keras.layers.BatchNormalization,
    "dropout": lambda: keras.layers.Dropout(0.3, seed=1),
    "activity": lambda: keras.layers.Dense(4, activity_regularizer="l2"),
    "leaky": lambda: keras.layers.LeakyReLU(0.1),
    "counted": Counted,
    "pure": Pure,
}
CHANGES = [
    "clipnorm", "momentum", "activation", "stateful activation", "call",
    "compute_loss", "frozen", "learning rate", "weights", "use_bias",
]  # fmt: skip


class AtBatch(keras.callbacks.Callback):
    """Changes something in the middle of an epoch."""

    def __init__(self, batch, action):
        super().__init__()
        self.batch, self.action = batch, action

    def on_train_batch_end(self, batch, logs=None):
        if batch == self.batch:
            self.action(self.model)


def stop(model):
    raise KeyboardInterrupt


def callback_of(draw, is_ours_of):
    kind = draw(
        st.sampled_from(
            ["at", "at", "batch", "rate", "early", "nested", "stop", "looks"]
        )
    )
    change = known.CHANGES[draw(st.sampled_from(CHANGES))]
    place = known.PLACES[draw(st.sampled_from(sorted(known.PLACES)))]
    how = draw(st.sampled_from(["evaluate", "train_on_batch", "fit"]))
    return {
        "at": lambda: known.At(*place, change),
        "batch": lambda: AtBatch(3, change),
        "rate": lambda: keras.callbacks.LearningRateScheduler(
            lambda epoch: 0.1 / (2 + epoch)
        ),
        "early": lambda: keras.callbacks.EarlyStopping("loss", min_delta=0.5),
        "nested": lambda: known.Nested(is_ours_of(), how),
        "stop": lambda: known.At(*place, stop),
        "looks": known.Batches,
    }[kind]


@st.composite
def trainings(draw):
    """Draws a script for `check_same`."""
    names = draw(st.lists(st.sampled_from(sorted(LAYERS)), max_size=3))
    optimizer = draw(st.sampled_from(sorted(known.OPTIMIZERS)))
    policy = draw(st.sampled_from(["float32"] * 4 + ["mixed_float16"]))
    examples = draw(st.integers(8, 60))
    zeros = draw(st.booleans())  # of the first batches: no gradients
    batch_size = draw(st.integers(3, 12))
    weighted = draw(st.sampled_from(["", "sample_weight", "class_weight"]))
    shuffle = draw(st.booleans())
    way: list = [None]
    kinds = ["fit", "fit", "fit", "change", "evaluate", "compile", "put back"]
    events = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(kinds))
        makers = (
            [callback_of(draw, lambda: way[0])]
            if kind == "fit" and draw(st.booleans())
            else []
        )
        change = draw(st.sampled_from(CHANGES))
        events.append((kind, draw(st.integers(1, 3)), makers, change))
    events.append(("fit", 2, [], ""))

    def script(is_ours):
        way[0] = is_ours
        generator = np.random.default_rng(examples)
        x = generator.normal(size=(examples, 5)).astype("float32")
        x[: 2 * batch_size] *= 0.0 if zeros else 1.0
        y = generator.integers(0, 3, examples)
        options = {
            "": {},
            "sample_weight": {"sample_weight": np.linspace(0, 1, examples)},
            "class_weight": {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}},
        }[weighted]
        options |= {"batch_size": batch_size, "shuffle": shuffle}
        keras.config.set_dtype_policy(policy)
        try:
            layers = [keras.layers.Dense(4, activation="tanh")]
            layers += [LAYERS[name]() for name in names]
            model = Net(*layers, keras.layers.Dense(3, activation="softmax"))
            compiled(model, known.OPTIMIZERS[optimizer]())
        finally:
            keras.config.set_dtype_policy("float32")
        log, kept = [], None
        for kind, epochs, makers, change in events:
            if kind == "fit":
                callbacks = [make() for make in makers]
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        log.append(
                            fitted(
                                model, is_ours, x, y, epochs=epochs,
                                callbacks=callbacks, **options,
                            )
                        )  # fmt: skip
                except KeyboardInterrupt:
                    log.append("stopped")
                log += [getattr(c, "calls", None) for c in callbacks]
            elif kind == "change":
                known.CHANGES[change](model)
            elif kind == "evaluate":
                log.append(model.evaluate(x, y, batch_size, verbose=0))
            elif kind == "compile":
                compiled(model, "adam")
            elif model.built:
                kept = model.get_weights() if kept is None else kept
                model.set_weights(kept)
        return model, log

    described = f"{names} {optimizer} {policy} {examples}/{batch_size} {events}"
    script.__qualname__ = described
    return script


@settings(max_examples=EXAMPLES)
@given(trainings())
def test_trainings(script):
    check_same(script)


@pytest.mark.full
@settings(max_examples=LONG)
@given(trainings())
def test_many_trainings(script):
    check_same(script)


# --- the machine finds what is broken on purpose -----------------------------


def unproven(monkeypatch):
    monkeypatch.setattr(_replay, "_is_same", lambda one, other: True)


def no_reach(monkeypatch):
    unproven(monkeypatch)
    monkeypatch.setattr(_reach.Reach, "equals", lambda *_: True)


def no_watch(monkeypatch):
    no_reach(monkeypatch)  # which finds the same in these trainings
    monkeypatch.setattr(_reach.Watch, "_find", lambda *_: None)


def no_randomness(monkeypatch):
    no_watch(monkeypatch)
    monkeypatch.setattr(_replay, "_why_lost", lambda *_: "")
    monkeypatch.setattr(_replay.Tape, "_read", lambda *_: None)


def no_gradients(monkeypatch):
    finish = _replay.Tape.finish

    def without(tape, logs):
        kept = [tensor.grad for tensor in tape.state]
        for tensor in tape.state:
            tensor.grad = None
        why = finish(tape, logs)
        for tensor, gradient in zip(tape.state, kept, strict=True):
            tensor.grad = gradient
        return why

    monkeypatch.setattr(_replay.Tape, "finish", without)


def no_batches(monkeypatch):
    monkeypatch.setattr(_steps, "_why_watched", lambda callbacks: "")


def one_more(monkeypatch):
    begin = _steps._Steps._begin_call
    monkeypatch.setattr(
        _steps._Steps,
        "_begin_call",
        lambda self: begin(self) + (self._left > 0),
    )


def one_less(monkeypatch):
    begin = _steps._Steps._begin_call
    monkeypatch.setattr(
        _steps._Steps, "_begin_call", lambda self: max(1, begin(self) - 1)
    )


TORCH = [
    no_reach, no_watch, no_randomness, no_gradients,
    no_batches,
]  # fmt: skip
BROKEN = TORCH if BACKEND == "torch" else [one_more, one_less]


@pytest.mark.full
@pytest.mark.parametrize("break_it", BROKEN)
def test_the_machine_finds_it(break_it, monkeypatch):
    break_it(monkeypatch)

    @settings(
        max_examples=200, phases=[Phase.generate], derandomize=True,
        database=None, report_multiple_bugs=False,
    )  # fmt: skip
    @given(trainings())
    def machine(script):
        check_same(script)

    with pytest.raises(AssertionError):
        machine()
