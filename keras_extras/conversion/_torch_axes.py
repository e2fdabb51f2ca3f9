"""In which order torch has the numbers of each tensor: followed by the data.

A tensor of a Keras model and torch's in its place hold the same numbers. A
`Layout` says how they lie: torch's order of the axes, and along each axis
torch's place of each position. Images are channels first in torch, so that

    conv            (height, width, channels)   torch: (channels, height, width)
    flatten         (all,)                      torch: other places of the same
    skips, norms    as what they read

and whatever has weights along an axis with other places gets them in Keras's
order. torch's program is not read: it is taken to permute axes only where a
layer of it needs others. Where it may have gone on in either order, the order
is not known, and what cannot be followed is an error where it matters.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_extras import layers as ours
from keras_extras._keras_internals import all_sublayers
from keras_extras.conversion._to_stock import kinds
from keras_extras.inspection._families import (
    CONVOLUTIONS,
    DEPTHWISE,
    POINTWISE,
    POOLS,
    SEPARABLE,
    TRANSPOSED,
    UPSAMPLING,
    Rules,
    functions,
)
from keras_extras.inspection._observe import is_layer
from keras_extras.inspection._trace import Call, tensors_in

stock = keras.layers

Order = np.ndarray | None  # torch's place of each position; None: the same
Sizes = tuple[int, ...]  # without the batch, as all axes here

RULES = Rules()


class Layout(NamedTuple):
    """Where torch has the numbers of a tensor.

    Attributes:
        sizes: Keras's shape.
        axes: torch's axes in Keras's numbers; `None` if not known.
        orders: along each of Keras's axes.
        choice: number of a choice of torch's author: the axes are as the
            layers that read them need them. `None` if there is no such choice.
        sources: ids of the `Dense` layers that made a vector, whose outputs
            may be put into any order, as may a view of that vector.
        is_view: it is such a view, not yet read by any layer.
    """

    sizes: Sizes
    axes: tuple[int, ...] | None
    orders: tuple[Order, ...]
    choice: int | None = None
    sources: frozenset[int] = frozenset()
    is_view: bool = False

    @property
    def rank(self) -> int:
        return len(self.sizes)

    @property
    def is_ordered(self) -> bool:
        """Whether torch has other places along an axis."""
        return any(order is not None for order in self.orders)

    @property
    def is_free(self) -> bool:
        """Whether torch has the axes as they are needed."""
        return self.is_view or self.choice is not None

    @property
    def is_same(self) -> bool:
        """Whether torch's tensor is Keras's."""
        return not self.is_ordered and self.has_axes(range(self.rank))

    def has_axes(self, axes: Iterable[int]) -> bool:
        """Returns whether torch has these axes; lengths of 1 do not count."""
        wide = [axis for axis in axes if self.sizes[axis] != 1]
        if len(wide) < 2:
            return True
        return self.axes is not None and wide == [
            axis for axis in self.axes if self.sizes[axis] != 1
        ]

    def places(self) -> np.ndarray | None:
        """Returns torch's flat place of each number, in Keras's shape."""
        axes = self.axes
        if self.has_axes(range(self.rank)):
            axes = tuple(range(self.rank))
        if axes is None:
            return None
        lengths = [self.sizes[axis] for axis in axes]
        places = np.arange(math.prod(lengths)).reshape(lengths)
        for place, axis in enumerate(axes):
            order = self.orders[axis]
            if order is not None:
                places = places.take(order, axis=place)
        return places.transpose(np.argsort(axes))


class Lost(NamedTuple):
    """Why it is not known where torch has the numbers."""

    reason: str


Known = Layout | Lost


def same(sizes: Sequence[int], sources: frozenset[int] = frozenset()) -> Layout:
    """Returns the layout of a tensor that torch has as it is."""
    axes = tuple(range(len(sizes)))
    return Layout(tuple(sizes), axes, (None,) * len(axes), sources=sources)


def channels_at(axis: int, rank: int) -> tuple[int, ...]:
    """Returns torch's axes where it has Keras's channels first."""
    axis %= rank
    return (axis, *(other for other in range(rank) if other != axis))


def places_of(shape: Sequence[int] | None) -> Order:
    """Returns torch's places of maps of torch's shape, in Keras's order."""
    if shape is None:
        return None
    order = np.arange(math.prod(shape)).reshape(shape)
    return order_or_none(np.moveaxis(order, 0, -1))


def order_or_none(places: np.ndarray) -> Order:
    flat = places.reshape(-1)
    return None if np.array_equal(flat, np.arange(flat.size)) else flat


class Read(NamedTuple):
    """How a weight lies in torch: its axes in Keras's numbers, and orders."""

    axes: tuple[int, ...]
    orders: tuple[Order, ...]

    def from_torch(self, array: np.ndarray) -> np.ndarray:
        for place, axis in enumerate(self.axes):
            order = self.orders[axis]
            if order is not None:
                array = array.take(order, axis=place)
        return array.transpose(np.argsort(self.axes))

    def to_torch(self, array: np.ndarray) -> np.ndarray:
        for axis, order in enumerate(self.orders):
            if order is not None:
                array = array.take(np.argsort(order), axis=axis)
        return array.transpose(self.axes)


AS_IT_IS = Read((0,), (None,))


# Of these nothing depends on an order, if they are not seen.
_IN_ANY_ORDER = (
    stock.Embedding,
    *CONVOLUTIONS,
    *DEPTHWISE,
    *SEPARABLE,
    *TRANSPOSED,
)


class Axes:
    """What the layers of a model read and write, in torch's order.

    Args:
        model: the model.
        call: its call, traced with a batch of 2.
        flattened: as in `load_torch_weights`.
        pointwise: ids of the `Dense` layers that are convolutions in torch.
    """

    def __init__(
        self,
        model: Any,
        call: Call | None,
        flattened: Mapping[str, Any] | None,
        pointwise: Iterable[int] = (),
    ) -> None:
        self.named = dict(flattened or {})
        self.used: set[str] = set()
        self.pointwise = frozenset(pointwise)
        self.demands: dict[int, Order] = {}
        self.wanted: dict[int, set[tuple[int, ...]]] = {}
        self.reads: dict[int, Read] = {}
        self.problems: dict[int, tuple[Any, str]] = {}
        self.kept: list[Call] = []  # or ids would be given again
        self.parts = {
            id(part): part for part in all_sublayers(model, include_self=True)
        }
        while call is not None:  # again, if what comes later changes it
            before = self._learned()
            self.known: dict[int, Known] = {}
            self.reads.clear()
            self.choices = 0
            self._run(model, call)
            if self._learned() == before:
                break

    def _learned(self) -> tuple[int, int]:
        return len(self.demands), sum(map(len, self.wanted.values()))

    def _run(self, model: Any, call: Call) -> None:
        formats = _data_formats(call)
        for tensor in call.inputs:
            self.known[id(tensor)] = self._input(tensor.shape[1:], formats)
        self._walk(call, is_model=True)
        for tensor in keras.tree.flatten(call.outputs):
            self._check_output(model, self._layout(tensor), formats)

    def _check_output(
        self, model: Any, layout: Known, formats: set[str]
    ) -> None:
        """A vector that the model hands out must be torch's vector."""
        if model.name in self.named:
            self.used.add(model.name)
            return
        if isinstance(layout, Layout) and layout.is_view:
            if layout.rank > 2 and len(formats) == 1:
                last = formats == {"channels_last"}
                layout = self.needs(
                    layout, channels_at(-1 if last else 0, layout.rank)
                )
            elif not layout.has_axes(range(layout.rank)):
                layout = Lost("it is a view of a vector")
        if isinstance(layout, Lost):
            self.problem(model, f"its output: {layout.reason}")
        elif layout.is_ordered:
            self.problem(
                model,
                "its output is flattened, which torch has in another order",
            )

    def _input(self, sizes: Sizes, formats: set[str]) -> Layout:
        """Returns torch's layout of an input: of images it differs."""
        layout = same(sizes)
        if layout.rank < 2:
            return layout
        formats = formats or {keras.config.image_data_format()}
        if layout.rank == 2 or len(formats) > 1:
            return self.chosen(layout)
        if formats == {"channels_first"}:
            return layout
        return layout._replace(axes=channels_at(-1, layout.rank))

    # --- walking ------------------------------------------------------------

    def _walk(self, call: Call, is_model: bool = False) -> None:
        if call.inside or is_model:
            for part in call.inside:
                self._walk(part)
            outputs = [
                tensor
                for tensor in keras.tree.flatten(call.outputs)
                if id(tensor) not in self.known
            ]
            if outputs:
                self._put(outputs, Lost(_not_followed(call)))
            return
        layouts = [self._layout(tensor) for tensor in _varying(call)]
        self._put(tensors_in(call.outputs), self._behind(call, layouts))

    def _behind(self, call: Call, layouts: list[Known]) -> Known:
        """Returns the layout of what a call gives."""
        rule = RULES.find(call.operation) or _unknown
        layout = rule(self, call.operation, call, layouts)
        activation = getattr(call.operation, "activation", None)
        if not is_layer(activation):
            return layout
        after = Call(activation, (tensors_in(call.outputs)[0],), {})
        after.outputs = after.args[0]
        return self._behind(after, [layout])

    def _layout(self, tensor: Any) -> Known:
        unseen = Lost("it was made where functions are not seen")
        return self.known.get(id(tensor), unseen)

    def _put(self, tensors: Iterable[Any], layout: Known) -> None:
        for tensor in tensors:
            sizes = tuple(tensor.shape[1:])
            self.known[id(tensor)] = _resized(layout, sizes)

    # --- what layers read and need ------------------------------------------

    def needs(self, layout: Known, axes: tuple[int, ...]) -> Known:
        """Returns the layout behind a layer that needs axes in this order."""
        if isinstance(layout, Lost) or layout.has_axes(axes):
            return layout
        if layout.is_view:
            return self._view_needs(layout, axes)
        if layout.choice is None:
            return layout._replace(axes=None)
        wanted = self.wanted[layout.choice]
        wanted.add(axes)
        return layout._replace(
            axes=axes if len(wanted) == 1 else None, choice=None
        )

    def chosen(self, layout: Layout) -> Layout:
        """Returns the layout with its axes left to those who read it."""
        self.choices += 1
        self.wanted.setdefault(self.choices, set())
        return layout._replace(axes=None, choice=self.choices)

    def _view_needs(self, layout: Layout, axes: tuple[int, ...]) -> Known:
        """The vector must come in the order of which this view is made."""
        viewed = layout._replace(axes=axes, is_view=False)
        order = order_or_none(_places(viewed))
        if order is not None and not layout.sources:
            return Lost("it is a view of a vector that no Dense has made")
        self.demand(layout.sources, order)
        return viewed

    def demand(self, sources: Iterable[int], order: Order) -> None:
        """Asks `Dense` layers for their outputs in this order."""
        for source in sources:
            known = self.demands.setdefault(source, order)
            if not _equal(known, order):
                self.problem(
                    self.parts[source], "its outputs are read in two orders"
                )

    def read(self, layer: Any, layout: Known, axes: Sequence[int]) -> None:
        """Notes in which order a layer's weights are along axes of a tensor."""
        found = self._read(layer, layout, axes)
        if isinstance(found, str):
            self.problem(layer, found)
            found = AS_IT_IS
        before = self.reads.setdefault(id(layer), found)
        is_like_before = before.axes == found.axes and all(
            map(_equal, before.orders, found.orders)
        )
        if not is_like_before:
            self.problem(layer, "it is called on inputs of different orders")

    def _read(
        self, layer: Any, layout: Known, axes: Sequence[int]
    ) -> Read | str:
        if layer.name in self.named:
            self.used.add(layer.name)
            return Read((0,), (places_of(self.named[layer.name]),))
        if isinstance(layout, Lost):
            return layout.reason
        axes = [axis % layout.rank for axis in axes]
        kept = tuple(range(len(axes)))
        orders = tuple(layout.orders[axis] for axis in axes)
        if sum(layout.sizes[axis] != 1 for axis in axes) > 1:
            if layout.axes is None:
                return "the order of torch's axes is not known"
            kept = tuple(
                axes.index(axis) for axis in layout.axes if axis in axes
            )
        return Read(kept, orders)

    def told(self, name: str, layout: Layout, sizes: Sizes) -> Known:
        """Returns the layout behind a reshape of which `flattened` tells."""
        self.used.add(name)
        shape = self.named[name]
        order = places_of(shape)
        if len(sizes) == 1:
            return same(sizes)._replace(orders=(order,))
        axes = tuple(range(len(sizes)))
        if shape is not None:
            axes = channels_at(-1, len(sizes))
        view = _viewed(layout, sizes)
        if isinstance(view, Layout) and view.is_view:
            return self._view_needs(view, axes)
        return same(sizes)._replace(axes=axes)

    def problems_of(self, layers: Iterable[Any]) -> list[tuple[Any, str]]:
        """Returns (layer, reason) for those whose order is not known."""
        unseen = "its call is not seen"
        wanted = {id(layer): layer for layer in layers}
        for key, layer in wanted.items():
            if isinstance(layer, _IN_ANY_ORDER):
                continue
            if key not in self.reads:
                self.problem(layer, unseen)
        return [
            problem
            for key, problem in self.problems.items()
            if key in wanted or isinstance(problem[0], keras.Model)
        ]

    def problem(self, layer: Any, reason: str) -> None:
        if layer.name in self.named:
            self.used.add(layer.name)
        else:
            self.problems.setdefault(id(layer), (layer, reason))


def _resized(layout: Known, sizes: Sizes) -> Known:
    """Returns the layout for a tensor of these sizes."""
    if isinstance(layout, Lost) or layout.sizes == sizes:
        return layout
    if layout.rank != len(sizes):
        return Lost("a layer has outputs of different ranks")
    for order, old, new in zip(layout.orders, layout.sizes, sizes, strict=True):
        if order is not None and old != new:
            return Lost("what was flattened is cut, padded or repeated")
    if layout.is_view:
        return Lost("a view of a vector is cut, padded or repeated")
    return layout._replace(sizes=sizes)


def _varying(call: Call) -> list[Any]:
    """Returns the inputs that are no weights or constants."""
    symbolic = [x for x in call.inputs if isinstance(x, keras.KerasTensor)]
    return symbolic or call.inputs[:1]


def _not_followed(call: Call) -> str:
    name = getattr(call.operation, "name", type(call.operation).__name__)
    return f"{name!r} ({type(call.operation).__name__}) is not followed"


def _equal(one: Order, other: Order) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)


def _places(layout: Layout) -> np.ndarray:
    places = layout.places()
    assert places is not None
    return places


def _data_formats(call: Call) -> set[str]:
    """Returns the formats of the images in the model."""
    found: set[str] = set()
    for part in call.inside:
        found |= _data_formats(part)
        name = getattr(part.operation, "data_format", None)
        is_flat = isinstance(part.operation, kinds("Flatten"))
        if name and not (is_flat and name == "channels_last"):
            found.add(name)
    return found


# --- rules: what comes out ---------------------------------------------------


def _unknown(
    axes: Axes, operation: Any, call: Call, layouts: list[Known]
) -> Known:
    """Equal tensors in, equal tensors out, whatever it does."""
    if layouts and all(
        isinstance(layout, Layout) and layout.is_same for layout in layouts
    ):
        return same(_sizes(call))
    found = [layout for layout in layouts if isinstance(layout, Lost)]
    lost = found[0] if found else Lost(_not_followed(call))
    if is_layer(operation) and operation.weights:
        axes.problem(operation, lost.reason)
    return lost


def _sizes(call: Call) -> Sizes:
    return tuple(keras.tree.flatten(call.outputs)[0].shape[1:])


@RULES.of(
    *(
        cls
        for cls in POINTWISE
        if cls not in (stock.BatchNormalization, stock.PReLU)
    ),
    stock.Softmax,
    stock.Masking,
    *functions("""
        absolute add arctan ceil cast celu clip convert_to_tensor copy cos
        divide elu equal erf exp expm1 floor floor_divide gelu greater
        greater_equal hard_sigmoid hard_silu hard_tanh leaky_relu less
        less_equal log log1p log2 log10 log_sigmoid log_softmax logaddexp
        logical_and logical_not logical_or maximum minimum mod multiply
        nan_to_num negative not_equal power reciprocal relu relu6 round rsqrt
        selu sigmoid sign silu sin softmax softplus softsign sparsemax sqrt
        square stop_gradient subtract tan tanh tanh_shrink true_divide where
    """),
)
def _pointwise(
    axes: Axes, operation: Any, call: Call, layouts: list[Known]
) -> Known:
    """Each number is made of those in its place, or of all along an axis."""
    sizes = _sizes(call)
    joined: Layout | None = None
    for layout in layouts:
        if isinstance(layout, Lost):
            return layout
        if layout.rank != len(sizes):
            if layout.is_ordered:
                return Lost("what was flattened is broadcast")
            continue
        both = layout if joined is None else _both(axes, joined, layout)
        if isinstance(both, Lost):
            return both
        joined = both
    constants = [x for x in call.inputs if id(x) not in axes.known]
    if joined is None:
        return Lost(_not_followed(call))
    if joined.is_ordered and any(map(_is_wide, constants)):
        return Lost("what was flattened meets a constant")
    if constants and any(map(_is_wide, constants)):
        joined = joined._replace(sources=frozenset())
    return joined


def _is_wide(constant: Any) -> bool:
    return math.prod(constant.shape) > 1


def _both(axes: Axes, one: Layout, other: Layout) -> Known:
    """Returns the layout of what is made of two, number by number."""
    orders = []
    for axis, pair in enumerate(zip(one.orders, other.orders, strict=True)):
        lengths = one.sizes[axis], other.sizes[axis]
        if 1 in lengths:  # repeated along the other
            orders.append(pair[lengths[0] == 1])
        elif _equal(*pair):
            orders.append(pair[0])
        elif one.sources and pair[0] is None:  # around a Dense, for instance
            axes.demand(one.sources, pair[1])
            orders.append(pair[1])
        elif other.sources and pair[1] is None:
            axes.demand(other.sources, pair[0])
            orders.append(pair[0])
        else:
            return Lost("two orders meet")
    sizes = tuple(map(max, one.sizes, other.sizes))
    wide = [
        sum(size != 1 for size in layout.sizes) > 1 for layout in (one, other)
    ]
    if not wide[1]:
        return one._replace(sizes=sizes, orders=tuple(orders))
    if not wide[0]:
        return other._replace(sizes=sizes, orders=tuple(orders))
    sources = one.sources | other.sources
    if not (one.sources and other.sources):
        sources = frozenset()
    joined = one._replace(sizes=sizes, orders=tuple(orders), sources=sources)
    if one.is_free and other.is_free:
        if one.is_view != other.is_view:
            return Lost("a view of a vector meets an input")
        is_one = one.choice == other.choice
        return joined if is_one else joined._replace(axes=None, choice=None)
    if one.is_view or other.is_view:
        return Lost("a view of a vector meets what is none")
    if one.is_free or other.is_free:
        known = other.axes if one.is_free else one.axes
        return joined._replace(axes=known, choice=None)
    if one.axes is None or not other.has_axes(one.axes):
        return joined._replace(axes=None)
    return joined


@RULES.of(
    *functions("""
        append argmax argmin broadcast_to cumprod cumsum diff dot einsum flip
        get_item matmul roll repeat slice sort split stack take take_along_axis
        tensordot tile top_k unstack pad
    """),
    stock.Dot,
    stock.Attention,
    stock.AdditiveAttention,
    stock.RepeatVector,
)
def _moved(
    axes: Axes, operation: Any, call: Call, layouts: list[Known]
) -> Known:
    """Takes positions along axes, or sums over them: orders must be equal."""
    if all(isinstance(each, Layout) and each.is_same for each in layouts):
        return same(_sizes(call))
    sizes = _sizes(call)
    for layout in layouts:
        if isinstance(layout, Lost):
            return layout
        if layout.is_ordered or layout.is_view:
            return Lost(f"{_not_followed(call)} on what was flattened")
    first = layouts[0]
    if (
        len(layouts) == 1
        and isinstance(first, Layout)
        and first.rank == len(sizes)
        and _keeps_axes(operation)
    ):
        return first._replace(sizes=sizes, sources=frozenset())
    return same(sizes)._replace(axes=None)


def _keeps_axes(operation: Any) -> bool:
    names = "flip getitem roll slice split takealongaxis pad cumsum"
    return type(operation).__name__.lower() in names.split()


@RULES.of(
    *functions("""
        all amax amin any logsumexp max mean median min prod std sum var norm
    """)
)
def _reduced(
    axes: Axes, operation: Any, call: Call, layouts: list[Known]
) -> Known:
    """Leaves out axes, whatever their order."""
    layout = layouts[0]
    if isinstance(layout, Lost) or layout.is_same:
        return _unknown(axes, operation, call, layouts)
    axis = operation.axis
    rank = layout.rank + 1
    gone = range(rank) if axis is None else np.atleast_1d(axis) % rank
    if 0 in gone or layout.is_view:
        return Lost(_not_followed(call))
    kept = [each for each in range(layout.rank) if each + 1 not in gone]
    return _left(layout, kept, _sizes(call))


def _left(layout: Layout, kept: list[int], sizes: Sizes) -> Known:
    """Returns the layout of some axes, among which others have length 1."""
    is_whole = len(sizes) == layout.rank  # they were kept, with length 1
    orders = [
        layout.orders[axis] if axis in kept else None
        for axis in range(layout.rank)
        if is_whole or axis in kept
    ]
    if len(orders) != len(sizes):
        return Lost("a reduction has other axes")
    left = Layout(tuple(sizes), None, tuple(orders))
    if layout.axes is not None:
        wanted = [axis for axis in layout.axes if is_whole or axis in kept]
        rank = np.argsort(np.argsort(wanted))
        left = left._replace(axes=tuple(int(place) for place in rank))
    return left


GLOBAL = (
    *kinds("GlobalAveragePooling{}D"),
    *kinds("GlobalMaxPooling{}D"),
    ours.GlobalPool,
    ours.GlobalGeMPooling,
)


@RULES.of(*GLOBAL)
def _global(
    axes: Axes, operation: Any, call: Call, layouts: list[Known]
) -> Known:
    layout = layouts[0]
    if isinstance(layout, Lost) or layout.is_view:
        return _unknown(axes, operation, call, layouts)
    channels = _channels(operation) % layout.rank
    return _left(layout, [channels], _sizes(call))


def _channels(operation: Any) -> int:
    """Returns the axis of the channels, the batch not counted."""
    first = getattr(operation, "data_format", None) == "channels_first"
    return 0 if first else -1


@RULES.of(
    *CONVOLUTIONS,
    *DEPTHWISE,
    *SEPARABLE,
    *TRANSPOSED,
    *POOLS,
    *UPSAMPLING,
    *kinds("AdaptiveAveragePooling{}D"),
    *kinds("AdaptiveMaxPooling{}D"),
    ours.AdaptivePool,
    ours.DropBlock,
    ours.FractionalMaxPooling,
    ours.GeMPooling,
    ours.MaxUnpooling,
    ours.MixedPooling,
    ours.PixelShuffle,
    ours.PixelUnshuffle,
)
def _windows(
    axes: Axes, operation: Any, call: Call, layouts: list[Known]
) -> Known:
    """Torch has the channels first there."""
    layout, channels = layouts[0], _channels(operation)
    if isinstance(layout, Layout):
        wanted = channels_at(channels, layout.rank)
        layout = axes.needs(layout, wanted)
    if isinstance(layout, Layout) and layout.is_ordered:
        layout = Lost("its windows run over what was flattened")
    if operation.weights:
        axes.read(operation, layout, [channels])
        if operation.name in axes.named:
            return same(_sizes(call))._replace(axes=None)
    if isinstance(layout, Lost):
        return layout
    return layout._replace(sizes=_sizes(call), sources=frozenset())


@RULES.of(*kinds("Dense"))
def _dense(
    axes: Axes, operation: Any, call: Call, layouts: list[Known]
) -> Known:
    """Torch has the channels last there; first, if it is a convolution."""
    layout, sizes = layouts[0], _sizes(call)
    if isinstance(layout, Layout):
        wanted = range(layout.rank)
        if id(operation) in axes.pointwise:
            wanted = channels_at(-1, layout.rank)
        layout = axes.needs(layout, tuple(wanted))
    axes.read(operation, layout, [-1])
    if isinstance(layout, Lost):
        layout = same(sizes)
        if layout.rank > 1:
            layout = layout._replace(axes=None)
    order = axes.demands.get(id(operation))
    is_vector = len(sizes) == 1
    return layout._replace(
        sizes=sizes,
        orders=(*layout.orders[:-1], order if is_vector else None),
        sources=frozenset({id(operation)} if is_vector else ()),
    )


@RULES.of(stock.LayerNormalization, stock.RMSNormalization)
def _layer_norm(
    axes: Axes, operation: Any, call: Call, layouts: list[Known]
) -> Known:
    layout = layouts[0]
    if isinstance(layout, Lost):
        axes.read(operation, layout, [-1])
        return layout
    axis = operation.axis
    axis = list(axis) if isinstance(axis, list | tuple) else [axis]
    inner = sorted((each % (layout.rank + 1)) - 1 for each in axis)
    if len(inner) < layout.rank:  # torch has them last
        others = (each for each in range(layout.rank) if each not in inner)
        layout = axes.needs(layout, (*others, *inner))
    if isinstance(layout, Layout) and operation.weights:
        axes.read(operation, layout, inner)
    return layout


@RULES.of(stock.BatchNormalization, stock.GroupNormalization)
def _channel_norm(
    axes: Axes, operation: Any, call: Call, layouts: list[Known]
) -> Known:
    """Torch has the channels behind the batch."""
    layout, axis = layouts[0], -1
    if isinstance(layout, Layout):
        axis = operation.axis % (layout.rank + 1) - 1
        layout = axes.needs(layout, channels_at(axis, layout.rank))
    if (
        isinstance(layout, Layout)
        and layout.orders[axis] is not None
        and getattr(operation, "groups", 1) not in (1, -1, layout.sizes[axis])
    ):
        layout = Lost("its groups are of what was flattened")
    if operation.weights:
        axes.read(operation, layout, [axis])
    return layout


@RULES.of(stock.PReLU)
def _prelu(
    axes: Axes, operation: Any, call: Call, layouts: list[Known]
) -> Known:
    """Torch has one number for all, or one for each channel."""
    layout = layouts[0]
    inner = [
        axis for axis, size in enumerate(operation.alpha.shape) if size != 1
    ]
    if isinstance(layout, Layout) and len(inner) == 1:
        layout = axes.needs(layout, channels_at(inner[0], layout.rank))
    axes.read(operation, layout, inner or [-1])
    return layout


@RULES.of(stock.LSTM, stock.GRU, stock.SimpleRNN, stock.Bidirectional)
def _recurrent(
    axes: Axes, operation: Any, call: Call, layouts: list[Known]
) -> Known:
    layout = layouts[0]
    if isinstance(layout, Layout):
        layout = axes.needs(layout, tuple(range(layout.rank)))
    if isinstance(layout, Layout) and layout.orders[0] is not None:
        layout = Lost("its steps were flattened")
    parts = [operation]
    if isinstance(operation, stock.Bidirectional):
        parts = [operation.forward_layer, operation.backward_layer]
    for part in parts:
        axes.read(part, layout, [-1])
    sizes = _sizes(call)
    if len(sizes) == 2 and isinstance(layout, Layout) and layout.axes is None:
        return same(sizes)._replace(axes=None)
    return same(sizes)


@RULES.of(stock.MultiHeadAttention)
def _attention(
    axes: Axes, operation: Any, call: Call, layouts: list[Known]
) -> Known:
    for layout in layouts:
        if isinstance(layout, Layout):
            layout = axes.needs(layout, tuple(range(layout.rank)))
        if isinstance(layout, Layout) and layout.is_ordered:
            layout = Lost("it attends to what was flattened")
        axes.read(operation, layout, [-1])
    layout = layouts[0]
    if isinstance(layout, Lost):
        return same(_sizes(call))._replace(axes=None)
    layout = axes.needs(layout, tuple(range(layout.rank)))
    assert isinstance(layout, Layout)
    return layout._replace(sizes=_sizes(call), sources=frozenset())


@RULES.of(stock.Embedding)
def _embedding(
    axes: Axes, operation: Any, call: Call, layouts: list[Known]
) -> Known:
    layout, sizes = layouts[0], _sizes(call)
    if isinstance(layout, Lost) or layout.is_ordered:
        return Lost("an Embedding reads what was flattened")
    is_known = layout.is_same or layout.is_free
    return same(sizes) if is_known else same(sizes)._replace(axes=None)


@RULES.of(stock.TimeDistributed)
def _each_step(
    axes: Axes, operation: Any, call: Call, layouts: list[Known]
) -> Known:
    """The layer inside reads a step; the steps come first in torch."""
    layout = layouts[0]
    inner = operation.layer
    if isinstance(layout, Layout) and layout.orders[0] is not None:
        layout = Lost("its steps were flattened")
    if isinstance(layout, Layout):
        # Images of a film are channels first, whatever the film is.
        is_film = layout.is_free or layout.axes == channels_at(-1, layout.rank)
        below = [axis - 1 for axis in layout.axes or () if axis]
        layout = Layout(
            layout.sizes[1:],
            tuple(below) if layout.axes else None,
            layout.orders[1:],
        )
        if is_film:
            layout = axes.chosen(layout)
    step = keras.KerasTensor((2, *call.input_shape[2:]))
    part = Call(inner, (step,), {})
    part.outputs = keras.KerasTensor((2, *call.output_shape[2:]))
    axes.known[id(step)] = layout
    axes.kept.append(part)
    rule = RULES.find(inner) or _unknown
    found = rule(axes, inner, part, [layout])
    found = _resized(found, tuple(part.outputs.shape[1:]))
    if isinstance(found, Lost):
        return found
    moved = None
    if found.axes is not None:
        moved = (0, *(axis + 1 for axis in found.axes))
    return found._replace(
        sizes=_sizes(call),
        axes=moved,
        orders=(None, *found.orders),
        sources=frozenset(),
    )


@RULES.of(stock.Permute, *functions("moveaxis swapaxes transpose"))
def _transposed(
    axes: Axes, operation: Any, call: Call, layouts: list[Known]
) -> Known:
    """Keras's axes may come to lie as torch's, which then has no such call."""
    layout = layouts[0]
    if isinstance(layout, Lost) or layout.is_same:
        return _unknown(axes, operation, call, layouts)
    order = _permutation(operation, layout.rank)
    if order is None or layout.is_view:
        return Lost(_not_followed(call))
    found = _permuted(layout, order)
    if found.is_free or found.has_axes(range(found.rank)):
        return found
    if sum(size != 1 for size in found.sizes) > 2:
        return Lost(f"the axes are permuted by {type(operation).__name__}")
    return found._replace(axes=None)


def _permutation(operation: Any, rank: int) -> tuple[int, ...] | None:
    """Returns the new axes in the old numbers; `None` if the batch moves."""
    if isinstance(operation, stock.Permute):
        return tuple(axis - 1 for axis in operation.dims)
    numbers = np.arange(rank + 1)
    if hasattr(operation, "axes"):
        order = operation.axes or numbers[::-1]
    elif hasattr(operation, "axis1"):
        order = numbers.copy()
        first, second = operation.axis1, operation.axis2
        order[[first, second]] = order[[second, first]]
    elif hasattr(operation, "source"):
        order = _moveaxis(operation.source, operation.destination, rank + 1)
    else:
        return None
    order = [int(axis) % (rank + 1) for axis in order]
    return None if order[0] else tuple(axis - 1 for axis in order[1:])


def _moveaxis(source: Any, destination: Any, rank: int) -> list[int]:
    probe = np.broadcast_to(0, tuple(range(1, rank + 1)))
    moved = np.moveaxis(probe, source, destination)
    return [size - 1 for size in moved.shape]


def _permuted(layout: Layout, order: Sequence[int]) -> Layout:
    """Returns the layout of Keras's tensor with its axes in another order."""
    axes = layout.axes
    if axes is not None:
        axes = tuple(order.index(axis) for axis in axes)
    return layout._replace(
        sizes=tuple(layout.sizes[axis] for axis in order),
        axes=axes,
        orders=tuple(layout.orders[axis] for axis in order),
    )


@RULES.of(stock.Concatenate, *functions("concatenate hstack vstack"))
def _concatenated(
    axes: Axes, operation: Any, call: Call, layouts: list[Known]
) -> Known:
    if all(isinstance(each, Layout) and each.is_same for each in layouts):
        return same(_sizes(call))
    axis = getattr(operation, "axis", None)
    first = layouts[0]
    if axis is None or isinstance(first, Lost):
        return _unknown(axes, operation, call, layouts)
    axis = axis % (first.rank + 1) - 1
    whole: Known = first
    orders, start = [], 0
    for layout in layouts:
        if isinstance(layout, Lost):
            return layout
        if layout.is_view or axis < 0:
            return Lost(_not_followed(call))
        length, order = layout.sizes[axis], layout.orders[axis]
        places = np.arange(length) if order is None else order
        orders.append(places + start)
        start += length
        neutral = _replaced(layout.orders, axis, None)
        alike = layout._replace(sizes=first.sizes, orders=neutral)
        before = whole._replace(orders=_replaced(whole.orders, axis, None))
        whole = _both(axes, before, alike)
        if isinstance(whole, Lost):
            return whole
    order = order_or_none(np.concatenate(orders))
    return whole._replace(
        sizes=_sizes(call),
        orders=_replaced(whole.orders, axis, order),
        sources=frozenset(),
    )


def _replaced(values: tuple[Any, ...], place: int, value: Any) -> Any:
    return (*values[:place], value, *values[place + 1 :])


@RULES.of(
    *kinds("Flatten"),
    stock.Reshape,
    ours.Unflatten,
    *functions("reshape expand_dims squeeze"),
)
def _reshaped(
    axes: Axes, operation: Any, call: Call, layouts: list[Known]
) -> Known:
    """Numbers stay where they are; torch has its own order of them."""
    layout = layouts[0]
    name = getattr(operation, "name", "")
    sizes = _sizes(call)
    if isinstance(layout, Lost):
        return layout
    if call.input_shape[0] != keras.tree.flatten(call.outputs)[0].shape[0]:
        return _unknown(axes, operation, call, layouts)
    if _channels(operation) == 0 and layout.rank > 1 and len(sizes) == 1:
        layout = _permuted(layout, (*range(1, layout.rank), 0))
    if name in axes.named:
        return axes.told(name, layout, sizes)
    before = tuple(size for size in layout.sizes if size != 1)
    after = tuple(size for size in sizes if size != 1)
    if before == after:
        return _with_ones(layout, sizes)
    if None in (*before, *after):
        return _unknown(axes, operation, call, layouts)
    if len(after) < 2:
        return _flattened(layout, sizes)
    if layout.is_view:
        return Lost("a view of a vector is viewed again")
    if len(before) == 1:
        return _viewed(layout, sizes)
    keeps_channels = before[-1] == after[-1] and not layout.is_ordered
    if layout.is_same and not (keeps_channels and len(after) > len(before)):
        return same(sizes)
    is_map = layout.is_same or layout.is_free
    if keeps_channels and (
        is_map or layout.has_axes(channels_at(-1, layout.rank))
    ):
        return axes.chosen(same(sizes))
    return Lost(f"{operation.name!r} views {before} as {after}")


def _with_ones(layout: Layout, sizes: Sizes) -> Layout:
    """Returns the layout with other axes of length 1."""
    before = [axis for axis, size in enumerate(layout.sizes) if size != 1]
    after = [axis for axis, size in enumerate(sizes) if size != 1]
    orders: list[Order] = [None] * len(sizes)
    moved = dict(zip(before, after, strict=True))
    for axis, new in moved.items():
        orders[new] = layout.orders[axis]
    axes = layout.axes
    if axes is not None:
        ones = [axis for axis in range(len(sizes)) if axis not in after]
        axes = (*(moved[axis] for axis in axes if axis in moved), *ones)
    return layout._replace(sizes=sizes, axes=axes, orders=tuple(orders))


def _flattened(layout: Layout, sizes: Sizes) -> Known:
    """Returns the layout of a vector; it may have more axes, of length 1."""
    wide = next((axis for axis, size in enumerate(sizes) if size != 1), 0)
    flat = same(sizes, layout.sources)
    if layout.is_view or not sizes:  # the vector it was made of
        return flat
    places = layout.places()
    if places is None:
        return Lost(
            f"it was flattened from {layout.sizes}, and it is not known in "
            "which order torch has these axes"
        )
    return flat._replace(
        orders=_replaced(flat.orders, wide, order_or_none(places))
    )


def _viewed(layout: Layout, sizes: Sizes) -> Known:
    """Returns the layout of a vector seen as maps."""
    wide = [axis for axis, size in enumerate(layout.sizes) if size != 1]
    order = layout.orders[wide[0]]
    maps = same(sizes)._replace(axes=channels_at(-1, len(sizes)))
    if order is None:
        return same(sizes, layout.sources)._replace(axes=None, is_view=True)
    if _equal(order, order_or_none(_places(maps))):
        return maps
    return Lost(f"what was flattened is viewed as {sizes}")
