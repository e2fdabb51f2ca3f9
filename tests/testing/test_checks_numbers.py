import keras
import numpy as np
import pytest

from keras_extras.testing import (
    CheckFailure,
    CheckSkip,
    LayerTraits,
    layer_checks,
)
from keras_extras.testing._checks_numbers import half_is_finite
from tests.testing.broken_numbers import (
    NaiveSoftmax,
    NanSpreads,
    NanToNumber,
    WeightOfFloat16,
)
from tests.testing.broken_shapes import CentersBatch
from tests.testing.healthy_layers import Lookup


@pytest.mark.parametrize(
    ("layer", "check", "words"),
    [
        (WeightOfFloat16(), "check_dtype_policies", "float16"),
        (NaiveSoftmax(), "check_half_precision_is_finite", "not finite where"),
        (NanToNumber(), "check_nan", "a sample of NaN gives numbers"),
        (NanSpreads(), "check_nan", "comes out in another one"),
    ],
)
def test_the_reason_says_what_is_wrong(layer, check, words):
    with pytest.raises(CheckFailure, match=words):
        dict(layer_checks(layer))[check]()


@pytest.mark.parametrize("name", ["softmax", "softplus", "gelu", "sigmoid"])
def test_activations_of_keras_hold(name):
    checks = dict(layer_checks(keras.layers.Activation(name)))
    checks["check_half_precision_is_finite"]()
    checks["check_dtype_policies"]()


def test_integers_have_no_policy():
    for name in ("check_dtype_policies", "check_nan"):
        with pytest.raises(CheckSkip, match="inputs are not floats"):
            dict(layer_checks(Lookup()))[name]()


def test_layers_of_whole_batches_spread_nan():
    traits = LayerTraits(batch_independent=False)
    with pytest.raises(CheckSkip, match="depend on each other"):
        dict(layer_checks(CentersBatch(), traits=traits))["check_nan"]()


def test_overflow_is_what_float32_can_hold():
    class Half(keras.layers.Layer):
        def call(self, inputs):
            return keras.ops.cast(
                keras.ops.cast(9 * inputs, "float16") / 9, "float32"
            )

    relu = keras.layers.ReLU()
    to_numpy = keras.ops.convert_to_numpy
    half_is_finite(relu, (np.float32([[7e4, 1]]),), Half(), 1, to_numpy)
    with pytest.raises(AssertionError, match=r"float32 gives 2e\+04"):
        half_is_finite(relu, (np.float32([[7e4, 2e4]]),), Half(), 1, to_numpy)
