"""On torch, `fit` plays the noted operations of a step, with its numbers."""

import os

import keras
import numpy as np
import pytest

import keras_extras
from keras_extras.models import MLP, Model

if keras.backend.backend() != "torch":
    pytest.skip("about torch's steps", allow_module_level=True)
replay = pytest.importorskip(
    "keras_extras.fitting._replay", reason="the folder may be deleted"
)
pytestmark = pytest.mark.skipif(
    os.environ.get("KERAS_EXTRAS_FAST") == "0", reason="turned off"
)


@pytest.fixture
def played(monkeypatch):
    """A list with an entry for every step that was played."""
    calls = []
    play = replay.Tape.play
    monkeypatch.setattr(
        replay.Tape,
        "play",
        lambda tape, leaves: calls.append(1) or play(tape, leaves),
    )
    return calls


def dense(**options):
    return MLP(units=(6,), num_classes=3, activation="tanh", **options)


class Net(Model):
    pure_call = True

    def __init__(self, *layers, **kwargs):
        super().__init__(**kwargs)
        self.parts = list(layers)
        self.head = keras.layers.Dense(3, activation="softmax")

    def call(self, inputs):
        for layer in self.parts:
            inputs = layer(inputs)
        return self.head(inputs)


def convolutional():
    return Net(
        keras_extras.layers.Conv2D(4, 3, padding="same"),
        keras.layers.BatchNormalization(),
        keras_extras.layers.MaxPooling2D(2),
        keras_extras.layers.Flatten(),
    )


def trained(most, make=dense, optimizer="adam", epochs=3, **fit):
    """Returns histories, weights and optimizer variables of a new model."""
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    x = generator.normal(size=(70, 6, 6, 1)).astype("float32")
    y = generator.integers(0, 3, 70)
    model = make()
    model.max_steps_per_call = most
    if isinstance(optimizer, dict):  # a config, since an optimizer has a state
        optimizer = keras.optimizers.deserialize(optimizer)
    model.compile(
        optimizer,
        fit.pop("loss", "sparse_categorical_crossentropy"),
        metrics=["accuracy"],
    )
    history = model.fit(x, y, 8, epochs, 0, **fit).history
    variables = model.variables + model.optimizer.variables
    return history, [keras.ops.convert_to_numpy(v) for v in variables]


def check(played, expect_played, **how):
    make = how.pop("callbacks", list)
    expected = trained(1, callbacks=make(), **how)
    assert not played
    got = trained(256, callbacks=make(), **how)
    # Nine batches an epoch: one is smaller, one proves; the first two train
    # and are noted.
    assert len(played) == expect_played
    assert got[0] == expected[0]
    for one, other in zip(got[1], expected[1], strict=True):
        np.testing.assert_array_equal(one, other)


OPTIMIZERS = {
    "momentum": keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "schedule": keras.optimizers.SGD(
        keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.9)
    ),
    "clipped": keras.optimizers.AdamW(0.01, global_clipnorm=0.5),
    "averaged": keras.optimizers.RMSprop(0.01, use_ema=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_bit_for_bit(name, played):
    config = keras.optimizers.serialize(OPTIMIZERS[name])
    check(played, 22, optimizer=config)


@pytest.mark.parametrize(
    "how",
    [
        {"make": convolutional},
        {"make": lambda: dense(batch_normalization=True)},
        {"shuffle": False, "validation_split": 0.1},
        {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}},
        {"sample_weight": np.linspace(0, 1, 70)},
    ],
    ids=["convolution", "normalization", "split", "class", "sample"],
)
def test_models_and_arguments_bit_for_bit(how, played):
    # A tenth of 70 is 7: then eight batches, the last of 7.
    check(played, 19 if "validation_split" in how else 22, **how)


def changes_rate():
    return [
        keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    ]


class Freezes(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            next(
                layer for layer in self.model.layers if layer.weights
            ).trainable = False


def test_what_callbacks_change_between_epochs_counts(played):
    config = keras.optimizers.serialize(OPTIMIZERS["momentum"])
    check(played, 22, optimizer=config, callbacks=changes_rate)


def test_steps_that_changed_fail_the_proof(played):
    # Six, the failed proof, and in the third epoch, noted anew, six.
    check(played, 13, callbacks=lambda: [Freezes()])


class Counts:
    """A loss that grows with every call, and does not say so."""

    pure_call = True

    def __init__(self):
        self.calls = 0

    def __call__(self, y_true, y_pred):
        self.calls += 1
        losses = keras.losses.sparse_categorical_crossentropy(y_true, y_pred)
        return losses * self.calls


def test_a_loss_that_remembers_is_found_out(played):
    expected = trained(1, loss=Counts())
    got = trained(256, loss=Counts())
    assert 1 <= len(played) <= 3  # a proof an epoch, and none believed
    assert got[0] == expected[0]
    for one, other in zip(got[1], expected[1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_random_numbers_are_drawn_anew(played):
    check(played, 0, make=lambda: dense(dropout=0.5))


class Own(MLP):
    """Whose `call` may do what it likes."""


def listened_to():
    model = dense()
    model.build((None, 6, 6, 1))
    model.layers[-1].register_forward_hook(lambda *_: None)
    return model


def listened_to_in_a_weight():
    model = dense()
    model.build((None, 6, 6, 1))
    model.trainable_variables[0].value.register_hook(lambda gradient: None)
    return model


def with_lambda():
    return Net(
        keras.layers.Lambda(lambda x: 2 * x), keras_extras.layers.Flatten()
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: Own(units=(6,), num_classes=3),
        listened_to,
        listened_to_in_a_weight,
        with_lambda,
    ],
    ids=["subclass", "hook", "weight", "lambda"],
)
def test_what_python_does_in_a_step_is_not_left_out(make, played):
    trained(256, make=make)
    assert not played


def squared(y_true, y_pred):
    return keras.ops.mean(keras.ops.square(y_pred), -1)


class Optimizer(keras.optimizers.SGD):
    pass


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.1


@pytest.mark.parametrize(
    "arguments",
    [
        {"loss": squared},
        {"metrics": [squared]},
        {"optimizer": Optimizer()},
        {"optimizer": keras.optimizers.SGD(Schedule())},
    ],
    ids=["loss", "metric", "optimizer", "schedule"],
)
def test_nor_what_a_loss_a_metric_or_an_optimizer_does(arguments, played):
    model = dense()
    model.compile(**{"loss": "sparse_categorical_crossentropy"} | arguments)
    x, y = np.ones((64, 6, 6, 1), "float32"), np.ones(64)
    model.fit(x, y, 8, verbose=0)
    assert not played


def test_random_numbers_from_constants_are_random():
    import torch

    half = [0.5] * 8
    run = replay.Replay(
        lambda batch: {"mean": torch.bernoulli(torch.tensor(half)).mean()},
        list,
    )
    for _ in range(2):  # the second is noted, and no proof has failed yet
        run((torch.ones(3),))
    assert run._tape is None


@pytest.mark.parametrize("how", ["written", "out"])
def test_constants_that_are_written_are_not_shared_by_steps(how):
    import torch

    def step(batch):
        constant = torch.tensor([1.0, 2.0, 3.0])
        if how == "written":
            constant.add_(batch[0])
        else:
            torch.add(batch[0], 1.0, out=constant)
        return {"sum": constant.sum()}

    run = replay.Replay(step, list)
    for number in range(6):
        batch = (torch.full((3,), float(number)),)
        assert torch.equal(run(batch)["sum"], step(batch)["sum"])


def test_the_environment_variable_turns_it_off(played, monkeypatch):
    monkeypatch.setenv("KERAS_EXTRAS_FAST", "0")
    trained(256)
    assert not played


def test_large_states_are_not_copied(played, monkeypatch):
    monkeypatch.setattr(replay, "MAX_BYTES", 1000)
    trained(256)
    assert not played


def decides(y_true, y_pred):
    losses = keras.losses.sparse_categorical_crossentropy(y_true, y_pred)
    return (
        losses
        if float(keras.ops.max(keras.ops.stop_gradient(y_pred))) < 2.0
        else -losses
    )


def scales(y_true, y_pred):
    losses = keras.losses.sparse_categorical_crossentropy(y_true, y_pred)
    return losses * float(keras.ops.max(keras.ops.stop_gradient(y_pred)))


decides.pure_call = scales.pure_call = True


def test_numbers_that_python_reads(played):
    check(played, 0, loss=decides)
    check(played, 22, loss=scales)


@pytest.mark.parametrize("of_source", [False, True])
def test_copies_that_are_written_stay_copies(of_source, played):
    import torch

    state = torch.ones(3)

    def step(batch):
        base = state if of_source else batch[0]
        copy = base.new_empty_strided(base.shape, base.stride())
        copy.copy_(state)
        copy.add_(batch[0])
        return {"sum": (state + copy).sum()}

    run = replay.Replay(step, lambda: [state])
    for number in range(5):
        batch = (torch.full((3,), float(number)),)
        assert float(run(batch)["sum"]) == 3 * (2 + number)
    # Where the copy is taken for autograd's own, the proof finds it out.
    assert len(played) == (1 if of_source else 3)


def test_another_batch_size_is_noted_anew(played):
    keras.utils.set_random_seed(0)
    model = dense()
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = np.ones((64, 6, 6, 1), "float32"), np.ones(64)
    for batch_size, expected in [(8, 6), (16, 2), (8, 6)]:
        model.fit(x, y, batch_size, verbose=0)
        assert len(played) == expected
        played.clear()


@pytest.mark.parametrize("logs", [{"loss": 1.0}, None])
def test_logs_that_are_no_tensors_are_not_played(logs, played):
    import torch

    run = replay.Replay(lambda batch: logs, lambda: [torch.ones(3)])
    for _ in range(4):
        assert run((torch.ones(3),)) is logs
    assert not played


def test_ctrl_c_in_a_proof_leaves_the_step_done(monkeypatch):
    import torch

    state = torch.zeros(2)

    def step(batch):
        state.add_(batch[0])
        return {"sum": state.sum()}

    def interrupted(tape, leaves):
        state.add_(100.0)
        raise KeyboardInterrupt

    run = replay.Replay(step, lambda: [state])
    batch = (torch.ones(2),)
    run(batch), run(batch)
    monkeypatch.setattr(replay.Tape, "play", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(batch)
    assert state.tolist() == [3.0, 3.0]
