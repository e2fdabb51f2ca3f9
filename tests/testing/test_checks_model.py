"""The checks of models catch broken models, and let healthy ones pass."""

import contextlib
import io

import keras
import pytest

import keras_extras
from keras_extras.testing import CheckFailure, check_model
from keras_extras.testing._runner import MODEL_CHECKS, make_subject, run_check
from tests.testing.broken import register
from tests.testing.broken_models import CORPUS, MoreInTraining, Net

BACKEND = keras.backend.backend()
HERE = [entry for entry in CORPUS if BACKEND in entry.only]


def failure_of(entry):
    """Returns what the check that is meant raises, those before it pass."""
    shapes = entry.input_shapes or (5,)
    subject = make_subject("test", entry.make(), shapes, None, 1, ())
    checks = {check.name: check for check in MODEL_CHECKS}
    for name in checks[entry.check].needs:
        run_check(checks[name], subject)
    with pytest.raises(CheckFailure) as caught:
        run_check(checks[entry.check], subject)
    return caught.value


def run_code(code, folder):
    """Runs code to paste, in an empty namespace and folder."""
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        exec(code, {})


@pytest.mark.filterwarnings("ignore")  # what Keras thinks of broken models
@pytest.mark.parametrize(
    "entry",
    HERE,
    ids=[f"{entry.cls.__name__}-{entry.check}" for entry in HERE],
)
def test_a_broken_model_is_caught(entry, tmp_path):
    failure = failure_of(entry)
    assert str(failure)
    assert failure.example
    if not entry.example:
        return
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any
        run_code(failure.example, tmp_path)
    assert not isinstance(caught.value, NameError | SyntaxError)
    line = f"import {entry.cls.__name__}\n"
    # The same code says nothing of the healthy parent.
    if entry.check not in NEEDS_ITSELF and "from_config({})" in failure.example:
        assert line in failure.example
        healthy = failure.example.replace(
            line, f"import Net as {entry.cls.__name__}\n"
        )
        run_code(healthy, tmp_path)


# Their examples speak of arguments, of shapes and of the class itself.
NEEDS_ITSELF = (
    "check_config_holds_arguments",
    "check_registered",
    "check_batch_sizes",
)


def test_the_corpus_has_enough_models():
    assert len({entry.cls for entry in CORPUS}) >= 20
    names = {check.name for check in MODEL_CHECKS}
    assert {entry.check for entry in CORPUS} <= names


@register
class Branches(keras_extras.models.Model):
    """As a user writes it: arguments, sublayers, `call`, and no more."""

    def __init__(self, widths, rate=0.25, residual=True, **kwargs):
        super().__init__(**kwargs)
        self.hidden = [
            keras_extras.layers.Dense(width, activation="tanh")
            for width in widths
        ]
        self.dropout = keras.layers.Dropout(rate)
        self.residual = residual
        self.head = keras_extras.layers.Dense(3)

    def call(self, inputs, training=False):
        hidden = inputs
        for layer in self.hidden:
            hidden = layer(hidden)
        hidden = self.dropout(hidden, training=training)
        outputs = self.head(hidden)
        return outputs + inputs[:, :3] if self.residual else outputs


@register
class TwoHeads(Net):
    """A dict of outputs."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.other = keras.layers.Dense(2)

    def build(self, input_shape):
        super().build(input_shape)
        self.other.build(self.hidden.compute_output_shape(input_shape))

    def call(self, inputs, training=False):
        return {
            "head": super().call(inputs, training=training),
            "other": self.other(self.hidden(inputs)),
        }


@register
class TakesDict(Net):
    """A dict of inputs."""

    def build(self, input_shape):
        super().build(input_shape["left"])

    def call(self, inputs, training=False):
        return super().call(inputs["left"] + inputs["right"], training=training)


def sequential():
    return keras.Sequential(
        [
            keras.Input((6, 5, 1)),
            keras.layers.Conv2D(2, 3, activation="tanh"),
            keras.layers.BatchNormalization(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(3),
        ]
    )


def two_inputs():
    left, right = keras.Input((4,)), keras.Input((3,))
    joined = keras.layers.Concatenate()([left, right])
    hidden = keras.layers.Dense(5, activation="tanh")(joined)
    return keras.Model([left, right], keras.layers.Dense(2)(hidden))


def two_outputs():
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(5, activation="tanh")(inputs)
    heads = [keras.layers.Dense(units)(hidden) for units in (2, 3)]
    return keras.Model(inputs, heads)


HEALTHY = {
    "sequential": (sequential, None),
    "sequential without Input": (
        lambda: keras.Sequential([keras.layers.Dense(3)]),
        None,
    ),
    "two inputs": (two_inputs, None),
    "two outputs": (two_outputs, None),
    "keras.Model": (Net, (5,)),
    "keras_extras.models.Model": (lambda: Branches([6, 5], 0.5), (4,)),
    "a dict of outputs": (TwoHeads, (5,)),
    "a dict of inputs": (TakesDict, {"left": (4,), "right": (4,)}),
    "MLP": (lambda: keras_extras.models.MLP([4], 3), (6,)),
    "ConvNet": (
        lambda: keras_extras.models.ConvNet([2], num_classes=3),
        (8, 6, 1),
    ),
}


LONG = ("two outputs", "a dict of inputs", "MLP")


def marks(name):
    if name in LONG:
        yield pytest.mark.full


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[*marks(name)]) for name in HEALTHY]
)
def test_a_healthy_model_passes(name):
    make, shapes = HEALTHY[name]
    results = check_model(
        make(),
        input_shapes=shapes,
        backends=(),
        on_fail=None,
        max_examples=1,
    )
    assert not results.failed, str(results)
    assert len(results) == len(MODEL_CHECKS)


def test_fit_of_several_arguments_is_skipped():
    @register
    class Adds(keras.Model):
        def call(self, left, right):
            return left + right

    results = check_model(
        Adds(),
        input_shapes=((4,), (4,)),
        backends=(),
        on_fail=None,
        max_examples=1,
    )
    (fit,) = (result for result in results if result.check == "check_fit")
    assert (fit.status, fit.reason[:3]) == ("skipped", "fit")


def test_outputs_that_change_in_training_are_named():
    (entry,) = (one for one in CORPUS if one.cls is MoreInTraining)
    failure = failure_of(entry)
    assert str(failure) == (
        "it gives the shapes [(2, 3)], in training [(2, 3), (2, 4)]"
    )
