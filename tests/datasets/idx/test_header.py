import gzip
import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.datasets import (
    IdxFormatError,
    idx_info,
    open_idx,
    read_idx,
    write_idx,
)

DIGITS = np.arange(24, dtype="int16").reshape(4, 3, 2)


def header(code, *sizes, order=">"):
    return bytes([0, 0, code, len(sizes)]) + struct.pack(
        f"{order}{len(sizes)}I", *sizes
    )


@pytest.mark.parametrize("name", ["plain", "packed.gz"])
def test_info_is_what_the_file_holds(name, tmp_path):
    path = tmp_path / name
    write_idx(path, DIGITS)
    info = idx_info(path)

    assert info.path == str(path)
    assert info.dtype == np.int16
    assert info.dtype.isnative
    assert info.shape == (4, 3, 2)
    assert info.compressed == (name == "packed.gz")
    assert info.data_bytes == 48
    assert info.file_bytes == path.stat().st_size
    with path.open("rb") as file:
        assert idx_info(file)[1:5] == info[1:5]


def test_info_reads_no_numbers():
    class Watched(io.BytesIO):
        most = 0

        def read(self, size=-1):
            piece = super().read(size)
            self.most = max(self.most, self.tell())
            return piece

    file = Watched(header(8, 10**6, 10**6) + b"more")
    assert idx_info(file).data_bytes == 10**12
    assert file.most == 12


@given(st.lists(st.integers(0, 2**32 - 1), max_size=255))
def test_info_tells_any_shape_that_idx_allows(sizes):
    assert idx_info(io.BytesIO(header(14, *sizes))).shape == tuple(sizes)


def test_more_dimensions_than_numpy_has_are_named(tmp_path):
    path = tmp_path / "many"
    path.write_bytes(header(8, *[1] * 255) + b"\7")

    assert len(idx_info(path).shape) == 255
    for reader in (read_idx, open_idx):
        with pytest.raises(
            IdxFormatError, match=r"found 255 dimensions.*IDX allows 255 dim"
        ):
            reader(path)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_little_endian_sizes_are_named(packed, tmp_path):
    path = tmp_path / "swapped"
    data = header(8, 60, 3, 2, order="<") + bytes(360)
    path.write_bytes(gzip.compress(data, 0) if packed else data)

    with pytest.raises(IdxFormatError, match="sizes are little-endian"):
        read_idx(path)
    path.write_bytes(header(8, 61, 3, 2, order="<") + bytes(360))
    with pytest.raises(IdxFormatError, match="cut short or damaged"):
        read_idx(path)


@pytest.mark.parametrize("reader", [read_idx, idx_info, open_idx])
def test_either_spelling_of_a_name_finds_the_file(reader, tmp_path):
    write_idx(tmp_path / "train-images.idx3-ubyte", DIGITS)
    assert reader(tmp_path / "train-images-idx3-ubyte").shape == (4, 3, 2)
    assert reader(tmp_path / "train-images-idx3-ubyte.gz").shape == (4, 3, 2)
    write_idx(tmp_path / "train-images-idx3-ubyte", DIGITS[:2])
    assert reader(tmp_path / "train-images-idx3-ubyte").shape == (2, 3, 2)
    assert reader(tmp_path / "train-images.idx3-ubyte").shape == (4, 3, 2)
    write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", DIGITS)
    if reader is not open_idx:
        assert reader(tmp_path / "t10k-labels.idx1-ubyte").shape == (4, 3, 2)
    for missing in ("t10k-images-idx3-ubyte", "images", "idx3-ubyte"):
        with pytest.raises(FileNotFoundError) as caught:
            reader(tmp_path / missing)
        assert caught.value.filename == str(tmp_path / missing)
