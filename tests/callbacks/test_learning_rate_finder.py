"""The range test against a training by hand, and that it leaves no trace."""

import math

import keras
import numpy as np
import pytest

from keras_extras.callbacks import LearningRateFinder
from tests.callbacks import small

X, Y = small.data()
SCHEDULE = keras.optimizers.schedules.ExponentialDecay(0.01, 7, 0.5)


def fit(model, finder, x=X, y=Y, **arguments):
    arguments = {"batch_size": 16, "epochs": 9, "verbose": 0, **arguments}
    return model.fit(x, y, callbacks=[finder], **arguments)


# --- definition --------------------------------------------------------------


def test_rates_and_losses_are_those_of_a_training_by_hand():
    """Against NumPy: linear regression, one example per batch, SGD."""
    x, y = np.array([[1.0], [2.0], [4.0]]), np.array([[2.0], [1.0], [0.5]])
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, use_bias=False)]
    )
    model.compile(keras.optimizers.SGD(0.5), loss="mse")
    model.set_weights([np.array([[1.0]])])
    finder = LearningRateFinder(
        1e-3, 1e-1, steps=5, smoothing=0.5, stop_factor=1e9
    )
    fit(model, finder, x, y, batch_size=1, shuffle=False)

    weight, mean, losses, smoothed = 1.0, 0.0, [], []
    rates = 1e-3 * 10 ** (2 * np.arange(5) / 4)
    for step, rate in enumerate(rates):
        error = weight * x[step % 3, 0] - y[step % 3, 0]
        losses.append(error**2)
        mean = 0.5 * mean + 0.5 * error**2
        smoothed.append(mean / (1 - 0.5 ** (step + 1)))
        weight -= rate * 2 * error * x[step % 3, 0]
    np.testing.assert_allclose(finder.learning_rates, rates, rtol=1e-12)
    np.testing.assert_allclose(finder.losses, losses, rtol=1e-5)
    np.testing.assert_allclose(finder.smoothed_losses, smoothed, rtol=1e-5)


def test_it_ends_at_the_explosion_and_at_numbers_that_are_none():
    model = small.model(optimizer=keras.optimizers.SGD(0.1))
    finder = LearningRateFinder(1e-3, 1e9, steps=60, smoothing=0.5)
    fit(model, finder, epochs=30)
    assert 5 < len(finder.losses) < 60
    *before, last = finder.smoothed_losses
    assert not math.isfinite(last) or last > 4 * min(before)
    lowest = np.minimum.accumulate(before)  # until then
    assert all(before[1:] <= 4 * lowest[:-1])

    finder = LearningRateFinder(1e-3, 1, steps=9)
    fit(model, finder, np.full_like(X, np.nan))
    assert len(finder.losses) == 1


# --- it leaves no trace ------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "optimizer"),
    [
        ("sequential", lambda: keras.optimizers.Adam(0.003)),
        ("subclassed", lambda: keras.optimizers.Adam(0.003, use_ema=True)),
        ("functional", lambda: keras.optimizers.SGD(SCHEDULE, momentum=0.9)),
    ],
    ids=small.KINDS,
)
def test_everything_is_put_back_bit_for_bit(kind, optimizer):
    # As Keras compiles it: on JAX, the step gives back the memory it is given.
    compiled = {"jit_compile": "auto" if kind == "functional" else False}
    model = small.model(kind, optimizer(), **compiled)
    model.fit(X[:16], Y[:16], verbose=0)
    rate = model.optimizer.learning_rate
    rate = float(keras.ops.convert_to_numpy(rate))
    before = small.state(model)
    finder = LearningRateFinder(1e-4, 1.0, steps=12)
    for _ in range(2):
        fit(model, finder)
        assert len(finder.losses) == 12
        after = small.state(model)
        assert len(after) == len(before)
        for left, right in zip(before, after, strict=True):
            assert left.dtype == right.dtype
            assert left.tobytes() == right.tobytes()
        now = keras.ops.convert_to_numpy(model.optimizer.learning_rate)
        assert float(now) == rate

    # The next training is that of a model that never saw the finder.
    other = small.model(kind, optimizer(), **compiled)
    other.fit(X[:16], Y[:16], verbose=0)
    results = []
    for one in (model, other):
        keras.utils.set_random_seed(1)
        history = one.fit(X, Y, batch_size=16, epochs=2, verbose=0).history
        results.append((history, small.state(one)))
    assert results[0][0] == results[1][0]
    for left, right in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_array_equal(left, right)


def test_a_schedule_gives_the_same_losses_as_a_number():
    losses = []
    for rate in (0.01, SCHEDULE):
        model = small.model(optimizer=keras.optimizers.SGD(rate))
        finder = LearningRateFinder(1e-3, 1.0, steps=8)
        fit(model, finder, shuffle=False)
        losses.append(finder.losses)
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_after_an_error_restore_puts_all_back():
    class Fails(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                raise RuntimeError("no more")

    model = small.model(optimizer=keras.optimizers.SGD(SCHEDULE))
    before = model.get_weights()
    finder = LearningRateFinder(1e-2, 1.0, steps=8)
    with pytest.raises(RuntimeError, match="no more"):
        model.fit(X, Y, batch_size=16, verbose=0, callbacks=[finder, Fails()])
    finder.restore()
    finder.restore()  # does nothing
    for left, right in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    assert int(keras.ops.convert_to_numpy(model.optimizer.iterations)) == 0
    model.fit(X, Y, batch_size=48, verbose=0)  # with the schedule again
    rate = keras.ops.convert_to_numpy(model.optimizer.learning_rate)
    assert float(rate) == pytest.approx(0.01 * 0.5 ** (1 / 7))


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_data_sets_and_fits_that_are_too_short():
    model = small.model()
    finder = LearningRateFinder(1e-4, 1e-1, steps=50)
    # 3 batches, 2 epochs: the same range, in 6 steps.
    fit(model, finder, small.Batches(X, Y), None, epochs=2, batch_size=None)
    assert len(finder.losses) == 6
    assert finder.learning_rates[-1] == pytest.approx(1e-1)

    def batches():
        for _ in range(3):
            yield X[:16], Y[:16]

    with pytest.warns(UserWarning, match="after 3 of 50 steps"):
        fit(
            model, finder, batches(), None, epochs=1, batch_size=None,
            shuffle=False,
        )  # fmt: skip


def test_a_model_without_weights_is_refused_where_they_cannot_be_kept():
    model = small.model(build=False)
    finder = LearningRateFinder(1e-4, 1e-1, steps=4)
    if keras.backend.backend() == "tensorflow":
        with pytest.raises(ValueError, match=r"built.*Call it once"):
            fit(model, finder)
        model(X[:1])
    fit(model, finder)
    assert len(finder.losses) == 4


# --- suggestions -------------------------------------------------------------


def finder_of(losses):
    finder = LearningRateFinder(1e-4, 1.0)
    finder.losses = finder.smoothed_losses = [float(loss) for loss in losses]
    finder.learning_rates = np.geomspace(1e-4, 1.0, len(losses)).tolist()
    return finder


def test_suggestions_of_a_valley_known_on_paper():
    # Flat for 10 steps, down for 20, up for 11.
    losses = [5.0] * 10 + list(np.linspace(5, 1, 20)) + [*range(2, 13)]
    finder = finder_of(losses)
    rates = finder.learning_rates
    # The descent goes through the positions 10 to 29, or begins at a flat one.
    assert rates[10 + 12] <= finder.suggest() <= rates[10 + 14]
    assert finder.suggest("minimum") == rates[29] / 10


@pytest.mark.parametrize("losses", [[], [1.0], [1, 2, 3, 4], [math.nan] * 5])
def test_a_loss_that_never_fell_has_no_suggestion(losses):
    with pytest.raises(ValueError, match="falling over at least 3 steps"):
        finder_of(losses).suggest()


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="Did you mean 'valley'"):
        finder_of([3, 2, 1]).suggest("valey")


def test_plot_shows_the_suggestion():
    finder = finder_of([5, 5, 5, 4, 3, 2, 1, 9])
    display = finder.plot(linewidth=3)
    assert display.mark_.get_xdata()[0] == finder.suggest()
    assert display.line_.get_linewidth() == 3
    assert finder_of([1, 2, 3, 4]).plot().mark_ is None


# --- errors ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"min_learning_rate": 0}, "min_learning_rate must be a number above"),
        ({"max_learning_rate": 1e-9}, "max_learning_rate must be above min_"),
        ({"steps": 1}, "steps must be an integer of at least 2"),
        ({"steps": 0}, "steps must be an integer of at least 2"),
        ({"smoothing": 1.0}, "smoothing must be a number from 0"),
        ({"stop_factor": 1}, "stop_factor must be a number above 1"),
    ],
    ids=str,
)
def test_wrong_arguments_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        LearningRateFinder(**arguments)


def test_wrong_types_are_refused():
    with pytest.raises(TypeError, match="smoothing must be a number from 0"):
        LearningRateFinder(smoothing="0.9")
    with pytest.raises(TypeError, match="steps must be an integer"):
        LearningRateFinder(steps=2.5)
