"""The recipes: what is done to images, and that each can be trained."""

import keras
import numpy as np
import pytest

from keras_extras import datasets
from keras_extras.cli import _recipes as recipes
from keras_extras.cli import _training
from keras_extras.history import history_frame

IMAGES = datasets.load_mnist(kind="train")[0][:50]
TEST = datasets.load_mnist(kind="test")[0][:20]


def few(count=60, classes=10):
    """Returns the first digits of the classes, half to train, half to test."""
    images, labels = datasets.load_mnist(kind="train")
    found = np.flatnonzero(labels < classes)[:count]
    half = count // 2
    images, labels = images[found], labels[found]
    return _training.Images(
        images[:half], labels[:half], images[half:], labels[half:], "few"
    )


def test_centered_rows_use_the_training_images_alone():
    prepared = recipes.centered_rows(IMAGES)(TEST)
    mean = IMAGES.reshape(50, 784).astype("float64").mean(axis=0)
    expected = (TEST.reshape(20, 784) - mean) / IMAGES.astype("float64").std()
    assert prepared.dtype == "float32"
    assert np.allclose(prepared, expected, atol=1e-5)
    train = recipes.centered_rows(IMAGES)(IMAGES)
    assert np.allclose(train.mean(axis=0), 0, atol=1e-5)


def test_rows_and_images_are_from_0_to_1():
    assert np.array_equal(
        recipes.unit_rows(IMAGES)(TEST),
        (TEST.reshape(20, 784) / 255).astype("float32"),
    )
    assert recipes.unit_images(IMAGES)(TEST).shape == (20, 28, 28, 1)


def test_colored_images_have_the_digit_in_their_middle():
    colored = recipes.colored_32(IMAGES)(TEST)
    assert colored.shape == (20, 32, 32, 3)
    assert np.allclose(colored[:, 2:-2, 2:-2, 1], TEST / 255)
    assert not colored[:, :2].any()
    with pytest.raises(ValueError, match="at most 32 x 32"):
        recipes.colored_32(np.zeros((2, 40, 28), "uint8"))


def test_ink_of_thirds_is_the_mean_of_rows():
    ink = recipes.ink_of_thirds(IMAGES)
    for images in (IMAGES, TEST):
        parts = images[:, :10], images[:, 10:19], images[:, 19:]
        assert ink(images).shape == (len(images), 3)
        for column, part in enumerate(parts):
            mean = part.mean(axis=(1, 2))
            assert np.corrcoef(ink(images)[:, column], mean)[0, 1] > 0.9999
    assert np.allclose(ink(IMAGES).std(axis=0), 1, atol=1e-4)


@pytest.mark.parametrize("first", [False, True])
def test_the_validation_images_are_no_test_images(first):
    one, images = recipes.find_recipe("mnist-convnet"), few(80)
    data = _training.prepare(
        one, images, data_format="channels_first" if first else None, seed=3
    )
    sizes = [len(part[1]) for part in data]
    assert sizes == [36, 4, 40]
    assert data.train[0].shape[1:] == ((1, 28, 28) if first else (28, 28, 1))
    together = np.concatenate([data.train[0], data.validation[0]])
    rows = np.sort(together.reshape(40, -1).astype("float64").sum(axis=1))
    sums = images.train_images.reshape(40, -1).sum(axis=1) / 255
    assert np.allclose(rows, np.sort(sums), atol=1e-2)
    assert np.array_equal(data.test[1], images.test_labels)


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_each_recipe_has_a_model_for_its_inputs(name):
    one, images = recipes.find_recipe(name), few()
    data = _training.prepare(one, images, data_format=None, seed=0)
    model = _training.make_model(name, 10, data.train[0].shape[1:])
    inputs = keras.KerasTensor((2, *data.train[0].shape[1:]))
    outputs = model.compute_output_spec(inputs)
    assert outputs.shape == (2, 1 if one.only_class is not None else 10)
    assert set(np.unique(data.train[1])) <= set(range(10))
    assert keras.optimizers.serialize(one.optimizer(100))
    assert one.course in range(6)


@pytest.mark.parametrize(
    ("name", "data_format"),
    [("mlp-3-4-4-1", None), ("idx-mlp", None), ("lenet", "channels_first")],
)
def test_training_tests_on_the_test_images(name, data_format, monkeypatch):
    """Two classes; early stopping; augmentation with channels first."""
    images = few(40)
    shorter = recipes.RECIPES[name]._replace(patience=1, batch_size=18)
    monkeypatch.setitem(recipes.RECIPES, name, shorter)
    trained = _training.train(name, images, epochs=2, data_format=data_format)
    inputs, labels = trained.data.test
    if name == "lenet":
        assert inputs.shape == (20, 3, 32, 32)
    outputs = trained.model.predict(inputs, verbose=0)
    guess = outputs.argmax(1) if outputs.shape[1] > 1 else outputs[:, 0] > 0.5
    assert trained.accuracy == pytest.approx(np.mean(guess == labels), abs=1e-6)


def test_the_same_seed_gives_the_same_training():
    images, losses = few(), []
    for seed in (3, 3, 4):
        trained = _training.train("mlp-15", images, epochs=1, seed=seed)
        losses.append(history_frame(trained.recorder)["loss"].iloc[0])
    assert losses[0] == losses[1] != losses[2]


def test_an_unknown_recipe_is_refused():
    with pytest.raises(ValueError, match=r"one of \('mlp', 'convnet'"):
        recipes.find_recipe("resnet")
