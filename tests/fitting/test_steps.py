import keras
import numpy as np
import pytest

import keras_extras
from keras_extras.callbacks import HistoryRecorder
from keras_extras.fitting import _steps as _fit

BACKEND = keras.backend.backend()
joins = pytest.mark.skipif(
    BACKEND == "torch", reason="torch has single steps only"
)


class Net(keras_extras.models.Model):
    def __init__(self, units=7, **kwargs):
        super().__init__(**kwargs)
        self.hidden = keras.layers.Dense(units, activation="tanh")
        self.head = keras.layers.Dense(3, activation="softmax")

    def call(self, inputs):
        return self.head(self.hidden(inputs))


def data(examples=70):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(examples, 5)).astype("float32")
    return x, generator.integers(0, 3, examples)


def trained(most, *fits, optimizer="adam", make=Net, x=None):
    """Returns weights, optimizer variables and histories of a new model."""
    keras.utils.set_random_seed(0)
    images, labels = data()
    model = make()
    model.max_steps_per_call = most
    model.compile(
        optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    histories = [
        model.fit(
            images if x is None else x,
            labels,
            batch_size=8,
            **{"verbose": 0, **fit},
        ).history
        for fit in fits
    ]
    return model, histories


def joined_functions(model):
    return model._kept_functions()


def numbers(model):
    variables = model.variables + model.optimizer.variables
    return [keras.ops.convert_to_numpy(v) for v in variables]


@pytest.mark.parametrize(
    "fits",
    [
        pytest.param([{"epochs": 2, "shuffle": False}], id="in order"),
        pytest.param([{"epochs": 2}, {"epochs": 1}], id="two fits, shuffled"),
        pytest.param(
            [{"epochs": 2, "validation_split": 0.2, "verbose": 2}],
            id="validation",
        ),
        pytest.param(
            [{"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}}], id="class weights"
        ),
    ],
)
def test_same_numbers_bit_for_bit(fits):
    (one, histories), (many, joined) = trained(1, *fits), trained(256, *fits)
    assert joined == histories
    for a, b in zip(numbers(one), numbers(many), strict=True):
        np.testing.assert_array_equal(a, b)
    if BACKEND != "torch":
        assert joined_functions(many)
        assert not joined_functions(one)


@joins
def test_more_steps_than_an_epoch_has_batches_and_fewer():
    expected = numbers(trained(1, {"epochs": 3})[0])
    for most in (2, 3, 9):
        model, _ = trained(most, {"epochs": 3})
        assert list(joined_functions(model)) == [most]
        for a, b in zip(expected, numbers(model), strict=True):
            np.testing.assert_array_equal(a, b)


class Batches(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(batch)


def test_callback_that_looks_at_batches_sees_each():
    callback = Batches()
    trained(256, {"callbacks": [callback]})
    assert callback.seen == list(range(9))
    recorder = HistoryRecorder(per_batch=True)
    trained(256, {"callbacks": [recorder]})
    steps = [row.step for row in recorder.rows if row.split == "batch"]
    assert sorted(set(steps)) == list(range(1, 10))
    seen = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: seen.append(batch)
    )
    trained(256, {"callbacks": callback})
    assert seen == list(range(9))


@joins
def test_callbacks_of_epochs_do_not_matter(tmp_path):
    model, _ = trained(
        256,
        {
            "callbacks": [
                keras.callbacks.EarlyStopping("loss"),
                keras.callbacks.ModelCheckpoint(tmp_path / "best.keras"),
                keras.callbacks.ReduceLROnPlateau("loss"),
                HistoryRecorder(),
            ]
        },
    )
    assert joined_functions(model)
    assert (tmp_path / "best.keras").exists()


@joins
def test_what_was_compiled_is_kept_and_put_back():
    model, _ = trained(256, {})
    x, y = data()
    (functions,) = joined_functions(model).values()
    model.train_on_batch(x[:8], y[:8])
    single = model.train_function
    model.fit(x, y, batch_size=8, verbose=0)
    assert model.train_function is single
    assert model.steps_per_execution == 1
    assert list(joined_functions(model).values()) == [functions]
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert not joined_functions(model)


def test_what_stays_single(monkeypatch):
    model, _ = trained(256, {"steps_per_epoch": 4, "epochs": 2})
    assert not joined_functions(model)
    monkeypatch.setattr(_fit, "_MULTIPLY_ADDS_PER_SECOND", 1e3)
    assert model._steps_per_call(*data(), 8) == 1
    monkeypatch.undo()
    expected = 1 if BACKEND == "torch" else 9  # `Net` is not Keras's
    model.max_steps_per_call = 9
    assert model._steps_per_call(*data(), 8) == expected
    # validation_split, ..., initial_epoch, steps_per_epoch
    assert (
        model._steps_per_call(
            *data(), 8, 1, 0, None, 0.0, None, True, None, None, 0, 4
        )
        == 1
    )
    monkeypatch.setattr(model, "run_eagerly", True)
    assert model._steps_per_call(*data(), 8) == 1


def test_errors_are_those_of_fit():
    model = Net()
    with pytest.raises(ValueError, match="compile"):
        model.fit(*data())
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="ata cardinality"):
        model.fit(data()[0], data()[1][:5])
    with pytest.raises(TypeError, match=r"fit\(\) got multiple values"):
        model.fit(*data(), 8, batch_size=8)
    with pytest.raises(RuntimeError, match="asked to stop"):
        model.fit(*data(), callbacks=[_Stops()], verbose=0)
    assert model.steps_per_execution == 1


class _Stops(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        raise RuntimeError("asked to stop")


@joins
def test_batches_of_arrays_in_a_dict():
    class Two(Net):
        def call(self, inputs):
            return super().call(inputs["a"] + inputs["b"])

    x, _ = data()
    model, history = trained(256, {}, make=Two, x={"a": x, "b": x})
    _, expected = trained(1, {}, make=Two, x={"a": x, "b": x})
    assert joined_functions(model)
    assert history == expected


@joins
def test_compiled_anew_though_the_metrics_are_the_models_own():
    class Tracks(Net):
        def __init__(self):
            super().__init__()
            self.tracker = keras.metrics.Mean()

        @property
        def metrics(self):
            return [self.tracker, *super().metrics]

    x, y = data()
    model = Tracks()
    losses = []
    for scale in (1.0, 3.0):

        def loss(y_true, y_pred, scale=scale):
            return scale * keras.ops.mean(keras.ops.square(y_pred - 1.0), -1)

        model.compile(keras.optimizers.SGD(0.0), loss)
        losses += model.fit(x, y, batch_size=7, verbose=0).history["loss"]
    assert losses[1] == pytest.approx(3 * losses[0], rel=1e-5)


@joins
def test_subclasses_with_hooks_of_their_own_see_all_batches(tmp_path):
    class Checkpoints(Batches, keras.callbacks.ModelCheckpoint):
        def __init__(self):
            keras.callbacks.ModelCheckpoint.__init__(
                self, tmp_path / "model.keras"
            )
            self.seen = []

    callback = Checkpoints()
    trained(256, {"callbacks": [callback]})
    assert callback.seen == list(range(9))


@joins
def test_a_train_step_on_the_instance_is_kept():
    model, _ = trained(1, {})
    model.max_steps_per_call = 9
    own = type(model).train_step.__get__(model)
    model.train_step = own
    model.fit(*data(), batch_size=8, verbose=0)
    assert model.train_step is own
