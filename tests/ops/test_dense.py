import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from keras_extras import ops
from tests.gradients import to_numpy

SIZES = st.integers(1, 5)


@given(SIZES, SIZES, SIZES, st.floats(-2, 2, width=32))
def test_dense_and_low_rank_update_equal_the_formula(n, m, rank, scale):
    generator = np.random.default_rng(0)
    x, kernel, a, b = (
        generator.normal(size=shape).astype("float32")
        for shape in [(2, n), (n, m), (n, rank), (rank, m)]
    )
    updated = ops.low_rank_update(kernel, a, b, scale)
    expected = kernel.astype("float64") + scale * (a.astype("float64") @ b)
    np.testing.assert_allclose(to_numpy(updated), expected, atol=1e-5)
    np.testing.assert_allclose(
        to_numpy(ops.dense(x, kernel)), x.astype("float64") @ kernel, atol=1e-5
    )
