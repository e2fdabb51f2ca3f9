from types import SimpleNamespace

import pytest

from keras_extras.plotting.architecture._blocks import (
    blocks_of,
    family_of,
    shape_text,
    weights_text,
)


def node(kind, shape=(4,), inputs=(), name="", parameters=0, **settings):
    """Returns what a node of a graph is for a drawing."""
    layer = None if kind == "Input" else SimpleNamespace(**settings)
    return SimpleNamespace(
        kind=kind,
        name=name or kind.lower(),
        output_shape=shape,
        inputs=inputs,
        parameters=parameters,
        layer=layer,
    )


def relu():
    """Stands for an activation: its name counts."""


def test_layers_that_keep_the_shape_are_taken_in():
    nodes = [
        node("Input"),
        node("Dense", (3,), (0,), parameters=15, activation=relu),
        node("BatchNormalization", (3,), (1,), parameters=12),
        node("Dropout", (3,), (2,), rate=0.25),
        node("Dense", (2,), (3,), parameters=8),
    ]
    blocks = blocks_of(nodes)
    assert [block.title for block in blocks] == ["input", "Dense", "Dense"]
    assert blocks[1].after == ["BatchNormalization", "Dropout 25%"]
    assert blocks[1].parameters == 27
    assert blocks[1].details == ["relu"]
    assert blocks[2].inputs == (1,)
    assert len(blocks_of(nodes, merge=False)) == 5


def test_a_layer_whose_input_goes_elsewhere_too_stands_alone():
    nodes = [
        node("Input"),
        node("Dense", (4,), (0,)),
        node("ReLU", (4,), (1,)),
        node("Add", (4,), (1, 2)),
    ]
    assert [block.inputs for block in blocks_of(nodes)] == [
        (), (0,), (1,), (1, 2),
    ]  # fmt: skip


def test_names_that_somebody_chose_are_titles():
    given = node("Conv2D", name="stem", kernel_size=(3, 5), strides=(2, 2))
    made = node("Conv2D", name="conv2d_12", kernel_size=3, strides=(1, 1))
    pooling = node("GlobalMaxPooling2D", name="global_max_pooling2d")
    blocks = blocks_of([given, made, pooling])
    assert blocks[0].title == "stem"
    assert blocks[0].details == [
        "Conv2D", "3\N{MULTIPLICATION SIGN}5", "stride 2",
    ]  # fmt: skip
    assert blocks[1].title == "Conv2D"
    assert blocks[1].details == ["3"]
    assert blocks[2].title == "GlobalMaxPooling2D"


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        ("Conv2DTranspose", "conv"),
        ("AdaptiveMaxPool2D", "pool"),
        ("LayerNormalization", "norm"),
        ("Concatenate", "join"),
        ("Bidirectional", "sequence"),
        ("LeakyReLU", "small"),
        ("Flatten", "other"),
    ],
)
def test_families(kind, family):
    assert family_of(node(kind)) == family


def test_texts():
    assert shape_text((28, None)) == "28\N{MULTIPLICATION SIGN}?"
    assert shape_text(()) == "1"
    assert weights_text(1) == "1 parameter"
    assert weights_text(1234) == "1,234 parameters"
    assert weights_text(0) == ""
