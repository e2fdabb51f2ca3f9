"""Norms of gradients, against a regression done by hand."""

import keras
import numpy as np
import pandas as pd
import pytest

from keras_extras.callbacks import GradientNormRow, GradientNorms
from tests.callbacks import small

X, Y = small.data()


def fit(model, *callbacks, **arguments):
    return model.fit(
        X,
        Y,
        verbose=0,
        callbacks=list(callbacks),
        **{
            "batch_size": 16,
            "epochs": 2,
            "shuffle": small.SHUFFLE,
            **arguments,
        },
    )


def test_norms_of_a_linear_regression_by_hand():
    x, y = np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([[1.0], [2.0]])
    kernel = np.array([[0.3], [-0.2]])
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(1)),
        ]
    )
    model.compile(keras.optimizers.SGD(0.0), loss="mse")
    model.set_weights([kernel, np.array([0.1])])
    norms = GradientNorms(x, y)
    model.fit(x, y, verbose=0, callbacks=[norms])

    error = x @ kernel + 0.1 - y
    by_kernel = 2 * x.T @ error / 2 + 2 * kernel
    by_bias = 2 * error.mean()
    (row,) = norms.rows
    assert row.norm == pytest.approx(
        np.sqrt((by_kernel**2).sum() + by_bias**2), rel=1e-5
    )
    assert row.weight_norm == pytest.approx(
        np.sqrt((kernel**2).sum() + 0.01), rel=1e-5
    )


@pytest.mark.parametrize("kind", small.KINDS)
def test_rows_of_all_models_over_fits_and_nothing_else_changes(kind):
    model, norms = small.model(kind), GradientNorms(X, Y, add_to_logs=True)
    plain = small.model(kind)
    for _ in range(2):
        keras.utils.set_random_seed(5)
        history = fit(model, norms).history
        keras.utils.set_random_seed(5)
        expected = fit(plain).history
        assert expected == {name: history[name] for name in expected}
    assert [(row.run, row.epoch, row.layer) for row in norms.rows] == [
        (run, epoch, layer)
        for run, epoch in [(1, 1), (1, 2), (2, 3), (2, 4)]
        for layer in ("hidden", "norm", "out")
    ]
    assert history["gradient_norm/out"][-1] == norms.rows[-1].norm
    for left, right in zip(small.state(model), small.state(plain), strict=True):
        np.testing.assert_array_equal(left, right)

    frame = norms.frame()
    assert list(frame.columns) == list(GradientNormRow._fields)
    wide = frame.pivot(index="epoch", columns="layer", values="norm")
    assert wide.shape == (4, 3)
    assert (wide > 0).all(axis=None)


def test_a_layer_that_the_loss_does_not_reach_has_the_norm_zero():
    inputs = keras.Input((4,))
    dead = keras.layers.Dense(3, name="dead")(inputs)
    outputs = keras.layers.Dense(2, "softmax", name="out")(
        keras.layers.concatenate([inputs, 0.0 * dead])
    )
    model = keras.Model(inputs, outputs)
    model.compile(
        "sgd", loss="sparse_categorical_crossentropy", jit_compile=False
    )
    norms = GradientNorms(X, Y)
    fit(model, norms, epochs=1)
    assert {row.layer: row.norm > 0 for row in norms.rows} == {
        "dead": False,
        "out": True,
    }


def test_weights_of_examples_count():
    model = small.model()
    whole = GradientNorms(X[:8], Y[:8], training=False)
    weighted = GradientNorms(
        X[:16], Y[:16], np.repeat([2.0, 0.0], 8), training=False
    )
    fit(model, whole, weighted, epochs=1)
    for left, right in zip(whole.rows, weighted.rows, strict=True):
        assert left.norm == pytest.approx(right.norm, rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"training": 2}, TypeError, "training must be True or False"),
        ({"add_to_logs": "yes"}, TypeError, "add_to_logs must be True"),
        ({"x": small.Batches(X, Y)}, ValueError, r"Pass \*dataset\[0\]"),
    ],
    ids=["training", "add_to_logs", "x"],
)
def test_wrong_arguments_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        GradientNorms(**{"x": X, "y": Y, **arguments})


def test_without_an_epoch_the_frame_is_empty():
    frame = GradientNorms(X, Y).frame()
    assert isinstance(frame, pd.DataFrame)
    assert frame.shape == (0, 5)
