"""What was flattened is followed: equal outputs, or an error, never else."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras import layers
from keras_extras.conversion import load_torch_weights, to_torch_state_dict
from tests import oracle
from tests.gradients import to_numpy

IS_TORCH = keras.backend.backend() == "torch"
stock = keras.layers

# --- on all backends: what NumPy says of a Linear behind maps ----------------

X = oracle.normal(3, 2, 4, 5)  # torch's maps
MAPS = np.moveaxis(X, 1, -1)
FLAT = X.reshape(3, 40)  # torch's order
WEIGHT, BIAS = oracle.normal(6, 40, seed=1), oracle.normal(6, seed=2)
STATE = {"fc.weight": WEIGHT, "fc.bias": BIAS}
WAYS = {
    "Flatten": layers.Flatten(),
    "stock Flatten": stock.Flatten(),
    "Reshape": stock.Reshape((-1,)),
    "reshape": lambda x: keras.ops.reshape(x, (-1, 40)),
    "Lambda": stock.Lambda(lambda x: keras.ops.reshape(x, (-1, 40))),
    "two steps": lambda x: stock.Flatten()(stock.Reshape((1, 40))(x)),
}


def assert_equal(actual, expected):
    np.testing.assert_allclose(
        to_numpy(actual), expected, atol=1e-5 * np.abs(expected).max()
    )


@pytest.mark.parametrize("way", WAYS)
def test_flattened_in_any_way(way):
    inputs = keras.Input((4, 5, 2))
    model = keras.Model(inputs, layers.Dense(6)(WAYS[way](inputs)))
    load_torch_weights(model, STATE)
    assert_equal(model(MAPS), FLAT @ WEIGHT.T + BIAS)
    for key, array in to_torch_state_dict(model).items():
        name = key.rpartition(".")[2]
        np.testing.assert_array_equal(array, STATE[f"fc.{name}"])


class Reshaping(keras.Model):
    """A subclassed model that flattens by a function."""

    def __init__(self):
        super().__init__()
        self.fc = layers.Dense(6)

    def call(self, inputs):
        batch = keras.ops.shape(inputs)[0]
        return self.fc(keras.ops.reshape(inputs, (batch, -1)))


def test_flattened_in_a_subclassed_model():
    model = Reshaping()
    model(MAPS)
    load_torch_weights(model, STATE)
    assert_equal(model(MAPS), FLAT @ WEIGHT.T + BIAS)


def test_two_heads_and_a_skip_around_a_dense():
    inputs = keras.Input((4, 5, 2))
    flat = layers.Flatten()(inputs)
    inner = layers.Dense(40, name="inner")(flat)
    outputs = [
        layers.Dense(6, name="fc")(flat),
        layers.Dense(6, name="behind")(flat + keras.ops.relu(inner)),
    ]
    square = oracle.normal(40, 40, seed=3)
    state = {
        **STATE,
        "inner.weight": square,
        "inner.bias": np.zeros(40),
        "behind.weight": WEIGHT,
        "behind.bias": BIAS,
    }
    model = keras.Model(inputs, outputs)
    load_torch_weights(model, state)
    head, behind = model(MAPS)
    assert_equal(head, FLAT @ WEIGHT.T + BIAS)
    skipped = FLAT + np.maximum(FLAT @ square.T, 0)
    assert_equal(behind, skipped @ WEIGHT.T + BIAS)


def test_a_dense_shared_by_branches():
    branches = [keras.Input((4, 5, 2)), keras.Input((4, 5, 2))]
    shared = layers.Dense(6)
    parts = [shared(layers.Flatten()(branch)) for branch in branches]
    model = keras.Model(branches, parts)
    load_torch_weights(model, STATE)
    for part in model([MAPS, MAPS]):
        assert_equal(part, FLAT @ WEIGHT.T + BIAS)
    vector = keras.Input((40,))
    mixed = keras.Model(
        [branches[0], vector],
        [shared(layers.Flatten()(branches[0])), shared(vector)],
    )
    with pytest.raises(ValueError, match="inputs of different orders"):
        load_torch_weights(mixed, STATE)


def test_norm_and_prelu_between():
    gamma, beta = oracle.normal(40, seed=4), oracle.normal(40, seed=5)
    alpha = oracle.normal(40, seed=6)
    model = keras.Sequential(
        [
            keras.Input((4, 5, 2)),
            layers.Flatten(),
            stock.LayerNormalization(epsilon=1e-5),
            stock.PReLU(),
            layers.Dense(6),
        ]
    )
    state = {
        "1.weight": gamma,
        "1.bias": beta,
        "2.weight": alpha,
        "3.weight": WEIGHT,
        "3.bias": BIAS,
    }
    load_torch_weights(model, state)
    mean, variance = FLAT.mean(1)[:, None], FLAT.var(1)[:, None]
    normal = (FLAT - mean) / np.sqrt(variance + 1e-5) * gamma + beta
    hidden = np.where(normal > 0, normal, alpha * normal)
    assert_equal(model(MAPS), hidden @ WEIGHT.T + BIAS)
    for array, expected in zip(
        to_torch_state_dict(model).values(), state.values(), strict=True
    ):
        np.testing.assert_array_equal(array, expected)


def test_a_vector_seen_as_maps():
    model = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(40, name="fc"),
            stock.Reshape((4, 5, 2)),
            layers.Conv2D(2, 1, use_bias=False, name="mix"),
        ]
    )
    weight, mix = oracle.normal(40, 3), oracle.normal(3, 2, 1, 1)[:2]
    state = {"fc.weight": weight, "fc.bias": np.zeros(40), "mix.weight": mix}
    load_torch_weights(model, state)
    x = oracle.normal(2, 3)
    maps = (x @ weight.T).reshape(2, 2, 4, 5)
    expected = np.einsum("nchw,oc->nhwo", maps, mix[:, :, 0, 0])
    assert_equal(model(x), expected)
    again = to_torch_state_dict(model)
    np.testing.assert_array_equal(again["fc.weight"], weight)


def test_one_position_has_one_order():
    inputs = keras.Input((4, 5, 40))
    pooled = layers.GlobalAveragePooling2D(keepdims=True)(inputs)
    model = keras.Model(inputs, layers.Dense(6)(layers.Flatten()(pooled)))
    load_torch_weights(model, STATE)
    np.testing.assert_array_equal(to_numpy(model.layers[-1].kernel).T, WEIGHT)


# --- what cannot be followed -------------------------------------------------


def errors_of(model, match, **options):
    with pytest.raises(ValueError, match=match) as caught:
        load_torch_weights(model, STATE, **options)
    return str(caught.value)


def test_two_axes_of_an_input_may_lie_in_either_order():
    model = keras.Sequential(
        [keras.Input((5, 8)), layers.Flatten(), layers.Dense(6, name="fc")]
    )
    text = errors_of(model, r"the layer 'fc' reads .* \(5, 8\)")
    assert "flattened={'fc': ...}" in text
    load_torch_weights(model, STATE, flattened={"fc": None})
    np.testing.assert_array_equal(to_numpy(model.layers[-1].kernel).T, WEIGHT)
    load_torch_weights(model, STATE, flattened={"fc": (8, 5)})
    x = oracle.normal(2, 8, 5)
    assert_equal(
        model(np.moveaxis(x, 1, -1)), x.reshape(2, 40) @ WEIGHT.T + BIAS
    )


def test_torch_may_have_permuted_and_gone_back():
    inputs = keras.Input((4, 5, 2))
    inner = layers.Dense(2, name="mix")(layers.MaxPooling2D(1)(inputs))
    model = keras.Model(
        inputs, layers.Dense(6, name="fc")(layers.Flatten()(inner))
    )
    state = {**STATE, "mix.weight": np.eye(2), "mix.bias": np.zeros(2)}
    with pytest.raises(ValueError, match=r"'fc' reads .* \(4, 5, 2\)"):
        load_torch_weights(model, state)


def test_an_input_that_is_read_in_two_orders():
    inputs = keras.Input((5, 8))
    steps = stock.LayerNormalization(epsilon=1e-5, scale=False)(inputs)
    maps = layers.Conv1D(8, 1, use_bias=False, name="mix")(inputs)
    heads = [layers.Dense(6, name="fc")(layers.Flatten()(steps)), maps]
    state = {
        **STATE,
        "mix.weight": np.ones((8, 8, 1)),
        "norm.bias": np.zeros(8),
    }
    for outputs in (heads[0], heads):
        model = keras.Model(inputs, outputs)
        if outputs is heads:
            with pytest.raises(ValueError, match=r"'fc' reads .* not known"):
                load_torch_weights(model, state)
        else:  # torch has the steps first, for the norm
            rest = {key: state[key] for key in state if "mix" not in key}
            load_torch_weights(model, rest)


def test_the_flatten_can_be_named_too():
    inputs = keras.Input((5, 8))
    flat = layers.Flatten(name="flat")(inputs)
    model = keras.Model(inputs, layers.Dense(6, name="fc")(flat))
    load_torch_weights(model, STATE, flattened={"flat": None})
    np.testing.assert_array_equal(to_numpy(model.layers[-1].kernel).T, WEIGHT)


def test_outputs_that_are_flattened_are_an_error():
    inputs = keras.Input((4, 5, 2))
    flat = layers.Flatten()(inputs)
    model = keras.Model(inputs, [flat, layers.Dense(6)(flat)], name="net")
    errors_of(model, r"the layer 'net' reads .* its output is flattened")
    load_torch_weights(model, STATE, flattened={"net": None})


def test_a_vector_seen_as_steps_must_be_said():
    model = keras.Sequential(
        [
            keras.Input((40,)),
            layers.Dense(6, name="fc"),
            stock.Reshape((2, 3), name="steps"),
        ]
    )
    errors_of(model, "its output: it is a view")
    load_torch_weights(model, STATE, flattened={"steps": None})
    np.testing.assert_array_equal(to_numpy(model.layers[0].kernel).T, WEIGHT)
    load_torch_weights(model, STATE, flattened={"steps": (3, 2)})
    x = oracle.normal(2, 40)
    expected = (x @ WEIGHT.T + BIAS).reshape(2, 3, 2)
    assert_equal(model(x), np.moveaxis(expected, 1, -1))


# --- drawn pairs, with torch as the oracle -----------------------------------

if IS_TORCH:
    import torch

    from tests.conversion import drawn
    from tests.conversion.torch_pairs import keras_order

    @given(st.data())
    def test_drawn_pairs_are_equal_or_an_error(data):
        model, module, x, is_last, steps = drawn.pair_of(data.draw)
        if not model.weights:
            return

        def moved(array, last):
            return array if last else keras_order(array)

        try:
            load_torch_weights(model, module)
        except ValueError as error:
            if "flattened=" in str(error) or "name_map" in str(error):
                return  # what it is, and what to do
            raise
        with torch.no_grad():
            expected = module(torch.from_numpy(x))
        actual = keras.tree.flatten(model(moved(x, is_last[0])))
        for ours, theirs, last in zip(
            actual, expected, is_last[1:], strict=True
        ):
            theirs = moved(theirs.numpy(), last)
            scale = np.abs(theirs).max() + 1e-3
            np.testing.assert_allclose(
                to_numpy(ours), theirs, atol=2e-5 * scale, err_msg=str(steps)
            )
