"""The networks that courses build, each by its name.

    name -> (shape of an example, what `MLP` or `ConvNet` is called with)

Nothing new is computed here: a preset is a call that one would otherwise copy
from a notebook, with the number of parameters that the course prints beside
it, so that a reader can tell at once whether it is the same network.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras

from keras_extras._errors import invalid_argument
from keras_extras.models._convnet import ConvNet
from keras_extras.models._mlp import MLP


class _Preset(NamedTuple):
    input_shape: tuple[int, ...]  # of one example, channels last
    num_classes: int  # of outputs
    make: Callable[[dict[str, Any]], keras.Model]


# The book's lambda / 2n, with lambda = 5 and n = 50,000 images.
_NIELSEN_L2 = 5e-5
_THREE: Any = ["sigmoid", "tanh", "relu"]

_PRESETS = {
    "mlp-3-4-4-1": _Preset(
        (3,),
        1,
        lambda common: MLP(
            [4, 4], activation="tanh", output_activation="sigmoid", **common
        ),
    ),
    "mlp-15": _Preset(
        (784,), 10, lambda common: MLP([15], activation="sigmoid", **common)
    ),
    "mlp-15-l2": _Preset(
        (784,),
        10,
        lambda common: MLP(
            [15],
            activation="sigmoid",
            kernel_regularizer=keras.regularizers.L2(_NIELSEN_L2),
            **common,
        ),
    ),
    "mlp-15-dropout": _Preset(
        (784,),
        10,
        lambda common: MLP([15], activation="sigmoid", dropout=0.2, **common),
    ),
    "lenet": _Preset(
        (32, 32, 3),
        10,
        lambda common: ConvNet([6, 16], 5, units=[120, 84], **common),
    ),
    "idx-mlp": _Preset(
        (784,), 10, lambda common: MLP([50, 50], activation="tanh", **common)
    ),
    "fashion-mlp": _Preset(
        (784,),
        10,
        lambda common: MLP([512, 128, 32], activation=_THREE, **common),
    ),
    "fashion-mlp-dropout": _Preset(
        (784,),
        10,
        lambda common: MLP(
            [512, 128, 32],
            activation=_THREE,
            dropout=0.2,
            **common,
        ),
    ),
    "fashion-convnet": _Preset(
        (28, 28, 1),
        10,
        lambda common: ConvNet(
            [(32, 32), (64, 64)],
            units=[256],
            padding="same",
            pooling="avg",
            **common,
        ),
    ),
    "fashion-convnet-bn": _Preset(
        (28, 28, 1),
        10,
        lambda common: ConvNet(
            [(32, 32), (64, 64), (128, 128)],
            units=[256, 128, 64],
            padding="same",
            pooling="avg",
            batch_normalization=True,
            **common,
        ),
    ),
    "mnist-512": _Preset((784,), 10, lambda common: MLP([512], **common)),
    "mnist-convnet": _Preset(
        (28, 28, 1),
        10,
        lambda common: ConvNet(
            [(32, 64)],
            units=[128],
            dropout=0.5,
            block_dropout=0.25,
            **common,
        ),
    ),
}


def preset(
    name: str,
    *,
    num_classes: int | None = None,
    input_shape: tuple[int, ...] | None = None,
    data_format: str | None = None,
) -> keras.Model:
    """Makes a network that courses build, with the parameters they print.

    | name | network | parameters |
    |---|---|---|
    | `mlp-3-4-4-1` | 3-4-4-1, tanh, sigmoid | 41 |
    | `mlp-15` | 784-15-10, sigmoid, softmax | 11,935 |
    | `mlp-15-l2`, `mlp-15-dropout` | the same, regularized | 11,935 |
    | `lenet` | 5 x 5 convolutions 6, 16; 120-84-10; 32 x 32 x 3 | 62,006 |
    | `idx-mlp` | 784-50-50-10, tanh | 42,310 |
    | `fashion-mlp`, `fashion-mlp-dropout` | 784-512-128-32-10 | 472,042 |
    | `fashion-convnet` | 32, 32, 64, 64, global average, 256-10 | 84,202 |
    | `fashion-convnet-bn` | and 128, 128, 256-128-64-10, normalized | 364,842 |
    | `mnist-512` | 784-512-10 | 407,050 |
    | `mnist-convnet` | 32, 64, dropout, 128, dropout, 10 | 1,199,882 |

    The tutorials say where each is from, and train it.

    Args:
        name: one of the names above.
        num_classes: number of outputs. `None` means that of the course.
        input_shape: shape of an example, without the batch. `None` means that
            of the course.
        data_format: of the convolutional ones: `"channels_last"`,
            `"channels_first"`, or `None` for Keras's configured one.

    Returns:
        A new `MLP` or `ConvNet`, built and not trained.

    Raises:
        ValueError: if there is no such name, or the shape does not fit.

    Examples:
        >>> from keras_extras.models import preset
        >>> preset("fashion-mlp").count_params()
        472042
        >>> preset("mnist-convnet").count_params()
        1199882
    """
    if name not in _PRESETS:
        raise invalid_argument(
            "preset", "name", f"one of {list(_PRESETS)}", name
        )
    published = _PRESETS[name]
    common: dict[str, Any] = {
        "num_classes": num_classes or published.num_classes,
        "name": name.replace("-", "_"),
    }
    shape = published.input_shape
    if len(shape) == 3:
        common["data_format"] = data_format = (
            data_format or keras.config.image_data_format()
        )
        if data_format == "channels_first":
            shape = (shape[2], *shape[:2])
    model = published.make(common)
    model.build((None, *(input_shape or shape)))
    return model
