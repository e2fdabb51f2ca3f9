"""The classic convolutional network: convolve and pool, flatten, dense.

h[k] = pool(f(conv(h[k-1]))),   y = g(dense(...f(dense(flatten(h[K])))))
"""

from typing import Any

import keras

from keras_extras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from keras_extras.models._model import Model


@keras.saving.register_keras_serializable(package="keras_extras")
class ConvNet(Model):
    """Classifies images with blocks of convolution and pooling.

    Each block is a convolution, an activation and a maximum over windows; the
    last block is flattened and dense layers follow, as in LeNet.

    Args:
        filters: ints. Number of filters of each block, in order.
        kernel_size: int or pair of ints. Window of the convolutions, in
            pixels.
        pool_size: int or pair of ints. Window of the pooling, in pixels.
        units: ints. Size of each hidden dense layer, in order; may be empty.
        num_classes: int >= 1. Number of outputs.
        activation: name or function, in blocks and hidden layers.
        padding: padding of the convolutions, as in `Conv2D`.
        dropout: float from 0 to 1, the share dropped after each hidden dense
            layer.
        output_activation: name or function; `None` gives logits.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            Keras's configured one.
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

    References:
        LeCun et al., "Gradient-based learning applied to document
        recognition", Proc. IEEE 86 (1998); there with mean pooling and
        sigmoids.
    """

    def __init__(
        self,
        filters=(32, 64),
        kernel_size=3,
        pool_size=2,
        units=(128,),
        num_classes=10,
        activation="relu",
        padding="valid",
        dropout=0.0,
        output_activation="softmax",
        data_format=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        options: dict[str, Any] = {"padding": padding, "activation": activation}
        image: dict[str, Any] = {"data_format": data_format}
        self.blocks = []
        for count in filters:
            self.blocks += [
                Conv2D(count, kernel_size, **options, **image),
                MaxPooling2D(pool_size, **image),
            ]
        self.flatten = Flatten(**image)
        self.hidden = []
        for size in units:
            self.hidden += [Dense(size, activation), Dropout(dropout)]
        self.head = Dense(num_classes, activation=output_activation)

    def call(self, inputs, training=False):
        images = inputs
        for layer in self.blocks:
            images = layer(images)  # (batch, height, width, filters)
        hidden = self.flatten(images)
        for layer in self.hidden:  # Keras hands `training` to the dropouts
            hidden = layer(hidden)
        return self.head(hidden)  # (batch, num_classes)
