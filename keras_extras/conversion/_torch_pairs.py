"""Which layer is which module of torch: by name, by shape, and by the data.

A name that says it is believed: of the attribute or of the layer, if it is the
module's whole name or the end of it. Else torch's modules are taken to stand in
an order in which they could be called. So a module can be any layer of its
shape that depends on no layer still without one:

    state = layers that have no module yet
    state --module--> state without that layer

If all ways through the modules end at the same pairs, or the order of the
layers is the only other one that fits and is the same, these are the pairs.
If not, it is said which could be exchanged.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import keras

from keras_extras._keras_internals import all_sublayers
from keras_extras.conversion._torch_names import Module
from keras_extras.conversion._torch_units import Unit
from keras_extras.inspection._observe import is_layer
from keras_extras.inspection._trace import Call

Pairs = dict[int, int]  # place of the module of Keras -> of the unit of torch

_MOST_STATES = 10_000


def mapped(
    owner: str, modules: list[Module], name_map: Mapping[str, Any] | None
) -> dict[int, str]:
    """Returns torch's names of the modules that `name_map` names, by place."""
    names: dict[int, str] = {}
    unknown: list[str] = []
    for key, value in (name_map or {}).items():
        places = [
            place
            for place, module in enumerate(modules)
            if key in (module.layer.name, module.layer.path, module.path)
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


class Pairing:
    """All that is known of which layer is which module."""

    def __init__(
        self,
        owner: str,
        modules: list[Module],
        units: list[Unit],
        before: list[int],
        strict: bool,
    ) -> None:
        self.owner, self.modules, self.units = owner, modules, units
        self.before = before  # bits of the modules that each depends on
        self.strict = strict
        self._fits: dict[tuple[int, int], bool] = {}
        self.ties = _ties(units) if len(units) > len(modules) else {}

    def pairs(self, name_map: Mapping[str, Any] | None) -> list[Pairs]:
        """Returns the pairs; several, if nothing tells between them."""
        given = self._given(name_map)
        named = {**given, **self._named(given, with_automatic=True)}
        if len(named) == len(self.modules):
            return [named]
        named = {**given, **self._named(given, with_automatic=False)}
        found = [
            *self._in_order_of_layers(named),
            *(self._in_order_of_data(named) or self._in_order_of_data(given)),
        ]
        if not found:
            return [self._one_by_one(given)]
        most = max(map(len, found))
        return _different(
            [pairs for pairs in found if len(pairs) == most], self.ties
        )

    def _given(self, name_map: Mapping[str, Any] | None) -> Pairs:
        names = [unit.name for unit in self.units]
        given = mapped(self.owner, self.modules, name_map)
        absent = [name for name in given.values() if name not in names]
        if absent:
            raise ValueError(
                f"{self.owner}: name_map names modules that are not in the "
                f"state_dict: {absent}. It has {names}."
            )
        return {place: names.index(name) for place, name in given.items()}

    def fits(self, place: int, number: int) -> bool:
        """Returns whether a module has the shapes of a unit, but for a bias."""
        key = place, number
        if key not in self._fits:
            self._fits[key] = _has_shapes(
                self.modules[place], self.units[number]
            )
        return self._fits[key]

    def _named(self, given: Pairs, with_automatic: bool) -> Pairs:
        """Returns the pairs that names tell, and shapes allow."""
        numbers = [
            number
            for number in range(len(self.units))
            if number not in given.values()
        ]
        tokens = {
            number: _tokens(self.units[number].name) for number in numbers
        }
        votes: dict[int, set[int]] = {}
        for place, module in enumerate(self.modules):
            if place in given:
                continue
            for name in _names(module, with_automatic):
                hits = [
                    number
                    for number in numbers
                    if tokens[number] == name and self.fits(place, number)
                ] or [
                    number
                    for number in numbers
                    if _end_alike(tokens[number], name)
                    and self.fits(place, number)
                ]
                if len(hits) == 1:
                    votes.setdefault(place, set()).add(hits[0])
        pairs = {
            place: hits.pop() for place, hits in votes.items() if len(hits) == 1
        }
        counts = list(pairs.values())
        return {
            place: number
            for place, number in pairs.items()
            if counts.count(number) == 1
        }

    def _in_order_of_layers(self, fixed: Pairs) -> list[Pairs]:
        """Returns the first with the first, if the shapes fit."""
        rest = self._one_by_one(fixed)
        is_whole = len(rest) == len(self.modules)
        is_fit = all(self.fits(*pair) for pair in rest.items())
        return [rest] if is_whole and is_fit and self._all_used(rest) else []

    def _all_used(self, pairs: Pairs) -> bool:
        used = {self.ties.get(number, number) for number in pairs.values()}
        return not self.strict or all(
            self.ties.get(number, number) in used
            for number in range(len(self.units))
        )

    def _one_by_one(self, fixed: Pairs) -> Pairs:
        rest = iter(
            [n for n in range(len(self.units)) if n not in fixed.values()]
        )
        pairs = dict(fixed)
        for place in range(len(self.modules)):
            if place not in pairs:
                number = next(rest, None)
                if number is not None:
                    pairs[place] = number
        return pairs

    def _in_order_of_data(self, fixed: Pairs) -> list[Pairs]:
        """Returns up to two ways to pair in an order of calls."""
        everything = sum(
            1 << place
            for place in range(len(self.modules))
            if place not in fixed
        )
        # state -> (pairs made, up to two different ways to it)
        states: dict[int, tuple[int, list[Any]]] = {everything: (0, [()])}
        for number in range(len(self.units)):
            if number in fixed.values():
                continue
            new: dict[int, tuple[int, list[Any]]] = {}
            for state, (count, ways) in states.items():
                if not self.strict or number in self.ties:
                    _merge(new, state, count, ways)
                for place in _bits(state):
                    before = self.before[place] & state
                    if (before and self.strict) or not self.fits(place, number):
                        continue
                    longer = [(way, place, number) for way in ways]
                    left = state & ~(1 << place | before)
                    _merge(new, left, count + 1, longer)
            if len(new) > _MOST_STATES:
                return []
            states = new
        if self.strict:
            states = {0: states[0]} if 0 in states else {}
        most = max((count for count, _ in states.values()), default=-1)
        return [
            {**fixed, **_unrolled(way)}
            for count, ways in states.values()
            for way in ways
            if count == most
        ]


def _merge(
    states: dict[int, tuple[int, list[Any]]],
    state: int,
    count: int,
    ways: list[Any],
) -> None:
    known = states.get(state, (-1, []))
    if count > known[0]:
        states[state] = count, ways[:2]
    elif count == known[0]:
        states[state] = count, [*known[1], *ways][:2]


def _unrolled(way: Any) -> Pairs:
    pairs = {}
    while way:
        way, place, number = way
        pairs[place] = number
    return pairs


def _bits(state: int) -> Iterable[int]:
    while state:
        low = state & -state
        yield low.bit_length() - 1
        state ^= low


def _different(found: list[Pairs], ties: dict[int, int]) -> list[Pairs]:
    """Returns those that give any layer other weights."""
    different: dict[Any, Pairs] = {}
    for pairs in found:
        weights = {place: ties.get(n, n) for place, n in pairs.items()}
        different.setdefault(tuple(sorted(weights.items())), pairs)
    return list(different.values())


def _ties(units: list[Unit]) -> dict[int, int]:
    """Returns which units have the weights of one before: tied, or twice."""
    first: dict[Any, int] = {}
    ties = {}
    for number, unit in enumerate(units):
        mark = unit.fingerprint()
        if mark is not None and first.setdefault(mark, number) != number:
            ties[number] = first[mark]
    return ties


def _has_shapes(module: Module, unit: Unit) -> bool:
    def is_bias(suffix: str) -> bool:
        return "bias" in suffix

    names = {name for name in module.suffixes if not is_bias(name)}
    if names != {name for name in unit.tensors if not is_bias(name)}:
        return False
    return all(
        converted(slot, unit) is not None
        for slot in module.slots
        if set(slot.suffixes) <= unit.tensors.keys()
    )


def converted(slot: Any, unit: Unit) -> Any:
    """Returns the arrays for the weights of a slot; `None` if they misfit."""
    try:
        arrays = slot.from_torch(
            *(unit.tensors[name] for name in slot.suffixes)
        )
    except (ValueError, IndexError):  # other axes than this layer's
        return None
    for array, weight in zip(arrays, slot.weights, strict=True):
        if array.shape != tuple(weight.variable.shape):
            return None
    return arrays


# --- names -------------------------------------------------------------------


def _names(module: Module, with_automatic: bool) -> list[list[str]]:
    layer = module.layer
    names = {module.path, layer.path.replace("/", "."), layer.name}
    if not with_automatic:
        names = {name for name in names if not _is_automatic(name, layer)}
    part = f".{module.part}" if module.part else ""
    return [_tokens(name + part) for name in sorted(names)]


def _is_automatic(name: str, layer: Any) -> bool:
    """Returns whether Keras may have made the name, of that of the class."""
    last, kind = (
        re.sub(r"[^a-z]", "", text.lower())
        for text in (name.rpartition(".")[2], type(layer).__name__)
    )
    return last == kind


def _tokens(name: str) -> list[str]:
    return re.findall(r"[a-z]+|\d+", name.lower())


def _end_alike(one: list[str], other: list[str]) -> bool:
    short = min(len(one), len(other))
    return short > 0 and one[-short:] == other[-short:]


# --- what depends on what ----------------------------------------------------


class Flow(NamedTuple):
    """What a call of a model tells: of each module what it depends on."""

    before: list[int]
    calls: dict[int, Call]  # the first call of each layer, by the layer's id
    sources: dict[int, Any]  # what made a tensor, by the tensor's id

    def source_and_call(self, layer: Any) -> tuple[Any, Call | None]:
        """Returns what made the layer's input, and the layer's first call."""
        call = self.calls.get(id(layer))
        if call is None or call.operation is not layer:
            return None, None
        return self.sources.get(id(call.inputs[0])), call


def flow_of(modules: list[Module], call: Call | None) -> Flow:
    """Returns the bits of the modules that each module depends on."""
    places: dict[int, list[int]] = {}
    for place, module in enumerate(modules):
        places.setdefault(id(module.layer), []).append(place)
    if call is None:  # they are taken to be called one after the other
        return Flow([(1 << place) - 1 for place in range(len(modules))], {}, {})
    before = [0] * len(modules)
    done: dict[int, int] = {}  # tensor -> bits
    calls: dict[int, Call] = {}
    sources: dict[int, Any] = {}

    def walk(call: Call) -> int:
        bits = 0
        for tensor in call.inputs:
            bits |= done.get(id(tensor), 0)
        for part in call.inside:
            bits |= walk(part)
        if not call.inside and is_layer(call.operation):
            fresh = [
                part
                for part in all_sublayers(call.operation, include_self=True)
                if id(part) not in calls
            ]
            bits_in = bits
            for part in fresh:
                calls[id(part)] = call
                seen = bits_in
                for place in places.get(id(part), ()):
                    before[place] = seen
                    seen |= 1 << place
                bits |= seen
            for part in all_sublayers(call.operation, include_self=True):
                for place in places.get(id(part), ()):
                    bits |= 1 << place
        for tensor in keras.tree.flatten(call.outputs):
            known = done.get(id(tensor))
            done[id(tensor)] = bits if known is None else known
            sources.setdefault(id(tensor), call.operation)
        return 0 if call.inside else bits

    walk(call)
    return Flow(before, calls, sources)
