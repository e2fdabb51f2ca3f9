"""Weights from torch and to torch, without torch: by the order of the layers.

    Linear           weight (out, in)              -> kernel (in, out)
    Conv             weight (out, in / g, *k)      -> kernel (*k, in / g, out)
    ConvTranspose    weight (in, out / g, *k)      -> kernel (*k, out / g, in)
    Conv, g = in     weight (in * m, 1, *k)        -> depthwise (*k, in, m)
    BatchNorm        weight, bias, running_*       -> gamma, beta, moving_*

torch's first two axes go to the end, swapped. What `Flatten` hands to a `Dense`
is in another order: torch reads channels first, Keras channels last.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_extras import layers
from keras_extras.conversion._rebuild import own_weights
from keras_extras.conversion._to_stock import used_kernel
from keras_extras.conversion._torch_names import (
    Module,
    Slot,
    modules_of,
    own_variable,
)

_IGNORED = "num_batches_tracked"  # what torch counts and Keras does not


def load_torch_weights(
    model: keras.Model,
    state_dict: Mapping[str, Any],
    name_map: Mapping[str, Any] | None = None,
    *,
    flattened: Mapping[str, Any] | None = None,
    strict: bool = True,
) -> None:
    """Sets the weights of the model to those of a torch module.

    The layers that have weights and torch's modules are paired in order: the
    first with the first. Keras's batch normalization has another `epsilon`
    (1e-3) and `momentum` (0.99) than torch's (1e-5, and 0.1, which is 0.9
    here): these are arguments, not weights, so give them to the layer.

    A `Dense` behind a `Flatten` gets its rows in the order in which Keras
    flattens, channels last, as does a batch normalization between them. That
    is found by itself where the shape in front of the `Flatten` is known.

    Args:
        model: a built model of layers from here or from Keras: `Dense`,
            convolutions, transposed, depthwise (a grouped one in torch) and
            separable ones (two modules), batch, layer and group
            normalization, `Embedding`, `PReLU`.
        state_dict: name -> torch tensor or NumPy array, as
            `module.state_dict()` gives it.
        name_map: name (or path) of a layer -> name of torch's module, such as
            `{"head": "classifier.6"}`; a pair of names for a separable
            convolution. The other layers are paired in order.
        flattened: name of a `Dense` -> torch's shape before flattening,
            `(channels, *spatial)`, where it is not found by itself; `None`
            leaves the rows as they are.
        strict: bool. `False` leaves layers and tensors without a counterpart
            alone; shapes must fit all the same.

    Raises:
        ValueError: if the model is not built, a layer has no counterpart, or
            a shape does not fit. Nothing is set then.

    Examples:
        >>> model = keras.Sequential(
        ...     [keras.Input((3,)), keras_extras.layers.Dense(2)]
        ... )
        >>> state_dict = {"fc.weight": np.ones((2, 3)), "fc.bias": np.zeros(2)}
        >>> keras_extras.conversion.load_torch_weights(model, state_dict)
        >>> float(model.predict(np.ones((1, 3)), verbose=0)[0, 0])
        3.0
    """
    owner = "load_torch_weights"
    tensors = {
        key: _to_numpy(value)
        for key, value in state_dict.items()
        if key.rpartition(".")[2] != _IGNORED
    }
    modules = list(modules_of(owner, model, flattened))
    prefixes = list(dict.fromkeys(key.rpartition(".")[0] for key in tensors))
    names = _pair(owner, modules, prefixes, name_map)
    new: dict[int, tuple[Any, dict[str, Any]]] = {}
    missing: list[str] = []
    misfits: list[str] = []
    used: set[str] = set()
    for module, name in zip(modules, names, strict=True):
        layer = module.layer
        _, values = new.setdefault(id(layer), (layer, {}))
        for slot in module.slots:
            key = f"{name}.{slot.suffix}".removeprefix(".")
            if name is None or key not in tensors:
                missing.append(f"{layer.name}/{slot.name}")
                continue
            used.add(key)
            variable = own_variable(layer, slot.name)
            values[slot.name] = fits = _converted(slot, tensors[key], variable)
            if fits is None:
                misfits.append(
                    f"- {layer.name} ({type(layer).__name__}): {slot.name} of "
                    f"shape {tuple(variable.shape)} cannot be made of "
                    f"{key!r} of shape {tensors[key].shape}"
                )
    left = [key for key in tensors if key not in used]
    if misfits or (strict and (missing or left)):
        raise ValueError(_report(owner, misfits, missing, left))
    for layer, values in new.values():
        _set(layer, values)


def to_torch_state_dict(
    model: keras.Model,
    name_map: Mapping[str, Any] | None = None,
    *,
    flattened: Mapping[str, Any] | None = None,
) -> dict[str, np.ndarray]:
    """Returns the weights as a torch module of the same layers has them.

    The inverse of `load_torch_weights`. Kernels are given as they are used:
    after `kernel_transform`, `transform_kernel` and LoRA. In torch:
    `module.load_state_dict({k: torch.tensor(v) for k, v in d.items()})`.

    Args:
        model: a built model, as in `load_torch_weights`.
        name_map: name (or path) of a layer -> name of torch's module; without,
            modules are called as the layers. A separable convolution takes a
            pair of names; without, `<name>.depthwise` and `<name>.pointwise`.
        flattened: as in `load_torch_weights`.

    Returns:
        Dict of NumPy arrays, in the order of the layers.

    Raises:
        ValueError: if the model is not built, or torch has no such layer.

    Examples:
        >>> model = keras.Sequential(
        ...     [keras.Input((3,)), keras_extras.layers.Dense(2, name="head")]
        ... )
        >>> state_dict = keras_extras.conversion.to_torch_state_dict(
        ...     model, {"head": "classifier.6"}
        ... )
        >>> {key: array.shape for key, array in state_dict.items()}
        {'classifier.6.weight': (2, 3), 'classifier.6.bias': (2,)}
    """
    owner = "to_torch_state_dict"
    modules = list(modules_of(owner, model, flattened))
    mapped = _mapped(owner, modules, name_map)
    layers_named: dict[str, set[int]] = {}
    for module in modules:
        layers_named.setdefault(module.layer.name, set()).add(id(module.layer))
    state_dict: dict[str, np.ndarray] = {}
    for index, module in enumerate(modules):
        layer = module.layer
        is_unique = len(layers_named[layer.name]) == 1
        name = layer.name if is_unique else layer.path.replace("/", ".")
        prefix = mapped.get(index, f"{name}.{module.part}".removesuffix("."))
        for slot in module.slots:
            value = getattr(layer, slot.name)
            if slot.name.endswith("kernel") and hasattr(layer, "output_axes"):
                value = used_kernel(layer, slot.name, value)
            key = f"{prefix}.{slot.suffix}".removeprefix(".")
            array = np.asarray(keras.ops.convert_to_numpy(value))
            state_dict[key] = np.ascontiguousarray(slot.to_torch(array))
    return state_dict


# --- pairing ----------------------------------------------------------------


def _mapped(
    owner: str, modules: list[Module], name_map: Mapping[str, Any] | None
) -> dict[int, str]:
    """Returns torch's names of the modules that `name_map` names, by place."""
    names: dict[int, str] = {}
    unknown: list[str] = []
    for key, value in (name_map or {}).items():
        places = [
            place
            for place, module in enumerate(modules)
            if key in (module.layer.name, module.layer.path)
        ]
        values = [value] if isinstance(value, str) else list(value)
        if len(places) != len(values):
            unknown.append(f"{key!r}: {value!r}")
        names |= dict(zip(places, values, strict=False))
    if unknown:
        raise ValueError(
            f"{owner}: name_map must name one module for each layer with "
            "weights, two for a separable convolution. Received: "
            f"{', '.join(unknown)}. The layers are "
            f"{[module.layer.name for module in modules]}."
        )
    return names


def _pair(
    owner: str,
    modules: list[Module],
    prefixes: list[str],
    name_map: Mapping[str, Any] | None,
) -> list[str | None]:
    """Returns torch's name of each module, `None` if there is none left."""
    mapped = _mapped(owner, modules, name_map)
    absent = [name for name in mapped.values() if name not in prefixes]
    if absent:
        raise ValueError(
            f"{owner}: name_map names modules that are not in the state_dict: "
            f"{absent}. It has {prefixes}."
        )
    rest = iter([name for name in prefixes if name not in mapped.values()])
    return [
        mapped[place] if place in mapped else next(rest, None)
        for place in range(len(modules))
    ]


def _converted(
    slot: Slot, array: np.ndarray, variable: Any
) -> np.ndarray | None:
    """Returns the array for the variable; `None` if it does not fit."""
    try:
        converted = slot.from_torch(array)
    except (ValueError, IndexError):  # other axes than this layer's
        return None
    if converted.shape != tuple(variable.shape):
        return None
    return converted


def _report(
    owner: str, misfits: list[str], missing: list[str], left: list[str]
) -> str:
    lines = [f"{owner}: the state_dict does not fit the model."]
    if misfits:
        lines += ["Shapes:", *misfits]
    if missing:
        lines.append(f"Without a tensor: {', '.join(missing)}.")
    if left:
        lines.append(f"Left over in the state_dict: {', '.join(left)}.")
    lines.append(
        "Layers and modules are paired in order; name_map pairs them by name."
    )
    return "\n".join(lines)


def _set(layer: Any, values: dict[str, Any]) -> None:
    own = own_weights(layer)
    if isinstance(layer, layers.Layer):  # by which its transforms begin anew
        arrays = [values.get(variable.name, variable) for variable in own]
        layer.load_own_variables(
            {str(i): array for i, array in enumerate(arrays)}
        )
        return
    for variable in own:
        if variable.name in values:
            variable.assign(values[variable.name])


def _to_numpy(value: Any) -> np.ndarray:
    """Returns a NumPy array, of a torch tensor too."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if "bfloat16" in str(value.dtype):  # which NumPy has not
            value = value.float()
        return value.numpy()
    return np.asarray(value)
