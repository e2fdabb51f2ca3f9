"""The classic convolutional network: convolve and pool, flatten, dense.

h[k] = pool(f(conv(h[k-1]))),   y = g(dense(...f(dense(flatten(h[K])))))
"""

from collections.abc import Sequence
from typing import Any

import keras

from keras_extras import _arguments as arguments
from keras_extras import _checks as checks
from keras_extras._errors import invalid_argument
from keras_extras.layers import (
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalGeMPooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
)
from keras_extras.models._mlp import hidden_layers, normalized
from keras_extras.models._model import Model

# What turns the last block's images into one vector per example.
POOLINGS = {
    None: Flatten,
    "avg": GlobalAveragePooling2D,
    "max": GlobalMaxPooling2D,
    "gem": GlobalGeMPooling2D,
}


@keras.saving.register_keras_serializable(package="keras_extras")
class ConvNet(Model):
    """Classifies images with blocks of convolution and pooling.

    Each block is a convolution, or several, with an activation, and a maximum
    over windows; the last block is flattened, or reduced to one number per
    channel, and dense layers follow, as in LeNet.

    Args:
        filters: ints. Number of filters of each block, in order; a tuple of
            ints in the place of one gives a block of several convolutions. An
            int is one block.
        kernel_size: int or pair of ints. Window of the convolutions, in
            pixels.
        pool_size: int or pair of ints. Window of the pooling, in pixels.
        units: ints. Size of each hidden dense layer, in order; may be empty.
            An int is one hidden layer.
        num_classes: int >= 1. Number of outputs.
        activation: name or function, in blocks and hidden layers.
        padding: padding of the convolutions, as in `Conv2D`.
        dropout: float from 0 to 1, the share dropped after each hidden dense
            layer; or a list of them, one for each.
        output_activation: name or function; `None` gives logits.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            Keras's configured one.
        batch_normalization: bool, whether each convolution and hidden dense
            layer is normalized between its sum and its activation.
        block_dropout: float from 0 to 1, the share dropped after each block.
        kernel_regularizer: penalty on the kernels of all layers, the last one
            too, such as `keras.regularizers.L2(1e-4)`; or `None`.
        pooling: what follows the last block: `None` flattens it; `"avg"`,
            `"max"` and `"gem"` (a mean with a trained power) reduce all
            positions to one number per channel.
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.Model`.

    Input shape:
        `(batch, height, width, channels)`; channels second if
        `data_format="channels_first"`.
    Output shape:
        `(batch, num_classes)`

    Raises:
        ValueError: if an argument is out of its range, or the image is too
            small for the blocks.

    Examples:
        >>> model = keras_extras.models.ConvNet(filters=[8, 16], units=[32])
        >>> model.build((None, 28, 28, 1))
        >>> model.count_params()
        14410
        >>> model = keras_extras.models.ConvNet(
        ...     [(32, 32), (64, 64)], units=[256], pooling="avg"
        ... )
        >>> model.build((None, 28, 28, 1))
        >>> model.count_params()
        84202

    References:
        LeCun et al., "Gradient-based learning applied to document
        recognition", Proc. IEEE 86 (1998); there with mean pooling and
        sigmoids. Ioffe and Szegedy, "Batch normalization", arXiv:1502.03167.
    """

    def __init__(
        self,
        filters: int | Sequence[int | Sequence[int]] = (32, 64),
        kernel_size: int | Sequence[int] = 3,
        pool_size: int | Sequence[int] = 2,
        units: int | Sequence[int] = (128,),
        num_classes: int = 10,
        activation: Any = "relu",
        padding: Any = "valid",
        dropout: float | Sequence[float] = 0.0,
        output_activation: Any = "softmax",
        data_format: str | None = None,
        *,
        batch_normalization: bool = False,
        block_dropout: float = 0.0,
        kernel_regularizer: Any = None,
        pooling: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if pooling is not None:
            names = [name for name in POOLINGS if name]
            checks.choice(self, "pooling", pooling, names)
        self.data_format = arguments.data_format(self, data_format)
        image: dict[str, Any] = {"data_format": self.data_format}
        axis = -1 if self.data_format == "channels_last" else 1
        regular: dict[str, Any] = {"kernel_regularizer": kernel_regularizer}
        self.blocks = []
        allowed = "positive integers, or tuples of them, one for each block"
        single = checks.as_integer(filters) is not None
        blocks = checks.items(
            self, "filters", [filters] if single else filters, allowed
        )
        for block in blocks:
            for count in checks.integers(self, "filters", block, allowed):
                self.blocks += normalized(
                    Conv2D, count, activation, batch_normalization, axis,
                    kernel_size, padding=padding, **image, **regular,
                )  # fmt: skip
            self.blocks.append(MaxPooling2D(pool_size, **image))
            if block_dropout:  # else the layers are those of old files
                self.blocks.append(Dropout(block_dropout))
        self.flatten = POOLINGS[pooling](**image)
        self.hidden = hidden_layers(
            self, units, activation, dropout, batch_normalization,
            kernel_regularizer,
        )  # fmt: skip
        num_classes = checks.integer(self, "num_classes", num_classes)
        self.head = Dense(num_classes, activation=output_activation, **regular)

    def build(self, input_shape: Any) -> None:
        """Builds all layers; refuses images without channels."""
        if len(input_shape) != 4:
            last = self.data_format == "channels_last"
            raise invalid_argument(
                self,
                "input_shape",
                "of 4 axes: the examples, height and width, and the channels",
                tuple(input_shape),
                context=f"data_format={self.data_format!r}.",
                fix="Gray images get their channels by "
                f"images[{'..., None' if last else ':, None'}], a single image "
                "gets the axis of examples by image[None].",
            )
        super().build(input_shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        images = inputs
        for layer in self.blocks:  # `Model` sees to `training`
            images = layer(images)  # (batch, height, width, filters)
        hidden = self.flatten(images)
        for layer in self.hidden:
            hidden = layer(hidden)
        return self.head(hidden)  # (batch, num_classes)
