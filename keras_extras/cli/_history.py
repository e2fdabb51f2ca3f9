"""The command `keras-extras history`: looks at recorded trainings."""

import argparse

from keras_extras._files import draft_of
from keras_extras.cli._parsers import Commands, new

_PLOT = """\
Draws what a HistoryRecorder(path) wrote, or is still writing: loss and metrics
by epoch, over all runs. FILE ends in .jsonl, or is the file of a model beside
which the record stands. Needs matplotlib and pandas:
pip install 'keras-extras[plot,pandas]'"""


def add_commands(commands: Commands) -> None:
    """Adds `history plot` to a parser."""
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


def _run_history_plot(args: argparse.Namespace) -> int:
    from keras_extras.history import read_history
    from keras_extras.plotting import HistoryDisplay

    history = read_history(args.file)
    display = HistoryDisplay.from_history(history, metrics=args.metrics)
    display.plot()
    with draft_of(args.output) as draft:
        display.figure_.savefig(draft)
    print(args.output)
    return 0
