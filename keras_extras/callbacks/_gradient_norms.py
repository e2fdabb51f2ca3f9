"""How long the gradient of each layer is, epoch by epoch.

    norm(layer) = sqrt(sum over its weights w of |dL/dw|²)

L is the compiled loss on one batch, always the same one.
"""

from typing import Any, NamedTuple

import keras
import numpy as np

from keras_extras import _checks
from keras_extras._errors import invalid_argument
from keras_extras._gradients import weight_gradients
from keras_extras.callbacks._epochs import EpochRows, weight_names


class GradientNormRow(NamedTuple):
    """The gradient of one layer at the end of one epoch.

    Args:
        run: which call of `fit`, from 1.
        epoch: which epoch, from 1, counted over all runs.
        layer: path of the layer, such as `"encoder/dense"`.
        norm: length of the gradient by all its trainable weights.
        weight_norm: length of these weights themselves.

    Examples:
        >>> GradientNormRow(1, 3, "dense", norm=0.5, weight_norm=2.0).layer
        'dense'
    """

    run: int
    epoch: int
    layer: str
    norm: float
    weight_norm: float


class GradientNorms(EpochRows):
    """Measures the gradient of the loss per layer at the end of each epoch.

    Norms that shrink from the last layer to the first by a factor each are
    vanishing gradients; norms that grow from epoch to epoch, or are not finite,
    are exploding ones; exact zeros are a layer that the loss does not reach, or
    dead ReLUs.

    The gradients are those that `fit` would compute for the given batch: with
    regularizers, without loss scaling. They cost about one step of training
    that is not compiled; the model, its moving statistics and its seeds
    stay as they are. (Dropout without a `seed` on torch draws from torch's own
    stream, which moves on.)

    Args:
        x: one batch of inputs, a few dozen examples: an array, or a list or
            dict of arrays.
        y: its targets; `None` if the losses are added by layers.
        sample_weight: weights of the examples.
        training: whether dropout and batch normalization act as in training.
        add_to_logs: also log each norm, as `"gradient_norm/<layer>"`, for the
            callbacks that follow in the list.

    Attributes:
        rows: list of `GradientNormRow`, epoch by epoch, layers in the order of
            their weights.

    Raises:
        TypeError: if `training` or `add_to_logs` is not True or False.
        ValueError: if `x` is a data set and not one batch.

    Examples:
        >>> x, y = np.ones((8, 2)), np.ones((8, 1))
        >>> model = keras.Sequential(
        ...     [
        ...         keras.Input((2,)),
        ...         keras.layers.Dense(3, name="hidden"),
        ...         keras.layers.Dense(1, name="out"),
        ...     ]
        ... )
        >>> model.compile(loss="mse")
        >>> norms = GradientNorms(x, y)
        >>> _ = model.fit(x, y, verbose=0, callbacks=[norms])
        >>> [(row.epoch, row.layer) for row in norms.rows]
        [(1, 'hidden'), (1, 'out')]
    """

    row = GradientNormRow

    def __init__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        training: bool = True,
        add_to_logs: bool = False,
    ) -> None:
        super().__init__(add_to_logs)
        if isinstance(x, keras.utils.PyDataset):
            raise invalid_argument(
                self, "x", "one batch of arrays", x, fix="Pass *dataset[0]."
            )
        self.x = x
        self.y = y
        self.sample_weight = sample_weight
        self.training: bool = _checks.boolean(self, "training", training)

    def _rows_of(self, run: int, epoch: int) -> list[GradientNormRow]:
        model = self.model
        gradients = weight_gradients(
            model, self.x, self.y, self.sample_weight, training=self.training
        )
        weights = model.trainable_variables
        squares: dict[str, list[float]] = {}
        for name, weight, gradient in zip(
            weight_names(model, weights), weights, gradients, strict=True
        ):
            layer = name.rpartition("/")[0] or name
            sums = squares.setdefault(layer, [0.0, 0.0])
            sums[0] += _square(gradient)
            sums[1] += _square(keras.ops.convert_to_numpy(weight.value))
        return [
            GradientNormRow(run, epoch, layer, *(np.sqrt(sums).tolist()))
            for layer, sums in squares.items()
        ]

    def _logged(self, row: GradientNormRow) -> dict[str, float]:
        return {f"gradient_norm/{row.layer}": row.norm}


def _square(array: Any) -> float:
    """Returns the squared length of an array, summed in double precision."""
    return float(np.square(np.asarray(array, dtype="float64")).sum())
