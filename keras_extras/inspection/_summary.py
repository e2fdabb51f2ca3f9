"""What a model is made of, a line per layer call, with true numbers.

    layer | output shape | parameters | multiply-adds | bytes | receptive field

All numbers but the parameters are of one example: shapes come from a symbolic
pass with any batch size, the numbers from one with a batch of 1. Parameters
stand in the line of a layer's first call, so that each column has a sum.
"""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import keras

from keras_extras._errors import import_optional
from keras_extras.inspection._macs import count, is_looked_into
from keras_extras.inspection._receptive_field import fields
from keras_extras.inspection._trace import Call, is_layer, trace

if TYPE_CHECKING:
    import pandas as pd


class Row(NamedTuple):
    """One call of one layer; the columns of `summary_frame`."""

    name: str
    kind: str
    depth: int
    call: int
    output_shape: Any
    parameters: int
    trainable: int
    multiply_adds: float
    activation_bytes: float
    weight_bytes: int
    receptive_field: Any
    receptive_step: Any
    note: str


def summary_frame(
    model, input_shape=None, expand_nested: bool = False
) -> "pd.DataFrame":
    """Returns a table of a model: a line per call of a layer, in call order.

    For any `keras.Model`. A layer that is called twice has two lines, its
    weights in the first; a model inside of the model has one, with the sums of
    what is inside. So `frame[frame.depth == 0]` adds up to the whole model.
    Weights that belong to the model itself, and layers that it never calls,
    stand at the end.

    Args:
        model: a `keras.Model`. It is built if it is not.
        input_shape: shape of the inputs with the batch, or a list or dict of
            shapes; `None` for the one that the model was built with.
        expand_nested: bool, whether the layers of models inside, and of layers
            that are not Keras's or ours, have lines too.

    Returns:
        A `pandas.DataFrame` with the columns

        - `name` and `class` of the layer;
        - `depth`: 0 for what the model calls, 1 for what that calls, ...;
        - `call`: 1 for the first call of a layer, 0 if it is never called;
        - `output_shape`, with `None` for the batch;
        - `parameters`, and how many of them are `trainable`;
        - `multiply_adds` for one example, NaN if not known;
        - `activation_bytes`: size of the output for one example;
        - `weight_bytes`: size of the weights;
        - `receptive_field`: per spatial axis, how many positions of the input
            one position of the output depends on; `None` where it depends on
            all of them, or there are none, or it is not known;
        - `receptive_step`: how far apart the fields of two neighbors are;
        - `note`: why a number is not known.

    Raises:
        ValueError: if the shape of the inputs is not known.
        ImportError: if pandas is not installed.

    Examples:
        >>> model = keras.Sequential(
        ...     [
        ...         keras.Input((28, 28, 1)),
        ...         keras.layers.Conv2D(8, 3),
        ...         keras.layers.MaxPooling2D(2),
        ...         keras.layers.Conv2D(16, 3),
        ...     ]
        ... )
        >>> frame = keras_extras.inspection.summary_frame(model)
        >>> frame["output_shape"].tolist()[-1]
        (None, 11, 11, 16)
        >>> int(frame["multiply_adds"].sum())
        188064
        >>> frame["receptive_field"].tolist()
        [(3, 3), (4, 4), (8, 8)]

    References:
        Araujo, Norris and Sim, "Computing receptive fields of convolutional
        neural networks", Distill (2019).
    """
    pd = import_optional("pandas", extra="pandas", owner="summary_frame")
    found = rows("summary_frame", model, input_shape, expand_nested)
    names = ["class" if name == "kind" else name for name in Row._fields]
    # Objects, lest pandas take a column of equal tuples, or None, apart.
    return pd.DataFrame(
        {
            name: pd.Series(column, dtype=_dtype(name))
            for name, column in zip(
                names, zip(*found, strict=True), strict=True
            )
        }
        if found
        else {name: [] for name in names}
    )


def _dtype(name: str):
    whole = ("depth", "call", "parameters", "trainable", "weight_bytes")
    if name in whole:
        return "int64"
    return (
        "float64" if name in ("multiply_adds", "activation_bytes") else object
    )


def rows(owner: str, model, input_shape, expand_nested: bool) -> list[Row]:
    """Returns the lines of the table."""
    options: dict[str, Any] = {"is_opened": is_looked_into}
    shown = trace(owner, model, input_shape, **options)
    counted = trace(owner, model, input_shape, 1, **options)
    is_fixed = bool(shown.problem)  # it ran with real tensors, or a batch of 1
    table = _Table(fields(counted), expand_nested, is_fixed)
    for layer in _inputs(model):
        table.add_input(layer)
    table.add_inside(counted if is_fixed else shown, counted, 0)
    table.add_rest(model)
    return table.rows


class _Table:
    """The lines, and which weights stand in one already."""

    def __init__(self, fields, expand_nested, is_fixed):
        self.rows: list[Row] = []
        self._is_fixed = is_fixed
        self._fields = fields
        self._expand_nested = expand_nested
        self._calls: dict[int, int] = {}  # of a layer so far, by its id
        self._told: list[set] = []  # weights in a line, by depth

    def add_inside(self, shown: Call, counted: Call, depth: int):
        """Adds a line for each call inside of the two, which are the same."""
        calls = shown.inside
        if len(calls) != len(counted.inside):  # a call that asks for the batch
            calls = counted.inside
        for some, one in zip(calls, counted.inside, strict=True):
            if is_layer(one.operation) or count(one)[0] != 0:
                self._add(some, one, depth)
            if self._expand_nested and is_layer(one.operation):
                self.add_inside(some, one, depth + 1)

    def add_input(self, layer):
        """Adds the line of an input of the model."""
        shape = tuple(layer.batch_shape)
        spatial = max(len(shape) - 2, 0)
        ones = (1,) * spatial or None
        size = _size(shape[1:]) * _item_bytes(layer.dtype)
        kind = type(layer).__name__
        self.rows.append(
            Row(layer.name, kind, 0, 1, shape, 0, 0, 0, size, 0, ones, ones, "")
        )
        self._calls[id(layer)] = 1

    def add_rest(self, model):
        """Adds what was never called, and the model's own weights."""
        for layer in getattr(model, "layers", ()):
            if id(layer) not in self._calls:
                self._add_uncalled(layer, layer.weights)
        left = [w for w in model.weights if id(w) not in self._seen(0)]
        if left:
            self._add_uncalled(model, left, "weights of the model itself")

    def _add(self, shown, counted, depth):
        operation = counted.operation
        times = self._calls[id(operation)] = (
            self._calls.get(id(operation), 0) + 1
        )
        weights = self._new(getattr(operation, "weights", ()), depth)
        number, reason = count(counted)
        field = self._fields.get(id(counted))
        size, step = field.plain() if field else (None, None)
        self.rows.append(
            Row(
                operation.name,
                type(operation).__name__,
                depth,
                times,
                self._shape(shown.output_shape),
                *_counts(weights),
                number,
                _bytes(counted),
                _weight_bytes(weights),
                size,
                step,
                reason,
            )
        )

    def _add_uncalled(self, layer, weights, note="not called"):
        weights = self._new(weights, 0)
        self.rows.append(
            Row(
                layer.name,
                type(layer).__name__,
                0,
                0,
                None,
                *_counts(weights),
                0,
                0,
                _weight_bytes(weights),
                None,
                None,
                note,
            )
        )

    def _shape(self, shape):
        """Returns the shape with `None` for a batch that had to be known."""
        if not self._is_fixed or not isinstance(shape, tuple):
            return shape
        if shape and all(isinstance(each, tuple) for each in shape):
            return tuple(map(self._shape, shape))
        return (None, *shape[1:]) if shape[:1] == (1,) else shape

    def _seen(self, depth) -> set:
        while len(self._told) <= depth:
            self._told.append(set())
        return self._told[depth]

    def _new(self, weights, depth) -> list:
        """Returns the weights that no line of that depth has."""
        seen = self._seen(depth)
        new = [weight for weight in weights if id(weight) not in seen]
        seen.update(map(id, new))
        return new


def _inputs(model) -> list:
    if isinstance(model, keras.Sequential):
        return []
    layers = getattr(model, "layers", ())
    return [x for x in layers if isinstance(x, keras.layers.InputLayer)]


def _counts(weights) -> tuple[int, int]:
    parameters = sum(math.prod(weight.shape) for weight in weights)
    trainable = [weight for weight in weights if weight.trainable]
    return parameters, sum(math.prod(weight.shape) for weight in trainable)


def _weight_bytes(weights) -> int:
    sizes = (math.prod(w.shape) * _item_bytes(w.dtype) for w in weights)
    return math.ceil(sum(sizes))


def _bytes(call: Call) -> float:
    return sum(
        _size(tensor.shape) * _item_bytes(tensor.dtype)
        for tensor in keras.tree.flatten(call.outputs)
    )


def _size(shape) -> float:
    return math.nan if None in tuple(shape) else math.prod(shape)


def _item_bytes(dtype) -> float:
    """Returns the bytes of a number, half a byte for 4 bits."""
    name = keras.backend.standardize_dtype(dtype)
    bits = "".join(filter(str.isdigit, name.split("_")[0]))
    return int(bits) / 8 if bits else float(name == "bool")  # text: unknown
