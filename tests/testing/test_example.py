"""The programs to paste: what they import, define and say."""

import random
import types
from typing import Any

import keras
import numpy as np
import pytest

from keras_extras.testing import CheckFailure, LayerTraits, layer_checks
from keras_extras.testing._example import (
    Code,
    body_of,
    plain,
    program,
    smallest_config,
    source_of,
    value_code,
)
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


def record(layer: Any, x: Any, count: int = 3) -> None:
    """Hands out what it was called with."""
    # Comments stay.
    outputs: Any = layer(*x, training=False)
    doubled = twice(outputs)
    seen = {"layer": layer, "x": x, "count": count}
    assert doubled is not None, seen


def twice(outputs: Any, factor: int = 2) -> list[Any]:
    """Doubles."""

    def scaled(leaf: Any) -> Any:
        return factor * leaf

    return [scaled(leaf) for leaf in keras.tree.flatten(outputs)]


def draws(layer: Any, x: Any) -> None:
    layer(*x, training=True)
    assert random.random() > np.pi


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
def test_the_code_makes_the_layer_and_calls_it(layer, shapes):
    subject = Subject(layer, shapes)
    names: dict[str, Any] = {}
    exec(subject.example(record, batch=3, seed=5, count=7), names)
    made = names["layer"]
    assert type(made) is type(layer)
    assert plain(made.get_config(), True) == plain(layer.get_config(), True)
    keras.tree.map_structure(
        np.testing.assert_array_equal,
        names["x"],
        subject.inputs(batch=3, seed=5),
    )
    assert names["seen"]["count"] == 7
    assert names["doubled"]


def test_the_code_reads_as_if_it_was_written_by_hand():
    code = Subject(keras.layers.Dense(3, name="d"), (4,)).example(
        record, count=1
    )
    assert code == (
        "import keras\n"
        "import numpy as np\n"
        "from keras.layers import Dense\n"
        "\n"
        "def twice(outputs, factor=2):\n"
        "    def scaled(leaf):\n"
        "        return factor * leaf\n"
        "\n"
        "    return [scaled(leaf) for leaf in keras.tree.flatten(outputs)]\n"
        "\n"
        "layer = Dense(units=3)\n"
        "x = np.random.default_rng(0).uniform(-1.0, 1.0, (2, 4))"
        '.astype("float32")\n'
        "# Comments stay.\n"
        "outputs = layer(x)\n"
        "doubled = twice(outputs)\n"
        'seen = {"layer": layer, "x": x, "count": 1}\n'
        "assert doubled is not None, seen"
    )


def test_several_arguments_keep_their_star():
    code = Subject(Distance(), ((4,), (4,))).example(record)
    assert "outputs = layer(*x)" in code


def test_training_is_said_where_the_default_is_another():
    flip = keras.layers.RandomFlip()
    code = Subject(flip, (4, 4, 3)).example(record)
    assert "layer(x, training=False)" in code
    assert "layer(x, training=True)" in Subject(flip, (4, 4, 3)).example(draws)


def test_modules_are_imported_as_the_function_knows_them():
    lines = program(draws, None, {}).splitlines()
    assert lines[:2] == ["import numpy as np", "import random"]


def test_the_function_that_fails_is_the_one_that_is_printed():
    subject = Subject(Weighted(), (4,))

    def fails(layer: Any, x: Any, limit: int) -> None:
        outputs = layer(*x, training=False)
        assert outputs.shape[0] > limit, f"{outputs.shape[0]} is not larger"

    with pytest.raises(CheckFailure, match="3 is not larger") as caught:
        subject.verify(fails, batch=3, limit=5)
    with pytest.raises(AssertionError, match="3 is not larger"):
        exec(caught.value.example, {})
    subject.verify(fails, batch=6, limit=5)


def test_what_is_no_assertion_is_told_with_its_class_and_what_was_done():
    def fails(layer: Any) -> None:
        raise KeyError("units")

    subject = Subject(Weighted(), (4,))
    with pytest.raises(
        CheckFailure, match=r"^copying raises KeyError: 'units'"
    ):
        subject.verify(fails, action="copying")
    with pytest.raises(CheckFailure, match=r"^KeyError: 'units'"):
        subject.verify(fails)


def test_a_layer_whose_own_call_takes_no_training_is_called_without():
    class Old(Weighted):
        def __call__(self, inputs):
            return super().__call__(inputs)

    Subject(Old(), (4,)).verify(record, count=3)
    with pytest.raises(CheckFailure):
        Subject(Old(), (4,)).verify(draws)


def test_the_source_is_without_annotations_and_docstrings():
    class Holder:
        """Says something."""

        size: int = 3

        def get(
            self, key: dict[str, Any] | None = None, *rest: int, **more: str
        ) -> "Holder":
            """Says more."""
            found: list[int] = [1]  # why: because
            return self if found else Holder()

    assert source_of(Holder) == (
        "class Holder:\n"
        "    size = 3\n"
        "\n"
        "    def get(\n"
        "        self, key = None, *rest, **more\n"
        "    ):\n"
        "        found = [1]  # why: because\n"
        "        return self if found else Holder()"
    )
    assert body_of(twice).startswith("def scaled(leaf):\n    return")


def test_the_config_says_only_what_differs_from_the_defaults():
    assert smallest_config(keras.layers.Dense(3, name="d")) == {"units": 3}


def test_a_layer_without_a_config_is_named():
    class NoConfig(Weighted):
        def get_config(self):
            raise KeyError("config")

    assert value_code(NoConfig()) == "...  # the NoConfig that was checked"


def test_integers_and_booleans_are_drawn_as_such():
    traits = LayerTraits(input_dtype="int32", input_range=(0, 6))
    code = Subject(Lookup(), (4,), traits).example(record)
    assert '.integers(0, 7, (2, 4)).astype("int32")' in code
    traits = LayerTraits(input_dtype="bool")
    code = Subject(keras.layers.Flatten(), (4,), traits).example(record)
    assert ".random((2, 4)) < 0.5" in code


SIZE = 3


def test_a_class_that_cannot_be_imported_is_defined():
    @keras.saving.register_keras_serializable("local")
    class Local(Weighted):
        def __init__(self, units=SIZE, scale=(1.0, 2.0)):
            super().__init__(units)
            self.scale = scale

        def call(self, inputs):
            return twice(np.prod(self.scale) * super().call(inputs))

    code = Subject(Local(4), (4,)).example(record, count=1)
    assert "@keras.saving.register_keras_serializable('local')\n" in code
    assert "layer = Local(units=4)\n" in code
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["layer"].units == 4


def test_objects_in_a_config_are_made_again():
    class Holds(Weighted):
        def __init__(self, inner, options=None, **kwargs):
            super().__init__(**kwargs)
            self.inner, self.options = inner, options

        def get_config(self):
            config = {"inner": self.inner, "options": self.options}
            return super().get_config() | config

    layer = Holds(keras.initializers.Constant(2.0), {"a": [keras.ops.tanh]})
    code = Subject(layer, (4,)).example(record, count=1)
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["layer"].inner.value == 2.0


def test_plain_compares_what_cannot_be_written():
    config = {"name": "a", "value": frozenset({1}), "other": print}
    assert plain(config) == plain(dict(config))
    assert plain(config) != plain(config | {"name": "b"})
    assert plain(config, True) == plain(config | {"name": "b"}, True)
    spaces = [{"value": types.SimpleNamespace(rate=rate)} for rate in (1, 2)]
    assert plain(spaces[0]) != plain(spaces[1])


def test_plain_does_not_ask_whether_a_sublayer_is_built():
    layer = keras.layers.TimeDistributed(keras.layers.Dense(2))
    before = plain(layer.get_config())
    layer(keras.ops.ones((2, 3, 4)))
    assert plain(layer.get_config()) == before


class Pair(Weighted):
    """Two outputs, of which the second is another one when it is copied."""

    fresh = True

    def call(self, inputs):
        outputs = super().call(inputs)
        return outputs, outputs if self.fresh else 2 * outputs


def second_call_is_equal(
    layer: Any, x: Any, atol: float, to_numpy: Any
) -> None:
    expected = to_numpy(layer(*x, training=False))
    layer.fresh = False
    actual = to_numpy(layer(*x, training=False))
    layer.fresh = True
    np.testing.assert_allclose(actual, expected, 1e-4, atol)


def test_of_several_outputs_the_one_that_differs_is_shown():
    subject = Subject(Pair(), (4,))
    with pytest.raises(
        CheckFailure, match=r"^now it gives .* at \(\d, \d\), a gap of"
    ) as caught:
        subject.verify(second_call_is_equal, gap="now it gives")
    assert "keras.tree.flatten(outputs)[1]" in caught.value.example
    assert "arrays" not in caught.value.example
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        exec(caught.value.example, {})


def test_of_one_output_nothing_is_defined_in_front():
    code = Subject(Weighted(), (4,)).example(
        second_call_is_equal, to_numpy=Code("keras.ops.convert_to_numpy")
    )
    assert "def " not in code
    assert "expected = keras.ops.convert_to_numpy(layer(x))\n" in code


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="has no strings"
)
def test_outputs_that_are_strings_are_compared():
    import tensorflow as tf

    class Words(keras.layers.Layer):
        fresh = True

        def call(self, inputs):
            words = tf.strings.as_string(inputs)
            return words if self.fresh else words + "!"

        def compute_output_spec(self, inputs):
            return keras.KerasTensor(inputs.shape, "string")

    layer = Words()
    subject = Subject(layer, (4,))
    with pytest.raises(CheckFailure, match=r"^now it gives different values"):
        subject.verify(second_call_is_equal, gap="now it gives")
    checks = dict(layer_checks(layer, input_shapes=(4,), backends=()))
    for name in (
        "check_training_flag",
        "check_copies",
        "check_batch_independence",
    ):
        checks[name]()
