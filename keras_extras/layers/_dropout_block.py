"""DropBlock: set whole blocks of neighbors to zero, the rest scaled up.

    y = x * m * count(m) / sum(m)
    m = 0 within every block whose seed is drawn, else 1
    P(seed) = rate * prod(L) / (prod(k) * prod(L - k + 1))

with L the lengths and k the blocks on the spatial axes. A leaf chooses the
rank. Cost: a maximum over windows of the block's size.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import keras

from keras_extras import _arguments as arguments
from keras_extras import _checks as checks
from keras_extras import ops
from keras_extras._shapes import Ints, Tensor
from keras_extras.layers._dropout import Dropout


class DropBlock(Dropout):
    """Sets whole blocks to zero while training: the base of the 1D-3D leaves.

        y = x * m * count(m) / sum(m),     m = 0 in the blocks, else 1

    For inputs whose neighbors are alike, as after a convolution: a single
    value that is dropped can be read off its neighbors, a block cannot. Each
    channel has blocks of its own.

    Args:
        rate: float from 0 to 1, the share that is set to zero; it comes out a
            little less, since blocks overlap.
        block_size: int or `rank` ints, in positions. On an axis shorter than
            that the whole axis is one block.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            Keras's configured one.
        seed: int or `None`.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.layers.Layer`.

    Call arguments:
        inputs: tensor with batch, `rank` spatial axes and channels.
        training: bool, whether anything is dropped.

    Input shape:
        `(batch, *spatial, channels)`; channels second if
        `data_format="channels_first"`.
    Output shape:
        the input's

    Raises:
        ValueError: if `rate`, `block_size` or `data_format` is out of its
            range.
        TypeError: if `rate` is not a number.

    Hooks:
        `drop(inputs)`: what is done while training.

    Examples:
        >>> class DropSame(keras_extras.layers.DropBlock2D):
        ...     def drop(self, inputs):  # one mask for all channels
        ...         mask = super().drop(keras.ops.ones_like(inputs[..., :1]))
        ...         return inputs * mask
        >>> y = DropSame(0.3, 3, seed=0)(np.ones((4, 9, 9, 8)), training=True)
        >>> y = keras.ops.convert_to_numpy(y)
        >>> bool((y == y[..., :1]).all())
        True

    References:
        Ghiasi et al., "DropBlock", arXiv:1810.12890. Probability and scale as
        in `torchvision.ops.DropBlock2d`.
    """

    _refused_arguments: ClassVar[Mapping[str, str]] = {
        "noise_shape": "The class decides what is dropped together."
    }

    def __init__(
        self,
        rate: float,
        block_size: Ints = 7,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rate, None, seed, **kwargs)
        self.block_size: tuple[int, ...] = checks.spatial(
            self, "block_size", block_size
        )
        self.data_format: str = arguments.data_format(self, data_format)
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)

    def drop(self, inputs: Tensor) -> Tensor:
        """Returns the inputs with blocks set to zero, the rest scaled up."""
        samples = keras.random.uniform(
            keras.ops.shape(inputs), dtype="float32", seed=self.seed_generator
        )
        return ops.drop_block(
            inputs, samples, self.rate, self.block_size, self.data_format
        )


@keras.saving.register_keras_serializable(package="keras_extras")
class DropBlock1D(DropBlock):
    """Sets blocks of steps to zero; see `DropBlock`.

    Examples:
        >>> layer = keras_extras.layers.DropBlock1D(0.2, 4)
        >>> layer(np.ones((2, 30, 3)), training=True).shape == (2, 30, 3)
        True
    """

    rank = 1


@keras.saving.register_keras_serializable(package="keras_extras")
class DropBlock2D(DropBlock):
    """Sets squares of pixels to zero; see `DropBlock`.

    Examples:
        >>> layer = keras_extras.layers.DropBlock2D(0.1, 7)
        >>> x = np.ones((2, 14, 14, 3))
        >>> layer(x, training=True).shape == x.shape
        True
    """

    rank = 2


@keras.saving.register_keras_serializable(package="keras_extras")
class DropBlock3D(DropBlock):
    """Sets cubes of voxels to zero; see `DropBlock`.

    Examples:
        >>> layer = keras_extras.layers.DropBlock3D(0.1, 3)
        >>> x = np.ones((2, 6, 6, 6, 3))
        >>> layer(x, training=True).shape == x.shape
        True
    """

    rank = 3
