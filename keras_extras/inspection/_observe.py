"""Watching a model while it is called: one way, and one at a time.

For the time of a pass a method is exchanged for one that hands the call to
whoever watches: on a class, to see all calls, or on one layer.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import keras

# While methods are exchanged, nobody else may exchange them or put them back.
_ONE_AT_A_TIME = threading.RLock()


class Exchange(NamedTuple):
    """A method, and what answers in its place.

    Attributes:
        owner: a class, or a layer.
        method: name of the method.
        answer: function that is handed the method itself, bound if it is that
            of a layer, and then its arguments.
    """

    owner: Any
    method: str
    answer: Callable[..., Any]


@contextmanager
def exchanged(exchanges: Iterable[Exchange]) -> Iterator[None]:
    """Exchanges methods for the time; other threads do not notice."""
    thread = threading.get_ident()

    def in_front(
        original: Callable[..., Any], answer: Callable[..., Any]
    ) -> Callable[..., Any]:
        def method(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != thread:
                return original(*args, **kwargs)
            return answer(original, *args, **kwargs)

        return method

    with _ONE_AT_A_TIME:
        before = []
        try:
            for owner, name, answer in exchanges:
                method = in_front(getattr(owner, name), answer)
                before.append((owner, name, vars(owner).get(name)))
                _put(owner, name, method)
            yield
        finally:
            for owner, name, own in reversed(before):
                _put(owner, name, own)


def answering(layer: keras.Layer, answer: Callable[..., Any]) -> Exchange:
    """Returns the exchange of the `call` of one layer."""
    is_quantized = getattr(layer, "quantization_mode", None) is not None
    return Exchange(layer, "quantized_call" if is_quantized else "call", answer)


def _put(owner: Any, name: str, method: Callable[..., Any] | None) -> None:
    if isinstance(owner, type):
        setattr(owner, name, method)
    elif method is None:  # the object had none: that of its class is back
        del vars(owner)[name]
    else:  # past Keras's tracking, which is for what stays
        vars(owner)[name] = method


def is_layer(operation: object) -> bool:
    """Returns whether an operation is a layer, and not a function."""
    return isinstance(operation, keras.layers.Layer)
