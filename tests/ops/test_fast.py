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
from tests.gradients import value_and_gradients

fast = pytest.importorskip(
    "keras_extras.ops._fast", reason="the folder may be deleted"
)

PACKAGE = Path(keras_extras.__file__).parent
NAMES = ["average_pool", "max_pool"]


def rows():
    backend = keras.backend.backend()
    module = __import__(fast.__name__ + "." + backend, fromlist=["ROWS"])
    return module.ROWS


@pytest.mark.skipif(
    os.environ.get("KERAS_EXTRAS_FAST") == "0", reason="turned off"
)
def test_rows_are_in_use_and_documented():
    assert rows()
    for row in rows():
        assert row.name in NAMES, "add the operation to the test below"
        assert hasattr(getattr(ops, row.name), "__wrapped__")
        line = f"| `{row.name}`"
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
@example("average_pool", 2, 3, 1, "same", "channels_last", "float32", False)
def test_fast_pooling_equals_generic_in_values_and_gradients(
    name, rank, pool_size, strides, padding, data_format, dtype, ties
):
    if rank == 3 and name == "average_pool":
        dtype = "float32"  # torch has no 3D mean in bfloat16
    x = np.random.default_rng(0).normal(size=(2, *(5,) * rank, 3))
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


def test_fast_max_pool_keeps_nan():
    if keras.backend.backend() == "tensorflow":
        pytest.skip("TensorFlow's max pooling drops NaN; it has no row here")
    x = np.zeros((1, 2, 4, 1), "float32")
    x[0, 0, 0, 0] = x[0, 1, 3, 0] = np.nan
    y = ops.max_pool(
        keras.ops.convert_to_tensor(x), 2, data_format="channels_last"
    )
    assert np.isnan(keras.ops.convert_to_numpy(y)).all()


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
