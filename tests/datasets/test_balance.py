"""Orders with given shares of the classes."""

import collections
import copy
import pickle

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from keras_extras.datasets import IdxDataset, ImageDataGenerator
from keras_extras.datasets._balance import Balance

CLASSES = st.lists(st.integers(0, 4), min_size=2, max_size=60)


@given(CLASSES, st.integers(0, 99), st.integers(0, 9))
def test_classes_come_equally_often_and_items_of_a_class_too(
    classes, start, epoch
):
    n, names = len(classes), sorted(set(classes))
    assume(n >= len(names))
    order = Balance("d", classes, True).order(start, epoch)
    assert len(order) == n
    had = collections.Counter(np.array(classes)[order].tolist())
    for name in names:
        assert abs(had[name] - n / len(names)) < 1
        own = np.flatnonzero(np.array(classes) == name)
        often = [collections.Counter(order.tolist())[i] for i in own]
        assert max(often) - min(often) <= 1


@given(CLASSES, st.data())
def test_classes_come_as_often_as_their_weights(classes, data):
    names = sorted(set(classes))
    weights = {name: data.draw(st.integers(1, 5)) for name in names}
    order = Balance("d", classes, weights).order(0, 0)
    had = collections.Counter(np.array(classes)[order].tolist())
    for name in names:
        expected = len(classes) * weights[name] / sum(weights.values())
        assert abs(had[name] - expected) < 1


def test_items_of_a_frequent_class_all_come_in_the_end():
    classes = [0] * 90 + [1] * 10
    balance = Balance("d", classes, True)
    seen = collections.Counter()
    for epoch in range(9):  # 50 of 90 in each: five times 90
        seen.update(i for i in balance.order(3, epoch).tolist() if i < 90)
    assert set(seen) == set(range(90))
    assert set(seen.values()) == {5}
    orders = [balance.order(3, epoch).tolist() for epoch in range(2)]
    assert orders[0] != orders[1]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_has_the_same_order(copied):
    balance = Balance("d", [0, 0, 0, 1], True)
    for other in (copied(balance), pickle.loads(pickle.dumps(balance))):
        assert other.order(5, 2).tolist() == balance.order(5, 2).tolist()


def test_batches_of_every_kind_of_data_set_are_balanced(tmp_path):
    labels = np.array([0] * 15 + [1] * 3 + [2] * 2)
    images = np.zeros((20, 4, 4, 1))
    how = {"batch_size": 20, "shuffle": True, "seed": 1, "balance": True}
    generator = ImageDataGenerator()
    for dataset in (
        generator.flow(images, labels, **how),
        generator.flow(images, labels[:, None], **how),
        generator.flow(images, np.eye(3)[labels], **how),
        IdxDataset(images, labels, **how),
        IdxDataset(images, labels[:, None], **how),
    ):
        targets = dataset[0][1]
        if targets.ndim == 2 and targets.shape[1] == 3:
            targets = targets.argmax(-1)
        counts = np.bincount(targets.ravel().astype(int))
        assert sorted(counts.tolist()) == [6, 7, 7]
        assert len(dataset) == 1
    shards = [generator.flow(images, labels, **how).shard(i, 2) for i in (0, 1)]
    both = np.concatenate([shard[0][1] for shard in shards])
    assert sorted(np.bincount(both).tolist()) == [6, 7, 7]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"shuffle": False, "balance": True}, "False without shuffle=True"),
        ({"balance": {0: 1}}, "Class 1 has none"),
        ({"balance": {0: 1, 1: 1, 7: 1}}, "There is no class 7"),
        ({"balance": {0: 1, 1: 0}}, r"balance\[1\] must be"),
    ],
)
def test_what_cannot_be_balanced_is_refused(arguments, words):
    images, labels = np.zeros((4, 2, 2)), np.array([0, 0, 1, 1])
    with pytest.raises(ValueError, match=words):
        IdxDataset(images, labels, **{"shuffle": True, **arguments})
    if "shuffle" not in arguments:
        return
    with pytest.raises(ValueError, match="a class of each item"):
        IdxDataset(images, shuffle=True, balance=True)
