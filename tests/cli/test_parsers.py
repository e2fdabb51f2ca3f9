"""How commands read numbers, and how they fail."""

import argparse

import pytest

from keras_extras.cli import _parsers as parsers


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        (parsers.positive, "3", 3),
        (parsers.sizes, "28,28,1", (28, 28, 1)),
        (parsers.sizes, "7,", (7,)),
        (parsers.seed, "0", 0),
        (parsers.seed, "4294967295", 2**32 - 1),
    ],
)
def test_numbers_are_read(read, text, expected):
    assert read(text) == expected


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (parsers.positive, "0"),
        (parsers.positive, "x"),
        (parsers.sizes, "3,-1"),
        (parsers.seed, "-1"),
        (parsers.seed, "4294967296"),
    ],
)
def test_other_texts_are_refused(read, text):
    with pytest.raises((ValueError, argparse.ArgumentTypeError)):
        read(text)


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("two\nlines", "keras-extras: two lines\n"),
        (ValueError(), "keras-extras: ValueError\n"),
    ],
)
def test_a_failure_is_one_line(reason, line, capsys):
    assert parsers.failed(reason) == 1
    assert capsys.readouterr().err == line
