"""Masks of sequences behind windows: which outputs stand for real steps.

    convolution   output i is valid if all the steps that it stands for are
    pooling       output i is valid if any step of its window is

A convolution that keeps the length (`"same"`, `"causal"`) has an output for
each `strides`-th step, and stands for it. Else an output stands for its window
less as many steps as are padded: for a window that lies in the steps, without
pads. So a sequence that is filled up with masked steps has as many valid
outputs as the sequence alone.
"""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import keras

from keras_extras import _shapes as shapes
from keras_extras._shapes import Pads, Tensor
from keras_extras.ops._pad import pad_spatial
from keras_extras.ops._pool import max_pool
from keras_extras.ops._tensors import as_tensor

_Function = TypeVar("_Function", bound=Callable[..., Any])
_FUNCTIONS: dict[str, Callable[..., Any]] = {}


@keras.saving.register_keras_serializable(package="keras_extras")
class OutputMask(keras.Operation):
    """A function of a mask as one node of a graph, saved with its model.

    Args:
        function: name of the function.
        arguments: its arguments but the mask, by name.
        name: name of the node.
    """

    def __init__(
        self,
        function: str,
        arguments: Mapping[str, Any],
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.function, self.arguments = function, dict(arguments)

    def call(self, mask: Tensor) -> Tensor:
        """Returns the mask of the outputs."""
        return _FUNCTIONS[self.function](mask, **self.arguments)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {
            "function": self.function,
            "arguments": self.arguments,
            "name": self.name,
        }


def _as_node(function: _Function) -> _Function:
    """Makes one node of what a function does with a symbolic mask."""
    _FUNCTIONS[function.__name__] = function

    @functools.wraps(function)
    def run(mask: Tensor, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(mask, keras.KerasTensor):
            return function(mask, *args, **kwargs)
        names = list(inspect.signature(function).parameters)[1:]
        arguments = {**dict(zip(names, args, strict=False)), **kwargs}
        return OutputMask(function.__name__, arguments)(mask)

    return cast(_Function, run)


@_as_node
def conv_mask(
    mask: Tensor,
    kernel_size: int,
    strides: int = 1,
    padding: str | Sequence[Pads] = "valid",
    dilation_rate: int = 1,
) -> Tensor:
    """Returns which outputs of a 1D convolution stand for valid steps.

    With `padding="valid"` these are the windows without a masked step; with
    `"same"` and `"causal"` output i is as valid as step `i * strides`; with
    numbers of pads a window may reach over a masked end as far as it may over
    the end of the input.

    Args:
        mask: bool tensor `(batch, steps)`, true where a step counts.
        kernel_size: int, the size of the window.
        strides: int, the step of the window.
        padding: `"valid"`, `"same"`, `"causal"`, or one (before, after) pair.
        dilation_rate: int, the distance between positions of the window.

    Returns:
        bool tensor `(batch, windows)`.

    Examples:
        >>> mask = np.array([[True, True, True, False, False]])
        >>> valid = keras_extras.ops.conv_mask(mask, 2)
        >>> keras.ops.convert_to_numpy(valid).tolist()
        [[True, True, False, False]]
        >>> valid = keras_extras.ops.conv_mask(mask, 3, 2, "same")
        >>> keras.ops.convert_to_numpy(valid).tolist()
        [[True, True, False]]
    """
    steps: Any = keras.ops.cast(as_tensor(mask), "bool")
    if padding in ("same", "causal"):
        return steps[:, ::strides]
    pads = 0 if padding == "valid" else sum(padding[0])  # pyright: ignore
    extent = shapes.extent(kernel_size, dilation_rate)
    return _standing_for(steps, extent - pads, strides)


@_as_node
def conv_transpose_mask(
    mask: Tensor,
    kernel_size: int,
    strides: int = 1,
    padding: str | Sequence[Pads] = "valid",
    output_padding: int | None = None,
    dilation_rate: int = 1,
) -> Tensor:
    """Returns which outputs of a transposed 1D convolution come of valid steps.

    Args:
        mask: bool tensor `(batch, steps)`, true where a step counts.
        kernel_size: int, the size of the window.
        strides: int, the distance of two windows.
        padding: `"valid"`, `"same"`, `"causal"`, or one (before, after) pair:
            what is cut off.
        output_padding: int or `None`, as in `conv_transpose`.
        dilation_rate: int, the distance between positions of the window.

    Returns:
        bool tensor `(batch, outputs)`.

    Examples:
        >>> mask = np.array([[True, True, False]])
        >>> valid = keras_extras.ops.conv_transpose_mask(mask, 3, 2, "same")
        >>> keras.ops.convert_to_numpy(valid).tolist()
        [[True, True, True, True, False, False]]
    """
    extent = shapes.extent(kernel_size, dilation_rate)
    crops = shapes.transpose_crops(padding, 0, extent, strides, output_padding)
    steps: Any = keras.ops.repeat(as_tensor(mask), strides, axis=1)
    return _standing_for(steps, strides + sum(crops) - extent + 1, 1)


@_as_node
def pool_mask(
    mask: Tensor,
    pool_size: int,
    strides: int | None = None,
    padding: str | Sequence[Pads] = "valid",
    dilation_rate: int = 1,
    ceil_mode: bool = False,
    pad_mode: str = "constant",
) -> Tensor:
    """Returns which windows of a 1D pooling hold a valid step.

    Args:
        mask: bool tensor `(batch, steps)`, true where a step counts.
        pool_size: int, the size of the window.
        strides: int, the step of the window; `None` means `pool_size`.
        padding: `"valid"`, `"same"`, `"causal"`, or one (before, after) pair.
        dilation_rate: int, the distance between positions of the window.
        ceil_mode: bool, whether a last window may reach over the end.
        pad_mode: what pads hold, as in `Pool`: of all modes but `"constant"`
            they are steps like those that they repeat.

    Returns:
        bool tensor `(batch, windows)`.

    Examples:
        >>> mask = np.array([[True, True, True, False, False, False]])
        >>> valid = keras_extras.ops.pool_mask(mask, 2)
        >>> keras.ops.convert_to_numpy(valid).tolist()
        [[True, True, False]]
    """
    strides = pool_size if strides is None else strides
    if pad_mode != "constant":
        extent = shapes.extent(pool_size, dilation_rate)
        steps = keras.ops.expand_dims(keras.ops.cast(mask, "int32"), -1)
        padded = pad_spatial(
            steps, (extent,), (strides,), padding, "channels_last", pad_mode
        )
        mask, padding = keras.ops.squeeze(padded, -1), "valid"
    return _any(mask, pool_size, strides, padding, dilation_rate, ceil_mode)


def _standing_for(steps: Tensor, count: int, strides: int) -> Any:
    """Returns whether the `count` steps that each output stands for are valid.

    With fewer than one there are more outputs than steps: then it is enough
    that one of those that reach there is valid.
    """
    if count < 1:
        return _any(steps, 2 - count, strides, [(1 - count, 1 - count)])
    masked = keras.ops.logical_not(steps)
    return keras.ops.logical_not(_any(masked, count, strides))


def _any(mask: Tensor, size: int, strides: int, *more: Any) -> Any:
    """Returns whether anything is true in each window, pads excepted."""
    steps = keras.ops.expand_dims(keras.ops.cast(mask, "int32"), -1)
    padding, *rest = more or ("valid",)
    found: Any = max_pool(steps, size, strides, padding, "channels_last", *rest)
    return keras.ops.greater(keras.ops.squeeze(found, -1), 0)
