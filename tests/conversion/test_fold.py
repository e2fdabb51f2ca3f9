"""Folding against the model as it was, on models with odd statistics."""

import keras
import numpy as np
import pytest

import keras_extras
from keras_extras.conversion import fold_batch_norm
from keras_extras.models import ConvNet

stock, ours = keras.layers, keras_extras.layers


def unsettled(model):
    """Returns the model with random statistics, scales and shifts."""
    generator = np.random.default_rng(0)
    for layer in model._flatten_layers():
        if isinstance(layer, stock.BatchNormalization):
            for weight in layer.weights:
                middle = "variance" in weight.name or "gamma" in weight.name
                noise = generator.uniform(-0.4, 0.4, weight.shape)
                weight.assign(middle + noise)
    return model


def norms(model):
    return [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, stock.BatchNormalization)
    ]


def assert_same(new, old, shape, tolerance=1e-5):
    x = np.random.default_rng(1).normal(size=(3, *shape)).astype("float32")
    expected = old.predict(x, verbose=0)
    got = new.predict(x, verbose=0)
    error = np.abs(got - expected).max() / np.abs(expected).max()
    assert error < tolerance


def sequential(*layers, shape=(9, 9, 4)):
    return unsettled(keras.Sequential([keras.Input(shape), *layers]))


LAYERS = {
    "Conv2D": lambda kind: kind.Conv2D(6, 3, use_bias=False),
    "Conv2D with groups": lambda kind: kind.Conv2D(6, 3, groups=2, strides=2),
    "DepthwiseConv2D": lambda kind: kind.DepthwiseConv2D(3, depth_multiplier=2),
    "SeparableConv2D": lambda kind: kind.SeparableConv2D(6, 3),
    "Conv2DTranspose": lambda kind: kind.Conv2DTranspose(6, 3, strides=2),
    "Dense": lambda kind: kind.Dense(6),
}


@pytest.mark.parametrize("kind", [stock, ours], ids=["stock", "ours"])
@pytest.mark.parametrize("name", LAYERS)
def test_each_layer_takes_in_its_normalization(name, kind):
    layer = LAYERS[name](kind)
    old = sequential(layer, stock.BatchNormalization(), stock.ReLU())
    new = fold_batch_norm(old)
    assert not norms(new)
    assert [type(each) for each in new.layers] == [type(layer), stock.ReLU]
    assert new.layers[0] is not layer
    assert_same(new, old, (9, 9, 4))


def test_channels_first_and_one_dimension():
    old = sequential(
        stock.Conv1D(5, 3, data_format="channels_first"),
        stock.BatchNormalization(1, scale=False),
        stock.Conv1D(5, 3, data_format="channels_first"),
        stock.BatchNormalization(1, center=False, epsilon=0.1),
        shape=(4, 12),
    )
    try:
        old.predict(np.ones((1, 4, 12)), verbose=0)
    except Exception:
        pytest.skip("this backend has no channels_first here")
    new = fold_batch_norm(old)
    assert len(new.layers) == 2
    assert_same(new, old, (4, 12))


def test_two_in_a_row_and_what_hands_on():
    old = sequential(
        stock.Conv2D(6, 3),
        stock.BatchNormalization(),
        stock.Dropout(0.5),
        stock.Cropping2D(1),
        stock.BatchNormalization(),
    )
    new = fold_batch_norm(old)
    assert len(new.layers) == 3
    assert_same(new, old, (9, 9, 4))


def test_subclassed_and_nested_models():
    model = unsettled(
        ConvNet([(3, 4)], batch_normalization=True, units=[5], pooling="avg")
    )
    model.build((None, 9, 9, 4))
    unsettled(model)
    new = fold_batch_norm(model)
    assert not norms(new)
    assert_same(new, model, (9, 9, 4))
    block = keras.Sequential([stock.Conv2D(4, 1), stock.BatchNormalization()])
    inputs = keras.Input((9, 9, 4))
    twice = keras.Model(inputs, block(block(inputs)))
    unsettled(twice)
    again = fold_batch_norm(fold_batch_norm(twice))  # nothing is left to do
    assert not norms(again)
    assert_same(again, twice, (9, 9, 4))


@pytest.mark.full
@pytest.mark.parametrize("name", ["MobileNetV2", "ResNet50"])
def test_applications(name):
    keras.utils.set_random_seed(0)
    old = getattr(keras.applications, name)(
        weights=None, input_shape=(64, 64, 3), classifier_activation=None
    )
    new = fold_batch_norm(unsettled(old))
    assert not norms(new)
    assert_same(new, old, (64, 64, 3))


def branched():
    inputs = keras.Input((9, 9, 4))
    hidden = stock.Conv2D(4, 3, name="conv")(inputs)
    normal = stock.BatchNormalization(name="norm")(hidden)
    return keras.Model(inputs, stock.Add()([hidden, normal]))


def shared():
    inputs = keras.Input((9, 9, 4))
    conv = stock.Conv2D(4, 3, padding="same", name="conv")
    hidden = stock.BatchNormalization(name="norm")(conv(inputs))
    return keras.Model(inputs, conv(hidden))


def trained():
    inputs = keras.Input((9, 9, 4))
    hidden = stock.Conv2D(4, 3)(inputs)
    norm = stock.BatchNormalization(name="norm")
    return keras.Model(inputs, norm(hidden, training=True))


class Block(stock.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.norm = stock.BatchNormalization(name="norm")

    def call(self, inputs):
        return self.norm(inputs)


def chain(*layers):
    return lambda: sequential(*(make() for make in layers))


def norm(axis=-1):
    return stock.BatchNormalization(axis, name="norm")


STAYING = {
    "elsewhere": (branched, "the output of 'conv' .Conv2D. is used elsewhere"),
    "shared": (shared, "'conv' is called several times"),
    "training": (trained, "called with training=True"),
    "padding": (
        chain(
            lambda: stock.Conv2D(4, 3),
            lambda: stock.ZeroPadding2D(1, name="pad"),
            norm,
        ),
        "'pad' .ZeroPadding2D. stands in front",
    ),
    "activation": (
        chain(lambda: stock.Conv2D(4, 3, activation="relu"), norm),
        "has an activation",
    ),
    "other layer": (
        chain(lambda: stock.MaxPooling2D(2), norm),
        "which has no kernel",
    ),
    "input": (chain(norm), "gets an input of the model"),
    "axis": (
        chain(lambda: stock.Conv2D(4, 3), lambda: norm(1)),
        "another axis",
    ),
    "transform": (
        chain(lambda: ours.Dense(4, lora_rank=1), norm),
        "the kernel of .* is transformed",
    ),
    "inside": (chain(Block), "inside of 'block.*' .Block., which is no graph"),
}


@pytest.mark.parametrize("name", STAYING)
def test_what_stays_is_told_with_the_reason(name):
    make, words = STAYING[name]
    old = unsettled(make())
    with pytest.raises(ValueError, match=f"(?s)1 batch norm.*norm: .*{words}"):
        fold_batch_norm(old)
    new = fold_batch_norm(old, strict=False)
    assert len(norms(new)) == 1
    assert_same(new, old, (9, 9, 4))


def test_old_model_stays_as_it_is():
    old = sequential(stock.Conv2D(6, 3), stock.BatchNormalization())
    before = [keras.ops.convert_to_numpy(weight) for weight in old.weights]
    fold_batch_norm(old)
    assert len(old.layers) == 2
    for weight, value in zip(old.weights, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), value)


def test_wrong_arguments():
    with pytest.raises(TypeError, match=r"must be a keras\.Model"):
        fold_batch_norm(stock.Dense(2))
    with pytest.raises(ValueError, match="is not built"):
        fold_batch_norm(ConvNet())
