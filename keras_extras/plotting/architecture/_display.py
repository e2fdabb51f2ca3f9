"""A drawing of a model, without Graphviz: volumes, or boxes with arrows."""

from collections.abc import Sequence
from typing import Any, Literal

from keras_extras._errors import invalid_argument
from keras_extras.plotting._display import INK, Display, import_matplotlib
from keras_extras.plotting._style import label
from keras_extras.plotting.architecture._blocks import (
    Block,
    blocks_of,
    weights_text,
)
from keras_extras.plotting.architecture._boxes import Boxes
from keras_extras.plotting.architecture._volumes import Volumes, is_drawable

Style = Literal["auto", "volumes", "boxes"]

_MAX_AUTO_VOLUMES = 24  # more are too many to tell apart


class ArchitectureDisplay(Display):
    """A drawing of the layers of a model, their shapes and weights.

    `"volumes"` shows what a convolutional network does to an image: each
    output is a solid whose height, depth and width follow the tensor's height,
    width and channels (by a root, or small ones would vanish). `"boxes"` shows
    any graph from top to bottom: branches, skips, several inputs; a long one
    goes on in a second column.

    Layers that keep the shape, such as normalization, activation and dropout,
    are written into the block before them. Shapes stand without the batch.

    Args:
        nodes: the graph, as `keras_extras.inspection.model_graph` returns it.
        style: `"volumes"`, `"boxes"`, or `"auto"`: volumes for a chain of
            layers on images, boxes for others.
        name: what it is; becomes the title.
        merge: whether layers that keep the shape are written into the block
            before them; `False` draws each.

    Attributes:
        blocks: what is drawn, in order; `title`, `details`, `after`, `shape`,
            `parameters` and `inputs` of each.
        figure_: the figure, after `plot`.
        ax_: the axes, after `plot`.

    Raises:
        ValueError: if there is nothing to draw, or `"volumes"` is asked for a
            graph with branches or without shapes.

    Examples:
        >>> model = keras.Sequential(
        ...     [
        ...         keras.Input((28, 28, 1)),
        ...         keras.layers.Conv2D(8, 3, activation="relu"),
        ...         keras.layers.MaxPooling2D(),
        ...         keras.layers.Flatten(),
        ...         keras.layers.Dropout(0.5),
        ...         keras.layers.Dense(10, activation="softmax"),
        ...     ]
        ... )
        >>> from keras_extras.plotting import ArchitectureDisplay
        >>> display = ArchitectureDisplay.from_model(model)
        >>> for block in display.plot().blocks:
        ...     print(block.title, block.shape, block.after)
        input (28, 28, 1) []
        Conv2D (26, 26, 8) []
        MaxPooling2D (13, 13, 8) []
        Flatten (1352,) ['Dropout 50%']
        Dense (10,) []
        >>> display.figure_.savefig("model.svg")
    """

    def __init__(
        self,
        nodes: Sequence[Any],
        *,
        style: Style = "auto",
        name: str | None = None,
        merge: bool = True,
    ) -> None:
        if style not in ("auto", "volumes", "boxes"):
            raise invalid_argument(
                self, "style", "'auto', 'volumes' or 'boxes'", style
            )
        if not nodes:
            raise invalid_argument(self, "nodes", "at least one node", nodes)
        self.nodes: list[Any] = list(nodes)
        self.style = style
        self.name = name
        self.merge = merge
        self.blocks: list[Block] = blocks_of(self.nodes, merge)
        drawable = is_drawable(self.blocks)
        if style == "volumes" and not drawable:
            raise invalid_argument(
                self,
                "style",
                "'boxes' or 'auto' for this model",
                style,
                context="Volumes need a chain of layers, of known shapes.",
            )
        images = any(len(block.shape) == 3 for block in self.blocks)
        few = len(self.blocks) <= _MAX_AUTO_VOLUMES
        volumes = drawable and images and few
        self._volumes = style == "volumes" or (style == "auto" and volumes)

    @classmethod
    def from_model(
        cls,
        model: Any,
        input_shape: Any = None,
        *,
        style: Style = "auto",
        merge: bool = True,
        nested: bool = True,
    ) -> "ArchitectureDisplay":
        """Makes the display of a model: sequential, functional, subclassed.

        Args:
            model: the model.
            input_shape: shape with batch, or a list or dict of shapes, for a
                model that is not built.
            style: as in the constructor.
            merge: as in the constructor.
            nested: show the layers of models inside of the model; `False`
                shows each such model as one block.

        Raises:
            ValueError: if the shape of the inputs is not known.
        """
        from keras_extras.inspection import model_graph

        nodes = model_graph(model, input_shape, nested=nested)
        return cls(nodes, style=style, name=model.name, merge=merge)

    def plot(self, ax: Any = None, **style: Any) -> "ArchitectureDisplay":
        """Draws the model.

        Args:
            ax: axes to draw on; their units become inches of the drawing, and
                text keeps its size. `None` makes a figure as large as the
                drawing, at most 7 inches wide if the model allows it.
            **style: passed to the title, such as `fontsize=14`.

        Returns:
            The display, with `figure_` and `ax_`.

        Raises:
            ImportError: if matplotlib is not installed.
        """
        patches = import_matplotlib("matplotlib.patches", self)
        path = import_matplotlib("matplotlib.path", self)
        drawing = Volumes(self.blocks) if self._volumes else Boxes(self.blocks)
        if ax is None:
            top = 0.36
            height = drawing.height + top
            width = max(drawing.width, 2.6)
            figure = self._new_figure(width, height, layout="none")
            ax = figure.add_axes((0, 0, 1, 1 - top / height))
        spare = 0.0
        if ax.figure.get_size_inches()[0] and drawing.width < 2.6:
            spare = (2.6 - drawing.width) / 2
        ax.set_xlim(-spare, drawing.width + spare)
        ax.set_ylim(0, drawing.height)
        ax.set_aspect("equal")
        ax.set_axis_off()
        drawing.draw(ax, patches, path)
        ax.set_title(
            self._title(),
            **self._styled("text", style, fontsize=11, color=INK, pad=4),
        )
        self._drawn(ax, ax.figure)
        return self

    def _title(self) -> str:
        total = sum(block.parameters for block in self.blocks)
        text = weights_text(total) or "0 parameters"
        return text if self.name is None else f"{label(self.name)}: {text}"
