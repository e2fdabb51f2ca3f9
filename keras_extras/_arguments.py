"""Constructor arguments: normalized and checked.

Every class stores what this module returns under the argument's own name.
Config, clone and repr follow from that one rule; see `_config`.
"""

import difflib
import numbers
import operator
from collections.abc import Callable, Iterable, Sequence

import keras

from keras_extras import _shapes as shapes
from keras_extras._errors import wrong

PADDINGS = ("valid", "same", "causal")

# NumPy's names, so that `np.pad` is the definition; torch's in the hint.
PAD_MODES = ("constant", "reflect", "symmetric", "edge", "wrap")
_TORCH_PAD_MODES = {
    "zeros": "constant",
    "replicate": "edge",
    "circular": "wrap",
}

# What stands behind an argument is told by the end of its name.
_GETTERS = {
    "activation": keras.activations.get,
    "initializer": keras.initializers.get,
    "regularizer": keras.regularizers.get,
    "constraint": keras.constraints.get,
}


def integer(who: object, name: str, value: object, *, minimum: int = 1) -> int:
    """Returns `value` as a Python int that is at least `minimum`."""
    allowed = _at_least(minimum, "an integer")
    number = _as_int(value)
    if number is None:
        raise wrong(who, name, allowed, value)
    if number < minimum:
        raise wrong(who, name, allowed, value)
    return number


def require_rank(who: object) -> None:
    """Raises if `who` is a rank-general base and not one of its leaves."""
    if not hasattr(who, "rank"):
        raise TypeError(
            f"{type(who).__name__}: the class attribute rank is not set. Use "
            "a leaf such as Conv2D, or set rank = 1, 2 or 3 in a subclass."
        )


def spatial(
    who,
    name: str,
    value: object,
    *,
    minimum: int = 1,
    default: tuple[int, ...] | None = None,
) -> tuple[int, ...]:
    """Returns one int per spatial axis: from one for all, or one for each.

    Args:
        who: the layer; its `rank` says how many are needed.
        name: the argument's name.
        value: an int, or `rank` ints, or `None` if there is a default.
        minimum: smallest number allowed.
        default: what `None` stands for.
    """
    require_rank(who)
    if value is None and default is not None:
        return default
    numbers = _ints(value, who.rank)
    if numbers is None or min(numbers) < minimum:
        allowed = (
            f"{_at_least(minimum, 'an integer')}, or {who.rank} of them"
            if who.rank > 1
            else _at_least(minimum, "an integer")
        )
        raise wrong(who, name, allowed, value)
    return numbers


def padding(who, value: object) -> str | tuple[tuple[int, int], ...]:
    """Returns `"valid"`, `"same"`, `"causal"`, or (before, after) per axis."""
    require_rank(who)
    if isinstance(value, str):
        return choice(who, "padding", value.lower(), PADDINGS)
    one_each = isinstance(value, Iterable)
    parts = list(value) if one_each else [value] * who.rank
    pairs = tuple(_ints(part, 2) for part in parts)
    if len(pairs) != who.rank or any(
        pair is None or min(pair) < 0 for pair in pairs
    ):
        raise wrong(
            who,
            "padding",
            f"one of {PADDINGS}, an integer of at least 0, or {who.rank} "
            "such integers or (before, after) pairs",
            value,
        )
    return pairs  # pyright: ignore[reportReturnType]: no None is left


def pad_mode(who: object, value: object) -> str:
    """Returns one of NumPy's padding modes."""
    hint = ""
    if value in _TORCH_PAD_MODES:
        ours = _TORCH_PAD_MODES[value]  # pyright: ignore[reportArgumentType]
        hint = f"torch's {value!r} is {ours!r} here, as in NumPy."
    return choice(who, "pad_mode", value, PAD_MODES, fix=hint)


def data_format(who: object, value: object) -> str:
    """Returns the data format; `None` stands for Keras's configured one."""
    if value is None:
        return keras.config.image_data_format()
    options = ("channels_last", "channels_first")
    lower = value.lower() if isinstance(value, str) else value
    return choice(who, "data_format", lower, options)


def choice(
    who: object,
    name: str,
    value: object,
    options: Sequence[str],
    *,
    fix: str = "",
) -> str:
    """Returns `value` if it is one of `options`; else asks: did you mean …?"""
    if isinstance(value, str) and value in options:
        return value
    close = difflib.get_close_matches(str(value), options, n=1)
    if close and not fix:
        fix = f"Did you mean {close[0]!r}?"
    raise wrong(who, name, f"one of {tuple(options)}", value, fix=fix)


def boolean(who: object, name: str, value: object) -> bool:
    """Returns `value`, which is True or False."""
    if not isinstance(value, bool):
        raise wrong(who, name, "True or False", value)
    return value


def number(who: object, name: str, value: object) -> float:
    """Returns `value`, any number, as a Python float."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise wrong(who, name, "a number", value)
    return float(value)


def positive(who: object, name: str, value: object) -> float:
    """Returns `value`, a number above 0, as a Python float."""
    result = number(who, name, value)
    if not result > 0:
        raise wrong(who, name, "a number above 0", value)
    return result


def axes(who: object, name: str, value: object) -> tuple[int, ...] | None:
    """Returns the numbers of axes as a tuple: from one, several, or None."""
    if value is None:
        return None
    items = value if isinstance(value, list | tuple) else [value]
    numbers = tuple(_as_int(item) for item in items)
    if not numbers or None in numbers:
        allowed = "the number of an axis, several of them, or None"
        raise wrong(who, name, allowed, value)
    return numbers  # pyright: ignore[reportReturnType]: no None is left


def seed(who: object, value: object) -> int | None:
    """Returns `value`, the integer that random numbers start from."""
    if value is not None and _as_int(value) is None:
        raise wrong(who, "seed", "an integer or None", value)
    return _as_int(value)


def fraction(who: object, name: str, value: object) -> float:
    """Returns `value`, a number from 0 to 1."""
    allowed = "a number from 0 to 1"
    if isinstance(value, str) or not hasattr(value, "__float__"):
        raise wrong(who, name, allowed, value, error=TypeError)
    if not 0 <= value <= 1:  # pyright: ignore[reportOperatorIssue]
        raise wrong(who, name, allowed, value)
    return value  # pyright: ignore[reportReturnType]


def optional_integers(value: object) -> tuple[int | None, ...] | None:
    """Returns a tuple of positive ints and Nones; None if it is not one."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        return None
    items = list(value)
    sizes = tuple(None if item is None else _as_int(item) for item in items)
    for item, size in zip(items, sizes, strict=True):
        if item is not None and (size is None or size < 1):
            return None
    return sizes


def input_channels(who, input_shape: Sequence[int | None]) -> int:
    """Returns the number of channels, and tells the layer to expect them."""
    axis = shapes.channel_axis(who.rank, who.data_format)
    if len(input_shape) != who.rank + 2 or input_shape[axis] is None:
        raise wrong(
            who,
            "input_shape",
            f"of {who.rank + 2} axes, the channels (axis {axis}) known",
            tuple(input_shape),
            context=f"data_format={who.data_format!r}.",
        )
    channels = input_shape[axis]
    who.input_spec = keras.layers.InputSpec(
        min_ndim=who.rank + 2, axes={axis: channels}
    )
    return channels  # pyright: ignore[reportReturnType]: not None


def windows_fit(who, input_shape, output_shape) -> tuple[int | None, ...]:
    """Returns `output_shape` if at least one window fits on every axis."""
    axes = shapes.spatial_axes(who.rank, who.data_format)
    sizes = [output_shape[axis] for axis in axes]
    if any(size is not None and size < 1 for size in sizes):
        window = getattr(who, "kernel_size", None) or who.pool_size
        raise wrong(
            who,
            "input_shape",
            "large enough for one window on every axis",
            tuple(input_shape),
            context=f"A window of {window} and padding={who.padding!r} leave "
            f"the output shape {output_shape}.",
            fix="Use a larger input, a smaller window, or padding='same'.",
        )
    return output_shape


def resolve(who: object, name: str, value: object, get: Callable | None = None):
    """Returns the object that `value` names, by the suffix of `name`.

    `kernel_initializer="zeros"` gives an initializer, `activation="relu"` a
    function, and so on; objects and configs are taken as well as names. `get`
    is the function that finds those that are not Keras's.
    """
    kind = name.rpartition("_")[2]
    try:
        return (get or _GETTERS[kind])(value)
    except (TypeError, ValueError) as cause:
        article = "an" if kind[0] in "aeiou" else "a"
        raise wrong(
            who,
            name,
            f"{article} {kind}: its name, its config, an object or None",
            value,
            error=type(cause),
            context=str(cause),
        ) from cause


# --- helpers ---------------------------------------------------------------


def _at_least(minimum: int, noun: str) -> str:
    if minimum == 1:
        return noun.replace("an ", "a positive ", 1)
    return f"{noun} of at least {minimum}"


def _as_int(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)  # pyright: ignore[reportArgumentType]
    except TypeError:
        return None


def _ints(value: object, count: int) -> tuple[int, ...] | None:
    """Returns `count` ints, from one or from `count`; None if it is neither."""
    number = _as_int(value)
    if number is not None:
        return (number,) * count
    if isinstance(value, str) or not isinstance(value, Iterable):
        return None
    numbers = tuple(_as_int(item) for item in value)
    if len(numbers) != count or None in numbers:
        return None
    return numbers  # pyright: ignore[reportReturnType]: no None is left
