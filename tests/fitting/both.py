"""The same training twice: by Keras's own `fit`, and by ours."""

import keras
import numpy as np

import keras_extras

BACKEND = keras.backend.backend()


class Net(keras_extras.models.Model):
    """A small network of the layers it is given."""

    pure_call = True

    def __init__(self, *layers, **kwargs):
        super().__init__(**kwargs)
        self.parts = list(layers)

    def call(self, inputs, training=None):
        for layer in self.parts:
            inputs = layer(inputs)
        return inputs


def dense(activation="tanh", **options):
    return Net(
        keras.layers.Dense(6, activation=activation, **options),
        keras.layers.Dense(3, activation="softmax"),
    )


def data(examples=70, features=5):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(examples, features)).astype("float32")
    return x, generator.integers(0, 3, examples)


def compiled(model, optimizer=None, **options):
    model.compile(
        optimizer or keras.optimizers.SGD(0.1, momentum=0.9),
        **{
            "loss": "sparse_categorical_crossentropy",
            "metrics": ["accuracy"],
            **options,
        },
    )
    return model


def fitted(model, is_ours, *arguments, **options):
    """Fits in one of the two ways; `batch_size` and `verbose` as it suits."""
    method = model.fit if is_ours else keras.Model.fit.__get__(model)
    options = {"batch_size": 8, "verbose": 0, "shuffle": False, **options}
    return method(*(arguments or data()), **options).history


def left_behind(model):
    """Returns all that can be compared after a fit."""
    variables = [*model.variables, *model.metrics_variables]
    if model.optimizer is not None:
        variables += model.optimizer.variables
    if BACKEND == "torch":
        gradients = [variable.value.grad for variable in model.variables]
        variables += [g for g in gradients if g is not None]
    arrays = [keras.ops.convert_to_numpy(v) for v in variables]
    if BACKEND == "tensorflow":  # symbolic ones are left there
        return arrays, []
    return arrays, list(map(keras.ops.convert_to_numpy, model.losses))


def check_same(script, ways=None):
    """Checks that a script leaves the same, whoever fits.

    Args:
        script: function of whether it is ours that makes a model, fits it, and
            returns it with anything else to be compared, or raises an error,
            which has to be the same one.
        ways: what `fit_path` has to say of the last fit, if known.
    """
    results, model = [], None
    for is_ours in (False, True):
        keras.utils.set_random_seed(0)
        try:
            model, *rest = script(is_ours)
        except Exception as error:  # Keras refuses it: so do we
            results.append(([], [], [type(error), str(error)]))
            continue
        results.append((*left_behind(model), rest))
        if is_ours and ways is not None:
            path = [epoch.way for epoch in model.fit_path]
            assert path == list(ways), model.fit_path
    stock, ours = results
    assert repr(ours[2:]) == repr(stock[2:])  # where NaN is NaN
    for mine, other in zip(ours[:2], stock[:2], strict=True):
        assert len(mine) == len(other)
        for a, b in zip(mine, other, strict=True):
            np.testing.assert_array_equal(a, b)
    return model


FAST = "replayed" if BACKEND == "torch" else "joined"
