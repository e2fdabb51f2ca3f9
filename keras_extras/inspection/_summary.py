"""What a model is made of, a line per layer call, with true numbers.

    layer | output shape | parameters | multiply-adds | bytes | receptive field

All numbers but the parameters are of one example: shapes come from a symbolic
pass with any batch size, the numbers from one with a batch of 1. Parameters
stand in the line of a layer's first call, so that each column has a sum.

`summary_frame` gives these rows as a table, `Model.summary` prints them as
text: columns are as wide as what stands in them, and a table that is too wide
gives up letters of the names first.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import keras

from keras_extras._errors import import_optional, invalid_argument
from keras_extras.inspection._macs import count, is_looked_into
from keras_extras.inspection._observe import is_layer
from keras_extras.inspection._receptive_field import Field, fields
from keras_extras.inspection._trace import Call, trace

if TYPE_CHECKING:
    import pandas as pd

_GAP = "  "
_SHORTEST_NAME = 12


class Row(NamedTuple):
    """One call of one layer; the columns of `summary_frame`."""

    name: str
    kind: str
    depth: int
    call: int
    output_shape: Any = None
    parameters: int = 0
    trainable: int = 0
    multiply_adds: float = 0
    activation_bytes: float = 0
    weight_bytes: int = 0
    receptive_field: tuple[int, ...] | None = None
    receptive_step: tuple[float, ...] | None = None
    note: str = ""


def summary_frame(
    model: keras.Layer, input_shape: Any = None, expand_nested: bool = False
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
    columns = list(zip(*found, strict=True)) or [()] * len(Row._fields)
    # Objects, lest pandas take a column of equal tuples, or None, apart.
    return pd.DataFrame(
        {
            "class" if name == "kind" else name: pd.Series(
                column, dtype=_DTYPES.get(name, object)
            )
            for name, column in zip(Row._fields, columns, strict=True)
        }
    )


_DTYPES = {
    **dict.fromkeys(
        ("depth", "call", "parameters", "trainable", "weight_bytes"), "int64"
    ),
    **dict.fromkeys(("multiply_adds", "activation_bytes"), "float64"),
}


def rows(
    owner: str, model: Any, input_shape: Any, expand_nested: bool
) -> list[Row]:
    """Returns the lines of the table."""
    shown = trace(owner, model, input_shape, is_opened=is_looked_into)
    counted = trace(owner, model, input_shape, 1, is_opened=is_looked_into)
    is_fixed = bool(shown.problem)  # it ran with real tensors, or a batch of 1
    table = _Table(fields(counted), expand_nested, is_fixed)
    table.add_inputs(model)
    table.add_inside(counted if is_fixed else shown, counted, 0)
    table.add_rest(model)
    return table.rows


class _Table:
    """The lines, and which weights stand in one already."""

    def __init__(
        self,
        fields: dict[int, Field | None],
        expand_nested: bool,
        is_fixed: bool,
    ) -> None:
        self.rows: list[Row] = []
        self._is_fixed = is_fixed
        self._fields = fields
        self._expand_nested = expand_nested
        self._calls: dict[int, int] = {}  # of a layer so far, by its id
        # Weights in a line, by depth.
        self._listed: defaultdict[int, set[int]] = defaultdict(set)

    def add_inputs(self, model: Any) -> None:
        """Adds a line for each input of a functional model."""
        if isinstance(model, keras.Sequential):
            return
        for layer in getattr(model, "layers", ()):
            if not isinstance(layer, keras.layers.InputLayer):
                continue
            shape = tuple(layer.batch_shape)
            ones = (1,) * max(len(shape) - 2, 0) or None
            self._add_row(
                layer,
                0,
                1,
                output_shape=shape,
                activation_bytes=_size(shape[1:]) * _item_bytes(layer.dtype),
                receptive_field=ones,
                receptive_step=ones,
            )
            self._calls[id(layer)] = 1

    def add_inside(self, shown: Call, counted: Call, depth: int) -> None:
        """Adds a line for each call inside of the two, which are the same."""
        calls = shown.inside
        if len(calls) != len(counted.inside):  # a call that asks for the batch
            calls = counted.inside
        for with_any_batch, call in zip(calls, counted.inside, strict=True):
            if is_layer(call.operation) or count(call)[0] != 0:
                self._add_call(with_any_batch, call, depth)
            if self._expand_nested and is_layer(call.operation):
                self.add_inside(with_any_batch, call, depth + 1)

    def add_rest(self, model: Any) -> None:
        """Adds what was never called, and the model's own weights."""
        for layer in getattr(model, "layers", ()):
            if id(layer) not in self._calls:
                self._add_row(layer, 0, 0, layer.weights, note="not called")
        left = [w for w in model.weights if id(w) not in self._listed[0]]
        if left:
            note = "weights of the model itself"
            self._add_row(model, 0, 0, left, note=note)

    def _add_call(self, shown: Call, counted: Call, depth: int) -> None:
        operation = counted.operation
        times = self._calls.get(id(operation), 0) + 1
        self._calls[id(operation)] = times
        number, reason = count(counted)
        field = self._fields.get(id(counted))
        size, step = field.plain() if field else (None, None)
        self._add_row(
            operation,
            depth,
            times,
            getattr(operation, "weights", ()),
            output_shape=self._shape(shown.output_shape),
            multiply_adds=number,
            activation_bytes=_bytes(counted),
            receptive_field=size,
            receptive_step=step,
            note=reason,
        )

    def _add_row(
        self,
        operation: Any,
        depth: int,
        call: int,
        weights: Iterable[Any] = (),
        **columns: Any,
    ) -> None:
        listed = self._listed[depth]
        fresh = [weight for weight in weights if id(weight) not in listed]
        listed.update(map(id, fresh))
        trainable = [weight for weight in fresh if weight.trainable]
        row = Row(
            name=operation.name,
            kind=type(operation).__name__,
            depth=depth,
            call=call,
            parameters=sum(math.prod(weight.shape) for weight in fresh),
            trainable=sum(math.prod(weight.shape) for weight in trainable),
            weight_bytes=math.ceil(
                sum(math.prod(w.shape) * _item_bytes(w.dtype) for w in fresh)
            ),
        )
        self.rows.append(row._replace(**columns))

    def _shape(self, shape: Any) -> Any:
        """Returns the shape with `None` for a batch that had to be known."""
        if not self._is_fixed or not isinstance(shape, tuple):
            return shape
        if shape and all(isinstance(each, tuple) for each in shape):
            return tuple(map(self._shape, shape))
        return (None, *shape[1:]) if shape[:1] == (1,) else shape


def _bytes(call: Call) -> float:
    return sum(
        _size(tensor.shape) * _item_bytes(tensor.dtype)
        for tensor in keras.tree.flatten(call.outputs)
    )


def _size(shape: Iterable[int | None]) -> float:
    sizes: Any = tuple(shape)
    return math.nan if None in sizes else math.prod(sizes)


def _item_bytes(dtype: Any) -> float:
    """Returns the bytes of a number, half a byte for 4 bits."""
    name = keras.backend.standardize_dtype(dtype)
    bits = "".join(filter(str.isdigit, name.split("_")[0]))
    return int(bits) / 8 if bits else float(name == "bool")  # text: unknown


# --- as text -----------------------------------------------------------------


def summary_text(
    model: Any,
    line_length: int | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> str:
    """Returns the table and the sums under it."""
    table = rows("summary", model, None, expand_nested)
    titles = ["Layer (type)", "Output shape", "Parameters"]
    if show_trainable:
        titles.append("Trainable")
    titles += ["Multiply-adds", "Memory", "Receptive field"]
    cells = [
        _cells(row, show_trainable) for row in _between(table, layer_range)
    ]
    lines = _aligned([titles, *cells], line_length)
    rule = "─" * max(map(len, lines))
    name = f'Model: "{model.name}" ({type(model).__name__})'
    head, *body = lines
    return "\n".join(
        [name, rule, head, rule, *body, rule, *_sums(model, table)]
    )


def _between(table: list[Row], layer_range: Sequence[str] | None) -> list[Row]:
    """Returns the rows from the one layer to the other, both included."""
    if layer_range is None:
        return table
    if isinstance(layer_range, str) or len(layer_range) != 2:
        raise invalid_argument(
            "summary",
            "layer_range",
            "two names of layers, or regular expressions",
            layer_range,
        )
    found = []
    for pattern in layer_range:
        places = [
            place
            for place, row in enumerate(table)
            if re.match(pattern, row.name)
        ]
        if not places:
            raise invalid_argument(
                "summary",
                "layer_range",
                "names of layers of the model",
                layer_range,
                context=f"No layer matches {pattern!r}.",
            )
        found += [places[0], places[-1]]
    return table[min(found) : max(found) + 1]


def _cells(row: Row, show_trainable: bool) -> list[str]:
    name = f"{'  ' * row.depth}{row.name} ({row.kind})"
    if row.call > 1:
        name += f", call {row.call}"
    shape = "-" if row.output_shape is None else str(row.output_shape)
    cells = [name, shape, f"{row.parameters:,}"]
    if show_trainable:
        some = "some" if row.trainable else "no"
        every = row.trainable == row.parameters
        cells.append(("yes" if every else some) if row.parameters else "-")
    return [
        *cells,
        _number(row.multiply_adds),
        memory(row.activation_bytes),
        _field(row),
    ]


def _number(value: float) -> str:
    return "?" if math.isnan(value) else f"{int(value):,}"


def memory(size: float) -> str:
    """Returns a number of bytes with a unit."""
    if math.isnan(size):
        return "?"
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def _field(row: Row) -> str:
    if row.receptive_field is None or row.receptive_step is None:
        return "-"
    size = " x ".join(map(str, row.receptive_field))
    steps = row.receptive_step
    if len(set(steps)) == 1:
        steps = steps[:1]
    return f"{size}, step {' x '.join(map(str, steps))}"


def _aligned(table: list[list[str]], line_length: int | None) -> list[str]:
    """Returns the lines, numbers to the right, no longer than asked for."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    if line_length is not None:
        rest = sum(widths[1:]) + len(_GAP) * (len(widths) - 1)
        widths[0] = min(widths[0], max(line_length - rest, _SHORTEST_NAME))
    lines = []
    for cells in table:
        texts = []
        for place, (text, width) in enumerate(zip(cells, widths, strict=True)):
            if len(text) > width:
                text = text[: width - 1] + "…"
            to_left = place < 2 or place == len(widths) - 1
            texts.append(text.ljust(width) if to_left else text.rjust(width))
        lines.append(_GAP.join(texts).rstrip())
    return lines


def _sums(model: Any, table: list[Row]) -> list[str]:
    top = [row for row in table if row.depth == 0]
    total = sum(row.parameters for row in top)
    trained = sum(row.trainable for row in top)
    size = sum(row.weight_bytes for row in top)
    work = sum(row.multiply_adds for row in top)
    lines = [
        f"Parameters:      {total:,} ({memory(size)}), {trained:,} trainable, "
        f"{total - trained:,} not",
        f"Multiply-adds:   {_number(work)} for one example",
        "Activations:     "
        f"{memory(sum(row.activation_bytes for row in top))} for one example",
    ]
    variables = getattr(getattr(model, "optimizer", None), "variables", ())
    if variables:
        count = sum(math.prod(variable.shape) for variable in variables)
        lines.append(f"Optimizer:       {count:,} numbers")
    notes = dict.fromkeys(
        row.note for row in table if math.isnan(row.multiply_adds)
    )
    return [*lines, *(f"? {note}" for note in notes)]
