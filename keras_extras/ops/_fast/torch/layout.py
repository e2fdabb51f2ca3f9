"""Where a tensor lies, and its axes as torch orders them."""

from keras_extras._shapes import Tensor


def on_cpu(tensor: Tensor) -> bool:
    """Returns whether the tensor is one of the CPU."""
    return getattr(tensor, "is_cpu", False)  # symbolic ones are nowhere


def to_second(inputs: Tensor) -> Tensor:
    """Returns a view with the channels second."""
    return inputs.movedim(inputs.ndim - 1, 1)  # ONNX takes no -1


def to_last(outputs: Tensor) -> Tensor:
    """Returns a view with the channels last."""
    return outputs.movedim(1, outputs.ndim - 1)
