"""Checks of shapes: symbolic, computed, unknown, in both data formats."""

import contextlib
from typing import Any

import keras
import numpy as np

from keras_extras.testing._check import check
from keras_extras.testing._results import CheckFailure, CheckSkip
from keras_extras.testing._sample_shapes import shapes_in
from keras_extras.testing._subject import Subject, as_arguments
from keras_extras.testing._tools import arrays, assert_close, specs


@check(needs=("check_clone",))
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
        )


def symbols_tell_the_truth(layer: Any, x: Any) -> None:
    x_symbols: Any = keras.tree.map_structure(
        lambda leaf: keras.KerasTensor(leaf.shape, str(leaf.dtype)), x
    )
    symbolic = specs(layer(*x_symbols, training=False))
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
        for batch in (2, None):
            try:
                subject.verify(
                    output_shape_is_true,
                    action="compute_output_shape",
                    shapes=shapes,
                    size=batch,
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


def output_shape_is_true(layer: Any, x: Any, size: int | None) -> None:
    shape: Any = keras.tree.map_structure(
        lambda leaf: (size, *leaf.shape[1:]), x
    )
    real = [spec[0] for spec in specs(layer(*x, training=False))]
    found: list[Any] = []
    computed = layer.compute_output_shape(*shape)
    keras.tree.map_shape_structure(found.append, computed)
    found = [tuple(sizes) for sizes in found]
    if size is None:
        real = [(None, *sizes[1:]) for sizes in real]
    message = f"compute_output_shape gives {found}, the outputs have {real}"
    assert found == real, message


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
    x = as_arguments(subject.inputs())
    for axes in dict.fromkeys(axis_sets):
        try:
            with_unknown_sizes(subject.clone(), x, axes)
        except Exception:
            if axes:
                continue  # refused at once
        for show in (unknown_sizes_are_told, unknown_sizes_compute):
            if show is unknown_sizes_are_told or subject.traits.deterministic:
                subject.verify(
                    show,
                    action=f"a model in which the axes {axes} are unknown",
                    layer=subject.clone(),
                    axes=axes,
                )


def with_unknown_sizes(layer: Any, x: Any, axes: tuple[int, ...]) -> Any:
    def symbol(leaf: np.ndarray) -> Any:
        sizes = enumerate(leaf.shape[1:])
        shape = [None if axis in axes else size for axis, size in sizes]
        return keras.Input(shape, dtype=str(leaf.dtype))

    x_symbols: Any = keras.tree.map_structure(symbol, x)
    outputs = layer(*x_symbols, training=False)
    return keras.Model(keras.tree.flatten(x_symbols), outputs)


def unknown_sizes_are_told(layer: Any, x: Any, axes: tuple[int, ...]) -> None:
    model = with_unknown_sizes(layer, x, axes)
    real = specs(layer(*x, training=False))
    for symbol, (known, _) in zip(model.outputs, real, strict=True):
        told = tuple(symbol.shape)
        filled = [
            a if b is None else b for a, b in zip(known, told, strict=True)
        ]
        assert filled == list(known), (
            f"for the input shape {model.input_shape} the symbolic output "
            f"shape is {told}, the real one {known}"
        )


def unknown_sizes_compute(layer: Any, x: Any, axes: tuple[int, ...]) -> None:
    model = with_unknown_sizes(layer, x, axes)
    if axes and keras.backend.backend() == "tensorflow":
        # Its first trace knows the sizes of its inputs, the second does not.
        larger = keras.tree.flatten(x)
        for axis in axes:
            larger = [np.repeat(leaf, 2, axis + 1) for leaf in larger]
        with contextlib.suppress(Exception):
            model.predict_on_batch(larger)
    actual = model.predict_on_batch(keras.tree.flatten(x))
    expected = layer(*x, training=False)
    message = f"a model with the input shape {model.input_shape} gives"
    assert_close(actual, expected, message)


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
    failures: list[CheckFailure] = []
    # Second, or third where there is an axis of time before the space.
    for axis in (1, 2):
        try:
            subject.verify(
                formats_are_equal, action="the other format", axis=axis
            )
        except CheckFailure as failure:
            failures.append(failure)
        else:
            return
    raise failures[0]


def formats_are_equal(layer: Any, x: Any, axis: int) -> None:
    first = layer.get_config()["data_format"] == "channels_last"
    other = "channels_first" if first else "channels_last"
    rank = max(leaf.ndim for leaf in keras.tree.flatten(x))

    def move(array: np.ndarray) -> np.ndarray:
        # The axis of time may be lost on the way, that of the batch not.
        place = max(1, axis - rank + array.ndim)
        if array.ndim < place + 2:
            return array
        return np.moveaxis(array, *((-1, place) if first else (place, -1)))

    expected = arrays(layer(*x, training=False))
    config = layer.get_config() | {"data_format": other}
    twin = type(layer).from_config(config)
    x_moved: Any = keras.tree.map_structure(move, x)
    twin(*x_moved, training=False)
    twin.set_weights(layer.get_weights())
    actual = arrays(twin(*x_moved, training=False))
    # Outputs that have lost the spatial axes may have the channels as before.
    lost = any(array.ndim != rank for array in expected)
    if not (lost and all(map(np.array_equal, actual, expected))):
        moved = [move(array) for array in expected]
        assert_close(actual, moved, f"{other} gives")


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
