"""Matrices per epoch, against scikit-learn."""

import keras
import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from keras_extras.callbacks import ConfusionMatrixRecorder
from tests.callbacks import small

X, Y = small.data()


def fit(model, *callbacks, y=Y, **arguments):
    return model.fit(
        X,
        y,
        verbose=0,
        callbacks=list(callbacks),
        **{
            "batch_size": 16,
            "epochs": 2,
            "shuffle": small.SHUFFLE,
            **arguments,
        },
    )


def expected(model):
    guess = model.predict(X, verbose=0).argmax(axis=1)
    return confusion_matrix(Y, guess, labels=[0, 1])


@pytest.mark.parametrize("kind", small.KINDS)
def test_matrices_are_those_of_scikit_learn(kind):
    model = small.model(kind)
    plain = ConfusionMatrixRecorder(X, Y)
    batches = ConfusionMatrixRecorder(small.Batches(X, Y), every=2)
    onehot = ConfusionMatrixRecorder(X, np.eye(2)[Y], batch_size=5)
    for run in (1, 2):
        fit(model, plain, batches, onehot)
        for recorder in (plain, batches, onehot):
            np.testing.assert_array_equal(
                recorder.matrices[2 * run], expected(model)
            )
    assert list(plain.matrices) == [1, 2, 3, 4]
    assert list(batches.matrices) == [2, 4]


def test_the_fit_is_not_changed():
    histories = []
    for callbacks in ([], [ConfusionMatrixRecorder(X, Y)]):
        model = small.model()
        keras.utils.set_random_seed(5)
        histories.append(fit(model, *callbacks).history)
    assert histories[0] == histories[1]


def test_one_probability_and_one_logit():
    def model(activation):
        result = keras.Sequential(
            [keras.Input((4,)), keras.layers.Dense(1, activation)]
        )
        result.compile("sgd", loss="mse", jit_compile=False)
        return result

    recorder, trained = ConfusionMatrixRecorder(X, Y), model("sigmoid")
    fit(trained, recorder, epochs=1)
    guess = trained.predict(X, verbose=0)[:, 0] > 0.5
    np.testing.assert_array_equal(
        recorder.matrices[1], confusion_matrix(Y, guess, labels=[0, 1])
    )
    with pytest.raises(ValueError, match="End the model with a softmax"):
        fit(model(lambda x: 9 + x), recorder, epochs=1)


def test_a_diverged_model_does_not_end_its_training():
    model, recorder = small.model(), ConfusionMatrixRecorder(X, Y)
    model.set_weights([np.full_like(w, np.nan) for w in model.get_weights()])
    fit(model, recorder, epochs=1)
    assert recorder.matrices[1].sum() == len(X)


def test_frame_and_plot():
    recorder = ConfusionMatrixRecorder(X, Y, class_names=["no", "yes"])
    fit(small.model(), recorder)
    frame = recorder.frame()
    assert list(frame.columns) == ["epoch", "true", "predicted", "count"]
    assert len(frame) == 2 * 4
    line = frame.query("epoch == 2 and true == 'yes' and predicted == 'no'")
    assert line["count"].item() == recorder.matrices[2][1, 0]
    assert recorder.plot().matrix is recorder.matrices[2]
    assert recorder.plot(epoch=1).class_names == ["no", "yes"]
    with pytest.raises(ValueError, match=r"one of \[1, 2\]. Received: epoch=3"):
        recorder.plot(epoch=3)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"every": 0}, ValueError, "every must be a positive integer"),
        ({"every": 1.5}, TypeError, "every must be a positive integer"),
        ({"y": None}, ValueError, "y must be the true classes, unless"),
        ({"y": [[0.5], [1]]}, ValueError, "y must be class numbers 0, 1"),
        ({"y": [-1, 0]}, ValueError, "y must be class numbers 0, 1"),
        ({"y": ["a", "b"]}, ValueError, "y must be class numbers 0, 1"),
    ],
    ids=str,
)
def test_wrong_arguments_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        ConfusionMatrixRecorder(**{"x": X, "y": Y, **arguments})


def test_as_many_classes_as_examples():
    recorder = ConfusionMatrixRecorder(X, Y[:-1])
    with pytest.raises(ValueError, match="each of the 48 examples"):
        fit(small.model(), recorder)


def test_too_few_class_names_are_refused_before_anything_is_lost():
    words = r"class_names must be one name for each of the 2 classes.*\['a'\]"
    with pytest.raises(ValueError, match=words):
        ConfusionMatrixRecorder(X, Y, class_names=["a"])
    # What only the model's outputs or the batches tell, in the first epoch.
    for recorder in (
        ConfusionMatrixRecorder(X, 0 * Y, class_names=["a"]),
        ConfusionMatrixRecorder(small.Batches(X, Y), class_names=["a"]),
    ):
        with pytest.raises(ValueError, match=words):
            fit(small.model(), recorder)
        assert recorder.matrices == {}
