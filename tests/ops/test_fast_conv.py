import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keras_extras import ops
from tests.gradients import value_and_gradients

pytest.importorskip(
    "keras_extras.ops._fast", reason="the folder may be deleted"
)
BACKEND = keras.backend.backend()
LENGTHS, SIZE = (9, 8, 7), (3, 4, 3)


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def compare(name, x, kernel, *arguments, **named):
    """Asserts that the fast way has the generic one's answers."""
    operation = getattr(ops, name)
    generic = getattr(operation, "__wrapped__", operation)
    variable = keras.Variable(kernel)
    got, expected = (
        value_and_gradients(
            lambda x, function=function: function(
                x, keras.ops.convert_to_tensor(variable), *arguments, **named
            ),
            [variable],
            x,
        )
        for function in (operation, generic)
    )
    for one, other in zip(
        keras.tree.flatten(got), keras.tree.flatten(expected), strict=True
    ):
        assert one.shape == other.shape
        scale = np.abs(other).max()
        np.testing.assert_allclose(one, other, atol=2e-5 * max(scale, 1))


channels = st.sampled_from([(16, 24, 1), (3, 8, 1), (4, 8, 4), (8, 4, 2)])
sizes = st.sampled_from([SIZE, (1, 1, 1)])
examples = st.sampled_from([2, 17])
steps = st.sampled_from([(1, 1), (2, 1), (1, 2), (2, 2)])
paddings = st.sampled_from(
    ["valid", "same", "causal", [(1, 2), (0, 3), (1, 1)]]
)


@given(
    st.sampled_from([1, 2, 2, 3]), channels, steps, paddings, sizes, examples
)
@example(2, (16, 24, 1), (1, 1), "valid", SIZE, 17)  # twice as far apart
@example(2, (16, 24, 1), (2, 1), [(1, 2), (0, 3)], SIZE, 17)  # and a rest
@example(2, (4, 8, 2), (1, 1), "same", SIZE, 5)  # patches times matrix
@example(3, (16, 24, 1), (1, 1), "same", SIZE, 5)  # planes
@example(2, (4, 8, 4), (1, 1), "same", SIZE, 5)  # products of taps
@example(2, (3, 8, 1), (1, 2), "same", SIZE, 5)  # all patches at once
@example(2, (3, 8, 1), (2, 1), "same", (1, 1), 5)  # one product
def test_conv_equals_generic_in_values_and_gradients(
    rank, channels, step, padding, size, examples
):
    inputs, filters, groups = channels
    padding = padding if isinstance(padding, str) else padding[:rank]
    compare(
        "conv",
        normal(examples, *LENGTHS[:rank], inputs),
        normal(*size[:rank], inputs // groups, filters),
        step[0],
        padding,
        "channels_last",
        step[1],
    )


@given(st.sampled_from([1, 2, 2, 3]), channels, steps, paddings, st.booleans())
@example(2, (16, 24, 1), (2, 1), "same", False)  # phases
@example(2, (16, 24, 1), (2, 1), [(1, 0), (0, 2)], True)
@example(2, (8, 4, 2), (2, 2), [(1, 0), (0, 2)], True)
@pytest.mark.skipif(BACKEND == "tensorflow", reason="it has no such row")
def test_conv_transpose_equals_generic_in_values_and_gradients(
    rank, channels, step, padding, added
):
    inputs, filters, groups = channels
    padding = padding if isinstance(padding, str) else padding[:rank]
    compare(
        "conv_transpose",
        normal(3, *(4, 3, 3)[:rank], inputs),
        normal(*SIZE[:rank], filters // groups, inputs),
        step[0],
        padding,
        1 if added and step[0] > 1 else None,
        "channels_last",
        step[1],
        groups=groups,
    )


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_what_is_no_number_goes_as_far_as_in_the_generic(value, padding):
    x = normal(3, 9, 8, 16)
    x[1, 8, 7, 0] = x[1, 0, 3, 2] = value
    kernel = normal(3, 3, 16, 24)
    outputs = [
        keras.ops.convert_to_numpy(
            function(
                keras.ops.convert_to_tensor(x),
                keras.ops.convert_to_tensor(kernel),
                1,
                padding,
                "channels_last",
            )
        )
        for function in (ops.conv, getattr(ops.conv, "__wrapped__", ops.conv))
    ]
    np.testing.assert_allclose(*outputs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_and_its_dtype_are_the_generic_ones(dtype):
    x = keras.ops.cast(normal(2, 5, 5, 4), dtype)
    kernel = keras.ops.cast(normal(3, 3, 2, 4), dtype)
    arguments = (x, kernel, 1, "same", "channels_last")
    if BACKEND == "tensorflow" and dtype == "bfloat16":
        pytest.skip("its kernels differ with the number of groups")
    got = ops.conv(*arguments)
    expected = getattr(ops.conv, "__wrapped__", ops.conv)(*arguments)
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(
        *(
            keras.ops.convert_to_numpy(keras.ops.cast(y, "float32"))
            for y in (got, expected)
        ),
        atol=0.05,
    )


@pytest.mark.skipif(BACKEND != "jax", reason="about JAX's transformations")
@pytest.mark.parametrize("groups", [1, 2])
def test_jax_differentiates_both_ways_twice_and_maps(groups):
    import jax
    import jax.numpy as jnp

    x = jnp.asarray(normal(3, 5, 5, 16))
    kernel = jnp.asarray(normal(3, 3, 16 // groups, 24)) / 10
    generic = getattr(ops.conv, "__wrapped__", ops.conv)

    def answers(conv):
        def loss(x, kernel):
            y = conv(x, kernel, 1, "same", "channels_last")
            return jnp.sum(jnp.sin(y))

        def penalty(x, kernel):
            return jnp.sum(jnp.square(jax.grad(loss, 1)(x, kernel)))

        return (
            jax.jvp(loss, (x, kernel), (x, kernel))[1],
            jax.grad(penalty, (0, 1))(x, kernel),
            jax.jvp(jax.grad(loss), (x, kernel), (x, kernel))[1],
            jax.vmap(jax.grad(loss, 1), (0, None))(x[:, None], kernel),
        )

    for one, other in zip(
        jax.tree.leaves(answers(ops.conv)),
        jax.tree.leaves(answers(generic)),
        strict=True,
    ):
        scale = float(jnp.abs(other).max())
        np.testing.assert_allclose(one, other, atol=1e-5 * scale)


@pytest.mark.skipif(BACKEND != "jax", reason="about JAX's export")
def test_jax_exports_for_several_platforms():
    import jax
    from jax import export

    x, kernel = normal(2, 5, 5, 16), normal(3, 3, 16, 24)

    def conv(x, kernel):
        return ops.conv(x, kernel, 1, "same", "channels_last")

    exported = export.export(jax.jit(conv), platforms=["cpu", "cuda"])(
        x, kernel
    )
    np.testing.assert_allclose(
        exported.call(x, kernel), conv(jax.numpy.asarray(x), kernel), atol=1e-4
    )


@pytest.mark.skipif(BACKEND != "torch", reason="about torch's compiler")
def test_torch_exports_convolution_and_pooling_of_any_length():
    import torch

    kernel = torch.from_numpy(normal(3, 3, 4, 4))

    class Both(torch.nn.Module):
        def forward(self, x):
            x = ops.conv(x, kernel, 1, "same", "channels_last")
            return ops.max_pool(x, 2, 2, "valid", "channels_last")

    x = torch.from_numpy(normal(2, 8, 8, 4))
    dims = {0: torch.export.Dim("batch"), 1: torch.export.Dim("rows", min=4)}
    exported = torch.export.export(Both(), (x,), dynamic_shapes=(dims,))
    other = torch.from_numpy(normal(3, 11, 8, 4))
    torch.testing.assert_close(exported.module()(other), Both()(other))
