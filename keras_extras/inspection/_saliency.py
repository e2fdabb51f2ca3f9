"""Which pixels, and which places of a layer, a score depends on.

    saliency    M(p) = max_c |d s / d x[p, c]|
    Grad-CAM    L(p) = relu(sum_k a_k A_k(p)),  a_k = mean_p d s / d A_k(p)

s is the score of one class, x the input, A_k channel k of a layer's output.

Neither needs the graph of the model. For Grad-CAM an array D of zeros is added
to what the layer answers: the derivative by D, at zero, is that by A.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_extras._checks import boolean, integer, number
from keras_extras._errors import invalid_argument
from keras_extras._gradients import as_array, as_tensors, gradients
from keras_extras.inspection._activations import (
    activations,
    call_in_inference,
    check_model,
    named_layers,
    select,
)
from keras_extras.inspection._observe import Exchange, answering, exchanged


def saliency(
    model: keras.Model,
    x: Any,
    target: Any = None,
    *,
    times_input: bool = False,
    num_copies: int = 1,
    noise: float = 0.15,
    seed: int | None = 0,
) -> np.ndarray:
    """Returns how much the score of a class depends on each pixel.

        M(p) = max over channels c of |d s / d x[p, c]|

    The score is the output of the class before a final softmax or sigmoid,
    which would hide what speaks for the class behind what speaks against
    others. The gradient is the answer to "which pixels, changed a little,
    change the score most", and is noisy by nature; SmoothGrad
    (`num_copies=25`) averages it over noisy copies of the input.

    Args:
        model: any built model with one input and one output.
        x: inputs, `(examples, ..., channels)`, real numbers.
        target: whose score: a class number, one for each example, or a
            function of the outputs that returns one score per example. `None`
            means the class that the model predicts, or the single output.
        times_input: multiply the gradient by the input: how much each pixel
            contributes, if zero means "nothing there".
        num_copies: number of noisy copies averaged; 1 means no noise.
        noise: standard deviation of the noise, as a fraction of the range of
            each example (0.1 to 0.2 in the paper).
        seed: of the noise; `None` means other noise each time.

    Returns:
        Array, not negative, of the shape of `x`; if that has four axes or
        more, without the channels.

    Raises:
        TypeError: if `model` is not a Keras model, or an argument has another
            type.
        ValueError: if an argument is out of its range.

    Examples:
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> kernel = np.array([[1.0, 0.0], [-4.0, 0.0], [0.0, 9.0]])
        >>> model.layers[0].set_weights([kernel, np.zeros(2)])
        >>> keras_extras.inspection.saliency(model, np.ones((1, 3)), 0).tolist()
        [[1.0, 4.0, 0.0]]

    References:
        Simonyan, Vedaldi & Zisserman, "Deep inside convolutional networks:
        visualising image classification models and saliency maps", 2014.
        Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017.
    """
    owner = "saliency"
    check_model(owner, model)
    times_input = boolean(owner, "times_input", times_input)
    num_copies = integer(owner, "num_copies", num_copies)
    noise = number(owner, "noise", noise)
    x = _one_input(owner, x)
    score, exchanges = _score(owner, model, x, target)
    generator = np.random.default_rng(seed)
    axes = tuple(range(1, x.ndim))
    width = noise * (x.max(axis=axes, keepdims=True) - x.min(axes, None, True))
    total = np.zeros(x.shape)
    for _ in range(num_copies):
        point = x
        if num_copies > 1:
            point = x + width * generator.standard_normal(x.shape)
        with exchanged(exchanges):
            (gradient,) = gradients(
                lambda inputs: score(call_in_inference(model, inputs)),
                [point],
                model,
            )
        if times_input:
            gradient = gradient * point
        total += gradient
    result = np.abs(total / num_copies).astype("float32")
    return result.max(axis=_channel_axis(model, x)) if x.ndim > 3 else result


def grad_cam(
    model: keras.Model,
    x: Any,
    layer: Any = None,
    target: Any = None,
) -> np.ndarray:
    """Returns which places of a layer's output speak for a class.

        L(p) = relu(sum_k a_k A_k(p)),   a_k = mean over p of d s / d A_k(p)

    A coarse map, as large as the layer's output, of what raises the score; the
    deeper the layer, the coarser and the more about whole objects.

    Args:
        model: any built model with one input and one output.
        x: inputs, `(examples, ...)`.
        layer: name, path, layer or class of one layer whose output has places
            and channels. `None` means the last one that has more than one
            place. If it is called several times, the last call counts.
        target: as in `saliency`.

    Returns:
        Array `(examples, *places)`, not negative. Its size is that of the
        layer's output; `HeatmapDisplay` lays it over the image.

    Raises:
        TypeError: if `model` is not a Keras model.
        ValueError: if no layer has places, or there is no such layer or class.

    Examples:
        >>> model = keras.Sequential(
        ...     [
        ...         keras.Input((8, 8, 1)),
        ...         keras.layers.Conv2D(4, 3, activation="relu"),
        ...         keras.layers.GlobalAveragePooling2D(),
        ...         keras.layers.Dense(3, activation="softmax"),
        ...     ]
        ... )
        >>> keras_extras.inspection.grad_cam(model, np.ones((2, 8, 8, 1))).shape
        (2, 6, 6)

    References:
        Selvaraju et al., "Grad-CAM: visual explanations from deep networks via
        gradient-based localization", 2017.
    """
    owner = "grad_cam"
    check_model(owner, model)
    x = _one_input(owner, x)
    score, exchanges = _score(owner, model, x, target)
    path, layer = _layer_with_places(owner, model, x, layer)
    outputs = _calls_of(activations(model, x, layer, batch_size=len(x)), path)
    last = outputs[-1]

    def moved(delta: Any) -> Any:
        count = 0

        def answer(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            nonlocal count
            result: Any = call(*args, **kwargs)
            count += 1
            if count < len(outputs):
                return result
            return result + keras.ops.cast(delta, result.dtype)

        with exchanged([*exchanges, answering(layer, answer)]):
            return score(
                call_in_inference(model, keras.ops.convert_to_tensor(x))
            )

    (gradient,) = gradients(moved, [np.zeros(last.shape)], model)
    channels = _channel_axis(layer, last)
    places = tuple(
        axis for axis in range(1, last.ndim) if axis != channels % last.ndim
    )
    weights = gradient.mean(axis=places, keepdims=True)
    found = np.maximum((weights * last).sum(axis=channels), 0)
    return found.astype("float32")


def _one_input(owner: str, x: Any) -> np.ndarray:
    if isinstance(x, list | tuple | dict):
        raise invalid_argument(
            owner,
            "x",
            "one array of inputs",
            type(x).__name__,
            fix="Wrap a model of several inputs into one that takes one.",
        )
    array = as_array(as_tensors(x))
    if array.ndim < 2 or array.dtype.kind != "f":
        array = np.asarray(array, keras.config.floatx())
    if array.ndim < 2 or not len(array):
        raise invalid_argument(owner, "x", "examples (n, ...)", array.shape)
    return array


def _score(
    owner: str, model: keras.Model, x: np.ndarray, target: Any
) -> tuple[Callable[[Any], Any], list[Exchange]]:
    """Returns a function of the outputs, and what to exchange meanwhile."""
    if callable(target):
        return lambda outputs: keras.ops.sum(target(outputs)), []
    exchanges = _without_final_activation(model, x)
    with exchanged(exchanges):
        outputs = call_in_inference(model, keras.ops.convert_to_tensor(x))
    if isinstance(outputs, list | tuple | dict) or len(outputs.shape) != 2:
        raise invalid_argument(
            owner,
            "target",
            "a function of the outputs, for a model whose output is not one "
            "array (examples, classes)",
            target,
        )
    values = as_array(outputs)
    classes = values.shape[1]
    numbers = values.argmax(1) if target is None else np.asarray(target)
    is_type_wrong = numbers.dtype.kind not in "iu"
    if (
        is_type_wrong
        or numbers.shape not in ((), (len(x),))
        or not np.all((numbers >= 0) & (numbers < classes))
    ):
        raise invalid_argument(
            owner,
            "target",
            f"class numbers from 0 to {classes - 1}, one or one per example",
            target,
            error=TypeError if is_type_wrong else ValueError,
        )
    chosen = np.eye(classes, dtype="float32")[
        np.broadcast_to(numbers, (len(x),))
    ]

    def score(outputs: Any) -> Any:
        outputs = keras.ops.cast(outputs, "float32")
        return keras.ops.sum(keras.ops.multiply(outputs, chosen))

    return score, exchanges


def _without_final_activation(
    model: keras.Model, x: np.ndarray
) -> list[Exchange]:
    """Returns what makes the model answer without its last softmax."""
    order: list[tuple[Any, Any]] = []

    def note(layer: keras.Layer) -> Callable[..., Any]:
        def answer(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            result = call(*args, **kwargs)
            order.append((layer, result))
            return result

        return answer

    leaves = [
        layer for _, layer in named_layers(model) if not named_layers(layer)
    ]
    with exchanged(answering(layer, note(layer)) for layer in leaves):
        outputs = call_in_inference(model, keras.ops.convert_to_tensor(x[:1]))
    if not order or order[-1][1] is not outputs:
        return []
    layer, _ = order[-1]
    if isinstance(layer, keras.layers.Softmax):
        return [answering(layer, lambda call, inputs, *_, **__: inputs)]
    final = (keras.activations.softmax, keras.activations.sigmoid)
    if getattr(layer, "activation", None) not in final:
        return []

    def linear(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        activation = layer.activation
        # Past Keras's tracking, which is for what stays.
        vars(layer)["activation"] = keras.activations.linear
        try:
            return call(*args, **kwargs)
        finally:
            vars(layer)["activation"] = activation

    return [answering(layer, linear)]


def _layer_with_places(
    owner: str, model: keras.Model, x: np.ndarray, layer: Any
) -> tuple[str, keras.Layer]:
    """Returns path and layer whose output has places and channels."""
    if layer is not None:
        found = select(owner, model, layer)
        path, layer = found[-1]
        outputs = activations(model, x[:1], layer)
        last = _calls_of(outputs, path)[-1]
        if not _has_places(last):
            raise invalid_argument(
                owner,
                "layer",
                "a layer with an output (examples, places, channels)",
                path,
                context=f"Its output is {np.shape(last)}.",
            )
        return path, layer
    known = dict(named_layers(model))
    for least in (4, 3):
        for path, output in reversed(activations(model, x[:1]).items()):
            path = path.rpartition(":")[0] or path
            if path in known and _has_places(output, least):
                return path, known[path]
    raise invalid_argument(
        owner,
        "layer",
        "one with an output (examples, places, channels); the model has none",
        layer,
    )


def _has_places(output: Any, least: int = 3) -> bool:
    if not isinstance(output, np.ndarray) or output.ndim < least:
        return False
    return output.dtype.kind == "f" and sum(n > 1 for n in output.shape[1:]) > 1


def _calls_of(outputs: dict[str, Any], path: str) -> list[Any]:
    return [
        output
        for name, output in outputs.items()
        if name == path or name.rpartition(":")[0] == path
    ]


def _channel_axis(layer: object, array: np.ndarray) -> int:
    first = keras.config.image_data_format()
    first = getattr(layer, "data_format", first) == "channels_first"
    return 1 if first and array.ndim > 3 else -1
