"""Several steps of training in one call of TensorFlow.

The step is the very function that Keras has compiled for single batches, traced
when Keras would trace it. Only the loop over batches is new.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

_PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}


def why_not(model: Any) -> str:
    """Returns why steps cannot be joined; empty if they can."""
    if tf.config.functions_run_eagerly():
        return "TensorFlow runs functions eagerly"
    strategy = model.distribute_strategy
    if type(strategy) is not type(tf.distribute.get_strategy()) or (
        tf.distribute.has_strategy()
    ):
        return "a distribution strategy is set"
    return ""


def loop(step: Any, iterator: Any) -> Callable[[Any, int], Any] | str:
    """Returns a function that runs so many steps; the reason if it cannot."""

    @tf.autograph.experimental.do_not_convert
    def run_steps(iterator: Any, steps: Any) -> Any:
        def body(done: Any, _: Any) -> tuple[Any, Any]:
            return done + 1, step(iterator.get_next())

        first = tf.constant(1), step(iterator.get_next())
        return tf.while_loop(lambda done, _: done < steps, body, first)[1]

    run: Any = tf.function(run_steps, reduce_retracing=True)
    if not isinstance(iterator, tf.data.Iterator):
        return "TensorFlow's data are distributed"
    try:
        traced = run.get_concrete_function(iterator, tf.constant(2))
    except Exception as error:  # logs that no loop can carry, for example
        return f"TensorFlow cannot join the steps: {type(error).__name__}"
    functions = traced.graph.as_graph_def().library.function
    if any(node.op in _PYTHON for part in functions for node in part.node_def):
        return "a step calls Python, which may look at the model"
    return lambda iterator, steps: run(iterator, tf.constant(steps))
