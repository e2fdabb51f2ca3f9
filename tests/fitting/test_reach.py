"""What a step can reach in Python is listed, and what runs in it is named."""

import collections
import functools
import gc
import itertools
import random
import warnings

import keras
import numpy as np
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("about torch's steps", allow_module_level=True)

import torch

from keras_extras.fitting._reach import Reach, Watch

# --- code --------------------------------------------------------------------


def own():
    return sum(x for x in (1, 2))


def watched(function, *declared):
    watch = Watch({id(code): code for code in declared})
    with watch:
        function()
    return watch.found


def test_code_is_named():
    assert "test_reach, own" in watched(own)
    codes = Reach([declared_pure]).declared.values()
    assert "test_reach, own" in watched(own, *codes)
    assert watched(declared_pure, *codes) == ""
    ones = keras.ops.ones(3)
    assert watched(functools.partial(keras.ops.tanh, ones)) == ""
    assert watched(functools.partial(collections.Counter, "abc")) == ""
    assert watched(functools.partial(Pair, 1, 2)) == ""
    assert watched(functools.partial(eval, "(lambda: 1)()")) != ""


def declared_pure():
    return [x for x in map(lambda x: 2 * x, (1, 2))]


declared_pure.pure_call = True


Pair = collections.namedtuple("Pair", "one other")


def test_numbers_and_warnings():
    tensor = torch.ones(1)
    for read in (tensor.tolist, tensor.numpy, lambda: np.array(tensor)):
        code = getattr(read, "__code__", own.__code__)
        found = watched(lambda read=read: read(), code)
        assert "Python reads" in found or "runs code" in found
    partial = functools.partial(np.array, tensor)
    assert watched(partial) == "Python reads what a tensor holds"
    with pytest.warns(match="of a step"):
        assert watched(warns, warns.__code__) == "it warns"


def warns():
    warnings.warn("of a step", stacklevel=1)


def test_garbage_is_not_collected_meanwhile():
    assert gc.isenabled()
    with Watch({}):
        assert not gc.isenabled()
    assert gc.isenabled()


# --- attributes --------------------------------------------------------------


class Thing:
    shared = 1.0

    def __init__(self, **names):
        vars(self).update(names)


class Slotted:
    __slots__ = ("inside",)


def slotted():
    thing = Slotted()
    thing.inside = [1]
    return thing


def enclosing():
    inside = [1]

    def function(x=None):
        return inside

    return function, inside


def set_item(container, key, value):
    container[key] = value


def changed_array(thing):
    thing.inside[0] = 7.0


def exchanged(**names):
    return lambda thing: vars(thing).update(names)


CHANGES = {
    "attribute": (lambda: 1.0, exchanged(inside=2.0)),
    "type": (lambda: 1, exchanged(inside=1.0)),
    "sign": (lambda: True, exchanged(inside=1)),
    "new": (lambda: 1.0, exchanged(other=1.0)),
    "item": (lambda: [1, 2], lambda thing: thing.inside.append(3)),
    "deep": (
        lambda: {"a": ({1: Thing(x=1)},)},
        lambda thing: setattr(thing.inside["a"][0][1], "x", 2),
    ),
    "key": (lambda: {"a": 1}, lambda thing: thing.inside.update(b=1)),
    "array": (lambda: np.ones(3), changed_array),
    "slot": (slotted, lambda thing: thing.inside.inside.append(2)),
    "partial": (
        lambda: functools.partial(own, x=[1]),
        lambda thing: thing.inside.keywords["x"].append(2),
    ),
    "method": (
        lambda: Thing(x=1).__init__,
        lambda thing: setattr(thing.inside.__self__, "x", 2),
    ),
    "closure": (
        lambda: enclosing()[0],
        lambda thing: thing.inside().append(2),
    ),
    "default": (
        lambda: enclosing()[0],
        lambda thing: setattr(thing.inside, "__defaults__", (1,)),
    ),
    "code": (
        lambda: enclosing()[0],
        lambda thing: setattr(
            thing.inside,
            "__code__",
            enclosing()[0].__code__.replace(co_name="x"),
        ),
    ),
    "grad": (
        lambda: torch.ones(3),
        lambda thing: thing.inside.requires_grad_(),
    ),
    "function": (lambda: keras.ops.relu, exchanged(inside=keras.ops.relu6)),
    "built in": (lambda: torch.relu, exchanged(inside=torch.tanh)),
    "exchanged by an equal": (lambda: [1], lambda t: set_new(t)),
}


def set_new(thing):
    thing.inside = [2]


@pytest.mark.parametrize("name", CHANGES)
def test_changes_are_found(name):
    make, change = CHANGES[name]
    thing = Thing(inside=make(), plain=3)
    before = Reach(thing)
    assert before.refused == ""
    assert before.equals(Reach(thing))
    change(thing)
    assert not before.equals(Reach(thing))


def test_changes_of_classes_are_found(monkeypatch):
    thing = Thing()
    before = Reach(thing)
    monkeypatch.setattr(Thing, "shared", 2.0)
    assert not before.equals(Reach(thing))


def test_globals_of_keras_are_part_of_it():
    before = Reach(None)
    keras.config.set_epsilon(1e-5)
    try:
        assert not before.equals(Reach(None))
    finally:
        keras.config.set_epsilon(1e-7)
    assert before.equals(Reach(None))


class Subclass(random.Random):
    pass


@pytest.mark.parametrize(
    "opaque",
    [
        itertools.count(), iter([1]), random.Random(0), random.random,
        np.random.default_rng(0), np.random.rand,
        np.random.default_rng(0).random,
        functools.lru_cache(own), torch.Generator(), Subclass(0),
        (x for x in [1]), np.ones(10**5), np.array([[]], object),
        collections.deque([1]), bytearray(b"1"),
        functools.partial(next, iter([1])),
    ],
    ids=lambda opaque: type(opaque).__name__,
)  # fmt: skip
def test_what_nobody_can_look_into_is_refused(opaque):
    assert Reach([opaque]).refused


def test_circles_end():
    thing = Thing()
    thing.itself = [thing]
    assert Reach(thing).equals(Reach(thing))
