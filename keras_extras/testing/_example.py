"""Code to paste: what makes the layer and its inputs, and shows a failure."""

import functools
import json
import re
from collections.abc import Callable
from typing import Any

import keras

from keras_extras.testing._results import CheckFailure
from keras_extras.testing._sample_shapes import is_shape
from keras_extras.testing._tools import copied, is_float, leaves
from keras_extras.testing._traits import LayerTraits


class Example:
    """The part of a subject that writes code."""

    layer: keras.Layer
    cls: type
    name: str
    traits: LayerTraits
    config: dict
    shapes: Any
    run: Callable
    accepts: Callable[[str], bool]

    def example(self, body: str, shapes: Any = None, batch: int = 2) -> str:
        """Returns code that makes the layer and inputs, and then runs `body`.

        In it the layer is `layer`, the inputs are `x`.
        """
        shapes = self.shapes if shapes is None else shapes
        return "\n".join(
            [
                "import keras",
                "import numpy as np",
                self.import_line(),
                "",
                self._make_line(),
                "generator = np.random.default_rng(0)",
                f"x = {self._inputs_code(shapes, batch)}",
                *body.strip("\n").splitlines(),
            ]
        )

    def call_code(self, layer: str = "layer", inputs: str = "x") -> str:
        """Returns the code of a call."""
        several = isinstance(self.shapes, tuple) and not is_shape(self.shapes)
        return f"{layer}({'*' if several else ''}{inputs})"

    def training_code(self, layer: str = "layer", inputs: str = "x") -> str:
        """Returns the code of a call in training, where there is such a one."""
        code = self.call_code(layer, inputs)
        return (
            f"{code[:-1]}, training=True)" if self.accepts("training") else code
        )

    def model_code(self, shapes: Any = None) -> str:
        """Returns the code of the functional model that consists of `layer`."""
        shapes = self.shapes if shapes is None else shapes
        dtype = self.traits.input_dtype
        more = "" if dtype == "float32" else f", dtype={dtype!r}"
        inputs = self._nested_code(
            shapes, lambda shape: f"keras.Input({shape}{more})"
        )
        call = self.call_code(inputs="inputs")
        return (
            f"inputs = {inputs}\n"
            f"model = keras.Model(keras.tree.flatten(inputs), {call})"
        )

    def array_code(
        self, layer: str = "layer", inputs: str = "x", training: bool = False
    ) -> str:
        """Returns the code of a call whose outputs become one NumPy array."""
        code = self.training_code if training else self.call_code
        call = code(layer, inputs)
        if len(leaves(self.run()[2])) == 1:
            return f"keras.ops.convert_to_numpy({call})"
        return (
            "np.concatenate([keras.ops.convert_to_numpy(one).ravel() for one "
            f"in keras.tree.flatten({call})])"
        )

    def failure(
        self, reason: str, body: str, shapes: Any = None, batch: int = 2
    ) -> CheckFailure:
        """Returns the exception for a broken promise."""
        return CheckFailure(reason, self.example(body, shapes, batch))

    def import_line(self) -> str:
        """Returns the line that imports the class."""
        module, name = self.cls.__module__, self.cls.__qualname__
        if module.startswith("keras.src"):
            place = "keras" if hasattr(keras, name) else "keras.layers"
            return f"from {place} import {name}"
        if module.startswith("keras_extras.layers."):
            return f"from keras_extras.layers import {name}"
        if module == "__main__" or "<locals>" in name:
            return f"# {name} is defined in your own code"
        return f"from {module} import {name}"

    def _make_line(self) -> str:
        try:
            config = self.smallest_config
        except Exception:  # a config that makes no layer is shown as it is
            config = getattr(self.layer, "get_config", dict)()
        return f"layer = {self.name}.from_config({config!r})"

    @functools.cached_property
    def smallest_config(self) -> dict:
        """The config without what the constructor's defaults give anyway."""
        config = copied(self.config)
        wanted = plain(self.config, without_name=True)
        for key in list(config):
            less = {name: config[name] for name in config if name != key}
            try:
                layer = self.cls.from_config(copied(less))
                same = plain(layer.get_config(), without_name=True) == wanted
            except Exception:  # the argument is needed
                same = False
            if same:
                config = less
        return config

    def _inputs_code(self, shapes: Any, batch: int) -> str:
        low, high = self.traits.input_range
        dtype = self.traits.input_dtype

        def one(shape):
            size = (batch, *shape)
            if dtype == "bool":
                return f"generator.random({size}) < 0.5"
            draw = (
                f"generator.uniform({low}, {high}, {size})"
                if is_float(dtype)
                else f"generator.integers({int(low)}, {int(high) + 1}, {size})"
            )
            return f'{draw}.astype("{dtype}")'

        return self._nested_code(shapes, one)

    def _nested_code(self, shapes: Any, code: Callable) -> str:
        """Returns the code of a structure, from that of each of its shapes."""
        if is_shape(shapes):
            return code(shapes)
        if isinstance(shapes, dict):
            parts = [
                f"{key!r}: {self._nested_code(value, code)}"
                for key, value in shapes.items()
            ]
            return "{" + ", ".join(parts) + "}"
        parts = [self._nested_code(shape, code) for shape in shapes]
        if isinstance(shapes, tuple):
            return "(" + ", ".join(parts) + ",)"
        return "[" + ", ".join(parts) + "]"


def plain(config: Any, without_name: bool = False) -> str:
    """Returns a config as text, to be compared."""
    if not isinstance(config, dict):
        config = {"": config}
    if without_name:
        config = {key: config[key] for key in config if key != "name"}
    return json.dumps(
        _without_build(
            {key: _serialized(value) for key, value in config.items()}
        ),
        sort_keys=True,
        default=repr,
    )


def _without_build(value: Any) -> Any:
    """Leaves out what a layer says of its build: that is no argument."""
    if isinstance(value, dict):
        return {
            key: _without_build(one)
            for key, one in value.items()
            if key != "build_config"
        }
    if isinstance(value, list | tuple):
        return [_without_build(one) for one in value]
    return value


def _serialized(value: Any) -> Any:
    try:
        return keras.saving.serialize_keras_object(value)
    except Exception:  # not serializable, which is a check of its own
        return re.sub(r" at 0x\w+", "", repr(value))
