import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_extras import layers, transforms
from keras_extras.transforms import KernelTransform
from tests import samples
from tests.gradients import to_numpy
from tests.parity import FLOAT64, config_without_name

BACKEND = keras.backend.backend()


@keras.saving.register_keras_serializable("tests")
class Twice(KernelTransform):
    def call(self, kernel):
        return 2 * kernel


@keras.saving.register_keras_serializable("tests")
class Plus(KernelTransform):
    def __init__(self, number=1.0, **kwargs):
        super().__init__(**kwargs)
        self.number = number

    def call(self, kernel):
        return kernel + self.number


@keras.saving.register_keras_serializable("tests")
class Counting(KernelTransform):
    """Counts calls in training in a weight."""

    def build(self, kernel_shape):
        self.count = self.add_weight(
            name="count", initializer="zeros", trainable=False
        )

    def call(self, kernel, training=None):
        if training:
            self.count.assign_add(1.0)
        return kernel


# Square and odd, so that all transforms fit.
SHAPES = {
    "Dense": (4,),
    "Conv1D": (5, 2),
    "Conv2D": (4, 4, 2),
    "Conv2DTranspose": (3, 3, 2),
    "DepthwiseConv2D": (4, 4, 2),
    "SeparableConv1D": (5, 2),
}
ARGUMENTS = {
    "Dense": {"units": 4},
    "DepthwiseConv2D": {"kernel_size": 3, "depth_multiplier": 2},
}


def make(name, transform, **more):
    """A built layer with that transform of each of its kernels."""
    cls = getattr(layers, name)
    arguments = ARGUMENTS.get(name, {"filters": 4, "kernel_size": 3})
    given = transform() if callable(transform) else transform
    prefixes = list(cls.output_axes)
    arguments = arguments | {f"{prefixes[0]}_transform": given} | more
    layer = cls(**arguments, use_bias=True)
    layer.build((None, *SHAPES[name]))
    x = np.random.default_rng(0).normal(size=(2, *SHAPES[name]))
    return layer, x.astype("float32")


def sample(name):
    required = {
        "DoRA": {"lora_rank": 2},
        "LowRank": {"lora_rank": 2},
        "Mask": {"sparsity": 0.5},
    }
    return getattr(transforms, name)(**required.get(name, {}))


NAMES = sorted(
    set(transforms.__all__) - {"KernelOwner", "KernelTransform", "get"}
)


def change_weights(layer, seed=1):
    """Moves all trainable weights, those of the transforms too."""
    generator = np.random.default_rng(seed)
    for weight in layer.trainable_weights:
        weight.assign(weight + generator.normal(0, 0.3, weight.shape))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("family", ["Dense", "Conv2DTranspose"])
def test_layer_uses_the_transformed_kernel_and_freezes_it(name, family):
    layer, x = make(family, lambda: sample(name))
    change_weights(layer)
    expected = to_numpy(layer(x))
    (prefix,) = layer.output_axes
    kernel = layer._kernels[prefix]
    used = to_numpy(layer.kernel_transform(kernel.value))
    plain, _ = make(family, None)
    plain.set_weights([used, *layer.get_weights()[1:2]])
    np.testing.assert_allclose(to_numpy(plain(x)), expected, atol=1e-5)
    layer.freeze()
    np.testing.assert_allclose(to_numpy(layer(x)), expected, atol=1e-5)
    np.testing.assert_allclose(to_numpy(layer.kernel), used, atol=1e-6)
    assert layer.get_config()["kernel_transform"] is None
    assert [weight.name for weight in layer.weights] == ["kernel", "bias"]
    assert len(layer.trainable_weights) == 2
    again = type(layer).from_config(layer.get_config())
    again.build((None, *SHAPES[family]))
    again.set_weights(layer.get_weights())
    np.testing.assert_allclose(to_numpy(again(x)), expected, atol=1e-5)


@pytest.mark.parametrize("family", SHAPES)
def test_every_family_takes_and_freezes_a_list(family):
    layer, x = make(family, lambda: [Twice(), "WeightNorm"])
    change_weights(layer)
    expected = to_numpy(layer(x))
    own, *rest = layer.weights
    assert "kernel" in own.name
    assert rest[-1].name == "g"
    stock = getattr(keras.layers, family)
    arguments = ARGUMENTS.get(family, {"filters": 4, "kernel_size": 3})
    stock = stock(**arguments)
    stock.build((None, *SHAPES[family]))
    layer.freeze()
    stock.set_weights(layer.get_weights())
    np.testing.assert_allclose(to_numpy(layer(x)), expected, atol=1e-5)
    np.testing.assert_allclose(to_numpy(stock(x)), expected, atol=1e-5)


def test_both_kernels_of_a_separable_convolution_are_transformed():
    layer = layers.SeparableConv2D(
        3, 2, depthwise_transform=Twice(), pointwise_transform=Plus(3.0)
    )
    x = np.ones((1, 3, 3, 2))
    layer.build(x.shape)
    plain = layers.SeparableConv2D(3, 2)
    plain.build(x.shape)
    depthwise, pointwise, bias = layer.get_weights()
    plain.set_weights([2 * depthwise, pointwise + 3, bias])
    np.testing.assert_allclose(
        to_numpy(layer(x)), to_numpy(plain(x)), atol=1e-5
    )


def test_a_list_is_applied_from_left_to_right():
    for chain, expected in (
        ([Twice(), Plus(1.0)], 7.0),
        ((Plus(1.0), Twice()), 8.0),
    ):
        layer = layers.Dense(
            1,
            use_bias=False,
            kernel_initializer=keras.initializers.Constant(3.0),
            kernel_transform=chain,
        )
        assert to_numpy(layer(np.ones((1, 1)))).tolist() == [[expected]]


def test_the_hook_sees_what_the_transforms_made():
    class Negated(layers.Dense):
        def transform_kernel(self, kernel):
            return -kernel

    layer = Negated(
        1,
        use_bias=False,
        kernel_initializer="ones",
        kernel_transform=Plus(2.0),
    )
    x = np.ones((1, 1))
    assert to_numpy(layer(x)).tolist() == [[-3.0]]
    layer.freeze()
    assert to_numpy(layer(x)).tolist() == [[-3.0]]


@pytest.mark.parametrize(
    "given",
    [
        "UnitNorm",
        "tests>Twice",
        transforms.FakeQuantize(3, per_channel=False),
        {"class_name": "tests>Plus", "config": {"number": 2.0}},
        [Plus(4.0), "Ternary"],
        [],
        None,
    ],
)
def test_config_makes_the_same_layer(given):
    layer = layers.Conv1D(3, 2, kernel_transform=given)
    config = layer.get_config()
    for plain in (config, json.loads(json.dumps(config))):
        again = layers.Conv1D.from_config(plain)
        assert config_without_name(again) == config_without_name(layer)
    assert type(again.kernel_transform) is type(layer.kernel_transform)


LOAD = """
import sys
import numpy as np
import keras_extras
import keras
folder = sys.argv[1]
model = keras.saving.load_model(folder + "/model.keras")
x = np.load(folder + "/x.npy")
np.testing.assert_allclose(
    model.predict(x, verbose=0), np.load(folder + "/y.npy"), atol=1e-5
)
"""


def test_each_transform_is_saved_and_loads_in_a_fresh_process(tmp_path):
    stack = [
        layers.Dense(4, kernel_transform=sample(name), name=name.lower())
        for name in NAMES
    ]
    stack.append(
        layers.Dense(
            4, kernel_transform=[sample(name) for name in NAMES[:4]], name="x"
        )
    )
    model = keras.Sequential([keras.Input((4,)), *stack])
    for layer in model.layers:
        change_weights(layer)
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", model.predict(x, verbose=0))
    model.save(tmp_path / "model.keras")
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path)],
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    again = keras.saving.load_model(tmp_path / "model.keras")
    for one, other in zip(again.weights, model.weights, strict=True):
        assert one.name == other.name
        np.testing.assert_array_equal(to_numpy(one), to_numpy(other))


def test_stock_weights_load_and_transforms_begin_again_from_them(tmp_path):
    stock = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    ours = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(2, kernel_transform=["WeightNorm", Counting()]),
        ]
    )
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    expected = stock.predict(x, verbose=0)
    ours.layers[0].set_weights(stock.layers[0].get_weights())
    np.testing.assert_allclose(ours.predict(x, verbose=0), expected, atol=1e-6)
    stock.layers[0].kernel.assign(2 * stock.layers[0].kernel)
    expected = stock.predict(x, verbose=0)
    stock.save_weights(tmp_path / "w.weights.h5")
    ours.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_allclose(ours.predict(x, verbose=0), expected, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", FLOAT64])
def test_dtype_policies(name, policy):
    if policy == "mixed_float16" and BACKEND == "torch":
        pytest.skip("torch's CPU has not all kernels in float16")
    full, x = make("Dense", lambda: sample(name))
    layer, _ = make("Dense", lambda: sample(name), dtype=policy)
    layer.set_weights(full.get_weights())
    y = layer(x, training=True)
    assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    expected = to_numpy(full(x, training=True))
    np.testing.assert_allclose(to_numpy(y), expected, atol=0.05)
    if layer.compute_dtype != FLOAT64:
        assert {weight.dtype for weight in layer.weights} == {"float32"}


def test_transforms_see_all_digits_of_the_kernel():
    seen = []

    class Looking(KernelTransform):
        def call(self, kernel):
            seen.append(keras.backend.standardize_dtype(kernel.dtype))
            return kernel

    for policy in ("mixed_bfloat16", "bfloat16"):
        layer = layers.Dense(2, kernel_transform=Looking(), dtype=policy)
        y = layer(np.ones((1, 3)))
        assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
        layer.freeze()
        y = layer(np.ones((1, 3)))
        assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    assert set(seen) == {"float32"}


@pytest.mark.parametrize("family", SHAPES)
def test_training_flag_reaches_the_transform(family):
    layer, x = make(family, Counting)
    (transform,) = layer._all_transforms()
    for training, count in ((None, 0), (False, 0), (True, 1), (True, 2)):
        layer(x, training=training)
        assert float(transform.count) == count
    trainable, state = layer.trainable_variables, layer.non_trainable_variables
    _, state = layer.stateless_call(trainable, state, x, training=True)
    assert [float(value) for value in state] == [3.0]
    assert float(transform.count) == 2
    _, state = layer.stateless_call(
        trainable, layer.non_trainable_variables, x, training=False
    )
    assert [float(value) for value in state] == [2.0]


def test_fit_trains_kernel_and_transform_and_predict_changes_nothing():
    counting = Counting()
    layer = layers.Conv1D(
        3, 2, kernel_transform=["WeightNorm", counting, "SpectralNorm"]
    )
    model = keras.Sequential([keras.Input((5, 2)), layer])
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(8, 5, 2)).astype("float32")
    before = layer.get_weights()
    model.fit(x, np.ones((8, 4, 3)), batch_size=4, epochs=2, verbose=0)
    after = layer.get_weights()
    assert float(counting.count) == 4
    for weight, one, other in zip(layer.weights, before, after, strict=True):
        assert np.abs(one - other).max() > 1e-5, weight.path
    model.predict(x, verbose=0)
    model.evaluate(x, np.ones((8, 4, 3)), verbose=0)
    for one, other in zip(after, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_unknown_sizes_and_a_model_built_by_its_call():
    class Inner(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv = layers.Conv2D(3, 2, kernel_transform="WeightNorm")

        def call(self, inputs):
            return self.conv(inputs)

    inputs = keras.Input((None, None, 2))
    inner = Inner()
    model = keras.Model(inputs, inner(inputs))
    x = np.random.default_rng(0).normal(size=(1, 4, 5, 2)).astype("float32")
    got = model.predict(x, verbose=0)
    plain = layers.Conv2D(3, 2)
    plain.build(x.shape)
    plain.set_weights(inner.conv.get_weights()[:2])
    np.testing.assert_allclose(got, to_numpy(plain(x)), atol=1e-5)


def test_axis_of_the_user_comes_before_that_of_the_layer():
    layer = layers.Dense(4, kernel_transform=transforms.WeightNorm(axis=0))
    layer.build((None, 3))
    assert layer.kernel_transform.g.shape == (3, 1)
    assert layer.kernel_transform.get_config()["axis"] == (0,)
    with pytest.raises(ValueError, match="axis must be within the 2 axes"):
        layers.Dense(4, kernel_transform=transforms.WeightNorm(axis=2)).build(
            (None, 3)
        )


def test_one_transform_serves_one_kernel():
    shared = transforms.UnitNorm()
    layers.Dense(2, kernel_transform=shared).build((None, 3))
    with pytest.raises(ValueError, match="needs a transform of its own"):
        layers.Dense(2, kernel_transform=shared).build((None, 3))


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("NoSuchNorm", ValueError),
        ("Dense", ValueError),
        ({"a": 1}, ValueError),
        ([None], ValueError),
        (3, TypeError),
        (keras.layers.ReLU(), TypeError),
    ],
)
def test_what_is_no_transform_is_refused(value, error):
    for cls, name, arguments in (
        (layers.Dense, "kernel_transform", {"units": 2}),
        (layers.DepthwiseConv1D, "depthwise_transform", {"kernel_size": 2}),
    ):
        with pytest.raises(error) as caught:
            cls(**arguments, **{name: value})
        assert str(caught.value).startswith(
            f"{cls.__name__}: {name} must be a transform: its name"
        )


def test_misuse_is_explained():
    layer = layers.Dense(2, kernel_transform="UnitNorm")
    with pytest.raises(ValueError, match="freeze needs a built layer"):
        layer.freeze()
    layer.build((None, 3))
    with pytest.raises(NotImplementedError, match=r"freeze\(\) writes into"):
        layer.quantize("int8")


def test_a_frozen_layer_trains_on_like_any_other():
    layer, x = make("Dense", lambda: [sample("LowRank"), "WeightNorm"])
    model = keras.Sequential([layer])
    model(x)
    layer.freeze()
    before = layer.get_weights()
    model.compile("sgd", "mse")
    model.fit(x, np.ones((2, 4)), verbose=0)
    for one, other in zip(before, layer.get_weights(), strict=True):
        assert np.abs(one - other).max() > 0


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in samples.names()
        if name.endswith(("2D", "2DTranspose", "Dense"))
        and hasattr(samples.make(name)[0], "apply_transforms")
    ],
)
def test_training_reaches_the_transforms_of_each_layer(name):
    prefixes = getattr(layers, name).output_axes
    counting = {f"{prefix}_transform": Counting() for prefix in prefixes}
    layer, shape = samples.make(name, **counting)
    x = keras.ops.convert_to_tensor(samples.inputs(shape))
    layer.build(x.shape)
    layer.call(x, training=True)  # as a subclass calls it, without context
    for transform in counting.values():
        assert float(transform.count) == 1
