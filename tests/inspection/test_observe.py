"""Methods are exchanged for the time, one pass at a time."""

import threading

import keras
import numpy as np
import pytest

from keras_extras.inspection._observe import Exchange, answering, exchanged

X = np.ones((2, 3), "float32")


def doubled(call, *args, **kwargs):
    return call(*args, **kwargs) * 2


def dense():
    layer = keras.layers.Dense(1, kernel_initializer="ones")
    layer.build((None, 3))
    return layer


def value(layer):
    return float(keras.ops.convert_to_numpy(layer(X))[0, 0])


def test_a_layer_answers_otherwise_and_again_as_before():
    layer, other = dense(), dense()
    with exchanged([answering(layer, doubled)]):
        assert (value(layer), value(other)) == (6, 3)
        with exchanged([answering(layer, doubled)]):
            assert value(layer) == 12
        assert value(layer) == 6
    assert value(layer) == 3
    assert "call" not in vars(layer)


def test_two_answers_of_one_layer_come_one_after_the_other():
    layer = dense()

    def plus_one(call, *args):
        return call(*args) + 1

    both = [answering(layer, doubled), answering(layer, plus_one)]
    with exchanged(both):
        assert value(layer) == 7
    assert "call" not in vars(layer)


def test_a_call_that_the_object_had_is_put_back():
    layer = dense()
    own = vars(layer)["call"] = lambda inputs: inputs * 0
    with exchanged([answering(layer, doubled)]):
        pass
    assert vars(layer)["call"] is own


def test_all_calls_of_a_class():
    seen = []

    def note(call, layer, *args, **kwargs):
        seen.append(layer)
        return call(layer, *args, **kwargs)

    original = keras.layers.Layer.__call__
    layer = dense()
    with (
        pytest.raises(ValueError, match="expected"),
        exchanged([Exchange(keras.layers.Layer, "__call__", note)]),
    ):
        layer(np.ones((2, 4), "float32"))
    assert seen == [layer]
    assert keras.layers.Layer.__call__ is original


def test_what_fails_to_be_exchanged_leaves_the_others_as_they_were():
    layer = dense()
    wrong = Exchange(layer, "no_such_method", doubled)
    with (
        pytest.raises(AttributeError),
        exchanged([answering(layer, doubled), wrong]),
    ):
        pass
    assert "call" not in vars(layer)
    assert value(layer) == 3


def test_other_threads_do_not_notice():
    layer, found = dense(), []
    with exchanged([answering(layer, doubled)]):
        other = threading.Thread(target=lambda: found.append(value(layer)))
        other.start()
        other.join()
    assert found == [3]


def test_passes_of_two_threads_wait_for_each_other():
    layer, order = dense(), []
    is_inside, may_go = threading.Event(), threading.Event()

    def first():
        with exchanged([answering(layer, doubled)]):
            is_inside.set()
            may_go.wait(10)
            order.append("first")

    def second():
        with exchanged([answering(layer, doubled)]):
            order.append("second")

    threads = [threading.Thread(target=run) for run in (first, second)]
    threads[0].start()
    assert is_inside.wait(10)
    threads[1].start()
    may_go.set()
    for thread in threads:
        thread.join()
    assert order == ["first", "second"]
    assert "call" not in vars(layer)


def test_a_quantized_layer_is_seen():
    layer = keras.layers.Dense(2)
    layer.build((None, 4))
    layer.quantize("int8")
    seen = []

    def note(call, *args, **kwargs):
        seen.append(args)
        return call(*args, **kwargs)

    with exchanged([answering(layer, note)]):
        layer(np.ones((1, 4), "float32"))
    assert len(seen) == 1
