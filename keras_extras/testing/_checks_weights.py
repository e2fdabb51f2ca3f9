"""Checks of weights: when they come, what they are called, what moves them."""

import contextlib
import re
from typing import Any

import keras
import numpy as np

from keras_extras.testing._results import CheckSkip
from keras_extras.testing._sample_shapes import map_shapes
from keras_extras.testing._subject import Subject
from keras_extras.testing._tools import (
    Descent,
    Probe,
    changed_path,
    difference,
    is_float,
    leaves,
    numbers,
    shake,
    to_numpy,
    values,
)


def check_building_twice(subject: Subject) -> None:
    """Building a built layer changes nothing: no weight is added or drawn anew.

    An error is harmless too.

    Repair: let `build` only create weights; set no values there.
    """
    layer, inputs, _outputs = subject.run()
    layer = subject.clone()
    subject.call(layer, inputs)
    shake(layer)
    before = values(layer)
    expected = numbers(subject.call(layer, inputs))
    full = map_shapes(lambda shape: (2, *shape), subject.shapes)
    several = isinstance(subject.shapes, tuple) and any(
        isinstance(shape, tuple) for shape in subject.shapes
    )
    with contextlib.suppress(Exception):  # it may refuse
        layer.build(*(full if several else [full]))
    body = (
        f"expected = {subject.array_code()}\n"
        "before = len(layer.weights)\n"
        f"try:\n    layer.build({'*' if several else ''}{full})\n"
        "except Exception:\n    pass\n"
        "assert len(layer.weights) == before\n"
        f"np.testing.assert_allclose({subject.array_code()}, expected)"
    )
    if len(layer.variables) != len(before):
        raise subject.failure(
            f"building again makes {len(layer.variables)} variables out of "
            f"{len(before)}",
            body,
        )
    if changed := changed_path(layer, before):
        raise subject.failure(f"building again changes {changed!r}", body)
    if subject.traits.deterministic and difference(
        subject.call(layer, inputs), expected
    ):
        raise subject.failure("building again changes the outputs", body)


def check_weights_come_with_build(subject: Subject) -> None:
    """All weights exist once the layer is built; a call adds none.

    A model that is loaded is built, not called: later weights stay random.

    Repair: `add_weight` and `sublayer.build(shape)` in `build`.
    """
    called = subject.run()[0]
    layer = subject.clone()
    full = map_shapes(lambda shape: (2, *shape), subject.shapes)
    if isinstance(subject.shapes, tuple) and any(
        isinstance(shape, tuple) for shape in subject.shapes
    ):
        raise CheckSkip("its build takes several shapes")
    if layer.built and layer.weights:
        raise CheckSkip("it is built when it is made")
    try:
        layer.build(full)
    except Exception as error:
        raise subject.failure(
            f"build({full}) raises {type(error).__name__}: {str(error)[:200]}",
            f"layer.build({full})",
        ) from error
    told, real = (
        sorted(tuple(weight.shape) for weight in one.weights)
        for one in (layer, called)
    )
    if told != real:
        raise subject.failure(
            f"build makes {len(told)} weights, a call makes {len(real)}",
            f"layer.build({full})\nbuilt = len(layer.weights)\n"
            f"{subject.call_code()}\nassert len(layer.weights) == built",
        )


def check_weight_paths(subject: Subject) -> None:
    """Paths of weights are unique, and the same in every clone.

    But for the number that Keras appends to the name of a sublayer that was
    given none.

    Repair: give each weight and each sublayer a name of its own.
    """
    one, two = subject.run()[0], subject.clone()
    subject.call(two, subject.inputs())
    paths = [weight.path for weight in one.weights]
    twice = sorted({path for path in paths if paths.count(path) > 1})
    if twice:
        raise subject.failure(
            f"two weights have the path {twice[0]!r}",
            f"{subject.call_code()}\n"
            "paths = [weight.path for weight in layer.weights]\n"
            "assert len(paths) == len(set(paths))",
        )
    paths, other = (
        [re.sub(r"_\d+(?=/)", "", weight.path) for weight in layer.weights]
        for layer in (one, two)
    )
    if paths != other:
        different = next(
            pair
            for pair in zip(paths, other, strict=False)
            if len(set(pair)) > 1
        )
        raise subject.failure(
            f"a clone has other paths: {different}",
            f"again = {subject.name}.from_config(layer.get_config())\n"
            f"{subject.call_code()}\n{subject.call_code('again')}\n"
            "assert [one.path for one in layer.weights] == "
            "[one.path for one in again.weights]",
        )


def check_losses(subject: Subject) -> None:
    """Each regularizer counts once, after one call as after two.

    Repair: hand regularizers to `add_weight(regularizer=...)`, and do not add
    their penalty again with `add_loss`.
    """
    names = [
        name
        for name in subject.config
        if name.endswith("_regularizer") and name != "activity_regularizer"
    ]
    if not names:
        raise CheckSkip("it has no regularizers")
    for name in names:
        layer = subject.clone(**{name: keras.regularizers.L2(0.5)})
        subject.call(layer, subject.inputs())
        shake(layer)
        prefix = name.removesuffix("_regularizer")
        penalized = [
            weight
            for weight in layer.trainable_weights
            if weight.regularizer is not None or weight.name == prefix
        ]
        expected = sum(
            0.5 * float(np.sum(to_numpy(weight).astype("float64") ** 2))
            for weight in penalized
        )
        totals = []
        for _ in range(2):
            subject.call(layer, subject.inputs())
            totals.append(sum(float(to_numpy(one)) for one in layer.losses))
        if any(
            abs(total - expected) > 1e-3 * max(1, expected) for total in totals
        ):
            raise subject.failure(
                f"{name} adds {totals[0]:.4g} after one call and "
                f"{totals[1]:.4g} after two, where its weights give "
                f"{expected:.4g}",
                f"config = layer.get_config() | {{{name!r}: 'l2'}}\n"
                f"layer = {subject.name}.from_config(config)\n"
                f"{subject.call_code()}\n"
                "expected = sum(0.01 * float(keras.ops.sum(one * one))\n"
                "               for one in layer.trainable_weights\n"
                f"               if one.regularizer or one.name == {prefix!r})"
                "\nfor _ in range(2):\n"
                f"    {subject.call_code()}\n"
                "    total = float(sum(layer.losses))\n"
                "    np.testing.assert_allclose(total, expected, rtol=1e-3)",
            )


def check_freezing(subject: Subject) -> None:
    """With `trainable=False` a training step changes no weight.

    Repair: do not assign to weights in `call`, except to statistics that are
    updated `if training and self.trainable`.
    """
    layer = subject.built()
    if not layer.weights:
        raise CheckSkip("it has no weights")
    layer.trainable = False
    if layer.trainable_weights:
        raise subject.failure(
            f"{layer.trainable_weights[0].path!r} stays trainable",
            f"{subject.call_code()}\nlayer.trainable = False\n"
            "assert not layer.trainable_weights",
        )
    if not is_float(subject.traits.input_dtype):
        raise CheckSkip("its inputs have no gradients")
    inputs = subject.inputs()
    outputs = subject.call(layer, inputs)
    before = [to_numpy(weight).copy() for weight in layer.weights]
    probe = Probe(
        lambda one, values: subject.call(one, values, training=True),
        layer,
        inputs,
        [
            np.ones(leaf.shape)
            for leaf in leaves(outputs)
            if is_float(leaf.dtype)
        ],
    )
    probe.compile(optimizer=Descent(), run_eagerly=True)
    probe.train_on_batch(np.zeros((1, 1)), np.zeros((1, 1)))
    for weight, value in zip(layer.weights, before, strict=True):
        if not np.array_equal(to_numpy(weight), value):
            raise subject.failure(
                f"frozen, {weight.path!r} changes in a training step",
                f"{subject.call_code()}\nlayer.trainable = False\n"
                "before = layer.get_weights()\n"
                f"{subject.training_code()}\n"
                "for one, two in zip(before, layer.get_weights()):\n"
                "    np.testing.assert_array_equal(one, two)",
            )


def check_stateless_call(subject: Subject) -> None:
    """`stateless_call` gives the outputs of a call, and changes no variable.

    JAX code trains with it.

    Repair: keep state in variables only; see `check_python_state`.
    """
    if not subject.traits.deterministic:
        raise CheckSkip("its outputs are random by declaration")
    layer, inputs, outputs = subject.run()
    before = values(layer)
    given: Any = keras.tree.map_structure(
        keras.ops.convert_to_tensor,
        inputs if isinstance(inputs, tuple) else (inputs,),
    )
    star = "*" if isinstance(inputs, tuple) else ""
    result = layer.stateless_call(
        [variable.value for variable in layer.trainable_variables],
        [variable.value for variable in layer.non_trainable_variables],
        *given,
        **subject.mode(),
    )
    body = (
        f"{subject.call_code()}\n"
        "trainable = [2 * one.value for one in layer.trainable_variables]\n"
        "others = [1 * one.value for one in layer.non_trainable_variables]\n"
        "before = [np.copy(keras.ops.convert_to_numpy(one))\n"
        "          for one in layer.variables]\n"
        "x = keras.tree.map_structure(keras.ops.convert_to_tensor, x)\n"
        f"got, _ = layer.stateless_call(trainable, others, {star}x)\n"
        "for one, two in zip(before, layer.variables):\n"
        "    np.testing.assert_array_equal(\n"
        "        one, keras.ops.convert_to_numpy(two))\n"
        f"again = {subject.name}.from_config(layer.get_config())\n"
        f"{subject.call_code('again')}\n"
        "for one, two in zip(again.trainable_variables, trainable):\n"
        "    one.assign(two)\n"
        "for one, two in zip(again.non_trainable_variables, others):\n"
        "    one.assign(two)\n"
        f"expected = keras.tree.flatten({subject.call_code('again')})\n"
        "for one, two in zip(keras.tree.flatten(got), expected):\n"
        "    np.testing.assert_allclose(keras.ops.convert_to_numpy(one),\n"
        "        keras.ops.convert_to_numpy(two), atol=1e-4)"
    )
    if words := difference(result[0], outputs):
        raise subject.failure(f"stateless_call gives {words}", body)
    # Once more with other weights: they must be those that are handed in.
    if layer.trainable_variables and is_float(
        layer.trainable_variables[0].dtype
    ):
        doubled = [2 * one.value for one in layer.trainable_variables]
        moved = layer.stateless_call(
            doubled,
            [one.value for one in layer.non_trainable_variables],
            *given,
            **subject.mode(),
        )
        twin = subject.clone()
        subject.call(twin, inputs)
        twin.set_weights([to_numpy(one) for one in layer.weights])
        for variable, value in zip(
            twin.trainable_variables, doubled, strict=True
        ):
            variable.assign(value)
        if words := difference(moved[0], subject.call(twin, inputs)):
            raise subject.failure(
                f"stateless_call with other weights gives {words}",
                body,
            )
    if changed := changed_path(layer, before):
        raise subject.failure(
            f"stateless_call changes the variable {changed!r}", body
        )


CHECKS = (
    check_building_twice,
    check_weights_come_with_build,
    check_weight_paths,
    check_losses,
    check_freezing,
    check_stateless_call,
)
