import collections
import math
import tracemalloc
import warnings
from fractions import Fraction

import keras
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from keras_extras.datasets import class_weights, train_validation_split

# Of few examples a class may have none to train with.
may_lose_a_class = pytest.mark.filterwarnings(
    "ignore:.*none to train with:UserWarning"
)
SEEDS = st.integers(0, 2**32)
CLASSES = st.lists(st.integers(-2, 4), min_size=2, max_size=60)


@may_lose_a_class
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


@may_lose_a_class
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
        assert abs(has[name] - Fraction(number * count, n)) <= 1


@given(st.lists(st.integers(1, 6), min_size=1, max_size=9), SEEDS, st.data())
def test_a_class_keeps_an_example_to_train_with_or_is_named(sizes, seed, data):
    classes = np.repeat(np.arange(len(sizes)), sizes)
    assume(len(classes) > 1)
    count = data.draw(st.integers(1, len(classes) - 1))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        (train,), _ = train_validation_split(
            classes, validation_size=count, stratify=classes, seed=seed
        )
    lost = sorted(set(classes.tolist()) - set(train.tolist()))
    if not lost:
        assert not caught
    else:
        (warning,) = caught
        assert f"{len(lost)} of {len(sizes)} classes" in str(warning.message)
        # No share of a larger class could have been raised instead.
        shares = [Fraction(size * count, len(classes)) for size in sizes]
        spare = sum(
            math.floor(share) + 1 < size
            for share, size in zip(shares, sizes, strict=True)
        )
        assert spare < count - sum(map(math.floor, shares))


def test_the_only_example_of_a_class_stays_to_train_with():
    classes = np.array([0, *[1] * 5])
    for seed in range(20):
        (train,), _ = train_validation_split(
            classes, validation_size=2, stratify=classes, seed=seed
        )
        assert 0 in train


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


@may_lose_a_class
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
        (([1, 2],), {"stratify": [[1, 2]]}, ValueError, "stratify.shape"),
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


def test_labels_of_cifar_are_taken_as_they_come():
    labels = np.array([[0], [1], [1], [0], [1], [1]], "uint8")
    assert class_weights(labels) == class_weights(labels[:, 0])
    assert [
        part[0].tolist()
        for part in train_validation_split(labels, stratify=labels, seed=0)
    ] == [
        part[0].tolist()
        for part in train_validation_split(
            labels, stratify=labels[:, 0], seed=0
        )
    ]


def test_stratifying_many_labels_takes_little_memory():
    labels = np.random.default_rng(0).choice(["north", "south"], 500_000)
    tracemalloc.start()
    try:
        train_validation_split(labels, stratify=labels, seed=0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * labels.nbytes


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
