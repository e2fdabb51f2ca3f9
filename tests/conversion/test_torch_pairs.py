"""Which layer is which module: by name, by shape, by the data, or an error."""

import keras
import numpy as np
import pytest

from keras_extras import layers
from keras_extras.conversion import load_torch_weights, to_torch_state_dict
from tests import oracle
from tests.gradients import to_numpy

stock = keras.layers


def conv_state(name, filters, channels, size, seed):
    shape = (filters, channels, size, size)
    return {
        f"{name}.weight": oracle.normal(*shape, seed=seed),
        f"{name}.bias": oracle.normal(filters, seed=seed + 1),
    }


def block(shortcut_at, names=False):
    """A residual block; its shortcut is made first, or last."""

    def conv(filters, size, name):
        options = {"name": name} if names else {}
        return layers.Conv2D(filters, size, padding="same", **options)

    inputs = keras.Input((5, 5, 4))
    shortcut = conv(8, 1, "down")
    early = shortcut(inputs) if shortcut_at == "first" else None
    inner = conv(8, 3, "conv2")(conv(8, 3, "conv1")(inputs))
    late = shortcut(inputs) if early is None else early
    return keras.Model(inputs, late + inner)


BLOCK = {
    **conv_state("conv1", 8, 4, 3, 1),
    **conv_state("conv2", 8, 8, 3, 3),
    **conv_state("down", 8, 4, 1, 5),
}


@pytest.mark.parametrize("names", [False, True])
@pytest.mark.parametrize("shortcut_at", ["first", "last"])
def test_a_shortcut_may_stand_anywhere(shortcut_at, names):
    model = block(shortcut_at, names)
    load_torch_weights(model, BLOCK)
    by_shape = {
        weight.shape: to_numpy(weight)
        for weight in model.weights
        if weight.name == "kernel"
    }
    for name, shape in {
        "conv1": (3, 3, 4, 8),
        "conv2": (3, 3, 8, 8),
        "down": (1, 1, 4, 8),
    }.items():
        expected = np.moveaxis(BLOCK[f"{name}.weight"], (0, 1), (-1, -2))
        np.testing.assert_allclose(by_shape[shape], expected)


def two_heads(*names):
    inputs = keras.Input((3,))
    options = [{"name": name} for name in names] or [{}, {}]
    heads = [layers.Dense(2, **each)(inputs) for each in options]
    return keras.Model(inputs, heads)


HEADS = {
    "body.policy.weight": oracle.normal(2, 3, seed=1),
    "body.policy.bias": oracle.normal(2, seed=2),
    "body.value.weight": oracle.normal(2, 3, seed=3),
    "body.value.bias": oracle.normal(2, seed=4),
}


def test_layers_that_could_be_exchanged_are_listed():
    model = two_heads()
    before = model.get_weights()
    with pytest.raises(ValueError, match="leave a choice") as caught:
        load_torch_weights(model, HEADS)
    assert "may be 'body.policy' or 'body.value'" in str(caught.value)
    assert "name_map" in str(caught.value)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_end_of_a_name_tells():
    model = two_heads("value", "policy")
    load_torch_weights(model, HEADS)
    expected = HEADS["body.value.weight"]
    np.testing.assert_allclose(
        to_numpy(model.get_layer("value").kernel).T, expected
    )


class Mirrored(keras.Model):
    """Called like torch's: its attributes, which are not in their order."""

    def __init__(self):
        super().__init__()
        self.head = layers.Dense(3)
        self.body = [layers.Dense(3), layers.Dense(3)]

    def call(self, inputs):
        for layer in self.body:
            inputs = layer(inputs)
        return self.head(inputs)


def linear_state(*names):
    return {
        key: array
        for seed, name in enumerate(names)
        for key, array in (
            (f"{name}.weight", oracle.normal(3, 3, seed=2 * seed)),
            (f"{name}.bias", oracle.normal(3, seed=2 * seed + 1)),
        )
    }


def test_attributes_are_names():
    model = Mirrored()
    model(np.ones((1, 3), "float32"))
    state = linear_state("body.0", "head", "body.1")
    load_torch_weights(model, state)
    np.testing.assert_allclose(
        to_numpy(model.body[1].kernel).T, state["body.1.weight"]
    )
    with pytest.raises(ValueError, match="leave a choice"):
        load_torch_weights(model, linear_state("a", "b", "c"))


def test_names_that_keras_makes_are_no_names():
    model = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(3, name="dense_1"),
            layers.Dense(3, name="dense_2"),
        ]
    )
    state = linear_state("dense_0", "dense_1")
    load_torch_weights(model, state)
    np.testing.assert_allclose(
        to_numpy(model.layers[0].kernel).T, state["dense_0.weight"]
    )


def test_another_head_is_left_alone():
    model = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(3),
            layers.Dense(3),
            layers.Dense(7, name="mine"),
        ]
    )
    before = to_numpy(model.layers[-1].kernel)
    state = {
        **linear_state("a", "b"),
        "fc.weight": np.ones((5, 3)),
        "fc.bias": np.ones(5),
    }
    with pytest.raises(ValueError, match=r"mine.*cannot be made of 'fc\."):
        load_torch_weights(model, state)
    load_torch_weights(model, state, strict=False)
    np.testing.assert_allclose(
        to_numpy(model.layers[1].kernel).T, state["b.weight"]
    )
    np.testing.assert_array_equal(to_numpy(model.layers[-1].kernel), before)
    with pytest.raises(ValueError, match="does not fit the model"):
        load_torch_weights(model, {"a.weight": np.ones((2, 2))}, strict=False)


def test_a_module_under_two_names_is_one():
    state = linear_state("a", "b")
    twice = {
        "a.weight": state["a.weight"],
        "a.bias": state["a.bias"],
        "again.weight": state["a.weight"],
        "again.bias": state["a.bias"],
        "b.weight": state["b.weight"],
        "b.bias": state["b.bias"],
    }
    shared = layers.Dense(3)
    inputs = keras.Input((3,))
    model = keras.Model(inputs, layers.Dense(3)(shared(shared(inputs))))
    load_torch_weights(model, twice)
    np.testing.assert_allclose(
        to_numpy(model.layers[-1].kernel).T, state["b.weight"]
    )
    apart = keras.Sequential(
        [keras.Input((3,)), *(layers.Dense(3) for _ in range(3))]
    )
    load_torch_weights(apart, twice)
    np.testing.assert_allclose(
        to_numpy(apart.layers[1].kernel).T, state["a.weight"]
    )


def test_tied_embeddings():
    table = oracle.normal(9, 4)
    state = {"embed.weight": table, "head.weight": table}
    inputs = keras.Input((6,), dtype="int32")
    tied = stock.ReversibleEmbedding(9, 4)
    model = keras.Model(inputs, tied(tied(inputs), reverse=True))
    load_torch_weights(model, state)
    np.testing.assert_allclose(to_numpy(tied.embeddings), table)


def test_names_of_a_state_dict_come_back():
    model = block("first", names=True)
    load_torch_weights(model, BLOCK)
    again = to_torch_state_dict(model)
    assert again.keys() == BLOCK.keys()
    for key, array in again.items():
        np.testing.assert_array_equal(array, BLOCK[key])
