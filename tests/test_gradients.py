"""Derivatives without a framework, against the framework and differences."""

import keras
import numpy as np
import pytest

from keras_extras._gradients import gradients, weight_gradients
from tests.gradients import to_numpy, value_and_gradients


class Everything(keras.Model):
    """Dropout, moving statistics, a table, a penalty."""

    def __init__(self):
        super().__init__()
        self.table = keras.layers.Embedding(5, 3)
        self.norm = keras.layers.BatchNormalization()
        self.dropout = keras.layers.Dropout(0.5)
        self.dense = keras.layers.Dense(2, kernel_regularizer="l2")
        self.penalty = keras.layers.ActivityRegularization(l1=0.1)

    def call(self, inputs, training=None):
        outputs = keras.ops.mean(self.table(inputs), axis=1)
        outputs = self.norm(outputs, training=training)
        outputs = self.dropout(outputs, training=training)
        return self.penalty(self.dense(outputs))


def state(model):
    """Everything that a step of training may change."""
    variables = [*model.variables, *model.optimizer.variables]
    variables += model.metrics_variables
    return [np.array(to_numpy(variable)) for variable in variables]


def test_each_argument_has_its_gradient():
    def function(a, b, unused):
        return keras.ops.sum(a**2 * b)

    a, b, unused = np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.inf
    by_a, by_b, by_unused = gradients(function, [a, b, unused])
    np.testing.assert_allclose(by_a, 2 * a * b)
    np.testing.assert_allclose(by_b, a**2)
    assert by_unused.shape == ()
    assert by_unused == 0


def test_a_constant_has_zero_gradients_and_nothing_has_none():
    assert gradients(lambda a: 3.0, [np.ones(2)])[0].tolist() == [0, 0]
    assert gradients(lambda: 3.0, []) == []


@pytest.mark.parametrize("layer", ["tanh", "conv"])
def test_gradients_of_inputs_equal_the_frameworks(layer):
    keras.utils.set_random_seed(1)
    inputs = np.random.default_rng(1).normal(size=(2, 4, 4, 1))
    model = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Conv2D(3, 3, padding="same")
            if layer == "conv"
            else keras.layers.Activation("tanh"),
        ]
    )
    outputs, expected, _ = value_and_gradients(
        model, [], inputs.astype("float32")
    )
    factors = np.cos(1.0 + np.arange(outputs.size)).reshape(outputs.shape)
    factors = keras.ops.convert_to_tensor(factors.astype("float32"))

    def score(tensor):
        return keras.ops.sum(model(tensor) * factors)

    (actual,) = gradients(score, [inputs], model)
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_gradients_of_weights_are_a_step_of_training():
    keras.utils.set_random_seed(2)
    model = Everything()
    model.dropout.rate = 0.0  # what it draws is another matter
    x, y = np.array([[1, 2, 2], [0, 1, 3], [4, 4, 4]]), np.array([0, 1, 1])
    model(x)
    model.compile(
        keras.optimizers.SGD(1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    weights = np.array([1.0, 2.0, 0.5])
    actual = weight_gradients(model, x, y, weights)
    before = to_numpy([one.value for one in model.trainable_variables])
    model.train_on_batch(x, y, weights)
    moved = 0
    for gradient, value, variable in zip(
        actual, before, model.trainable_variables, strict=True
    ):
        step = value - to_numpy(variable.value)
        np.testing.assert_allclose(gradient, step, atol=1e-4)
        moved += bool(np.abs(step).max() > 1e-3)
    assert moved >= 4  # perhaps all but one


def test_gradients_of_weights_by_differences():
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "tanh")])
    model.compile("sgd", "mse")
    x, y = np.eye(3), np.zeros((3, 2))
    (kernel, bias) = weight_gradients(model, x, y, training=False)
    for variable, gradient in zip(
        model.trainable_variables, (kernel, bias), strict=True
    ):
        value = to_numpy(variable.value)
        direction = np.cos(np.arange(value.size)).reshape(value.shape)
        losses = []
        for sign in (-1, 1):
            variable.assign(value + sign * 1e-2 * direction)
            losses.append(model.evaluate(x, y, verbose=0))
        variable.assign(value)
        slope = (losses[1] - losses[0]) / 2e-2
        assert slope == pytest.approx(np.sum(gradient * direction), abs=1e-4)


def test_the_model_goes_on_as_if_nothing_had_happened():
    x, y = np.array([[1, 2, 2], [0, 1, 3], [4, 4, 4]]), np.array([0, 1, 1])

    def trained(look):
        keras.utils.set_random_seed(4)
        model = Everything()
        model.compile(
            keras.optimizers.Adam(0.1),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        model.fit(x, y, epochs=2, shuffle=False, verbose=0)
        before = state(model)
        if look:
            functions = model.train_function
            if keras.backend.backend() == "torch":
                model.zero_grad()
            weight_gradients(model, x, y)
            gradients(
                lambda one: keras.ops.sum(model(x, training=True)) + one,
                [1.0],
                model,
            )
            assert model.train_function is functions
            for one, other in zip(before, state(model), strict=True):
                np.testing.assert_array_equal(one, other)
            assert all(one.trainable for one in model.trainable_variables)
            if keras.backend.backend() == "torch":
                assert all(
                    one.value.grad is None for one in model.trainable_variables
                )
        # On torch, dropout draws from torch's one generator.
        keras.utils.set_random_seed(5)
        model.fit(x, y, epochs=2, shuffle=False, verbose=0)
        return state(model)

    for one, other in zip(trained(False), trained(True), strict=True):
        np.testing.assert_array_equal(one, other)


def test_inputs_may_be_named_and_precision_mixed():
    inputs = {name: keras.Input((2,), name=name) for name in "ab"}
    joined = keras.layers.Concatenate()([inputs["a"], inputs["b"]])
    outputs = keras.layers.Dense(1, dtype="mixed_bfloat16")(joined)
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "mse")
    x = {"a": np.ones((3, 2)), "b": np.zeros((3, 2))}
    kernel, bias = weight_gradients(model, x, np.full((3, 1), 100.0))
    assert kernel.dtype == np.float32
    assert kernel.shape == (4, 1)
    assert np.all(kernel[:2] < -100)
    assert np.all(kernel[2:] == 0)
    assert bias < -100
