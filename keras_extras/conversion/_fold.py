"""Batch normalization written into the kernel in front of it.

In inference a batch normalization multiplies and adds the same numbers always:

    scale = gamma / sqrt(moving_variance + epsilon)
    shift = beta - moving_mean * scale
    (x * kernel + bias) * scale + shift
        = x * (kernel * scale) + (bias * scale + shift)

so the layer in front of it can do its work. That holds if nothing but the
normalization gets the layer's output, and nothing but a layer that hands its
input on stands between: padding does not, since its zeros would have to become
`shift`, and an activation does not.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_extras import layers as ours
from keras_extras._errors import invalid_argument
from keras_extras._keras_internals import (
    all_sublayers,
    graph_nodes,
    is_functional,
)
from keras_extras.conversion._rebuild import (
    Rebuilder,
    Replacement,
    as_graph,
    carry_nothing,
)
from keras_extras.conversion._to_stock import kinds

stock = keras.layers


def fold_batch_norm(model: keras.Model, strict: bool = True) -> keras.Model:
    """Returns the model with its batch normalizations folded into kernels.

    For inference: the new model has the same outputs, up to rounding, the same
    names of layers, and no `BatchNormalization` behind a convolution
    (depthwise, separable and transposed ones too) or a `Dense`. The old model
    stays as it is; the new one is not compiled. A subclassed model becomes the
    functional one of what its `call` does.

    Args:
        model: a `keras.Model` with weights: Sequential, functional or
            subclassed.
        strict: bool, whether a batch normalization that has to stay is an
            error. `False` leaves it where it is.

    Returns:
        A new model.

    Raises:
        TypeError: if `model` is not a `keras.Model`.
        ValueError: if the model is not built, or with `strict` if a batch
            normalization cannot be folded; it lists each with its reason.

    Examples:
        >>> model = keras.Sequential(
        ...     [
        ...         keras.Input((8, 8, 3)),
        ...         keras.layers.Conv2D(4, 3, use_bias=False, name="first"),
        ...         keras.layers.BatchNormalization(),
        ...         keras.layers.ReLU(name="relu"),
        ...     ]
        ... )
        >>> folded = keras_extras.conversion.fold_batch_norm(model)
        >>> [layer.name for layer in folded.layers]
        ['first', 'relu']

    References:
        Jacob et al., "Quantization and training of neural networks for
        efficient integer-arithmetic-only inference", arXiv:1712.05877,
        section 3.2.
    """
    if not isinstance(model, keras.Model):
        raise invalid_argument(
            "fold_batch_norm", "model", "a keras.Model", model, error=TypeError
        )
    if not model.built:
        raise ValueError(
            f"fold_batch_norm: the model {model.name!r} is not built, so it "
            "has no weights. Call it, or its build(input_shape), first."
        )
    if not isinstance(model, keras.Sequential) and not is_functional(model):
        model = as_graph("fold_batch_norm", model)
    plan = _Plan(model)
    if strict and plan.reasons:
        raise ValueError(
            f"fold_batch_norm: {len(plan.reasons)} batch normalizations "
            f"cannot be folded ({len(plan.folded)} can):\n"
            + "\n".join(f"- {name}: {why}" for name, why in plan.reasons)
            + "\nPass strict=False to leave them where they are."
        )
    rebuilder = Rebuilder("fold_batch_norm", plan.takes_part, plan.replacement)
    return rebuilder.model(model)


class _Use(NamedTuple):
    """One call of a layer in a graph."""

    layer: Any
    inputs: list[Any]  # tensors, or what stands for them
    outputs: list[Any]
    training: Any


class _Plan:
    """Which batch normalization goes into which layer.

    Attributes:
        folded: dict of the id of a normalization -> it.
        reasons: (name, why it has to stay) of the others.
    """

    def __init__(self, model: Any) -> None:
        self.folded = {}
        self.reasons: list[tuple[str, str]] = []
        self._norms: dict[
            int, list[Any]
        ] = {}  # id of a layer -> normalizations
        graphs = list(_graphs(model, set()))
        self._times: dict[int, int] = {}
        for uses, _ in graphs:
            for use in uses:
                key = id(use.layer)
                self._times[key] = self._times.get(key, 0) + 1
        for uses, last in graphs:
            self._read(uses, last)

    def takes_part(self, layer: Any) -> bool:
        """Returns whether the layer goes, or takes another one in."""
        return id(layer) in self.folded or id(layer) in self._norms

    def replacement(self, layer: Any, rebuilder: Any) -> Replacement:
        """Returns what stands in for such a layer."""
        if id(layer) in self.folded:
            stand_in = stock.Identity(name=layer.name)
            return Replacement(stand_in, carry_nothing, is_dropped=True)
        config = {**layer.get_config(), "use_bias": True}
        norms = self._norms[id(layer)]
        new = type(layer).from_config(config)
        return Replacement(new, lambda old, new: _carry(old, new, norms))

    def _read(self, uses: list[_Use], last: list[Any]) -> None:
        """Plans for one graph, whose uses are in the order of the calls."""
        makers = {id(t): use for use in uses for t in use.outputs}
        takers: dict[int, int] = {}
        for tensor in [*last, *(t for use in uses for t in use.inputs)]:
            takers[id(tensor)] = takers.get(id(tensor), 0) + 1
        for use in uses:
            if not isinstance(use.layer, stock.BatchNormalization):
                self._report_inside(use.layer)
                continue
            try:
                target = self._target(use, makers, takers)
            except _StaysError as why:
                self.reasons.append((use.layer.name, str(why)))
                continue
            self.folded[id(use.layer)] = use.layer
            self._norms.setdefault(id(target), []).append(use.layer)

    def _target(
        self, use: _Use, makers: dict[int, _Use], takers: dict[int, int]
    ) -> Any:
        """Returns the layer that takes the normalization in."""
        norm = use.layer
        if type(norm) is not stock.BatchNormalization:
            raise _StaysError(f"it is a subclass, {type(norm).__name__}")
        if use.training:
            raise _StaysError("it is called with training=True")
        self._require_once(norm)
        (tensor,) = use.inputs
        while True:
            maker = makers.get(id(tensor))
            if maker is None:
                raise _StaysError("it gets an input of the model")
            layer = maker.layer
            name = f"{layer.name!r} ({type(layer).__name__})"
            why = "" if self._hands_on(layer) else _refusal(layer, norm)
            if why:
                raise _StaysError(why.format(name=name))
            if takers[id(tensor)] > 1:
                raise _StaysError(f"the output of {name} is used elsewhere too")
            self._require_once(layer)
            if not self._hands_on(layer):
                return layer
            (tensor,) = maker.inputs

    def _require_once(self, layer: Any) -> None:
        if self._times[id(layer)] > 1:
            raise _StaysError(f"{layer.name!r} is called several times")

    def _hands_on(self, layer: Any) -> bool:
        if id(layer) in self.folded or isinstance(layer, _HANDING_ON):
            return True
        is_activation = isinstance(layer, stock.Activation)
        return is_activation and _is_linear(layer)

    def _report_inside(self, layer: Any) -> None:
        """Notes the normalizations in layers that are no graphs."""
        if isinstance(layer, keras.Sequential) or is_functional(layer):
            return
        if isinstance(layer, stock.Layer):
            for part in all_sublayers(layer):
                if isinstance(part, stock.BatchNormalization):
                    kind = type(layer).__name__
                    why = f"it is inside of {layer.name!r} ({kind})"
                    self.reasons.append(
                        (part.name, f"{why}, which is no graph of layers")
                    )


class _StaysError(Exception):
    """Why a batch normalization cannot be folded."""


def _graphs(
    model: Any, seen: set[int]
) -> Iterator[tuple[list[_Use], list[Any]]]:
    """Yields the uses, and the outputs, of the model and of those in it."""
    if id(model) in seen:
        return
    seen.add(id(model))
    uses, last = (
        _chain(model)
        if isinstance(model, keras.Sequential)
        else _network(model)
    )
    for use in uses:
        if isinstance(use.layer, keras.Sequential) or is_functional(use.layer):
            yield from _graphs(use.layer, seen)
    yield uses, last


def _chain(model: Any) -> tuple[list[_Use], list[Any]]:
    last = object()  # stands for the tensor between two layers
    uses = []
    for layer in model.layers:
        uses.append(_Use(layer, [last], [object()], None))
        last = uses[-1].outputs[0]
    return uses, [last]


def _network(model: Any) -> tuple[list[_Use], list[Any]]:
    uses = [
        _Use(
            node.operation,
            node.input_tensors,
            node.output_tensors,
            node.arguments.kwargs.get("training"),
        )
        for node in graph_nodes(model)
        if not node.is_input
    ]
    return uses, keras.tree.flatten(model.outputs)


# --- layers -------------------------------------------------------------------

_HANDING_ON = (
    stock.Identity,
    stock.Dropout,
    stock.GaussianDropout,
    stock.GaussianNoise,
    stock.SpatialDropout1D,
    stock.SpatialDropout2D,
    stock.SpatialDropout3D,
    stock.Cropping1D,
    stock.Cropping2D,
    stock.Cropping3D,
    ours.Dropout,
)


_PLAIN = (*kinds("Conv{}D"), *kinds("Dense"))
_DEPTHWISE = kinds("DepthwiseConv{}D")
_SEPARABLE = kinds("SeparableConv{}D")
_TRANSPOSED = kinds("Conv{}DTranspose")


def _refusal(layer: Any, norm: Any) -> str:
    """Returns why the layer cannot take the normalization in, or `""`."""
    if isinstance(layer, (*kinds("ZeroPadding{}D"), ours.Pad)):
        return (
            "{name} stands in front of it, and what it pads with is "
            "normalized too"
        )
    if type(layer) not in (*_PLAIN, *_DEPTHWISE, *_SEPARABLE, *_TRANSPOSED):
        return "in front of it is {name}, which has no kernel to fold it into"
    if not _is_linear(layer):
        return "{name} has an activation, which stands between"
    if any(
        getattr(layer, name, None)
        for name in (
            "kernel_transform",
            "depthwise_transform",
            "pointwise_transform",
            "lora_enabled",
            "quantization_mode",
        )
    ):
        return "the kernel of {name} is transformed, with LoRA or quantized"
    first = getattr(layer, "data_format", None) == "channels_first"
    rank = norm.input_spec.ndim
    if norm.axis % rank != (1 if first else rank - 1):
        return "it normalizes another axis than that of the outputs of {name}"
    return ""


def _is_linear(layer: Any) -> bool:
    return layer.activation in (None, keras.activations.linear)


def _carry(old: Any, new: Any, norms: list[Any]) -> None:
    """Gives the new layer the old one's weights, scaled and shifted."""
    scale, shift = _scale_and_shift(norms)
    bias = 0.0 if getattr(old, "bias", None) is None else _array(old.bias)
    new.bias.assign(bias * scale + shift)
    if type(old) in _SEPARABLE:
        new.depthwise_kernel.assign(_array(old.depthwise_kernel))
        new.pointwise_kernel.assign(_array(old.pointwise_kernel) * scale)
        return
    kernel = _array(old.kernel)
    if type(old) in _DEPTHWISE:  # (*taps, channels, multiplier)
        scale = scale.reshape(kernel.shape[-2:])
    elif type(old) in _TRANSPOSED:  # (*taps, filters, channels)
        scale = scale[:, None]
    new.kernel.assign(kernel * scale)


def _scale_and_shift(norms: list[Any]) -> tuple[np.ndarray, Any]:
    """Returns what several normalizations, one after the other, amount to."""
    total: Any = 1.0
    offset: Any = 0.0
    for norm in norms:
        gamma = 1.0 if norm.gamma is None else _array(norm.gamma)
        beta = 0.0 if norm.beta is None else _array(norm.beta)
        variance = _array(norm.moving_variance)
        scale = gamma / np.sqrt(variance + norm.epsilon)
        total = total * scale
        offset = (offset - _array(norm.moving_mean)) * scale + beta
    return np.asarray(total), offset


def _array(variable: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(variable), "float64")
