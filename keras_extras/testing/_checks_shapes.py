"""Checks of shapes: symbolic, computed, unknown, in both data formats."""

import contextlib
import itertools
from typing import Any

import keras
import numpy as np

from keras_extras.testing._check import check
from keras_extras.testing._results import CheckFailure, CheckSkip
from keras_extras.testing._sample_shapes import map_shapes, shapes_in
from keras_extras.testing._subject import Subject
from keras_extras.testing._tools import specs


@check(needs=())
def check_call(subject: Subject) -> None:
    """The layer can be called, and returns tensors.

    Repair: give `input_shapes` if the usual shapes do not fit; otherwise the
    error of the first one tried says what is wrong.
    """
    subject.verify(gives_tensors, layer=subject.clone(), shapes=subject.shapes)


def gives_tensors(layer: Any, x: Any) -> None:
    for output in keras.tree.flatten(layer(*x, training=False)):
        is_tensor = output is None or hasattr(output, "shape")
        assert is_tensor, "the outputs are not tensors"


@check()
def check_symbolic_output(subject: Subject) -> None:
    """A symbolic call tells the shape and dtype that a real call gives.

    Functional models are built from symbolic calls. Tried for inputs of many
    sizes, so that a formula that is right by chance shows.

    Repair: correct `compute_output_shape` or `compute_output_spec`; without
    them Keras runs `call` symbolically, which is right if `call` is written
    with `keras.ops`.
    """
    for shapes in subject.variants:
        subject.verify(
            symbols_tell_the_truth,
            action="a symbolic call or the real one",
            layer=subject.clone(),
            shapes=shapes,
            symbolic=subject.full_shapes(shapes, batch=2),
        )


def symbols_tell_the_truth(layer: Any, x: Any, symbols: Any) -> None:
    symbolic = specs(layer(*symbols, training=False))
    real = specs(layer(*x, training=False))
    message = f"a symbolic call says {symbolic}, a real one gives {real}"
    assert symbolic == real, message


@check()
def check_output_shape(subject: Subject) -> None:
    """`compute_output_shape` is true, with the batch known or not.

    Repair: the shape arithmetic of the layer; it must also hold for sizes
    that the strides do not divide, and leave a `None` batch `None`.
    """
    for shapes in subject.variants:
        try:
            subject.verify(
                output_shape_is_true,
                action="compute_output_shape",
                shapes=shapes,
                symbolic=subject.full_shapes(shapes, batch=2),
            )
        except CheckFailure as failure:
            cause = failure.__cause__
            if isinstance(cause, NotImplementedError):
                raise CheckSkip("it has no compute_output_shape") from None
            several = isinstance(subject.inputs(shapes), tuple)
            if several and isinstance(cause, TypeError):
                raise CheckSkip(
                    "compute_output_shape takes no positional shapes"
                ) from None
            raise


def output_shape_is_true(layer: Any, x: Any, shape: Any) -> None:
    outputs = keras.tree.flatten(layer(*x, training=False))
    real = [tuple(leaf.shape) for leaf in outputs if leaf is not None]
    for size in (2, None):
        shape_now = keras.tree.map_shape_structure(
            lambda one, size=size: (size, *one[1:]), shape
        )
        found: list[Any] = []
        computed = layer.compute_output_shape(*shape_now)
        keras.tree.map_shape_structure(
            lambda one, found=found: found.append(tuple(one)), computed
        )
        expected = real if size else [(None, *one[1:]) for one in real]
        assert found == expected, (
            f"compute_output_shape gives {found}, the outputs have {expected}"
        )


@check()
def check_unknown_sizes(subject: Subject) -> None:
    """Sizes that are `None` are handled: rightly, or refused at once.

    The batch may always be `None`. Other axes may be refused by an error when
    the layer is built; if they are not, what is told of the output must be
    true, and the numbers must be right.

    Repair: take sizes from `keras.ops.shape(x)`, not from `x.shape`; in
    shape arithmetic let `None` give `None`.
    """
    sizes = [len(shape) for shape in shapes_in(subject.shapes)]
    rank = max(sizes, default=0)
    axis_sets = [(), *((axis,) for axis in range(rank))]
    axis_sets += [tuple(range(rank - 1)), tuple(range(1, rank))]
    for axes in dict.fromkeys(axis_sets):
        shapes = map_shapes(
            lambda shape, axes=axes: tuple(
                None if axis in axes else size
                for axis, size in enumerate(shape)
            ),
            subject.shapes,
        )
        symbolic = subject.full_shapes(shapes)
        try:
            subject.clone_spec(shapes, batch=None)
        except Exception:
            if axes:
                continue  # refused at once
        subject.verify(
            unknown_sizes_are_declared,
            action=f"a model with the input shape {symbolic}",
            layer=subject.clone(),
            symbolic=symbolic,
        )
        if subject.traits.deterministic:
            subject.verify(
                unknown_sizes_compute,
                action=f"a model with the input shape {symbolic}",
                gap=f"a model with the input shape {symbolic} gives",
                layer=subject.clone(),
                symbolic=symbolic,
                axes=axes,
            )


def unknown_sizes_are_declared(layer: Any, x: Any, symbols: Any) -> None:
    symbolic = keras.tree.flatten(layer(*symbols, training=False))
    real = keras.tree.flatten(layer(*x, training=False))
    for symbol, output in zip(symbolic, real, strict=True):
        shape, known = tuple(symbol.shape), tuple(output.shape)
        pairs = itertools.zip_longest(shape, known, fillvalue="none")
        assert all(size in (None, real) for size, real in pairs), (
            f"for the input shape {keras.tree.flatten(symbols)[0].shape} the "
            f"symbolic output shape is {shape}, the real one {known}"
        )


def unknown_sizes_compute(
    layer: Any,
    x: Any,
    symbols: Any,
    axes: tuple[int, ...],
    atol: float,
    to_numpy: Any,
) -> None:
    outputs = layer(*symbols, training=False)
    model = keras.Model(keras.tree.flatten(symbols), outputs)
    data = keras.tree.flatten(x)
    if axes and keras.backend.backend() == "tensorflow":
        # Its first trace knows the sizes of its inputs, the second does not.
        larger = data
        for axis in axes:
            larger = [np.repeat(leaf, 2, axis + 1) for leaf in larger]
        with contextlib.suppress(Exception):
            model.predict_on_batch(larger)
    actual = to_numpy(model.predict_on_batch(data))
    expected = to_numpy(layer(*x, training=False))
    np.testing.assert_allclose(actual, expected, 1e-4, atol)


@check(of="layers")
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
    failures: list[CheckFailure] = []
    # Second, or third where there is an axis of time before the space.
    for axis in (1, 2):
        try:
            subject.verify(
                formats_are_equal,
                action="the other format",
                gap=f"{other} gives",
                twin=subject.clone(data_format=other),
                axes=(-1, axis) if first else (axis, -1),
            )
        except CheckFailure as failure:
            failures.append(failure)
        else:
            return
    raise failures[0]


def formats_are_equal(
    layer: Any,
    x: Any,
    twin: Any,
    axes: tuple[int, int],
    atol: float,
    to_numpy: Any,
) -> None:
    rank = max(leaf.ndim for leaf in keras.tree.flatten(x))

    def move(array: np.ndarray) -> np.ndarray:
        # The axis of time may be lost on the way, that of the batch not.
        places = [max(1, i - rank + array.ndim) if i > 0 else i for i in axes]
        if array.ndim < max(places) + 2:
            return array
        return np.moveaxis(array, *places)

    expected = to_numpy(layer(*x, training=False))
    x_moved: Any = keras.tree.map_structure(move, x)
    twin(*x_moved, training=False)
    twin.set_weights(layer.get_weights())
    actual = to_numpy(twin(*x_moved, training=False))
    # Outputs that have lost the spatial axes may have the channels as before.
    if expected.ndim == rank or not np.array_equal(actual, expected):
        expected = move(expected)
    np.testing.assert_allclose(actual, expected, 1e-4, atol)


@check()
def check_same_shape(subject: Subject) -> None:
    """Declared `same_shape=True`: the output has the shape of the input.

    Repair: the layer, or the declaration in `traits`.
    """
    if not subject.traits.same_shape:
        raise CheckSkip("it does not declare same_shape")
    for shapes in subject.variants:
        subject.verify(shape_is_kept, shapes=shapes)


def shape_is_kept(layer: Any, x: Any) -> None:
    before, after = specs(x), specs(layer(*x, training=False))
    kept = [spec[0] for spec in before] == [spec[0] for spec in after]
    assert kept, "it declares same_shape, but the output has another shape"
