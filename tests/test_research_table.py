"""The page of the research layers counts the lines that there are."""

from pathlib import Path

import pytest

from keras_extras import layers
from tools import research_table


def test_page_is_up_to_date():
    page = research_table.PAGE.read_text(encoding="utf-8")
    assert page == research_table.updated(page), (
        "docs/guides/research.md is out of date. "
        "Run: python tools/research_table.py"
    )


def test_page_has_the_table_once():
    page = research_table.PAGE.read_text(encoding="utf-8")
    assert page.count(research_table.BEGIN) == 1
    assert page.count(research_table.END) == 1


@pytest.mark.parametrize("row", research_table.ROWS, ids=lambda row: row.base)
def test_row_agrees_with_the_class(row):
    docstring = getattr(layers, row.base).__doc__
    if row.base != "DropPath":  # a variant; the paper is the other class's
        assert row.arxiv in docstring
    pages = Path(research_table.PAGE).parents[1] / "reference" / "layers"
    page = (pages / f"{row.page}.md").read_text(encoding="utf-8")
    assert f"::: keras_extras.layers.{row.base}\n" in page


SOURCE = '''\
class Example(Base):  # 1
    """Docstring

    of lines.
    """

    # a comment
    def call(self, x):  # 2
        """Returns a docstring."""
        text = """two  # 3
        lines"""  # 4

        return f(  # 5
            x,  # 6
        )  # 7
'''


def test_counts_code_only():
    assert research_table.lines_of_code(SOURCE) == 7


def helper(x):
    return x


def uses_helper(x):
    return helper(x)


def test_counts_helpers_of_the_file_once():
    assert research_table.lines_with_helpers(helper) == 2
    assert research_table.lines_with_helpers(uses_helper) == 4


def test_counts_the_constructor_of_the_class_itself():
    assert research_table.lines_of_constructor(layers.SoftPooling) == 0
    assert research_table.lines_of_constructor(layers.CoordConv) == 4
