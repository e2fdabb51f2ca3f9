"""The command `keras-extras`: parse, call, print.

    keras-extras demo                      two models on real digits
    keras-extras train RECIPE              a network of a course
    keras-extras history plot FILE         the curves of a recorded training
    keras-extras idx info FILE ...         what an IDX file holds
    keras-extras idx convert FROM TO       IDX to and from npz, CSV, PNG ...
    keras-extras idx head FILE             a picture of the first images
    keras-extras idx verify FOLDER         whether all its files are whole
    keras-extras check MODULE:LAYER        whether a layer keeps its promises

Exit codes: 0 it worked, 1 it failed (the reason is one line on stderr), 2 the
command line was wrong (argparse says how).
"""

import argparse
import sys
from collections.abc import Sequence

from keras_extras._version import __version__
from keras_extras.cli import _check, _history, _idx, _train
from keras_extras.cli._parsers import failed, new

_DESCRIPTION = """\
Layers you can open, data, training records and pictures for Keras 3."""

_EXAMPLES = """\
examples:
  keras-extras demo                       train two models, make a report
  KERAS_BACKEND=jax keras-extras demo     the same, on another backend
  keras-extras train --list               the networks of the courses
  keras-extras train fashion-mlp --data fashion-mnist --backend jax
  keras-extras idx info train-images-idx3-ubyte.gz
  keras-extras check "my_package.layers:MyLayer(units=3)"

Each command has its own help: keras-extras demo --help
Exit codes: 0 it worked, 1 it failed, 2 the command line was wrong.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: the words after `keras-extras`; `None` means those of the
            process.

    Returns:
        The exit code: 0, 1 or 2, as above.

    Examples:
        >>> main(["idx"])
        2
    """
    try:
        args = make_parser().parse_args(argv)
        args.words = sys.argv[1:] if argv is None else list(argv)
    except SystemExit as stop:  # argparse: 0 after --help, 2 after an error
        return int(stop.code or 0)
    try:
        return args.command(args)
    except KeyboardInterrupt:
        return failed("stopped")
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        return failed(error)


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of all commands."""
    parser = new(
        argparse.ArgumentParser,
        prog="keras-extras",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {__version__}"
    )
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    _train.add_commands(commands)
    _history.add_commands(commands)
    idx = new(
        commands.add_parser,
        "idx",
        help="look into IDX files",
        description="Works with IDX files, the form in which MNIST comes.",
    )
    _idx.add_commands(
        idx.add_subparsers(title="commands", metavar="COMMAND", required=True)
    )
    _check.add_command(commands)
    return parser
