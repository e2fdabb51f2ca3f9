"""What arguments may be: one function per kind, for every package.

A value of the wrong type raises `TypeError`, a wrong value of the right type
`ValueError`, both worded by `_errors.invalid_argument`. The rule has no
exceptions, also where Keras raises `ValueError` for a wrong type. Nothing here
needs Keras; what does is in `_arguments`.
"""

import difflib
import math
import numbers
import operator
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeGuard, TypeVar

import numpy as np

from keras_extras._errors import invalid_argument

Choice = TypeVar("Choice")
Checked = TypeVar("Checked")
Pads = tuple[tuple[int, int], ...]

PADDINGS = ("valid", "same", "causal")

# NumPy's names, so that `np.pad` is the definition; torch's in the hint.
PAD_MODES = ("constant", "reflect", "symmetric", "edge", "wrap")
_TORCH_PAD_MODES = {
    "zeros": "constant",
    "replicate": "edge",
    "circular": "wrap",
}

# Arguments by the names of torch and of others; the first that there is here.
_OTHER_NAMES = {
    "out_channels": ("filters",),
    "out_features": ("units",),
    "hidden": ("units",),
    "kernel": ("kernel_size", "pool_size"),
    "kernel_size": ("pool_size",),
    "window": ("kernel_size", "pool_size"),
    "bias": ("use_bias",),
    "padding_mode": ("pad_mode",),
    "p": ("rate",),
    "drop_prob": ("rate",),
    "eps": ("epsilon",),
    "dim": ("axis",),
    "start_dim": ("start_axis",),
    "end_dim": ("end_axis",),
    "unflattened_size": ("shape",),
    "norm_type": ("order",),
    "upscale_factor": ("factor",),
    "downscale_factor": ("factor",),
    "n_power_iterations": ("power_iterations",),
    "orthogonal_map": ("method",),
    "r": ("lora_rank",),
    "rank": ("lora_rank",),
    "alpha": ("lora_alpha",),
    "weight_decay": ("kernel_regularizer",),
}
_NEEDLESS_NAMES = ("in_channels", "in_features", "input_size", "device")


# --- numbers -----------------------------------------------------------------


def integer(
    owner: object, name: str, value: object, *, minimum: int | None = 1
) -> int:
    """Returns `value` as a Python int of at least `minimum`, if there is one.

    NumPy's integers are integers; True and 2.0 are not.
    """
    allowed = _integer_words(minimum)
    result = as_integer(value)
    if result is None:
        raise invalid_argument(owner, name, allowed, value, error=TypeError)
    if minimum is not None and result < minimum:
        raise invalid_argument(owner, name, allowed, value)
    return result


def number(
    owner: object,
    name: str,
    value: object,
    *,
    minimum: float = -math.inf,
    maximum: float = math.inf,
    above: float | None = None,
    finite: bool = True,
) -> Any:
    """Returns `value`, a number in a range, as a Python int or float.

    Args:
        owner: see `invalid_argument`.
        name: the argument's name.
        value: what came.
        minimum: smallest number allowed.
        maximum: largest number allowed.
        above: a bound that is itself not allowed.
        finite: whether infinities and NaN are refused.
    """
    allowed = _number_words(minimum, maximum, above, finite)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise invalid_argument(owner, name, allowed, value, error=TypeError)
    result: Any = value.item() if isinstance(value, np.generic) else value
    if not finite and not math.isfinite(result):
        return result
    if (
        not math.isfinite(result)
        or not minimum <= result <= maximum
        or (above is not None and result <= above)
    ):
        raise invalid_argument(owner, name, allowed, value)
    return result


def nonzero(
    owner: object, name: str, value: object, *, infinite: bool = False
) -> Any:
    """Returns `value`, a number but 0, as a Python int or float.

    Args:
        owner: see `invalid_argument`.
        name: the argument's name.
        value: what came.
        infinite: whether infinity and minus infinity are allowed.
    """
    result = number(owner, name, value, finite=not infinite)
    if result == 0 or math.isnan(result):
        raise invalid_argument(owner, name, "a number other than 0", value)
    return result


def positive(owner: object, name: str, value: object) -> float:
    """Returns `value`, a finite number above 0, as a Python float."""
    return float(number(owner, name, value, above=0))


def fraction(owner: object, name: str, value: object) -> float:
    """Returns `value`, a number from 0 to 1."""
    return number(owner, name, value, minimum=0, maximum=1)


def seed(owner: object, value: object) -> int | None:
    """Returns `value`, the integer that random numbers start from, or None."""
    result = as_integer(value)
    if value is not None and result is None:
        raise invalid_argument(
            owner, "seed", "an integer or None", value, error=TypeError
        )
    return result


def boolean(owner: object, name: str, value: object) -> bool:
    """Returns `value` as True or False; takes NumPy's booleans, 0 and 1 too."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if as_integer(value) in (0, 1):
        return bool(value)
    raise invalid_argument(owner, name, "True or False", value, error=TypeError)


def optional(
    check: Callable[..., Checked],
    owner: object,
    name: str,
    value: object,
    **limits: Any,
) -> Checked | None:
    """Returns `None` for `None`, else what another check returns."""
    return None if value is None else check(owner, name, value, **limits)


def axes(owner: object, name: str, value: object) -> tuple[int, ...] | None:
    """Returns the numbers of axes as a tuple: from one, several, or None."""
    if value is None:
        return None
    items = value if isinstance(value, list | tuple) else [value]
    found = [as_integer(item) for item in items]
    if not found or None in found:
        allowed = "the number of an axis, several of them, or None"
        raise invalid_argument(
            owner,
            name,
            allowed,
            value,
            error=TypeError if found else ValueError,
        )
    return tuple(axis for axis in found if axis is not None)


# --- names -------------------------------------------------------------------


def choice(
    owner: object,
    name: str,
    value: object,
    options: Sequence[Choice],
    *,
    fix: str = "",
) -> Choice:
    """Returns the one of `options` that equals `value`; else says the closest.

    Args:
        owner: see `invalid_argument`.
        name: the argument's name.
        value: what came.
        options: what is allowed.
        fix: sentence that says how to fix it, in place of "Did you mean …?"
    """
    for option in options:
        if _is_kind(value, option) and option == value:
            return option
    texts = [option for option in options if isinstance(option, str)]
    if not fix:
        fix = did_you_mean(value, texts)
    same_type = any(_is_kind(value, option) for option in options)
    raise invalid_argument(
        owner,
        name,
        f"one of {tuple(options)}",
        value,
        fix=fix,
        error=ValueError if same_type else TypeError,
    )


def text(owner: object, name: str, value: object) -> str:
    """Returns `value`, a string."""
    if not isinstance(value, str):
        raise invalid_argument(owner, name, "a string", value, error=TypeError)
    return value


def function(owner: object, name: str, value: Any, allowed: str) -> Any:
    """Returns `value`, which is called later: a function, or None.

    Args:
        owner: see `invalid_argument`.
        name: the argument's name.
        value: what came.
        allowed: which function: `"a function of one image, or None"`.
    """
    if value is not None and not callable(value):
        raise invalid_argument(owner, name, allowed, value, error=TypeError)
    return value


def did_you_mean(value: object, names: Iterable[str]) -> str:
    """Returns `"Did you mean 'valid'?"`; `""` if no name is close.

    Small and capital letters and what stands between words are the same:
    `"weight_norm"` is close to `"WeightNorm"`.
    """
    if not isinstance(value, str):
        return ""
    plain = {_plain(name): name for name in names}
    close = difflib.get_close_matches(_plain(value), plain, n=1, cutoff=0.5)
    return f"Did you mean {plain[close[0]]!r}?" if close else ""


def argument_names(
    owner: object,
    given: Mapping[str, object],
    allowed: Sequence[str],
    *,
    error: type[Exception] = ValueError,
) -> None:
    """Raises if an argument has none of the allowed names; says the closest.

    Args:
        owner: see `invalid_argument`.
        given: the arguments, by name.
        allowed: the names that there are.
        error: what to raise: Keras raises `ValueError`, Python `TypeError`.
    """
    unknown = {
        name: value for name, value in given.items() if name not in allowed
    }
    if not unknown:
        return
    hints = [_meant_argument(name, allowed) for name in unknown]
    if len(unknown) > 1:
        hints = [
            hint.replace("?", f" for {name!r}?")
            for name, hint in zip(unknown, hints, strict=True)
        ]
    listed = ", ".join(allowed)
    # The first sentence is that of Keras.
    name = owner if isinstance(owner, str) else type(owner).__name__
    raise error(
        " ".join(
            [
                f"Unrecognized keyword arguments passed to {name}: {unknown}.",
                *filter(None, hints),
                f"{name} takes {listed}.",
            ]
        )
    )


def _meant_argument(name: str, allowed: Sequence[str]) -> str:
    if name in _NEEDLESS_NAMES:
        return f"Leave {name} out: Keras knows it by itself."
    for other in _OTHER_NAMES.get(name, ()):
        if other in allowed:
            return f"Did you mean {other!r}?"
    return did_you_mean(name, allowed)


def _takes(owner: object, name: str) -> bool:
    """Returns whether the constructor of `owner` has an argument `name`."""
    names = getattr(owner, "_argument_names", None)
    return names is not None and name in names()


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def file_path(owner: object, name: str, value: object) -> str:
    """Returns `value`, a path of a file, as text; `~` is the home folder."""
    if not isinstance(value, str | os.PathLike):
        raise invalid_argument(owner, name, "a path", value, error=TypeError)
    return os.path.expanduser(os.fsdecode(value))


def dtype(owner: object, value: Any, kinds: str, allowed: str) -> np.dtype:
    """Returns `value`, a dtype or the name of one, as a dtype.

    Args:
        owner: see `invalid_argument`.
        value: what came.
        kinds: letters of NumPy's kinds that are allowed: `"uif"`.
        allowed: these kinds in words.
    """
    try:
        result = np.dtype(value)
    except (TypeError, ValueError):
        result = None
    if result is None or result.kind not in kinds:
        is_name = isinstance(value, str | np.dtype | type)
        raise invalid_argument(
            owner,
            "dtype",
            allowed,
            value,
            error=ValueError if is_name else TypeError,
        )
    return result


def pad_mode(owner: object, value: object) -> str:
    """Returns one of NumPy's padding modes."""
    fix = ""
    if isinstance(value, str) and value in _TORCH_PAD_MODES:
        ours = _TORCH_PAD_MODES[value]
        fix = f"torch's {value!r} is {ours!r} here, as in NumPy."
    return choice(owner, "pad_mode", value, PAD_MODES, fix=fix)


# --- several of a kind -------------------------------------------------------


def require_rank(owner: object) -> int:
    """Returns the rank of `owner`; raises if it is a rank-general base."""
    rank = getattr(owner, "rank", None)
    if rank is None:
        raise TypeError(
            f"{type(owner).__name__}: the class attribute rank is not set. "
            "Use a leaf such as Conv2D, or set rank = 1, 2 or 3 in a subclass."
        )
    return rank


def spatial(
    owner: object,
    name: str,
    value: object,
    *,
    minimum: int = 1,
    default: tuple[int, ...] | None = None,
) -> tuple[int, ...]:
    """Returns one int per spatial axis: from one for all, or one for each.

    Args:
        owner: the layer; its `rank` says how many are needed.
        name: the argument's name.
        value: an int, or `rank` ints, or `None` if there is a default.
        minimum: smallest number allowed.
        default: what `None` stands for.
    """
    rank = require_rank(owner)
    if value is None and default is not None:
        return default
    allowed = _integer_words(minimum)
    if rank > 1:
        allowed += f", or {rank} of them"
    found = integers(owner, name, value, allowed, minimum=minimum)
    if as_integer(value) is not None:
        found *= rank
    if len(found) != rank:
        raise invalid_argument(owner, name, allowed, value)
    return found


def integers(
    owner: object,
    name: str,
    value: object,
    allowed: str,
    *,
    minimum: int = 1,
) -> tuple[int, ...]:
    """Returns one integer or several, at least `minimum`, as a tuple."""
    found = _integers(value)
    if found is None:
        raise invalid_argument(owner, name, allowed, value, error=TypeError)
    if min(found, default=minimum - 1) < minimum:
        raise invalid_argument(owner, name, allowed, value)
    return found


def sizes(
    owner: object,
    name: str,
    value: object,
    allowed: str,
    *,
    count: int | None = None,
) -> tuple[int | None, ...]:
    """Returns a tuple of positive ints and Nones, `count` of them if given."""
    items = list(value) if _is_series(value) else [value]
    found = tuple(as_integer(item) for item in items)
    known = [size for size in found if size is not None]
    if not _is_series(value) or len(known) + items.count(None) < len(items):
        raise invalid_argument(owner, name, allowed, value, error=TypeError)
    if min(known, default=1) < 1 or count not in (None, len(found)):
        raise invalid_argument(owner, name, allowed, value)
    return found


def padding(owner: object, value: object) -> str | Pads:
    """Returns `"valid"`, `"same"`, `"causal"`, or (before, after) per axis."""
    if isinstance(value, str):
        require_rank(owner)
        lower = value.lower()
        content = _TORCH_PAD_MODES.get(lower, lower)
        fix = ""
        if content in PAD_MODES and _takes(owner, "pad_mode"):
            fix = (
                "padding is how much is added; what the pads hold is "
                f"pad_mode={content!r}."
            )
        return choice(owner, "padding", lower, PADDINGS, fix=fix)
    return pads(owner, value, f"one of {PADDINGS}, ")


def pads(
    owner: object, value: object, other: str = "", *, fix: str = ""
) -> Pads:
    """Returns (before, after) per axis.

    Args:
        owner: the layer; its `rank` says how many are needed.
        value: an int for all, or an int or a pair for each axis.
        other: what else `padding` may be, for the message.
        fix: see `invalid_argument`.
    """
    rank = require_rank(owner)
    parts = list(value) if _is_series(value) else [value] * rank
    pairs = [_integers(part) for part in parts]
    known = [pair for pair in pairs if pair is not None]
    is_type_wrong = len(known) < len(pairs)
    if (
        is_type_wrong
        or len(known) != rank
        or any(len(pair) > 2 or min(pair, default=-1) < 0 for pair in known)
    ):
        raise invalid_argument(
            owner,
            "padding",
            f"{other}an integer of at least 0, or {rank} such integers or "
            "(before, after) pairs",
            value,
            fix=fix,
            error=TypeError if is_type_wrong else ValueError,
        )
    return tuple((pair[0], pair[-1]) for pair in known)


def items(
    owner: object,
    name: str,
    value: object,
    allowed: str,
    *,
    count: int | None = None,
) -> list[Any]:
    """Returns the items of a list, a tuple or an array of one axis.

    Args:
        owner: see `invalid_argument`.
        name: the argument's name.
        value: what came.
        allowed: what it must be: `"two numbers"`.
        count: how many there must be; `None` for one or more.
    """
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise invalid_argument(owner, name, allowed, value, error=TypeError)
    found = list(value)
    if len(found) != count if count is not None else not found:
        raise invalid_argument(owner, name, allowed, value)
    return found


def array(
    owner: object, name: str, value: object, kinds: str, *, fix: str = ""
) -> np.ndarray:
    """Returns `value` as an array, if its dtype is of the kinds allowed.

    Args:
        owner: see `invalid_argument`.
        name: the argument's name.
        value: what came.
        kinds: letters of NumPy's kinds: `"iu"` for integers, `"buif"` for
            real numbers.
        fix: see `invalid_argument`.
    """
    result = np.asarray(value)
    if result.dtype.kind not in kinds:
        kind = "integer or floating-point" if "f" in kinds else "integer"
        raise invalid_argument(
            owner,
            f"{name}.dtype",
            f"an {kind} dtype",
            str(result.dtype),
            fix=fix,
            error=TypeError,
        )
    return result


# --- helpers -----------------------------------------------------------------


def as_integer(value: object) -> int | None:
    """Returns `value` as a Python int; None if it is no integer, or a bool."""
    if isinstance(value, bool | np.bool_):
        return None
    try:
        return operator.index(value)  # pyright: ignore[reportArgumentType]
    except TypeError:
        return None


def _is_kind(value: object, option: object) -> bool:
    """Returns whether a value has the type of an option; True is no 1."""
    same = isinstance(value, bool) == isinstance(option, bool)
    return same and isinstance(value, type(option))


def _integers(value: object) -> tuple[int, ...] | None:
    """Returns the integers of an int or iterable; None if one is no int."""
    single = as_integer(value)
    if single is not None:
        return (single,)
    if not _is_series(value):
        return None
    found = [as_integer(item) for item in value]
    if None in found:
        return None
    return tuple(item for item in found if item is not None)


def _is_series(value: object) -> TypeGuard[Iterable[object]]:
    return isinstance(value, Iterable) and not isinstance(value, str)


def _integer_words(minimum: int | None) -> str:
    if minimum is None:
        return "an integer"
    if minimum == 1:
        return "a positive integer"
    return f"an integer of at least {minimum}"


def _number_words(
    minimum: float, maximum: float, above: float | None, finite: bool
) -> str:
    if above is not None:
        text = f"a number above {above:g}"
        return text + (f", at most {maximum:g}" if maximum < math.inf else "")
    if minimum > -math.inf and maximum < math.inf:
        return f"a number from {minimum:g} to {maximum:g}"
    if minimum > -math.inf:
        return f"a number of at least {minimum:g}"
    return "a finite number" if finite else "a number"
