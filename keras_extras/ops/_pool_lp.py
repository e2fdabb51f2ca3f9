"""Power-average pooling: the norm of every window.

    y[n, i, c] = (sum over j of |x[n, i*s + j*d - p, c]| ** order) ** (1/order)

with i and j running over the spatial axes, s the strides, d the dilation and p
the padding in front.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras

from keras_extras._shapes import Ints, Pads, Tensor
from keras_extras.ops._pool import max_of_windows, mean_of_windows, pool_plan
from keras_extras.ops._tensors import as_float, dtype_of, widen


def lp_pool(
    inputs: Tensor,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str | Sequence[Pads] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
    ceil_mode: bool = False,
    order: float = 2,
) -> Tensor:
    """Takes the norm of every window, per channel.

    The powers are those of absolute values, so that every order has a real
    root: at order 1 it is the sum of the sizes. A window with pads counts as
    if its real positions filled it, so that equal inputs give equal outputs at
    the border. Where a window is all zero, the gradient is zero.

    Args:
        inputs: tensor `(batch, *spatial, channels)`, or channels second.
        pool_size: int or one per spatial axis, the size of the window.
        strides: int or one per spatial axis; `None` means `pool_size`.
        padding: `"valid"`, `"same"`, `"causal"`, or (before, after) per
            spatial axis.
        data_format: `"channels_last"` or `"channels_first"`; `None` is
            Keras's configured one.
        dilation_rate: int or one per spatial axis, the distance between the
            positions that a window takes.
        ceil_mode: bool, whether a last window may reach over the end.
        order: number but 0, the power. At infinity the norm is the largest
            absolute value of the window, at minus infinity the smallest.

    Returns:
        Tensor `(batch, *windows, channels)`, or channels second.

    Examples:
        >>> x = np.array([3.0, 4.0, 0.0, -2.0]).reshape(1, 4, 1)
        >>> y = keras_extras.ops.lp_pool(x, 2)
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [5.0, 2.0]

    References:
        `torch.nn.functional.lp_pool2d`, whose numbers these are for inputs
        that are not negative, and for all at even orders. At others it takes
        the powers of signed numbers, which cancel, and NaN for the root of a
        negative sum.
        It scales the last window of `ceil_mode` as above, too; pads it has
        not.
    """
    inputs = as_float(inputs)
    dtype = dtype_of(inputs)
    # Powers leave the range of half precision long before the roots do.
    wide = inputs if math.isinf(order) else widen(inputs)
    plan = pool_plan(
        wide, pool_size, strides, padding, data_format, dilation_rate,
        ceil_mode,
    )  # fmt: skip
    # The slope of `abs` at zero is one on JAX, and zero on the others.
    sizes: Any = wide * keras.ops.stop_gradient(keras.ops.sign(wide))
    if math.isinf(order):
        sign = math.copysign(1, order)
        return sign * max_of_windows(plan, sign * sizes)
    count = math.prod(plan.size)
    sums = count * mean_of_windows(plan, _power(sizes, order))
    return keras.ops.cast(_power(sums, 1 / order), dtype)


def _power(x: Tensor, exponent: float) -> Any:
    """Returns powers of what is not negative, whose slope at zero is zero."""
    if exponent == 1:
        return x
    power: Any = keras.ops.cast(exponent, x.dtype)
    if exponent > 1:
        return keras.ops.power(x, power)
    # Where the slope is infinite it is not asked for.
    nothing = keras.ops.equal(x, 0)
    powers = keras.ops.power(keras.ops.where(nothing, 1, x), power)
    return keras.ops.where(nothing, 0 if exponent > 0 else math.inf, powers)
