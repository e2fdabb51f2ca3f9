import copy
import pickle

import keras
import numpy as np
import pytest

from keras_extras.layers import Conv2D, Dense, KernelLayer, Layer
from tests.gradients import to_numpy
from tests.parity import FLOAT64


@keras.saving.register_keras_serializable("tests")
def double(x):
    return 2 * x


@keras.saving.register_keras_serializable("tests")
class Gate(Layer):
    def __init__(self, gate="sigmoid", inner=None, sizes=(1, 2), **kwargs):
        super().__init__(**kwargs)
        self.gate = gate
        self.inner = inner
        self.sizes = sizes

    def call(self, inputs):
        return self.inner(inputs)


@keras.saving.register_keras_serializable("tests")
class Sharper(Gate):
    def __init__(self, *args, power=1.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.power = power


@keras.saving.register_keras_serializable("tests")
class Fixed(Sharper):
    def __init__(self, power, **kwargs):
        super().__init__("tanh", power=power, **kwargs)


@keras.saving.register_keras_serializable("tests")
class Closed(Layer):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor


def test_each_argument_of_each_ancestor_is_in_the_config():
    layer = Sharper("relu", sizes=[3], power=2.0, name="s", dtype="float64")
    config = layer.get_config()
    assert config["gate"] == "relu"
    assert config["sizes"] == [3]
    assert config["power"] == 2.0
    again = Sharper.from_config(config)
    assert again.get_config() == config
    assert (again.gate, again.power, again.name) == ("relu", 2.0, "s")
    assert again.compute_dtype == "float64"


def test_what_a_class_fixes_for_its_parent_is_not_in_the_config():
    config = Fixed(3.0, sizes=(4,)).get_config()
    assert "gate" not in config
    again = Fixed.from_config(config)
    assert (again.gate, again.power, again.sizes) == ("tanh", 3.0, (4,))


def test_constructor_without_kwargs_gets_no_keras_arguments():
    assert Closed(2.0).get_config() == {"factor": 2.0}
    assert Closed.from_config({"factor": 2.0}).factor == 2.0


def test_layers_functions_and_initializers_are_saved(tmp_path):
    layer = Gate(
        gate=double,
        inner=Dense(2, kernel_initializer=keras.initializers.Constant(0.5)),
        name="gate",
    )
    model = keras.Sequential([keras.Input((3,)), layer])
    x = np.ones((1, 3))
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), expected)
    assert again.get_layer("gate").gate is double
    assert again.get_layer("gate").inner.units == 2


def test_argument_that_is_not_stored_is_named():
    class Forgetful(Layer):
        def __init__(self, factor=2.0, **kwargs):
            super().__init__(**kwargs)

    with pytest.raises(AttributeError, match=r"Add self.factor = factor"):
        Forgetful().get_config()


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies_give_the_same_outputs(duplicate):
    x = np.random.default_rng(0).normal(size=(1, 5, 5, 2)).astype("float32")
    layer = Conv2D(3, 3, padding=((1, 0), (0, 1)), pad_mode="edge")
    expected = to_numpy(layer(x))
    np.testing.assert_array_equal(to_numpy(duplicate(layer)(x)), expected)


def test_stock_objects_can_be_arguments():
    layer = Dense(
        2,
        activation=keras.layers.LeakyReLU(0.5),
        kernel_regularizer=keras.regularizers.L1L2(0.1, 0.2),
    )
    again = Dense.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again.activation.negative_slope == 0.5
    assert again.kernel_regularizer.l2 == pytest.approx(0.2)


def test_extra_weights_are_saved(tmp_path):
    @keras.saving.register_keras_serializable("tests")
    class Gained(Dense):
        def build(self, input_shape):
            super().build(input_shape)
            self.gain = self.add_weight(name="gain", initializer="ones")

        def transform_kernel(self, kernel):
            return self.gain * kernel

    model = keras.Sequential([keras.Input((3,)), Gained(2)])
    model.layers[0].gain.assign(3.0)
    x = np.ones((1, 3))
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), expected)


def test_regularizers_and_frozen_layers_behave_as_in_stock():
    x = np.ones((2, 3), "float32")
    arguments = {
        "units": 2,
        "kernel_initializer": "ones",
        "kernel_regularizer": "l2",
        "activity_regularizer": "l1",
    }
    losses = []
    for cls in (Dense, keras.layers.Dense):
        layer = cls(**arguments)
        layer(x)
        losses.append(to_numpy(layer.losses))
        layer.trainable = False
        assert not layer.trainable_weights
    assert losses[0] == losses[1]
    assert len(losses[0]) == 2


def test_kernel_layer_shares_its_steps_with_new_families():
    class Diagonal(KernelLayer):
        def build(self, input_shape):
            self.add_weights((input_shape[-1],), input_shape[-1])

        def call(self, inputs):
            return self.activate(self.add_bias(inputs * self._kernel_for_use()))

    layer = Diagonal(kernel_initializer="ones", bias_initializer="ones")
    assert to_numpy(layer(np.ones((1, 2)))).tolist() == [[2.0, 2.0]]


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16", FLOAT64])
def test_hooks_see_the_compute_dtype(policy):
    seen = []

    class Looking(Conv2D):
        def transform_kernel(self, kernel):
            seen.append(keras.backend.standardize_dtype(kernel.dtype))
            return kernel

    layer = Looking(1, 2, dtype=policy)
    y = layer(np.ones((1, 3, 3, 1)))
    assert seen == [layer.compute_dtype]
    assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    assert layer.weights[0].dtype == layer.variable_dtype
