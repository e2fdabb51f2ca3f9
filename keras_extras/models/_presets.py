"""The networks that courses build, each by its name.

    name -> shape of an example, and what `MLP` or `ConvNet` is called with

Nothing new is computed here: a preset is a call that one would otherwise copy
from a notebook, with the number of parameters that the course prints beside
it, so that a reader can tell at once whether it is the same network.
"""

from typing import Any, NamedTuple

import keras

from keras_extras import _arguments as arguments
from keras_extras import _checks as checks
from keras_extras.models._convnet import ConvNet
from keras_extras.models._mlp import MLP


class Preset(NamedTuple):
    """One network.

    Attributes:
        input_shape: that of an example, channels last.
        make: `MLP` or `ConvNet`.
        arguments: what it is called with.
        num_classes: number of outputs.
    """

    input_shape: tuple[int, ...]
    make: type[keras.Model]
    arguments: dict[str, Any]
    num_classes: int = 10


_NIELSEN = {"units": [15], "activation": "sigmoid"}
# The book's lambda / 2n, with lambda = 5 and n = 50,000 images.
_NIELSEN_L2 = 5e-5
_FASHION = {
    "units": [512, 128, 32],
    "activation": ["sigmoid", "tanh", "relu"],
}
_AVERAGED = {"padding": "same", "pooling": "avg"}

PRESETS = {
    "mlp": Preset((28, 28, 1), MLP, {"dropout": 0.1}),
    # In 6 epochs on the 8,500 digits of the sample it reaches 0.98, in well
    # under a minute on two cores, on the slowest backend too.
    "convnet": Preset(
        (28, 28, 1), ConvNet, {"filters": (16, 32), "dropout": 0.3}
    ),
    "mlp-3-4-4-1": Preset(
        (3,),
        MLP,
        {"units": [4, 4], "activation": "tanh", "output_activation": "sigmoid"},
        num_classes=1,
    ),
    "mlp-15": Preset((784,), MLP, _NIELSEN),
    "mlp-15-l2": Preset(
        (784,),
        MLP,
        {**_NIELSEN, "kernel_regularizer": keras.regularizers.L2(_NIELSEN_L2)},
    ),
    "mlp-15-dropout": Preset((784,), MLP, {**_NIELSEN, "dropout": 0.2}),
    "lenet": Preset(
        (32, 32, 3),
        ConvNet,
        {"filters": [6, 16], "kernel_size": 5, "units": [120, 84]},
    ),
    "idx-mlp": Preset((784,), MLP, {"units": [50, 50], "activation": "tanh"}),
    "fashion-mlp": Preset((784,), MLP, _FASHION),
    "fashion-mlp-dropout": Preset((784,), MLP, {**_FASHION, "dropout": 0.2}),
    "fashion-convnet": Preset(
        (28, 28, 1),
        ConvNet,
        {"filters": [(32, 32), (64, 64)], "units": [256], **_AVERAGED},
    ),
    "fashion-convnet-bn": Preset(
        (28, 28, 1),
        ConvNet,
        {
            "filters": [(32, 32), (64, 64), (128, 128)],
            "units": [256, 128, 64],
            "batch_normalization": True,
            **_AVERAGED,
        },
    ),
    "mnist-512": Preset((784,), MLP, {"units": [512]}),
    "mnist-convnet": Preset(
        (28, 28, 1),
        ConvNet,
        {
            "filters": [(32, 64)],
            "units": [128],
            "dropout": 0.5,
            "block_dropout": 0.25,
        },
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
    | `mlp` | 784-128-64-10, dropout | 109,386 |
    | `convnet` | 3 x 3 convolutions 16, 32; 128-10 | 108,618 |

    The tutorials say where each is from, and train it; the last two are the
    library's own, for the command `keras-extras train`.

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
    found = PRESETS[checks.choice("preset", "name", name, list(PRESETS))]
    options: dict[str, Any] = {"name": name.replace("-", "_")}
    shape = found.input_shape
    if found.make is ConvNet:
        options["data_format"] = data_format = arguments.data_format(
            "preset", data_format
        )
        if data_format == "channels_first":
            shape = (shape[2], *shape[:2])
    model = found.make(
        **found.arguments,
        **options,
        num_classes=num_classes or found.num_classes,
    )
    model.build((None, *(input_shape or shape)))
    return model
