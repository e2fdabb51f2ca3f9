import json

import keras
import numpy as np
import pytest

import keras_extras
from keras_extras import transforms
from keras_extras.transforms import KernelTransform
from tests.gradients import to_numpy

NAMES = sorted(
    set(transforms.__all__) - {"KernelOwner", "KernelTransform", "get"}
)


def sample(name):
    required = {
        "DoRA": {"lora_rank": 2},
        "LowRank": {"lora_rank": 2},
        "Mask": {"sparsity": 0.5},
    }
    return getattr(transforms, name)(**required.get(name, {}))


@pytest.mark.parametrize("name", NAMES)
def test_config_of_each_transform_makes_it_again(name):
    first = sample(name)
    again = type(first).from_config(json.loads(json.dumps(first.get_config())))
    assert again.get_config() == first.get_config()
    assert keras.saving.get_registered_name(type(first)) == (
        f"keras_extras>{name}"
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_transform_can_be_called_by_itself(name):
    kernel = np.random.default_rng(0).normal(size=(4, 4)).astype("float32")
    transform = sample(name)
    used = transform(kernel)
    assert tuple(used.shape) == transform.compute_output_shape((4, 4)) == (4, 4)
    again = to_numpy(transform(keras.ops.convert_to_tensor(kernel)))
    np.testing.assert_array_equal(to_numpy(used), again)


def test_weights_begin_again_from_the_present_kernel():
    class Largest(KernelTransform):
        def build(self, kernel_shape):
            self.largest = self.add_kernel_weight(
                "largest", (), keras.ops.max, trainable=False
            )

        def call(self, kernel):
            return kernel / self.largest

    numbers = [1.0, 4.0]
    transform = Largest()
    transform.attach((2, 1), (-1,), lambda: keras.ops.array(numbers))
    assert float(transform.largest) == 4
    numbers[0] = 8.0
    assert float(transform.largest) == 4
    transform.reset()
    assert float(transform.largest) == 8
    assert transform.get_build_config() is None


def test_without_a_kernel_there_is_nothing_to_begin_from():
    with pytest.raises(ValueError, match="WeightNorm: there is no kernel yet"):
        transforms.WeightNorm().current_kernel()


def test_namespace():
    assert keras_extras.transforms is transforms
    assert transforms.get(None) is None
    assert isinstance(transforms.get("Ternary"), transforms.Ternary)
