"""The courses' networks have the courses' numbers of parameters."""

import itertools

import keras
import numpy as np
import pytest

from keras_extras.models import _presets, preset


def dense(*sizes):
    """Returns the parameters of dense layers between these sizes."""
    return sum(
        inputs * outputs + outputs
        for inputs, outputs in itertools.pairwise(sizes)
    )


def conv(*channels, window=3):
    """Returns the parameters of convolutions between these channels."""
    return sum(
        window * window * inputs * outputs + outputs
        for inputs, outputs in itertools.pairwise(channels)
    )


NORMALIZED = (32, 32, 64, 64, 128, 128, 256, 128, 64)

# name -> as the docstring has it (and the course prints it), counted by hand
COUNTS = {
    "mlp": (109_386, dense(784, 128, 64, 10)),
    "convnet": (108_618, conv(1, 16, 32) + dense(5 * 5 * 32, 128, 10)),
    "mlp-3-4-4-1": (41, dense(3, 4, 4, 1)),
    "mlp-15": (11_935, dense(784, 15, 10)),
    "mlp-15-l2": (11_935, dense(784, 15, 10)),
    "mlp-15-dropout": (11_935, dense(784, 15, 10)),
    "lenet": (
        62_006,
        conv(3, 6, 16, window=5) + dense(5 * 5 * 16, 120, 84, 10),
    ),
    "idx-mlp": (42_310, dense(784, 50, 50, 10)),
    "fashion-mlp": (472_042, dense(784, 512, 128, 32, 10)),
    "fashion-mlp-dropout": (472_042, dense(784, 512, 128, 32, 10)),
    "fashion-convnet": (84_202, conv(1, 32, 32, 64, 64) + dense(64, 256, 10)),
    "fashion-convnet-bn": (
        364_842,
        conv(1, 32, 32, 64, 64, 128, 128)
        + dense(128, 256, 128, 64, 10)
        + 4 * sum(NORMALIZED),  # gamma, beta, moving mean and variance
    ),
    "mnist-512": (407_050, dense(784, 512, 10)),
    "mnist-convnet": (
        1_199_882,
        conv(1, 32, 64) + dense(12 * 12 * 64, 128, 10),
    ),
}


def test_each_preset_is_counted():
    assert list(COUNTS) == list(_presets.PRESETS)


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_are_those_of_the_course(name):
    published, by_hand = COUNTS[name]
    model = preset(name)
    assert model.count_params() == published == by_hand
    fixed = sum(np.prod(weight.shape) for weight in model.non_trainable_weights)
    assert fixed == (1_792 if name == "fashion-convnet-bn" else 0)


def test_what_is_not_trained_is_means_and_variances():
    assert 2 * sum(NORMALIZED) == 1_792


@pytest.mark.parametrize("name", ["mnist-convnet", "lenet"])
def test_channels_first_is_the_same_network(name):
    last = preset(name, data_format="channels_last")
    first = preset(name, data_format="channels_first")
    assert first.count_params() == last.count_params()
    shape = _presets.PRESETS[name].input_shape
    x = np.random.default_rng(0).random((2, *shape), "float32")
    y = keras.ops.convert_to_numpy(first(np.moveaxis(x, -1, 1)))
    assert y.shape == (2, 10)
    assert np.allclose(y.sum(axis=1), 1, atol=1e-5)


def test_other_classes_and_shapes():
    model = preset("mlp-15", num_classes=3, input_shape=(5,))
    assert model.count_params() == dense(5, 15, 3)
    assert model.name == "mlp_15"


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match=r"one of \('mlp', 'convnet'"):
        preset("resnet")
