"""Weights from torch and back: the same outputs, and errors with names."""

import keras
import numpy as np
import pytest

from keras_extras import layers
from keras_extras.conversion import load_torch_weights, to_torch_state_dict
from tests import oracle
from tests.gradients import to_numpy
from tests.oracle import torch_models

STORED = oracle.load("torch_models")
IS_TORCH = keras.backend.backend() == "torch"


def norm(**options):
    return keras.layers.BatchNormalization(epsilon=1e-5, **options)


def parts(case, package=layers):
    """Returns the layers of a case, in Keras's order of axes."""
    p = package
    return {
        "mlp": lambda: [
            p.Dense(4, activation="tanh"),
            p.Dense(3, use_bias=False),
        ],
        "conv": lambda: [
            layers.Conv2D(6, (3, 2), 2, padding=1, groups=2),
            layers.Conv2D(4, 2, dilation_rate=(1, 2), padding=2),
        ],
        "conv modes": lambda: [
            layers.Conv2D(3, 3, padding=(2, 1), pad_mode="reflect"),
            layers.Conv2D(3, 3, padding=1, pad_mode="edge"),
            layers.Conv2D(2, 3, padding=2, pad_mode="wrap"),
        ],
        "conv1d": lambda: [
            layers.Conv1D(4, 3, 2, padding=1, use_bias=False),
            norm(),
            layers.Conv1DTranspose(2, 4, 2, padding=1),
        ],
        "transposed": lambda: [
            layers.Conv2DTranspose(
                6, 3, 2, padding=1, output_padding=1, groups=2
            ),
            layers.Conv2DTranspose(2, (2, 3), dilation_rate=2, padding=0),
        ],
        "separable": lambda: [
            p.SeparableConv2D(3, 3, padding="same", depth_multiplier=2),
            p.DepthwiseConv2D(3, depth_multiplier=2),
        ],
        "normalized": lambda: [
            p.Conv2D(4, 3),
            norm(),
            keras.layers.PReLU(shared_axes=(1, 2)),
            keras.layers.GroupNormalization(2, epsilon=1e-5),
            norm(center=False, scale=False),
        ],
        "volume": lambda: [
            p.Conv3D(3, 2),
            p.Conv3DTranspose(2, 2, strides=2),
        ],
        "lenet": lambda: [
            p.Conv2D(3, 3, padding="same", activation="relu"),
            p.MaxPooling2D(2),
            p.Conv2D(4, 3, activation="relu"),
            p.AveragePooling2D(2),
            p.Flatten(),
            p.Dropout(0.5),
            norm(),
            p.Dense(5, activation="relu"),
            p.Dense(3),
        ],
        "tokens": lambda: [
            keras.layers.Embedding(9, 4),
            keras.layers.LayerNormalization(epsilon=1e-5),
            p.Dense(2),
        ],
    }[case]()


def state_of(case):
    return {
        key.removeprefix(f"{case}/"): array
        for key, array in STORED.items()
        if key.startswith(f"{case}/")
    }


def last(array):
    """Channels from torch's place to Keras's."""
    return np.moveaxis(array, 1, -1) if array.ndim > 2 else array


def model_of(case, package=layers):
    x = torch_models.inputs(case)
    shape = last(x).shape[1:]
    return keras.Sequential([keras.Input(shape), *parts(case, package)])


def assert_answers(model, case):
    expected = STORED[case]
    if case != "tokens":
        expected = last(expected)
    got = to_numpy(model(last(torch_models.inputs(case))))
    scale = max(1, np.abs(expected).max())
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("case", torch_models.INPUTS)
def test_loaded_model_answers_as_torch(case):
    model = model_of(case)
    load_torch_weights(model, state_of(case))
    assert_answers(model, case)


@pytest.mark.parametrize("case", ["mlp", "separable", "volume", "lenet"])
def test_stock_layers_answer_as_torch(case):
    model = model_of(case, keras.layers)
    load_torch_weights(model, state_of(case))
    assert_answers(model, case)


@pytest.mark.parametrize("case", torch_models.INPUTS)
def test_state_dict_comes_back(case):
    model = model_of(case)
    state = {
        key: array
        for key, array in state_of(case).items()
        if not key.endswith("num_batches_tracked")
    }
    load_torch_weights(model, state)
    again = to_torch_state_dict(model)
    suffixes = [key.rpartition(".")[2] for key in again]
    assert suffixes == [key.rpartition(".")[2] for key in state]
    for got, expected in zip(again.values(), state.values(), strict=True):
        np.testing.assert_array_equal(got, expected)
        assert got.flags.c_contiguous


@pytest.mark.skipif(not IS_TORCH, reason="torch is the oracle")
def test_file_is_up_to_date():
    oracle.assert_up_to_date("torch_models", torch_models.results())


@pytest.mark.skipif(not IS_TORCH, reason="torch is the oracle")
@pytest.mark.parametrize("case", torch_models.INPUTS)
def test_torch_takes_what_comes_back(case):
    import torch

    source = torch_models.fill(torch_models.modules()[case])
    model = model_of(case)
    load_torch_weights(model, source.state_dict())  # tensors
    target = torch_models.modules()[case].eval()
    names = dict.fromkeys(key.rpartition(".")[0] for key in state_of(case))
    moved = to_torch_state_dict(model)
    prefixes = dict.fromkeys(key.rpartition(".")[0] for key in moved)
    renamed = dict(zip(prefixes, names, strict=True))
    target.load_state_dict(
        {
            f"{renamed[key.rpartition('.')[0]]}.{key.rpartition('.')[2]}": (
                torch.tensor(array)
            )
            for key, array in moved.items()
        }
    )
    with torch.no_grad():
        got = target(torch.from_numpy(torch_models.inputs(case))).numpy()
    np.testing.assert_allclose(got, STORED[case], rtol=1e-5, atol=1e-6)


# --- names and order --------------------------------------------------------


def two_dense():
    return keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(3, name="first"),
            layers.Dense(3, name="second"),
        ]
    )


def two_linear(first="a", second="b"):
    return {
        f"{first}.weight": oracle.normal(3, 3, seed=1),
        f"{first}.bias": oracle.normal(3, seed=2),
        f"{second}.weight": oracle.normal(3, 3, seed=3),
        f"{second}.bias": oracle.normal(3, seed=4),
    }


def kernels(model):
    return [to_numpy(layer.kernel) for layer in model.layers]


def test_name_map_pairs_by_name_and_the_rest_in_order():
    state = two_linear()
    model = two_dense()
    load_torch_weights(model, state, {"first": "b"})
    first, second = kernels(model)
    np.testing.assert_allclose(first, state["b.weight"].T)
    np.testing.assert_allclose(second, state["a.weight"].T)
    assert list(to_torch_state_dict(model, {"first": "b", "second": "a"})) == [
        "b.weight",
        "b.bias",
        "a.weight",
        "a.bias",
    ]


def test_activation_with_weights_is_a_module_behind_its_layer():
    layer = layers.Dense(2, activation=keras.layers.PReLU(), name="d")
    model = keras.Sequential([keras.Input((3,)), layer])
    model(np.ones((1, 3), "float32"))
    state = to_torch_state_dict(model)
    assert [array.shape for array in state.values()] == [(2, 3), (2,), (2,)]
    state["p_re_lu.weight"] = state.popitem()[1] + 0.5
    load_torch_weights(model, state)
    np.testing.assert_allclose(to_numpy(layer.activation.alpha), [0.5, 0.5])


def test_a_single_module_has_no_prefix():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, name="d")])
    state = {"weight": oracle.normal(2, 3), "bias": oracle.normal(2)}
    load_torch_weights(model, state)
    np.testing.assert_allclose(to_numpy(model.layers[0].bias), state["bias"])
    assert list(to_torch_state_dict(model, {"d": ""})) == ["weight", "bias"]


def test_separable_takes_a_pair_of_names():
    model = keras.Sequential(
        [keras.Input((5, 2)), layers.SeparableConv1D(3, 3, name="sep")]
    )
    assert list(to_torch_state_dict(model)) == [
        "sep.depthwise.weight",
        "sep.pointwise.weight",
        "sep.pointwise.bias",
    ]
    names = {"sep": ("space", "mix")}
    state = to_torch_state_dict(model, names)
    assert list(state) == ["space.weight", "mix.weight", "mix.bias"]
    load_torch_weights(model, dict(reversed(state.items())), names)


def test_nested_models_with_equal_names_are_told_apart():
    def part(name):
        inner = [keras.Input((3,)), layers.Dense(3, name="dense")]
        return keras.Sequential(inner, name=name)

    model = keras.Sequential([keras.Input((3,)), part("left"), part("right")])
    state = to_torch_state_dict(model)
    assert len(state) == 4
    other = keras.Sequential([keras.Input((3,)), part("left"), part("right")])
    load_torch_weights(other, state)
    for one, two in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(to_numpy(one), to_numpy(two))


def test_shared_layer_is_one_module():
    shared = layers.Dense(3)
    inputs = keras.Input((3,))
    model = keras.Model(inputs, shared(shared(inputs)))
    assert len(to_torch_state_dict(model)) == 2


def test_subclassed_model_goes_by_its_attributes():
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = layers.Dense(2)
            self.body = [layers.Dense(3), keras.layers.BatchNormalization()]

        def call(self, inputs):
            for layer in self.body:
                inputs = layer(inputs)
            return self.head(inputs)

    model = Net()
    model(np.ones((1, 4), "float32"))
    shapes = [array.shape for array in to_torch_state_dict(model).values()]
    assert shapes == [(2, 3), (2,), (3, 4), (3,), (3,), (3,), (3,), (3,)]


def test_transformed_kernels_go_out_as_they_are_used():
    layer = layers.Dense(2, kernel_transform="WeightStandardization")
    model = keras.Sequential([keras.Input((5,)), layer])
    x = oracle.normal(3, 5)
    weight, bias = to_torch_state_dict(model).values()
    np.testing.assert_allclose(
        to_numpy(model(x)), x @ weight.T + bias, atol=1e-5
    )


def test_transforms_begin_anew_from_a_loaded_kernel():
    layer = layers.Dense(2, kernel_transform="WeightNorm", use_bias=False)
    model = keras.Sequential([keras.Input((5,)), layer])
    weight = oracle.normal(2, 5)
    load_torch_weights(model, {"weight": weight})
    x = oracle.normal(3, 5)
    np.testing.assert_allclose(to_numpy(model(x)), x @ weight.T, atol=1e-5)


# --- errors -----------------------------------------------------------------


def test_shapes_that_do_not_fit_are_all_named_and_nothing_is_set():
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.Conv2D(4, 3, name="conv"),
            layers.Flatten(),
            layers.Dense(2, name="head"),
        ]
    )
    before = model.get_weights()
    state = {
        "c.weight": np.zeros((4, 3, 3, 3)),
        "c.bias": np.zeros(4),
        "f.weight": np.zeros((2, 7)),
        "f.bias": np.zeros(2),
    }
    with pytest.raises(ValueError, match="does not fit the model") as caught:
        load_torch_weights(model, state)
    text = str(caught.value)
    for part in (
        "conv (Conv2D): kernel of shape (3, 3, 2, 4)",
        "'c.weight' of shape (4, 3, 3, 3)",
        "head (Dense): kernel of shape (64, 2)",
        "'f.weight' of shape (2, 7)",
    ):
        assert part in text
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_leftovers_on_either_side_are_named():
    state = two_linear()
    extra = {**state, "c.weight": np.zeros((2, 2))}
    with pytest.raises(ValueError, match=r"Left over.*c\.weight"):
        load_torch_weights(two_dense(), extra)
    fewer = {key: state[key] for key in list(state)[:3]}
    with pytest.raises(ValueError, match=r"Without a tensor: second/bias"):
        load_torch_weights(two_dense(), fewer)
    model = two_dense()
    load_torch_weights(model, {**fewer, "z.bias": np.ones(1)}, strict=False)
    np.testing.assert_allclose(kernels(model)[1], state["b.weight"].T)


@pytest.mark.parametrize(
    ("name_map", "match"),
    [
        ({"third": "a"}, r"name_map must name one module.*'third'"),
        ({"first": "c"}, r"not in the state_dict: \['c'\]"),
        ({"first": ("a", "b")}, "two for a separable"),
    ],
)
def test_wrong_name_map(name_map, match):
    with pytest.raises(ValueError, match=match):
        load_torch_weights(two_dense(), two_linear(), name_map)


@pytest.mark.parametrize("package", [layers, keras.layers])
def test_quantized_weights_are_refused(package):
    model = keras.Sequential([keras.Input((4,)), package.Dense(2)])
    state = to_torch_state_dict(model)
    model.layers[0].quantize("int8")
    for move in (
        lambda: to_torch_state_dict(model),
        lambda: load_torch_weights(model, state),
    ):
        with pytest.raises(ValueError, match="is quantized to int8"):
            move()


def test_unbuilt_model_and_unknown_layer_are_named():
    with pytest.raises(ValueError, match=r"load_torch_weights.*not built"):
        load_torch_weights(keras.Sequential([layers.Dense(2)]), {})
    model = keras.Sequential(
        [keras.Input((4, 5, 2)), keras.layers.ConvLSTM1D(3, 2)]
    )
    with pytest.raises(ValueError, match=r"'conv_ls.*LSTM1D\) has weights"):
        to_torch_state_dict(model)
