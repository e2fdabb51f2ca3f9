"""Flows of folders."""

import os

import keras
import numpy as np
import pytest
from keras.src.legacy.preprocessing import image as legacy
from PIL import Image

from keras_extras.datasets import ImageDataGenerator
from keras_extras.datasets.images import _image_files


@pytest.fixture
def folder(tmp_path):
    for name, count in (("cat", 3), ("dog", 5)):
        (tmp_path / name).mkdir()
        for number in range(count):
            pixels = np.random.default_rng(number).integers(
                0, 256, (7, 9, 3), dtype="uint8"
            )
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    return tmp_path


def flow(folder, split=0.0, **arguments):
    generator = ImageDataGenerator(validation_split=split)
    return generator.flow_from_directory(
        folder, **{"target_size": (6, 4), "shuffle": False, **arguments}
    )


@pytest.mark.parametrize(
    "class_mode", ["categorical", "binary", "sparse", "input", None]
)
@pytest.mark.parametrize("color_mode", ["rgb", "rgba", "grayscale"])
@pytest.mark.parametrize("subset", [None, "training", "validation"])
def test_equals_old_keras(folder, class_mode, color_mode, subset, capsys):
    (folder / ".ipynb_checkpoints").rmdir()
    how = {
        "target_size": (6, 4),
        "color_mode": color_mode,
        "class_mode": class_mode,
        "subset": subset,
        "shuffle": False,
    }
    ours = ImageDataGenerator(
        validation_split=0.4, rescale=1 / 255
    ).flow_from_directory(folder, **how)
    old = legacy.ImageDataGenerator(
        validation_split=0.4, rescale=1 / 255
    ).flow_from_directory(folder, **how)
    assert ours.filenames == old.filenames
    assert ours.filepaths == old.filepaths
    assert ours.class_indices == old.class_indices
    assert ours.image_shape == old.image_shape
    assert ours.samples == ours.n == old.samples
    np.testing.assert_array_equal(ours.classes, old.classes)
    for got, expected in zip(
        keras.tree.flatten(ours[0]), keras.tree.flatten(old[0]), strict=True
    ):
        np.testing.assert_allclose(got, expected, atol=1e-6)
        assert got.dtype == expected.dtype


def test_channels_first(folder):
    last = flow(folder)[0][0]
    generator = ImageDataGenerator(data_format="channels_first")
    first = generator.flow_from_directory(
        folder, target_size=(6, 4), shuffle=False
    )
    assert first.image_shape == (3, 6, 4)
    np.testing.assert_array_equal(np.moveaxis(first[0][0], 1, -1), last)


def test_classes_are_numbered_as_given(folder):
    given = flow(folder, classes=["dog", "cat"], class_mode="sparse")
    assert given.class_indices == {"dog": 0, "cat": 1}
    assert given[0][1].tolist() == [0] * 5 + [1] * 3
    assert flow(folder, classes=["dog"], class_mode=None)[0].shape[0] == 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"classes": ["dog", "nope"]}, "There are: cat, dog"),
        ({"classes": ["dog", "dog"]}, "classes must be different"),
        ({"classes": ["../x"]}, "leads out of the folder"),
        ({"class_mode": "raw"}, "class_mode must be one of"),
        ({"max_pixels": 10**12}, "PIL.Image.MAX_IMAGE_PIXELS"),
    ],
)
def test_a_wrong_argument_is_named(folder, arguments, words):
    with pytest.raises(ValueError, match=words):
        flow(folder, **arguments)


def test_no_image_at_all_is_explained(folder, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(ValueError, match="one folder per class"):
        flow(empty)
    (empty / "a").mkdir()
    (empty / "a" / "x.heic").touch()
    with pytest.raises(ValueError, match=r"\.heic \(1\)"):
        flow(empty)
    with pytest.raises(ValueError, match="so few images"):
        flow(folder, split=0.01, subset="validation")
    with pytest.raises(NotADirectoryError, match="is not a folder"):
        flow(folder / "nowhere")


def test_broken_images_are_raised_named_or_skipped(folder):
    (folder / "cat" / "0.png").write_bytes(b"<html>")
    (folder / "dog" / "1.png").write_bytes(b"")
    given = flow(folder)
    with pytest.raises(ValueError, match=r"cat.0\.png.*web page"):
        given[0]
    with pytest.warns(UserWarning, match=r"2 of 8 files cannot be read"):
        given = flow(folder, broken="warn", class_mode="sparse")
    assert given[0][1].tolist() == [0] * 2 + [1] * 4
    given = flow(folder, broken="skip")
    assert given.samples == 6
    assert [path[-9:-6] for path, _ in given.broken_files] == ["cat", "dog"]
    assert "empty" in given.broken_files[1][1]


def test_images_are_read_as_was_asked(folder):
    path = str(folder / "cat" / "0.png")
    for choice in (
        {"interpolation": "bicubic"},
        {"keep_aspect_ratio": True},
        {"color_mode": "grayscale"},
    ):
        expected = keras.utils.img_to_array(
            keras.utils.load_img(path, target_size=(6, 4), **choice)
        )
        np.testing.assert_array_equal(flow(folder, **choice)[0][0][0], expected)


def test_linked_folders_are_entered_if_asked(folder):
    (folder / "cat" / "more").symlink_to(folder / "dog")
    assert flow(folder).samples == 8
    assert flow(folder, follow_links=True).samples == 13


def test_many_broken_images_are_counted(folder):
    for number in range(8):
        (folder / "cat" / f"{number}.png").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"8 of 13 .*4\.png and 3 more\."):
        given = flow(folder, broken="warn")
    assert len(given.broken_files) == 8


def test_targets_that_are_the_images_are_a_copy_of_their_own(folder):
    images, targets = flow(folder, class_mode="input")[0]
    np.testing.assert_array_equal(images, targets)
    assert not np.shares_memory(images, targets)


def test_a_link_out_of_the_folder_is_not_read(folder, tmp_path_factory):
    secret = tmp_path_factory.mktemp("outside") / "secret.png"
    Image.new("RGB", (4, 4)).save(secret)
    (folder / "cat" / "9.png").symlink_to(secret)
    with pytest.raises(ValueError, match="leads out of the folder"):
        flow(folder)
    given = flow(folder, broken="skip")
    assert given.samples == 8
    assert given.broken_files[0][0].endswith("9.png")
    (folder / "cat" / "9.png").unlink()
    (folder / "cat" / "9.png").symlink_to(folder / "dog" / "0.png")
    assert flow(folder).samples == 9


def test_links_lead_out_of_the_folder_by_permission(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    Image.new("RGB", (4, 4)).save(outside / "x.png")
    (folder / "emu").symlink_to(outside)
    with pytest.raises(ValueError, match="links_outside=True"):
        flow(folder)
    given = flow(folder, links_outside=True)
    assert given.class_indices == {"cat": 0, "dog": 1, "emu": 2}
    assert given[0][0].shape == (9, 6, 4, 3)


def test_binary_is_for_two_classes(folder):
    (folder / "emu").mkdir()
    Image.new("RGB", (4, 4)).save(folder / "emu" / "0.png")
    with pytest.raises(ValueError, match="There are 3 classes"):
        flow(folder, class_mode="binary")
    assert flow(folder, classes=["emu"], class_mode="binary").samples == 1


def test_images_of_sixteen_bits_keep_their_range(tmp_path):
    (tmp_path / "a").mkdir()
    values = np.arange(0, 65536, 1000, dtype="uint16")[:64].reshape(8, 8)
    Image.fromarray(values).save(tmp_path / "a" / "x.png")
    images, _ = flow(tmp_path, target_size=(8, 8), color_mode="rgb")[0]
    np.testing.assert_array_equal(images[0, ..., 2], values)


@pytest.mark.filterwarnings("ignore:.*part has no image:UserWarning")
@pytest.mark.parametrize("how", [{"shuffle_split": True}, {"stratify": True}])
def test_a_random_split_is_the_same_in_both_parts(folder, how):
    def names(seed, subset):
        generator = ImageDataGenerator(
            validation_split=0.4, split_seed=seed, **how
        )
        flow = generator.flow_from_directory(
            folder, subset=subset, shuffle=False, class_mode="sparse"
        )
        return flow.filenames, flow.classes.tolist()

    seen = set()
    for seed in range(8):
        train, train_classes = names(seed, "training")
        validation, classes = names(seed, "validation")
        assert sorted(train + validation) == flow(folder).filenames
        assert len(validation) == 4  # ceil(0.4 * 8)
        if "stratify" in how:
            assert sorted(classes) in ([0, 0, 1, 1], [0, 1, 1, 1])
            assert set(train_classes) == {0, 1}
        seen.add(tuple(validation))
    assert len(seen) > 2


def test_a_class_without_an_example_on_one_side_is_named(folder):
    with pytest.warns(
        UserWarning, match="validation part has no image of 'cat'"
    ):
        flow(folder, split=0.25, subset="validation")
    with pytest.warns(
        UserWarning, match="validation part has no image of 'cat'"
    ):
        flow(folder, split=0.25, subset="training")


def test_groups_are_not_torn_apart(folder):
    generator = ImageDataGenerator(validation_split=0.5)

    def patient(name):
        return name[-5]  # the number of the file

    parts = [
        generator.flow_from_directory(folder, subset=subset, groups=patient)
        for subset in ("training", "validation")
    ]
    train, validation = ({patient(n) for n in p.filenames} for p in parts)
    assert train | validation == set("01234")
    assert not train & validation
    assert abs(parts[0].samples - 4) <= 1


def test_a_part_to_validate_with_is_not_augmented(folder):
    generator = ImageDataGenerator(
        rescale=1 / 255, rotation_range=90, validation_split=0.4
    )
    how = {"subset": "validation", "shuffle": False, "target_size": (6, 4)}
    plain = ImageDataGenerator(rescale=1 / 255, validation_split=0.4)
    expected = plain.flow_from_directory(folder, **how)[0][0]
    turned = generator.flow_from_directory(folder, **how)[0][0]
    got = generator.flow_from_directory(folder, augment=False, **how)[0][0]
    np.testing.assert_array_equal(got, expected)
    assert not np.allclose(turned, expected)


@pytest.fixture
def pairs(tmp_path):
    """A folder of pictures, and one of masks that are pictures halved."""
    for kind in ("pictures", "masks"):
        (tmp_path / kind / "deep").mkdir(parents=True)
    for name in ("a", "b", "deep/c"):
        seed = ord(name[-1])
        values = np.random.default_rng(seed).integers(0, 9, (6, 4), "uint8")
        Image.fromarray(values).save(tmp_path / "pictures" / f"{name}.bmp")
        mask = Image.fromarray(values, "L")
        mask.putpalette(list(range(30, 57)))
        assert mask.mode == "P"
        mask.save(tmp_path / "masks" / f"{name}.png")
    return tmp_path


def test_images_come_with_the_masks_of_their_names(pairs):
    generator = ImageDataGenerator(rotation_range=90, interpolation_order=0)
    flow = generator.flow_from_directory(
        pairs / "pictures",
        target_size=(6, 4),
        color_mode="grayscale",
        class_mode="masks",
        masks=pairs / "masks",
        seed=0,
    )
    images, masks = flow[0]
    assert masks.shape == (3, 6, 4, 1)
    assert masks.dtype == np.uint8
    np.testing.assert_array_equal(images, masks)
    (pairs / "masks" / "b.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of 3 images.*b\.bmp"):
        generator.flow_from_directory(
            pairs / "pictures", class_mode="masks", masks=pairs / "masks"
        )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"class_mode": "masks"}, "a folder for class_mode"),
        ({"masks": "x"}, "None without class_mode"),
    ],
)
def test_masks_without_a_use_are_refused(folder, arguments, words):
    with pytest.raises(ValueError, match=words):
        flow(folder, **arguments)


def test_a_mask_of_colors_is_no_mask(pairs):
    Image.new("RGB", (4, 6)).save(pairs / "masks" / "b.png")
    flow = ImageDataGenerator().flow_from_directory(
        pairs / "pictures", class_mode="masks", masks=pairs / "masks"
    )
    with pytest.raises(ValueError, match=r"b\.png.*it is RGB: a mask has one"):
        flow[0]


def test_a_table_may_name_the_masks(pairs):
    table = {
        "filename": ["a.bmp", "b.bmp"],
        "mask": ["b.png", "a.png"],
    }
    how = {"target_size": (6, 4), "color_mode": "grayscale", "shuffle": False}
    images, masks = ImageDataGenerator().flow_from_dataframe(
        table,
        pairs / "pictures",
        y_col="mask",
        class_mode="masks",
        masks=pairs / "masks",
        **how,
    )[0]
    np.testing.assert_array_equal(images, masks[::-1])


def test_cached_images_are_read_once(folder):
    given = flow(folder, cache=True)
    first = given[0][0]
    for file in given.filepaths:
        os.unlink(file)
    np.testing.assert_array_equal(given[0][0], first)


def test_images_cached_on_disk_are_read_again_if_they_change(
    folder, tmp_path_factory, monkeypatch
):
    cache = tmp_path_factory.mktemp("cache") / "deep"
    first = flow(folder, cache=cache)[0][0]
    assert len(list(cache.iterdir())) == 8
    read = _image_files.read_image
    asked = []

    def watched(path, **how):
        asked.append(path)
        return read(path, **how)

    monkeypatch.setattr(_image_files, "read_image", watched)
    np.testing.assert_array_equal(flow(folder, cache=cache)[0][0], first)
    assert not asked
    changed = folder / "cat" / "0.png"
    Image.new("RGB", (9, 7), "red").save(changed)
    broken = next(iter(cache.iterdir()))
    broken.write_bytes(b"")
    again = flow(folder, cache=cache)[0][0]
    assert str(changed) in asked
    assert again[0, 0, 0].tolist() == [255, 0, 0]
    np.testing.assert_array_equal(again[1:], first[1:])
    flow(folder, cache=cache, color_mode="grayscale")[0]
    assert len(list(cache.iterdir())) == 17


def test_old_code_finds_its_attributes(folder):
    given = flow(folder, subset=None, seed=3)
    assert given.image_data_generator is given.generator
    assert given.data_format == "channels_last"
    assert given.interpolation == "nearest"
    assert given.index_array.tolist() == list(range(8))
    assert (given.subset, given.dtype) == (None, np.float32)
    assert given.total_batches_seen == 0
    next(given)
    assert given.total_batches_seen == 1


@pytest.mark.parametrize(
    ("option", "closest"),
    [("shufle", "shuffle"), ("batchsize", "batch_size"), ("classs", "classes")],
)
def test_a_misspelled_option_names_itself_and_the_method(
    folder, option, closest
):
    words = rf"flow_from_directory: there is no argument '{option}'.*{closest}"
    with pytest.raises(TypeError, match=words):
        flow(folder, **{option: 1})


def test_fit_with_workers(folder):
    generator = ImageDataGenerator(horizontal_flip=True, rescale=1 / 255)
    given = generator.flow_from_directory(
        folder, target_size=(6, 4), batch_size=3, seed=0, workers=2
    )
    model = keras.Sequential(
        [keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")]
    )
    model.compile("sgd", "categorical_crossentropy")
    history = model.fit(
        given, validation_data=flow(folder, batch_size=3), epochs=2, verbose=0
    )
    assert np.isfinite(history.history["val_loss"]).all()
    assert model.predict(flow(folder, class_mode=None), verbose=0).shape == (
        8,
        2,
    )
