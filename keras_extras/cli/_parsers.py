"""What the commands share: how they fail, and how they read numbers."""

import argparse
import sys
from collections.abc import Callable
from typing import Any

# What `add_subparsers` returns.
Commands = argparse._SubParsersAction


def failed(reason: object) -> int:
    """Says in one line on stderr why it failed; returns the exit code."""
    message = " ".join(str(reason).split()) or type(reason).__name__
    print(f"keras-extras: {message}", file=sys.stderr)
    return 1


def new(
    make: Callable[..., argparse.ArgumentParser], *args: Any, **kwargs: Any
) -> argparse.ArgumentParser:
    """Makes a parser whose texts keep their lines."""
    form = argparse.RawDescriptionHelpFormatter
    return make(*args, formatter_class=form, **kwargs)


def positive(text: str) -> int:
    """Reads a number from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {number}")
    return number


def sizes(text: str) -> tuple[int, ...]:
    """Reads a shape, such as `28,28,1`."""
    return tuple(positive(part) for part in text.split(",") if part.strip())


def seed(text: str) -> int:
    """Reads a seed that all generators take."""
    number = int(text)
    if not 0 <= number < 2**32:
        raise argparse.ArgumentTypeError(
            f"must be from 0 to 4294967295, not {number}"
        )
    return number
