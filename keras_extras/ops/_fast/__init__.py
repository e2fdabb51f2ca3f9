"""Faster ways of single operations, where a framework has one.

A row is admitted only with a number, and deleted when it stops paying. Each
function has the name and signature of the generic one in `ops/*.py`, which
stays the definition: the tests compare values and gradients. `when` looks at
arguments and static shapes, never at data. `KERAS_EXTRAS_FAST=0` in the
environment turns all rows off at import, for bug reports.

Ratios are generic / fast, float32, on 2 cores of an x86-64 CPU with Keras
3.15.1, TensorFlow 2.21, JAX 0.10.2 and torch 2.13, for the inputs of
`python -m benchmarks.fast`, which prints them; gradient means forward and
gradient. Against Keras's layers: docs/guides/speed.md.

| operation               | backend    | when           | forward | gradient |
|-------------------------|------------|----------------|---------|----------|
| `conv`                  | torch      | last, CPU      | 1.2-1.4 | 1.0-1.5  |
| `conv_transpose`        | torch      | last, CPU      | 2.7     | 1.6      |
| `depthwise_conv`        | torch      | last, CPU      | 2.9     | 2.0      |
| `separable_conv`        | torch      | last, CPU      | 2.6     | 1.5      |
| `max_pool`              | torch      | last, CPU      | 6.7-12  | 6.6-15   |
| `average_pool`          | torch      | last, CPU      | 5.6-11  | 3.8-5.2  |
| `adaptive_average_pool` | torch      | floats         | 1.3-12  | 1.0-4.4  |
| `adaptive_max_pool`     | torch      | floats         | 1.3-2.5 | 4.7-7.3  |
| `global_average_pool`   | torch      | floats         | 1.1     | 1.0      |
| `global_max_pool`       | torch      | floats         | 1.0     | 1.0      |
| `conv`                  | jax        | last, CPU      | 1.6-4.3 | 1.7-4.1  |
| `conv_transpose`        | jax        | last, CPU      | 1.0     | 1.0      |
| `depthwise_conv`        | jax        | last, CPU      | 32      | 17       |
| `separable_conv`        | jax        | last, CPU      | 9.7     | 13       |
| `max_pool`              | jax        | at most 9 taps | 1.2-2.4 | 1.0-2.9  |
| `average_pool`          | jax        | `"same"`       | 1.0     | 1.3      |
| `adaptive_average_pool` | jax        | at most 128    | 1.1-5.3 | 0.9-6.4  |
| `adaptive_max_pool`     | jax        | at most 128    | 1.1-4.1 | 1.0      |
| `conv`                  | tensorflow | groups         | 2.8     | 77       |
| `max_pool`              | tensorflow | floats         | 20-29   | 27-37    |
| `average_pool`          | tensorflow | `"same"`       | 2.0     | 1.4      |

The gradient is that of the inputs; a transposed convolution on JAX gains in
that of the kernel, 5 times in a training step. Global pooling on torch saves a
few microseconds of Python, which is a tenth of a small call.

Arguments that Keras has not, at other than their defaults, are left to the
generic functions. Why: on torch the channels-last memory is pooled as it lies,
where Keras copies it to channels first and back, and so it is convolved; on JAX
slices replace `reduce_window` and the scatter of its gradient, and
`jax/cpu.py` says what replaces XLA's convolutions; on TensorFlow each group is
a convolution, where Keras asks XLA for them; Keras's
own "same" mean pads without a copy where it counts rightly; the generic maximum
is made of slices, which TensorFlow takes on one core.
"""

import functools
import importlib
import math
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import keras

from keras_extras.ops._pad import as_tensor
from keras_extras.ops._pool import pad_windows, standardize


class Row(NamedTuple):
    """A faster function for one operation, and when it may stand in."""

    name: str
    function: Callable
    when: Callable[..., bool]


def accelerate(generic: dict[str, Callable]) -> dict[str, Callable]:
    """Returns the operations that have a faster way on the active backend.

    Args:
        generic: the generic functions, by name.

    Returns:
        For each operation with rows, a function that runs the first row whose
        condition holds, else the generic one (its `__wrapped__`).
    """
    if os.environ.get("KERAS_EXTRAS_FAST", "1") == "0":
        return {}
    backend = keras.backend.backend()
    if backend not in ("tensorflow", "jax", "torch"):
        return {}
    module = importlib.import_module(f"{__name__}.{backend}")
    return {
        name: _choose(
            generic[name], [row for row in module.ROWS if row.name == name]
        )
        for name in {row.name for row in module.ROWS}
    }


def _choose(generic: Callable, rows: list[Row]) -> Callable:
    @functools.wraps(generic)
    def operation(inputs, *args, **kwargs):
        inputs = as_tensor(inputs)
        if not isinstance(inputs, keras.KerasTensor):
            for row in rows:
                if row.when(inputs, *args, **kwargs):
                    return row.function(inputs, *args, **kwargs)
        return generic(inputs, *args, **kwargs)

    return operation


def is_stock_max(dilation_rate=1, ceil_mode=False, return_indices=False):
    """Tells whether what `max_pool` has beyond Keras is at its default."""
    return not ceil_mode and not return_indices and _is_one(dilation_rate)


def is_stock_average(
    dilation_rate=1,
    ceil_mode=False,
    count_include_pad=False,
    divisor_override=None,
):
    """Tells whether what `average_pool` has beyond Keras is at its default."""
    return (
        not ceil_mode
        and not count_include_pad
        and divisor_override is None
        and _is_one(dilation_rate)
    )


def _is_one(value):
    return value == 1 if isinstance(value, int) else set(value) == {1}


def keras_max_pool(
    inputs, pool_size, strides=None, padding="valid", data_format=None, *_, **__
) -> Any:
    """Keras's own, with explicit and causal pads."""
    options: dict[str, Any] = {"data_format": data_format}
    windows = standardize(
        inputs, pool_size, strides, padding, data_format, 1, False
    )
    if padding not in ("valid", "same"):
        inputs = pad_windows(inputs, windows, -math.inf)
        padding = "valid"
    return keras.ops.max_pool(
        inputs, windows.size, windows.strides, padding, **options
    )


def _keras_average_pool(
    inputs, pool_size, strides=None, padding="valid", data_format=None, *_, **__
):
    options: dict[str, Any] = {"data_format": data_format}
    return keras.ops.average_pool(
        inputs, pool_size, strides, padding, **options
    )


def _is_same(
    inputs,
    pool_size,
    strides=None,
    padding="valid",
    data_format=None,
    *beyond,
    **options,
):
    dtype = keras.backend.standardize_dtype(inputs.dtype)
    # TensorFlow's 3D mean is of float32 alone.
    floats = ("float32", "bfloat16", "float16", "float64")
    return (
        padding == "same"
        and dtype in floats[: 1 if len(inputs.shape) == 5 else None]
        and is_stock_average(*beyond, **options)
    )


# For TensorFlow and JAX; on torch, Keras 3.15 divides by the padded count.
KERAS_SAME_AVERAGE = Row("average_pool", _keras_average_pool, _is_same)
