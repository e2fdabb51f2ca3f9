import keras
import pytest
from keras import layers

from keras_extras.inspection import model_graph
from keras_extras.plotting import ArchitectureDisplay


def convnet():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10, name="digits"),
        ],
        name="net",
    )


def skip():
    inputs = keras.Input((4,), name="x")
    return keras.Model(inputs, inputs + layers.Dense(4)(inputs), name="skip")


class Sub(keras.Model):
    def __init__(self):
        super().__init__(name="sub")
        self.first = layers.Dense(3, activation="relu")
        self.second = layers.Dense(2)

    def call(self, inputs):
        return self.second(self.first(inputs))


def texts(display):
    return [text.get_text() for text in display.ax_.texts]


def test_convnets_are_volumes_others_boxes():
    display = ArchitectureDisplay.from_model(convnet()).plot()
    assert len(display.ax_.patches) >= 3 * len(display.blocks)  # faces
    written = texts(display)
    cross = "\N{MULTIPLICATION SIGN}"
    assert {cross.join(["26", "26", "8"]), "1352", "10"} <= set(written)
    assert "digits" in written
    assert display.ax_.get_title() == "net: 13,642 parameters"
    assert display.figure_.get_size_inches()[0] <= 7.5
    boxes = ArchitectureDisplay.from_model(skip()).plot()
    assert "Add" in texts(boxes)
    boxes = ArchitectureDisplay.from_model(convnet(), style="boxes").plot()
    assert "+ BatchNormalization" in texts(boxes)


def test_subclassed_models_need_a_shape():
    display = ArchitectureDisplay.from_model(Sub(), (None, 5)).plot()
    assert [block.shape for block in display.blocks] == [(5,), (3,), (2,)]
    assert display.ax_.get_title() == "sub: 26 parameters"
    with pytest.raises(ValueError, match="input_shape must be"):
        ArchitectureDisplay.from_model(Sub())


def test_merge_and_nested():
    model = keras.Sequential([keras.Input((28, 28, 1)), convnet()])
    shown = ArchitectureDisplay.from_model(model).blocks
    assert [block.title for block in shown] == [
        "input", "Conv2D", "MaxPooling2D", "Flatten", "digits",
    ]  # fmt: skip
    assert len(ArchitectureDisplay.from_model(model, merge=False).blocks) == 6
    whole = ArchitectureDisplay.from_model(model, nested=False).blocks
    assert [block.title for block in whole] == ["input", "net"]
    assert whole[1].parameters == model.count_params()


def test_saved_as_svg_and_png_and_drawn_on_axes(tmp_path):
    from matplotlib.figure import Figure

    display = ArchitectureDisplay.from_model(skip()).plot(fontsize=14)
    display.figure_.savefig(tmp_path / "model.svg")
    assert "<svg" in (tmp_path / "model.svg").read_text()
    assert display._repr_png_().startswith(b"\x89PNG")
    assert display.ax_.title.get_fontsize() == 14
    axes = Figure().subplots()
    display = ArchitectureDisplay(model_graph(convnet())).plot(axes)
    assert display.ax_ is axes
    assert display._repr_png_() is None


def test_errors(no_matplotlib):
    nodes = model_graph(skip())
    with pytest.raises(ValueError, match="Volumes need a chain"):
        ArchitectureDisplay(nodes, style="volumes")
    with pytest.raises(ValueError, match="style must be"):
        ArchitectureDisplay(nodes, style="3d")
    with pytest.raises(ValueError, match="nodes must be at least one"):
        ArchitectureDisplay([])
    with pytest.raises(ImportError, match=r"keras-extras\[plot\]"):
        ArchitectureDisplay(nodes).plot()
