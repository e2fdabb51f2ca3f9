"""A disk that is full leaves the file that was there, whole.

Every writer of this package is told to replace a file, or to add to it, while
no file may grow over a few bytes. The old file must then be there as it was,
and nothing else.
"""

import contextlib

import numpy as np
import pytest
from PIL import Image

from keras_extras.cli import main
from keras_extras.datasets import (
    IdxWriter,
    ImageDataGenerator,
    read_idx,
    write_idx,
)

resource = pytest.importorskip("resource", reason="Windows has no limits")

NOISE = np.random.default_rng(0).integers(0, 256, (4, 50, 60), "uint8")


@contextlib.contextmanager
def full_disk(limit=4096):
    """Lets no file of this process grow over `limit` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def write_head(path):
    write_idx(path.parent / "noise", NOISE)
    with full_disk():
        assert main(
            ["idx", "head", f"{path.parent}/noise", "--output", f"{path}"]
        )


def convert(path):
    write_idx(path.parent / "noise", NOISE.reshape(4, -1))
    with full_disk():
        assert main(["idx", "convert", f"{path.parent}/noise", str(path)])


def write_at_once(path):
    with full_disk(), pytest.raises(OSError, match="too large"):
        write_idx(path, NOISE)


def write_in_batches(path):
    def write():
        with IdxWriter(path) as writer:
            for image in NOISE:
                writer.write(image[None])

    with full_disk(), pytest.raises(OSError, match="too large"):
        write()


WRITERS = {
    "head.png": write_head,
    "a.npy": convert,
    "a.npz": convert,
    "a.csv": convert,
    "a": convert,
    "b": write_at_once,
    "b.gz": write_at_once,
    "c": write_in_batches,
    "c.gz": write_in_batches,
}


@pytest.mark.parametrize("name", WRITERS)
def test_what_was_there_is_still_there(name, tmp_path, capsys):
    folder = tmp_path / "target"
    folder.mkdir()
    path = folder / name
    path.write_bytes(b"old")
    (folder / "noise").touch()
    WRITERS[name](path)
    assert path.read_bytes() == b"old"
    assert {file.name for file in folder.iterdir()} == {name, "noise"}


@pytest.mark.parametrize("exists", [False, True])
def test_of_a_folder_of_pictures_nothing_is_left(exists, tmp_path, capsys):
    write_idx(tmp_path / "noise", NOISE)
    folder = tmp_path / "png"
    if exists:
        folder.mkdir()
    with full_disk(limit=1000):
        assert main(["idx", "convert", f"{tmp_path}/noise", f"{folder}/"])
    assert "large" in capsys.readouterr().err
    left = {"noise", "png"} if exists else {"noise"}
    assert {file.name for file in tmp_path.iterdir()} == left
    assert not exists or not list(folder.iterdir())


def test_a_flow_leaves_no_half_picture(tmp_path):
    flow = ImageDataGenerator().flow(NOISE[..., None], save_to_dir=tmp_path)
    with full_disk(limit=1000), pytest.raises(OSError, match="too large"):
        flow[0]
    assert not list(tmp_path.iterdir())
    flow[0]
    for file in tmp_path.iterdir():
        Image.open(file).load()


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("room", range(0, 40, 3))
@pytest.mark.parametrize("size", [3, 3000])
def test_what_was_appended_to_is_as_it_was(tmp_path, compress, room, size):
    path = tmp_path / "x"
    with IdxWriter(path, compress=compress) as writer:
        writer.write(NOISE[:1, :1, :3])
    before = path.read_bytes()
    rows = np.resize(NOISE, (size, 1, 3))
    with (
        full_disk(limit=len(before) + room),
        contextlib.suppress(OSError),
        IdxWriter(path, append=True) as writer,
    ):
        writer.write(rows)
    after = path.read_bytes()
    assert after == before or len(read_idx(path)) == 1 + size
    assert list(tmp_path.iterdir()) == [path]
