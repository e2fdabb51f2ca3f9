"""Weights from torch and to torch, without torch.

Which layer is which module is told by names, shapes and what depends on what
(`_torch_pairs`); how a weight of it lies in torch by the layer (`_torch_names`)
and by the data that the layer reads (`_torch_axes`).
"""

import warnings
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_extras import layers
from keras_extras.conversion import _torch_arguments as arguments
from keras_extras.conversion._rebuild import own_weights
from keras_extras.conversion._to_stock import used_kernel
from keras_extras.conversion._torch_axes import Axes
from keras_extras.conversion._torch_names import (
    Module,
    Slot,
    Weight,
    modules_of,
)
from keras_extras.conversion._torch_pairs import (
    Flow,
    Pairing,
    converted,
    flow_of,
    mapped,
)
from keras_extras.conversion._torch_units import Unit, key_of, units_of
from keras_extras.conversion._torch_verify import difference
from keras_extras.inspection._trace import Call, is_foreign, trace
from keras_extras.transforms import SpectralNorm

_Pair = tuple[Module, Unit | None]


def load_torch_weights(
    model: keras.Model,
    state_dict: Any,
    name_map: Mapping[str, Any] | None = None,
    *,
    flattened: Mapping[str, Any] | None = None,
    strict: bool = True,
    verify: tuple[Any, Any] | None = None,
) -> None:
    """Sets the weights of the model to those of a torch module.

    Layers and modules are paired by name, where a layer or the attribute that
    holds it is called as the module, or by its end (`"conv1"` and
    `"layer1.0.conv1"`); else by shape, in an order in which the layers can be
    called. If that leaves a choice, such as between two heads of one shape,
    it is an error that lists it.

    Keras has channels last where torch has them first, so torch flattens in
    another order. The data are followed through the model: a `Dense`, a
    normalization, an LSTM, whatever reads what was flattened, gets its weights
    in Keras's order, and so does a `Dense` whose outputs become maps. What
    cannot be followed is an error, and `flattened` says it.

    A state_dict holds no arguments. With the module itself, what changes the
    outputs is compared: `epsilon`, strides, padding, dilation, groups, heads.
    Without, a normalization whose `epsilon` is not torch's usual 1e-5 is a
    warning.

    Args:
        model: a built model of layers from here or from Keras: `Dense`,
            convolutions, transposed, depthwise (a grouped one in torch) and
            separable ones (two modules), batch, layer, group and RMS
            normalization, `Embedding`, `PReLU`, `LSTM`, `GRU`, `SimpleRNN`,
            `Bidirectional`, `MultiHeadAttention`.
        state_dict: a torch module, or name -> torch tensor or NumPy array, as
            `module.state_dict()` gives it. Weights with `weight_norm` or
            `spectral_norm` are taken as torch uses them; a layer with the
            transform `SpectralNorm` gets the weight in front of it.
        name_map: name (or path) of a layer -> name of torch's module, such as
            `{"head": "classifier.6"}`; a pair of names for a separable
            convolution. It goes before all else.
        flattened: name of a layer -> torch's shape before flattening,
            `(channels, *spatial)`, or `None` if torch has the same order. The
            layer is the one that reads; or the `Flatten` or `Reshape`; or the
            model, for its outputs.
        strict: bool. `False` leaves layers and tensors without a counterpart,
            or with another shape, alone: another head, for instance.
        verify: a torch module and an input of it (a tuple or list for
            several). Both models are run in inference after loading. If the
            outputs differ by more than 1e-4 of the largest, the old weights
            are put back and the first layer that differs is named. With it,
            pairs that nothing else tells are tried.

    Raises:
        ValueError: if the model is not built, a layer has no counterpart or
            several, a shape does not fit, an order is not known, an argument
            is not torch's, or outputs differ. Nothing is set then.

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
    module = None if verify is None else verify[0]
    if hasattr(state_dict, "state_dict"):
        module, state_dict = state_dict, state_dict.state_dict()
    units = units_of(state_dict)
    modules = modules_of(owner, model)
    call = _traced(owner, model)
    flow = flow_of(modules, call)
    pairing = Pairing(owner, modules, units, flow.before, strict)
    found = pairing.pairs(name_map)
    if len(found) > 1 and verify is None:
        raise ValueError(_ambiguous(owner, modules, units, found))
    kept = [keras.ops.copy(variable.value) for variable in model.weights]
    problems = []
    for pairs in found:
        by_place = {place: units[number] for place, number in pairs.items()}
        paired = _ordered(owner, model, call, flattened, by_place)
        values = _values(owner, paired, units, pairing.ties, strict)
        _refuse_arguments(owner, paired, module)
        for layer, arrays in values:
            _set(layer, arrays)
        _set_spectral(paired)
        if verify is None:
            _warn(owner, paired, module, flow)
            return
        calls = list(flow.calls)
        called = [
            (each, unit.name)
            for each, unit in paired
            if unit is not None and id(each.layer) in calls
        ]
        called.sort(key=lambda pair: calls.index(id(pair[0].layer)))
        problem = difference(model, *verify, called)
        if not problem:
            return
        problems.append(problem)
    for variable, value in zip(model.weights, kept, strict=True):
        variable.assign(value)
    raise ValueError(f"{owner}: with torch's weights, {problems[0]}")


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
    axes = Axes(model, _traced(owner, model), flattened)
    modules = modules_of(owner, model, axes, merges=True)
    _require_followed(owner, axes, modules)
    names = mapped(owner, modules, name_map)
    layers_named: dict[str, set[int]] = {}
    for module in modules:
        layers_named.setdefault(module.layer.name, set()).add(id(module.layer))
    state_dict: dict[str, np.ndarray] = {}
    for place, module in enumerate(modules):
        layer = module.layer
        is_unique = len(layers_named[layer.name]) == 1
        name = layer.name if is_unique else layer.path.replace("/", ".")
        name = names.get(place, f"{name}.{module.part}".removesuffix("."))
        for slot in module.slots:
            values = [
                np.asarray(keras.ops.convert_to_numpy(_used(weight)))
                for weight in slot.weights
            ]
            arrays = slot.to_torch(*values)
            for suffix, array in zip(slot.suffixes, arrays, strict=True):
                state_dict[key_of(name, suffix)] = np.ascontiguousarray(array)
    return state_dict


def _used(weight: Weight) -> Any:
    """Returns the weight as its layer uses it."""
    value = getattr(weight.owner, weight.name)
    if weight.name.endswith("kernel") and hasattr(weight.owner, "output_axes"):
        return used_kernel(weight.owner, weight.name, value)
    return value


# --- order -------------------------------------------------------------------


def _traced(owner: str, model: Any) -> Call | None:
    """Returns the call of the model; `None` if it cannot be followed."""

    def is_opened(layer: Any) -> bool:
        return is_foreign(layer) or isinstance(layer, keras.layers.Lambda)

    if not model.built:
        return None
    try:
        return trace(owner, model, batch_size=2, is_opened=is_opened)
    except Exception:  # of the model, or of the shape of its inputs
        return None


def _ordered(
    owner: str,
    model: Any,
    call: Call | None,
    flattened: Mapping[str, Any] | None,
    units: Mapping[int, Unit],
) -> list[_Pair]:
    """Returns each module with its unit, in the order of Keras's axes."""
    modules = modules_of(owner, model)
    pointwise = [
        id(modules[place].layer)
        for place, unit in units.items()
        if getattr(unit.tensors.get("weight"), "ndim", 0) > 2
    ]
    axes = Axes(model, call, flattened, pointwise)
    modules = modules_of(owner, model, axes)
    _require_followed(owner, axes, [modules[place] for place in units])
    return [(module, units.get(place)) for place, module in enumerate(modules)]


def _require_followed(owner: str, axes: Axes, modules: list[Module]) -> None:
    """Raises if it is not known in which order a layer reads."""
    unused = sorted(axes.named.keys() - axes.used)
    if unused:
        raise ValueError(
            f"{owner}: flattened names no layer that reads, flattens or views "
            f"in another order: {unused}."
        )
    problems = axes.problems_of([module.layer for module in modules])
    if problems:
        (layer, reason), *_ = problems
        names = ", ".join(f"{each.name!r}: ..." for each, _ in problems)
        raise ValueError(
            f"{owner}: the layer {layer.name!r} reads what torch may have in "
            "another order, and that cannot be followed: "
            f"{reason}. Say it: flattened={{{names}}}, for each torch's shape "
            "before flattening, (channels, *spatial), or None if torch has "
            "the same order."
        )


# --- weights -----------------------------------------------------------------


def _values(
    owner: str,
    paired: list[_Pair],
    units: list[Unit],
    ties: Mapping[int, int],
    strict: bool,
) -> list[tuple[Any, dict[str, np.ndarray]]]:
    """Returns (layer, name -> array) for all that is to be set.

    Raises:
        ValueError: if a shape does not fit, or something is left over.
    """
    values: dict[int, tuple[Any, dict[str, np.ndarray]]] = {}
    missing: list[str] = []
    misfits: list[str] = []
    used: set[str] = set()
    for module, unit in paired:
        for slot in module.slots:
            if unit is None or not set(slot.suffixes) <= unit.tensors.keys():
                missing += [
                    f"{module.layer.name}/{weight.name}"
                    for weight in slot.weights
                ]
                continue
            for suffix in slot.suffixes:
                used.update(unit.keys[suffix])
            arrays = converted(slot, unit)
            if arrays is None:
                misfits.append(_misfit(module, slot, unit))
                continue
            for weight, array in zip(slot.weights, arrays, strict=True):
                holder = values.setdefault(id(weight.owner), (weight.owner, {}))
                holder[1][weight.name] = array
    known = [units.index(unit) for _, unit in paired if unit is not None]
    same = {ties.get(number, number) for number in known}
    left = [
        key
        for number, unit in enumerate(units)
        if number in known or ties.get(number, number) not in same
        for keys in unit.keys.values()
        for key in keys
        if key not in used
    ]
    if misfits or (strict and (missing or left)) or not values:
        raise ValueError(_report(owner, misfits, missing, left))
    return list(values.values())


def _misfit(module: Module, slot: Slot, unit: Unit) -> str:
    layer, (suffix, *_) = module.layer, slot.suffixes
    weight = slot.weights[0]
    return (
        f"- {layer.name} ({type(layer).__name__}): {weight.name} of shape "
        f"{tuple(weight.variable.shape)} cannot be made of "
        f"{key_of(unit.name, suffix)!r} of shape {unit.tensors[suffix].shape}"
    )


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
        "Layers and modules were paired by name, or else in order; name_map "
        "pairs them."
    )
    return "\n".join(lines)


def _ambiguous(
    owner: str,
    modules: list[Module],
    units: list[Unit],
    found: list[dict[int, int]],
) -> str:
    """Returns which layers could be exchanged."""
    lines = [
        f"{owner}: names, shapes and the order of the layers leave a choice:"
    ]
    for place, module in enumerate(modules):
        numbers = dict.fromkeys(pairs.get(place) for pairs in found)
        if len(numbers) > 1:
            names = [
                repr(units[number].name)
                for number in numbers
                if number is not None
            ]
            lines.append(
                f"- {module.layer.name} ({type(module.layer).__name__}) may "
                f"be {' or '.join(names)}"
            )
    lines.append(
        "Name the layers as torch does, say it with name_map, or give "
        "verify=(module, sample), with which each is tried."
    )
    return "\n".join(lines)


def _parts(torch_module: Any) -> dict[str, Any]:
    """Returns the modules in torch's, by name; none if it is not known."""
    if torch_module is None:
        return {}
    return dict(torch_module.named_modules(remove_duplicate=False))


def _refuse_arguments(
    owner: str, paired: list[_Pair], torch_module: Any
) -> None:
    """Raises for arguments that are not torch's."""
    parts = _parts(torch_module)
    errors = [
        line
        for module, unit in paired
        if unit is not None
        for line in arguments.errors(module.layer, parts.get(unit.name))
    ]
    if errors:
        raise ValueError(
            f"{owner}: arguments are not torch's, so the outputs would differ:"
            "\n" + "\n".join(errors) + "\nGive the layers torch's values."
        )


def _warn(
    owner: str, paired: list[_Pair], torch_module: Any, flow: Flow
) -> None:
    """Warns of what may be otherwise in torch."""
    parts = _parts(torch_module)
    doubts = _changed_kernels(paired)
    for module, unit in paired:
        if unit is not None:
            part = parts.get(unit.name)
            source, call = flow.source_and_call(module.layer)
            doubts += arguments.doubts(module.layer, part, source, call)
    if doubts:
        warnings.warn(
            f"{owner}: this may differ from torch:\n"
            + "\n".join(doubts)
            + "\nGive the layers torch's values, hand in the module in place "
            "of its state_dict, or verify=(module, sample).",
            stacklevel=3,
        )


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


def _changed_kernels(paired: list[_Pair]) -> list[str]:
    """Returns the layers that do to their kernel what torch does not."""
    changed = []
    for module, unit in paired:
        for slot in module.slots:
            (weight, *_), (suffix, *_) = slot.weights, slot.suffixes
            if unit is None or suffix not in unit.tensors:
                continue
            if not weight.name.endswith("kernel"):
                continue
            used = keras.ops.convert_to_numpy(_used(weight))
            (expected, *_) = slot.from_torch(unit.tensors[suffix])
            scale = np.abs(expected).max(initial=0)
            if np.abs(used - expected).max(initial=0) > 1e-3 * scale:
                changed.append(
                    f"- {module.layer.name} ({type(module.layer).__name__}): "
                    "it transforms the kernel before use"
                )
    return changed


def _set_spectral(paired: list[_Pair]) -> None:
    """Sets what is in front of `SpectralNorm`, and its vectors."""
    for module, unit in paired:
        transform = getattr(module.layer, "kernel_transform", None)
        parts = unit.spectral.get("weight") if unit else None
        if parts is None or not isinstance(transform, SpectralNorm):
            continue
        (slot,) = (each for each in module.slots if "weight" in each.suffixes)
        kernel, u, v = (
            slot.from_torch(array)[0]
            for array in (parts.original, *parts.vectors())
        )
        slot.weights[0].variable.assign(kernel)
        outputs = module.layer.output_axes["kernel"]
        u, v = (
            np.moveaxis(array, outputs, range(len(outputs))).reshape(
                len(parts.u), -1
            )
            for array in (u, v)
        )
        transform.u.assign(u[:, 0])
        transform.v.assign(v[0])
