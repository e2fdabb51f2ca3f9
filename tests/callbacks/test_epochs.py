"""Epochs over several fits, rows, and names of weights."""

import types

import pytest

from keras_extras.callbacks import _epochs


@pytest.mark.parametrize(
    ("fits", "expected"),
    [
        ([[0, 1], [0, 1]], [(1, 1), (1, 2), (2, 3), (2, 4)]),
        ([[0, 1], [2, 3]], [(1, 1), (1, 2), (2, 3), (2, 4)]),
        ([[4]], [(1, 5)]),
        ([[0], [], [0]], [(1, 1), (2, 2)]),  # a fit without an epoch
    ],
    ids=str,
)
def test_epochs_go_on_over_fits(fits, expected):
    count, found = _epochs.EpochCount(), []
    for epochs in fits:
        count.begin()
        for epoch in epochs:
            number = count.complete(epoch)
            found.append((count.run, number))
    assert found == expected


def test_names_of_weights_are_unique_and_without_the_model():
    weights = [
        types.SimpleNamespace(path=path)
        for path in ["net/a/kernel", "a/kernel", "b/kernel", "a/kernel"]
    ]
    model = types.SimpleNamespace(name="net")
    assert _epochs.weight_names(model, weights) == [
        "a/kernel",
        "a/kernel_2",
        "b/kernel",
        "a/kernel_3",
    ]
