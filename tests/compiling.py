"""Functions as the active backend compiles them."""

import warnings
from collections.abc import Callable
from typing import Any

import keras


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the function of tensors, as a graph without a look at numbers."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(function)
    if backend == "jax":
        import jax

        return jax.jit(function)
    import torch

    torch.compiler.reset()
    graph = torch.compile(function, backend="eager", fullgraph=True)

    def run(*tensors: Any) -> Any:
        with warnings.catch_warnings():
            # Of Keras's caches, which torch looks through.
            warnings.filterwarnings("ignore", "Dynamo detected a call")
            return graph(*tensors)

    return run
