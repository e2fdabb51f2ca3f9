"""The commands `keras-extras demo` and `train`: parse and call.

What they do is in `_training`, which networks there are in `_recipes`.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from keras_extras.cli import _recipes, _training
from keras_extras.cli._parsers import Commands, failed, new, positive, seed

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


def add_commands(commands: Commands) -> None:
    """Adds `demo` and `train` to a parser."""
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


def _add_training(
    parser: argparse.ArgumentParser, *, epochs: int | None, output: str
) -> None:
    """Adds what both commands take; `None` epochs are those of the recipe."""
    usual = "as the recipe says" if epochs is None else "%(default)s"
    parser.add_argument(
        "--epochs",
        metavar="N",
        type=positive,
        default=epochs,
        help=f"passes over the training images (default: {usual})",
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


def _run_demo(args: argparse.Namespace) -> int:
    _training.train_and_report(
        ["mlp", "convnet"],
        _training.load_images(),
        args.output,
        epochs=args.epochs,
        seed=args.seed,
        say=print,
    )
    return 0


def _run_train(args: argparse.Namespace) -> int:
    import keras

    if args.backend not in (None, keras.backend.backend()):
        return _on_backend(args.backend, args.words)
    _training.train_and_report(
        [args.recipe],
        _training.load_images(args.data),
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

    def __call__(
        self, parser: argparse.ArgumentParser, *args: Any, **kwargs: Any
    ) -> None:
        print(_recipe_list())
        parser.exit()


def _recipe_list() -> str:
    """Returns a line per recipe, under the number of its tutorial."""
    lines = ["  tutorial / recipe        epochs  network"]
    for name, recipe in _recipes.RECIPES.items():
        course = f"{recipe.course}." if recipe.course else ""
        lines.append(
            f"  {course:3} {name:20} {recipe.epochs:6}  {recipe.title}"
        )
    return "\n".join(lines)


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
