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
import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence

from keras_extras.cli._parsers import failed, new, positive, seed

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

_DEMO = """\
Trains MLP and ConvNet on 8,500 of the MNIST digits that come with the package
and tests them on the other 1,500. Needs no network and less than a minute.
Needs matplotlib and pandas: pip install 'keras-extras[demo]'"""

_TRAIN = """\
Trains a network of a course as the course does (keras-extras train --list
prints them all) on the MNIST digits that come with the package, or on the
four IDX files of a folder, named as MNIST's are:
  train-images-idx3-ubyte  train-labels-idx1-ubyte
  t10k-images-idx3-ubyte   t10k-labels-idx1-ubyte
each plain or with .gz. Fashion-MNIST and KMNIST come in this form.
Needs matplotlib and pandas: pip install 'keras-extras[demo]'"""

_FILES = """\
the output folder then holds:
  report.html         everything on one page that needs no other file
  history.csv         each metric of each model, epoch by epoch
  {journal:20}the same and more, written while it trains
  model.keras         the (last) model: import keras_extras, then
                      keras.saving.load_model("model.keras")
"""

_PLOT = """\
Draws what a HistoryRecorder(path) wrote, or is still writing: loss and metrics
by epoch, over all runs. FILE ends in .jsonl, or is the file of a model beside
which the record stands. Needs matplotlib and pandas:
pip install 'keras-extras[plot,pandas]'"""


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
        args = _parser().parse_args(argv)
        args.words = sys.argv[1:] if argv is None else list(argv)
    except SystemExit as stop:  # argparse: 0 after --help, 2 after an error
        return int(stop.code or 0)
    try:
        return args.command(args)
    except KeyboardInterrupt:
        return failed("stopped")
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        return failed(error)


def _run_demo(args: argparse.Namespace) -> int:
    from keras_extras.cli import _train

    _train.train_and_report(
        ["mlp", "convnet"],
        _train.load_images(),
        args.output,
        epochs=args.epochs,
        seed=args.seed,
        say=print,
    )
    return 0


def _run_train(args: argparse.Namespace) -> int:
    from keras_extras.cli import _train

    if args.backend and args.backend != _active_backend():
        return _on_backend(args.backend, args.words)
    _train.train_and_report(
        [args.recipe],
        _train.load_images(args.data),
        args.output,
        epochs=args.epochs,
        batch_size=args.batch_size,
        seed=args.seed,
        data_format="channels_first" if args.channels_first else None,
        say=print,
    )
    return 0


class _List(argparse.Action):
    """Prints the recipes, and ends as `--help` does."""

    def __call__(self, parser, *args):
        print(_recipe_list())
        parser.exit()


def _recipe_list() -> str:
    """Returns a line per recipe, under the number of its tutorial."""
    from keras_extras.cli._recipes import RECIPES

    lines = ["  tutorial / recipe        epochs  network"]
    for name, one in RECIPES.items():
        course = f"{one.course}." if one.course else ""
        lines.append(f"  {course:3} {name:20} {one.epochs:6}  {one.title}")
    return "\n".join(lines)


def _active_backend() -> str:
    import keras

    return keras.backend.backend()


def _on_backend(backend: str, words: Sequence[str]) -> int:
    """Runs the command again in a process of that backend.

    Keras chooses its backend when it is imported, which it is by now.
    """
    if importlib.util.find_spec(backend) is None:
        return failed(
            f"train: {backend} is not installed. Install it: "
            f"pip install 'keras-extras[{backend}]'"
        )
    return subprocess.run(
        [sys.executable, "-m", "keras_extras", *words],
        env={**os.environ, "KERAS_BACKEND": backend},
    ).returncode


def _run_history_plot(args: argparse.Namespace) -> int:
    from keras_extras.history import read_history
    from keras_extras.plotting import HistoryDisplay

    history = read_history(args.file)
    display = HistoryDisplay.from_history(history, metrics=args.metrics)
    display.plot().figure_.savefig(args.output)
    print(args.output)
    return 0


def _parser() -> argparse.ArgumentParser:
    from keras_extras._version import __version__
    from keras_extras.cli import (
        _check as _check_command,
    )
    from keras_extras.cli import (
        _idx as _idx_command,
    )
    from keras_extras.cli import (
        _recipes,
    )

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

    demo = new(
        commands.add_parser,
        "demo",
        help="train two models on real digits and make a report",
        description=_DEMO,
        epilog=_FILES.format(journal="mlp, convnet.jsonl"),
    )
    _add_training(demo, epochs=6, output="demo-output")
    demo.set_defaults(command=_run_demo)

    train = new(
        commands.add_parser,
        "train",
        help="train a network of a course, the same report",
        description=_TRAIN,
        epilog=_FILES.format(journal="RECIPE.jsonl"),
    )
    train.add_argument(
        "recipe",
        metavar="RECIPE",
        choices=list(_recipes.RECIPES),
        help="which network, see --list",
    )
    train.add_argument(
        "--list", action=_List, nargs=0, help="print the recipes and stop"
    )
    train.add_argument(
        "--data",
        metavar="FOLDER",
        help="where the files are (default: the digits of the package)",
    )
    train.add_argument(
        "--backend",
        choices=["tensorflow", "jax", "torch"],
        help="what Keras computes with (default: KERAS_BACKEND)",
    )
    train.add_argument(
        "--batch-size",
        metavar="N",
        type=positive,
        help="images per step (default: as the recipe says)",
    )
    train.add_argument(
        "--channels-first",
        action="store_true",
        help="images as (channels, height, width)",
    )
    _add_training(train, epochs=None, output="train-output")
    train.set_defaults(command=_run_train)

    history = new(
        commands.add_parser,
        "history",
        help="look at recorded trainings",
        description="Works with the records of HistoryRecorder.",
    ).add_subparsers(title="commands", metavar="COMMAND", required=True)
    plot = new(
        history.add_parser,
        "plot",
        help="draw the curves of a training",
        description=_PLOT,
    )
    plot.add_argument("file", metavar="FILE", help="the record, or its model")
    plot.add_argument(
        "-o",
        "--output",
        metavar="PICTURE",
        default="curves.png",
        help="where to write: .png, .svg, .pdf (default: %(default)s)",
    )
    plot.add_argument(
        "--metrics",
        metavar="NAME,NAME",
        type=lambda text: text.split(","),
        help="which metrics, in this order (default: all)",
    )
    plot.set_defaults(command=_run_history_plot)

    idx = new(
        commands.add_parser,
        "idx",
        help="look into IDX files",
        description="Works with IDX files, the form in which MNIST comes.",
    ).add_subparsers(title="commands", metavar="COMMAND", required=True)
    _idx_command.add_commands(idx)

    _check_command.add_command(commands)
    return parser


def _add_training(
    parser: argparse.ArgumentParser, *, epochs: int | None, output: str
) -> None:
    parser.add_argument(
        "--epochs",
        metavar="N",
        type=positive,
        default=epochs,
        help="passes over the training images "
        + (
            "(default: as the recipe says)"
            if epochs is None
            else "(default: %(default)s)"
        ),
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=seed,
        default=0,
        help="start of all random numbers (default: %(default)s)",
    )
    parser.add_argument(
        "--output",
        metavar="FOLDER",
        default=output,
        help="where to write the results (default: %(default)s)",
    )
