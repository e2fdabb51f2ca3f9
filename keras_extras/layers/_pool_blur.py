"""Blur pooling: a binomial filter, then every stride-th position.

    y[n, i, c] = sum over j of b[j] * x[n, i*s + j*d - p, c],
    b[j] = C(size - 1, j) / 2 ** (size - 1)          on each spatial axis

In place of a stride of a pooling or a convolution, which then has stride 1: a
shift of the input by one position changes the output little. No weights. Cost:
a pass over the input per tap and axis.
"""

from collections.abc import Callable
from typing import Any

import keras

from keras_extras import ops
from keras_extras._shapes import Ints, Padding
from keras_extras.layers._pool import Pool


class BlurPooling(Pool):
    """Blurs and takes every second position: base of `BlurPooling1D` to `3D`.

        y = sum(b * x)          over the window, b binomial

    Anti-aliasing: `MaxPooling2D(2, strides=1)` and then this, instead of
    `MaxPooling2D(2)`. Arguments, shapes and hooks as in `Pool`, with other
    defaults; with `pad_mode="constant"` padded positions never count.

    Args:
        pool_size: int or `rank` ints, the taps of the filter: 3 is (1, 2, 1)
            / 4, 5 is (1, 4, 6, 4, 1) / 16.
        strides: int, `rank` ints, or `None`. Step of the window; `None` means
            `pool_size`.
        padding: as in `Pool`. `None` centers the windows: `(extent + strides)
            // 2 - 1` positions on both sides, where a window has `extent`
            positions.
        pad_mode: what the pads hold, as in `Pool`.

    References:
        Zhang, "Making convolutional networks shift-invariant again",
        arXiv:1904.11486. The defaults are `timm.layers.BlurPool2d`'s.
    """

    reduce: Callable[..., Any] = staticmethod(ops.blur_pool)
    casts = True

    def __init__(
        self,
        pool_size: Ints = 3,
        strides: Ints | None = 2,
        padding: Padding | None = None,
        data_format: str | None = None,
        name: str | None = None,
        *,
        pad_mode: str = "reflect",
        **kwargs: Any,
    ) -> None:
        given = "valid" if padding is None else padding
        super().__init__(
            pool_size,
            strides,
            given,
            data_format,
            name,
            pad_mode=pad_mode,
            **kwargs,
        )
        if padding is None:
            pairs = zip(self._window, self.strides, strict=True)
            self.padding: Any = tuple(
                ((e + s) // 2 - 1, (e + s) // 2 - 1) for e, s in pairs
            )
            self._check_pads()


@keras.saving.register_keras_serializable(package="keras_extras")
class BlurPooling1D(BlurPooling):
    """Blurs a sequence and takes every second step; see `BlurPooling`.

    Examples:
        >>> x = np.array([4.0, 0.0, 0.0, 8.0]).reshape(1, 4, 1)
        >>> y = keras_extras.layers.BlurPooling1D()(x)
        >>> keras.ops.convert_to_numpy(y).ravel().tolist()
        [2.0, 2.0]
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class BlurPooling2D(BlurPooling):
    """Blurs images and takes every second pixel; see `BlurPooling`.

    Examples:
        >>> layer = keras_extras.layers.BlurPooling2D(5)
        >>> layer(np.ones((1, 8, 8, 3))).shape == (1, 4, 4, 3)
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class BlurPooling3D(BlurPooling):
    """Blurs volumes and takes every second voxel; see `BlurPooling`.

    Examples:
        >>> layer = keras_extras.layers.BlurPooling3D()
        >>> layer(np.ones((1, 4, 4, 4, 3))).shape == (1, 2, 2, 2, 3)
        True
    """

    rank = 3
