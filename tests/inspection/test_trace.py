"""The calls that are seen, and that looking leaves nothing behind."""

import threading

import keras
import numpy as np
import pytest

from keras_extras.inspection import multiply_adds, summary_frame
from keras_extras.inspection._trace import trace
from keras_extras.models import Model
from tests.gradients import to_numpy

stock = keras.layers


def named(call):
    """Returns the tree of the calls as names of classes."""
    name = type(call.operation).__name__
    inside = [named(each) for each in call.inside]
    return (name, inside) if inside else name


class Block(stock.Layer):
    def __init__(self):
        super().__init__()
        self.dense = stock.Dense(4)

    def call(self, inputs):
        return keras.ops.tanh(self.dense(inputs))


class Lazy(keras.Model):
    """Makes a layer in its first call."""

    def __init__(self):
        super().__init__()
        self.block = Block()
        self.late = None

    def call(self, inputs):
        if self.late is None:
            self.late = stock.Dense(3)
        return self.late(self.block(inputs))


def test_calls_inside_of_layers_and_models():
    model = keras.Sequential([keras.Input((5,)), Block(), Block()])
    call = trace("t", model)
    block = ("Block", ["Dense", "Tanh"])
    assert [named(each) for each in call.layers()] == [block, block]
    assert call.output_shape == (None, 4)
    assert call.layers()[0].input_shape == (None, 5)


def test_any_batch_or_one():
    model = Lazy()
    assert trace("t", model, (None, 5)).output_shape == (None, 3)
    assert model.built
    assert model.late.built
    assert trace("t", model, batch_size=1).output_shape == (1, 3)


def test_nothing_is_left_in_the_graph():
    inputs = keras.Input((5,))
    dense = stock.Dense(3)
    model = keras.Model(inputs, keras.ops.tanh(dense(inputs)))
    method = keras.layers.Layer.symbolic_call
    before = len(dense._inbound_nodes), len(dense._outbound_nodes)
    trace("t", model)
    assert (len(dense._inbound_nodes), len(dense._outbound_nodes)) == before
    assert keras.layers.Layer.symbolic_call is method
    assert model.predict(np.ones((2, 5)), verbose=0).shape == (2, 3)


def test_real_tensors_where_symbolic_ones_are_refused():
    class Raw(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = stock.Dense(3)

        def call(self, inputs):
            if isinstance(inputs, keras.KerasTensor):
                raise TypeError("real ones only")
            return self.dense(inputs)

    call = trace("t", Raw(), (None, 5))
    assert "real ones only" in call.problem
    assert [named(each) for each in call.inside] == ["Dense"]
    assert call.output_shape == (1, 3)
    with pytest.raises(ValueError, match="without None but for the batch"):
        trace("t", Raw(), (None, None, 5))


def test_other_threads_are_not_seen():
    class Waiting(stock.Layer):
        def call(self, inputs):
            own = keras.Input((3,))
            other = threading.Thread(target=stock.Dense(2), args=(own,))
            other.start()
            other.join()
            return inputs * 2

    model = keras.Sequential([keras.Input((5,)), Waiting()])
    call = trace("t", model).layers()[0]
    assert named(call) == ("Waiting", ["Multiply"])


def test_shape_must_be_known():
    with pytest.raises(ValueError, match="for a model that is not built"):
        trace("t", Lazy())


class Averages(keras.layers.Layer):
    """Moves a weight and a seed whenever it is called."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(1)

    def build(self, input_shape):
        self.mean = self.add_weight(shape=(4,), trainable=False)

    def call(self, inputs):
        self.mean.assign(0.5 * self.mean + keras.ops.mean(inputs, axis=0))
        noise = keras.random.normal((4,), seed=self.seed_generator)
        return inputs + noise


def test_a_pass_changes_no_statistics_and_no_seeds():
    class Around(Model):
        def __init__(self):
            super().__init__()
            self.averages = Averages()

        def call(self, inputs):
            return self.averages(inputs)

    for model in (keras.Sequential([Averages()]), Around()):
        seed = to_numpy(model.layers[0].seed_generator.state)
        if isinstance(model, Around):
            model.build((None, 4))
            np.testing.assert_array_equal(
                to_numpy(model.averages.seed_generator.state), seed
            )
        model(np.ones((3, 4), "float32"))
        before = [to_numpy(variable) for variable in model.variables]
        multiply_adds(model, (None, 4))
        summary_frame(model, (None, 4))
        for variable, value in zip(model.variables, before, strict=True):
            np.testing.assert_array_equal(to_numpy(variable), value)


class Around(Model):
    """Ours, which is built by a pass through its `call`."""

    def __init__(self):
        super().__init__()
        self.dense = stock.Dense(4)

    def call(self, inputs):
        return keras.ops.relu(self.dense(inputs))


def test_what_build_calls_is_no_call_of_the_model():
    class Outer(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = Around()

        def build(self, input_shape):
            self.built = True  # and the layers inside in their first call

        def call(self, inputs):
            return self.inner(inputs)

    class Raw(Outer):
        def call(self, inputs):
            if isinstance(inputs, keras.KerasTensor):
                raise TypeError("real ones only")
            return self.inner(inputs)

    call = trace("t", Outer(), (None, 5))
    assert named(call) == ("Outer", [("Around", ["Dense", "Relu"])])
    call = trace("t", Raw(), (None, 5))
    assert named(call) == ("Raw", [("Around", ["Dense"])])
