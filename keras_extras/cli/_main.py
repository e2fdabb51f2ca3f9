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
command line was wrong (argparse says how), 130 it was stopped with Ctrl-C, 141
whoever read what it prints has gone. With KERAS_EXTRAS_TRACEBACK=1 a failure is
a traceback.
"""

import argparse
import contextlib
import os
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
Exit codes: 0 it worked, 1 it failed, 2 the command line was wrong, 130 stopped
with Ctrl-C. KERAS_EXTRAS_TRACEBACK=1 shows where a failure comes from.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: the words after `keras-extras`; `None` means those of the
            process.

    Returns:
        The exit code, as above.

    Examples:
        >>> main(["idx"])
        2
    """
    try:
        code = _run(argv)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # as in `... | head`
        # Python flushes once more at its end, and would complain.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        failed("stopped")
        return 130
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        return _failed(error, str(error))
    except Exception as error:  # whatever files and layers of others do
        return _failed(error, f"{type(error).__name__}: {error}")


def _run(argv: Sequence[str] | None) -> int:
    try:
        args = make_parser().parse_args(argv)
    except SystemExit as stop:  # argparse: 0 after --help, 2 after an error
        return int(stop.code or 0)
    args.words = sys.argv[1:] if argv is None else list(argv)
    return args.command(args)


def _failed(error: Exception, message: str) -> int:
    if os.environ.get("KERAS_EXTRAS_TRACEBACK"):
        raise error
    return failed(message or type(error).__name__)


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
