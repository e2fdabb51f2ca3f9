"""Probabilities and classes from what a model predicts.

    p = outputs, sigmoid(outputs) or softmax(outputs)
    class = arg max p;  of one probability, and of several labels:  p > 1/2

Which function makes probabilities is known where the model was compiled with a
loss that is handed logits; else the outputs must be probabilities already.
"""

from typing import Any

import keras
import numpy as np

from keras_extras._errors import invalid_argument

_BINARY = ("BinaryCrossentropy", "BinaryFocalCrossentropy")
_CATEGORICAL = (
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "SparseCategoricalCrossentropy",
)


def predict_proba(
    model, x, batch_size=None, verbose="auto", **kwargs
) -> np.ndarray:
    """Returns the predicted probabilities of any model with one output.

    These are the model's outputs; if it was compiled with a cross-entropy
    `from_logits=True`, their sigmoid (binary) or softmax.

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
        ValueError: if the outputs are not in that range, and the loss does
            not tell that they are logits.

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
    outputs = _outputs(model, x, batch_size, verbose, kwargs)
    return _probabilities(model, outputs)


def predict_classes(
    model, x, batch_size=None, verbose="auto", multi_label=None, **kwargs
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
        ValueError: if probabilities are needed and the outputs are none.

    Examples:
        >>> model = keras.Sequential([keras.layers.Dense(3)])
        >>> x = np.random.default_rng(0).normal(size=(4, 2))
        >>> keras_extras.models.predict_classes(model, x, verbose=0).shape
        (4,)
    """
    outputs = _outputs(model, x, batch_size, verbose, kwargs)
    if outputs.ndim == 1:  # one number an example, and no axis for it
        return (_probabilities(model, outputs) > 0.5).astype("int64")
    several = outputs.shape[-1] > 1
    if multi_label is None:
        multi_label = several and _loss(model)[0] in _BINARY
    if several and not multi_label:
        return np.argmax(outputs, axis=-1)
    classes = (_probabilities(model, outputs) > 0.5).astype("int64")
    return classes if multi_label else classes[..., 0]


def _outputs(model, x, batch_size, verbose, kwargs) -> np.ndarray:
    outputs = model.predict(x, batch_size=batch_size, verbose=verbose, **kwargs)
    if not isinstance(outputs, np.ndarray):
        raise TypeError(
            f"{type(model).__name__}: predict_proba and predict_classes "
            "need a model with one output. Received: "
            f"{len(outputs)} outputs. Use predict."
        )
    return outputs


def _probabilities(model, outputs: np.ndarray) -> np.ndarray:
    name, is_logits = _loss(model)
    if is_logits and name in _BINARY:
        return _sigmoid(outputs)
    if is_logits and name in _CATEGORICAL:
        return _softmax(outputs)
    slack = 1e-3  # rounding in half precision
    low, high = np.min(outputs, initial=0), np.max(outputs, initial=1)
    if not (low >= -slack and high <= 1 + slack):  # so that NaN is refused
        raise invalid_argument(
            model,
            "outputs",
            "probabilities, from 0 to 1",
            (float(low), float(high)),
            fix="End the model with a softmax or sigmoid, compile it with a "
            "cross-entropy from_logits=True, or use predict.",
        )
    return outputs


def _loss(model) -> tuple[str, bool]:
    """Returns the name of the loss's class and whether it takes logits."""
    loss: Any = getattr(model, "loss", None)
    if isinstance(loss, list | tuple | dict) and len(loss) == 1:
        (loss,) = loss.values() if isinstance(loss, dict) else loss
    try:
        loss = keras.losses.get(loss)  # from its name, too
    except (TypeError, ValueError):  # several, for one output
        return "", False
    if isinstance(loss, keras.losses.Loss):
        config = loss.get_config()
        return type(loss).__name__, bool(config.get("from_logits", False))
    name = getattr(loss, "__name__", "")  # a function, whose outputs are no
    return name.title().replace("_", ""), False  # logits by default


def _sigmoid(x: np.ndarray) -> np.ndarray:
    # Of numbers that are not positive, lest the power is infinite.
    power = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, power) / (1 + power)


def _softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
