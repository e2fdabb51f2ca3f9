"""Statistics of weights, against NumPy."""

import keras
import numpy as np
import pytest

from keras_extras.callbacks import WeightStats, WeightStatsRow
from tests.callbacks import small

X, Y = small.data()


def fit(model, *callbacks, **arguments):
    return model.fit(
        X, Y, verbose=0, callbacks=list(callbacks), batch_size=16, **arguments
    )


@pytest.mark.parametrize("kind", small.KINDS)
def test_statistics_are_numpys_over_fits(kind):
    model, stats = small.model(kind), WeightStats()
    for run in (1, 2):
        before = model.get_weights()
        fit(model, stats)
        after = model.get_weights()
        rows = [row for row in stats.rows if row.run == run]
        assert [row.weight for row in rows] == [
            "hidden/kernel",
            "hidden/bias",
            "norm/gamma",
            "norm/beta",
            "norm/moving_mean",
            "norm/moving_variance",
            "out/kernel",
            "out/bias",
        ]
        for row, old, new in zip(rows, before, after, strict=True):
            old, new = old.astype("float64"), new.astype("float64")
            length = np.sqrt((old**2).sum())
            moved = np.sqrt(((new - old) ** 2).sum())
            expected = (
                run,
                run,  # an epoch each
                row.weight,
                new.mean(),
                np.sqrt(((new - new.mean()) ** 2).mean()),
                new.min(),
                new.max(),
                np.sqrt((new**2).sum()),
                moved / length if length else np.inf,
            )
            assert row[:3] == expected[:3]
            np.testing.assert_allclose(row[3:], expected[3:], rtol=1e-10)


def test_what_does_not_move_and_what_has_no_beginning():
    model, stats = small.model(), WeightStats()
    model.layers[0].trainable = False
    model.compile(
        keras.optimizers.SGD(0.1),
        loss="sparse_categorical_crossentropy",
        jit_compile=False,
    )
    fit(model, stats)
    ratios = {row.weight: row.update_ratio for row in stats.rows}
    assert ratios["hidden/kernel"] == ratios["hidden/bias"] == 0
    assert ratios["out/kernel"] > 0
    assert ratios["norm/beta"] == np.inf  # it began as zeros

    stats = WeightStats()
    fit(small.model(build=False), stats)
    first = stats.rows[0].update_ratio
    # On TensorFlow the first step of a fit makes the weights.
    assert np.isnan(first) or first > 0


def test_logs_and_frame():
    stats = WeightStats(add_to_logs=True)
    history = fit(small.model(), stats, epochs=2).history
    frame = stats.frame()
    assert list(frame.columns) == list(WeightStatsRow._fields)
    table = frame.pivot(index="epoch", columns="weight")
    assert (
        history["weight_norm/out/kernel"]
        == table["norm", "out/kernel"].tolist()
    )
    assert (
        history["update_ratio/hidden/bias"]
        == table["update_ratio", "hidden/bias"].tolist()
    )


def test_a_diverged_training_is_recorded():
    stats = WeightStats()
    model = small.model()
    model.fit(np.full_like(X, np.nan), Y, verbose=0, callbacks=[stats])
    assert np.isnan(stats.rows[0].norm)


def test_wrong_arguments_are_refused():
    with pytest.raises(TypeError, match="add_to_logs must be True or False"):
        WeightStats(add_to_logs="yes")
