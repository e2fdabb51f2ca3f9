"""What the layers of a model answer, for any model, and after `fit` too.

    activations(model, x)["block/conv"] = output of that layer for x

The model is run as it is, batch by batch, without compiling. For the time of
the run the `call` of each layer is exchanged, on that one object, by one that
also hands its output on. So it needs no graph, and a layer in a list or inside
of another layer is seen like any other.
"""

import inspect
import threading
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from keras_extras._checks import integer
from keras_extras._errors import invalid_argument

# While layers are exchanged, nobody else may exchange them or put them back.
_ONE_AT_A_TIME = threading.RLock()


def activations(
    model: keras.Model,
    x: Any,
    layers: Any = None,
    *,
    batch_size: int = 32,
) -> dict[str, Any]:
    """Runs a model and returns the outputs of its layers, as arrays.

    Layers act as in inference. A layer of a nested model or layer is named by
    its path, such as `"block/conv"`. A layer that is called again in the same
    run has further entries, `"conv:2"`, `"conv:3"`, ...

    Functions compiled before, by `fit` or `predict`, are neither used nor
    changed. While it runs, other threads may use the model; what they compute
    is not recorded.

    Args:
        model: any built model: sequential, functional or subclassed.
        x: inputs as for `predict`: an array, or a list or dict of arrays, with
            examples along the first axis.
        layers: what is wanted: a name or path, a layer, a class of layers, or
            a list of these. `None` means every layer.
        batch_size: examples per run. What is kept is all of the outputs: for a
            large model, ask for few examples or few layers.

    Returns:
        Dict name -> output `(examples, ...)` in the layer's dtype (half
        precisions as float32), in the order in which the layers finish. A
        layer with several outputs has a list or dict of arrays.

    Raises:
        TypeError: if `model` is not a Keras model.
        ValueError: if a layer is not in the model or was not called.

    Examples:
        >>> model = keras.Sequential(
        ...     [
        ...         keras.Input((8, 8, 1)),
        ...         keras.layers.Conv2D(4, 3, name="conv"),
        ...         keras.layers.GlobalMaxPooling2D(name="pool"),
        ...     ]
        ... )
        >>> images = np.zeros((5, 8, 8, 1))
        >>> found = keras_extras.inspection.activations(model, images)
        >>> {name: array.shape for name, array in found.items()}
        {'conv': (5, 6, 6, 4), 'pool': (5, 4)}
        >>> found = keras_extras.inspection.activations(
        ...     model, images, keras.layers.Conv2D
        ... )
        >>> list(found)
        ['conv']
    """
    check_model("activations", model)
    batch_size = integer("activations", "batch_size", batch_size)
    chosen = select("activations", model, layers)
    x = as_tensors(x)
    count = keras.tree.flatten(x)[0].shape[0]
    runs = []
    for start in range(0, count, batch_size):
        batch = keras.tree.map_structure(
            lambda one, start=start: one[start : start + batch_size], x
        )
        runs.append(_one_run(model, batch, chosen))
    if not runs:
        raise invalid_argument(
            "activations", "x", "at least one example", count
        )
    if layers is not None and not runs[0]:
        raise invalid_argument(
            "activations",
            "layers",
            "layers that the model calls",
            layers,
            context="They are parts of it, but its call does not use them.",
        )
    names = [name for name in runs[0] if all(name in run for run in runs)]
    return {name: _joined([run[name] for run in runs]) for name in names}


def _one_run(model, batch, chosen):
    found, times = {}, {}

    def hand_on(name):
        def answer(call, *args, **kwargs):
            outputs = call(*args, **kwargs)
            try:
                arrays = keras.tree.map_structure(as_array, outputs)
            except Exception:
                # Inside of a loop or a compiled function of the model there
                # are no numbers yet.
                return outputs
            times[name] = times.get(name, 0) + 1
            again = f":{times[name]}" if times[name] > 1 else ""
            found[name + again] = arrays
            return outputs

        return answer

    with exchanged([(layer, hand_on(name)) for name, layer in chosen]):
        call_in_inference(model, batch)
    return found


def _joined(parts):
    return keras.tree.map_structure(
        lambda *arrays: (
            np.concatenate(arrays) if arrays[0].ndim else np.stack(arrays)
        ),
        *parts,
    )


@contextmanager
def exchanged(pairs: Sequence[tuple[keras.Layer, Callable]]):
    """Puts functions in front of the `call` of layers, for the time.

    Args:
        pairs: layers, each with a function that is handed the `call` itself,
            and then its arguments. Other threads get the `call` alone.
    """
    thread = threading.get_ident()

    def in_front(layer, function):
        original = layer.call

        def call(*args, **kwargs):
            if threading.get_ident() != thread:
                return original(*args, **kwargs)
            return function(original, *args, **kwargs)

        return call

    with _ONE_AT_A_TIME:
        # The method belongs to the class: what is put into the object hides
        # it, and is taken out again. A `call` that the object had is put back.
        before = [vars(layer).get("call") for layer, _ in pairs]
        try:
            for layer, function in pairs:
                layer.__dict__["call"] = in_front(layer, function)
            yield
        finally:
            for (layer, _), own in zip(pairs, before, strict=True):
                if own is None:
                    layer.__dict__.pop("call", None)
                else:
                    layer.__dict__["call"] = own


def named_layers(layer: keras.Layer, path: str = "") -> list:
    """Returns pairs (path, layer) of all layers inside, each once."""
    found, seen = [], set()

    def look(layer, path):
        inside = (
            layer.layers if isinstance(layer, keras.Model) else layer._layers
        )
        for one in inside:
            if id(one) in seen or isinstance(one, keras.layers.InputLayer):
                continue
            seen.add(id(one))
            found.append((path + one.name, one))
            look(one, f"{path}{one.name}/")

    look(layer, path)
    return found


def select(owner: str, model: keras.Model, layers: Any) -> list:
    """Returns pairs (path, layer) of the layers asked for.

    Raises:
        ValueError: if one is not in the model.
    """
    known = named_layers(model)
    if layers is None:
        return known
    wanted = list(layers) if isinstance(layers, (list, tuple)) else [layers]
    chosen = set()
    for one in wanted:
        hits = {
            index
            for index, (path, layer) in enumerate(known)
            if _answers_to(one, path, layer)
        }
        if not hits:
            raise invalid_argument(
                owner,
                "layers" if owner == "activations" else "layer",
                "a name, a path, a layer or a class of layers of the model",
                one,
                context=f"It has {', '.join(path for path, _ in known)}.",
            )
        chosen |= hits
    return [known[index] for index in sorted(chosen)]


def _answers_to(wanted, path, layer):
    if isinstance(wanted, str):
        return wanted in (path, layer.name)
    if inspect.isclass(wanted):
        return isinstance(layer, wanted)
    return layer is wanted


def check_model(owner: str, model: Any) -> None:
    """Refuses what is not a model.

    Raises:
        TypeError: if it is not.
    """
    if not isinstance(model, keras.Model):
        raise invalid_argument(
            owner, "model", "a Keras model", model, error=TypeError
        )


def call_in_inference(model: keras.Model, x: Any) -> Any:
    """Calls a model without training."""
    if "training" in inspect.signature(model.call).parameters:
        return model(x, training=False)
    return model(x)


def as_tensors(x: Any) -> Any:
    """Converts inputs as `predict` does: floats to the usual precision."""

    def convert(one):
        tensor: Any = keras.ops.convert_to_tensor(one)
        if keras.backend.is_float_dtype(tensor.dtype):
            tensor = keras.ops.cast(tensor, keras.config.floatx())
        return tensor

    return keras.tree.map_structure(convert, x)


def as_array(tensor: Any) -> np.ndarray:
    """Returns the numbers of a tensor; half precisions as float32."""
    if keras.backend.standardize_dtype(tensor.dtype) in ("bfloat16", "float16"):
        tensor = keras.ops.cast(tensor, "float32")
    return np.array(keras.ops.convert_to_numpy(tensor))
