"""One layer of ours, said with layers of Keras: what fits, and what does not.

`expressed` gives the stock layer of the same name and arguments, with pads and
crops in layers of their own; it raises `Unlike` where there is nothing exact.
"""

import inspect
from collections.abc import Callable
from typing import Any

import keras

from keras_extras import layers
from keras_extras._checks import Pads
from keras_extras._keras_internals import was_given_mask
from keras_extras.conversion._rebuild import (
    Replacement,
    carry_nothing,
    carry_own,
    own_weights,
)
from keras_extras.models import Model

# Stock class -> ours of the same name, and back.
OURS = {
    getattr(keras.layers, name): getattr(layers, name)
    for name in layers.__all__
    if hasattr(keras.layers, name) and name != "Layer"
}
STOCK = {ours: stock for stock, ours in OURS.items()}

# What a subclass may change in a layer that stock can still stand in for: the
# kernel is computed once and written down.
_FROZEN = {
    "transform_kernel",
    "transform_depthwise_kernel",
    "transform_pointwise_kernel",
    "build",
    "get_config",
    "from_config",
    "_abc_impl",
    "rank",
}
_POOLS = layers.Pool
_CONVOLUTIONS = (layers.Conv, layers.DepthwiseConv, layers.SeparableConv)
# Ours that take masks, which Keras's of the same name ignore.
IGNORING_MASKS = {
    ours
    for ours in STOCK
    if issubclass(ours, (_POOLS, *_CONVOLUTIONS)) and ours.rank == 1
}


def kinds(pattern: str) -> tuple[type, ...]:
    """Returns the classes of that name, ours and stock, of all ranks."""
    names = sorted({pattern.format(rank) for rank in (1, 2, 3)})
    return tuple(
        getattr(package, name)
        for package in (layers, keras.layers)
        for name in names
        if hasattr(package, name)
    )


class Unlike(Exception):
    """Keras has no layer for this; the text says what exactly."""


def is_ours(layer: Any) -> bool:
    return isinstance(layer, layers.Layer | Model)


def reasons(layer: Any) -> list[str]:
    """Returns why stock cannot express the layer; nothing if it can."""
    if not is_ours(layer) or isinstance(layer, Model):
        return []
    try:
        expressed(layer, None)
    except Unlike as reason:
        return [str(reason)]
    return []


def expressed(layer: Any, rebuilder: Any) -> Replacement:
    family, leaf = _family(layer)
    special = _special(layer)
    if special is not None:
        return Replacement(special, carry_nothing)
    if leaf is None:
        raise Unlike(f"Keras has no {type(layer).__name__}.")
    _refuse_hooks(layer, family)
    if layer.quantization_mode and getattr(layer, "lora_enabled", False):
        raise Unlike("LoRA on a quantized kernel, which its freeze() rounds.")
    stock = STOCK[leaf]
    arguments = arguments_of(layer, stock, rebuilder or _AsIs)
    before, after, settled = [], [], {"lora_rank", "lora_alpha"}
    for name in settled & arguments.keys():
        arguments[name] = None  # merged into the kernel
    settled |= {f"{prefix}_transform" for prefix in _prefixes(layer)}
    settled.add("noise_shape")  # where Keras has none, the rank tells it
    settled.add("use_mask")
    if leaf in IGNORING_MASKS and layer.use_mask and was_given_mask(layer):
        raise Unlike("it takes a mask, which Keras's layer ignores.")
    if isinstance(layer, (_POOLS, *_CONVOLUTIONS)):
        before, after = _pads(layer, arguments, settled)
    _refuse_arguments(layer, leaf, stock, settled)
    try:
        new = stock(**arguments)
    except ValueError as cause:
        raise Unlike(f"Keras refuses it: {cause}") from cause
    carry = carry_own if layer.quantization_mode else _carry_frozen
    return Replacement(new, carry, tuple(before), tuple(after))


def _family(layer: Any) -> tuple[Any, Any]:
    """Returns the class that the layer is or extends, and its stock leaf.

    That class is a leaf, or for a family of subclasses the base of one.
    """
    for cls in type(layer).__mro__:
        for leaf in STOCK:
            if cls is leaf:
                return cls, leaf
            rank = getattr(leaf, "rank", None)
            if cls in leaf.__bases__ and rank == getattr(layer, "rank", 0):
                return cls, leaf
    return None, None


class _AsIs:
    """In the place of a rebuilder where it is only asked what is possible."""

    @staticmethod
    def layer(layer: Any) -> Any:
        return layer


def _special(layer: Any) -> keras.Layer | None:
    """Returns the stock layer of another name, if there is one."""
    same: dict[str, Any] = {"name": layer.name, "dtype": layer.dtype_policy}
    kind = type(layer)
    if kind in (layers.Pad1D, layers.Pad2D, layers.Pad3D):
        if (layer.pad_mode, layer.pad_value) == ("constant", 0):
            return _ranked("ZeroPadding", layer)(
                _flat(layer.padding), data_format=layer.data_format, **same
            )
        raise Unlike(
            f"pad_mode={layer.pad_mode!r}, pad_value={layer.pad_value}; Keras "
            "pads with zeros only."
        )
    is_range = kind is layers.Flatten and (
        (layer.start_axis, layer.end_axis) != (1, -1)
    )
    if kind is layers.Unflatten or is_range:
        return keras.layers.Reshape(_known_shape(layer), **same)
    if kind is layers.SpatialDropout1D and (
        layer.data_format == "channels_first"  # which Keras's has not
    ):
        return keras.layers.Dropout(
            layer.rate, layer.noise_shape, layer.seed, **same
        )
    return None


def _known_shape(layer: Any) -> tuple[int, ...]:
    """Returns the output's shape without the batch, -1 for one unknown."""
    try:
        batch, *sizes = layer.output.shape
        batches = layer.input.shape[0]
    except AttributeError as cause:
        raise Unlike(
            "Reshape needs the shape, which is known in functional and "
            "Sequential models only."
        ) from cause
    if sizes.count(None) > 1 or batch != batches:
        raise Unlike("Reshape takes one unknown size, and not the batch.")
    return tuple(-1 if size is None else size for size in sizes)


def _refuse_hooks(layer: Any, family: type) -> None:
    changed = []
    for cls in type(layer).__mro__[: type(layer).__mro__.index(family)]:
        changed += [
            name
            for name in vars(cls)
            if not name.startswith("__")
            and name not in _FROZEN
            and hasattr(family, name)
        ]
    if changed:
        raise Unlike(f"the subclass overrides {', '.join(sorted(changed))}.")


def _refuse_arguments(
    layer: Any, leaf: Any, stock: Any, settled: set[str]
) -> None:
    """Raises for arguments that stock has not, unless they change nothing."""
    unlike = []
    known = {*_parameters(stock.__init__), *settled}
    for cls in leaf.__mro__[: leaf.__mro__.index(layers.Layer)]:
        if "__init__" not in vars(cls):
            continue
        for name, parameter in _parameters(cls.__init__).items():
            if name in known:
                continue
            known.add(name)
            value = getattr(layer, name)
            if not _is_default(value, parameter.default):
                unlike.append(f"{name}={value!r}")
    if unlike:
        raise Unlike(f"Keras has no {', '.join(unlike)} there.")


def _is_default(value: Any, default: Any) -> bool:
    if isinstance(value, tuple) and not isinstance(default, tuple):
        return set(value) == {default}  # one for all axes
    return value == default


def _pads(
    layer: Any, arguments: dict[str, Any], settled: set[str]
) -> tuple[list[Any], list[Any]]:
    """Says pads given as numbers with layers before and behind."""
    padding = layer.padding
    transposed = isinstance(layer, layers.ConvTranspose)
    if padding == "causal" and not isinstance(layer, layers.Conv1D):
        padding = _causal(layer)
    if isinstance(padding, str):
        if padding == "valid":
            settled |= {"pad_mode", "pad_value", "count_include_pad"}
        return [], []
    arguments["padding"] = "valid"
    if transposed:
        arguments["output_padding"] = layer.output_padding or (0,) * layer.rank
    if not any(map(any, padding)):
        settled |= {"pad_mode", "pad_value", "count_include_pad"}
        return [], []
    options: dict[str, Any] = {
        "data_format": layer.data_format,
        "dtype": layer.dtype_policy,
    }
    if transposed:
        if layer.activity_regularizer is not None:
            raise Unlike("activity_regularizer before what padding cuts off.")
        if layer.rank == 1 and options.pop("data_format") != "channels_last":
            raise Unlike("padding in channels_first; Keras crops the last.")
        name = f"{layer.name}_crop"
        crop = _ranked("Cropping", layer)
        return [], [crop(_flat(padding), name=name, **options)]
    if isinstance(layer, _POOLS):
        if not getattr(layer, "count_include_pad", False):
            raise Unlike(
                f"padding={padding} that does not count; Keras pads with "
                "zeros only."
            )
        settled.add("count_include_pad")
    name = f"{layer.name}_pad"
    pad = _ranked("ZeroPadding", layer)
    return [pad(_flat(padding), name=name, **options)], []


def _causal(layer: Any) -> Pads:
    """Returns the pads of `"causal"` as numbers."""
    size, *others = layer.kernel_size if hasattr(layer, "kernel_size") else (0,)
    if others or not size or isinstance(layer, layers.ConvTranspose):
        raise Unlike("padding='causal', which Keras has in Conv1D only.")
    return (((size - 1) * layer.dilation_rate[0], 0),)


def _flat(padding: Any) -> Any:
    """Returns the pads as Keras's layer of that rank takes them."""
    return padding[0] if len(padding) == 1 else padding


def _ranked(name: str, layer: Any) -> Any:
    return getattr(keras.layers, f"{name}{layer.rank}D")


def _carry_frozen(old: Any, new: Any) -> None:
    """Carries the weights by name, the kernels as they are used."""
    for weight in own_weights(new):
        value = getattr(old, weight.name)
        if weight.name.endswith("kernel"):
            value = used_kernel(old, weight.name, value)
        weight.assign(keras.ops.copy(value))


def used_kernel(layer: Any, name: str, kernel: Any) -> Any:
    """Returns the kernel after what its layer does to it in inference."""
    prefix = name.removesuffix("_kernel")
    if prefix not in _prefixes(layer):  # an only kernel is named "kernel"
        (prefix,) = _prefixes(layer)
    is_changed = getattr(layer, f"{prefix}_transform")
    if is_changed or getattr(layer, "lora_enabled", False):
        kernel = layer.apply_transforms(prefix)
    hook = getattr(layer, f"transform_{name}")
    return hook(keras.ops.convert_to_tensor(kernel))


def _prefixes(layer: Any) -> list[str]:
    """Returns what the arguments of each kernel begin with."""
    return list(getattr(layer, "output_axes", ()))


def arguments_of(layer: Any, cls: type, rebuilder: Any) -> dict[str, Any]:
    """Returns the arguments of the stock class, as the layer stores them.

    Not its config: a function that is not registered has no config.
    """
    arguments = {
        "name": layer.name,
        "dtype": layer.dtype_policy,
    }
    for name in _parameters(cls.__init__):
        if name not in arguments:
            arguments[name] = getattr(layer, name)
    regularizer = layer.activity_regularizer
    if regularizer is not None:
        arguments["activity_regularizer"] = regularizer
    activation = arguments.get("activation")
    if isinstance(activation, keras.layers.Layer):
        arguments["activation"] = rebuilder.layer(activation)
    return arguments


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self" and parameter.kind not in variable
    }
