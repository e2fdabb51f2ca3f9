"""What a reader of IDX files is told when a file is not what it must be.

    <path>: byte <offset> of the <stream> data: expected <...>, found <...>.

A file error names the place in the file, so it has its own form beside the
one of `keras_extras._errors`. The table below knows the files that people
really pass by mistake; what a file is called plays no part.
"""

import re

MAGIC = "the IDX magic number (0, 0, a type code, the number of dimensions)"


class IdxFormatError(ValueError):
    """Says where a file breaks the IDX format, and what to do about it.

    Raised for every content that is not a whole, undamaged IDX file. A file
    that cannot be opened or read at all raises Python's own `OSError`.

    Args:
        path: name of the file, as far as it is known.
        offset: position of the fault, in bytes from the start of `stream`.
        expected: what must stand there, as a noun phrase.
        found: what stands there, as a noun phrase.
        advice: sentences that say how to mend it.
        stream: `"IDX"` if `offset` counts bytes of the (uncompressed) IDX
            data, `"gzip"`, `"xz"` or `"bzip2"` if it counts bytes of the packed
            file.

    Examples:
        >>> import io
        >>> from keras_extras.datasets import IdxFormatError, read_idx
        >>> try:
        ...     read_idx(io.BytesIO(bytes([0, 0, 7, 1])))
        ... except IdxFormatError as error:
        ...     print(error.offset, error.found)
        2 0x07
    """

    def __init__(
        self,
        path: str,
        offset: int,
        expected: str,
        found: str,
        advice: str = "",
        stream: str = "IDX",
    ) -> None:
        # All arguments go up, so that the error can be pickled: a worker
        # process has to be able to hand it over.
        super().__init__(path, offset, expected, found, advice, stream)
        self.path = path
        self.offset = offset
        self.expected = expected
        self.found = found
        self.advice = advice
        self.stream = stream

    def __str__(self) -> str:
        text = (
            f"{self.path}: byte {self.offset} of the {self.stream} data: "
            f"expected {self.expected}, found {self.found}."
        )
        return f"{text} {self.advice}" if self.advice else text


# How other files start, what they are, and what to do with them.
_STRANGERS = {
    rb"(\xef\xbb\xbf)?\s*<[!?a-z]": (
        "a web page (HTML or XML)",
        "The address answered with a page instead of the file: open the file "
        "in a browser to see why, then download it again.",
    ),
    rb"version https://git-lfs": (
        "a git-LFS pointer, not the data",
        "Fetch the data with `git lfs pull`.",
    ),
    rb"[^\0\r\n]{0,200}annex/objects/": (
        "a git-annex pointer, not the data",
        "Fetch the data with `git annex get`.",
    ),
    rb"PK(\x03\x04|\x05\x06)": (
        "a zip archive (.zip or .npz)",
        "Unpack it and read the file inside; read an .npz file with "
        "numpy.load.",
    ),
    rb"\x93NUMPY": ("a NumPy .npy file", "Read it with numpy.load."),
    rb"\x89PNG": (
        "a PNG image",
        "An IDX file holds many images in one array: read single pictures "
        "with keras.utils.load_img.",
    ),
    rb"\x1f\x8b": (
        "gzip data inside gzip data",
        "The file was compressed twice: unpack it once with gunzip.",
    ),
    rb"\xfd7zXZ\0|BZh[1-9]": (
        "packed data inside packed data",
        "The file was compressed twice: unpack it once.",
    ),
    rb"\x28\xb5\x2f\xfd": (
        "zstd data",
        "Unpack it with `zstd -d FILE`; gzip, xz and bzip2 are read as they "
        "are.",
    ),
    rb"7z\xbc\xaf\x27\x1c": (
        "a 7-Zip archive",
        "Unpack it and read the file inside.",
    ),
    rb"\x80[\x02-\x05]": (
        "a Python pickle",
        "Loading a pickle can run any code: ask for the data in another form.",
    ),
    rb"[\0-\xff][\x08\x09\x0b-\x0e]\0\0": (
        "a magic number with its bytes in reverse order",
        "The file was written on a little-endian machine without swapping "
        "bytes: IDX is big-endian; write it with write_idx.",
    ),
}


def not_idx(path: str, head: bytes) -> IdxFormatError:
    """Returns the error for a file that does not start like an IDX file.

    Args:
        path: name of the file.
        head: its first bytes, 256 or as many as there are.
    """
    for start, (name, advice) in _STRANGERS.items():
        if re.match(start, head, re.IGNORECASE | re.DOTALL):
            return IdxFormatError(path, 0, MAGIC, name, advice)
    if not head:
        return IdxFormatError(
            path, 0, MAGIC, "an empty file", "Get the file again."
        )
    found = f"the bytes {head[:4].hex(' ')}"
    return IdxFormatError(path, 0, MAGIC, found, "This is not an IDX file.")
