"""The layer under test: its clones, its inputs, and what shows its failures.

A check never touches the instance that it was given: it works on clones made
by the config. Shapes are those of one sample, as in `keras.Input`: a tuple of
ints is one input, a list or dict of shapes is one structured input, a tuple of
shapes stands for several positional arguments of `call`.
"""

import functools
import inspect
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import keras
import numpy as np

from keras_extras.testing._example import (
    Code,
    inputs_code,
    own_arguments,
    plain,
    program,
    symbols_code,
    value_code,
)
from keras_extras.testing._results import CheckFailure, CheckSkip
from keras_extras.testing._sample_shapes import (
    SAMPLE_SHAPES,
    is_shape,
    map_shapes,
    shapes_in,
    size_changes,
)
from keras_extras.testing._tools import (
    arrays,
    copied,
    gap,
    leaves,
    shake,
    tolerance,
)
from keras_extras.testing._traits import LayerTraits

NO_TRAINING, TRAINING = ", training=False", ", training=True"
# Parameters that hold inputs: of one argument they are the tuple of it.
DRAWN = {"x", "x_other", "shape", "symbols"}


class Subject:
    """A layer under test."""

    def __init__(
        self,
        layer: keras.Layer,
        input_shapes: Any = None,
        traits: LayerTraits | None = None,
        max_examples: int = 20,
    ) -> None:
        self.layer = layer
        self.cls = type(layer)
        self.name = self.cls.__name__
        self.input_shapes = input_shapes
        declared = getattr(self.cls, "traits", None)
        if not isinstance(declared, LayerTraits):
            declared = LayerTraits()
        self.traits = traits or declared
        self.max_examples = max_examples
        self.backends: tuple[str, ...] = ()
        self.has_config = True
        self._runs: dict[str, tuple[keras.Layer, Any, Any]] = {}

    # --- clones ------------------------------------------------------------

    @functools.cached_property
    def config(self) -> dict[str, Any]:
        """The config of the layer, or the arguments it can be made of."""
        try:
            config = self.layer.get_config()
            again = self.cls.from_config(copied(config)).get_config()
        except Exception:  # which `check_clone` tells
            try:
                config = own_arguments(self.layer)
            except Exception:
                raise CheckSkip("needs check_clone") from None
            self.has_config = False
            return config
        if plain(again) != plain(config):
            raise CheckSkip("needs check_clone")
        return config

    def clone(self, **changes: Any) -> keras.Layer:
        """Returns a layer from the config, not built, with some changes."""
        config = copied(self.config) | changes
        if self.has_config:
            return self.cls.from_config(config)
        return self.cls(**config)

    def clone_with_dtype(self, dtype: str) -> keras.Layer:
        """Returns a clone that, with all layers in it, has that policy."""
        if "dtype" not in self.config:
            raise CheckSkip("its constructor takes no dtype")
        config = copied(self.config)
        return self.cls.from_config(_replace_dtype(config, dtype))

    def scope(self) -> AbstractContextManager[Any]:
        """What an unregistered class needs; being registered is a check."""
        return keras.saving.custom_object_scope({self.name: self.cls})

    def call(
        self, layer: keras.Layer, inputs: Any, training: bool | None = None
    ) -> Any:
        """Calls a clone, which is not training unless asked to."""
        return layer(*as_arguments(inputs), **self.mode(training))

    def mode(self, training: bool | None = None) -> dict[str, Any]:
        """Returns the argument `training` of `call`, if it needs one."""
        parameters = inspect.signature(self.layer.call).parameters
        if "training" not in parameters:
            return {}
        if training is None and parameters["training"].default is True:
            training = False  # the augmentations of Keras
        return {} if training is None else {"training": training}

    def built(self, shapes: Any = None, layer: Any = None) -> keras.Layer:
        """Returns a clone, or `layer`, built by a call; its weights are known.

        Fresh weights are moved a little, so that no bias is zero and no gain
        is one: what is multiplied by them or added would not show.
        """
        layer = self.clone() if layer is None else layer
        self.call(layer, self.inputs(shapes))
        shake(layer)
        return layer

    def run(self, shapes: Any = None) -> tuple[keras.Layer, Any, Any]:
        """Returns a built clone, inputs and outputs, made once per shape."""
        shapes = self.shapes if shapes is None else shapes
        key = repr(shapes)
        if key not in self._runs:
            layer = self.built(shapes)
            inputs = self.inputs(shapes)
            self._runs[key] = layer, inputs, self.call(layer, inputs)
        return self._runs[key]

    def require_deterministic(self) -> None:
        """Skips the check for a layer that declares random outputs."""
        if not self.traits.deterministic:
            raise CheckSkip("its outputs are random by declaration")

    # --- failures ----------------------------------------------------------

    def verify(
        self,
        show: Callable[..., None],
        *,
        action: str = "",
        gap: str = "",
        layer: Any = None,
        shapes: Any = None,
        batch: int = 2,
        seed: int = 0,
        symbolic: Any = None,
        **values: Any,
    ) -> None:
        """Runs a function of the layer and its inputs, which must not fail.

        What it does not get from `values` is made for the parameters that it
        has: `layer`; `x` and `x_other`, inputs as the tuple of the arguments
        of `call`; `shape`, their shapes, and `symbols`, symbolic inputs;
        `atol`, the rounding that outputs may differ by; `to_numpy`, which
        makes an array of outputs. Of several outputs it takes one, and the
        function runs for each of them.

        Args:
            show: the function; its source becomes the code of the failure.
            action: what raises, for the reason, if it is no assertion.
            gap: what comes before the place and the size of the gap in the
                reason, where `np.testing` finds two arrays to differ.
            layer: the argument `layer`; a built clone if it is `None`.
            shapes: shapes of a sample of the inputs `x`.
            batch: size of the batch.
            seed: of the inputs.
            symbolic: shapes of `shape` and `symbols`, with the batch; `None`:
                those of the inputs, with a batch of unknown size.
            **values: the other arguments of the function.

        Raises:
            CheckFailure: if the function raises.
        """
        names = inspect.signature(show).parameters
        drawn = {"shapes": shapes, "batch": batch, "seed": seed}
        drawn["symbolic"] = symbolic
        if "layer" in names:
            layer = layer or self.run(shapes)[0]
        for reader in self._readers() if "to_numpy" in names else [""]:
            scope: dict[str, Any] = {"keras": keras, "np": np}
            if reader:
                values["to_numpy"] = Code(reader)
            lines = self._lines(set(names), **drawn)
            for name, code in lines.items():
                scope[name] = eval(code, scope)
            if lines and not self._is_starred(shapes):
                scope |= {name: (scope[name],) for name in DRAWN & set(lines)}
            for name, value in values.items():
                is_code = isinstance(value, Code)
                scope[name] = eval(value, scope) if is_code else value
            scope["layer"] = layer
            try:
                if TRAINING in self.unsaid:
                    exec(program(show, None, {}, self.unsaid, True), scope)
                else:
                    show(**{name: scope[name] for name in names})
            except Exception as error:
                raise self.failure(
                    _reason(error, action, gap, "hash" in reader),
                    show,
                    layer=layer,
                    **drawn,
                    **values,
                ) from error

    def _lines(
        self,
        names: set[str],
        *,
        shapes: Any,
        batch: int,
        seed: int,
        symbolic: Any,
    ) -> dict[str, str]:
        """Returns the code of those arguments that follow from the shapes."""
        lines: dict[str, str] = {}
        if not DRAWN & names:
            return lines
        shapes = self.shapes if shapes is None else shapes
        full = self.full_shapes(shapes) if symbolic is None else symbolic
        if "x" in names:
            inputs = inputs_code(shapes, batch, self.traits)
            generator = f"np.random.default_rng({seed})"
            if "x_other" in names:
                lines = {"generator": generator, "x": inputs, "x_other": inputs}
            elif inputs.count("generator.") == 1:
                lines["x"] = inputs.replace("generator", generator)
            else:
                lines = {"generator": generator, "x": inputs}
        if "shape" in names:
            lines["shape"] = repr(full)
        if "symbols" in names:
            lines["symbols"] = symbols_code(full, self.traits)
        if "atol" in names:
            lines["atol"] = repr(tolerance(self.run(shapes)[2]))
        return lines

    def _is_starred(self, shapes: Any) -> bool:
        """Returns whether the inputs are several arguments of `call`."""
        shapes = self.shapes if shapes is None else shapes
        return isinstance(shapes, tuple) and not is_shape(shapes)

    def _readers(self) -> list[str]:
        """Returns the code of `to_numpy` for each of the outputs."""
        outputs = self.run()[2]
        found = []
        for index, leaf in enumerate(keras.tree.flatten(outputs)):
            code = "keras.ops.convert_to_numpy"
            if leaf is None:
                continue
            if leaf is not outputs:
                code = f"lambda outputs: {code}(\n    "
                code += f"keras.tree.flatten(outputs)[{index}]\n)"
            if arrays(leaf)[0].dtype.kind in "OSU":
                # Strings by their numbers: `assert_allclose` takes no others.
                code = f"lambda outputs: np.vectorize(hash)(({code})(outputs))"
            found.append(code)
        return found

    def full_shapes(self, shapes: Any = None, batch: int | None = None) -> Any:
        """Returns shapes with the batch."""
        shapes = self.shapes if shapes is None else shapes
        return map_shapes(lambda shape: (batch, *shape), shapes)

    def failure(
        self, reason: str, show: Callable[..., None], **arguments: Any
    ) -> CheckFailure:
        """Returns the exception for a broken promise, see `verify`."""
        return CheckFailure(reason, self.example(show, **arguments))

    def example(
        self,
        show: Callable[..., None],
        *,
        layer: Any = None,
        shapes: Any = None,
        batch: int = 2,
        seed: int = 0,
        symbolic: Any = None,
        **values: Any,
    ) -> str:
        """Returns the code of a function, with the layer and its inputs."""
        names = set(inspect.signature(show).parameters)
        parameters = {}
        if "layer" in names:
            parameters["layer"] = value_code(layer or self.layer)
        starred = bool(DRAWN & names) and self._is_starred(shapes)
        parameters |= self._lines(
            names, shapes=shapes, batch=batch, seed=seed, symbolic=symbolic
        )
        for name, value in values.items():
            parameters[name] = value_code(value)
        return program(show, self.cls, parameters, self.unsaid, starred)

    @functools.cached_property
    def unsaid(self) -> tuple[str, ...]:
        """Arguments of calls that say nothing, or that the layer refuses."""
        parameters = inspect.signature(self.cls.__call__).parameters
        kinds = {parameter.kind for parameter in parameters.values()}
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            return NO_TRAINING, TRAINING
        return () if self.mode() else (NO_TRAINING,)

    # --- inputs --------------------------------------------------------------

    def inputs(
        self,
        shapes: Any = None,
        batch: int = 2,
        seed: int = 0,
    ) -> Any:
        """Returns irregular numbers, always the same ones."""
        shapes = self.shapes if shapes is None else shapes
        code = inputs_code(shapes, batch, self.traits)
        return eval(code, {"generator": np.random.default_rng(seed)})

    @functools.cached_property
    def shapes(self) -> Any:
        """Shapes of one sample that the layer takes: given, or found."""
        if self.input_shapes is not None:
            try:
                self.call(self.clone(), self.inputs(self.input_shapes))
            except Exception as error:
                raise CheckFailure(
                    f"cannot be called with inputs of the given input_shapes="
                    f"{self.input_shapes}: {_in_short(error)}"
                ) from error
            return self.input_shapes
        errors, last = [], None
        for candidate in self._candidates():
            try:
                outputs = self.call(self.clone(), self.inputs(candidate))
            except Exception as error:
                errors.append(f"{candidate}: {_in_short(error)}")
                continue
            if not leaves(outputs):
                continue
            last = candidate if last is None else last
            try:
                # A layer that unpacks a list of two takes one array of two.
                self.call(self.clone(), self.inputs(candidate, batch=5))
            except Exception:  # not this shape
                continue
            return candidate
        if last is not None:
            return last
        raise CheckFailure(
            "no input shape was found that the layer takes. Give one: "
            f"input_shapes=(28, 28, 1). Tried {len(errors)}; first "
            + "; ".join(errors[:2])
        )

    def _candidates(self) -> Iterator[Any]:
        spec = getattr(self.layer, "input_spec", None)
        ndim = getattr(spec, "ndim", None)
        least = getattr(spec, "min_ndim", None) or 0
        plain = [
            shape
            for shape in SAMPLE_SHAPES
            if (ndim is None or len(shape) + 1 == ndim)
            and len(shape) + 1 >= least
        ]
        required = [
            parameter
            for parameter in inspect.signature(
                self.layer.call
            ).parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        ]
        if len(required) > 1:
            yield from ((shape,) * len(required) for shape in plain)
            return
        yield from plain
        yield from ([shape, shape] for shape in SAMPLE_SHAPES)
        yield from ([shape] * 3 for shape in SAMPLE_SHAPES[:4])

    @functools.cached_property
    def variants(self) -> list[Any]:
        """Other shapes that the layer takes, the smallest first."""
        if getattr(self.layer, "inputs", None):
            return [self.shapes]  # a functional model has its own
        # All inputs change alike, as most layers of several inputs need it.
        ranks = {len(shape) for shape in shapes_in(self.shapes)}
        axes = range(min(ranks)) if ranks else ()
        sizes = (1, 2, 3, 5, 7)
        changes = [dict(pair) for pair in size_changes(axes, sizes)]
        changes.sort(key=lambda change: sum(change.values()))
        found, tried = [], 0
        for change in changes:
            if len(found) >= self.max_examples or tried >= 60:
                break
            shapes = map_shapes(
                lambda shape, change=change: tuple(
                    change.get(axis, size) for axis, size in enumerate(shape)
                ),
                self.shapes,
            )
            tried += 1
            try:
                self.clone_spec(shapes)
            except Exception:  # not a shape for this layer
                continue
            found.append(shapes)
        return [*found, self.shapes]

    def clone_spec(self, shapes: Any, batch: int | None = 2) -> Any:
        """Returns the symbolic outputs of a clone."""
        inputs = map_shapes(
            lambda shape: keras.KerasTensor(
                (batch, *shape), dtype=self.traits.input_dtype
            ),
            shapes,
        )
        return self.call(self.clone(), inputs)


def as_arguments(inputs: Any) -> tuple[Any, ...]:
    """Returns inputs as the positional arguments of `call`."""
    return inputs if isinstance(inputs, tuple) else (inputs,)


def _replace_dtype(config: Any, dtype: str) -> Any:
    """Returns a config in which every layer has the policy `dtype`."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return dtype
        return {
            key: dtype
            if key == "dtype" and isinstance(value, str | dict)
            else _replace_dtype(value, dtype)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(_replace_dtype(item, dtype) for item in config)
    return config


def _reason(error: Exception, action: str, before: str, strings: bool) -> str:
    """Returns what an error says; of arrays that differ, the largest gap."""
    if isinstance(error, AssertionError):
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_name == "assert_allclose":
                seen = frame.f_locals
                found = gap(seen["actual"], seen["desired"])
                return f"{before} {'different values' if strings else found}"
        if str(error):
            return str(error)[:500]
    prefix = f"{action} raises " if action else ""
    return f"{prefix}{type(error).__name__}: {str(error)[:300]}"


def _in_short(error: BaseException) -> str:
    """Returns the class of an error, and the line that says what is wrong."""
    lines = [line for line in str(error).splitlines() if line.strip()] or [""]
    cause = lines[0].startswith("Exception encountered") and len(lines) > 1
    return f"{type(error).__name__}: {lines[1 if cause else 0].strip()[:200]}"
