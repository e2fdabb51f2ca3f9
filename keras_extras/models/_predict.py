"""Probabilities and classes from what a model predicts.

    p = outputs, sigmoid(outputs) or softmax(outputs)
    class = arg max p;  of one probability, and of several labels:  p > 1/2

Which function makes probabilities is known where the model was compiled with a
loss that is handed logits; else the outputs must be probabilities already. See
`_probabilities`, where displays and reports ask too.
"""

from typing import Any

import keras
import numpy as np

from keras_extras import _probabilities
from keras_extras._errors import invalid_argument

Verbose = str | int


def predict_proba(
    model: keras.Model,
    x: Any,
    batch_size: int | None = None,
    verbose: Verbose = "auto",
    **kwargs: Any,
) -> np.ndarray:
    """Returns the predicted probabilities of any model with one output.

    These are the model's outputs; if it was compiled with a cross-entropy
    `from_logits=True` (Keras's, or one derived from it), their sigmoid (binary)
    or softmax. What the last layer's own softmax or sigmoid made stays so.

    Args:
        model: a `keras.Model`.
        x: inputs, as in `predict`.
        batch_size: int, examples per step; `None` means 32.
        verbose: `"auto"`, 0, 1 or 2, as in `predict`.
        **kwargs: `steps` and `callbacks`, as in `predict`.

    Returns:
        Array `(examples, ..., classes)` of numbers from 0 to 1.

    Raises:
        TypeError: if the model has several outputs.
        ValueError: if the outputs are not in that range or NaN, and the loss
            does not tell that they are logits.

    Examples:
        >>> model = keras.Sequential([keras.layers.Dense(3)])
        >>> model.compile(
        ...     loss=keras.losses.CategoricalCrossentropy(from_logits=True)
        ... )
        >>> x = np.random.default_rng(0).normal(size=(4, 2))
        >>> p = keras_extras.models.predict_proba(model, x, verbose=0)
        >>> bool(np.allclose(p.sum(axis=1), 1))
        True
    """
    kwargs |= {"batch_size": batch_size, "verbose": verbose}
    outputs = _numbers(model, model.predict(x, **kwargs))
    return _probabilities.probabilities(model, model, outputs)


def predict_classes(
    model: keras.Model,
    x: Any,
    batch_size: int | None = None,
    verbose: Verbose = "auto",
    multi_label: bool | None = None,
    **kwargs: Any,
) -> np.ndarray:
    """Returns the predicted class, or labels, of any model with one output.

    With several outputs per example it is the index of the largest one
    (logits serve as well as probabilities); with a single one it is 1 where
    the probability is above 0.5. Several labels are each 1 where theirs is.

    Args:
        model: a `keras.Model`.
        x: inputs, as in `predict`.
        batch_size: int, examples per step; `None` means 32.
        verbose: `"auto"`, 0, 1 or 2, as in `predict`.
        multi_label: bool, whether each output is a label of its own. `None`
            means so if the model was compiled with a binary cross-entropy.
        **kwargs: `steps` and `callbacks`, as in `predict`.

    Returns:
        int64 array `(examples, ...)`: the outputs' shape without its last
        axis; with several labels, the outputs' shape.

    Raises:
        TypeError: if the model has several outputs.
        ValueError: if probabilities are needed and the outputs are none, or
            an output is NaN.

    Examples:
        >>> model = keras.Sequential([keras.layers.Dense(3)])
        >>> x = np.random.default_rng(0).normal(size=(4, 2))
        >>> keras_extras.models.predict_classes(model, x, verbose=0).shape
        (4,)
    """
    kwargs |= {"batch_size": batch_size, "verbose": verbose}
    outputs = _numbers(model, model.predict(x, **kwargs))
    return _probabilities.classes(
        model, model, outputs, multi_label=multi_label
    )


def _numbers(model: keras.Model, outputs: Any) -> np.ndarray:
    """Returns the one output of a model, without NaN."""
    array = _probabilities.single_output(model, outputs)
    if np.isnan(array).any():
        raise invalid_argument(
            model,
            "outputs",
            "numbers, from 0 to 1 or logits",
            f"{int(np.isnan(array).sum())} NaN",
            fix="The training has diverged, or an input is NaN.",
        )
    return array
