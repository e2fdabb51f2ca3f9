"""The report's page, read back with a parser that is not ours."""

import base64
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras import _report as report

VOID = {"meta", "img", "br"}
# What HTML says about white space and control characters is not at issue.
words = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]))


class Page(HTMLParser):
    """Collects the texts and pictures of a page; counts on balanced tags."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.texts, self.images, self.links = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "img":
            self.images.append(attributes)
        self.links += [
            value
            for name, value in attributes.items()
            if name in ("src", "href", "srcset", "action")
        ]
        assert tag not in ("script", "link", "iframe")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip() and self.open[-1] != "style":
            self.texts.append((self.open[-1], data))

    def texts_of(self, tag):
        return [text for name, text in self.texts if name == tag]


@given(words, words, words, st.lists(st.tuples(words, words), max_size=3))
def test_every_text_arrives_as_it_was(title, summary, caption, rows):
    page = Page(
        report.page(
            title,
            summary,
            [
                report.heading(title),
                report.paragraph(caption),
                report.lines(summary),
                report.table([title, summary], rows, caption=caption),
                report.picture(b"", alt=title, caption=caption),
            ],
        )
    )

    def filled(*texts):
        return [text for text in texts if text]

    assert page.texts_of("title") == filled(title)
    assert page.texts_of("h1") == filled(title)
    assert page.texts_of("h2") == filled(title)
    assert page.texts_of("p") == filled(summary, caption)
    assert page.texts_of("pre") == filled(summary)
    assert page.texts_of("caption") == filled(caption)
    assert page.texts_of("figcaption") == filled(caption)
    heads = [title, summary, *(row[0] for row in rows)]
    assert page.texts_of("th") == filled(*heads)
    assert page.texts_of("td") == filled(*(row[1] for row in rows))
    assert page.images[0]["alt"] == title


@pytest.mark.parametrize(
    "text", ["<script>x</script>", '"><img src=x>', "</title>", "a & b"]
)
def test_markup_in_a_text_stays_text(text):
    picture = report.picture(b"", alt=text, caption=text)
    parts = [report.heading(text), report.lines(text), picture]
    page = Page(report.page(text, text, parts))
    assert page.texts_of("h2") == page.texts_of("pre") == [text]
    (image,) = page.images
    assert image == {"alt": text, "src": "data:image/png;base64,"}


@given(st.binary())
def test_pictures_are_in_the_page(png):
    page = Page(
        report.page("t", "s", [report.picture(png, alt="a", caption="c")])
    )
    (link,) = page.links
    head, data = link.split(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data) == png


def test_numbers_in_a_table():
    page = Page(
        report.table(
            ["epoch", "loss", "n"],
            [(1, 0.123456, 7), (2, float("nan"), 8)],
            caption="c",
        )
    )
    assert page.texts_of("td") == ["0.1235", "7", "8"]
    assert page.texts_of("th") == ["epoch", "loss", "n", "1", "2"]
