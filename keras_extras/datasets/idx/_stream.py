"""Bytes of an IDX file: plain or packed on the way in, whole on the way out.

    DEFLATE: bytes out <= 1032 * bytes in

Reading never takes more memory than the bytes that came, whatever a header
claims; writing never leaves half a file where a whole one was.
"""

import bz2
import contextlib
import io
import lzma
import os
import re
import stat
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, Protocol

import numpy as np

from keras_extras._errors import invalid_argument
from keras_extras._files import StrPath, refuse_pipe, replaced
from keras_extras.datasets.idx._error import IdxFormatError

# A DEFLATE match of 258 bytes takes two bits at least: 258 * 8 / 2.
_DEFLATE_RATIO = 1032
GZIP_MAGIC = b"\x1f\x8b"
_GZIP_BITS = 31  # zlib's number for "a gzip member, its CRC checked"
_XZ_MEMORY = 1 << 27  # bytes; its highest preset needs 65 MiB
# How packed files begin, what they are, and what unpacks one member.
_PACKED: dict[bytes, tuple[str, Callable[[], Any]]] = {
    GZIP_MAGIC: ("gzip", lambda: zlib.decompressobj(_GZIP_BITS)),
    b"BZh": ("bzip2", bz2.BZ2Decompressor),
    b"\xfd7zXZ\0": (
        "xz",
        lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY),
    ),
}
_BLOCK = 1 << 16  # compressed bytes read at a time
_PIECE = 1 << 18  # bytes of data taken at a time
# "train-images-idx3-ubyte" and "train-images.idx3-ubyte", packed or not.
_MNIST_NAME = re.compile(r"(.+)([-.])(idx\d+-\w+?)(\.gz|\.xz)?", re.DOTALL)
_NOT_WRITTEN = (".xz", ".bz2", ".zst")


class Source(Protocol):
    """Where IDX bytes come from.

    `limit` is the largest number of bytes that can come, `None` if unknown;
    if `packed` is `""`, exactly that many. `read(size)` gives 1 to `size`
    bytes, and none at the end only; `readinto` counts what it wrote.
    """

    path: str
    limit: int | None
    packed: str
    file_bytes: int | None

    def read(self, size: int) -> bytes: ...

    def readinto(self, room: memoryview) -> int: ...


def take(source: Source, size: int) -> bytearray:
    """Reads `size` bytes, or all there are: memory follows what came."""
    taken = bytearray()
    while len(taken) < size:
        piece = source.read(min(size - len(taken), _PIECE))
        if not piece:
            break
        taken += piece
    return taken


def load(source: Source, size: int) -> np.ndarray:
    """Reads `size` bytes, or all there are, into a new array of bytes.

    A plain file is known to hold them. For others the array grows with what
    came, for gzip from six times the file: MNIST unpacks to five times.
    """
    start = size
    if source.limit is None:
        start = _PIECE
    elif source.packed:
        start = 6 * (source.file_bytes or 0)
    data = np.empty(min(start, size), np.uint8)
    filled = 0
    while filled < size:
        if filled == len(data):
            data.resize(min(2 * filled + _PIECE, size), refcheck=False)
        with data.data[filled:] as room:
            count = source.readinto(room)
        if not count:
            break
        filled += count
    return data[:filled]


@contextlib.contextmanager
def opened(path: StrPath | IO[bytes], owner: str) -> Iterator[Source]:
    """Opens a path or takes a file object; content says if it is packed."""
    with contextlib.ExitStack() as stack:
        if isinstance(path, str | os.PathLike):
            name = spelled(path)
            refuse_pipe(name)
            file = stack.enter_context(open(name, "rb"))
            status = os.fstat(file.fileno())
            size = status.st_size if stat.S_ISREG(status.st_mode) else None
            plain = _Plain(file, name, size)
        elif hasattr(path, "read"):
            # A file object may be a pipe or a view of something larger, and
            # asking for its end may unpack it all: its size stays unknown.
            plain = _Plain(path, name_of(path), None)
        else:
            raise not_a_file(owner, path)
        packed = _PACKED.get(plain.start())
        yield _Unpacked(plain, *packed) if packed else plain


def spelled(path: StrPath) -> str:
    """Returns a path, in its other MNIST spelling if only that is there."""
    name = os.path.expanduser(os.fsdecode(path))
    parts = _MNIST_NAME.fullmatch(name)
    if parts and not os.path.lexists(name):
        stem, joint, rest, end = parts.groups(default="")
        for other_joint in (joint, ".-"[joint == "."]):
            for other_end in (end, "", ".gz", ".xz"):
                other = f"{stem}{other_joint}{rest}{other_end}"
                if os.path.exists(other):
                    return other
    return name


def asks_for_gzip(path: object, owner: str) -> bool:
    """Returns whether a path to be written ends like that of a gzip file."""
    if not isinstance(path, str | os.PathLike):
        return False
    name = os.fsdecode(path).lower()
    if name.endswith(_NOT_WRITTEN):
        raise invalid_argument(
            owner,
            "path",
            "one that ends in .gz, for gzip, or not like a packed file",
            os.fsdecode(path),
            fix="Or say compress=False.",
        )
    return name.endswith(".gz")


def packing_of(start: bytes) -> str:
    """Returns how a file is packed that starts so; `""` if it is not."""
    for magic, (kind, _) in _PACKED.items():
        if start.startswith(magic):
            return kind
    return ""


class _Plain:
    """The bytes of a file as they are."""

    packed = ""

    def __init__(self, file: IO[bytes], path: str, limit: int | None) -> None:
        self.path = path
        self.limit = self.file_bytes = limit
        self._file = file
        self._ahead = b""

    def start(self) -> bytes:
        """Returns the first bytes, as many as tell how the file is packed."""
        start = bytes(take(self, 2))
        for magic in _PACKED:
            if start == magic[:2]:  # of others no more than that is taken
                start += bytes(take(self, len(magic) - 2))
        self._ahead = start
        return start

    def read(self, size: int) -> bytes:
        if self._ahead:
            piece, self._ahead = self._ahead[:size], self._ahead[size:]
            return piece
        piece: Any = self._file.read(size)
        if piece is None:
            raise BlockingIOError(
                f"{self.path} gave None: read_idx needs a blocking file."
            )
        if isinstance(piece, str):
            raise TypeError(
                "read_idx: path must be open in binary mode. "
                f"Received: path={self._file!r}. Use open(..., 'rb')."
            )
        return piece

    def readinto(self, room: memoryview) -> int:
        # A regular file writes at once into the array; others are asked for
        # pieces, since not all know `readinto`.
        if self.limit is not None and not self._ahead:
            return self._file.readinto(room)  # type: ignore[attr-defined]
        return _copied(self.read(min(len(room), _PIECE)), room)


class _Unpacked:
    """The content of packed data of one or more members, in steps."""

    def __init__(
        self, file: _Plain, kind: str, new_member: Callable[[], Any]
    ) -> None:
        self.path = file.path
        self.file_bytes = file.file_bytes
        self.packed = kind
        self.limit = None
        if kind == "gzip" and file.limit is not None:
            self.limit = _DEFLATE_RATIO * file.limit
        self._file = file
        self._new_member = new_member
        self._member = new_member()
        self._left = b""  # compressed bytes that wait for room in the output
        self._offset = 0  # compressed bytes that are done with
        self._inside = 0  # that the member has, and may not be done with

    def read(self, size: int) -> bytes:
        while True:
            member = self._member
            if member.eof:  # another member, or the end of the file
                while not self._left:
                    self._left = self._file.read(_BLOCK)
                    if not self._left:
                        return b""
                    if self.packed == "xz":  # zeros may stand between
                        self._left = self._left.lstrip(b"\0")
                self._member = member = self._new_member()
            # Those of xz and bzip2 keep what they have no room for.
            hungry = getattr(member, "needs_input", True)
            block = (self._left or self._file.read(_BLOCK)) if hungry else b""
            if hungry:
                self._offset, self._inside = self._offset + self._inside, 0
            try:
                piece = member.decompress(block, size)
            except (zlib.error, lzma.LZMAError, OSError, ValueError) as cause:
                raise self._wrong(f"damage at or after it ({cause})") from cause
            self._left = member.unused_data or getattr(
                member, "unconsumed_tail", b""
            )
            used = len(block) - len(self._left)
            if member.eof and self.packed == "xz":
                self._left = self._left.lstrip(b"\0")
            if self.packed == "gzip":
                self._offset += used
            else:
                self._inside += used
            if piece:
                return piece
            if hungry and not block and not member.eof:
                raise self._wrong("the end of the file")

    def readinto(self, room: memoryview) -> int:
        return _copied(self.read(min(len(room), _PIECE)), room)

    def _wrong(self, found: str) -> IdxFormatError:
        return IdxFormatError(
            self.path,
            self._offset,
            f"whole, undamaged {self.packed} data",
            found,
            "The file is damaged or cut short, or something was appended to "
            "it: get it again.",
            stream=self.packed,
        )


def _copied(piece: bytes, room: memoryview) -> int:
    room[: len(piece)] = piece
    return len(piece)


def write(
    path: StrPath | IO[bytes], pieces: Iterable[bytes], owner: str
) -> None:
    """Writes to a file object, or to a path so that no half file remains."""
    if isinstance(path, str | os.PathLike):
        with replaced(os.path.expanduser(os.fsdecode(path))) as file:
            write_all(file, pieces)
    elif hasattr(path, "write"):
        write_all(path, pieces)
    else:
        raise not_a_file(owner, path)


class Deflate:
    """One gzip member (RFC 1952) without name and time: same in, same out."""

    head = GZIP_MAGIC + b"\x08" + bytes(6) + b"\xff"

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        self._checksum = self._size = 0

    def add(self, piece: bytes) -> bytes:
        self._checksum = zlib.crc32(piece, self._checksum)
        self._size += len(piece)
        return self._deflate.compress(piece)

    def end(self) -> bytes:
        return self._deflate.flush() + _trailer(self._checksum, self._size)


def deflated(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Compresses pieces into one gzip member."""
    member = Deflate()
    yield member.head
    for piece in pieces:
        yield member.add(piece)
    yield member.end()


def stored(data: bytes) -> bytes:
    """A gzip member that holds at most 65,535 bytes as they are.

    Its length depends on theirs only, so that it can be overwritten in place.
    """
    block = struct.pack("<BHH", 1, len(data), len(data) ^ 0xFFFF) + data
    return Deflate.head + block + _trailer(zlib.crc32(data), len(data))


def _trailer(checksum: int, size: int) -> bytes:
    return struct.pack("<II", checksum, size & 0xFFFFFFFF)


def write_all(file: IO[bytes], pieces: Iterable[bytes]) -> int:
    """Writes pieces to a file that may take a part of each only.

    Returns:
        How many bytes these are.
    """
    total = 0
    for piece in pieces:
        rest = memoryview(piece)
        while rest:
            written: Any = file.write(rest)
            if written is None and not isinstance(file, io.RawIOBase):
                written = len(rest)  # it counts nothing, and takes all
            if not written:
                raise BlockingIOError(
                    f"{name_of(file)} took {total} bytes and no more at the "
                    "moment: writing needs a blocking file."
                )
            rest = rest[written:]
            total += written
    return total


def name_of(file: object) -> str:
    name = getattr(file, "name", None)
    return name if isinstance(name, str) else f"<{type(file).__name__}>"


def not_a_file(owner: str, path: object) -> Exception:
    return invalid_argument(
        owner,
        "path",
        "a path (str or os.PathLike) or a binary file object",
        path,
        error=TypeError,
    )
