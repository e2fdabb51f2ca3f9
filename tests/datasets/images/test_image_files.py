"""Files of strangers: found inside the folder only, read only as images."""

import io
import os
import struct
import threading
import warnings
import zlib

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from keras_extras.datasets.images import _image_files

READ = {
    "color_mode": "rgb",
    "target_size": (8, 6),
    "interpolation": "nearest",
    "keep_aspect_ratio": False,
    "max_pixels": None,
}


def save(path, mode="RGB", size=(9, 7), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    bands = len(Image.new(mode, (1, 1)).getbands())
    random = np.random.default_rng(len(path.name))
    pixels = random.integers(0, 256, (size[1], size[0], bands), dtype="uint8")
    Image.fromarray(pixels.squeeze(), mode).save(path, **options)
    return path


@pytest.mark.parametrize("ending", ["png", "jpg", "bmp", "ppm", "tif"])
@pytest.mark.parametrize("color_mode", ["rgb", "rgba", "grayscale"])
@pytest.mark.parametrize("keep_aspect_ratio", [False, True])
@pytest.mark.parametrize("interpolation", _image_files.INTERPOLATIONS)
def test_equals_keras(
    tmp_path, ending, color_mode, keep_aspect_ratio, interpolation
):
    path = save(tmp_path / f"a.{ending}")
    how = {
        "color_mode": color_mode,
        "target_size": (8, 6),
        "interpolation": interpolation,
        "keep_aspect_ratio": keep_aspect_ratio,
    }
    expected = keras.utils.img_to_array(keras.utils.load_img(path, **how))
    ours = _image_files.read_image(str(path), **how, max_pixels=None)
    np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "RGBA"])
@pytest.mark.parametrize("color_mode", ["rgb", "rgba", "grayscale"])
def test_other_kinds_of_pixels_are_converted_as_keras_does(
    tmp_path, mode, color_mode
):
    path = tmp_path / "a.tif"
    Image.new(mode, (6, 8), 1).save(path)
    expected = keras.utils.load_img(path, color_mode=color_mode)
    ours = _image_files.read_image(
        str(path), **{**READ, "color_mode": color_mode}
    )
    np.testing.assert_array_equal(ours, keras.utils.img_to_array(expected))


def png_header(width, height):
    """A PNG file that announces a size and holds next to nothing."""

    def chunk(kind, data):
        crc = zlib.crc32(kind + data)
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"<!DOCTYPE html>403", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b"qoif" + bytes(50), "it is none of PNG"),
        (b"%PDF-1.7", "it is a PDF document"),
        (bytes(4) + b"ftypheic", "it is a HEIC picture"),
        (b"<?xml version='1.0'?>\n<svg>", "it is an SVG drawing"),
        (bytes(128) + b"DICM", "it is a DICOM file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(5), "cannot read the image"),
        (png_header(20, 20), "cannot read the image"),
        (png_header(10_000, 10_000), "more than PIL.Image.MAX_IMAGE_PIXELS"),
        (png_header(60_000, 60_000), "exceeds limit"),
        (png_header(0, 5), "cannot read the image"),
    ],
)
def test_what_is_no_image_is_named(tmp_path, content, words):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the promise does not hang on filters
        with pytest.raises(
            _image_files.BrokenImageError, match=words
        ) as caught:
            _image_files.read_image(str(path), **READ)
    assert repr(str(path)) in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_a_known_format_outside_the_list_is_refused(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (4, 4)).save(path, format="TGA")
    with pytest.raises(ValueError, match="none of PNG, JPEG"):
        _image_files.read_image(str(path), **READ)


@pytest.mark.parametrize("name", ["WEBP", "GIF", "AVIF", "JPEG2000"])
@pytest.mark.parametrize("ending", ["jpg", "webp"])
def test_newer_formats_are_read_under_any_name(tmp_path, name, ending):
    path = tmp_path / f"a.{ending}"
    Image.new("RGB", (6, 8), (200, 10, 30)).save(path, format=name)
    image = _image_files.read_image(str(path), **READ)
    assert image.shape == (8, 6, 3)
    np.testing.assert_allclose(image[4, 3], (200, 10, 30), atol=6)


def test_of_moving_pictures_the_first_one_is_read(tmp_path):
    frames = [Image.new("RGB", (6, 8), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    image = _image_files.read_image(str(tmp_path / "a.gif"), **READ)
    assert image[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("mode", "dtype", "ending"),
    [
        ("I;16", "uint16", "png"),
        ("I;16", "uint16", "tif"),
        ("I;16B", ">u2", "tif"),
        ("I", "int32", "tif"),
        ("F", "float32", "tif"),
    ],
)
@pytest.mark.parametrize(
    ("color_mode", "opaque"),
    [("grayscale", []), ("rgb", []), ("rgba", [65535])],
)
@pytest.mark.parametrize("size", [(8, 6), (4, 3)])
def test_more_than_eight_bits_keep_their_values(
    tmp_path, mode, dtype, ending, color_mode, opaque, size
):
    if mode == "F":
        opaque = [1] * len(opaque)
    values = np.linspace(0, 65535, 48).reshape(8, 6).astype(dtype)
    image = Image.fromarray(values)
    assert image.mode == mode
    image.save(tmp_path / f"a.{ending}")
    read = _image_files.read_image(
        str(tmp_path / f"a.{ending}"),
        **{**READ, "color_mode": color_mode, "target_size": size},
    )
    expected = values.astype("float32")
    if size != (8, 6):
        expected = np.asarray(Image.fromarray(expected).resize((3, 4), 0))
    colors = read[..., :3]
    np.testing.assert_array_equal(
        colors, np.repeat(expected[..., None], colors.shape[-1], axis=-1)
    )
    assert read[0, 0, 3:].tolist() == opaque


def test_pictures_are_turned_as_the_camera_says_if_asked(tmp_path):
    image = Image.new("L", (6, 8))
    image.putpixel((0, 0), 255)
    exif = Image.Exif()
    exif[0x0112] = 3  # turned by 180 degrees
    image.save(tmp_path / "a.png", exif=exif)
    path, how = str(tmp_path / "a.png"), {**READ, "color_mode": "grayscale"}
    assert _image_files.read_image(path, **how)[0, 0] == 255
    turned = _image_files.read_image(path, **how, exif_orientation=True)
    assert turned[-1, -1] == 255


def test_a_file_exchanged_for_a_link_is_not_followed(tmp_path):
    root = tmp_path / "root"
    path = save(root / "a.png")
    secret = save(tmp_path / "secret.png")
    assert _image_files.read_image(str(path), **READ, inside=str(root)).size
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(ValueError, match="leads out of the folder"):
        _image_files.read_image(str(path), **READ, inside=str(root))
    assert _image_files.read_image(str(path), **READ).size


def test_a_machine_without_memory_is_no_broken_image(tmp_path, monkeypatch):
    path = save(tmp_path / "a.png")

    def fail(*args):
        raise MemoryError

    monkeypatch.setattr(_image_files, "_resized", fail)
    with pytest.raises(MemoryError):
        _image_files.read_image(str(path), **READ)


def test_the_limit_does_not_rest_on_filters_of_warnings(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png_header(10_000, 10_000))
    stop = threading.Event()

    def disturb():
        while not stop.is_set():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        for _ in range(200):
            with pytest.raises(ValueError, match=r"MAX_IMAGE_PIXELS|exceeds"):
                _image_files.read_image(str(path), **READ)
    finally:
        stop.set()
        thread.join()


def test_max_pixels_is_a_limit(tmp_path):
    path = str(save(tmp_path / "a.png", size=(10, 10)))
    assert _image_files.read_image(path, **{**READ, "max_pixels": 100}).size
    with pytest.raises(ValueError, match="10 x 10 pixels, more than"):
        _image_files.read_image(path, **{**READ, "max_pixels": 99})


@given(
    cut=st.integers(0, 400),
    flips=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255))),
    ending=st.sampled_from(["PNG", "JPEG", "BMP", "PPM", "TIFF"]),
)
@settings(max_examples=60)
def test_damaged_files_are_images_or_named(
    tmp_path_factory, cut, flips, ending
):
    memory = io.BytesIO()
    Image.new("RGB", (9, 9), (200, 10, 30)).save(memory, ending)
    content = bytearray(memory.getvalue())
    for place, value in flips:
        content[place % len(content)] = value
    path = tmp_path_factory.mktemp("damaged") / "a.png"
    path.write_bytes(content[: max(0, len(content) - cut)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = _image_files.read_image(str(path), **READ)
        except _image_files.BrokenImageError:
            return
    assert image.shape == (8, 6, 3)


def test_a_missing_file_is_the_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        _image_files.read_image(str(tmp_path / "a.png"), **READ)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_does_not_wait(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ValueError, match="not a regular file"):
        _image_files.read_image(str(tmp_path / "a.png"), **READ)


def names(root, **arguments):
    how = {"folder": "c", "follow_links": False, "inside": str(root)}
    return _image_files.find_images(str(root), **{**how, **arguments})


def test_files_come_in_order_and_hidden_ones_do_not(tmp_path):
    for name in (
        "b.PNG",
        "a.jpeg",
        "B.bmp",
        ".hidden.png",
        "._a.jpeg",
        "a.txt",
        "png",
        "deep/z.tif",
        "deep/a.tiff",
        ".git/x.png",
    ):
        path = tmp_path / "c" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert names(tmp_path) == [
        os.path.join("c", *name.split("/"))
        for name in ("B.bmp", "a.jpeg", "b.PNG", "deep/a.tiff", "deep/z.tif")
    ]


def test_links_to_folders_are_entered_on_request_and_in_circles_once(tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x.png").touch()
    (tmp_path / "c" / "link").symlink_to(tmp_path / "d")
    (tmp_path / "d" / "back").symlink_to(tmp_path / "c")
    assert names(tmp_path) == []
    assert names(tmp_path, follow_links=True) == [
        os.path.join("c", "link", "x.png")
    ]


def test_no_link_leads_out(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    root = tmp_path / "root"
    (root / "c").mkdir(parents=True)
    (root / "c" / "link").symlink_to(outside)
    assert names(root) == []
    with pytest.raises(ValueError, match="leads out of the folder"):
        names(root, follow_links=True)
    with pytest.raises(ValueError, match="leads out of the folder"):
        names(root, folder="../outside")
    (root / "e").symlink_to(outside)
    with pytest.raises(ValueError, match="leads out of the folder"):
        names(root, folder="e")
    (outside / "x.png").touch()
    assert names(root, folder="e", inside=None) == [os.path.join("e", "x.png")]
    # A folder whose name only begins like the root's is outside, too.
    with pytest.raises(ValueError, match="leads out of the folder"):
        _image_files.check_inside(str(root), str(tmp_path / "root2"))
