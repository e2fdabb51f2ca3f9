"""A wrong type is a TypeError, a wrong value a ValueError, in all arguments.

One table for each function: argument -> values of a wrong type, wrong values.
"""

import functools
import inspect
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_extras import datasets
from keras_extras.datasets import (
    IdxDataset,
    IdxWriter,
    ImageDataGenerator,
    prepare,
    train_validation_split,
)

NAN = float("nan")
FLAG = (["a", None, 2, 1.0], [])
NUMBER = (["a", True, [1], 1j], [NAN, float("inf")])
POSITIVE = (["a", None, 2.0, True, [1]], [0, -1])
SEED = (["a", 1.5, True], [-1])
PATH = ([3, b"a", [1]], [])

ORDER = {
    "batch_size": POSITIVE,
    "shuffle": FLAG,
    "seed": SEED,
    "workers": POSITIVE,
    "max_queue_size": POSITIVE,
    "drop_remainder": FLAG,
    "balance": (["a", None, 2], [{}, {0: "x"}][:0]),
    "batch_transform": ([3, "abs"], []),
}
GENERATOR = {
    **dict.fromkeys(
        (
            "featurewise_center",
            "samplewise_center",
            "featurewise_std_normalization",
            "samplewise_std_normalization",
            "zca_whitening",
            "horizontal_flip",
            "vertical_flip",
            "shuffle_split",
            "stratify",
        ),
        FLAG,
    ),
    **dict.fromkeys(
        (
            "zca_epsilon",
            "rotation_range",
            "shear_range",
            "channel_shift_range",
            "cval",
            "mask_cval",
            "rescale",
        ),
        NUMBER,
    ),
    "width_shift_range": (["a", True, ["a"], [[1]]], [-0.1, [], [NAN]]),
    "height_shift_range": (["a", True, ["a"], [[1]]], [-0.1, [], [NAN]]),
    "brightness_range": ([0.5, "ab", ("a", 1)], [(-1, 1), (1, 2, 3), (1, NAN)]),
    "zoom_range": (["ab", True, ("a", 1)], [(1, 2, 3), [], NAN]),
    "fill_mode": ([3, None], ["foo"]),
    "preprocessing_function": ([3, "abs"], []),
    "data_format": ([3], ["channels"]),
    "validation_split": (["a", None, True], [1.0, -0.1, NAN]),
    "split_seed": (["a", 1.5, True, None], [-1]),
    "interpolation_order": (["a", True, None], [9]),
    "dtype": ([3], ["text", "complex64"]),
}
SAVE = {
    "save_to_dir": PATH,
    "save_prefix": ([3, None], []),
    "save_format": ([3, None], ["exe"]),
}
ARRAY_FLOW = {
    **ORDER,
    **SAVE,
    "use_multiprocessing": (["a"], [True]),
    "x": (["a", [None]], [1.0]),
    "y": ([3, "a"], [[1]]),
    "sample_weight": (["a", 1.0, list("abcd")], [[1]]),
    "ignore_class_split": FLAG,
    "augment": FLAG,
    "groups": ([3, "a"], [[1]]),
    "masks": ([3, "a"], [[1]]),
    "subset": ([3], ["test", "validation"]),
}
READING = {
    "target_size": ([4, "ab", (1.5, 2)], [(0, 4), (4,), (1, 2, 3)]),
    "color_mode": ([3, None], ["hsv"]),
    "interpolation": ([3, None], ["best"]),
    "keep_aspect_ratio": FLAG,
    "broken": ([3, None], ["ignore"]),
    "max_pixels": (["a", 1.5, True], [0, 10**12]),
    "exif_orientation": FLAG,
    "links_outside": FLAG,
    "cache": ([None, 2, 1.0], []),
    "augment": FLAG,
    "subset": ([3], ["test"]),
}
FOLDER_FLOW = {
    **ORDER,
    **SAVE,
    **READING,
    "directory": (PATH[0], []),
    "classes": (["a", 3, [3]], [["nope"], ["a", "a"]]),
    "class_mode": ([3], ["raw"]),
    "groups": ([3, "patient"], []),
    "masks": ([], ["masks"]),
    "follow_links": FLAG,
}
FRAME_FLOW = {
    **ORDER,
    **SAVE,
    **READING,
    "dataframe": ([3, "a", None], []),
    "directory": (PATH[0], []),
    "x_col": ([["filename"], None][:1], ["nope"]),
    "y_col": ([["class"], {}], ["nope"]),
    "groups": ([["class"]], ["nope"]),
    "masks": ([], ["masks"]),
    "weight_col": ([["class"], "class"], ["nope"]),
    "classes": (["a", 3, [3]], []),
    "class_mode": ([3], ["best"]),
    "validate_filenames": FLAG,
}
DATASET = {
    **ORDER,
    "images": ([3, [[1]]], [np.zeros(3)]),
    "labels": ([3, [1]], [np.zeros(2)]),
    "transform": ([3, "abs"], []),
    "label_transform": ([3, "abs"], []),
    "sample_weight": ([3, [1]], [np.zeros(2)]),
}
SPLIT = {
    "validation_size": (["1", None, True, [1]], [0, 4, -1, 0.0, 1.0, NAN]),
    "stratify": ([], [[1], 3]),
    "seed": SEED,
}
PREPARE = {
    "scaling": ([3, None, ["unit"]], ["units"]),
    "validation_size": (["1", True], [0, 4, -1, 1.0]),
    "seed": SEED,
    "one_hot": FLAG,
    "num_classes": (["a", 1.5, True], [0, -1]),
}
WRITER = {
    "path": ([3, None], []),
    "item_shape": ([3, "ab", (1.5,)], [(-1,), (2**32,)]),
    "dtype": ([3], ["int64", "text"]),
    "append": FLAG,
    "compress": (["a", 2, 1.0], []),
}
LOADER = {
    "path": PATH,
    "kind": ([3, None, ["train"]], ["validation"]),
    "download": FLAG,
    "mirror": ([3, b"http://a"], ["ftp://a/", "a"]),
    "verbose": FLAG,
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a").mkdir()
    for number in range(4):
        Image.new("RGB", (5, 5)).save(tmp_path / "a" / f"{number}.png")
    return tmp_path


IMAGES = np.zeros((4, 5, 5, 3), "uint8")
TABLE = {"filename": ["0.png"] * 4, "class": list("aabb")}


def calls(path):
    """What is called, with arguments that are right, and its table."""
    generator = ImageDataGenerator()
    pairs = (np.zeros((4, 2), "uint8"), np.arange(4))
    table = {
        "ImageDataGenerator": (ImageDataGenerator, {}, GENERATOR),
        "flow": (
            generator.flow,
            {"x": IMAGES, "y": np.arange(4)},
            ARRAY_FLOW,
        ),
        "flow_from_directory": (
            generator.flow_from_directory,
            {"directory": path},
            FOLDER_FLOW,
        ),
        "flow_from_dataframe": (
            generator.flow_from_dataframe,
            {"dataframe": TABLE, "directory": path / "a"},
            FRAME_FLOW,
        ),
        "get_random_transform": (
            generator.get_random_transform,
            {"img_shape": (4, 4, 3)},
            {
                "img_shape": ([3, "abc", (1.5, 2, 3)], [(4, 4), (-1, 4, 4)]),
                "seed": (["a", 1.5, True], [-1, 2**32]),
            },
        ),
        "apply_transform": (
            generator.apply_transform,
            {"x": IMAGES[0], "transform_parameters": {}},
            {
                "x": (["a"], [IMAGES]),
                "transform_parameters": (
                    [3, {"theta": "a"}, {"flip_vertical": "a"}],
                    [{"tilt": 1}, {"theta": NAN}],
                ),
            },
        ),
        "fit": (
            generator.fit,
            {"x": IMAGES},
            {
                "x": (["a"], [IMAGES[0], IMAGES[:0]]),
                "augment": FLAG,
                "rounds": POSITIVE,
            },
        ),
        "IdxDataset": (
            IdxDataset,
            {"images": IMAGES, "labels": np.arange(4)},
            DATASET,
        ),
        "IdxDataset.shard": (
            IdxDataset(IMAGES, batch_size=2).shard,
            {"index": 0, "count": 1},
            {"index": (["a", 0.0, True], [-1, 1]), "count": POSITIVE},
        ),
        "plot": (
            generator.flow(IMAGES).plot,
            {},
            {"columns": POSITIVE},
        ),
        "prepare": (
            functools.partial(prepare, pairs),
            {"one_hot": True},
            PREPARE,
        ),
        "train_validation_split": (
            functools.partial(train_validation_split, np.arange(4)),
            {},
            SPLIT,
        ),
        "IdxWriter": (
            IdxWriter,
            {"path": path / "x", "item_shape": (2,), "dtype": "uint8"},
            WRITER,
        ),
        "one_hot": (
            datasets.one_hot,
            {"labels": [0, 1]},
            {
                "labels": ([[1.5], "a"], [[-1]]),
                "num_classes": (["a", 1.5, True], [0, -1]),
            },
        ),
        "class_names": (
            datasets.class_names,
            {"dataset": "mnist"},
            {"dataset": ([3, None, ["mnist"]], ["mnists"])},
        ),
    }
    for name in ("mnist", "fashion_mnist", "kmnist", "emnist", "qmnist"):
        load = getattr(datasets, f"load_{name}")
        right, wrong = {"download": True, "verbose": False}, LOADER
        if name == "emnist":
            right = {**right, "split": "letters"}
            wrong = {**wrong, "split": ([3, None, ["letters"]], ["letter"])}
        if name == "qmnist":
            wrong = {**wrong, "extended": FLAG}
        table[load.__name__] = (load, right, wrong)
    return table


NAMES = sorted(calls(Path(".")))
SKIPPED = {"arrays", "others", "options", "seed", "index", "train"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("error", [TypeError, ValueError])
def test_a_wrong_argument_is_named(name, error, folder, cache):
    call, right, table = calls(folder)[name]
    for argument, wrong in table.items():
        for value in wrong[error is ValueError]:
            with pytest.raises((TypeError, ValueError, OSError)) as caught:
                call(**{**right, argument: value})
            said = f"{argument}={value!r}: {caught.value!r}"
            assert type(caught.value) is error, said
            assert " must be " in str(caught.value), said
            assert argument in str(caught.value), said
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_is_in_the_table(name):
    call, _, table = calls(Path("."))[name]
    assert set(inspect.signature(call).parameters) <= set(table) | SKIPPED


@pytest.mark.parametrize("flag", [0, 1, np.True_, np.False_])
def test_what_old_keras_took_for_a_flag_is_taken(flag):
    generator = ImageDataGenerator(horizontal_flip=flag, vertical_flip=flag)
    assert generator.horizontal_flip is bool(flag)
    assert generator.flow(IMAGES, shuffle=flag).shuffle is bool(flag)


@pytest.mark.parametrize("limit", [0, 1, 3, 0.2, 2.5, np.float32(0.5), [1, 4]])
def test_what_old_keras_took_for_a_shift_is_taken(limit):
    generator = ImageDataGenerator(width_shift_range=limit)
    assert generator.width_shift_range == limit


def test_numbers_of_numpy_are_numbers():
    generator = ImageDataGenerator(
        zoom_range=np.array([0.5, 1.5]), brightness_range=(np.float32(1), 2)
    )
    assert generator.zoom_range == [0.5, 1.5]
    assert generator.brightness_range == [1, 2]
    flow = generator.flow(IMAGES, batch_size=np.int64(3), seed=np.uint8(1))
    assert len(flow) == 2
