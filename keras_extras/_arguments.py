"""Arguments that Keras has a say in; all others are checked by `_checks`.

Every class stores what these modules return under the argument's own name.
Config, clone and repr follow from that one rule; see `_config`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from keras_extras import _shapes as shapes
from keras_extras._checks import choice, did_you_mean
from keras_extras._errors import invalid_argument
from keras_extras._shapes import Shape

# What stands behind an argument is told by the end of its name.
_HOMES: dict[str, Any] = {
    "activation": keras.activations,
    "initializer": keras.initializers,
    "regularizer": keras.regularizers,
    "constraint": keras.constraints,
}


def data_format(owner: object, value: object) -> str:
    """Returns the data format; `None` stands for Keras's configured one."""
    if value is None:
        return keras.config.image_data_format()
    options = ("channels_last", "channels_first")
    lower = value.lower() if isinstance(value, str) else value
    return choice(owner, "data_format", lower, options)


def input_channels(owner: Any, input_shape: Sequence[int | None]) -> int:
    """Returns the number of channels, and tells the layer to expect them."""
    axis = shapes.channel_axis(owner.rank, owner.data_format)
    if len(input_shape) != owner.rank + 2 or input_shape[axis] is None:
        raise invalid_argument(
            owner,
            "input_shape",
            f"of {owner.rank + 2} axes, the channels (axis {axis}) known",
            tuple(input_shape),
            context=f"data_format={owner.data_format!r}.",
        )
    channels = input_shape[axis]
    owner.input_spec = keras.layers.InputSpec(
        min_ndim=owner.rank + 2, axes={axis: channels}
    )
    return channels  # pyright: ignore[reportReturnType]: not None


def has_positions(owner: Any, input_shape: Sequence[int | None]) -> None:
    """Raises if a spatial axis of the input has no position."""
    axes = shapes.spatial_axes(owner.rank, owner.data_format)
    if any(input_shape[axis] == 0 for axis in axes):
        raise invalid_argument(
            owner,
            "input_shape",
            "of at least 1 on every spatial axis",
            tuple(input_shape),
        )


def windows_fit(
    owner: Any, input_shape: Shape, output_shape: Shape
) -> tuple[int | None, ...]:
    """Returns `output_shape` if at least one window fits on every axis."""
    axes = shapes.spatial_axes(owner.rank, owner.data_format)
    sizes = [output_shape[axis] for axis in axes]
    if any(size is not None and size < 1 for size in sizes):
        window = getattr(owner, "kernel_size", None) or owner.pool_size
        raise invalid_argument(
            owner,
            "input_shape",
            "large enough for one window on every axis",
            tuple(input_shape),
            context=f"A window of {window} and padding={owner.padding!r} leave "
            f"the output shape {output_shape}.",
            fix="Use a larger input, a smaller window, or padding='same'.",
        )
    return output_shape


def resolve(
    owner: object, name: str, value: object, get: Callable | None = None
) -> Any:
    """Returns the object that `value` names, by the suffix of `name`.

    `kernel_initializer="zeros"` gives an initializer, `activation="relu"` a
    function, and so on; objects and configs are taken as well as names. `get`
    is the function that finds those that are not Keras's.
    """
    kind = name.rpartition("_")[2]
    try:
        return (get or _HOMES[kind].get)(value)
    except (KeyError, TypeError, ValueError) as cause:
        named = isinstance(value, str | dict | list)
        article = "an" if kind[0] in "aeiou" else "a"
        what = "a function" if kind == "activation" else "an object"
        context, fix = str(cause), ""
        if get is None and isinstance(value, str):
            names = _names(kind)
            fix = did_you_mean(value, names)
            context = f"Names are {', '.join(map(repr, names))}."
        raise invalid_argument(
            owner,
            name,
            f"{article} {kind}: its name, its config, {what} or None",
            value,
            error=ValueError if named else TypeError,
            context=context,
            fix=fix,
        ) from cause


def _names(kind: str) -> list[str]:
    """Returns the names that Keras knows for an argument of a kind."""
    get, found = _HOMES[kind].get, []
    for name in filter(str.islower, dir(_HOMES[kind])):
        try:
            get(name)
        except (KeyError, TypeError, ValueError):  # `constant` needs more
            continue
        found.append(name)
    return found
