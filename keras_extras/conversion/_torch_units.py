"""The modules in a torch state_dict: names, and the tensors of each.

A state_dict is flat: `"layer1.0.conv1.weight"`. What stands before the last
dot is a module. Some modules need more than that:

    LSTM             weight_ih_l1, ..._reverse   a module for each direction
    attention        in_proj_weight, out_proj.*  one module
    weight_norm      g * v / |v|                 weight
    spectral_norm    W / (u . W v)               weight

A parametrized weight is folded: Keras's layer gets what torch uses.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

_IGNORED = "num_batches_tracked"  # what torch counts and Keras does not
_RECURRENT = re.compile(
    r"^((?:weight|bias)_(?:ih|hh|hr))_l(\d+)(_reverse)?$",
)
_PARAMETRIZED = re.compile(
    r"(?:\.|^)parametrizations\.(\w+)\.(original\d?|0\._u|0\._v)$"
)
_OLD = {"weight_g": "original0", "weight_v": "original1"}
_OLD_SPECTRAL = {
    "weight_orig": "original",
    "weight_u": "0._u",
    "weight_v": "0._v",
}


class Spectral(NamedTuple):
    """What `spectral_norm` made a weight of: weight = original / (u . W v)."""

    original: np.ndarray
    u: np.ndarray
    v: np.ndarray

    @property
    def axis(self) -> int:
        """The axis of the outputs, which is 1 in transposed convolutions."""
        wide = [
            axis
            for axis, size in enumerate(self.original.shape[:2])
            if size == len(self.u)
        ]
        return min(wide, key=self._distance)

    def _distance(self, axis: int) -> float:
        """Returns how far v is from the direction that u gives it."""
        v = self.u.astype("float64") @ self.matrix(axis)
        return float(np.linalg.norm(v / np.linalg.norm(v) - self.v))

    def matrix(self, axis: int) -> np.ndarray:
        moved = np.moveaxis(self.original, axis, 0)
        return moved.reshape(len(moved), -1).astype("float64")

    @property
    def weight(self) -> np.ndarray:
        sigma = self.u @ self.matrix(self.axis) @ self.v
        return (self.original / sigma).astype(self.original.dtype)

    def vectors(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns u and v, each spread over the shape of the weight."""
        axis = self.axis
        moved = np.moveaxis(self.original, axis, 0).shape
        u = self.u.reshape(-1, *(1,) * (len(moved) - 1))
        v = self.v.reshape(1, *moved[1:])
        u, v = (np.broadcast_to(each, moved) for each in (u, v))
        return np.moveaxis(u, 0, axis), np.moveaxis(v, 0, axis)


class Unit(NamedTuple):
    """A module of torch that has weights.

    Attributes:
        name: its name.
        tensors: its weights, by their last names.
        keys: the names in the state_dict that each was made of.
        spectral: what `spectral_norm` made the weight of, if it did.
    """

    name: str
    tensors: dict[str, np.ndarray]
    keys: dict[str, list[str]]
    spectral: dict[str, Spectral]

    def fingerprint(self) -> Any:
        """Returns what only the same weights have; `None` of constants."""
        if all(np.all(a == a.flat[0]) for a in self.tensors.values() if a.size):
            return None
        return tuple(
            (name, array.shape, hashlib.sha256(array.tobytes()).digest())
            for name, array in sorted(self.tensors.items())
        )


def units_of(state_dict: Mapping[str, Any]) -> list[Unit]:
    """Returns the modules, in the order of the state_dict."""
    tensors = {
        key: to_numpy(value)
        for key, value in state_dict.items()
        if key.rpartition(".")[2] != _IGNORED
    }
    units: dict[str, Unit] = {}

    def put(name: str, suffix: str, array: Any, keys: list[str]) -> None:
        unit = units.setdefault(name, Unit(name, {}, {}, {}))
        unit.tensors[suffix] = array
        unit.keys[suffix] = keys

    folded = _parametrized(tensors)
    for key, array in tensors.items():
        if key in folded:
            name, suffix, made, keys = folded[key]
            if isinstance(made, Spectral):
                put(name, suffix, made.weight, keys)
                units[name].spectral[suffix] = made
            else:
                put(name, suffix, made, keys)
            continue
        if any(key in keys for *_, keys in folded.values()):
            continue
        name, _, suffix = key.rpartition(".")
        match = _RECURRENT.match(suffix)
        if match:
            base, number, reverse = match.groups()
            name += f".l{number}" * (number != "0") + (reverse or "")
            suffix = base + (reverse or "")
        owner, _, last = name.rpartition(".")
        if last == "out_proj" and "in_proj_weight" in getattr(
            units.get(owner), "tensors", ()
        ):
            name, suffix = owner, f"out_proj.{suffix}"
        put(name, suffix, array, [key])
    return list(units.values())


def key_of(name: str, suffix: str) -> str:
    """Returns the name in a state_dict, the inverse of `units_of`."""
    base, is_reverse, _ = suffix.partition("_reverse")
    if re.fullmatch(r"(weight|bias)_(ih|hh)", base):
        name = name.removesuffix("_reverse") if is_reverse else name
        name, layer = re.fullmatch(r"(.*?)(?:\.l(\d+))?", name).groups()  # type: ignore
        suffix = f"{base}_l{layer or 0}{is_reverse}"
    return f"{name}.{suffix}".removeprefix(".")


# --- parametrizations --------------------------------------------------------


def _parametrized(
    tensors: dict[str, np.ndarray],
) -> dict[str, tuple[str, str, Any, list[str]]]:
    """Returns by their first key: module, name, the weight, and all keys."""
    groups: dict[tuple[str, str], dict[str, str]] = {}
    for key in tensors:
        match = _PARAMETRIZED.search(key)
        name, _, last = key.rpartition(".")
        if match:
            where = key[: match.start()], match[1]
            groups.setdefault(where, {})[match[2]] = key
        elif last in _OLD or last in _OLD_SPECTRAL:
            prefix = f"{name}." if name else ""
            is_spectral = f"{prefix}weight_orig" in tensors
            part = (_OLD_SPECTRAL if is_spectral else _OLD).get(last)
            if part:
                groups.setdefault((name, "weight"), {})[part] = key
    found = {}
    for (name, suffix), keys in groups.items():
        arrays = {part: tensors[key] for part, key in keys.items()}
        if arrays.keys() == {"original0", "original1"}:
            made: Any = _weight_norm(arrays["original0"], arrays["original1"])
        elif arrays.keys() == {"original", "0._u", "0._v"}:
            made = Spectral(arrays["original"], arrays["0._u"], arrays["0._v"])
        else:
            continue  # some other parametrization: its names stay as they are
        found[min(keys.values(), key=list(tensors).index)] = (
            name,
            suffix,
            made,
            list(keys.values()),
        )
    return found


def _weight_norm(g: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Returns g * v / |v|; the length is along all axes that g has not."""
    along = tuple(
        axis for axis in range(v.ndim) if g.ndim == 0 or g.shape[axis] == 1
    )
    length = np.sqrt(np.sum(v.astype("float64") ** 2, along, keepdims=True))
    return (v * (g / length)).astype(v.dtype)


def to_numpy(value: Any) -> np.ndarray:
    """Returns a NumPy array, of a torch tensor too."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if "bfloat16" in str(value.dtype):  # which NumPy has not
            value = value.float()
        return value.numpy()
    return np.asarray(value)
