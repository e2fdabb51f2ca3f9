"""Flows of tables."""

import numpy as np
import pandas as pd
import pytest
from keras.src.legacy.preprocessing import image as legacy
from PIL import Image

from keras_extras.datasets import ImageDataGenerator


@pytest.fixture
def folder(tmp_path):
    for number in range(6):
        Image.new("RGB", (5, 5), (number * 20, 0, 9)).save(
            tmp_path / f"{number}.png"
        )
    return tmp_path


FRAME = pd.DataFrame(
    {
        "filename": [f"{k}.png" for k in range(6)],
        "class": list("abcabc"),
        "two": list("ababab"),
        "x": np.arange(6) / 2,
        "y": np.arange(6) * 10,
        "weight": np.arange(6) + 1.0,
        "tags": [["a"], ["a", "b"], ["b"], ["c"], ["a", "c"], ["b"]],
    }
)


def flow(folder, frame=FRAME, cls=ImageDataGenerator, **arguments):
    generator = cls(validation_split=0.5)
    return generator.flow_from_dataframe(
        frame,
        str(folder),
        **{"target_size": (5, 5), "shuffle": False, **arguments},
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"classes": ["c", "a"]},
        {"class_mode": "sparse"},
        {"class_mode": "binary", "y_col": "two"},
        {"class_mode": "raw", "y_col": "x"},
        {"class_mode": "raw", "y_col": ["x", "y"]},
        {"class_mode": "multi_output", "y_col": ["x", "y"]},
        {"class_mode": "input"},
        {"class_mode": None},
        {"y_col": "tags"},
        {"weight_col": "weight", "subset": "training"},
        {"subset": "validation"},
    ],
    ids=str,
)
def test_equals_old_keras(folder, arguments):
    ours = flow(folder, **arguments)
    old = flow(folder, cls=legacy.ImageDataGenerator, **arguments)
    assert ours.filenames == old.filenames
    assert ours.filepaths == old.filepaths
    got, expected = ours[0], old[0]
    if arguments.get("class_mode", "") is None:
        got, expected = (got,), (expected,)
    assert len(got) == len(expected)
    for one, other in zip(got, expected, strict=True):
        if isinstance(other, list):
            assert all(map(np.array_equal, one, other))
        else:
            np.testing.assert_array_equal(one, other)
    if hasattr(old, "class_indices"):
        assert ours.class_indices == old.class_indices


def test_a_dict_of_lists_is_a_table(folder):
    table = {"filename": ["1.png", "2.png"], "class": ["a", "b"]}
    assert flow(folder, table)[0][1].tolist() == [[1, 0], [0, 1]]


def test_whole_paths_need_no_folder(folder):
    table = {
        "filename": [str(folder / "1.png"), folder / "2.png"],
        "class": ["a", "b"],
    }
    given = ImageDataGenerator().flow_from_dataframe(table, target_size=(5, 5))
    assert given.samples == 2


@pytest.mark.parametrize("name", ["../x.png", "/etc/x.png"])
def test_no_name_leads_out_of_the_folder(folder, name):
    table = {"filename": ["1.png", name], "class": ["a", "b"]}
    with pytest.raises(ValueError, match="leads out of the folder"):
        flow(folder, table)


def test_missing_files_are_left_out_with_a_warning(folder):
    table = {"filename": ["1.png", "9.png", "a.txt"], "class": ["a", "b", "b"]}
    with pytest.warns(UserWarning, match="2 of 3 names"):
        given = flow(folder, table)
    assert given.filenames == ["1.png"]
    given = flow(folder, table, validate_filenames=False)
    with pytest.raises(FileNotFoundError):
        given[0]


def test_broken_files_are_left_out(folder):
    (folder / "2.png").write_bytes(b"")
    given = flow(folder, broken="skip", weight_col="weight")
    assert given.samples == 5
    assert given[0][2].tolist() == [1, 2, 4, 5, 6]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"x_col": "nope"}, ValueError, "x_col must be a column of the table"),
        ({"y_col": "nope"}, ValueError, "y_col must be a column"),
        ({"x_col": "x"}, TypeError, "a column of file names"),
        ({"y_col": "x"}, TypeError, "class_mode='raw'"),
        ({"weight_col": "class"}, TypeError, "a column of numbers"),
        ({"class_mode": "binary"}, ValueError, "There are 3 classes"),
        ({"class_mode": "multi_output"}, TypeError, "a list of columns"),
        ({"class_mode": "best"}, ValueError, "class_mode must be"),
        ({"classes": ["z"]}, ValueError, "no image is left of the 6 rows"),
    ],
)
def test_a_wrong_argument_is_named(folder, arguments, error, words):
    with pytest.raises(error, match=words):
        flow(folder, **arguments)


def test_an_empty_folder_name_means_whole_paths(folder):
    table = {"filename": [str(folder / "1.png")], "class": ["a"]}
    given = ImageDataGenerator().flow_from_dataframe(table, "")
    assert given.samples == 1


@pytest.mark.parametrize("option", ["has_ext", "sort", "drop_duplicates"])
def test_what_old_keras_ignored_warns_as_before(folder, option):
    with pytest.warns(DeprecationWarning, match=option):
        given = flow(folder, **{option: True})
    assert given.samples == 6


def test_a_misspelled_option_names_itself_and_the_method(folder):
    with pytest.raises(
        TypeError, match=r"flow_from_dataframe: .*'weights_col'"
    ):
        flow(folder, weights_col="weight")


def parts_of(folder, table, split=0.5, subset="validation", **how):
    generator = ImageDataGenerator(
        validation_split=split,
        **{name: how.pop(name) for name in list(how) if name == "stratify"},
    )
    return generator.flow_from_dataframe(
        table, folder, subset=subset, shuffle=False, **how
    )


def test_a_table_sorted_by_class_is_split_by_class_on_request(folder):
    table = {
        "filename": [f"{n}.png" for n in (1, 2, 3) * 2],
        "class": ["a"] * 3 + ["b"] * 3,
        "who": [1, 2, 3, 1, 2, 3],
    }
    with pytest.warns(UserWarning, match=r"validation part has no image.*'b'"):
        parts_of(folder, table)
    for subset in ("training", "validation"):
        given = parts_of(folder, table, 0.33, subset, stratify=True)
        assert set(given.classes) == {0, 1}
    table["class"] = ["a"] * 6
    given = parts_of(folder, table, 0.3, groups="who")
    assert len(given.filenames) == 2
    assert len(set(given.filenames)) == 1


def test_the_old_name_of_raw_warns(folder):
    with pytest.warns(FutureWarning, match='"raw"'):
        given = flow(folder, class_mode="other", y_col="x")
    assert given.class_mode == "raw"
