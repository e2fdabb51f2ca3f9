"""Alternating timing: one of these, one of those, medians, one ratio.

Two functions timed one after the other differ by what else the machine does;
timed in turn, call by call, both see the same disturbance. The order of each
turn is drawn, and each runs once before it is timed: after a function that
keeps one core busy, the threads of the next one may have to share it.
"""

import random
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras


def alternate(
    functions: Sequence[Callable[[], Any]],
    *,
    repeats: int = 30,
    warmups: int = 3,
    seconds: float = 2.0,
) -> list[float]:
    """Returns the median seconds per call of each function, called in turn."""
    order = list(range(len(functions)))
    draw = random.Random(0)
    for _ in range(warmups):
        for function in functions:
            wait(function())
    times = [[] for _ in functions]
    start = time.perf_counter()
    for _ in range(repeats):
        draw.shuffle(order)
        for number in order:
            wait(functions[number]())
            before = time.perf_counter()
            wait(functions[number]())
            times[number].append(time.perf_counter() - before)
        if time.perf_counter() - start > seconds and len(times[0]) >= 5:
            break
    return [statistics.median(own) for own in times]


def wait(outputs: Any) -> None:
    """Blocks until the outputs are computed (JAX returns before they are)."""
    leaves: Any = keras.tree.flatten(outputs)
    for leaf in leaves:
        if hasattr(leaf, "block_until_ready"):
            leaf.block_until_ready()


def call(layer: Any, inputs: Any) -> Callable[[], Any]:
    """Returns a function that calls the layer, as a user does."""
    context: Callable[[], AbstractContextManager[Any]] = nullcontext
    if keras.backend.backend() == "torch":
        import torch

        context = torch.no_grad

    def run() -> Any:
        with context():
            return layer(inputs)

    return run


def limits() -> tuple[float, float]:
    """Returns floating-point operations and copied bytes per second.

    Of a product of two matrices of 2048 rows, and of adding one to 256 MB
    (which reads and writes them), as `forward` runs them.
    """
    square: Any = keras.random.normal((2048, 2048))
    long: Any = keras.ops.ones((1 << 26,))
    product = keras.layers.Lambda(lambda x: keras.ops.matmul(x, x))
    copy = keras.layers.Lambda(lambda x: x + 1.0)
    for layer, inputs in ((product, square), (copy, long)):
        layer.build(tuple(inputs.shape))
    (seconds,) = alternate([forward(product, square)], repeats=9)
    (copying,) = alternate([forward(copy, long)], repeats=9)
    return 2 * 2048**3 / seconds, 2 * 4 * (1 << 26) / copying


def forward(layer: Any, inputs: Any) -> Callable[[], Any]:
    """Returns a function that runs the layer, compiled where stock compiles."""
    backend = keras.backend.backend()
    rest = [variable.value for variable in layer.non_trainable_variables]
    if backend == "tensorflow":
        import tensorflow as tf

        compiled = tf.function(layer)
        return lambda: compiled(inputs)
    if backend == "jax":
        import jax

        stateless = jax.jit(
            lambda values, x: layer.stateless_call(values, rest, x)[0]
        )
        values = [variable.value for variable in layer.trainable_variables]
        return lambda: stateless(values, inputs)
    import torch

    def run() -> Any:
        with torch.no_grad():
            return layer(inputs)

    return run


def step(layer: Any, inputs: Any) -> Callable[[], Any]:
    """Returns a function that gives the gradients of the sum of squares."""
    backend = keras.backend.backend()
    variables = layer.trainable_variables
    rest = [variable.value for variable in layer.non_trainable_variables]
    if backend == "tensorflow":
        import tensorflow as tf

        @tf.function
        def gradients() -> Any:
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                loss = tf.reduce_sum(tf.square(layer(inputs)))
            return tape.gradient(
                loss, [inputs, *[variable.value for variable in variables]]
            )

        return gradients
    if backend == "jax":
        import jax
        import jax.numpy as jnp

        def loss(values: list[Any], x: Any) -> Any:
            return jnp.sum(jnp.square(layer.stateless_call(values, rest, x)[0]))

        run = jax.jit(jax.grad(loss, argnums=(0, 1)))
        values = [variable.value for variable in variables]
        return lambda: run(values, inputs)
    import torch

    leaf = inputs.detach().clone().requires_grad_(True)
    values = [variable.value for variable in variables]
    return lambda: torch.autograd.grad(
        torch.square(layer(leaf)).sum(), [leaf, *values]
    )
