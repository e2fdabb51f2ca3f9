"""A faster `fit`: the steps of Keras's own loop, with less Python around them.

A step of a small model is over before Python has asked for the next one.
Keras's `fit` runs here as it is: its loop, its data, its callbacks and its
counts. Only what it calls for a batch, `model.train_function`, is exchanged,
and only from the first batch of an epoch to the last one, so that nothing else
ever meets the exchanged one:

- on TensorFlow and JAX the first of several batches runs them all, by the
  function that Keras compiled, and the next calls find theirs done;
- on torch what a step did is played again (`_replay.py`).

Who looks at single batches would see the difference. So this is done only
where everybody who could look is known not to.
"""

import inspect
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_extras._keras_internals import (
    compiled_step,
    keep_jax_state,
    package_of,
)

# Ctrl-C and the progress bar wait for a call to end.
_CALL_SECONDS = 0.1
_MAX_STEPS = 256
# The hooks of batches, as they are before anybody has patched one.
_STEP_HOOKS = {
    name: getattr(keras.callbacks.Callback, name)
    for name in (
        "on_batch_begin",
        "on_batch_end",
        "on_train_batch_begin",
        "on_train_batch_end",
    )
}
_KERAS = str(Path(keras.__file__).parent) + os.sep
_HOUSE = str(Path(__file__).parent.parent) + os.sep
_ATTRIBUTE = "_keras_extras_fits"


class EpochPath(NamedTuple):
    """How an epoch of `fit` went.

    Attributes:
        epoch: int, the epoch, from 0 on.
        way: `"ordinary"`, as Keras does it; `"joined"`, with several steps per
            call; or `"replayed"`, on torch.
        reason: str, why it was the ordinary way; empty otherwise.
    """

    epoch: int
    way: str
    reason: str = ""


class Fits:
    """What is kept of a model's fits; never copied nor saved with it."""

    def __init__(self) -> None:
        # Of the last fit, or why it was ordinary, and the epochs before it.
        self.path: list[EpochPath] | tuple[str, Any] = []
        self.replay: Any = None  # torch's recorder
        self.single: Any = None  # what Keras compiled, and for it:
        self.steps_per_call = 1  # what takes about `_CALL_SECONDS`
        self.loop: Any = None  # TensorFlow's, or why there is none

    def __reduce__(self) -> Any:
        return Fits, ()


def fits_of(model: Any) -> Fits:
    """Returns what is kept of a model's fits."""
    known = vars(model).get(_ATTRIBUTE)
    if known is None:
        known = Fits()
        # Not Keras's `__setattr__`, which tracks lists and locks layers.
        object.__setattr__(model, _ATTRIBUTE, known)
    return known


class FasterFit:
    """Gives a model a `fit` with less Python, where nothing else changes.

    Attributes:
        max_steps_per_call: int >= 1, the most steps of a call; 1 turns the
            faster way off.
        pure_call: bool, in the body of a class: a promise that the methods in
            this body do the same operations for every batch as long as the
            attributes are the same, and nothing else. It is asked for on torch
            only, and holds for this body alone: a subclass that writes methods
            makes the promise anew. Losses, metrics, optimizers and functions
            of your own make it with the same attribute.
    """

    max_steps_per_call = _MAX_STEPS
    pure_call = False

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Trains the model, as `keras.Model.fit` does, with its numbers.

        Small models train faster if the data are NumPy arrays and no callback
        looks at single batches: on TensorFlow and JAX several steps run per
        call, and on torch the operations of a step are played again, unless it
        runs code of your own that does not say `pure_call = True`. `fit_path`
        tells which way was taken; `max_steps_per_call = 1` turns the faster
        ones off.
        """
        return _fit(self, super().fit, x, *args, **kwargs)  # type: ignore[misc]

    @property
    def fit_path(self) -> list[EpochPath]:
        """How each epoch of the last `fit` went, and why, if ordinary."""
        return fit_path(self)


def faster_fit(model: Any, *args: Any, **kwargs: Any) -> Any:
    """Trains any Keras model as its own `fit` does, with its numbers, faster.

    For models that are not made from `models.Model`, whose `fit` does it by
    itself: functional and sequential ones, and subclasses of `keras.Model`. On
    torch the latter are faster only if their classes say `pure_call = True`.

    Args:
        model: a compiled Keras model.
        *args: as in `keras.Model.fit`.
        **kwargs: as in `keras.Model.fit`.

    Returns:
        What `model.fit` returns, the history.

    Examples:
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x, y = np.ones((320, 3)), np.ones((320, 1))
        >>> history = keras_extras.models.faster_fit(model, x, y, verbose=0)
        >>> keras_extras.models.fit_path(model)[0].reason
        ''
    """
    if isinstance(model, FasterFit):
        return model.fit(*args, **kwargs)
    return _fit(model, model.fit, *args, **kwargs)


def fit_path(model: Any) -> list[EpochPath]:
    """Returns how each epoch of a model's last fit went.

    Args:
        model: a model that `faster_fit`, or the `fit` of `models.Model`, has
            trained.

    Returns:
        List of `EpochPath`; empty if there was no such fit. Of a fit that was
        ordinary as a whole, the epochs that have ended.
    """
    path = fits_of(model).path
    if isinstance(path, list):
        return list(path)
    reason, before = path
    epochs = _epochs(model)
    return [
        EpochPath(epoch, "ordinary", reason)
        for epoch in ([] if epochs is before else epochs)
    ]


def _epochs(model: Any) -> Any:
    """Returns Keras's list of epochs, which is a new one for each fit."""
    return getattr(getattr(model, "history", None), "epoch", [])


def _fit(model: Any, fit: Any, *args: Any, **kwargs: Any) -> Any:
    """Calls `fit`, a method of the model, in the fastest way that is safe."""
    fits = fits_of(model)
    try:
        bound = inspect.signature(fit).bind(*args, **kwargs)
    except TypeError:  # an argument twice: Keras's `fit` will say it better
        return fit(*args, **kwargs)
    path: Any = []
    reason = _why_ordinary(model, bound.arguments)
    if not _is_written_in(_KERAS, fit):
        reason = "fit is not Keras's"
    if reason:
        path = reason, _epochs(model)
        finish = None
    else:
        callbacks = keras.tree.flatten(bound.arguments.get("callbacks") or [])
        steps = _Steps(model, callbacks, path)
        bound.arguments["callbacks"] = [*callbacks, steps]
        finish = steps.put_back
    fits.path = path
    try:
        return fit(*bound.args, **bound.kwargs)
    finally:
        if finish is not None:
            finish()
        fits.path = path  # not that of a fit in a callback


# --- may it be done? ---------------------------------------------------------


def _why_ordinary(model: Any, arguments: dict[str, Any]) -> str:
    """Returns why a whole fit is done as Keras does it; empty if it is not."""
    if os.environ.get("KERAS_EXTRAS_FAST", "1") == "0":
        return "KERAS_EXTRAS_FAST=0"
    if getattr(model, "max_steps_per_call", 2) == 1:
        return "max_steps_per_call=1"
    if not getattr(model, "compiled", False):
        return "the model is not compiled"
    if model.steps_per_execution != 1 or model.run_eagerly:
        return "it was compiled with steps_per_execution or run_eagerly"
    if keras.distribution.distribution() is not None:
        return "a distribution is set"
    if arguments.get("steps_per_epoch") is not None:
        return "steps_per_epoch is given"
    if keras.config.max_steps_per_epoch() is not None:
        return "keras.config.max_steps_per_epoch is set"
    if not _is_written_in(_KERAS, model.make_train_function):
        return "make_train_function is not Keras's"
    for name in ("x", "y", "sample_weight"):
        if not _is_arrays(arguments.get(name), needed=name == "x"):
            return f"{name} is not made of NumPy arrays of numbers"
    callbacks = arguments.get("callbacks") or []
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return "callbacks is a CallbackList"
    return _why_watched(keras.tree.flatten(callbacks)) or _why_not_here(model)


def _is_arrays(data: Any, needed: bool) -> bool:
    leaves = [leaf for leaf in keras.tree.flatten(data) if leaf is not None]
    return (bool(leaves) or not needed) and all(
        type(leaf) in (np.ndarray, np.memmap) and leaf.dtype.kind in "biuf"
        for leaf in leaves
    )


def _is_written_in(folder: str, function: Any) -> bool:
    """Returns whether a function's code is of a file in the folder.

    Its module would not do: a wrapper takes over the name of what it wraps.
    """
    code = getattr(function, "__code__", None)
    return code is not None and code.co_filename.startswith(folder)


def _why_watched(callbacks: list[Any]) -> str:
    """Returns which callback may look at single batches; empty if none."""
    # Keras adds two of its own.
    added = keras.callbacks.History(), keras.callbacks.ProgbarLogger()
    for callback in (*callbacks, *added):
        name = getattr(type(callback), "__name__", callback)
        if not isinstance(callback, keras.callbacks.Callback):
            return f"the callback {name} is not a keras.callbacks.Callback"
        if type(callback).__getattribute__ is not object.__getattribute__:
            return f"the callback {name} has attributes that nobody can list"
        for hook, default in _STEP_HOOKS.items():
            if hook in vars(callback) or (
                getattr(type(callback), hook) is not default
                and not _is_of_epochs(callback, hook)
            ):
                return f"the callback {name} has the hook {hook}"
    return ""


def _is_of_epochs(callback: Any, hook: str) -> bool:
    """Returns whether a hook of batches does nothing, or is right for many."""
    cls = type(callback)
    if _is_written_in(_KERAS, getattr(cls, hook)):
        return cls is keras.callbacks.ProgbarLogger or (
            cls
            in (
                keras.callbacks.ModelCheckpoint,
                keras.callbacks.BackupAndRestore,
            )
            and callback.save_freq == "epoch"
        )
    return (
        package_of(cls) == "keras_extras"
        and _is_written_in(_HOUSE, getattr(cls, hook))
        and getattr(callback, "per_batch", None) is False
    )


def _why_not_here(model: Any) -> str:
    """Returns what the backend has against the faster way; empty if nothing."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from keras_extras.fitting._loop import why_not
    elif backend == "torch":
        from keras_extras.fitting._replay import why_not
    elif backend == "jax":
        return "" if model.jit_compile else "it is not compiled by JAX"
    else:
        return f"the backend is {backend}"
    return why_not(model)


# --- how it is done ----------------------------------------------------------


class _Steps(keras.callbacks.Callback):
    """Exchanges `model.train_function` while the batches of an epoch run.

    The state of an epoch is in here and in the function, never in an attribute
    that another `fit` or `evaluate`, in a callback say, could meet.
    """

    def __init__(
        self, model: Any, callbacks: list[Any], path: list[EpochPath]
    ) -> None:
        super().__init__()
        self._fitted = model  # `self.model` would fetch the weights on JAX
        self._fits = fits_of(model)
        self._others = callbacks
        self._path = path
        self._single: Any = None
        self._exchanged: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Prepares a recorder on torch."""
        if keras.backend.backend() == "torch":
            from keras_extras.fitting._replay import Replay

            self._fits.replay = self._fits.replay or Replay()
            self._fits.replay.begin_fit()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Exchanges the function, after the other callbacks had their say."""
        fits, single = self._fits, self._fitted.train_function
        self._left: int = (self.params or {})["steps"]
        self._ahead = 0
        self._iterator: Any = None
        self._call: tuple[int, float] | None = None
        reason = _why_watched(self._others)
        if keras.backend.backend() == "torch":
            exchanged: Any = self._torch
            fits.replay.begin_epoch()
        elif keras.backend.backend() == "jax":
            exchanged = self._jax
        else:
            exchanged = self._tensorflow
            if compiled_step(single) is None:
                reason = reason or "Keras compiled a step of another kind"
        if fits.single is not single:
            # As in Keras, the first step makes the variables that are missing.
            fits.single, fits.loop, fits.steps_per_call = single, None, 1
        self._path.append(EpochPath(epoch, "ordinary", reason))
        fits.path = self._path
        if not reason:
            self._single, self._exchanged = single, exchanged
            self._fitted.train_function = exchanged

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Gives Keras its function back where the epoch is broken off.

        Since this is here, JAX does not send each batch through a thread.
        """
        if self._fitted.stop_training:
            self.put_back()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Gives Keras its function back, which the last batch has done."""
        self.put_back()

    def put_back(self) -> None:
        """Gives Keras its function back, unless somebody has compiled anew."""
        exchanged, self._exchanged = self._exchanged, None
        if exchanged is not None:
            if self._fitted.train_function == exchanged:
                self._fitted.train_function = self._single
            if keras.backend.backend() == "torch":
                self._went(*self._fits.replay.way())

    def _went(self, way: str, reason: str = "") -> None:
        self._path[-1] = EpochPath(self._path[-1].epoch, way, reason)

    def _torch(self, data: Any) -> Any:
        self._left -= 1
        logs = self._fits.replay(self._fitted, self._single, data)
        if not self._left:
            self.put_back()
        return logs

    def _jax(self, state: Any, iterator: Any) -> tuple[Any, Any]:
        if not self._is_mine(iterator):
            return self._single(state, iterator)
        if not self._ahead:
            logs: Any = None
            for _ in range(self._begin_call()):
                if logs is not None and self._fitted.stop_training:
                    break
                try:
                    logs, state = self._single(state, iterator)
                except BaseException:
                    # Keras knows of the state before the first of these steps,
                    # whose arrays the second one was given to write in.
                    if logs is not None:
                        keep_jax_state(self._fitted, state)
                    raise
            self._logs = logs
        return self._end_step(), state

    def _tensorflow(self, iterator: Any) -> Any:
        single = self._single
        if not self._is_mine(iterator):
            return single(iterator)
        if not self._ahead:
            steps = self._begin_call()
            if steps > 1 and self._fits.loop is None:
                from keras_extras.fitting._loop import loop

                self._fits.loop = loop(compiled_step(single), iterator)
            if steps > 1 and isinstance(self._fits.loop, str):
                self.put_back()
                self._went("ordinary", self._fits.loop)
                return single(iterator)
            self._logs = (
                single(iterator) if steps == 1
                else self._fits.loop(iterator, steps)
            )  # fmt: skip
        return self._end_step()

    def _is_mine(self, iterator: Any) -> bool:
        """Returns whether a call is of this fit, not of `train_on_batch`."""
        if self._iterator is None:
            self._iterator = iterator
        return iterator is self._iterator

    def _begin_call(self) -> int:
        """Returns how many steps to run now: equal parts of what is left."""
        fits, now, before = self._fits, time.perf_counter(), self._call
        if before is not None:
            steps, start = before
            enough = _CALL_SECONDS * steps / (now - start)
            fits.steps_per_call = max(1, int(min(enough, 2**20)))
        most = getattr(self._fitted, "max_steps_per_call", _MAX_STEPS)
        calls = -(-self._left // min(fits.steps_per_call, most))
        steps = -(-self._left // max(calls, 1))
        if self._fitted.stop_training:  # already, so that this is the last one
            steps = 1
        self._call = steps, now
        self._left -= steps
        self._ahead = steps
        return steps

    def _end_step(self) -> Any:
        self._ahead -= 1
        if self._left <= 0 and not self._ahead:
            self._went("joined")
            self.put_back()
        return self._logs
