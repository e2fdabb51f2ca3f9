"""Checks of shapes: symbolic, computed, unknown, in both data formats."""

import contextlib
from typing import Any

import keras
import numpy as np

from keras_extras.testing._results import CheckFailure, CheckSkip
from keras_extras.testing._sample_shapes import flat, map_shapes, shapes_in
from keras_extras.testing._subject import Subject
from keras_extras.testing._tools import (
    difference,
    leaves,
    numbers,
    to_numpy,
)


def check_call(subject: Subject) -> None:
    """The layer can be called, and returns tensors.

    Repair: give `input_shapes` if the usual shapes do not fit; otherwise the
    error of the first one tried says what is wrong.
    """
    try:
        shapes = subject.shapes
        outputs = subject.call(subject.clone(), subject.inputs())
    except CheckFailure:
        raise
    except Exception as error:
        raise CheckFailure(f"{type(error).__name__}: {error}") from error
    if not all(hasattr(leaf, "shape") for leaf in leaves(outputs)):
        raise subject.failure(
            "the outputs are not tensors",
            f"assert hasattr({subject.call_code()}, 'shape')",
            shapes,
        )


def check_symbolic_output(subject: Subject) -> None:
    """A symbolic call tells the shape and dtype that a real call gives.

    Functional models are built from symbolic calls. Tried for inputs of many
    sizes, so that a formula that is right by chance shows.

    Repair: correct `compute_output_shape` or `compute_output_spec`; without
    them Keras runs `call` symbolically, which is right if `call` is written
    with `keras.ops`.
    """
    for shapes in subject.variants:
        body = (
            "symbols = keras.tree.map_structure(\n"
            "    lambda one: keras.KerasTensor(one.shape, str(one.dtype)), x)\n"
            "symbolic = keras.tree.flatten("
            f"{subject.call_code(inputs='symbols')})\n"
            f"real = keras.tree.flatten({subject.call_code()})\n"
            "for one, two in zip(symbolic, real, strict=True):\n"
            "    assert tuple(one.shape) == tuple(two.shape)\n"
            "    assert one.dtype == keras.backend.standardize_dtype(two.dtype)"
        )
        try:
            symbolic = leaves(subject.clone_spec(shapes))
        except Exception as error:
            raise subject.failure(
                f"a symbolic call raises {type(error).__name__}: "
                f"{str(error)[:300]}",
                body,
                shapes,
            ) from error
        try:
            real = leaves(subject.run(shapes)[2])
        except Exception as error:
            raise subject.failure(
                "a symbolic call gives "
                f"{[tuple(leaf.shape) for leaf in symbolic]}, a real call "
                f"raises {type(error).__name__}: {str(error)[:200]}",
                body,
                shapes,
            ) from error
        told = [(tuple(leaf.shape), leaf.dtype) for leaf in symbolic]
        came = [
            (
                tuple(leaf.shape),
                keras.backend.standardize_dtype(leaf.dtype),
            )
            for leaf in real
        ]
        if told != came:
            raise subject.failure(
                f"a symbolic call says {told}, a real one gives {came}",
                body,
                shapes,
            )


def check_output_shape(subject: Subject) -> None:
    """`compute_output_shape` is true, with the batch known or not.

    Repair: the shape arithmetic of the layer; it must also hold for sizes
    that the strides do not divide, and leave a `None` batch `None`.
    """
    for shapes in subject.variants:
        layer, _inputs, outputs = subject.run(shapes)
        real = [tuple(leaf.shape) for leaf in leaves(outputs)]
        for batch in (2, None):
            full = map_shapes(
                lambda shape, batch=batch: (batch, *shape), shapes
            )
            several = isinstance(shapes, tuple) and isinstance(
                full[0] if full else None, tuple
            )
            try:
                told = layer.compute_output_shape(
                    *(full if several else [full])
                )
            except NotImplementedError:
                raise CheckSkip("it has no compute_output_shape") from None
            except Exception as error:
                if several and isinstance(error, TypeError):
                    raise CheckSkip(
                        "compute_output_shape takes no positional shapes"
                    ) from error
                raise subject.failure(
                    f"compute_output_shape({full}) raises "
                    f"{type(error).__name__}: {str(error)[:200]}",
                    f"{subject.call_code()}\n"
                    f"layer.compute_output_shape({'*' if several else ''}"
                    f"{full})",
                    shapes,
                ) from error
            flat = _flatten_shapes(told)
            expected = [
                shape if batch else (None, *shape[1:]) for shape in real
            ]
            if flat != expected:
                raise subject.failure(
                    f"compute_output_shape({full}) is {told}, the outputs "
                    f"have {real}",
                    f"outputs = {subject.call_code()}\n"
                    "shape = layer.compute_output_shape("
                    f"{'*' if several else ''}{full})\n"
                    f"assert tuple(shape)[1:] == tuple(outputs.shape)[1:]\n"
                    f"assert tuple(shape)[0] == {batch}",
                    shapes,
                )


def _flatten_shapes(told: Any) -> list[tuple]:
    if isinstance(told, dict):
        told = list(told.values())
    if all(size is None or isinstance(size, int) for size in told):
        return [tuple(told)]
    return [shape for one in told for shape in _flatten_shapes(one)]


def check_unknown_sizes(subject: Subject) -> None:
    """Sizes that are `None` are handled: rightly, or refused at once.

    The batch may always be `None`. Other axes may be refused by an error when
    the layer is built; if they are not, what is told of the output must be
    true, and the numbers must be right.

    Repair: take sizes from `keras.ops.shape(x)`, not from `x.shape`; in
    shape arithmetic let `None` give `None`.
    """
    shapes = subject.shapes
    layer, inputs, outputs = subject.run()
    rank = max((len(shape) for shape in shapes_in(shapes)), default=0)
    axis_sets = [()] + [(axis,) for axis in range(rank)]
    axis_sets += [tuple(range(rank - 1)), tuple(range(1, rank))]
    seen = set()
    for axes in axis_sets:
        if axes in seen:
            continue
        seen.add(axes)
        unknown = map_shapes(
            lambda shape, axes=axes: tuple(
                None if axis in axes else size
                for axis, size in enumerate(shape)
            ),
            shapes,
        )
        body = (
            f"{subject.model_code(unknown)}\n"
            f"expected = {subject.call_code()}\n"
            "more = [np.concatenate([one, one], 1) for one in "
            "keras.tree.flatten(x)]\n"
            f"{'model.predict_on_batch(more)' if 0 in axes else '# only x'}\n"
            "got = model.predict_on_batch(keras.tree.flatten(x))\n"
            "for one, two in zip(keras.tree.flatten(got), "
            "keras.tree.flatten(expected)):\n"
            "    two = keras.ops.convert_to_numpy(two)\n"
            "    np.testing.assert_allclose(one, two, atol=1e-4)"
        )
        clone = subject.clone()
        try:
            inputs_ = map_shapes(
                lambda shape: keras.Input(
                    shape, dtype=subject.traits.input_dtype
                ),
                unknown,
            )
            symbolic = subject.call(clone, inputs_)
        except Exception as error:
            if axes:
                continue  # refused at once
            raise subject.failure(
                f"an unknown batch size raises {type(error).__name__}: "
                f"{str(error)[:200]}",
                body,
            ) from error
        for told, real in zip(leaves(symbolic), leaves(outputs), strict=True):
            if len(told.shape) != len(real.shape) or any(
                size is not None and size != known
                for size, known in zip(told.shape, real.shape, strict=True)
            ):
                raise subject.failure(
                    f"for the input shape {unknown} the symbolic output shape "
                    f"is {tuple(told.shape)}, the real one "
                    f"{tuple(real.shape)}",
                    f"{subject.model_code(unknown)}\n"
                    f"real = keras.tree.flatten({subject.call_code()})\n"
                    "for told, came in zip(model.outputs, real, "
                    "strict=True):\n"
                    "    for a, b in zip(told.shape, came.shape, "
                    "strict=True):\n"
                    "        assert a in (None, b)",
                )
        if not subject.traits.deterministic:
            continue
        clone.set_weights(layer.get_weights())
        try:
            model = keras.Model(flat(inputs_), symbolic)
            _meet_other_sizes(subject, model, axes)
            got = model.predict_on_batch(flat(inputs))
        except Exception as error:
            raise subject.failure(
                f"a model with the input shape {unknown} is built, but "
                f"predicting raises {type(error).__name__}: "
                f"{str(error)[:200]}",
                body,
            ) from error
        if words := difference(got, outputs):
            raise subject.failure(
                f"a model with the input shape {unknown} gives {words}", body
            )


def _meet_other_sizes(
    subject: Subject, model: keras.Model, axes: tuple[int, ...]
) -> None:
    """Predicts for other sizes, if they suit: TensorFlow then generalizes.

    Its first trace knows the sizes of its inputs, the second one does not.
    """
    if keras.backend.backend() != "tensorflow" or not axes:
        return
    other = map_shapes(
        lambda shape: tuple(
            2 * size if axis in axes else size
            for axis, size in enumerate(shape)
        ),
        subject.shapes,
    )
    with contextlib.suppress(Exception):
        model.predict_on_batch(flat(subject.inputs(other)))


def check_data_formats(subject: Subject) -> None:
    """channels_first is channels_last with the channels moved.

    Repair: tell all axes from `data_format`, in `build`, `call` and
    `compute_output_shape` alike.
    """
    current = subject.config.get("data_format")
    if current not in ("channels_first", "channels_last"):
        raise CheckSkip("it has no data_format")
    subject.require_deterministic()
    first = current == "channels_last"
    other = "channels_first" if first else "channels_last"
    words = example = ""
    # Second, or third where there is an axis of time before the space.
    for axis in (1, 2):
        found, body = _compare_formats(subject, other, axis, first)
        if not found:
            return
        words, example = words or f"{other} {found}", example or body
    raise subject.failure(words, example)


def _compare_formats(subject: Subject, other: str, axis: int, first: bool):
    """Returns how the other format differs, and code that shows it."""
    layer, inputs, outputs = subject.run()
    way = (-1, axis) if first else (axis, -1)
    rank = max(leaf.ndim for leaf in leaves(inputs))

    def move(array):
        array = to_numpy(array)
        # The axis of time may be lost on the way, that of the batch not.
        place = max(1, axis - (rank - array.ndim))
        if array.ndim < place + 2:
            return array
        return np.moveaxis(array, *((-1, place) if first else (place, -1)))

    moved = keras.tree.map_structure(move, inputs)
    twin = subject.clone(data_format=other)
    body = (
        f"expected = {subject.array_code()}\n"
        f"config = layer.get_config() | {{'data_format': {other!r}}}\n"
        f"twin = {subject.name}.from_config(config)\n"
        f"moved = np.moveaxis(x, {way[0]}, {way[1]})\n"
        "twin.build(moved.shape)\n"
        "twin.set_weights(layer.get_weights())\n"
        f"got = {subject.array_code('twin', 'moved')}\n"
        "if len(got.shape) > 2:\n"
        f"    got = np.moveaxis(got, {way[1]}, {way[0]})\n"
        "np.testing.assert_allclose(got, expected, atol=1e-4)"
    )
    try:
        subject.call(twin, moved)
        twin.set_weights(layer.get_weights())
        got = numbers(subject.call(twin, moved))
    except Exception as error:
        return f"raises {type(error).__name__}: {str(error)[:300]}", body
    words = difference(got, [move(leaf) for leaf in numbers(outputs)])
    # Outputs that have lost the spatial axes may have the channels as before.
    ranks = {leaf.ndim for leaf in (*leaves(inputs), *numbers(outputs))}
    if words and (len(ranks) == 1 or difference(got, outputs)):
        return f"gives {words}", body
    return "", body


def check_same_shape(subject: Subject) -> None:
    """Declared `same_shape=True`: the output has the shape of the input.

    Repair: the layer, or the declaration in `traits`.
    """
    if not subject.traits.same_shape:
        raise CheckSkip("it does not declare same_shape")
    for shapes in subject.variants:
        _, inputs, outputs = subject.run(shapes)
        if [leaf.shape for leaf in leaves(inputs)] != [
            tuple(leaf.shape) for leaf in leaves(outputs)
        ]:
            raise subject.failure(
                "it declares same_shape, but the output has another shape",
                f"assert tuple({subject.call_code()}.shape) == x.shape",
                shapes,
            )


CHECKS = (
    check_call,
    check_symbolic_output,
    check_output_shape,
    check_unknown_sizes,
    check_data_formats,
    check_same_shape,
)
