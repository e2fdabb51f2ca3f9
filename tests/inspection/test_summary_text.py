import keras
import pytest

from keras_extras.inspection._summary_text import memory, summary_text
from keras_extras.models import MLP

stock = keras.layers


def model():
    keras.utils.clear_session()
    block = keras.Sequential([stock.Conv2D(2, 3), stock.ReLU()], name="block")
    return keras.Sequential(
        [
            keras.Input((9, 9, 1)),
            block,
            stock.Conv2D(4, 3, strides=(2, 1), name="second"),
            stock.BatchNormalization(name="norm"),
            stock.Flatten(name="flat"),
            stock.Dense(5, name="head"),
        ],
        name="small",
    )


def test_the_whole_table():
    lines = summary_text(model()).splitlines()
    assert lines[0] == 'Model: "small" (Sequential)'
    assert lines[2].split() == [
        *["Layer", "(type)", "Output", "shape", "Parameters"],
        *["Multiply-adds", "Memory", "Receptive", "field"],
    ]
    cells = [line.split("  ") for line in lines[4:9]]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in cells]
    assert cells == [
        [
            *["block (Sequential)", "(None, 7, 7, 2)", "20", "882", "392 B"],
            "3 x 3, step 1",
        ],
        [
            *["second (Conv2D)", "(None, 3, 5, 4)", "76", "1,080", "240 B"],
            "5 x 5, step 2 x 1",
        ],
        [
            *["norm (BatchNormalization)", "(None, 3, 5, 4)", "16", "0"],
            *["240 B", "5 x 5, step 2 x 1"],
        ],
        ["flat (Flatten)", "(None, 60)", "0", "0", "240 B", "-"],
        ["head (Dense)", "(None, 5)", "305", "300", "20 B", "-"],
    ]
    assert lines[10:] == [
        "Parameters:      417 (1.6 KB), 409 trainable, 8 not",
        "Multiply-adds:   2,262 for one example",
        "Activations:     1.1 KB for one example",
    ]
    columns = {line.index("5 x 5") for line in lines if "5 x 5" in line}
    assert len(columns) == 1


def test_options():
    wide = summary_text(model(), expand_nested=True, show_trainable=True)
    assert "\n  conv2d (Conv2D)" in wide
    assert " yes " in wide
    assert " some " in wide
    part = summary_text(model(), layer_range=["second", "fl"])
    assert "second" in part
    assert "norm" in part
    assert "head" not in part
    assert "417" in part  # the sums are those of the model
    narrow = summary_text(model(), line_length=84).splitlines()
    assert max(map(len, narrow)) == 84
    assert any("…" in line for line in narrow)


def test_wrong_range_is_refused():
    with pytest.raises(ValueError, match="No layer matches 'nowhere'"):
        summary_text(model(), layer_range=["second", "nowhere"])
    with pytest.raises(ValueError, match="layer_range must be two names"):
        summary_text(model(), layer_range="second")


def test_what_is_not_known_is_a_question_with_its_reason():
    inputs = keras.Input((4,))
    strange = keras.Model(inputs, stock.Lambda(lambda x: x, name="odd")(inputs))
    text = summary_text(strange)
    assert "Multiply-adds:   ? for one example" in text
    assert "? odd (Lambda): no formula; add multiply_adds" in text


def test_optimizer_is_counted():
    net = MLP([2], 2)
    net.build((None, 3))
    net.compile("adam", "mse")
    net.optimizer.build(net.trainable_variables)
    assert "Optimizer:       30 numbers" in summary_text(net)  # 2 * 14 + 2


@pytest.mark.parametrize(
    ("size", "text"),
    [(1023, "1023 B"), (1536, "1.5 KB"), (3 * 1024**2, "3.0 MB")],
)
def test_memory(size, text):
    assert memory(size) == text
    assert memory(float("nan")) == "?"
