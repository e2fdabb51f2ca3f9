import numpy as np

from keras_extras import ops
from tests.gradients import to_numpy


def test_signs_multiply_and_sizes_are_roots():
    noise = to_numpy(ops.factorized_noise([4.0, -9.0], [1.0, -16.0, 0.0]))
    assert noise.tolist() == [[2, -8, 0], [-3, 12, 0]]


def test_signed_root_undoes_the_signed_square():
    x = np.array([[-3.0, 0.5], [0.0, 2.0]], "float32")
    np.testing.assert_allclose(
        to_numpy(ops.signed_root(np.sign(x) * x**2)), x, atol=1e-6
    )
