"""Multiply-adds of models: published numbers, own layers, what is unknown."""

import math
import re

import keras
import numpy as np
import pytest

import keras_extras
from keras_extras.inspection import multiply_adds, summary_frame
from keras_extras.models import MLP

ops = keras.ops


@pytest.mark.parametrize(
    ("name", "expected"),
    # Without biases; 300M and 3.86G in the papers and in torchvision's table.
    [
        ("MobileNetV2", 300_774_272),
        pytest.param("ResNet50", 3_857_973_248, marks=pytest.mark.full),
    ],
)
def test_published_numbers(name, expected):
    model = getattr(keras.applications, name)(weights=None)
    assert multiply_adds(model) == expected


class Formulas(keras.layers.Layer):
    """Multiplies by functions, which are counted one by one."""

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], 5))

    def call(self, inputs):
        a = ops.matmul(inputs, self.kernel)  # 7 * 4 * 5
        b = ops.einsum("btf,fg->btg", inputs, self.kernel)  # 7 * 4 * 5
        c = ops.tensordot(inputs, self.kernel, axes=1)  # 7 * 4 * 5
        d = inputs @ self.kernel  # 7 * 4 * 5
        e = ops.dot(inputs, self.kernel)  # 7 * 4 * 5
        f = ops.conv(a, ops.ones((3, 5, 2)))  # 5 * 3 * 5 * 2
        return ops.relu(a + b * 2 - c + d + e)[:, :5, :2] + f


def test_own_layer_is_looked_into():
    assert multiply_adds(Formulas(), (None, 7, 4)) == 5 * 140 + 150


def test_what_is_merged_with_the_batch_counts_for_one_example():
    class Folded(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def call(self, inputs):
            return self.dense(ops.reshape(inputs, (-1, 4)))

    assert multiply_adds(Folded(), (None, 7, 4)) == 7 * 4 * 3


def test_method_of_a_layer_goes_first():
    class Sparse(keras.layers.Dense):
        def multiply_adds(self, input_shape):
            return 1000 + input_shape[-1]

    model = keras.Sequential([Sparse(3), keras.layers.Dense(2)])
    assert multiply_adds(model, (None, 4)) == 1004 + 6


def test_hook_of_ours_keeps_the_formula():
    class Scaled(keras_extras.layers.Conv2D):
        def transform_kernel(self, kernel):
            return 2 * kernel

    assert multiply_adds(Scaled(4, 3), (None, 6, 6, 1)) == 16 * 9 * 4


class Raw(keras.layers.Layer):
    """Takes real tensors only."""

    def call(self, inputs):
        if isinstance(inputs, keras.KerasTensor):
            raise TypeError("real ones only")
        return inputs * 2

    def compute_output_shape(self, input_shape):
        return input_shape


class Decomposed(keras.layers.Layer):
    def call(self, inputs):
        return ops.cholesky(inputs)


class Orthogonal(keras.layers.Layer):
    def call(self, inputs):
        return ops.qr(inputs)[0]


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (lambda: Raw(name="raw"), r"raw \(Raw\): its call takes real"),
        (lambda: Decomposed(), r"cholesky.* \(Cholesky\): no formula"),
        (lambda: Orthogonal(), r"qr.* \(Qr\): no formula"),
        (lambda: keras.layers.Lambda(lambda x: x), r"\(Lambda\): no formula"),
    ],
)
def test_unknown_work_is_nan_and_told(layer, words):
    model = keras.Sequential([keras.Input((4, 4)), layer()])
    assert math.isnan(multiply_adds(model))
    (row,) = summary_frame(model).itertuples()
    assert math.isnan(row.multiply_adds)
    assert re.search(words, row.note)


def test_shapes_are_needed_once():
    model = MLP([5], 3)
    with pytest.raises(ValueError, match="multiply_adds: input_shape must be"):
        multiply_adds(model)
    assert multiply_adds(model, (None, 2, 2)) == 4 * 5 + 15
    assert model.built
    assert multiply_adds(model) == 35


def test_two_inputs():
    class Both(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def call(self, inputs):
            return ops.matmul(self.dense(inputs["a"]), inputs["b"])

    shapes = {"a": (None, 7, 4), "b": (None, 3, 2)}
    assert multiply_adds(Both(), shapes) == 7 * 4 * 3 + 7 * 3 * 2
    assert np.isfinite(multiply_adds(Both(), shapes))
