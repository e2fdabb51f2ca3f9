import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.datasets import class_names
from keras_extras.datasets.files import _families
from tests.datasets.folders import sample_files

EMNIST = [_families.emnist(split) for split in _families.EMNIST_CLASSES]
FAMILIES = [
    _families.MNIST,
    _families.FASHION_MNIST,
    _families.KMNIST,
    _families.QMNIST,
    *EMNIST,
]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.prefixes["train"])
def test_each_file_has_one_published_form(family):
    files = {
        family.published(kind, content)
        for kind in ("train", "test")
        for content in ("images", "labels")
    }
    assert files == set(family.files or [family.archive])
    for name, size, sha256 in files:
        assert size > 0
        assert re.fullmatch("[0-9a-f]{64}", sha256)
        assert name.endswith((".gz", ".zip"))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.prefixes["train"])
def test_addresses_are_https_folders(family):
    assert family.mirrors
    for mirror in family.mirrors:
        assert mirror.startswith("https://")
        assert mirror.endswith("/")


def test_no_checksum_stands_for_two_files():
    files = [file for family in FAMILIES for file in family.files]
    assert len({file.sha256 for file in files}) == len(files) == 16


def test_the_table_knows_the_genuine_sample():
    # The one part of the table that can be checked here.
    files = {file.name: file for file in _families.MNIST.files}
    for name, data in sample_files().items():
        assert files[name].size == len(data)
        assert files[name].sha256 == hashlib.sha256(data).hexdigest()


# As printed in the papers: Fashion-MNIST's table 2, EMNIST's table II.
@pytest.mark.parametrize(
    ("dataset", "count", "some"),
    [
        ("mnist", 10, {0: "0", 9: "9"}),
        ("qmnist", 10, {7: "7"}),
        ("fashion_mnist", 10, {0: "T-shirt/top", 6: "Shirt", 9: "Ankle boot"}),
        ("kmnist", 10, {0: "o", 3: "tsu", 9: "wo"}),
        ("emnist/byclass", 62, {9: "9", 10: "A", 35: "Z", 36: "a", 61: "z"}),
        ("emnist/bymerge", 47, {10: "A", 36: "a", 38: "d", 46: "t"}),
        ("emnist/balanced", 47, {35: "Z", 37: "b", 40: "f", 43: "n"}),
        ("emnist/letters", 27, {1: "a", 26: "z"}),
        ("emnist/digits", 10, {3: "3"}),
        ("emnist/mnist", 10, {3: "3"}),
    ],
)
def test_classes_have_their_names(dataset, count, some):
    names = class_names(dataset)
    assert len(set(names)) == len(names) == count
    assert {number: names[number] for number in some} == some


@given(st.text() | st.none() | st.integers())
def test_another_name_is_refused_with_the_choices(dataset):
    with pytest.raises(ValueError, match="one of") as caught:
        class_names(dataset)
    assert f"dataset={dataset!r}" in str(caught.value)


def test_a_near_name_is_suggested():
    with pytest.raises(ValueError, match="Did you mean 'fashion_mnist'"):
        class_names("fashion-mnist")
