"""The faster ways under `torch.compile` and `tf.function(jit_compile=True)`.

On JAX every test that trains or exports compiles them.
"""

import keras
import numpy as np
import pytest

from keras_extras import ops
from tests.gradients import value_and_gradients

BACKEND = keras.backend.backend()
if BACKEND == "jax":
    pytest.skip("jitted in other tests", allow_module_level=True)

LAST = "channels_last"
# Operation, shapes of kernels, further arguments; inputs (2, 6, 6, 4).
CASES = [
    ("max_pool", [], (2, 2, "valid", LAST)),
    ("max_pool", [], (3, 2, "same", LAST)),
    ("average_pool", [], (3, 2, "same", LAST)),
    ("adaptive_max_pool", [], ((2, 4), LAST)),
    ("adaptive_average_pool", [], ((2, 4), LAST)),
    ("global_max_pool", [], (LAST,)),
    ("global_average_pool", [], (LAST,)),
    ("conv", [(3, 3, 4, 8)], (1, "same", LAST)),
    ("conv", [(3, 3, 2, 8)], (2, "same", LAST)),
    ("depthwise_conv", [(3, 3, 4, 1)], (1, "same", LAST)),
    ("separable_conv", [(3, 3, 4, 1), (1, 1, 4, 8)], (1, "same", LAST)),
    ("conv_transpose", [(3, 3, 8, 4)], (2, "same", None, LAST)),
]


def compiled(function):
    if BACKEND == "torch":
        import torch

        torch._dynamo.reset()
        # All but the last stage, which needs a C++ compiler.
        return torch.compile(function, backend="aot_eager", fullgraph=True)
    import tensorflow as tf

    return tf.function(function, jit_compile=True)


@pytest.mark.parametrize(
    ("name", "kernels", "arguments"),
    CASES,
    ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)],
)
def test_compiled_equals_uncompiled(name, kernels, arguments):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2, 6, 6, 4)).astype("float32")
    operation = getattr(ops, name)
    values = [
        keras.ops.convert_to_tensor(
            generator.normal(size=shape).astype("float32")
        )
        for shape in kernels
    ]

    def apply(x):
        return operation(x, *values, *arguments)

    got, expected = (
        value_and_gradients(function, [], x)
        for function in (compiled(apply), apply)
    )
    for one, other in zip(got[:2], expected[:2], strict=True):
        scale = np.abs(other).max()
        np.testing.assert_allclose(one, other, atol=1e-5 * scale)
