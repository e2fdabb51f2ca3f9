import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from keras_extras.plotting._outputs import class_probabilities, predicted

shares = st.floats(0, 1, width=32)


@given(arrays.arrays("float32", st.integers(0, 9), elements=shares))
def test_one_output_is_two_classes(p):
    for shaped in (p, p[:, None]):
        found = class_probabilities("who", "model", shaped)
        assert found.shape == (len(p), 2)
        np.testing.assert_array_equal(found[:, 1], p)
        np.testing.assert_allclose(found.sum(axis=1), 1)


def test_probabilities_pass():
    given = [[0.2, 0.8, 0.0], [1.0, 0.0, 0.0]]
    assert class_probabilities("who", "model", given).tolist() == given


@given(
    arrays.arrays(
        "float64",
        (4, 3),
        elements=st.floats(-800, 800).filter(lambda x: abs(x) > 1.1),
    )
)
def test_logits_become_their_softmax(logits):
    found = class_probabilities("who", "model", logits)
    for row, z in zip(found, logits, strict=True):
        for one, number in zip(row, z, strict=True):
            assert one == pytest.approx(
                1 / np.exp(np.minimum(z - number, 700)).sum()
            )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([[-3.0]], "model must be probabilities .* sigmoid"),
        ([2.0], "model must be probabilities"),
        (np.zeros((2, 2, 2)), r"of shape \(n,\), \(n, 1\) or \(n, classes\)"),
    ],
    ids=["logit", "two", "axes"],
)
def test_what_is_no_prediction_is_refused(values, words):
    with pytest.raises(ValueError, match=words):
        class_probabilities("who", "model", values)


def test_a_model_predicts_without_a_word(capsys):
    model = keras.Sequential([keras.layers.Rescaling(2.0)])
    found = predicted("who", model, np.ones((3, 2), "float32"))
    assert found.tolist() == [[2, 2]] * 3
    assert capsys.readouterr().out == ""


def test_what_has_not_one_output_is_refused():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, [inputs * 2, inputs * 3])
    with pytest.raises(TypeError, match=r"one output. Received: model='2 outp"):
        predicted("who", model, np.ones((3, 2), "float32"))
    with pytest.raises(TypeError, match="model must be a Keras model"):
        predicted("who", "model.keras", np.ones((3, 2)))
