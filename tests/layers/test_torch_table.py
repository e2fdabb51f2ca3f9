"""Every row of docs/guides/torch.md, run."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_extras import layers
from tests.gradients import to_numpy
from tests.oracle import normal

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "torch.md"
# A row is: | `torch.nn` expression | our expression | input | remark |
ROWS = [
    tuple(cell.strip().strip("`") for cell in line.strip("|\n ").split("|"))[:3]
    for line in PAGE.read_text().splitlines()
    if re.match(r"\| `\w+\(", line)
]
NAMES = {name: getattr(layers, name) for name in layers.__all__}


def ours(expression):
    return eval(expression, {**NAMES, "keras": keras})


def shape_of(text):
    return tuple(int(size) for size in text.strip("()").split(",") if size)


def test_the_table_is_there():
    assert len(ROWS) > 30


@pytest.mark.parametrize(("torch_code", "our_code", "shape"), ROWS)
def test_row_makes_a_layer_that_takes_the_input(torch_code, our_code, shape):
    layer = ours(our_code)
    first = normal(2, *shape_of(shape))
    assert to_numpy(layer(np.moveaxis(first, 1, -1))).ndim >= 2


@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="torch is the oracle"
)
@pytest.mark.parametrize(("torch_code", "our_code", "shape"), ROWS)
def test_row_gives_torch_s_numbers(torch_code, our_code, shape):
    import torch
    from torch import nn

    torch.manual_seed(0)
    module = eval(torch_code, {**vars(nn), "nn": nn, "torch": torch}).eval()
    layer = ours(our_code)
    first = normal(2, *shape_of(shape))
    # Channels last is ours, channels first is torch's.
    last = np.moveaxis(first, 1, -1)
    layer(last)
    weights = [parameter.detach().numpy() for parameter in module.parameters()]
    if weights:
        layer.set_weights([convert(weight) for weight in weights])
    with torch.no_grad():
        expected = module(torch.tensor(first)).numpy()
    got = to_numpy(layer(last))
    if first.ndim > 2:  # else there are no channels to move
        expected = np.moveaxis(expected, 1, -1)
    np.testing.assert_allclose(got, expected, atol=1e-4)


def convert(weight):
    """torch's weight in our order of axes, as the page says."""
    if weight.ndim == 1:
        return weight
    return np.moveaxis(weight, (0, 1), (-1, -2))
