"""Two models compared by what they answer: ours, and torch's.

Nothing of torch is imported: its module is called, and its tensors become
arrays. In which order an input or output has its channels is tried, since
numbers that agree in one order agree. Of the layers only the sorted numbers of
each example are compared, which no order changes.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from keras_extras.conversion._torch_names import Module
from keras_extras.conversion._torch_units import to_numpy
from keras_extras.inspection._activations import call_in_inference
from keras_extras.inspection._observe import answering, exchanged
from keras_extras.inspection._trace import tensors_in

TOLERANCE = 1e-4  # of the largest number

Seen = dict[Any, tuple[np.ndarray, np.ndarray]]  # what goes in, what comes out


def difference(
    model: Any, torch_module: Any, sample: Any, pairs: list[tuple[Module, str]]
) -> str:
    """Returns how the outputs differ; `""` if they do not.

    Args:
        model: the model.
        torch_module: torch's.
        sample: its input; a tuple or list of several, or a dict by name.
        pairs: layers and the names of torch's modules, in the order of calls.
    """
    expected, theirs = _torchs(
        torch_module, sample, [name for _, name in pairs]
    )
    problem = ""
    for inputs in _inputs(model, sample):
        try:
            actual, ours = _kerass(
                model, inputs, [each.layer for each, _ in pairs]
            )
        except Exception as cause:  # another order than it takes
            problem = problem or (
                f"the model cannot be called on the sample: {cause!r}"
            )
            continue
        off = _distance(actual, expected)
        if off <= TOLERANCE:
            return ""
        problem = f"the outputs are {off:.1g} of the largest off. "
        problem += _first(pairs, ours, theirs)
    return problem or "the sample has not the shapes of the model's inputs"


def _first(pairs: list[tuple[Module, str]], ours: Seen, theirs: Seen) -> str:
    """Returns the first layer whose numbers are not torch's."""
    for module, name in pairs:
        layer = module.layer
        if id(layer) not in ours or name not in theirs:
            continue
        (read, actual), (torch_read, expected) = ours[id(layer)], theirs[name]
        activation = getattr(layer, "activation", None)
        if callable(activation) and hasattr(layer, "use_bias"):
            expected = _array(activation(keras.ops.convert_to_tensor(expected)))
        if actual.size != expected.size or _is_sorted_alike(actual, expected):
            continue
        where = (
            f"the layer {layer.name!r} ({type(layer).__name__}), torch's "
            f"{name!r}"
        )
        if read.size == torch_read.size and _is_sorted_alike(read, torch_read):
            return f"The first that differs is {where}, on the same input."
        return (
            f"The first that differs is {where}, and its input differs: what "
            "stands before it (pooling, padding, activation, flattening) is "
            "not torch's."
        )
    return "No layer with weights differs: what stands behind them does."


def _is_sorted_alike(one: np.ndarray, other: np.ndarray) -> bool:
    flat = [np.sort(each.reshape(len(each), -1)) for each in (one, other)]
    if flat[0].shape != flat[1].shape:
        return True  # steps or examples lie in another order: not comparable
    return _off(*flat) <= TOLERANCE


def _off(actual: np.ndarray, expected: np.ndarray) -> float:
    """Returns the largest difference, in parts of the largest number."""
    if not expected.size:
        return 0.0
    scale = max(np.abs(expected).max(), np.finfo("float32").tiny)
    return float(np.abs(actual - expected).max() / scale)


def _distance(actual: list[np.ndarray], expected: list[np.ndarray]) -> float:
    """Returns the largest, with the channels of each where they agree best."""
    if len(actual) != len(expected):
        return np.inf
    offs = []
    for ours, theirs in zip(actual, expected, strict=True):
        orders = [each for each in _orders(theirs) if each.shape == ours.shape]
        offs.append(min((_off(ours, each) for each in orders), default=np.inf))
    return float(np.nan_to_num(max(offs, default=0.0), nan=np.inf))


def _orders(array: np.ndarray) -> list[np.ndarray]:
    """Returns torch's array with the channels last, and as it is."""
    if array.ndim < 3:
        return [array]
    return [np.moveaxis(array, 1, -1), array]


def _array(tensor: Any) -> np.ndarray:
    return np.array(keras.ops.convert_to_numpy(tensor))


# --- running -----------------------------------------------------------------


def _inputs(model: Any, sample: Any) -> Iterator[Any]:
    """Yields the sample with its axes in each order that the model takes."""
    leaves = [to_numpy(leaf) for leaf in keras.tree.flatten(sample)]
    known = getattr(model, "inputs", None) or [None] * len(leaves)
    choices = [
        [
            array
            for array in _orders(leaf)
            if tensor is None or _takes(tensor.shape, array.shape)
        ]
        for leaf, tensor in zip(leaves, known, strict=False)
    ]
    for arrays in itertools.product(*choices):
        tensors = [keras.ops.convert_to_tensor(array) for array in arrays]
        yield keras.tree.pack_sequence_as(sample, tensors)


def _takes(known: Any, shape: Any) -> bool:
    return len(known) == len(shape) and all(
        size in (None, length)
        for size, length in zip(known, shape, strict=True)
    )


def _kerass(
    model: Any, inputs: Any, layers: list[Any]
) -> tuple[list[np.ndarray], Seen]:
    seen: Seen = {}

    def watch(layer: Any) -> Callable[..., Any]:
        def answer(call: Any, *args: Any, **kwargs: Any) -> Any:
            outputs = call(*args, **kwargs)
            last = keras.tree.flatten(outputs)[0]
            leaves = tensors_in([args, kwargs, last])
            if id(layer) not in seen:
                seen[id(layer)] = _array(leaves[0]), _array(leaves[-1])
            return outputs

        return answer

    unique = {id(layer): layer for layer in layers}
    with exchanged(answering(each, watch(each)) for each in unique.values()):
        outputs = call_in_inference(model, inputs)
    return [_array(leaf) for leaf in keras.tree.flatten(outputs)], seen


def _torchs(
    module: Any, sample: Any, names: list[str]
) -> tuple[list[np.ndarray], Seen]:
    seen: Seen = {}

    def watch(name: str) -> Callable[..., None]:
        def hook(part: Any, args: Any, outputs: Any) -> None:
            # Copies: what comes next may write into them.
            read, last = (
                np.array(to_numpy(next(_leaves(each))))
                for each in (args, outputs)
            )
            seen.setdefault(name, (read, last))

        return hook

    parts = dict(module.named_modules(remove_duplicate=False))
    with _in_inference(module):
        hooks = [
            parts[name].register_forward_hook(watch(name))
            for name in names
            if name in parts
        ]
        try:
            outputs = _called(module, sample)
        finally:
            for hook in hooks:
                hook.remove()
    return [to_numpy(leaf) for leaf in _leaves(outputs)], seen


def _called(module: Any, sample: Any) -> Any:
    like = next(iter([*module.parameters(), *module.buffers()]))

    def tensor(value: Any) -> Any:
        if hasattr(value, "detach"):
            return value.to(like.device)
        array = np.asarray(value)
        is_float = np.issubdtype(array.dtype, np.floating)
        example = like if is_float else like.new_zeros(()).long()
        return example.new_tensor(array)

    if isinstance(sample, dict):
        return module(**{key: tensor(value) for key, value in sample.items()})
    if isinstance(sample, list | tuple):
        return module(*map(tensor, sample))
    return module(tensor(sample))


@contextmanager
def _in_inference(module: Any) -> Iterator[None]:
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def _leaves(structure: Any) -> Iterator[Any]:
    """Yields torch's tensors of a structure."""
    if hasattr(structure, "detach"):
        yield structure
    elif isinstance(structure, dict):
        for value in structure.values():
            yield from _leaves(value)
    elif isinstance(structure, list | tuple):
        for value in structure:
            yield from _leaves(value)
