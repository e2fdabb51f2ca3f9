"""Any bytes, any fault of the disk, any limit of memory: see fuzz_idx.py."""

import io
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.datasets import (
    IdxFormatError,
    idx_info,
    read_idx,
    write_idx,
)
from tests.datasets.fuzz_idx import check, one_input, seeds

SEEDS = seeds()


@st.composite
def files(draw):
    """A file from a list, changed where it hurts, several times."""
    data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(data)))
        other = draw(st.integers(0, len(data)))
        noise = draw(st.binary(min_size=1, max_size=8))
        low, high = sorted((place, other))
        size = draw(st.sampled_from([0, 1, 2, 255, 256, 2**31, 2**32 - 1]))
        axis = 4 + 4 * draw(st.integers(0, 3))
        data = draw(
            st.sampled_from(
                [
                    data[:place],
                    data[:low] + data[high:],
                    data[:high] + data[low:],
                    data[:place] + noise + data[place:],
                    data[:place] + noise + data[place + len(noise) :],
                    data[:axis] + struct.pack(">I", size) + data[axis + 4 :],
                    data[:2] + noise[:2] + data[4:],
                    data + draw(st.sampled_from(SEEDS)),
                ]
            )
        )
    return data


@given(files())
def test_changed_files_are_read_or_refused(data):
    one_input(data)


@pytest.mark.full
@given(st.data())
def test_many_changed_files_are_read_or_refused(data):
    for _ in range(200):
        one_input(data.draw(files()))


@pytest.mark.parametrize("seed", SEEDS, ids=range(len(SEEDS)))
def test_each_seed_is_read_or_refused(seed):
    one_input(seed)


def test_the_check_finds_a_reader_that_is_not_total(monkeypatch):
    from tests.datasets import fuzz_idx

    def careless(file):
        return struct.unpack(">2x2B", b"\0")

    monkeypatch.setattr(fuzz_idx, "read_idx", careless)
    with pytest.raises(struct.error):
        check(b"\0")


# --- a disk that fails -------------------------------------------------------


class Faulty(io.BytesIO):
    """Gives `step` bytes at most, and fails or ends at byte `place`."""

    def __init__(self, data, place, step, fails):
        super().__init__(data if fails else data[:place])
        self.place, self.step, self.fails = place, step, fails

    def read(self, size=-1):
        if self.fails and self.tell() >= self.place:
            raise OSError(5, "Input/output error")
        ahead = self.place - self.tell()
        return super().read(min(size, self.step, max(ahead, 1)))


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize("reader", [read_idx, idx_info])
def test_fault_at_every_byte_is_the_error_of_the_disk(packed, step, reader):
    file = io.BytesIO()
    write_idx(file, np.arange(30, dtype="int16"), compress=packed)
    data = file.getvalue()
    # Without its head no file is told anything about.
    head = 12 if packed else 8
    for place in range(len(data) if reader is read_idx else head):
        file = Faulty(data, place, step, fails=True)
        with pytest.raises(OSError, match="Input/output error"):
            reader(file)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("step", [1, 3, 1000])
def test_end_at_every_byte_is_refused(packed, step):
    file = io.BytesIO()
    write_idx(file, np.arange(30, dtype="int16"), compress=packed)
    data = file.getvalue()
    for place in range(len(data)):
        with pytest.raises(IdxFormatError):
            read_idx(Faulty(data, place, step, fails=False))
    assert len(read_idx(Faulty(data, len(data), step, fails=False))) == 30


# --- a process without memory ------------------------------------------------

LIMITED = """
import gzip, io, resource, struct, sys
import numpy as np
from keras_extras.datasets import IdxFormatError, idx_info, open_idx, read_idx

size = {size}
head = struct.pack(">2x2BI", 8, 1, size)
path = sys.argv[1]
if {packed}:
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(head)
        for _ in range(size // 2**20):
            file.write(bytes(2**20))
else:
    with open(path, "wb") as file:
        file.write(head)
        file.truncate(8 + size)
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + {room}
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    print(read_idx(path).shape)
except IdxFormatError as error:
    print("IdxFormatError", error.expected)
print(idx_info(path).shape)
for bomb in (struct.pack(">2x2B3I", 8, 3, 2**31 - 1, 28, 28),
             bytes([0, 0, 14, 255]) + b"\\xff" * 1020):
    for data in (bomb, gzip.compress(bomb), gzip.compress(bomb + bytes(9**7))):
        for file in (io.BytesIO(data), path):
            if file is path:
                open(path, "wb").write(data)
            try:
                read_idx(file)
            except IdxFormatError:
                continue
            raise SystemExit("read a bomb")
print("done")
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="needs /proc and RLIMIT_AS"
)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("enough", [False, True], ids=["short", "enough"])
def test_process_with_little_memory_is_told_so(packed, enough, tmp_path):
    size = 2**26
    program = LIMITED.format(
        size=size, packed=packed, room=(4 * size if enough else size // 2)
    )
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, str(tmp_path / "file")],
        capture_output=True,
        text=True,
        timeout=300,
    )
    first = (
        f"({size},)" if enough else "IdxFormatError data that fits into memory"
    )
    assert run.stdout.splitlines() == [first, f"({size},)", "done"], run.stderr
