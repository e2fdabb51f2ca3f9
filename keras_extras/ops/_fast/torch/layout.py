"""Where a tensor lies, and its axes as torch orders them."""

import torch

from keras_extras._shapes import Tensor


def on_cpu(tensor: Tensor) -> bool:
    """Returns whether the tensor is one of the CPU."""
    return getattr(tensor, "is_cpu", False)  # symbolic ones are nowhere


def is_concrete(tensor: Tensor) -> bool:
    """Returns whether the tensor has numbers now."""
    return not (torch.compiler.is_compiling() or tensor.is_meta)


def to_second(inputs: Tensor) -> Tensor:
    """Returns a view with the channels second."""
    return inputs.movedim(inputs.ndim - 1, 1)  # ONNX takes no -1


def to_last(outputs: Tensor) -> Tensor:
    """Returns a view with the channels last."""
    return outputs.movedim(1, outputs.ndim - 1)
