import contextlib
import types

import keras
import pytest

from keras_extras.testing import LayerTraits
from keras_extras.testing._example import plain
from keras_extras.testing._subject import Subject
from tests.testing.broken import Weighted
from tests.testing.healthy_layers import (
    Block,
    ChannelNorm,
    Distance,
    FromDict,
    Lookup,
    Weigh,
)


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (keras.layers.Dense(3, "tanh"), (4,)),
        (keras.layers.Conv2D(2, 3), (6, 5, 1)),
        (Weighted(2), (4,)),
        (Block(), (3, 4)),
        (Weigh(), [(4,), (4,)]),
        (Distance(), ((4,), (4,))),
        (FromDict(), {"left": (4,), "right": (4,)}),
        (Lookup(), (4,)),
        (ChannelNorm(dtype="float16"), (2, 4)),
    ],
)
def test_the_code_makes_the_layer_and_calls_it(layer, shapes, tmp_path):
    subject = Subject(layer, shapes)
    code = subject.example(
        f"outputs = {subject.array_code()}\n{subject.model_code()}\n"
        "assert model.predict_on_batch(keras.tree.flatten(x)) is not None",
        batch=3,
    )
    names: dict = {}
    with contextlib.chdir(tmp_path):
        exec(code, names)
    made = names["layer"]
    assert type(made) is type(layer)
    assert plain(made.get_config(), True) == plain(layer.get_config(), True)
    assert keras.tree.flatten(names["x"])[0].shape[0] == 3


def test_the_code_says_only_what_differs_from_the_defaults():
    code = Subject(keras.layers.Dense(3, name="d"), (4,)).example("")
    assert "layer = Dense.from_config({'units': 3})" in code
    assert "from keras.layers import Dense" in code


def test_integers_and_booleans_are_drawn_as_such():
    traits = LayerTraits(input_dtype="int32", input_range=(0, 6))
    code = Subject(Lookup(), (4,), traits).example("")
    assert 'generator.integers(0, 7, (2, 4)).astype("int32")' in code


def test_a_local_class_cannot_be_imported():
    class Local(Weighted):
        pass

    line = Subject(Local(), (4,)).import_line()
    assert line.endswith("Local is defined in your own code")
    assert line.startswith("# ")


def test_training_is_in_the_code_where_it_is_taken():
    subject = Subject(keras.layers.Dropout(0.5), (4,))
    assert subject.training_code() == "layer(x, training=True)"
    assert Subject(Weighted(), (4,)).training_code() == "layer(x)"


def test_plain_compares_what_cannot_be_written():
    one = {"name": "a", "value": frozenset({1}), "other": print}
    assert plain(one) == plain(dict(one))
    assert plain(one) != plain(one | {"name": "b"})
    assert plain(one, True) == plain(one | {"name": "b"}, True)
    spaces = [{"value": types.SimpleNamespace(rate=rate)} for rate in (1, 2)]
    assert plain(spaces[0]) != plain(spaces[1])


def test_plain_does_not_ask_whether_a_sublayer_is_built():
    layer = keras.layers.TimeDistributed(keras.layers.Dense(2))
    before = plain(layer.get_config())
    layer(keras.ops.ones((2, 3, 4)))
    assert plain(layer.get_config()) == before
