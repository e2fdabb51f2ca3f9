import keras
import numpy as np
import pytest

from keras_extras.testing import CheckFailure, CheckSkip, LayerTraits
from keras_extras.testing._subject import Subject
from keras_extras.testing._tools import difference
from tests.testing.broken import Weighted
from tests.testing.healthy_layers import (
    Distance,
    FromDict,
    Lookup,
    MaskedMean,
    Weigh,
)


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (keras.layers.Dense(2), (8, 4)),
        (keras.layers.Conv2D(2, 3), (4, 6, 3)),
        (MaskedMean(), (8, 6)),
        (keras.layers.Add(), [(8, 4), (8, 4)]),
        (Weigh(), [(8, 4), (8, 4)]),
        (Distance(), ((8, 4), (8, 4))),
    ],
)
def test_shapes_are_found(layer, shapes):
    found = Subject(layer).shapes
    if isinstance(shapes, tuple) and isinstance(shapes[0], int):
        assert len(found) == len(shapes)
    else:
        assert found == shapes


def test_shapes_that_are_given_must_do():
    subject = Subject(keras.layers.Conv2D(2, 3), input_shapes=(4,))
    with pytest.raises(CheckFailure, match=r"given input_shapes=\(4,\)"):
        _ = subject.shapes


def test_where_no_shape_does_the_failure_says_what_to_give():
    with pytest.raises(CheckFailure, match="input_shapes="):
        _ = Subject(FromDict()).shapes


def test_inputs_are_always_the_same_irregular_numbers():
    subject = Subject(Weighted(), input_shapes=(8, 4))
    one, two = subject.inputs(), subject.inputs()
    np.testing.assert_array_equal(one, two)
    assert one.shape == (2, 8, 4)
    assert one.dtype == "float32"
    assert len(np.unique(one)) == one.size
    assert difference(one, subject.inputs(seed=1))


@pytest.mark.parametrize(
    ("dtype", "range_", "values"),
    [("int32", (0, 3), {0, 1, 2, 3}), ("bool", (0, 1), {False, True})],
)
def test_inputs_of_other_dtypes(dtype, range_, values):
    traits = LayerTraits(input_dtype=dtype, input_range=range_)
    inputs = Subject(Lookup(), traits=traits).inputs((30,))
    assert inputs.dtype == dtype
    assert set(inputs.ravel().tolist()) == values


def test_structures_of_inputs():
    shapes = {"left": (5,), "right": (3,)}
    inputs = Subject(FromDict()).inputs(shapes, batch=4)
    assert {key: value.shape for key, value in inputs.items()} == {
        "left": (4, 5),
        "right": (4, 3),
    }


def test_variants_are_shapes_that_the_layer_takes_the_smallest_first():
    subject = Subject(keras.layers.Conv1D(2, 3), max_examples=5)
    variants = subject.variants
    assert len(variants) == 6
    assert variants[-1] == subject.shapes
    assert all(len(shape) == 2 for shape in variants)
    assert sum(variants[0]) <= sum(variants[-1])


def test_clones_have_the_config_and_none_of_the_weights():
    subject = Subject(Weighted(5))
    one, two = subject.clone(), subject.clone(units=2)
    assert (one.units, two.units) == (5, 2)
    assert not one.built
    assert not subject.layer.built


def test_all_layers_in_a_clone_get_the_dtype():
    wrapped = keras.layers.TimeDistributed(keras.layers.Dense(2))
    clone = Subject(wrapped).clone_with_dtype("float16")
    assert clone.compute_dtype == clone.layer.compute_dtype == "float16"


def test_a_layer_without_a_dtype_is_skipped():
    class Plain(Weighted):
        def get_config(self):
            config = super().get_config()
            del config["dtype"]
            return config

    with pytest.raises(CheckSkip):
        Subject(Plain()).clone_with_dtype("float16")


def test_runs_are_made_once_per_shape():
    subject = Subject(Weighted())
    assert subject.run()[0] is subject.run()[0]
    assert subject.run((3, 2))[0] is not subject.run()[0]
