import collections
import math
from fractions import Fraction

import keras
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from keras_extras.datasets import class_weights, train_validation_split

SEEDS = st.integers(0, 2**32)
CLASSES = st.lists(st.integers(-2, 4), min_size=2, max_size=60)


@given(
    n=st.integers(2, 60),
    share=st.decimals(0, 1, places=2).map(float),
    seed=SEEDS,
    stratify=st.booleans(),
)
def test_each_example_is_in_one_part_with_all_that_belongs_to_it(
    n, share, seed, stratify
):
    count = math.ceil(Fraction(str(share)) * n)
    assume(0 < count < n)
    x = np.arange(3 * n).reshape(n, 3)
    y = np.arange(n)

    train, validation = train_validation_split(
        x,
        y,
        validation_size=share,
        seed=seed,
        stratify=y % 3 if stratify else None,
    )
    assert len(validation[0]) == len(validation[1]) == count
    assert sorted([*train[1], *validation[1]]) == list(range(n))
    for rows, numbers in (train, validation):
        assert list(numbers) == sorted(numbers)
        assert rows.tolist() == [
            [3 * i, 3 * i + 1, 3 * i + 2] for i in numbers.tolist()
        ]


@given(classes=CLASSES, data=st.data(), seed=SEEDS)
def test_each_class_has_its_share_to_within_one_example(classes, data, seed):
    n = len(classes)
    count = data.draw(st.integers(1, n - 1))
    (train,), (validation,) = train_validation_split(
        classes, validation_size=count, stratify=classes, seed=seed
    )
    assert len(validation) == count
    had = collections.Counter(classes)
    has = collections.Counter(validation.tolist())
    assert collections.Counter(train.tolist()) == had - has
    for name, number in had.items():
        assert abs(has[name] - Fraction(number * count, n)) < 1


def test_shares_that_are_whole_are_exact():
    classes = np.repeat(["cat", "dog", "emu"], [100, 50, 10])
    _, (validation,) = train_validation_split(classes, stratify=classes)
    assert collections.Counter(validation) == {"cat": 20, "dog": 10, "emu": 2}


def test_what_is_left_goes_to_the_largest_remainders():
    # Shares of 5 among 7, 2 and 1: 3.5, 1.0 and 0.5.
    classes = np.repeat([0, 1, 2], [7, 2, 1])
    for seed in range(20):
        _, (validation,) = train_validation_split(
            classes, validation_size=5, stratify=classes, seed=seed
        )
        assert list(validation).count(1) == 1


@pytest.mark.parametrize("stratify", [None, np.arange(600) % 2])
def test_every_example_is_as_likely_as_every_other(stratify):
    chosen = np.zeros(600)
    for seed in range(300):
        _, (validation,) = train_validation_split(
            np.arange(600), stratify=stratify, seed=seed
        )
        chosen[validation] += 1
    # Binomial(300, 1/5): 60 on average, and 7 its standard deviation.
    assert chosen.mean() == 60
    assert chosen.min() > 60 - 5 * 7
    assert chosen.max() < 60 + 5 * 7
    assert 5.5 < chosen.std() < 8.5


def test_classes_with_equal_remainders_take_turns():
    # Ten classes of one example, one of which validates: not always class 0.
    classes = np.arange(10)
    seen = {
        train_validation_split(
            classes, validation_size=1, stratify=classes, seed=seed
        )[1][0].item()
        for seed in range(100)
    }
    assert seen == set(range(10))


def test_the_same_seed_gives_the_same_split():
    def split(seed):
        return train_validation_split(np.arange(99), seed=seed)[1][0].tolist()

    assert split(3) == split(3) != split(4)
    assert split(None) != split(None)

    keras.utils.set_random_seed(7)
    first = split(None)
    keras.utils.set_random_seed(7)
    assert split(None) == first


def test_the_size_is_that_of_the_digits_that_were_written():
    # 0.07 * 100 is 7.000000000000001 in floating-point numbers.
    _, (validation,) = train_validation_split(
        np.arange(100), validation_size=0.07
    )
    assert len(validation) == 7


def test_parts_are_new_arrays_of_the_same_dtype():
    x = np.arange(10, dtype="uint8")
    (train,), (validation,) = train_validation_split(x, seed=0)
    train[:] = validation[:] = 0
    assert x.tolist() == list(range(10))
    assert train.dtype == validation.dtype == np.uint8


def test_a_part_is_what_fit_takes():
    x, y = np.zeros((10, 2), "float32"), np.arange(10) % 2
    train, validation = train_validation_split(x, y, stratify=y, seed=0)
    model = keras.Sequential([keras.layers.Dense(2)])
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(True))
    history = model.fit(
        *train,
        validation_data=validation,
        class_weight=class_weights(train[1]),
        verbose=0,
    )
    assert "val_loss" in history.history


@pytest.mark.parametrize(
    ("arrays", "arguments", "error", "words"),
    [
        ((), {}, ValueError, "arrays must be one array at least"),
        ((1,), {}, ValueError, "arrays must be of one length"),
        (([1, 2], [1]), {}, ValueError, r"\[\(2,\), \(1,\)\]"),
        (([],), {}, ValueError, "of 0 examples each part has one"),
        (([1],), {}, ValueError, "of 1 examples each part has one"),
        (([1, 2],), {"validation_size": 0}, ValueError, "=0"),
        (([1, 2],), {"validation_size": 2}, ValueError, "=2"),
        (([1, 2],), {"validation_size": -1}, ValueError, "=-1"),
        (([1, 2],), {"validation_size": 1.0}, ValueError, "=1.0"),
        (([1, 2],), {"validation_size": 0.9}, ValueError, "=0.9"),
        (([1, 2],), {"validation_size": float("nan")}, ValueError, "=nan"),
        (([1, 2],), {"validation_size": "1"}, TypeError, "='1'"),
        (([1, 2],), {"validation_size": True}, TypeError, "=True"),
        (([1, 2],), {"seed": -1}, ValueError, "seed=-1"),
        (([1, 2],), {"seed": 1.5}, TypeError, "seed=1.5"),
        (([1, 2],), {"stratify": [1]}, ValueError, r"stratify.shape=\(1,\)"),
        (([1, 2],), {"stratify": [[1], [2]]}, ValueError, "stratify.shape"),
    ],
)
def test_what_cannot_be_split_is_refused(arrays, arguments, error, words):
    with pytest.raises(error, match=f"train_validation_split: .*{words}"):
        train_validation_split(*arrays, **arguments)


@given(st.lists(st.integers(-3, 5), min_size=1))
def test_weights_make_classes_equal(labels):
    weights = class_weights(labels)
    had = collections.Counter(labels)

    assert list(weights) == sorted(had)
    shares = [weights[name] * had[name] for name in had]
    assert sum(shares) == pytest.approx(len(labels))
    assert max(shares) == pytest.approx(min(shares))


def test_weights_are_plain_numbers():
    ((name, weight), _) = class_weights(np.array([1, 3], "uint8")).items()
    assert (type(name), type(weight)) == (int, float)


@pytest.mark.parametrize(
    ("labels", "error", "words"),
    [
        ([], ValueError, r"\(n,\), with n > 0"),
        (3, ValueError, "labels.shape"),
        ([[0, 1], [1, 0]], ValueError, "argmax"),
        ([0.0, 1.0], TypeError, "astype"),
        (["a"], TypeError, "an integer dtype"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels, error, words):
    with pytest.raises(error, match=f"class_weights: labels.*{words}"):
        class_weights(labels)
