"""What we use of Keras's private side is there, and does what we think.

A failure here names the part of the library that a new Keras has broken.
"""

import keras
import numpy as np
import pytest

import keras_extras
from keras_extras import _keras_internals as internals

stock = keras.layers


class Nested(stock.Layer):
    def __init__(self):
        super().__init__()
        self.parts = [stock.Dense(2), keras.Sequential([stock.Dense(3)])]

    def call(self, inputs):
        for part in self.parts:
            inputs = part(inputs)
        return inputs


# --- models ------------------------------------------------------------------


def test_a_mask_stands_in_the_call_of_a_graph():
    """`to_keras` refuses layers that take one where Keras's ignore it."""
    x = keras.Input((5,), dtype="int32")
    for masked in (True, False):
        layer = keras_extras.layers.Conv1D(2, 3)
        assert not internals.was_given_mask(layer)
        layer(stock.Embedding(4, 3, mask_zero=masked)(x))
        assert internals.was_given_mask(layer) is masked


def test_who_wrote_a_class():
    """`to_extras`, `to_keras`, the trace and the fast `fit` ask that."""
    for thing in (stock.Dense(1), stock.Dense, keras.ops.add):
        assert internals.package_of(thing) == "keras"
    assert internals.package_of(keras_extras.layers.Dense) == "keras_extras"
    assert internals.package_of(keras.Sequential()) == "keras"
    assert internals.package_of(np.mean) == "numpy"
    assert internals.package_of(keras.losses.MeanSquaredError()) == "keras"
    assert internals.package_of(Nested) not in ("keras", "keras_extras")


def test_sublayers():
    """`activations`, `to_extras` and torch's weights walk through these."""
    layer = Nested()
    dense, sequential = layer.parts
    assert internals.sublayers(layer) == [dense, sequential]
    found = internals.all_sublayers(layer)
    assert found == [dense, sequential, *sequential.layers]
    assert internals.all_sublayers(layer, include_self=True) == [layer, *found]


def test_a_sublayer_is_replaced():
    """`to_extras` and `to_keras` do that in subclassed models."""
    layer, new = Nested(), stock.Dense(5)
    layer(np.ones((1, 2)))
    old = layer.parts[0]
    internals.replace_sublayer(layer, old, new)
    assert internals.sublayers(layer)[0] is new
    assert all(part is not old for part in internals.all_sublayers(layer))
    assert {"_layers", "_tracker"} <= vars(layer).keys()
    assert {"_layers", "_tracker"} & internals.attributes_of(layer).keys() == (
        set()
    )
    assert internals.attributes_of(layer)["parts"][0] is old


def functional():
    inputs = keras.Input((3,))
    hidden = stock.Dense(3, name="dense")(inputs)
    return keras.Model(inputs, keras.ops.tanh(hidden) + inputs)


def test_functional_models():
    """`fold_batch_norm`, `to_extras`, `to_keras` and the trace ask that."""
    model = functional()

    class Plain(type(model)):
        pass

    class Own(type(model)):
        def __init__(self, units):
            inputs = keras.Input((units,))
            super().__init__(inputs, inputs)

    assert internals.is_functional(model)
    assert internals.is_functional(Own(2))
    assert not internals.is_functional(keras_extras.models.MLP())
    assert not internals.is_functional(keras.Sequential())
    assert internals.has_functional_constructor(type(model))
    assert internals.has_functional_constructor(Plain)
    assert not internals.has_functional_constructor(Own)
    assert not internals.has_functional_constructor(keras_extras.models.MLP)


def test_nodes_of_a_graph():
    """`fold_batch_norm` reads who takes whose output from them."""
    model = functional()
    nodes = list(internals.graph_nodes(model))
    assert [type(node.operation).__name__ for node in nodes] == [
        "InputLayer",
        "Dense",
        "Tanh",
        "Add",
    ]
    assert [node.is_input for node in nodes] == [True, False, False, False]
    assert nodes[1].input_tensors == nodes[0].output_tensors
    assert nodes[3].input_tensors[1] is nodes[0].output_tensors[0]
    assert nodes[1].arguments.kwargs.get("training") is None


def test_nodes_are_forgotten():
    """A trace would stay in the graph of the model, and in memory."""
    layer = functional().get_layer("dense")
    before = internals.node_counts(layer)
    layer(keras.Input((3,)))
    assert internals.node_counts(layer) == (before[0] + 1, before[1])
    internals.forget_nodes(layer, before)
    assert internals.node_counts(layer) == before == (1, 1)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (keras.ops.matmul, "Matmul"),
        (keras.ops.conv_transpose, "ConvTranspose"),
        (keras.ops.fft2, "FFT2"),
        (keras.ops.relu6, "Relu6"),
    ],
)
def test_classes_of_functions(function, name):
    """Multiply-adds and receptive fields are looked up by these classes."""
    assert internals.operation_class(function).__name__ == name
    assert issubclass(internals.operation_class(function), keras.Operation)


def test_a_function_without_a_class():
    with pytest.raises(LookupError, match="is_tensor"):
        internals.operation_class(keras.ops.is_tensor)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="about its functions"
)
def test_the_compiled_step():
    """The fast `fit` on TensorFlow runs it in a loop."""
    model = functional()
    model.compile("sgd", "mse")
    model.make_train_function()
    step = internals.compiled_step(model.train_function)
    logs = step((np.ones((2, 3), "float32"), np.ones((2, 3), "float32")))
    assert set(logs) == {"loss"}
    assert internals.compiled_step(print) is None
    assert internals.compiled_step(lambda iterator: None) is None


@pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="about JAX's state"
)
def test_the_state_on_jax():
    """The fast `fit` on JAX tells it if a step fails."""
    model = functional()
    model.compile(keras.optimizers.SGD(0.0), "mse")
    x = np.ones((2, 3), "float32")
    expected = [weight + 1.0 for weight in model.get_weights()]

    def failing(state, iterator):
        trainable = [value + 1.0 for value in state[0]]
        internals.keep_jax_state(model, (trainable, *state[1:]))
        raise KeyboardInterrupt

    model.train_function = failing
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, x, verbose=0)
    for mine, other in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_losses_that_layers_add():
    """The fast `fit` on torch leaves no such losses behind."""
    for options, expected in (
        ({"activity_regularizer": "l2"}, True),
        ({"kernel_regularizer": "l2"}, False),
    ):
        model = keras.Sequential([stock.Dense(2, **options)])
        model(np.ones((2, 3)))
        assert internals.has_added_losses(model) is expected


# --- callbacks ---------------------------------------------------------------


@pytest.mark.parametrize("scaled", [False, True])
def test_the_schedule_of_an_optimizer(scaled):
    """If Keras renames it, the finder would lose the schedule of a model."""
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    for rate, expected in ((schedule, schedule), (0.1, None)):
        optimizer = keras.optimizers.SGD(rate)
        if scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        assert internals.learning_rate_schedule(optimizer) is expected


# --- layers and transforms ---------------------------------------------------


class Owner(keras.layers.Layer):
    """A layer with a weight of its own and one in a sublayer."""

    def __init__(self):
        super().__init__()
        self.inner = keras.layers.Dense(2, use_bias=False)

    def build(self, input_shape):
        self.own = self.add_weight((1,), name="own")
        self.state = self.add_weight((1,), name="state", trainable=False)
        self.inner.build(input_shape)


def built_owner():
    layer = Owner()
    layer.build((None, 3))
    layer.built = True
    return layer


def test_a_built_layer_takes_a_weight_in():
    """`enable_lora` adds a pair of weights to a layer that is built."""
    layer = keras.layers.Dense(2)
    layer.build((None, 3))
    with pytest.raises(ValueError, match="cannot add new elements of state"):
        layer.early = keras.Variable([1.0])
    with internals.open_to_weights(layer):
        layer.late = keras.Variable([1.0])
    assert any(weight is layer.late for weight in layer.weights)
    with pytest.raises(ValueError, match="cannot add new elements of state"):
        layer.later = keras.Variable([1.0])


def test_a_layer_that_fails_to_take_a_weight_is_closed_again():
    """`enable_lora` may raise: a kernel with a constraint takes no pair."""
    layer = keras.layers.Dense(2)
    layer.build((None, 3))
    with pytest.raises(RuntimeError), internals.open_to_weights(layer):
        raise RuntimeError
    with pytest.raises(ValueError, match="cannot add new elements of state"):
        layer.later = keras.Variable([1.0])


def test_a_sublayer_and_its_weights_are_dropped():
    """`freeze` leaves nothing of the transforms in the layer, and its file."""
    layer = built_owner()
    internals.drop_sublayer(layer, layer.inner)
    assert [weight.name for weight in layer.weights] == ["own", "state"]
    assert [weight.name for weight in layer.trainable_weights] == ["own"]


def test_a_weight_is_dropped():
    layer = keras.layers.Dense(2)
    layer.build((None, 3))
    internals.drop_weight(layer, "_kernel")
    assert [weight.name for weight in layer.weights] == ["bias"]
    assert not hasattr(layer, "_kernel")


def test_own_variables_are_those_without_sublayers():
    """`set_weights` takes the weights of the stock layer without transforms."""
    layer = built_owner()
    own = internals.own_variables(layer)
    assert [weight.name for weight in own] == ["own", "state"]
    for first, second in zip(own, layer.weights, strict=False):
        assert first is second  # they come first, in this order
