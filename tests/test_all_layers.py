"""Promises that every public layer keeps."""

import importlib.util
import inspect
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_extras import layers
from tests import samples
from tests.agreement import answers
from tests.gradients import to_numpy

BACKEND = keras.backend.backend()
NEXT = {"tensorflow": "jax", "jax": "torch", "torch": "tensorflow"}[BACKEND]
NAMES = samples.names()


def few(names):
    """Marks as `full` what costs JAX a compilation, and says little new.

    All ranks of a family run the same lines; two dimensions stand for them.
    """
    if BACKEND != "jax":
        return names
    return [
        pytest.param(name, marks=pytest.mark.full)
        if name.endswith(("1D", "3D")) or "1DT" in name or "3DT" in name
        else name
        for name in names
    ]


LAYERS = [
    name for name in NAMES if hasattr(samples.make(name)[0], "data_format")
]


def eager(name, **more):
    layer, shape = samples.make(name, **more)
    x = samples.inputs(shape)
    layer.build(x.shape)
    samples.set_weights(layer)
    return layer, x, layer(x)


def compiled(layer):
    """The layer as the backend compiles it."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return tf.function(layer)
    if BACKEND == "jax":
        import jax

        values = [variable.value for variable in layer.variables]

        def run(values, x):
            mapping = zip(layer.variables, values, strict=True)
            with keras.StatelessScope(state_mapping=list(mapping)):
                return layer(x)

        return lambda x: jax.jit(run)(values, x)
    import torch

    torch.compiler.reset()
    return torch.compile(layer, backend="eager", fullgraph=False)


# torch's compiler takes seconds a layer; the other layers in `make test-full`.
QUICK = {"Conv2D", "Dense", "DepthwiseConv1D", "MaxPooling2D", "PixelShuffle"}


@pytest.mark.parametrize(
    "name",
    [
        name
        if BACKEND != "torch" or name in QUICK
        else pytest.param(name, marks=pytest.mark.full)
        for name in NAMES
    ],
)
def test_compiled_equals_eager(name):
    layer, x, expected = eager(name)
    got = compiled(layer)(keras.ops.convert_to_tensor(x))
    for one, other in zip(
        keras.tree.flatten(got), keras.tree.flatten(expected), strict=True
    ):
        np.testing.assert_allclose(to_numpy(one), to_numpy(other), atol=1e-5)


@pytest.mark.skipif(BACKEND != "jax", reason="vmap is JAX's")
@pytest.mark.parametrize("name", few(NAMES))
def test_mapped_equals_one_by_one(name):
    import jax

    layer, x, _ = eager(name)
    stack = np.stack([x, 2 * x, -x])
    got = jax.vmap(layer)(stack)
    expected = np.stack([to_numpy(layer(part)) for part in stack])
    np.testing.assert_allclose(to_numpy(got), expected, atol=1e-4)


@pytest.mark.parametrize("name", few(NAMES))
def test_symbolic_output_is_true(name):
    layer, x, expected = eager(name)
    for batch in (x.shape[0], None):
        symbolic = layer.compute_output_spec(
            keras.KerasTensor((batch, *x.shape[1:]))
        )
        assert tuple(symbolic.shape) == (batch, *expected.shape[1:])
        assert symbolic.dtype == keras.backend.standardize_dtype(expected.dtype)


@pytest.mark.parametrize("name", few(NAMES))
@pytest.mark.parametrize("batch", [0, 1])
def test_empty_and_single_batches_work(name, batch):
    layer, _, expected = eager(name)
    _, shape = samples.make(name)
    outputs = layer(samples.inputs(shape, batch))
    assert tuple(outputs.shape) == (batch, *expected.shape[1:])


@pytest.mark.parametrize("name", few(NAMES))
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_is_near_and_finite(name, policy):
    if policy == "mixed_float16" and BACKEND == "torch":
        pytest.skip("torch's CPU has not all kernels in float16")
    _, _, expected = eager(name)
    half, _, outputs = eager(name, dtype=policy)
    assert keras.backend.standardize_dtype(outputs.dtype) == half.compute_dtype
    scale = max(1, np.abs(to_numpy(expected)).max())
    np.testing.assert_allclose(
        to_numpy(outputs), to_numpy(expected), atol=0.05 * scale
    )


@pytest.mark.parametrize("name", few(LAYERS))
def test_channels_first_is_channels_last_transposed(name):
    last, x, expected = eager(name)
    first, _ = samples.make(name, data_format="channels_first")
    first.build((2, *samples.make(name, data_format="channels_first")[1]))
    first.set_weights(last.get_weights())
    got = to_numpy(first(np.moveaxis(x, -1, 1)))
    if got.ndim > 2:
        got = np.moveaxis(got, 1, -1)
    np.testing.assert_allclose(got, to_numpy(expected), atol=1e-5)


@pytest.mark.parametrize("name", few(NAMES))
def test_inputs_are_not_modified(name):
    layer, x, _ = eager(name)
    before = x.copy()
    tensor = keras.ops.convert_to_tensor(x)
    layer(tensor)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(to_numpy(tensor), before)


@pytest.mark.parametrize("name", few(NAMES))
def test_a_variable_is_an_input(name):
    layer, x, expected = eager(name)
    outputs = layer(keras.Variable(x))
    for one, other in zip(
        keras.tree.flatten(outputs), keras.tree.flatten(expected), strict=True
    ):
        np.testing.assert_allclose(to_numpy(one), to_numpy(other), atol=1e-6)


class Wrong:
    """A value that is right for no argument."""

    def __repr__(self):
        return "<wrong>"


# Keras's own, whose errors are Keras's.
OF_KERAS = {"name", "dtype", "trainable", "autocast"}
EVERY_NAME = sorted(set(NAMES) | set(samples.ELSEWHERE))


def arguments_of(name):
    """All constructor arguments, those of the bases too."""
    cls = getattr(layers, name)
    found = {}
    for owner in cls.__mro__:
        if owner is keras.layers.Layer:
            break
        if "__init__" not in vars(owner):
            continue
        parameters = inspect.signature(owner.__init__).parameters.values()
        for item in list(parameters)[1:]:
            if item.kind not in (item.VAR_POSITIONAL, item.VAR_KEYWORD):
                found[item.name] = item
    # What these give their parent themselves.
    masks = ("SpatialDropout", "DropBlock", "DropPath")
    fixed = {"noise_shape"} if name.startswith(masks) else set()
    return sorted(set(found) - OF_KERAS - fixed)


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        (name, argument)
        for name in EVERY_NAME
        for argument in arguments_of(name)
    ],
)
def test_wrong_value_of_any_argument_is_named(name, argument):
    refused = set()  # whatever the value
    if name.endswith("Transpose"):
        refused = {"pad_mode", "pad_value"}
    required = {}
    if name in NAMES:
        config = samples.make(name)[0].get_config()
        required = {
            key: value
            for key, value in config.items()
            if key in arguments_of(name)
        }
    elif name.startswith("Fractional"):
        required = {"pool_size": 2, "output_size": 2}
    error = ValueError if argument in refused else TypeError
    with pytest.raises(error) as caught:
        getattr(layers, name)(**{**required, argument: Wrong()})
    text = str(caught.value)
    assert text.startswith(f"{name}: {argument} must be ")
    assert f"Received: {argument}=<wrong>" in text


@pytest.mark.parametrize(
    "name", sorted(samples.BASES - {"Layer", "KernelLayer"})
)
def test_rank_general_base_asks_for_a_rank(name):
    cls = getattr(layers, name)
    required = {
        key: 1
        for owner in cls.__mro__[: cls.__mro__.index(layers.Layer)]
        if "__init__" in vars(owner)
        for key, item in inspect.signature(owner.__init__).parameters.items()
        if key != "self" and item.default is item.empty
        if item.kind not in (item.VAR_POSITIONAL, item.VAR_KEYWORD)
    }
    with pytest.raises(TypeError, match=f"{name}: the class attribute rank"):
        cls(**required)


STOCK = [name for name in NAMES if hasattr(keras.layers, name)]


@pytest.mark.parametrize("name", STOCK)
def test_stock_config_and_weights_load(name, tmp_path):
    ours, shape = samples.make(name)
    known = inspect.signature(getattr(keras.layers, name)).parameters
    stock = getattr(keras.layers, name)(
        **{
            key: "same" if key == "padding" else value
            for key, value in ours.get_config().items()
            if key in known and key != "dtype"
        }
    )
    config = stock.get_config()
    config["dtype"] = "float32"  # SpatialDropout's is not a policy's
    again = type(ours).from_config(config)
    models = [
        keras.Sequential([keras.Input(shape), layer])
        for layer in (stock, again)
    ]
    samples.set_weights(stock)
    models[0].save_weights(tmp_path / "stock.weights.h5")
    models[1].load_weights(tmp_path / "stock.weights.h5")
    x = samples.inputs(shape)
    one, other = (model.predict(x, verbose=0) for model in models)
    if BACKEND == "torch" and name.startswith("AveragePooling"):
        return  # its "same" counts pads there in Keras 3.15; it loads
    np.testing.assert_allclose(other, one, atol=1e-5)


def test_backends_agree(tmp_path):
    if importlib.util.find_spec(NEXT) is None:
        pytest.skip(f"{NEXT} is not installed")
    file = tmp_path / "answers.npz"
    done = subprocess.run(
        [sys.executable, "-m", "tests.agreement", str(file)],
        cwd=Path(__file__).parents[1],
        env=os.environ | {"KERAS_BACKEND": NEXT},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    here = answers()
    with np.load(file) as there:
        assert set(there) == set(here)
        for name, value in here.items():
            scale = max(1.0, np.abs(value).max(initial=0))
            # A weight's gradient adds up what all places say, which cancels.
            scale *= 1e-4 if name.endswith("gradient") else 2e-5
            np.testing.assert_allclose(
                there[name], value, atol=scale, err_msg=name
            )


def test_model_of_these_layers_is_exported(tmp_path):
    if BACKEND != "tensorflow":
        pytest.skip("Keras exports a SavedModel from TensorFlow without extras")
    import tensorflow as tf

    model = keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(3, 3, padding=2, pad_mode="reflect", strides=2),
            layers.MaxPooling2D(3, 2, "same"),
            layers.AveragePooling2D(2, padding="same"),
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.export(tmp_path / "model", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "model"))
    x = samples.inputs((8, 8, 2))
    np.testing.assert_allclose(
        to_numpy(served.serve(x)), model.predict(x, verbose=0), atol=1e-5
    )


@pytest.mark.parametrize("name", NAMES)
def test_mask_is_passed_on_or_stopped_as_in_stock(name):
    stock = getattr(keras.layers, name, None)
    if stock is None:
        pytest.skip("Keras has no such layer")
    ours, _ = samples.make(name)
    known = inspect.signature(stock).parameters
    arguments = {
        key: "same" if key == "padding" else value
        for key, value in ours.get_config().items()
        if key in known
    }
    if getattr(ours, "use_mask", False) and ours.supports_masking:
        ours, _ = samples.make(name, use_mask=False)  # as Keras has no choice
    assert ours.supports_masking == stock(**arguments).supports_masking
