"""The commands `keras-extras idx ...`: parse, call, print."""

import argparse
import os
import re
from pathlib import Path

from keras_extras import _gray
from keras_extras._errors import import_optional
from keras_extras._files import replaced
from keras_extras.cli import _convert, _published
from keras_extras.cli._parsers import Commands, failed, new, positive, sizes

_INFO = """\
Shows what each IDX file holds: data type, shape, sizes, compression (decided
by content, not by name), smallest and largest value. Reads the whole file, so
a damaged one is found."""

_CONVERT = """\
Converts an array between IDX and other forms. The names tell the forms:
  *.npy  *.npz  *.csv     as NumPy and spreadsheets have them
  a folder, or NAME/      one PNG file per image, numbered
  any other name          IDX, packed if it ends in .gz
With --labels FILE the labels go along: a first column of CSV, a second array
of .npz, one subfolder per class of PNG files."""

_HEAD = """\
Draws the first images of a file side by side into a PNG file."""

_VERIFY = """\
Reads every IDX file of a folder from its first byte to its last, compares the
numbers of images and labels that belong together by their names, and prints
one line for each. Exit code 1 if anything is wrong."""

_IDX_NAME = re.compile(r"(?i)(idx|ubyte).*")


def add_commands(commands: Commands) -> None:
    """Adds the commands to a parser.

    Args:
        commands: what `add_subparsers` returned.
    """
    info = new(
        commands.add_parser,
        "info",
        help="show what IDX files hold",
        description=_INFO,
    )
    info.add_argument("files", metavar="FILE", nargs="+", help="an IDX file")
    info.set_defaults(command=run_info)
    _add_convert(commands)
    _add_head(commands)
    verify = new(
        commands.add_parser,
        "verify",
        help="check all IDX files of a folder",
        description=_VERIFY,
    )
    verify.add_argument("folder", metavar="FOLDER", help="where the files are")
    verify.set_defaults(command=run_verify)


def _add_convert(commands: Commands) -> None:
    convert = new(
        commands.add_parser,
        "convert",
        help="convert to and from npy, npz, CSV and PNG files",
        description=_CONVERT,
    )
    convert.add_argument("source", metavar="SOURCE", help="what to read")
    convert.add_argument("target", metavar="TARGET", help="what to write")
    convert.add_argument(
        "--labels",
        metavar="FILE",
        help="IDX file with the labels: read if SOURCE is IDX or .npy, "
        "written otherwise",
    )
    convert.add_argument(
        "--shape",
        metavar="N,N,...",
        type=sizes,
        help="shape of one item in CSV, such as 28,28 (default: a row)",
    )
    convert.add_argument(
        "--dtype",
        choices=["uint8", "int8", "int16", "int32", "float32", "float64"],
        help="data type of numbers in CSV (default: uint8)",
    )
    convert.set_defaults(command=run_convert)


def _add_head(commands: Commands) -> None:
    head = new(
        commands.add_parser,
        "head",
        help="draw the first images of a file",
        description=_HEAD,
    )
    head.add_argument("file", metavar="FILE", help="an IDX file with images")
    head.add_argument(
        "--count",
        metavar="N",
        type=positive,
        default=20,
        help="how many images (default: %(default)s)",
    )
    head.add_argument(
        "--output",
        metavar="FILE",
        default="head.png",
        help="the picture (default: %(default)s)",
    )
    head.set_defaults(command=run_head)


def run_info(args: argparse.Namespace) -> int:
    """Prints what each file holds."""
    from keras_extras.datasets import idx_info, read_idx

    code = 0
    for path in args.files:
        try:
            info, array = idx_info(path), read_idx(path)
        except (OSError, ValueError) as error:
            code = failed(error)
            continue
        print(path)
        print(f"  dtype   {info.dtype.name}")
        print(f"  shape   {info.shape}")
        print(f"  data    {info.data_bytes:,} bytes")
        form = "packed" if info.compressed else "plain"
        print(f"  file    {info.file_bytes:,} bytes, {form}")
        if array.size:
            print(f"  values  {array.min()} to {array.max()}")
    return code


def run_convert(args: argparse.Namespace) -> int:
    """Converts one file or folder."""
    parts = _published.read(args.source)
    if parts is not None:
        if args.labels or args.shape or args.dtype:
            raise ValueError(
                f"{args.source}: this data set has its own labels, shape and "
                "dtype; leave out the options."
            )
        _published.save(parts, args.target)
        return 0
    beside = _convert.form_of(args.source) in ("", "npy")
    array, labels = _convert.load(
        args.source,
        shape=args.shape,
        dtype=args.dtype,
        with_labels=args.labels is not None and not beside,
    )
    saves = []  # all is checked before anything is written
    if args.labels and beside:
        labels, _ = _convert.load(args.labels)
    elif args.labels and labels is not None:
        if os.path.realpath(args.labels) == os.path.realpath(args.target):
            raise ValueError(f"{args.labels}: cannot hold data and labels.")
        saves, labels = [_convert.saver(args.labels, labels)], None
    saves.append(_convert.saver(args.target, array, labels))
    for save in saves:
        save()
    return 0


def run_head(args: argparse.Namespace) -> int:
    """Draws the first images of a file."""
    import numpy as np

    from keras_extras.datasets import idx_info, open_idx, read_idx

    pillow = import_optional(
        "PIL.Image", extra="images", owner="keras-extras idx head"
    )
    if not args.output.lower().endswith(".png"):
        raise ValueError(f"{args.output}: the picture is PNG; name it so.")
    info = idx_info(args.file)
    if len(info.shape) != 3 or 0 in info.shape:
        raise ValueError(
            f"{args.file}: expected images (count, height, width), found "
            f"shape {info.shape}. Labels have no picture: use idx info."
        )
    opened = read_idx if info.compressed else open_idx
    gray = _gray.pixels(opened(args.file)[: args.count])
    columns = min(10, len(gray))
    rows = -(-len(gray) // columns)
    _, height, width = gray.shape
    page = np.full((rows, columns, height + 2, width + 2), 128, "uint8")
    for index, image in enumerate(gray):
        page[index // columns, index % columns, 1:-1, 1:-1] = image
    grid = page.transpose(0, 2, 1, 3).reshape(rows * (height + 2), -1)
    picture = pillow.fromarray(grid)
    times = max(1, 640 // grid.shape[1])
    picture = picture.resize(
        (times * picture.width, times * picture.height), pillow.Resampling.BOX
    )
    with replaced(args.output) as file:
        picture.save(file, format="PNG")
    print(f"{args.output}: the first {len(gray)} of {info.shape[0]} images")
    return 0


def run_verify(args: argparse.Namespace) -> int:
    """Checks a folder of IDX files; prints one line for each."""
    from keras_extras.datasets import read_idx

    folder = Path(args.folder).expanduser()
    files = sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and _IDX_NAME.search(path.name)
    )
    if not files:
        raise ValueError(
            f"{folder}: expected files with idx or ubyte in their names, "
            "found none."
        )
    code, shapes = 0, dict[Path, tuple[int, ...]]()
    for path in files:
        try:
            array = read_idx(path)
        except (OSError, ValueError) as error:
            code = 1
            print(f"BAD  {path.name}: {' '.join(str(error).split())}")
            continue
        shapes[path] = array.shape
        print(f"ok   {path.name}: {array.dtype}, shape {array.shape}")
    for path, shape in shapes.items():
        for other, labels in shapes.items():
            if "images" not in path.name or not shape or not labels:
                continue
            if _pair_key(path.name) == _pair_key(other.name) and (
                "labels" in other.name and shape[0] != labels[0]
            ):
                code = 1
                print(
                    f"BAD  {other.name}: {labels[0]} labels for {shape[0]} "
                    f"images in {path.name}. They belong to different data "
                    "sets, or one is cut short."
                )
    return code


def _pair_key(name: str) -> str:
    """Returns what the names of images and of their labels share."""
    name = re.sub(r"\.gz$", "", name.lower())
    name = re.sub(r"images|labels", "", name)
    return re.sub(r"[-.]?idx\d+", "", name)
