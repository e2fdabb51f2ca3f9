"""What a model says of examples, as probabilities of classes.

One sigmoid output p becomes two columns, 1 - p and p. Several outputs that
are no probabilities are logits: their softmax is taken.
"""

from typing import Any

import numpy as np

from keras_extras._errors import invalid_argument

_SLACK = 1e-3  # rounding in half precision


def predicted(
    owner: str, model: Any, x: Any, batch_size: int | None = None
) -> np.ndarray:
    """Returns the outputs of `model.predict(x)`, if it has one array of them.

    Raises:
        TypeError: if `model` cannot predict, or has several outputs.
    """
    if not hasattr(model, "predict"):
        raise invalid_argument(
            owner, "model", "a Keras model with predict", model, error=TypeError
        )
    outputs = model.predict(x, batch_size=batch_size, verbose=0)
    if not isinstance(outputs, np.ndarray):
        raise invalid_argument(
            owner,
            "model",
            "a model with one output",
            f"{len(outputs)} outputs",
            fix="Predict yourself and use from_predictions.",
            error=TypeError,
        )
    return outputs


def class_probabilities(owner: str, argument: str, values: Any) -> np.ndarray:
    """Returns one row of probabilities per example, `(n, classes)`.

    Args:
        owner: name of the display, for the error.
        argument: name of the argument, for the error.
        values: `(n,)` or `(n, 1)`, the probability of class 1 of two; or
            `(n, classes)`, probabilities or logits.

    Raises:
        ValueError: if they have another shape, or single ones are not from 0
            to 1.
    """
    array = np.asarray(values, dtype="float64")
    if array.ndim not in (1, 2):
        raise invalid_argument(
            owner,
            argument,
            "numbers of shape (n,), (n, 1) or (n, classes)",
            array.shape,
        )
    if array.ndim == 1 or array.shape[1] == 1:
        array = array.reshape(-1)
        low, high = np.min(array, initial=0), np.max(array, initial=1)
        if low < -_SLACK or high > 1 + _SLACK:
            raise invalid_argument(
                owner,
                argument,
                "probabilities of class 1, from 0 to 1",
                (float(low), float(high)),
                fix="End the model with a sigmoid.",
            )
        return np.stack([1 - array, array], axis=1)
    if (array < -_SLACK).any() or (array > 1 + _SLACK).any():
        array = np.exp(array - array.max(axis=1, keepdims=True))
        array /= array.sum(axis=1, keepdims=True)
    return array
