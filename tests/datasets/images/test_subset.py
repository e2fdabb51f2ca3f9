"""The two parts of a data set: all of it, and nothing twice."""

import types
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.datasets.images import _subset

# Of few images a class may have none to train with.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*none to train with:UserWarning"
)


def split(share: float, **how: Any) -> Any:
    usual = {"shuffle_split": False, "stratify": False, "split_seed": 0}
    return types.SimpleNamespace(validation_split=share, **{**usual, **how})


@given(
    classes=st.lists(st.integers(0, 3), min_size=4, max_size=40),
    share=st.sampled_from([0.0, 0.2, 0.5]),
    how=st.sampled_from(["first", "of each", "random", "stratify", "groups"]),
    seed=st.integers(0, 99),
)
def test_the_parts_are_all_images_and_none_twice(classes, share, how, seed):
    labels = np.array(classes)
    groups = np.arange(len(classes)) // 2
    generator = split(
        share,
        split_seed=seed,
        shuffle_split=how == "random",
        stratify=how == "stratify",
    )
    options: dict[str, Any] = {
        "owner": "flow",
        "classes": labels,
        "groups": groups.tolist() if how == "groups" else None,
        "each_class": how == "of each",
    }

    def rows(subset):
        count = len(classes)
        return _subset.subset_rows(generator, subset, count, **options)

    everything = list(range(len(classes)))
    assert rows(None).tolist() == everything
    train = rows("training").tolist()
    if not share:
        assert train == everything
        return
    validation = rows("validation").tolist()
    assert train == sorted(train)
    assert validation == sorted(validation)
    assert sorted(train + validation) == everything
    if how == "first":  # Keras's rule
        assert validation == everything[: int(share * len(classes))]
    elif how == "of each":
        for name in set(classes):
            own = np.flatnonzero(labels == name)
            assert set(own[: int(share * len(own))]) <= set(validation)
    elif how == "groups":
        assert not set(groups[train]) & set(groups[validation])
        assert train
        assert validation


@pytest.mark.parametrize(
    ("generator", "options", "words"),
    [
        (split(0.0), {}, "Give the generator one"),
        (split(0.5), {"subset": "test"}, "subset must be one of"),
        (split(0.5, stratify=True), {}, "False where images have no classes"),
        (
            split(0.5, stratify=True),
            {"groups": [1, 2, 1, 2]},
            "False with groups",
        ),
        (split(0.5), {"groups": [1, 2]}, "one for each of 4 images"),
        (split(0.5), {"groups": [1] * 4}, "two different ones"),
    ],
)
def test_a_part_that_cannot_be_is_refused(generator, options, words):
    options = {"subset": "validation", "owner": "flow", **options}
    with pytest.raises(ValueError, match=words):
        _subset.subset_rows(generator, count=4, **options)


def test_a_class_on_one_side_only_is_named():
    classes = np.array(["a", "a", "b"])
    with pytest.warns(UserWarning, match=r"validation part has no .*'b'"):
        _subset.warn_of_missing_classes(
            classes, np.array([0]), "validation", "flow"
        )
