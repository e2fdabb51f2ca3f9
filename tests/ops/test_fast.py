import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import keras_extras
from keras_extras import ops
from keras_extras.ops._operation import ROWS, Row
from tests.gradients import value_and_gradients

fast = pytest.importorskip(
    "keras_extras.ops._fast", reason="the folder may be deleted"
)

PACKAGE = Path(keras_extras.__file__).parent
NAMES = ["average_pool", "max_pool"]
GLOBAL = ["global_average_pool", "global_max_pool"]
ADAPTIVE = ["adaptive_average_pool", "adaptive_max_pool"]
# Where the gradient is everywhere the same. Of several NaNs TensorFlow's kernel
# has its own choice; torch's never chooses a pad, the definition the first.
ODD = {
    "tensorflow": [np.inf, -np.inf],
    "jax": [np.nan, np.inf, -np.inf],
    "torch": [np.nan, np.inf],
}
CONVOLUTIONS = [
    "conv",  # tests/ops/test_fast_conv.py
    "conv_transpose",
    "depthwise_conv",
]


def rows():
    backend = keras.backend.backend()
    module = __import__(fast.__name__ + "." + backend, fromlist=["ROWS"])
    return module.ROWS


def takes_a_row(name, *arguments, **named):
    """Returns whether the operation runs a row for these arguments."""
    taken = []

    def recorded(row):
        def run(plan, *tensors):
            taken.append(row)
            return row.run(plan, *tensors)

        return row._replace(run=run)

    rows = ROWS[name]
    before = rows[:]
    rows[:] = map(recorded, before)
    try:
        getattr(ops, name)(*arguments, **named)
    finally:
        rows[:] = before
    return bool(taken)


is_on = pytest.mark.skipif(
    os.environ.get("KERAS_EXTRAS_FAST") == "0", reason="turned off"
)


@is_on
def test_rows_are_in_use_and_documented():
    assert rows()
    for row in rows():
        assert row.operation in NAMES + GLOBAL + ADAPTIVE + CONVOLUTIONS, (
            "add a test for the operation"
        )
        assert hasattr(getattr(ops, row.operation), "__wrapped__")
        line = f"| `{row.operation}`"
        assert any(
            line in text and keras.backend.backend() in text
            for text in fast.__doc__.splitlines()
        )


@given(
    name=st.sampled_from(NAMES),
    rank=st.sampled_from([1, 2, 2, 3]),
    pool_size=st.integers(1, 3),
    strides=st.integers(1, 3),
    padding=st.sampled_from(["valid", "same", "causal"]),
    data_format=st.sampled_from(["channels_last", "channels_first"]),
    dtype=st.sampled_from(["float32", "bfloat16"]),
    ties=st.booleans(),
)
@example("max_pool", 2, 2, 2, "valid", "channels_last", "float32", True)
@example("max_pool", 2, 3, 2, "same", "channels_last", "float32", True)
@example("max_pool", 1, 3, 1, "causal", "channels_last", "bfloat16", True)
@example("average_pool", 2, 3, 1, "same", "channels_last", "float32", False)
def test_fast_pooling_equals_generic_in_values_and_gradients(
    name, rank, pool_size, strides, padding, data_format, dtype, ties
):
    x = np.random.default_rng(0).normal(size=(2, *(5,) * rank, 3))
    if rank == 3 and keras.backend.backend() == "tensorflow":
        # Its 3D gradient goes to each of equals, which bfloat16 makes too.
        ties, dtype = False, "float32"
    x = keras.ops.cast(x.round() if ties else x, dtype)
    operation = getattr(ops, name)
    generic = getattr(operation, "__wrapped__", operation)
    got, expected = (
        value_and_gradients(
            lambda x, function=function: function(
                x, pool_size, strides, padding, data_format
            ),
            [],
            x,
        )
        for function in (operation, generic)
    )
    tolerance = 1e-5 if dtype == "float32" else 0.1
    for one, other in zip(got[:2], expected[:2], strict=True):
        np.testing.assert_allclose(one, other, atol=tolerance)


@given(
    name=st.sampled_from(ADAPTIVE),
    sizes=st.lists(
        st.tuples(st.integers(1, 7), st.sampled_from([None, 1, 2, 3, 5])),
        min_size=1,
        max_size=3,
    ),
    data_format=st.sampled_from(["channels_last", "channels_first"]),
    dtype=st.sampled_from(["float32", "bfloat16"]),
)
@example("adaptive_max_pool", [(7, 3), (6, None)], "channels_last", "bfloat16")
@pytest.mark.skipif(
    keras.backend.backend() == "tensorflow", reason="it has no such rows"
)
def test_fast_adaptive_pooling_equals_generic_in_values_and_gradients(
    name, sizes, data_format, dtype
):
    lengths, outputs = zip(*sizes, strict=True)
    shape = (2, *lengths, 3) if data_format[9:] == "last" else (2, 3, *lengths)
    # Irregular and no ties, in bfloat16 either: at most 256 numbers differ.
    numbers = np.random.default_rng(0).permutation(int(np.prod(shape)))
    dtype = dtype if numbers.size <= 256 else "float32"
    x = keras.ops.cast(numbers.reshape(shape) - 100.0, dtype)
    operation = getattr(ops, name)
    generic = getattr(operation, "__wrapped__", operation)
    got, expected = (
        value_and_gradients(
            lambda x, function=function: function(x, outputs, data_format),
            [],
            x,
        )
        for function in (operation, generic)
    )
    for one, other in zip(got[:2], expected[:2], strict=True):
        scale = np.abs(other).max()
        tolerance = (1e-5 if dtype == "float32" else 0.02) * scale
        np.testing.assert_allclose(one, other, atol=tolerance)


@pytest.mark.parametrize("name", GLOBAL)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 4, 5), (2, 3, 4, 5, 2)])
@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="torch alone has such rows"
)
def test_fast_global_pooling_equals_generic_in_values_and_gradients(
    name, data_format, shape
):
    x = np.random.default_rng(0).normal(size=shape).astype("float32").round()
    x[0, 0, 1] = np.nan
    operation = getattr(ops, name)
    generic = getattr(operation, "__wrapped__", operation)
    for keepdims in (False, True):
        got, expected = (
            value_and_gradients(
                lambda x, function=function, keepdims=keepdims: function(
                    x, data_format, keepdims
                ),
                [],
                x,
            )
            for function in (operation, generic)
        )
        for one, other in zip(got[:2], expected[:2], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6)


@is_on
@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="torch alone has such rows"
)
def test_a_masked_mean_is_the_generic_one():
    x, mask = keras.ops.ones((2, 4, 3)), np.ones((2, 4), "bool")
    assert takes_a_row("global_average_pool", x)
    assert not takes_a_row("global_average_pool", x, mask=mask)


@pytest.mark.parametrize(
    ("name", "beyond"),
    [
        ("max_pool", {"dilation_rate": (1, 2)}),
        ("max_pool", {"ceil_mode": True}),
        ("max_pool", {"return_indices": True}),
        ("average_pool", {"dilation_rate": 2}),
        ("average_pool", {"ceil_mode": True}),
        ("average_pool", {"count_include_pad": True}),
        ("average_pool", {"divisor_override": 1}),
    ],
)
def test_rows_leave_what_they_cannot_do_to_the_generic(name, beyond):
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32")
    x = keras.ops.convert_to_tensor(x)
    operation = getattr(ops, name)
    generic = getattr(operation, "__wrapped__", operation)
    for padding in ("same", [(1, 1), (1, 1)]):
        arguments = (x, 2, 3, padding, "channels_last")
        assert not takes_a_row(name, *arguments, **beyond)
        got, expected = (
            keras.tree.map_structure(
                keras.ops.convert_to_numpy, function(*arguments, **beyond)
            )
            for function in (operation, generic)
        )
        keras.tree.map_structure(np.testing.assert_array_equal, got, expected)


@is_on
def test_stock_like_calls_take_a_row():
    x = keras.ops.ones((2, 6, 6, 3))
    whole = {"dilation_rate": (1, 1), "ceil_mode": False}
    arguments = (x, (2, 2), (2, 2), "same", "channels_last")
    for name, more in [
        ("max_pool", {"return_indices": False}),
        ("average_pool", {"count_include_pad": False}),
    ]:
        assert takes_a_row(name, *arguments, **whole, **more)


@is_on
def test_siblings_and_the_generic_way():
    x, kernel = keras.ops.ones((2, 6, 6, 4)), keras.ops.ones((3, 3, 2, 4))
    arguments = (1, "same", "channels_last")
    taken = []
    row = Row("conv", lambda plan: taken.append(plan), lambda plan, *_: None)
    ROWS["conv"].insert(0, row)
    try:
        ops.cosine_conv(x, kernel, *arguments)
        count = len(taken)
        assert count >= 2  # TensorFlow convolves each group by itself
        assert taken[0].groups == 2
        assert taken[0].pads == ((1, 1), (1, 1))
        ops.conv.__wrapped__(x, kernel, *arguments)
        assert len(taken) == count
    finally:
        ROWS["conv"].remove(row)
    assert inspect.signature(ops.conv).parameters["padding"].default == "valid"


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_fast_max_pool_keeps_what_is_no_number(value):
    x = np.zeros((1, 2, 4, 1), "float32")
    x[0, 0, 0, 0] = x[0, 1, 3, 0] = np.nan
    if value < 0:
        x = np.full((1, 2, 4, 1), value, "float32")
    y = ops.max_pool(
        keras.ops.convert_to_tensor(x), 2, data_format="channels_last"
    )
    y = keras.ops.convert_to_numpy(y)
    np.testing.assert_array_equal(y, np.full((1, 1, 2, 1), value))


@given(
    numbers=st.lists(
        st.sampled_from([0.0, 1.0, *ODD[keras.backend.backend()]]),
        min_size=12,
        max_size=12,
    ),
    size=st.integers(1, 3),
    strides=st.integers(1, 3),
    padding=st.sampled_from(["valid", "same"]),
)
def test_fast_max_pool_sends_the_gradient_where_the_generic_does(
    numbers, size, strides, padding
):
    x = np.array(numbers, "float32").reshape(1, 4, 3, 1)
    generic = getattr(ops.max_pool, "__wrapped__", ops.max_pool)
    got, expected = (
        value_and_gradients(
            lambda x, function=function: function(
                x, size, strides, padding, "channels_last"
            ),
            [],
            x,
        )
        for function in (ops.max_pool, generic)
    )
    for one, other in zip(got[:2], expected[:2], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="about JAX's transformations"
)
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("max_pool", (2, 2, "valid", "channels_last")),
        ("max_pool", (3, 2, "same", "channels_last")),
        ("adaptive_max_pool", ((2, 3), "channels_last")),
        ("adaptive_average_pool", ((2, 3), "channels_last")),
    ],
)
def test_jax_differentiates_pooling_both_ways_twice_and_maps(name, arguments):
    import jax
    import jax.numpy as jnp

    operation = getattr(ops, name)
    generic = getattr(operation, "__wrapped__", operation)
    # Far apart, so that rounding makes no other number the maximum.
    numbers = np.random.default_rng(0).permutation(2 * 5 * 4 * 2) / 40
    x = jnp.asarray(numbers.reshape(2, 5, 4, 2).astype("float32"))

    def answers(pool):
        def loss(x):
            return jnp.sum(jnp.sin(pool(x, *arguments)))

        return (
            jax.jacfwd(loss)(x),
            jax.jacrev(loss)(x),
            jax.jit(jax.hessian(loss))(x),
            jax.vmap(lambda x: pool(x, *arguments))(x[:, None]),
            jax.vmap(jax.grad(loss))(x[:, None]),
        )

    for one, other in zip(answers(operation), answers(generic), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@given(
    rank=st.sampled_from([1, 2]),
    size=st.integers(1, 3),
    multiplier=st.integers(1, 2),
    step=st.sampled_from([(1, 1), (2, 1), (1, 2), (2, 2)]),
    padding=st.sampled_from(["valid", "same", "causal", [(1, 2), (0, 1)]]),
)
@example(2, 3, 2, (1, 1), "same")
@pytest.mark.skipif(
    keras.backend.backend() == "tensorflow", reason="it has no such rows"
)
def test_fast_depthwise_equals_generic_in_values_and_gradients(
    rank, size, multiplier, step, padding
):
    strides, dilation = step
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2, *(6,) * rank, 3)).astype("float32")
    shapes = (
        (*(size,) * rank, 3, multiplier),
        (*(1,) * rank, 3 * multiplier, 4),
    )
    kernels = [
        keras.Variable(generator.normal(size=shape), dtype="float32")
        for shape in shapes
    ]
    padding = padding if isinstance(padding, str) else padding[:rank]

    def answers(function, count):
        return value_and_gradients(
            lambda x: function(
                x,
                *map(keras.ops.convert_to_tensor, kernels[:count]),
                strides,
                padding,
                "channels_last",
                dilation,
            ),
            kernels[:count],
            x,
        )

    for name, count in [("depthwise_conv", 1), ("separable_conv", 2)]:
        operation = getattr(ops, name)
        generic = getattr(operation, "__wrapped__", operation)
        got = answers(operation, count)
        expected = answers(generic, count)
        for one, other in zip(
            keras.tree.flatten(got), keras.tree.flatten(expected), strict=True
        ):
            np.testing.assert_allclose(one, other, atol=1e-4)


def run_elsewhere(code, folder, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


CODE = """
import numpy as np, keras_extras
assert keras_extras.__file__.startswith({folder!r}), keras_extras.__file__
assert not hasattr(keras_extras.ops.max_pool, "__wrapped__")
layer = keras_extras.layers.MaxPooling2D(2)
assert tuple(layer(np.ones((1, 4, 4, 1))).shape) == (1, 2, 2, 1)
"""


def test_everything_works_without_the_folder(tmp_path):
    shutil.copytree(
        PACKAGE,
        tmp_path / "keras_extras",
        ignore=shutil.ignore_patterns("_fast", "__pycache__"),
    )
    folder = str(tmp_path)
    done = run_elsewhere(
        CODE.format(folder=folder), tmp_path, PYTHONPATH=folder
    )
    assert done.returncode == 0, done.stderr


def test_environment_variable_turns_all_rows_off():
    done = run_elsewhere(
        CODE.format(folder=str(PACKAGE.parent)),
        PACKAGE.parent,
        KERAS_EXTRAS_FAST="0",
    )
    assert done.returncode == 0, done.stderr
