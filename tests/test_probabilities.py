"""Outputs as probabilities and classes: all who ask get one answer."""

import functools

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from keras_extras import _probabilities
from keras_extras._probabilities import class_numbers, class_probabilities
from keras_extras.callbacks import ConfusionMatrixRecorder
from keras_extras.models import predict_classes, predict_proba
from keras_extras.plotting import (
    ClassAccuracyDisplay,
    ConfusionMatrixDisplay,
    DecisionBoundaryDisplay,
    ImagesDisplay,
)
from keras_extras.reports._outcome import Classes, outcome

losses = keras.losses
shares = st.floats(0, 1, width=32)


class Derived(losses.BinaryCrossentropy):
    """A loss of a user's own."""


class Silent(losses.SparseCategoricalCrossentropy):
    """A loss whose config does not tell of logits."""

    def get_config(self):
        return {}


class Own(losses.Loss):
    """A loss that says that it takes logits, and nothing else."""

    def __init__(self):
        super().__init__()
        self.from_logits = True


class Fixed(keras.Model):
    """Predicts what it was made with; nothing is known of its last layer."""

    def __init__(self, outputs, loss=None):
        super().__init__()
        self.outputs_given = np.asarray(outputs, "float32")
        self.asked_loss = loss
        if loss is not None:
            self.compile("sgd", loss)

    def predict(self, x, **options):
        return self.outputs_given[: len(x)]


def sigmoid(x):
    return 1 / (1 + np.exp(-np.clip(x.astype("float64"), -700, 700)))


def softmax(x):
    powers = np.exp(x.astype("float64") - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


BINARY = [
    losses.BinaryCrossentropy(from_logits=True),
    [losses.BinaryFocalCrossentropy(from_logits=True)],
    {"out": Derived(from_logits=True)},
    functools.partial(losses.binary_crossentropy, from_logits=True),
]
CATEGORICAL = [
    losses.CategoricalCrossentropy(from_logits=True),
    losses.CategoricalFocalCrossentropy(from_logits=True),
    Silent(from_logits=True),
    functools.partial(losses.sparse_categorical_crossentropy, from_logits=True),
]
PROBABILITIES = [
    None,
    "binary_crossentropy",
    "BinaryCrossentropy",
    losses.BinaryCrossentropy(),
    losses.SparseCategoricalCrossentropy(),
    losses.categorical_crossentropy,
    "mse",
]
CASES = [
    *[(loss, sigmoid) for loss in BINARY],
    *[(loss, softmax) for loss in CATEGORICAL],
    *[(loss, None) for loss in PROBABILITIES],
]
LOGITS = st.floats(-900, 900, width=32)


class Recorded(ConfusionMatrixRecorder):
    """A recorder that is asked without a fit."""

    def matrix(self, model):
        self.set_model(model)
        self.on_train_begin()
        self.on_epoch_end(0)
        return self.matrices[1]


@given(st.sampled_from(CASES), st.sampled_from([1, 2, 3]), st.data())
def test_all_who_ask_get_one_answer(case, columns, data):
    loss, function = case
    if columns == 1 and function is softmax:
        function = sigmoid  # the only one that makes sense
    elements = shares if function is None else shares | LOGITS
    shape = st.tuples(st.integers(1, 6), st.just(columns))
    outputs = data.draw(arrays.arrays("float32", shape, elements=elements))
    count = len(outputs)
    y = np.arange(count) % max(columns, 2)
    model, x = Fixed(outputs, loss), np.zeros((count, 4, 4), "float32")

    expected = outputs if function is None else function(outputs)
    got = predict_proba(model, x)
    np.testing.assert_allclose(got, expected, atol=1e-6)
    if columns == 1:
        threshold = 0.5 if function is None else 0
        guess = (outputs[:, 0] > threshold).astype(int)
        expected = np.concatenate([1 - expected, expected], axis=1)
    else:
        guess = outputs.argmax(axis=1)
    assert predict_classes(model, x, multi_label=False).tolist() == [*guess]

    matrix = np.zeros((max(columns, 2),) * 2, int)
    np.add.at(matrix, (y, guess), 1)
    display = ConfusionMatrixDisplay.from_model(model, x, y)
    np.testing.assert_array_equal(display.matrix, matrix)
    accuracy = ClassAccuracyDisplay.from_model(model, x, y)
    np.testing.assert_array_equal(accuracy.correct, np.diagonal(matrix))
    np.testing.assert_array_equal(Recorded(x, y).matrix(model), matrix)
    images = ImagesDisplay.from_model(model, x, y)
    assert images.wrong.tolist() == [*(guess != y)]
    told = outcome(model, x, y, 32)
    assert isinstance(told, Classes)
    assert told.guess.tolist() == [*guess]
    np.testing.assert_allclose(told.probabilities, expected, atol=1e-6)


def test_small_positive_logits_of_one_unit_are_class_1():
    logits = np.linspace(0.17, 0.84, 64)[:, None]
    model = Fixed(logits, losses.BinaryCrossentropy(from_logits=True))
    x, y = np.zeros((64, 2)), np.arange(64) % 2
    assert predict_classes(model, x).tolist() == [1] * 64
    display = ConfusionMatrixDisplay.from_model(model, x, y)
    assert display.matrix.tolist() == [[0, 32], [0, 32]]


def test_three_logits_from_0_to_1_are_normalized():
    logits = np.full((6, 3), [0.1, 0.2, 0.9])
    model = Fixed(logits, losses.CategoricalCrossentropy(from_logits=True))
    display = ImagesDisplay.from_model(
        model, np.zeros((6, 2, 2)), [2] * 6, max_images=1
    )
    assert display.captions == ["2 (51%)"]


def test_the_plane_is_colored_by_the_loss():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    model.compile("sgd", losses.CategoricalCrossentropy(from_logits=True))
    display = DecisionBoundaryDisplay.from_model(
        model, np.eye(2) * 0.01, [0, 1], resolution=3
    )
    np.testing.assert_allclose(display.probabilities.sum(axis=-1), 1)


@pytest.mark.parametrize("loss", [BINARY[0], CATEGORICAL[0]])
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("kind", ["chain", "graph"])
def test_what_the_last_layer_made_stays(loss, nested, activation, kind):
    layers = [
        keras.layers.Dense(3, activation=activation),
        keras.layers.Activation(activation),
    ]
    x = np.random.default_rng(0).normal(size=(4, 2)).astype("float32")
    for last in (*layers, *[keras.layers.Softmax()] * (activation[1] == "o")):
        if kind == "chain":
            model = keras.Sequential([keras.Input((2,)), last])
            if nested:
                model = keras.Sequential([keras.Input((2,)), model])
        else:
            inputs = keras.Input((2,))
            model = keras.Model(inputs, last(inputs))
        model.compile("sgd", loss)
        np.testing.assert_allclose(
            predict_proba(model, x, verbose=0), model.predict(x, verbose=0)
        )


@pytest.mark.parametrize("loss", [Own(), lambda y, p: p, None, "mse"])
def test_logits_of_unknown_kind_are_refused_but_their_largest_is_known(loss):
    model = Fixed([[3.0, -1.0], [-2.0, 5.0]], loss)
    x, y = np.zeros((2, 2, 2)), [0, 1]
    for ask in (
        lambda: predict_proba(model, x),
        lambda: ImagesDisplay.from_model(model, x, y),
    ):
        with pytest.raises(ValueError, match=r"must be .*(softmax|Derive)"):
            ask()
    assert predict_classes(model, x).tolist() == [0, 1]
    display = ConfusionMatrixDisplay.from_model(model, x, y)
    assert display.matrix.tolist() == [[1, 0], [0, 1]]
    told = outcome(model, x, y, 32)
    assert told.probabilities is None
    assert told.caption(0, ["no", "yes"]) == "no"


def test_one_number_beyond_1_is_refused_unless_it_is_a_logit():
    x, y = np.zeros((2, 2)), [0, 1]
    for ask in (
        lambda model: predict_classes(model, x),
        lambda model: ConfusionMatrixDisplay.from_model(model, x, y),
        lambda model: Recorded(x, y).matrix(model),
    ):
        with pytest.raises(ValueError, match="from 0 to 1"):
            ask(Fixed([[2.0], [-1.0]]))
        ask(Fixed([[2.0], [-1.0]], Own()))


def test_several_labels_are_each_asked():
    outputs = [[0.2, -0.1, 0.7], [-3.0, 2.0, 0.4]]
    model = Fixed(outputs, BINARY[2])
    x = np.zeros((2, 2))
    assert predict_classes(model, x).tolist() == [[1, 0, 1], [0, 1, 1]]
    with pytest.raises(ValueError, match="one class per example"):
        ConfusionMatrixDisplay.from_model(model, x, [[1, 0, 1], [0, 1, 1]])


def test_one_output_in_a_list_is_one_output():
    for outputs in ([np.ones(3)], {"out": np.ones(3)}):
        found = _probabilities.single_output("owner", outputs)
        assert found.tolist() == [1, 1, 1]


def test_a_model_predicts_without_a_word(capsys):
    model = keras.Sequential([keras.layers.Rescaling(2.0)])
    found = _probabilities.predicted("owner", model, np.ones((3, 2), "float32"))
    assert found.tolist() == [[2, 2]] * 3
    assert capsys.readouterr().out == ""


def test_what_has_not_one_output_is_refused():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, [inputs * 2, inputs * 3])
    x = np.ones((3, 2), "float32")
    with pytest.raises(TypeError, match=r"one output. Received: model='2 outp"):
        _probabilities.predicted("owner", model, x)
    with pytest.raises(TypeError, match="model must be a Keras model"):
        _probabilities.predicted("owner", "model.keras", x)


# --- without a model ---------------------------------------------------------


@given(arrays.arrays("float32", st.integers(0, 9), elements=shares))
def test_one_output_is_two_classes(p):
    for shaped in (p, p[:, None]):
        found = class_probabilities("owner", "model", shaped)
        assert found.shape == (len(p), 2)
        np.testing.assert_array_equal(found[:, 1], p)
        np.testing.assert_allclose(found.sum(axis=1), 1)


def test_probabilities_pass():
    given = [[0.2, 0.8, 0.0], [1.0, 0.0, 0.0]]
    assert class_probabilities("owner", "model", given).tolist() == given


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[-3.0]], "p must be probabilities.* sigmoid"),
        ([2.0], "p must be probabilities"),
        ([[2.0, 3.0]], "p must be probabilities.*softmax"),
        (np.zeros((2, 2, 2)), r"of shape \(n,\), \(n, 1\) or \(n, classes\)"),
    ],
    ids=["logit", "two", "logits", "axes"],
)
def test_what_is_no_prediction_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        class_probabilities("owner", "p", values)


@given(
    arrays.arrays(
        st.sampled_from(["int64", "uint8", "int32", "float32"]),
        st.integers(0, 20),
        elements=st.integers(0, 200),
    )
)
def test_class_numbers_pass(numbers):
    for shaped in (numbers, numbers[:, None], numbers.tolist()):
        found = class_numbers("owner", "labels", shaped)
        assert found.dtype == "int64"
        assert found.tolist() == numbers.tolist()


@given(
    arrays.arrays(
        "float32",
        st.tuples(st.integers(1, 8), st.integers(2, 5)),
        elements=st.floats(0, 1, width=32),
        unique=True,
    )
)
def test_the_largest_column_is_the_class(probabilities):
    numbers = class_numbers("owner", "predictions", probabilities)
    assert [row[i] for row, i in zip(probabilities, numbers, strict=True)] == [
        max(row) for row in probabilities
    ]


@pytest.mark.parametrize(
    "values", [[0.5, 1.0], [-1, 0], ["a"], np.zeros((2, 2, 2)), 3, [np.nan]]
)
def test_other_values_are_no_classes(values):
    with pytest.raises(ValueError, match="owner: labels must be class numbers"):
        class_numbers("owner", "labels", values)
