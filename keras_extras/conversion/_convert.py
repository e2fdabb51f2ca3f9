"""A whole model with our layers in place of Keras's, and back again.

`to_extras` exchanges every stock layer that shares its name with one of ours;
nothing else changes, since same name means same arguments, weights and numbers.
`to_keras` goes back: what Keras has no argument for is said with several stock
layers where that is exact, and refused, all at once, where it is not.
"""

from typing import Any

import keras

from keras_extras._errors import invalid_argument
from keras_extras._keras_internals import all_sublayers, package_of
from keras_extras.conversion._rebuild import (
    Rebuilder,
    Replacement,
    build_like,
    own_weights,
)
from keras_extras.conversion._to_stock import (
    IGNORING_MASKS,
    OURS,
    arguments_of,
    expressed,
    is_ours,
    reasons,
)
from keras_extras.models import Model


def to_extras(model: keras.Model) -> keras.Model:
    """Returns the model with our layers in place of stock ones.

    Same names of layers, same weights, same outputs; the old model stays as it
    is. Layers of `keras.layers` whose name is also in `keras_extras.layers` are
    exchanged; a subclass of one of them, a quantized layer and one with LoRA
    are made again as they are. Wrappers, nested and shared layers are followed;
    in a subclassed model or layer, which is made again from its config, the
    layers in its attributes are exchanged, so they are stock ones again in a
    copy that Keras loads from a file, with the same outputs. The new model is
    not compiled. Its random layers draw anew from their seeds.

    Args:
        model: any `keras.Model`: Sequential, functional or subclassed. Without
            weights too, if it is not built.

    Returns:
        A new model. One made of a functional model whose class has a
        constructor of its own is a plain functional model.

    Raises:
        TypeError: if `model` is not a `keras.Model`.
        ValueError: if a layer cannot be made again from its config.

    Examples:
        >>> model = keras.Sequential(
        ...     [
        ...         keras.Input((8, 8, 3)),
        ...         keras.layers.Conv2D(4, 3, name="first"),
        ...     ]
        ... )
        >>> opened = keras_extras.conversion.to_extras(model)
        >>> isinstance(opened.get_layer("first"), keras_extras.layers.Conv2D)
        True
    """
    _require_model("to_extras", model)
    return Rebuilder("to_extras", _is_opened, _open).model(model)


def to_keras(model: keras.Model) -> keras.Model:
    """Returns the model with stock layers in place of ours, to deploy it.

    Same names of layers and same outputs in inference; the old model stays as
    it is. A file of the result loads without keras_extras. What is done to a
    kernel before use (`kernel_transform`, `transform_kernel`, LoRA) is done
    once more and written into the stock layer's kernel. Pads given as numbers
    become a `ZeroPadding` layer in front (`<name>_pad`), what a transposed
    convolution cuts off a `Cropping` layer behind (`<name>_crop`), both inside
    of a small `keras.Sequential` where one layer is asked for, as in
    `TimeDistributed`. A subclassed model becomes a functional one, of what its
    `call` does in inference. The new model is not compiled.

    Args:
        model: any `keras.Model`. A subclassed one must be built.

    Returns:
        A new model of stock layers and of those that were not ours.

    Raises:
        TypeError: if `model` is not a `keras.Model`.
        ValueError: if layers cannot be expressed with stock ones; it lists
            each of them with the reason.

    Examples:
        >>> model = keras.Sequential(
        ...     [
        ...         keras.Input((8, 8, 3)),
        ...         keras_extras.layers.Conv2D(4, 3, padding=1, name="first"),
        ...     ]
        ... )
        >>> stock = keras_extras.conversion.to_keras(model)
        >>> [layer.name for layer in stock.layers]
        ['first_pad', 'first']
    """
    _require_model("to_keras", model)
    problems = [
        f"- {layer.name} ({type(layer).__name__}): {reason}"
        for layer in all_sublayers(model, include_self=True)
        for reason in reasons(layer)
    ]
    if problems:
        raise ValueError(
            f"to_keras: stock layers cannot express {len(problems)} of "
            "the model's choices:\n" + "\n".join(problems)
        )
    new = Rebuilder("to_keras", is_ours, _close, trace=True).model(model)
    for layer in all_sublayers(new, include_self=True):
        _require_free(layer)
    return new


def _require_model(owner: str, model: object) -> None:
    if not isinstance(model, keras.Model):
        raise invalid_argument(
            owner,
            "model",
            "a keras.Model",
            model,
            fix="Put a single layer into keras.Sequential([layer]).",
            error=TypeError,
        )


# --- to ours ----------------------------------------------------------------


def _is_opened(layer: Any) -> bool:
    return (
        type(layer) in OURS
        and not isinstance(
            layer.dtype_policy, keras.dtype_policies.QuantizedDTypePolicy
        )
        and not getattr(layer, "lora_enabled", False)
    )


def _open(layer: Any, rebuilder: Rebuilder) -> Replacement:
    ours = OURS[type(layer)]
    arguments = arguments_of(layer, type(layer), rebuilder)
    if ours in IGNORING_MASKS:
        arguments["use_mask"] = False
    new = ours(**arguments)
    return Replacement(new, _carry_by_name)


def _carry_by_name(old: Any, new: Any) -> None:
    """Gives each weight the value that the old layer has under its name."""
    for weight in own_weights(new):
        # A copy: JAX hands the arrays of a model in training to the next step.
        weight.assign(keras.ops.copy(getattr(old, weight.name)))


# --- to stock --------------------------------------------------------------


def _close(layer: Any, rebuilder: Rebuilder) -> Replacement:
    if isinstance(layer, Model):
        return rebuilder.graph(layer)
    return expressed(layer, rebuilder)


def _require_free(layer: Any) -> None:
    """Raises if the layer, or a copy from its config, holds ours."""
    if package_of(layer) == "keras":
        copy = layer
    else:
        copy = type(layer).from_config(layer.get_config())
        build_like(layer, copy)
    for part in (layer, *all_sublayers(layer), copy, *all_sublayers(copy)):
        if package_of(part) == "keras_extras":
            raise ValueError(
                f"to_keras: {layer.name!r} ({type(layer).__name__}) makes a "
                f"layer of ours by itself: {type(part).__name__}. Use Keras's "
                "in that class, or hand the layer in as an argument."
            )
