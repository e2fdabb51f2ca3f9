import tracemalloc

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from keras_extras.datasets import _prepare, load_mnist, prepare


@st.composite
def pairs(draw, size=4):
    n = draw(st.integers(2, 12))
    images = draw(hnp.arrays("uint8", (n, size, size)))
    labels = draw(hnp.arrays("uint8", n, elements=st.integers(0, 6)))
    return images, labels


@given(train=pairs(), test=pairs())
def test_the_formulas_by_hand(train, test):
    x, y = train
    for scaling, scaled in (
        ("unit", lambda images: images / 255),
        ("signed", lambda images: images / 127.5 - 1),
        ("standard", lambda images: (images - x.mean(0)) / (x.std() or 1)),
    ):
        result = prepare(train, test, scaling=scaling)
        for (inputs, targets), (images, labels) in zip(
            result, (train, test), strict=True
        ):
            assert inputs.dtype == np.float32
            assert inputs.shape == (*images.shape, 1)
            np.testing.assert_allclose(
                inputs[..., 0], scaled(images), rtol=1e-4, atol=1e-5
            )
            assert targets.dtype == np.int32
            assert targets.tolist() == labels.tolist()

    count = 1 + max(y.max(), test[1].max())
    for (_, rows), (_, labels) in zip(
        prepare(train, test, one_hot=True), (train, test), strict=True
    ):
        assert rows.dtype == np.float32
        assert rows.tolist() == np.eye(count)[labels].tolist()


def test_statistics_are_those_of_the_training_part_alone():
    images = np.zeros((10, 2, 2), "uint8")
    images[5:] = 200
    labels = np.repeat([0, 1], 5)
    results = prepare(
        (images, labels),
        (np.full((3, 2, 2), 255, "uint8"), np.zeros(3, int)),
        scaling="standard",
        validation_size=2,
        seed=0,
    )
    train, validation, test = [inputs for inputs, _ in results]
    assert abs(train.mean()) < 1e-6
    assert train.std() == pytest.approx(1, abs=1e-6)
    assert (len(train), len(validation), len(test)) == (8, 2, 3)
    np.testing.assert_allclose(test, (255 - 100) / 100, rtol=1e-5)


def test_each_class_has_its_share_of_the_validation():
    data = np.zeros((20, 2, 2), "uint8"), np.repeat([0, 1], 10)
    for seed in range(8):
        _, (_, targets) = prepare(data, validation_size=6, seed=seed)
        assert targets.tolist() == [0, 0, 0, 1, 1, 1]


def test_the_split_is_that_of_the_seed():
    def split(seed):
        data = load_mnist(kind="test")
        return prepare(data, validation_size=0.1, seed=seed)[1][1].tolist()

    assert split(1) == split(1) != split(2)


def test_color_images_keep_their_axes():
    ((inputs, _),) = prepare((np.zeros((2, 5, 6, 3), "uint8"), [0, 1]))
    assert inputs.shape == (2, 5, 6, 3)


def test_num_classes_is_the_length_of_the_rows():
    ((_, rows),) = prepare(
        (np.zeros((2, 3, 3), "uint8"), [0, 1]), one_hot=True, num_classes=5
    )
    assert rows.shape == (2, 5)


def test_a_course_runs_on_it():
    train, validation, test = prepare(
        *load_mnist(kind="both"),
        scaling="standard",
        validation_size=500,
        one_hot=True,
        seed=0,
    )
    model = keras.Sequential(
        [keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    )
    model.compile(loss="categorical_crossentropy", metrics=["accuracy"])
    x, y = train
    model.fit(x, y, validation_data=validation, epochs=1, verbose=0)
    assert model.evaluate(*test, verbose=0)[1] > 0.8


IMAGES = np.zeros((2, 3, 3), "uint8")


@pytest.mark.parametrize(
    ("given_pairs", "arguments", "error", "words"),
    [
        ([(IMAGES, [0, 1])], {"scaling": "std"}, ValueError, "one of"),
        ([IMAGES], {}, TypeError, r"train must be a pair"),
        # what a loader returns, without the star
        (
            [((IMAGES, [0, 1]), (IMAGES, [0, 1]))],
            {},
            TypeError,
            r"train='\(\(ndarray, list\), \(ndarray, list\)\)'.*\(\*load",
        ),
        ([(IMAGES, [0, 1]), (IMAGES,)], {}, TypeError, r"others\[0\]"),
        ([(IMAGES, [0])], {}, ValueError, "the same number"),
        ([(IMAGES, [[0, 1]])], {}, ValueError, r"labels \(count,\)"),
        ([(IMAGES, [0, 2**32 + 5])], {}, ValueError, "4294967301"),
        ([(IMAGES, [0.0, 1.0])], {}, TypeError, r"train\[1\].dtype"),
        ([(IMAGES / 255, [0, 1])], {}, TypeError, "unsigned"),
        ([(IMAGES, [0, 1])], {"validation_size": 2}, ValueError, "each part"),
        (
            [(IMAGES, [0, 3])],
            {"one_hot": True, "num_classes": 3},
            ValueError,
            "from 0 to 2",
        ),
    ],
)
def test_what_is_no_data_is_refused(given_pairs, arguments, error, words):
    with pytest.raises(error, match=words):
        prepare(*given_pairs, **arguments)


def test_labels_of_cifar_are_taken_as_they_come():
    labels = np.array([[0], [2], [1], [2]], "uint8")
    images = np.zeros((4, 2, 2, 3), "uint8")
    ((_, y),) = prepare((images, labels))
    assert y.tolist() == [0, 2, 1, 2]
    ((_, rows),) = prepare((images, labels), one_hot=True)
    assert rows.shape == (4, 3)


@pytest.mark.parametrize("scaling", ["unit", "signed", "standard"])
def test_preparing_takes_little_more_memory_than_its_result(
    scaling, monkeypatch
):
    monkeypatch.setattr(_prepare, "_BLOCK", 1 << 14)
    images = np.random.default_rng(0).integers(0, 256, (20_000, 20, 10))
    images, labels = images.astype("uint8"), np.arange(20_000) % 10
    tracemalloc.start()
    try:
        parts = prepare(
            (images, labels), scaling=scaling, validation_size=0.2, seed=0
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    total = sum(x.nbytes for x, _ in parts)
    assert peak < 1.2 * total + 40 * _prepare._BLOCK
