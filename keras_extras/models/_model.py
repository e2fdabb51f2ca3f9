"""A subclassed model that keeps what `keras.Model` loses.

config = the arguments of the call that made the model
build  = one symbolic pass through `call`, so that every sublayer exists
"""

import keras
import numpy as np

from keras_extras._config import FromCall
from keras_extras._errors import wrong


@keras.saving.register_keras_serializable(package="keras_extras")
class Model(FromCall, keras.Model):
    """Base of subclassed models: true config, true shapes, class predictions.

    `keras.Model` saves a subclass without `get_config` as if it had been made
    with its default arguments, leaves its sublayers unbuilt after `build`, and
    prints "?" for their shapes. Here a subclass writes `__init__` and `call`,
    and the rest follows:

    - the config holds the real arguments of the constructor, whether they are
      stored or not, in subclasses of subclasses too;
    - `build(input_shape)` builds all sublayers, so that `summary()` shows
      their output shapes, with `None` for the batch, and parameter counts;
    - `predict_proba` and `predict_classes` answer the question asked.

    Arguments should be plain values, initializers, layers or registered
    functions; layers given as arguments are saved with the model.

    Args:
        **kwargs: `name`, `dtype`, `trainable`, as in `keras.Model`.

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

    def __init__(self, *args, **kwargs):
        if args or "inputs" in kwargs or "outputs" in kwargs:
            raise TypeError(
                f"{type(self).__name__}: this is the base of subclassed "
                "models and takes name, dtype and trainable only. Use "
                "keras.Model(inputs, outputs) for a functional model."
            )
        super().__init__(**kwargs)

    def build(self, input_shape):
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
        try:
            self.call(inputs)
        except Exception:  # `call` may use functions that take real tensors
            self.compute_output_spec(inputs)

    def _argument(self, name):
        return self._made_with[name]  # stored or not, as it was given

    def predict_proba(self, x, batch_size=None, verbose="auto", **kwargs):
        """Returns the predicted probabilities, which `predict` gives.

        Args:
            x: inputs, as in `predict`.
            batch_size: int, examples per step; `None` means 32.
            verbose: `"auto"`, 0, 1 or 2, as in `predict`.
            **kwargs: `steps` and `callbacks`, as in `predict`.

        Returns:
            Array `(examples, ..., classes)` of numbers from 0 to 1.

        Raises:
            ValueError: if the outputs are not in that range.
        """
        return self._checked_proba(
            self._predict_array(x, batch_size, verbose, **kwargs)
        )

    def predict_classes(self, x, batch_size=None, verbose="auto", **kwargs):
        """Returns the most probable class of each example.

        With several outputs per example that is the index of the largest one
        (logits serve as well as probabilities); with a single one it is 1
        where the probability is above 0.5.

        Args:
            x: inputs, as in `predict`.
            batch_size: int, examples per step; `None` means 32.
            verbose: `"auto"`, 0, 1 or 2, as in `predict`.
            **kwargs: `steps` and `callbacks`, as in `predict`.

        Returns:
            int64 array `(examples, ...)`: the outputs' shape without its last
            axis.

        Raises:
            ValueError: if there is a single output per example and it is not
                a probability.
        """
        outputs = self._predict_array(x, batch_size, verbose, **kwargs)
        if outputs.shape[-1] > 1:
            return np.argmax(outputs, axis=-1)
        return (self._checked_proba(outputs)[..., 0] > 0.5).astype("int64")

    def _predict_array(self, x, batch_size, verbose, **kwargs):
        outputs = self.predict(
            x, batch_size=batch_size, verbose=verbose, **kwargs
        )
        if not isinstance(outputs, np.ndarray):
            raise TypeError(
                f"{type(self).__name__}: predict_proba and predict_classes "
                "need a model with one output. Received: "
                f"{len(outputs)} outputs. Use predict."
            )
        return outputs

    def _checked_proba(self, outputs):
        slack = 1e-3  # rounding in half precision
        low, high = np.min(outputs, initial=0), np.max(outputs, initial=1)
        if low < -slack or high > 1 + slack:
            raise wrong(
                self,
                "outputs",
                "probabilities, from 0 to 1",
                (float(low), float(high)),
                fix="End the model with a softmax or sigmoid, or use predict.",
            )
        return outputs
