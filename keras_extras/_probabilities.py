"""Outputs of a model as probabilities and classes: its loss is asked.

    p     = outputs, sigmoid(outputs) or softmax(outputs)
    class = arg max of the outputs;   p > 1/2 of one column, or of each label

Numbers from 0 to 1 may be logits, so that they lie there says nothing. What
the outputs are is known from the model:

- its last layer ends in a softmax or sigmoid: they are probabilities;
- its loss has `from_logits=True`: of a binary cross-entropy, or with one
  output, they are logits of labels; of another, logits of classes;
- nothing says that they are logits: they must be probabilities, from 0 to 1,
  and what is not is refused. Which of several columns is the largest can be
  told all the same.

Without a model, too, numbers must be probabilities. The classes of logits
are found without computing probabilities, which round to 1.
"""

import functools
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from keras_extras._errors import invalid_argument

_SLACK = 1e-3  # rounding in half precision
_BINARY = {"binarycrossentropy", "binaryfocalcrossentropy", "bce"}
_CATEGORICAL = {
    "categoricalcrossentropy",
    "categoricalfocalcrossentropy",
    "sparsecategoricalcrossentropy",
}
_TO_PROBABILITIES = {"sigmoid", "hardsigmoid", "softmax", "sparsemax"}

Family = Literal["binary", "categorical", ""]


class Loss(NamedTuple):
    """What a loss says of the outputs.

    Args:
        family: `"binary"` if each column is a label of its own,
            `"categorical"` if one of all columns is right, `""` if unknown.
        from_logits: whether the outputs are logits.
    """

    family: Family
    from_logits: bool


def loss_of(model: object) -> Loss:
    """Returns what the loss of a model of one output says of it.

    The loss may be an object of Keras's classes or of classes derived from
    them, a class, a name, a function, one with arguments bound by
    `functools.partial`, or a list or dict of one of these.
    """
    loss: Any = getattr(model, "loss", None)
    if isinstance(loss, list | tuple | Mapping) and len(loss) == 1:
        (loss,) = loss.values() if isinstance(loss, Mapping) else loss
    bound: Mapping[str, Any] = {}
    while isinstance(loss, functools.partial):
        bound = {**loss.keywords, **bound}
        loss = loss.func
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", None)
    names = [name]
    if isinstance(loss, type) or name is None:
        cls = loss if isinstance(loss, type) else type(loss)
        names = [base.__name__ for base in cls.__mro__]
    family: Family = ""
    for name in map(str, names):
        family = family or _family(name)
    return Loss(family, _from_logits(loss, bound))


def single_output(owner: object, outputs: Any) -> np.ndarray:
    """Returns what `predict` returned as an array, if it is one.

    Raises:
        TypeError: if there are several outputs.
    """
    if isinstance(outputs, list | tuple | Mapping) and len(outputs) == 1:
        (outputs,) = (
            outputs.values() if isinstance(outputs, Mapping) else outputs
        )
    if isinstance(outputs, list | tuple | Mapping):
        raise invalid_argument(
            owner,
            "model",
            "a model with one output",
            f"{len(outputs)} outputs",
            fix="Use predict, and what takes predictions.",
            error=TypeError,
        )
    return np.asarray(outputs)


def predicted(
    owner: object, model: Any, x: Any, batch_size: int | None = None
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
    return single_output(owner, outputs)


def probabilities(
    owner: object, model: object, outputs: np.ndarray
) -> np.ndarray:
    """Returns outputs of a model as probabilities, in their shape and dtype.

    Args:
        owner: see `invalid_argument`.
        model: the model, or `None` if nothing is known of it.
        outputs: `(n,)` or `(n, ..., classes)`.

    Raises:
        ValueError: if nothing says that they are logits, and some are not
            from 0 to 1; or if nothing says whether they are logits of labels
            or of classes. NaN passes.
    """
    columns = outputs.shape[-1] if outputs.ndim > 1 else 1
    loss = loss_of(model)
    if not loss.from_logits or _ends_in_probabilities(model):
        return _checked(owner, outputs)
    if columns == 1 or loss.family == "binary":
        return _sigmoid(outputs)
    if loss.family == "categorical":
        return _softmax(outputs)
    raise invalid_argument(
        owner,
        "model",
        "compiled with a loss that says whether its logits are of labels or "
        "of classes",
        getattr(model, "loss", None),
        fix="Derive the loss from keras.losses.BinaryCrossentropy or "
        "CategoricalCrossentropy, or end the model with its activation.",
    )


def classes(
    owner: object,
    model: object,
    outputs: np.ndarray,
    *,
    multi_label: bool | None = False,
) -> np.ndarray:
    """Returns the class of each example, or each label, as int64.

    Args:
        owner: see `invalid_argument`.
        model: the model, or `None` if nothing is known of it.
        outputs: `(n,)` or `(n, ..., classes)`.
        multi_label: whether each of several columns is a label; `None` means
            so if the loss is a binary cross-entropy.

    Returns:
        `(n, ...)`; of several labels, the shape of the outputs. Where one
        column is NaN, 0.

    Raises:
        ValueError: as `probabilities`, where it takes a threshold.
    """
    columns = outputs.shape[-1] if outputs.ndim > 1 else 1
    loss = loss_of(model)
    if multi_label is None:
        multi_label = columns > 1 and loss.family == "binary"
    if columns > 1 and not multi_label:
        return np.argmax(outputs, axis=-1)
    if loss.from_logits and not _ends_in_probabilities(model):
        found = (outputs > 0).astype("int64")
    else:
        found = (_checked(owner, outputs) > 0.5).astype("int64")
    return found if multi_label or outputs.ndim == 1 else found[..., 0]


def class_probabilities(
    owner: object, argument: str, values: Any, model: object = None
) -> np.ndarray:
    """Returns one row of probabilities per example, `(n, classes)`.

    Args:
        owner: see `invalid_argument`.
        argument: name of the argument, for the error.
        values: `(n,)` or `(n, 1)`, of which two columns are made, those of
            class 0 and 1; or `(n, classes)`.
        model: what predicted them, or `None`: then they are probabilities.

    Raises:
        ValueError: if they have another shape, or as `probabilities`.
    """
    array = np.asarray(values, dtype="float64")
    if array.ndim not in (1, 2):
        raise invalid_argument(
            owner,
            argument,
            "numbers of shape (n,), (n, 1) or (n, classes)",
            array.shape,
        )
    if model is None:
        array = _checked(owner, array, argument)
    else:
        array = probabilities(owner, model, array)
    if array.ndim == 1 or array.shape[1] == 1:
        array = array.reshape(-1)
        return np.stack([1 - array, array], axis=1)
    return array


def class_numbers(owner: object, argument: str, values: Any) -> np.ndarray:
    """Returns one class number per example, as int64 `(n,)`.

    Args:
        owner: see `invalid_argument`.
        argument: name of the argument, for the error.
        values: class numbers, `(n,)` or `(n, 1)`; or probabilities or one-hot
            rows, `(n, classes)`, of which the largest column is taken.

    Raises:
        ValueError: if they are neither, or integers that mark several labels.
    """
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] > 1:
        marks = array.dtype.kind in "biu" and np.isin(array, (0, 1)).all()
        if marks and (array.sum(axis=1) != 1).any():
            raise invalid_argument(
                owner,
                argument,
                "one class per example",
                array,
                context="Some rows mark none, or several.",
                fix="Take one label, a column, at a time.",
            )
        return array.argmax(axis=1)
    if array.ndim == 2:
        array = array[:, 0]
    whole = array.ndim == 1 and array.dtype.kind in "biuf"
    if not whole or np.any((array < 0) | (array != np.round(array))):
        raise invalid_argument(
            owner,
            argument,
            "class numbers 0, 1, 2, ... of shape (n,), or one-hot rows or "
            "probabilities of shape (n, classes)",
            array,
            context=f"Its shape is {array.shape}.",
            fix="For one sigmoid output, pass probabilities > 0.5.",
        )
    return array.astype("int64")


def _family(name: str) -> Family:
    name = name.replace("_", "").lower()
    if name in _BINARY:
        return "binary"
    return "categorical" if name in _CATEGORICAL else ""


def _from_logits(loss: Any, bound: Mapping[str, Any]) -> bool:
    if "from_logits" in bound:
        return bool(bound["from_logits"])
    if isinstance(loss, type):  # with its default arguments
        return False
    told = getattr(loss, "from_logits", None)
    if told is None and hasattr(loss, "get_config"):
        told = loss.get_config().get("from_logits")
    return bool(told)


def _ends_in_probabilities(model: object) -> bool:
    """Returns whether the last layer of a chain or graph is an activation.

    Of a model that is a class of its own, nothing is known.
    """
    layers = getattr(model, "layers", None)
    if not layers:
        return False
    last = layers[-1]
    if "Sequential" in {base.__name__ for base in type(model).__mro__}:
        if getattr(last, "layers", None):
            return _ends_in_probabilities(last)
    else:
        output = getattr(model, "output", None)
        made = [one for one in layers if getattr(one, "output", 0) is output]
        if not made:
            return False
        last = made[0]
    activation = getattr(last, "activation", None)
    name = getattr(activation, "__name__", type(last).__name__)
    return name.replace("_", "").lower() in _TO_PROBABILITIES


def _checked(
    owner: object, outputs: np.ndarray, argument: str = "outputs"
) -> np.ndarray:
    """Returns outputs that are probabilities, as they are."""
    low, high = np.min(outputs, initial=0), np.max(outputs, initial=1)
    if low < -_SLACK or high > 1 + _SLACK:
        raise invalid_argument(
            owner,
            argument,
            "probabilities, from 0 to 1",
            (float(low), float(high)),
            context="These are the smallest and the largest.",
            fix="End the model with a softmax or sigmoid, compile it with a "
            "cross-entropy from_logits=True, or use predict.",
        )
    return outputs


def _sigmoid(x: np.ndarray) -> np.ndarray:
    # Of numbers that are not positive, lest the power is infinite.
    power = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, power) / (1 + power)


def _softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
