"""Checks of what a call may read and change."""

import random
from typing import Any

import keras
import numpy as np

from keras_extras.testing._results import CheckSkip
from keras_extras.testing._subject import Subject
from keras_extras.testing._tools import (
    changed_path,
    difference,
    is_float,
    leaves,
    numbers,
    to_numpy,
    values,
)


def check_training_flag(subject: Subject) -> None:
    """Without `training=True` the layer is deterministic, and learns nothing.

    Two calls give the same, and no variable changes. A layer that declares
    `deterministic=False` must really give different outputs.

    Repair: draw random numbers and update statistics only `if training`.
    """
    # Not the layer of `run`: after many calls its statistics stand still.
    layer, inputs = subject.built(), subject.inputs()
    before = values(layer)
    one = numbers(subject.call(layer, inputs, training=False))
    two = numbers(subject.call(layer, inputs, training=False))
    three = numbers(subject.call(layer, inputs))
    words = difference(two, one) or difference(three, one)
    body = (
        f"one, two = {subject.array_code()}, {subject.array_code()}\n"
        "np.testing.assert_array_equal(one, two)"
    )
    if subject.traits.deterministic and words:
        raise subject.failure(f"two calls without training give {words}", body)
    if not subject.traits.deterministic:
        if not words:
            raise subject.failure(
                "it declares deterministic=False, but two calls are equal",
                f"one, two = {subject.array_code()}, {subject.array_code()}\n"
                "assert not np.array_equal(one, two)",
            )
        return
    if changed := changed_path(layer, before):
        raise subject.failure(
            f"a call without training changes the variable {changed!r}",
            f"{subject.call_code()}\n"
            "before = [np.copy(keras.ops.convert_to_numpy(one))\n"
            "          for one in layer.variables]\n"
            f"{subject.call_code()}\n"
            "for one, two in zip(before, layer.variables):\n"
            "    np.testing.assert_array_equal(\n"
            "        one, keras.ops.convert_to_numpy(two))",
        )


def check_seeds(subject: Subject) -> None:
    """With a seed, random layers draw the same numbers again, whatever else.

    Two clones with the same `seed` give the same sequence of outputs in
    training, though the global seeds of Python, NumPy and Keras differ.

    Repair: `self.seed_generator = keras.random.SeedGenerator(seed)` in
    `__init__`, handed as `seed=` to the functions of `keras.random`.
    """
    layer, inputs = subject.built(), subject.inputs()
    calm = numbers(subject.call(layer, inputs, training=False))
    before = values(layer)
    one = numbers(subject.call(layer, inputs, training=True))
    two = numbers(subject.call(layer, inputs, training=True))
    seeded = "seed" in subject.config
    if not difference(one, two):
        if seeded and difference(one, calm) and not changed_path(layer, before):
            raise subject.failure(
                "each call in training draws the same numbers",
                f"one = {subject.array_code(training=True)}\n"
                f"two = {subject.array_code(training=True)}\n"
                "assert not np.array_equal(one, two)",
            )
        raise CheckSkip("it draws no random numbers")
    if not seeded and isinstance(subject.layer, keras.Model):
        raise CheckSkip("it has no seed; its layers may have theirs")
    first, second = (_draws(subject, layer, number) for number in (1, 2))
    words = difference(first, second)
    if not seeded:
        if not words and not any("seed" in one.path for one in layer.variables):
            raise CheckSkip("its state changes in training, not by chance")
        raise subject.failure(
            "it draws random numbers, but has no argument seed",
            "assert 'seed' in layer.get_config()",
        )
    if words:
        raise subject.failure(
            f"two layers with the same seed give {words}",
            "config = layer.get_config() | {'seed': 1337}\n"
            "results = []\nfor seed in (1, 2):\n"
            f"    layer = {subject.name}.from_config(config)\n"
            f"    {subject.call_code()}\n"
            "    if results:\n"
            "        layer.set_weights(weights)\n"
            "    weights = layer.get_weights()\n"
            "    keras.utils.set_random_seed(seed)\n"
            f"    results.append({subject.array_code(training=True)})\n"
            "np.testing.assert_array_equal(*results)",
        )


def _draws(subject: Subject, layer: keras.Layer, number: int) -> list:
    """Returns three outputs in training of a clone with the seed 1337.

    Global random states are set to `number`, after the clone got the weights
    of `layer` and the seeds of a fresh clone.
    """
    changes = {"seed": 1337} if "seed" in subject.config else {}
    clone = subject.built(layer=subject.clone(**changes))
    clone.set_weights(layer.get_weights())
    seeds = {
        variable.name: variable
        for variable in subject.clone(**changes).variables
        if "seed" in variable.path
    }
    for variable in clone.variables:
        if "seed" in variable.path and variable.name in seeds:
            variable.assign(seeds[variable.name].value)
    keras.utils.set_random_seed(number)
    return [
        array
        for _ in range(3)
        for array in numbers(
            subject.call(clone, subject.inputs(), training=True)
        )
    ]


def check_global_random_state(subject: Subject) -> None:
    """A layer neither sets nor uses the random state of Python and NumPy.

    What is drawn from NumPy in a call is drawn once when the layer is
    compiled, and is the same number for ever after. Who sets a global seed
    sets it for everybody.

    Repair: `keras.random` with a `SeedGenerator`.
    """
    inputs = subject.inputs()
    after = []
    for number in (1, 2):
        random.seed(number)
        np.random.seed(number)
        layer = subject.built()
        after.append(_global_state())
    for name in ("random", "np.random"):
        if after[0][name] == after[1][name]:
            raise subject.failure(
                f"making and building it sets the seed of {name}",
                "import random\n\nrandom.seed(1)\nnp.random.seed(1)\n"
                "draws = []\nfor _ in range(2):\n"
                f"    layer = {subject.name}.from_config(layer.get_config())\n"
                f"    {subject.call_code()}\n"
                "    draws.append((random.random(), np.random.random()))\n"
                "assert draws[0][0] != draws[1][0]\n"
                "assert draws[0][1] != draws[1][1]",
            )
    before = _global_state()
    for training in (False, True):
        subject.call(layer, inputs, training=training)
    for name, state in _global_state().items():
        if state != before[name]:
            raise subject.failure(
                f"a call draws from the global random state of {name}, or "
                "sets it",
                f"import random\n\n{subject.call_code()}\n"
                "random.seed(1)\nnp.random.seed(1)\n"
                "before = random.getstate(), repr(np.random.get_state())\n"
                f"{subject.training_code()}\n"
                "assert before == (\n"
                "    random.getstate(), repr(np.random.get_state()))",
            )


def _global_state() -> dict[str, Any]:
    _, keys, position, *_ = np.random.get_state(legacy=True)
    return {
        "random": random.getstate(),
        "np.random": (np.asarray(keys).tobytes(), position),
    }


def check_inputs_are_untouched(subject: Subject) -> None:
    """A call changes neither its arrays nor the list or dict they came in.

    Repair: no assignment into an argument; `list(inputs)` before `pop`.
    """
    layer, _, _ = subject.run()

    def as_tensors():
        return keras.tree.map_structure(
            keras.ops.convert_to_tensor, subject.inputs()
        )

    for make, call in (
        (subject.inputs, layer),
        (as_tensors, layer),
        # As a subclass or a wrapper does, without the copies that
        # `Layer.__call__` makes of lists.
        (as_tensors, layer.call),
    ):
        inputs: Any = make()
        before = [to_numpy(leaf).copy() for leaf in leaves(inputs)]
        subject.call(call, inputs)
        after = leaves(inputs)
        if len(after) != len(before) or not all(
            np.array_equal(one, to_numpy(two))
            for one, two in zip(before, after, strict=True)
        ):
            code = "layer" if call is layer else "layer.call"
            raise subject.failure(
                "a call changes its inputs",
                f"{subject.call_code()}\n"
                "x = keras.tree.map_structure(keras.ops.convert_to_tensor, x)\n"
                "before = [np.copy(keras.ops.convert_to_numpy(one))\n"
                "          for one in keras.tree.flatten(x)]\n"
                f"{subject.call_code(code)}\n"
                "for one, two in zip(before, keras.tree.flatten(x), "
                "strict=True):\n"
                "    np.testing.assert_array_equal(\n"
                "        one, keras.ops.convert_to_numpy(two))",
            )


def check_python_state(subject: Subject) -> None:
    """A call writes no attribute.

    Compiled, `call` runs once: what it writes is then a tensor of the trace,
    or a number that never changes again.

    Repair: make state a weight (`add_weight(trainable=False)`), computed
    values local variables.
    """
    layer = subject.built()
    of_keras = set(vars(keras.layers.Layer()))
    inputs = subject.inputs()

    def state():
        return {
            name: _frozen(value)
            for name, value in vars(layer).items()
            if name not in of_keras
        }

    for training in (False, True):
        before = state()
        subject.call(layer, inputs, training=training)
        after = state()
        names = [
            name
            for name in after
            if name not in before or before[name] != after[name]
        ]
        if names:
            raise subject.failure(
                f"a call writes the attribute {names[0]!r}",
                f"{subject.call_code()}\n"
                f"before = repr(getattr(layer, {names[0]!r}, None))\n"
                + (
                    "x = keras.tree.map_structure(lambda leaf: 2 * leaf, x)\n"
                    if is_float(subject.traits.input_dtype)
                    else ""
                )
                + f"{subject.training_code()}\n"
                f"assert repr(getattr(layer, {names[0]!r}, None)) == before",
            )


def _frozen(value: Any) -> Any:
    """Returns what is compared: contents of plain values, else identity."""
    if isinstance(value, int | float | str | bool | bytes | None.__class__):
        return value
    if isinstance(value, np.ndarray):
        return value.tobytes()
    if isinstance(value, list | tuple):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return tuple((repr(key), _frozen(one)) for key, one in value.items())
    return id(value)


CHECKS = (
    check_training_flag,
    check_seeds,
    check_global_random_state,
    check_inputs_are_untouched,
    check_python_state,
)
