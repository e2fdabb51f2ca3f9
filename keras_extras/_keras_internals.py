"""Every private name of Keras that is needed, each with its reason.

What reads `._name` of a Keras object stands here and nowhere else, and has a
test that says what breaks when Keras changes it.
"""

from typing import Any

import keras

# --- callbacks ---------------------------------------------------------------


def learning_rate_schedule(optimizer: Any) -> Any:
    """Returns the schedule of an optimizer, `None` if it has a number.

    `Optimizer._learning_rate`: the public `learning_rate` computes the number
    of a schedule and does not give the schedule itself.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    rate = getattr(inner, "_learning_rate", None)
    return None if isinstance(rate, keras.Variable) else rate
