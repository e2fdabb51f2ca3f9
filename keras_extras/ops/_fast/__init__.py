"""Faster ways of single operations, where a framework has one.

A row is admitted only with a number, and deleted when it stops paying. It is
`when(plan)`, whether it may stand in, and `run(plan, *tensors)`; the plan is
what an operation of `ops/*.py` binds its arguments to, once, and has static
shapes and dtypes, never data. The definition of that operation stays what it
is: the tests compare values and gradients. `KERAS_EXTRAS_FAST=0` in the
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
| `max_pool`              | torch      | last, CPU      | 6.7-12  | 6.6-15   |
| `average_pool`          | torch      | last, CPU      | 5.6-11  | 3.8-5.2  |
| `adaptive_average_pool` | torch      | floats         | 1.3-12  | 1.0-4.4  |
| `adaptive_max_pool`     | torch      | floats         | 1.3-2.5 | 4.7-7.3  |
| `global_average_pool`   | torch      | floats         | 1.1     | 1.0      |
| `global_max_pool`       | torch      | floats         | 1.0     | 1.0      |
| `conv`                  | jax        | last, CPU      | 1.6-4.3 | 1.7-4.1  |
| `conv_transpose`        | jax        | last, CPU      | 1.0     | 1.0      |
| `depthwise_conv`        | jax        | last, CPU      | 32      | 17       |
| `max_pool`              | jax        | at most 9 taps | 1.2-2.4 | 1.0-2.9  |
| `average_pool`          | jax        | `"same"`       | 1.0     | 1.3      |
| `adaptive_average_pool` | jax        | at most 128    | 1.1-5.3 | 0.9-6.4  |
| `adaptive_max_pool`     | jax        | at most 128    | 1.1-4.1 | 1.0      |
| `conv`                  | tensorflow | groups         | 2.8     | 77       |
| `conv`                  | tensorflow | channels first | 1.0-2.1 | 0.7-1.0  |
| `depthwise_conv`        | tensorflow | other strides  | 7.1     | 39       |
| `max_pool`              | tensorflow | floats         | 20-29   | 27-37    |
| `average_pool`          | tensorflow | `"same"`       | 2.0     | 1.4      |

The gradient is that of the inputs; a transposed convolution on JAX gains in
that of the kernel, 5 times in a training step. Global pooling on torch saves a
few microseconds of Python, which is a tenth of a small call. A separable
convolution runs the rows of its two parts.

Arguments that Keras has not, at other than their defaults, are left to the
generic functions. Why: on torch the channels-last memory is pooled as it lies,
where Keras copies it to channels first and back, and so it is convolved; on JAX
slices replace `reduce_window` and the scatter of its gradient, and
`jax/cpu.py` says what replaces XLA's convolutions; on TensorFlow each group is
a convolution, where Keras asks XLA for them, and strides that differ are
thinned out of a common one; channels stay first where there is a kernel, as
there is on a GPU; Keras's own "same" mean pads without a copy where it counts
rightly; the generic maximum is made of slices, which TensorFlow takes on one
core.
"""

from typing import Any

import keras

from keras_extras._shapes import Tensor
from keras_extras.ops._operation import Row
from keras_extras.ops._pool import PoolPlan, pad_windows
from keras_extras.ops._tensors import lowest

FLOATS = ("float32", "bfloat16", "float16", "float64")


def keras_max_pool(plan: PoolPlan, inputs: Tensor) -> Any:
    """Returns Keras's own maximum, with explicit and causal pads."""
    padding = plan.padding
    if padding not in ("valid", "same"):
        inputs = pad_windows(inputs, plan, lowest(plan.dtype))
        padding = "valid"
    options: dict[str, Any] = {"data_format": plan.data_format}
    return keras.ops.max_pool(
        inputs, plan.size, plan.strides, padding, **options
    )


def _keras_average_pool(plan: PoolPlan, inputs: Tensor) -> Any:
    options: dict[str, Any] = {"data_format": plan.data_format}
    return keras.ops.average_pool(
        inputs, plan.size, plan.strides, "same", **options
    )


def _is_same(plan: PoolPlan) -> bool:
    # Half precision adds up too far; TensorFlow's 3D mean is of float32 alone.
    floats = ("float32",) if len(plan.size) == 3 else ("float32", "float64")
    return plan.padding == "same" and plan.dtype in floats and plan.is_stock


# For TensorFlow and JAX; on torch, Keras 3.15 divides by the padded count.
KERAS_SAME_AVERAGE = Row("average_pool", _is_same, _keras_average_pool)
