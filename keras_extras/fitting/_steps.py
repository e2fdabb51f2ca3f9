"""Training with fewer calls from Python, for small models.

    seconds of a step ~ 3 * multiply-adds * batch / speed   (plus overhead)

A step of a small model is over before Python has asked for the next one. Keras
can run several steps in a call (`steps_per_execution`) and gives the same
numbers then, but callbacks see only the last step of a call. So `FewerCalls`
lets `fit` do that where nobody looks at single steps and the data are arrays,
and chooses the steps so that a call stays short. On JAX, where Keras goes from
step to step in Python all the same, the steps of a call are one scan. On torch,
where a step is a call for each operation, the operations are noted and called
again without the Python in between (`_replay.py`).
"""

import functools
import itertools
import os
import types
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from keras_extras._keras_internals import (
    called_by_metrics,
    called_by_optimizer,
    has_torch_hooks,
    package_of,
)
from keras_extras.inspection._macs import multiply_adds

# Ctrl-C and the progress bar wait for a call to end.
_CALL_SECONDS = 0.1
# Cautious: a core does several times as many.
_MULTIPLY_ADDS_PER_SECOND = 1e10
# A scan copies its batches into one array, which should stay in the cache.
_MAX_SCAN = 16
_FUNCTIONS = ("train_function", "test_function")
_STEP_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
)


class FewerCalls:
    """Makes `fit` run several steps per call where that changes nothing.

    Attributes:
        max_steps_per_call: int >= 1, the most steps of a call; 1 turns it off.
        pure_call: bool, of a class of layers or models: whether its `call`
            does the same operations for every batch, and nothing else. On
            TensorFlow and JAX that is so in any case, since it is compiled;
            on torch a class that says so is trained with less Python. Losses,
            metrics and optimizers of your own say it in the same way.
    """

    max_steps_per_call = 256
    pure_call = False
    _joining = False
    # What they were compiled for, and the functions by steps per call.
    _joined_functions: tuple[Callable[[], Any], dict[int, Any]] | None = None

    @functools.cached_property
    def _work(self) -> dict[str, float]:
        return {}  # multiply-adds by the shapes of the inputs

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Trains the model, as `keras.Model.fit` does, with its numbers.

        If the data are arrays and no callback asks for single batches, small
        models run several steps per call on TensorFlow and JAX; a progress bar
        then moves about ten times a second. On torch the operations of a step
        are noted and called again, which every epoch proves to give the same
        numbers; a class of your own, which may do anything in its `call`,
        says `pure_call = True` for that. The attribute
        `max_steps_per_call = 1` turns all of this off.
        """
        try:
            steps = self._steps_per_call(x, *args, **kwargs)
        except TypeError:  # an argument twice: Keras's `fit` will say it better
            steps = 1
        with self._joined(steps):
            return super().fit(x, *args, **kwargs)  # type: ignore[misc]

    def make_train_function(self, force: bool = False) -> None:
        """Compiles a step of training; on JAX, several of them as one."""
        model: Any = self
        make = super().make_train_function  # type: ignore[misc]
        backend = keras.backend.backend()
        if not self._joining or backend == "tensorflow":
            make(force=force)
            return
        if model.train_function is not None and not force:
            return
        make(force=True)
        single = model.train_function
        if backend == "torch":
            model.train_function = _replay()(single, self._state)
            return
        own = vars(model).get("train_step")
        model.train_step = _scanned(model.train_step)
        try:
            make(force=True)
        finally:
            del model.train_step  # the instance's: the class's is back
            if own is not None:
                model.train_step = own
        model.train_function = _one_or_many(
            single, model.train_function, model.steps_per_execution
        )

    def reset_metrics(self) -> None:
        """Resets the metrics, as `keras.Model` does before each epoch."""
        super().reset_metrics()  # type: ignore[misc]
        # Between epochs callbacks may have changed what a step does.
        train_function: Any = getattr(self, "train_function", None)
        if hasattr(train_function, "doubt"):  # torch's `Replay`
            train_function.doubt()

    def _state(self) -> list[Any]:
        model: Any = self
        variables = [
            *model.variables, *model.optimizer.variables,
            *model.metrics_variables,
        ]  # fmt: skip
        # Some are in two of the lists.
        return [v.value for v in {id(v): v for v in variables}.values()]

    def _steps_per_call(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Any = None,
        *args: Any,
        steps_per_epoch: Any = None,
        validation_steps: Any = None,
        **kwargs: Any,
    ) -> int:
        model: Any = self
        arrays = [a for a in keras.tree.flatten(x) if a is not None]
        if (
            keras.distribution.distribution() is not None
            or not getattr(model, "compiled", False)
            or model.steps_per_execution != 1
            or model.run_eagerly
            or steps_per_epoch is not None  # a call would go beyond
            or validation_steps is not None
            or len(args) > 6  # so may steps be, given by position
            or not arrays
            or not all(isinstance(array, np.ndarray) for array in arrays)
            or any(map(_sees_steps, keras.tree.flatten(callbacks)))
        ):
            return 1
        shapes = keras.tree.map_structure(
            lambda array: (None, *array.shape[1:]), x
        )
        try:
            if str(shapes) not in self._work:
                self._work[str(shapes)] = multiply_adds(model, shapes)
        except Exception:  # whatever it is, Keras's `fit` will say it better
            return 1
        work = self._work[str(shapes)]
        step_seconds = 3 * work * (batch_size or 32) / _MULTIPLY_ADDS_PER_SECOND
        if not step_seconds > 0:  # NaN: a layer whose work is not known
            return 1
        most = self.max_steps_per_call
        if keras.backend.backend() == "torch" and not _is_replayable(model):
            return 1
        if keras.backend.backend() == "jax":
            most = min(most, _MAX_SCAN)
        return max(1, min(most, int(_CALL_SECONDS / step_seconds)))

    @contextmanager
    def _joined(self, steps: int) -> Iterator[None]:
        """Lets Keras run so many steps per call, with functions of their own.

        What is compiled for single steps (`train_on_batch`, another `fit`) is
        put aside meanwhile, so that neither is compiled twice.
        """
        if steps == 1:
            yield
            return
        model: Any = self
        single = [getattr(model, name) for name in _FUNCTIONS]
        kept = self._kept_functions()
        self._set_functions(kept.get(steps, (None, None)))
        self._joining = True
        if keras.backend.backend() != "torch":  # which has single steps only
            model.steps_per_execution = steps
        try:
            yield
        finally:
            kept[steps] = [getattr(model, name) for name in _FUNCTIONS]
            model.steps_per_execution, self._joining = 1, False
            self._set_functions(single)

    def _kept_functions(self) -> dict[int, Any]:
        """Returns the functions of the last `compile`, by steps per call.

        `compile` makes a new tracker of the loss, the first metric. (With a
        `compile` of its own a model is not compiled when it is loaded.)
        """
        # Keras's own list: a model may have a property of that name.
        metrics: Any = keras.Model.metrics
        tracker = metrics.fget(self)[0]
        if self._joined_functions is None or (
            self._joined_functions[0]() is not tracker
        ):
            self._joined_functions = (weakref.ref(tracker), {})
        return self._joined_functions[1]

    def _set_functions(self, functions: Iterable[Any]) -> None:
        for name, function in zip(_FUNCTIONS, functions, strict=True):
            setattr(self, name, function)


def _replay() -> Any:
    """Returns torch's `Replay`; `None` where fast paths are off or deleted."""
    if os.environ.get("KERAS_EXTRAS_FAST", "1") == "0":
        return None
    try:
        from keras_extras.fitting._replay import Replay
    except ModuleNotFoundError:
        return None
    return Replay


def _is_replayable(model: Any) -> bool:
    """Returns whether Python does nothing in a step that anybody could miss.

    That is so if all that a step calls is Keras's, ours or declared to be
    pure, and nobody listens to it.
    """
    listened = [*model.modules(), *(v.value for v in model.trainable_variables)]
    return (
        _replay() is not None
        and model.jit_compile is not True
        and "train_step" not in vars(model)
        and all(map(_is_pure, _called(model)))
        and not any(map(has_torch_hooks, listened))
    )


def _called(model: Any) -> Iterator[Any]:
    """Yields all that a step calls: layers, optimizer, losses, metrics."""
    yield from model.modules()
    yield from keras.tree.flatten(model.loss)
    yield from called_by_optimizer(model.optimizer)
    yield from called_by_metrics(model.metrics)


def _is_pure(part: Any) -> bool:
    if part is None or isinstance(part, str):
        return True
    if isinstance(part, keras.layers.Lambda):
        return False
    if package_of(part) in ("keras", "keras_extras", "torch"):
        return True
    owner = part if isinstance(part, types.FunctionType) else type(part)
    return getattr(owner, "pure_call", False)


def _sees_steps(callback: Any) -> bool:
    """Returns whether a callback does something at single batches."""
    if callback is None:
        return False
    if isinstance(callback, keras.callbacks.CallbackList):
        return True  # which has told its callbacks about the steps already
    # What they do at batches is switched off, or right for several.
    is_of_epochs = (
        isinstance(callback, keras.callbacks.ProgbarLogger)
        or getattr(callback, "save_freq", None) == "epoch"  # ModelCheckpoint
        or getattr(callback, "per_batch", None) is False  # HistoryRecorder
    )
    known = ("keras", "keras_extras") if is_of_epochs else ()
    return any(_has_own(callback, hook, known) for hook in _STEP_HOOKS)


def _has_own(callback: Any, hook: str, known: tuple[str, ...]) -> bool:
    """Returns whether a hook does something that others have made."""
    if hook in vars(callback):
        return True  # a function of the user's, as in LambdaCallback
    owner = next(cls for cls in type(callback).__mro__ if hook in vars(cls))
    return (
        owner is not keras.callbacks.Callback and package_of(owner) not in known
    )


def _scanned(train_step: Any) -> Callable[..., Any]:
    """Returns JAX's train step for data with a first axis of steps."""

    def step(state: Any, data: Any) -> tuple[Any, Any]:
        return train_step(state, data)[::-1]  # `scan` has the state first

    def steps(state: Any, data: Any) -> tuple[Any, Any]:
        scan: Any = keras.ops.scan
        state, logs = scan(step, state, data)
        return keras.tree.map_structure(lambda log: log[-1], logs), state

    return steps


def _one_or_many(single: Any, many: Any, steps: int) -> Callable[..., Any]:
    """Returns a train function that takes up to `steps` batches at a time."""

    def train_function(state: Any, iterator: Any) -> tuple[Any, Any]:
        batches = list(itertools.islice(iterator, steps))
        if not batches:
            raise StopIteration
        shapes = {
            tuple(map(np.shape, keras.tree.flatten(batch))) for batch in batches
        }
        if len(batches) == steps and len(shapes) == 1:
            data = keras.tree.map_structure(
                lambda *parts: None if parts[0] is None else np.stack(parts),
                *batches,
            )
            return many(state, iter([data]))
        logs = None
        for batch in batches:  # the last of the epoch
            logs, state = single(state, iter([batch]))
        return logs, state

    return train_function
