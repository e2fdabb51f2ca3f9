"""One input for a fuzzer: any bytes are an array or an `IdxFormatError`.

    python tests/datasets/fuzz_idx.py -max_total_time=600

runs atheris (`pip install atheris`) on `one_input`, starting from the files
below; pass folders of further ones before the options. Hypothesis calls the
same function in test_fuzz_idx.py. Nothing but `IdxFormatError` may come out,
and the readers must agree with each other.
"""

import bz2
import gzip
import importlib
import io
import lzma
import os
import struct
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

if __name__ == "__main__":  # what is imported from here on is watched
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["keras_extras.datasets"]):
        import keras_extras.datasets  # noqa: F401

from keras_extras.datasets import (
    IdxFormatError,
    idx_info,
    open_idx,
    read_idx,
    write_idx,
)

MOST = 1 << 26  # bytes: larger arrays are honest, and too slow to fuzz


def one_input(data: bytes) -> None:
    """Checks a file with these bytes, and one with them compressed.

    A fuzzer hardly ever hits a right checksum: damage below the compression
    has to be compressed for it.
    """
    check(data)
    check(gzip.compress(data, compresslevel=1, mtime=0))
    check(lzma.compress(data, preset=0))
    check(bz2.compress(data, 1))


def check(data: bytes) -> None:
    """Checks that `data` is treated alike, and totally, by every reader."""
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        path = os.path.join(folder, "input")
        with open(path, "wb") as file:
            file.write(data)
        info = _outcome(idx_info, path)
        if not _failed(info) and info.data_bytes > MOST:
            return
        by_path = _outcome(read_idx, path)
        by_file = _outcome(read_idx, io.BytesIO(data))
        mapped = _outcome(open_idx, path)
        unpack = next(
            (tool for start, tool in UNPACK.items() if data.startswith(start)),
            None,
        )

        assert _failed(by_path) == _failed(by_file)
        if _failed(info):
            assert _failed(by_path)
        if unpack:
            assert _failed(mapped)
        else:
            assert _failed(mapped) == _failed(by_path)
        if not _failed(by_path):
            content = unpack(data) if unpack else data
            assert (by_path.dtype, by_path.shape) == (info.dtype, info.shape)
            assert _written(by_path) == _written(by_file) == content
        if not _failed(mapped):
            assert mapped[...].tobytes() == by_path.tobytes()


def _outcome(function: Callable[[Any], Any], file: str | io.BytesIO) -> Any:
    try:
        return function(file)
    except IdxFormatError as raised:
        error = raised
    assert str(error).startswith(f"{error.path}: byte {error.offset} of")
    assert error.expected
    assert error.found
    return error


def _failed(outcome: object) -> bool:
    return isinstance(outcome, IdxFormatError)


def _written(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    write_idx(file, array)
    return file.getvalue()


def zlib_content(data: bytes) -> bytes:
    """Unpacks all members, by another way than the package."""
    content = b""
    while data:
        member = zlib.decompressobj(31)
        content += member.decompress(data) + member.flush()
        data = member.unused_data
    return content


UNPACK = {
    b"\x1f\x8b": zlib_content,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ\0": lzma.decompress,
}


def _memory() -> str | None:
    return "/dev/shm" if os.path.isdir("/dev/shm") else None


def seeds() -> list[bytes]:
    """Files to start from: each type, several ranks, gzip, and strangers."""
    plain = [
        struct.pack(f">2x2B{rank}I", code, rank, *range(2, 2 + rank))
        + bytes(range(200))[:size] * (512 // 200 + 1)
        for rank in (0, 1, 2, 3)
        for code, size in [(8, 1), (9, 1), (11, 2), (12, 4), (13, 4), (14, 8)]
    ]
    whole = []
    for data in plain:
        code, rank = data[2], data[3]
        width = {8: 1, 9: 1, 11: 2, 12: 4, 13: 4, 14: 8}[code]
        count = width
        for size in range(2, 2 + rank):
            count *= size
        whole.append((data + bytes(1024))[: 4 + 4 * rank + count])
    packed = [gzip.compress(data, mtime=0) for data in whole[::5]]
    many = b"".join(gzip.compress(whole[3][i : i + 2]) for i in range(0, 16, 2))
    return [
        *whole,
        *packed,
        many,
        struct.pack(">2x2B3I", 8, 3, 2**31 - 1, 28, 28),
        struct.pack(">2x2B", 8, 255) + b"\xff" * 1020,
        struct.pack("<2B2x3I", 3, 8, 2, 1, 1),
        struct.pack(">2x2B", 8, 2) + struct.pack("<2I", 2, 1) + b"ab",
        b"<!DOCTYPE html>",
        b"version https://git-lfs.github.com/spec/v1\n",
        bz2.compress(whole[9]),
        lzma.compress(whole[9]) + lzma.compress(b""),
        b"\x28\xb5\x2f\xfd\0",
        b"PK\x03\x04",
        b"\x93NUMPY",
        b"",
    ]


if __name__ == "__main__":
    atheris = importlib.import_module("atheris")
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds()):
            Path(corpus, f"seed{number}").write_bytes(seed)
        atheris.Setup([sys.argv[0], corpus, *sys.argv[1:]], one_input)
        atheris.Fuzz()
