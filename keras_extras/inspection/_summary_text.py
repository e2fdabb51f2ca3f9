"""The table that `Model.summary` prints: the rows of `summary_frame` as text.

Columns are as wide as what stands in them, numbers end at one line, and a table
that is too wide gives up letters of the names first.
"""

import math
import re
from collections.abc import Sequence

from keras_extras._errors import invalid_argument
from keras_extras.inspection._summary import Row, rows

_GAP = "  "
_SHORTEST_NAME = 12


def summary_text(
    model,
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


def _between(table: list[Row], layer_range) -> list[Row]:
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
    if row.receptive_field is None:
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


def _sums(model, table: list[Row]) -> list[str]:
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
