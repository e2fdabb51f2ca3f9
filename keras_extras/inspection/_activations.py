"""What the layers of a model answer, for any model, and after `fit` too.

    activations(model, x)["block/conv"] = output of that layer for x

The model is run as it is, batch by batch, without compiling. For the time of
the run the `call` of each layer is exchanged, on that one object, by one that
also hands its output on. So it needs no graph, and a layer in a list or inside
of another layer is seen like any other.
"""

import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_extras._checks import integer
from keras_extras._errors import invalid_argument
from keras_extras._gradients import as_array, as_tensors
from keras_extras._keras_internals import sublayers
from keras_extras.inspection._observe import answering, exchanged


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
            lambda array, start=start: array[start : start + batch_size], x
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


def _one_run(
    model: keras.Model, batch: Any, chosen: list[tuple[str, keras.Layer]]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    times: dict[str, int] = {}

    def hand_on(name: str) -> Callable[..., Any]:
        def answer(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
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

    with exchanged(answering(layer, hand_on(name)) for name, layer in chosen):
        call_in_inference(model, batch)
    return found


def _joined(parts: list[Any]) -> Any:
    return keras.tree.map_structure(
        lambda *arrays: (
            np.concatenate(arrays) if arrays[0].ndim else np.stack(arrays)
        ),
        *parts,
    )


def named_layers(layer: keras.Layer) -> list[tuple[str, keras.Layer]]:
    """Returns pairs (path, layer) of all layers inside, each once."""
    found: list[tuple[str, keras.Layer]] = []
    seen: set[int] = set()

    def look(layer: keras.Layer, path: str) -> None:
        is_model = isinstance(layer, keras.Model)
        for part in layer.layers if is_model else sublayers(layer):
            if id(part) in seen or isinstance(part, keras.layers.InputLayer):
                continue
            seen.add(id(part))
            found.append((path + part.name, part))
            look(part, f"{path}{part.name}/")

    look(layer, "")
    return found


def select(
    owner: str, model: keras.Model, layers: Any
) -> list[tuple[str, keras.Layer]]:
    """Returns pairs (path, layer) of the layers asked for.

    Raises:
        ValueError: if one is not in the model.
    """
    known = named_layers(model)
    if layers is None:
        return known
    wanted = list(layers) if isinstance(layers, (list, tuple)) else [layers]
    chosen: set[int] = set()
    for item in wanted:
        hits = {
            index
            for index, (path, layer) in enumerate(known)
            if _answers_to(item, path, layer)
        }
        if not hits:
            raise invalid_argument(
                owner,
                "layers" if owner == "activations" else "layer",
                "a name, a path, a layer or a class of layers of the model",
                item,
                context=f"It has {', '.join(path for path, _ in known)}.",
            )
        chosen |= hits
    return [known[index] for index in sorted(chosen)]


def _answers_to(wanted: Any, path: str, layer: keras.Layer) -> bool:
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
