"""Our layers said with layers of Keras, or refused, each with its reason."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_extras import layers
from keras_extras.conversion import to_keras
from keras_extras.models import MLP, ConvNet, Model
from tests import samples
from tests.conversion.moving import (
    assert_same_outputs,
    ours_in,
    randomize,
    run,
    values,
)

STOCK = sorted(
    name
    for name in samples.names()
    if hasattr(keras.layers, name) and name != "Layer"
)


# --- back to stock ----------------------------------------------------------


def assert_closes(layer, shape):
    """Asserts that stock layers stand in for one of ours, and returns them."""
    model = keras.Sequential([keras.Input(shape), layer])
    randomize(model)
    closed = to_keras(model)
    assert not ours_in(closed)
    assert_same_outputs(model, closed, values(2, *shape))
    return closed.layers


@pytest.mark.parametrize(
    ("name", "arguments", "shape", "expected"),
    [
        ("Conv1D", {"padding": ((2, 1),)}, (6, 2), "ZeroPadding1D Conv1D"),
        ("Conv1D", {"padding": 0}, (6, 2), "Conv1D"),
        ("Conv1D", {"padding": "causal"}, (6, 2), "Conv1D"),
        ("Conv2D", {"padding": (2, 1)}, (6, 5, 2), "ZeroPadding2D Conv2D"),
        (
            "Conv2D",
            {"padding": "valid", "pad_mode": "wrap"},
            (6, 5, 2),
            "Conv2D",
        ),
        (
            "Conv3D",
            {"padding": ((0, 1), (2, 0), (0, 0)), "strides": 2},
            (4, 3, 4, 2),
            "ZeroPadding3D Conv3D",
        ),
        ("DepthwiseConv1D", {"padding": 1}, (6, 2), None),
        ("DepthwiseConv1D", {"padding": "causal"}, (6, 2), None),
        ("SeparableConv2D", {"padding": 2}, (6, 5, 2), None),
        ("Conv1DTranspose", {"padding": 1, "strides": 2}, (4, 2), None),
        (
            "Conv2DTranspose",
            {"padding": ((0, 1), (1, 0)), "strides": 2, "output_padding": 1},
            (4, 3, 2),
            "Conv2DTranspose Cropping2D",
        ),
        ("Conv2DTranspose", {"padding": 0, "strides": 4}, (4, 3, 2), None),
    ],
)
def test_pads_as_numbers_become_layers(name, arguments, shape, expected):
    leaf = getattr(layers, name)
    filters = {} if name.startswith("Depthwise") else {"filters": 3}
    stock = assert_closes(
        leaf(kernel_size=3, activation="tanh", **filters, **arguments), shape
    )
    kinds = [type(layer).__name__ for layer in stock]
    assert name in kinds
    if expected:
        assert " ".join(kinds) == expected


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (
            layers.AveragePooling2D(3, 2, padding=1, count_include_pad=True),
            (6, 5, 2),
            "ZeroPadding2D AveragePooling2D",
        ),
        (layers.MaxPooling2D(2, padding=0), (6, 5, 2), "MaxPooling2D"),
        (layers.Pad1D(2), (3, 2), "ZeroPadding1D"),
        (layers.Pad2D(((0, 1), (2, 0))), (3, 2, 1), "ZeroPadding2D"),
        (layers.Flatten(start_axis=2), (3, 2, 4), "Reshape"),
        (layers.Unflatten(1, (2, -1)), (6, 3), "Reshape"),
        (
            layers.SpatialDropout1D(0.5, data_format="channels_first"),
            (6, 3),
            "Dropout",
        ),
    ],
)
def test_other_layers_become_stock_ones(layer, shape, expected):
    stock = assert_closes(layer, shape)
    assert " ".join(type(layer).__name__ for layer in stock) == expected


@pytest.mark.parametrize("name", sorted(set(samples.names()) - set(STOCK)))
def test_layer_that_stock_has_not_goes_over_or_is_refused(name):
    layer, shape = samples.make(name)
    model = keras.Sequential([keras.Input(shape), layer])
    randomize(model)
    try:
        closed = to_keras(model)
    except ValueError as error:
        text = str(error)
    else:
        assert_same_outputs(model, closed, samples.inputs(shape))
        return
    assert f"({name}): " in text


class Standardized(layers.Conv2D):
    """Another kernel, and nothing else."""

    def __init__(self, filters, kernel_size, *, slack=1e-5, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.slack = slack

    def transform_kernel(self, kernel):
        return (kernel - keras.ops.mean(kernel, axis=(0, 1, 2))) / (
            keras.ops.std(kernel, axis=(0, 1, 2)) + self.slack
        )


def test_transformed_kernel_is_frozen_in():
    (stock,) = assert_closes(Standardized(3, 3, strides=2), (7, 7, 2))
    assert type(stock) is keras.layers.Conv2D


def test_family_is_known_by_its_base_and_rank():
    class Doubled(layers.Conv):
        rank = 2

        def transform_kernel(self, kernel):
            return 2 * kernel

    (stock,) = assert_closes(Doubled(3, 3, padding="same"), (6, 5, 2))
    assert type(stock) is keras.layers.Conv2D
    (stock,) = assert_closes(layers.WeightStandardizedConv1D(3, 3), (6, 2))
    assert type(stock) is keras.layers.Conv1D


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Dense(3, kernel_transform="WeightNorm"), (4,)),
        (
            layers.Conv2D(
                3,
                3,
                padding=1,
                kernel_transform=["WeightStandardization", "SpectralNorm"],
            ),
            (6, 5, 2),
        ),
        (
            layers.DepthwiseConv2D(3, depthwise_transform="SpectralNorm"),
            (6, 5, 2),
        ),
        (
            layers.SeparableConv1D(
                4,
                3,
                depthwise_transform="WeightNorm",
                pointwise_transform="WeightStandardization",
            ),
            (6, 2),
        ),
        (Standardized(3, 3, kernel_transform="WeightNorm"), (6, 5, 2)),
    ],
)
def test_kernel_transforms_are_frozen_in(layer, shape):
    before = len(layer.weights)
    stock = assert_closes(layer, shape)
    assert len(layer.weights) > before  # the old one keeps its transforms
    assert all(weight.path for weight in stock[-1].weights)


def test_lora_is_merged():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4, lora_rank=2)])
    randomize(model)
    closed = to_keras(model)
    assert len(closed.weights) == 2
    assert closed.layers[0].lora_rank is None
    assert_same_outputs(model, closed, values(3, 6))


@pytest.mark.filterwarnings("ignore:Layer InputLayer")
@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_quantized_layers_stay_quantized(mode):
    model = keras.Sequential([keras.Input((6,)), layers.Dense(3)])
    model.quantize(mode)
    closed = to_keras(model)
    assert type(closed.layers[0]) is keras.layers.Dense
    assert closed.layers[0].dtype_policy == model.layers[0].dtype_policy
    assert_same_outputs(model, closed, values(2, 6))
    if mode != "float8":
        model.layers[0].enable_lora(1)
        with pytest.raises(ValueError, match=r"freeze\(\) rounds"):
            to_keras(model)
        model.layers[0].freeze()
        assert_same_outputs(model, to_keras(model), values(2, 6))


def test_pads_in_a_wrapper_become_a_small_model():
    model = keras.Sequential(
        [
            keras.Input((3, 6, 2)),
            keras.layers.TimeDistributed(layers.Conv1D(4, 3, padding=2)),
        ]
    )
    randomize(model)
    closed = to_keras(model)
    assert isinstance(closed.layers[0].layer, keras.Sequential)
    assert_same_outputs(model, closed, values(2, 3, 6, 2))


def test_shared_padded_layer_keeps_one_kernel():
    shared = layers.Conv1D(2, 3, padding=1, name="shared")
    inputs = keras.Input((6, 2))
    model = keras.Model(inputs, shared(shared(inputs)))
    randomize(model)
    closed = to_keras(model)
    assert len(closed.weights) == 2
    assert_same_outputs(model, closed, values(2, 6, 2))


@pytest.mark.parametrize(
    "model",
    [
        ConvNet(filters=[3], units=[4], num_classes=3, dropout=0.5),
        MLP(units=[4], num_classes=3),
    ],
    ids=["ConvNet", "MLP"],
)
def test_our_models_become_functional(model):
    x = values(2, 8, 8, 1)
    model(x)
    randomize(model)
    closed = to_keras(model)
    assert not isinstance(closed, Model)
    assert not ours_in(closed)
    assert_same_outputs(model, closed, x)


class Maker(keras.layers.Layer):
    """A layer of the user's, which makes one of ours."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inside = layers.Dense(2)

    def call(self, inputs):
        return self.inside(inputs)


def test_classes_that_make_ours_are_named():
    model = keras.Sequential([keras.Input((3,)), Maker(name="maker")])
    with pytest.raises(ValueError, match=r"'maker' \(Maker\) makes a layer"):
        to_keras(model)


@keras.saving.register_keras_serializable("test_convert")
class Taker(keras.layers.Layer):
    """A layer of the user's, which takes one of ours."""

    def __init__(self, inside, **kwargs):
        super().__init__(**kwargs)
        self.inside = inside

    def call(self, inputs):
        return self.inside(inputs)

    def get_config(self):
        inside = keras.saving.serialize_keras_object(self.inside)
        return {**super().get_config(), "inside": inside}

    @classmethod
    def from_config(cls, config):
        inside = keras.saving.deserialize_keras_object(config.pop("inside"))
        return cls(inside, **config)


def test_layers_handed_in_are_exchanged():
    model = keras.Sequential([keras.Input((3,)), Taker(layers.Dense(2))])
    randomize(model)
    closed = to_keras(model)
    assert type(closed.layers[0].inside) is keras.layers.Dense
    assert_same_outputs(model, closed, values(4, 3))


def test_unbuilt_subclass_is_refused():
    with pytest.raises(ValueError, match=r"ConvNet.*not built"):
        to_keras(ConvNet())


def test_all_that_cannot_be_expressed_is_listed():
    class Rough(layers.Conv2D):
        def pad_inputs(self, inputs):
            return inputs + 1

    model = keras.Sequential(
        [
            keras.Input((16, 16, 4)),
            layers.Conv2D(4, 3, padding=1, pad_mode="wrap", name="wrapped"),
            layers.Conv2D(4, 3, strides=2, dilation_rate=2, name="both"),
            Rough(4, 3, name="rough"),
            layers.MaxPooling2D(3, 1, padding=1, name="padded"),
            layers.AveragePooling2D(2, 1, ceil_mode=True, name="ceil"),
            layers.LpPooling2D(2, 1, name="lp"),
            layers.Dense(3, name="fine"),
        ]
    )
    with pytest.raises(ValueError, match="cannot express 6 of") as caught:
        to_keras(model)
    text = str(caught.value)
    for part in (
        "wrapped (Conv2D): Keras has no pad_mode='wrap'",
        "both (Conv2D): Keras refuses it",
        "rough (Rough): the subclass overrides pad_inputs",
        "padded (MaxPooling2D): padding=((1, 1), (1, 1)) that does not count",
        "ceil (AveragePooling2D): Keras has no ceil_mode=True",
        "lp (LpPooling2D): Keras has no LpPooling2D",
    ):
        assert part in text
    assert "fine" not in text


def test_saved_result_loads_without_us(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            Standardized(3, 3, padding=1, name="first"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    randomize(model)
    x = values(2, 8, 8, 2)
    to_keras(model).save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", x)
    code = (
        "import sys\n"
        "sys.modules['keras_extras'] = None  # an import of it fails\n"
        "import keras, numpy as np\n"
        "model = keras.saving.load_model('model.keras')\n"
        "y = keras.ops.convert_to_numpy(model(np.load('x.npy')))\n"
        "np.save('y.npy', y)\n"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "KERAS_BACKEND": keras.backend.backend()},
        check=True,
    )
    np.testing.assert_allclose(
        np.load(tmp_path / "y.npy"), run(model, x), atol=1e-5
    )
