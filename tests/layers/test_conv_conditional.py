import keras
import numpy as np
import pytest

import keras_extras
from keras_extras.layers import CondConv1D, CondConv2D
from tests.gradients import to_numpy, value_and_gradients
from tests.layers.test_conv import images, reference_conv

RANKS = {
    rank: getattr(keras_extras.layers, f"CondConv{rank}D") for rank in (1, 2, 3)
}


def shares(layer, x):
    """sigmoid(mean @ R + b), in float64."""
    means = x.astype("float64").mean(axis=tuple(range(1, x.ndim - 1)))
    numbers = means @ to_numpy(layer.routing_kernel)
    return 1 / (1 + np.exp(-(numbers + to_numpy(layer.routing_bias))))


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("batch", [3, 1])
def test_cond_conv_equals_a_kernel_for_each_example(rank, groups, batch):
    x = images(rank, 5, 4, batch=batch)
    layer = RANKS[rank](
        2 * groups,
        2,
        2,
        padding=1,
        groups=groups,
        num_experts=3,
        bias_initializer="uniform",
    )
    layer.build(x.shape)
    layer.routing_bias.assign([0.5, -0.5, 0.0])
    outputs = to_numpy(layer(x))
    mixed = np.tensordot(shares(layer, x), to_numpy(layer.kernel), 1)
    bias = shares(layer, x) @ to_numpy(layer.bias).reshape(3, -1)
    expected = np.concatenate(
        [
            reference_conv(
                x[n : n + 1].astype("float64"),
                mixed[n],
                (2,) * rank,
                [(1, 1)] * rank,
                (1,) * rank,
                {"mode": "constant"},
            )
            + bias[n]
            for n in range(batch)
        ]
    )
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    assert layer.compute_output_shape(x.shape) == expected.shape
    first = RANKS[rank].from_config(
        {**layer.get_config(), "data_format": "channels_first"}
    )
    moved = np.moveaxis(x, -1, 1)
    first.build(moved.shape)
    first.set_weights(layer.get_weights())
    np.testing.assert_allclose(
        np.moveaxis(to_numpy(first(moved)), 1, -1), outputs, atol=1e-5
    )


@pytest.mark.parametrize("batch", [1, 2])
def test_gradients_equal_those_of_stock_layers(batch):
    x = images(1, 5, 2, batch=batch)
    layer = CondConv1D(3, 3, num_experts=2, use_bias=False)
    layer.build(x.shape)
    route = keras.layers.Dense(2, activation="sigmoid")
    route.build((None, 2))
    route.set_weights(layer.get_weights()[1:])
    experts = [keras.layers.Conv1D(3, 3, use_bias=False) for _ in range(2)]
    for stock, kernel in zip(experts, to_numpy(layer.kernel), strict=True):
        stock.build(x.shape)
        stock.set_weights([kernel])

    def composition(values):
        weights = route(keras.ops.mean(values, axis=1))
        return sum(
            weights[:, index, None, None] * stock(values)
            for index, stock in enumerate(experts)
        )

    got = value_and_gradients(layer, layer.trainable_weights, x)
    expected = value_and_gradients(
        composition,
        [expert.kernel for expert in experts] + route.trainable_weights,
        x,
    )
    kernels = np.stack(expected[2][:2])
    for one, other in zip(
        [*got[:2], *got[2]],
        [*expected[:2], kernels, *expected[2][2:]],
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_equal_experts_and_softmax_are_one_convolution():
    x = images(2, 4, 2)
    layer = CondConv2D(3, 3, routing_activation="softmax")
    plain = keras_extras.layers.Conv2D(3, 3)
    plain.build(x.shape)
    layer.build(x.shape)
    layer.kernel.assign(np.stack([to_numpy(plain.kernel)] * 4))
    np.testing.assert_allclose(
        to_numpy(layer(x)), to_numpy(plain(x)), atol=1e-5
    )


@pytest.mark.parametrize("initializer", ["glorot_uniform", "he_normal"])
def test_experts_are_drawn_apart_each_as_a_kernel_of_its_own(initializer):
    for seed in (None, 3):
        given = keras.initializers.get(initializer)
        if seed is not None:
            given = type(given)(seed=seed)
        layer = CondConv2D(64, 3, kernel_initializer=given, num_experts=3)
        layer.build((None, 4, 4, 32))
        kernel = to_numpy(layer.kernel)
        alone = to_numpy(given((3, 3, 32, 64)))
        for one in range(3):
            assert kernel[one].std() == pytest.approx(alone.std(), rel=0.05)
            assert np.abs(kernel[one] - kernel[one - 1]).mean() > 0.01
        assert layer.kernel_initializer is given
        np.testing.assert_allclose(kernel[0], alone, atol=1e-6)


def test_one_example_is_convolved_once():
    calls = []

    class Counting(CondConv1D):
        def convolution_op(self, inputs, kernel, routing=None):
            calls.append(tuple(routing.shape))
            return super().convolution_op(inputs, kernel, routing)

    x = images(1, 5, 2)
    layer = Counting(3, 3, num_experts=2)
    both = to_numpy(layer(x))
    alone = np.concatenate([to_numpy(layer(x[n : n + 1])) for n in range(2)])
    assert calls == [(2, 2), (1, 2), (1, 2)]
    np.testing.assert_allclose(alone, both, atol=1e-5)


def test_padding_does_not_change_the_routing():
    x = images(2, 4, 2)
    layer = CondConv2D(2, 3, padding=2, pad_mode="reflect")
    layer.build(x.shape)
    np.testing.assert_allclose(
        to_numpy(layer.route(keras.ops.convert_to_tensor(x))),
        shares(layer, x),
        atol=1e-6,
    )
    assert layer(x).shape == (2, 6, 6, 2)


def test_unknown_sizes_give_the_same_values():
    layer = CondConv2D(2, 3, 2, "same", num_experts=2)
    inputs = keras.Input((None, None, 1))
    model = keras.Model(inputs, layer(inputs))
    x = images(2, 7, 1)
    np.testing.assert_allclose(
        model.predict(x, verbose=0), to_numpy(layer(x)), atol=1e-5
    )


def test_kernel_transform_sees_each_filter_of_each_expert():
    layer = CondConv2D(3, 3, kernel_transform="WeightStandardization")
    layer.build((None, 4, 4, 2))
    kernel = to_numpy(layer.apply_transforms("kernel"))
    flat = np.moveaxis(kernel, 0, -1).reshape(-1, 12)
    np.testing.assert_allclose(flat.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(flat.std(axis=0), 1, atol=1e-2)


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"num_experts": 0}, "num_experts", ValueError),
        ({"routing_activation": "sigmiod"}, "routing_activation", ValueError),
        ({"routing_initializer": "zeroes"}, "routing_initializer", ValueError),
    ],
)
def test_wrong_argument_is_named_with_its_value(keywords, argument, error):
    with pytest.raises(error, match="CondConv2D: ") as caught:
        CondConv2D(2, 3, **keywords)
    text = str(caught.value)
    assert text.startswith(f"CondConv2D: {argument} must be ")
    assert f"Received: {argument}={keywords[argument]!r}" in text


@pytest.mark.parametrize("rank", RANKS)
def test_hooks_are_called_and_the_model_loads_again(rank, tmp_path):
    calls = []

    def record(name):
        def step(self, *args):
            calls.append(name)
            return getattr(RANKS[rank], name)(self, *args)

        return step

    hooks = ["route", "pad_inputs", "transform_kernel", "convolution_op"]
    hooks += ["add_bias", "activate"]
    x = images(rank, 4, 1)
    recording = type(
        "R", (RANKS[rank],), {name: record(name) for name in hooks}
    )
    recording(2, 3)(x)
    assert calls == hooks
    layer = RANKS[rank](2, 3, num_experts=2, routing_activation="softmax")
    model = keras.Sequential([keras.Input(x.shape[1:]), layer])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        again.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6
    )
