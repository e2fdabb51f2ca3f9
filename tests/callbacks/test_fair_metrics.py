"""Fair metrics against `evaluate`, and that they leave the fit as it is."""

import keras
import numpy as np
import pytest

from keras_extras.callbacks import FairMetrics
from tests.callbacks import small

X, Y = small.data()


def fit(model, *callbacks, x=X, y=Y, **arguments):
    keras.utils.set_random_seed(5)  # the order of the batches
    return model.fit(
        x,
        y,
        verbose=0,
        callbacks=list(callbacks),
        **{
            "batch_size": 16,
            "epochs": 2,
            "shuffle": small.SHUFFLE,
            **arguments,
        },
    ).history


@pytest.mark.parametrize("kind", small.KINDS)
def test_they_are_those_of_evaluate_and_nothing_else_changes(kind):
    with_them = small.model(kind)
    history = fit(with_them, FairMetrics(X, Y), validation_data=(X[:9], Y[:9]))
    loss, accuracy = with_them.evaluate(X, Y, verbose=0)
    assert history["fair_loss"][-1] == loss
    assert history["fair_accuracy"][-1] == accuracy
    assert abs(history["loss"][-1] - loss) > 1e-3  # dropout

    without = small.model(kind)
    plain = fit(without, validation_data=(X[:9], Y[:9]))
    assert plain == {name: history[name] for name in plain}
    for left, right in zip(
        with_them.get_weights(), without.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(left, right)


class Noisy(keras.layers.Layer):
    """Draws random numbers in inference, too."""

    def __init__(self):
        super().__init__()
        self.seed_generator = keras.random.SeedGenerator(1)

    def call(self, inputs):
        noise = keras.random.normal(
            keras.ops.shape(inputs), seed=self.seed_generator
        )
        return inputs + noise


def test_random_numbers_and_metrics_of_the_fit_are_put_back():
    def trained(*callbacks):
        keras.utils.set_random_seed(2)
        model = keras.Sequential(
            [keras.Input((4,)), Noisy(), keras.layers.Dense(2, "softmax")]
        )
        model.compile(
            "sgd",
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        seen = []
        see = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: seen.append(
                {k: float(v) for k, v in model.get_metrics_result().items()}
            )
        )
        history = fit(model, *callbacks, see)
        return history["loss"], seen, small.state(model)

    plain, fair = trained(), trained(FairMetrics(X, Y))
    assert plain[:2] == fair[:2]
    for left, right in zip(plain[2], fair[2], strict=True):
        np.testing.assert_array_equal(left, right)


def test_callbacks_that_follow_see_them_and_those_before_do_not(tmp_path):
    seen = {"before": [], "after": []}

    def see(where):
        return keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: seen[where].append(sorted(logs))
        )

    stop = keras.callbacks.EarlyStopping("fair_loss", mode="max", patience=0)
    path = tmp_path / "log.csv"
    fit(
        small.model(),
        see("before"),
        FairMetrics(X, Y, batch_size=8),
        see("after"),
        stop,
        keras.callbacks.CSVLogger(path),
        epochs=9,
    )
    assert seen["before"][0] == ["accuracy", "loss"]
    assert seen["after"][0] == sorted(
        ["accuracy", "loss", "fair_loss", "fair_accuracy"]
    )
    assert len(seen["after"]) < 9  # the loss fell, which is worse for "max"
    assert "fair_loss" in path.read_text().splitlines()[0]


def test_data_sets_weights_prefixes_and_several_fits():
    weight = np.linspace(0, 1, len(X)).astype("float32")
    model = small.model()
    callbacks = [
        FairMetrics(small.Batches(X, Y), prefix="set_"),
        FairMetrics(X, Y, sample_weight=weight, prefix="weighted_"),
    ]
    data = small.Batches(X, Y)
    for _ in range(2):
        history = fit(model, *callbacks, x=data, y=None, batch_size=None)
        assert history["set_loss"][-1] == pytest.approx(
            model.evaluate(X, Y, batch_size=16, verbose=0)[0], rel=1e-6
        )
        assert (
            history["weighted_loss"][-1]
            == model.evaluate(X, Y, sample_weight=weight, verbose=0)[0]
        )


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"prefix": ""}, ValueError, "prefix must be a text that Keras"),
        ({"prefix": "val_"}, ValueError, "prefix must be a text that Keras"),
        ({"prefix": 1}, TypeError, "prefix must be a text"),
        ({"batch_size": 0}, ValueError, "batch_size must be a positive"),
        ({"batch_size": "8"}, TypeError, "batch_size must be a positive"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        FairMetrics(X, Y, **arguments)


def test_a_name_that_is_logged_already_is_refused():
    callbacks = [FairMetrics(X, Y), FairMetrics(X, Y)]
    with pytest.raises(ValueError, match=r"not logged yet.*'fair_"):
        fit(small.model(), *callbacks)
