"""A subclassed model that keeps what `keras.Model` loses.

config = the arguments of the call that made the model
build  = one symbolic pass through `call`, so that every sublayer exists
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from keras_extras._config import FromCall
from keras_extras._errors import import_optional, invalid_argument
from keras_extras._keras_internals import all_sublayers
from keras_extras.fitting._steps import FasterFit
from keras_extras.inspection._summary import summary_text
from keras_extras.inspection._trace import unchanged
from keras_extras.models._predict import predict_classes, predict_proba


@keras.saving.register_keras_serializable(package="keras_extras")
class Model(FasterFit, FromCall, keras.Model):
    """Base of subclassed models: true config, true shapes, class predictions.

    `keras.Model` saves a subclass without `get_config` as if it had been made
    with its default arguments, leaves its sublayers unbuilt after `build`, and
    prints "?" for their shapes. Here a subclass writes `__init__` and `call`,
    and the rest follows:

    - the config holds the real arguments of the constructor, whether they are
      stored or not, in subclasses of subclasses too;
    - `build(input_shape)` builds all sublayers, so that `summary()` shows
      their output shapes, with `None` for the batch, parameters,
      multiply-adds, memory and receptive fields;
    - `predict_proba` and `predict_classes` answer the question asked;
    - `evaluate(return_frame=True)` returns a table;
    - `fit` trains small models with less Python in between.

    Arguments should be plain values, initializers, layers or registered
    functions; layers given as arguments are saved with the model.

    Args:
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.Model`.

    Attributes:
        max_steps_per_call: int >= 1, the most steps that `fit` joins; 1 turns
            its faster ways off.
        pure_call: bool, in the body of a class: a promise that the methods
            written there do the same operations for every batch, as long as
            the attributes are the same, and nothing else. On torch `fit` is
            faster for classes that promise it; TensorFlow and JAX do not ask.
            It is not inherited. A layer, loss, metric, optimizer or function
            of your own promises it with the same attribute.
        fit_path: list of `EpochPath`: how each epoch of the last `fit` went,
            and why, if that was the ordinary way.

    Raises:
        TypeError: if called as a functional model, `Model(inputs, outputs)`.

    Hooks:
        `call(inputs, training=False)`: the forward pass, written by the
            subclass with layers and `keras.ops`.

    Examples:
        >>> class Scaled(keras_extras.models.Model):
        ...     def __init__(self, scale=1.0, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.dense = keras_extras.layers.Dense(2)
        ...         self.factor = scale
        ...
        ...     def call(self, inputs):
        ...         return self.factor * self.dense(inputs)
        >>> model = Scaled(scale=10.0)
        >>> model.get_config()["scale"]
        10.0
        >>> model.build((None, 3))
        >>> model.count_params()
        8
    """

    _first_constructor = keras.Model

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args or "inputs" in kwargs or "outputs" in kwargs:
            raise TypeError(
                f"{type(self).__name__}: this is the base of subclassed "
                "models and takes name, dtype and trainable only. Use "
                "keras.Model(inputs, outputs) for a functional model."
            )
        super().__init__(**kwargs)

    def build(self, input_shape: Any) -> None:
        """Builds all sublayers by a symbolic pass through `call`.

        Args:
            input_shape: shape with batch, or a list or dict of shapes, as the
                first argument of `call` takes it. The batch size is ignored.
        """
        inputs = keras.tree.map_shape_structure(
            lambda shape: keras.KerasTensor(
                (None, *shape[1:]), dtype=self.compute_dtype
            ),
            input_shape,
        )
        with unchanged(self):
            try:
                self.call(inputs)
            except Exception:  # `call` may use what takes real tensors only
                self.compute_output_spec(inputs)

    def get_build_config(self) -> dict[str, Any]:
        """Returns the input shape, and how layers are quantized.

        The constructor makes its layers anew, and knows nothing of `quantize`.
        """
        config = super().get_build_config() or {}
        quantized = {
            str(place): {
                name: keras.saving.serialize_keras_object(getattr(layer, name))
                for name in ("dtype_policy", "quantization_config")
                if getattr(layer, name, None) is not None
            }
            for place, layer in enumerate(all_sublayers(self))
            if layer.quantization_mode is not None
        }
        return {**config, "quantized": quantized} if quantized else config

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Builds the model, and its layers quantized as they were."""
        shapes = dict(config or {})
        layers = all_sublayers(self)
        for place, attributes in shapes.pop("quantized", {}).items():
            for name, value in attributes.items():
                value = keras.saving.deserialize_keras_object(value)
                setattr(layers[int(place)], name, value)
        super().build_from_config(shapes)

    def stateless_call(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple[Any, ...]:
        """Calls the model with these values of its variables.

        As in `keras.Model`, but through `__call__`: Keras 3.15 runs `call`
        alone here, so that on JAX, which trains this way, sublayers are not
        told that it is training.

        Args:
            trainable_variables: values, as in `keras.Model.stateless_call`.
            non_trainable_variables: values, as there.
            *args: what the model is called with.
            return_losses: bool, whether to return the model's losses too.
            **kwargs: what the model is called with.

        Returns:
            Outputs, and the new values of the non-trainable variables; the
            list of losses, if asked for.

        Raises:
            ValueError: if the model is not built, or there are not as many
                values as variables.
        """
        if not self.built:
            raise ValueError(
                f"{self.name}: stateless_call needs the variables, which a "
                "model has once it is built. Call it, or build(input_shape)."
            )
        mapping = []
        for argument, variables, values in (
            ("trainable", self.trainable_variables, trainable_variables),
            (
                "non_trainable",
                self.non_trainable_variables,
                non_trainable_variables,
            ),
        ):
            if len(variables) != len(values):
                raise invalid_argument(
                    self,
                    f"{argument}_variables",
                    f"a list of {len(variables)} values",
                    len(values),
                    context="That is how many there were.",
                )
            mapping += zip(variables, values, strict=True)
        with keras.StatelessScope(mapping, return_losses) as scope:
            outputs = self(*args, **kwargs)
            losses = self.losses if return_losses else None
        new = [
            variable.value
            if (value := scope.get_current_value(variable)) is None
            else value
            for variable in self.non_trainable_variables
        ]
        return (outputs, new, losses) if return_losses else (outputs, new)

    def _argument(self, name: str) -> Any:
        return self._made_with[name]  # stored or not, as it was given

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Prints a table of the layers: shapes, parameters, multiply-adds.

        The numbers are those of `summary_frame`; multiply-adds and memory (of
        what each layer puts out) are for one example. A model that is not
        built has none, and Keras's table is printed.

        Args:
            line_length: int, letters per line, to which names are cut; `None`
                for as many as needed.
            positions: not used: columns are as wide as what stands in them.
            print_fn: function that is handed the text; `None` means `print`.
            expand_nested: bool, whether the layers of models inside have
                lines too.
            show_trainable: bool, whether a column says what is trained.
            layer_range: names of the first and the last layer shown, or
                regular expressions that they start with.
        """
        if not self.built:
            super().summary(line_length, print_fn=print_fn)
            return
        text = summary_text(
            self, line_length, expand_nested, show_trainable, layer_range
        )
        (print_fn or print)(text)

    def evaluate(
        self, *args: Any, return_frame: bool = False, **kwargs: Any
    ) -> Any:
        """Returns the loss and metrics, as in `keras.Model.evaluate`.

        Args:
            *args: as in `keras.Model.evaluate`.
            return_frame: bool, whether a `pandas.DataFrame` is returned: a
                line per metric, the loss first, with the columns `metric` and
                `value`; one per number of a metric that has several.
            **kwargs: as in `keras.Model.evaluate`; `return_dict` too.

        Raises:
            ImportError: if a frame is asked for and pandas is not installed.
        """
        if not return_frame:
            return super().evaluate(*args, **kwargs)
        pd = import_optional("pandas", extra="pandas", owner="evaluate")
        results = super().evaluate(*args, **{**kwargs, "return_dict": True})
        lines = []
        for name in sorted(results, key=lambda name: name != "loss"):
            value = keras.ops.convert_to_numpy(results[name])
            numbers = np.asarray(value, "float64")
            for place, number in np.ndenumerate(numbers):
                index = f"[{','.join(map(str, place))}]" if place else ""
                lines.append((name + index, float(number)))
        return pd.DataFrame(lines, columns=["metric", "value"])

    def predict_proba(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        **kwargs: Any,
    ) -> np.ndarray:
        """Returns the predicted probabilities; see `models.predict_proba`.

        Args:
            x: inputs, as in `predict`.
            batch_size: int, examples per step; `None` means 32.
            verbose: `"auto"`, 0, 1 or 2, as in `predict`.
            **kwargs: `steps` and `callbacks`, as in `predict`.

        Returns:
            Array `(examples, ..., classes)` of numbers from 0 to 1.

        Raises:
            ValueError: if the outputs are not in that range, and the loss
                does not tell that they are logits.
        """
        return predict_proba(self, x, batch_size, verbose, **kwargs)

    def predict_classes(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        multi_label: bool | None = None,
        **kwargs: Any,
    ) -> np.ndarray:
        """Returns the most probable class; see `models.predict_classes`.

        Args:
            x: inputs, as in `predict`.
            batch_size: int, examples per step; `None` means 32.
            verbose: `"auto"`, 0, 1 or 2, as in `predict`.
            multi_label: bool, whether each output is a label of its own.
                `None` means so if the loss is a binary cross-entropy.
            **kwargs: `steps` and `callbacks`, as in `predict`.

        Returns:
            int64 array `(examples, ...)`: the outputs' shape without its last
            axis; with several labels, the outputs' shape.

        Raises:
            ValueError: if probabilities are needed and the outputs are none.
        """
        return predict_classes(
            self, x, batch_size, verbose, multi_label, **kwargs
        )
