"""Power-average pooling: the norm of every window.

    y[n, i, c] = (sum over j of |x[n, i*s + j*d - p, c]| ** order) ** (1/order)

Between the sum of sizes (order 1) and the largest (order infinity), with a
gradient for every input of the window. Cost: outputs * window size.
"""

from collections.abc import Callable
from typing import Any

import keras

from keras_extras import _checks as checks
from keras_extras import ops
from keras_extras._shapes import Ints, Padding
from keras_extras.layers._pool import Pool


class LpPooling(Pool):
    """Takes the norm of every window: the base of `LpPooling1D` to `3D`.

        y = sum(|x| ** order) ** (1 / order)        over the window, per channel

    The powers are those of absolute values, as in any norm. Arguments and
    shapes as in `Pool`. A window with pads counts as if its real positions
    filled it.

    Args:
        order: number but 0, the power. `math.inf` gives the largest absolute
            value of the window, `-math.inf` the smallest.
        **kwargs: those of `Pool`.

    Raises:
        ValueError: if `order` is 0 or NaN.
        TypeError: if `order` is not a number.

    References:
        `torch.nn.LPPool2d`, where the order is called `norm_type`. At orders
        that are not even it differs for negative inputs: torch takes the
        powers of signed numbers, which cancel, and gives NaN for the root of a
        negative sum.
    """

    reduce: Callable[..., Any] = staticmethod(ops.lp_pool)
    casts = True

    def __init__(
        self,
        pool_size: Ints,
        strides: Ints | None = None,
        padding: Padding = "valid",
        data_format: str | None = None,
        name: str | None = None,
        *,
        order: float = 2,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            pool_size, strides, padding, data_format, name, **kwargs
        )
        self.order: Any = checks.nonzero(self, "order", order, infinite=True)

    def _reduce_options(self) -> dict[str, Any]:
        return {"order": self.order}


@keras.saving.register_keras_serializable(package="keras_extras")
class LpPooling1D(LpPooling):
    """Takes the norm over windows of steps; see `LpPooling`.

    Examples:
        >>> x = np.array([3.0, 4.0, 0.0, -2.0]).reshape(1, 4, 1)
        >>> y = keras_extras.layers.LpPooling1D(2)(x)
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [5.0, 2.0]
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class LpPooling2D(LpPooling):
    """Takes the norm over windows of pixels; see `LpPooling`.

    Examples:
        >>> layer = keras_extras.layers.LpPooling2D(2, order=1)
        >>> float(layer(np.ones((1, 2, 2, 1)))[0, 0, 0, 0])
        4.0
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class LpPooling3D(LpPooling):
    """Takes the norm over windows of voxels; see `LpPooling`.

    Examples:
        >>> layer = keras_extras.layers.LpPooling3D(2, order=3)
        >>> round(float(layer(np.ones((1, 2, 2, 2, 1)))[0, 0, 0, 0, 0]), 4)
        2.0
    """

    rank = 3
