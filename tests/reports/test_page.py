"""The report's page, read back with a parser that is not ours."""

import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.reports import _page as report

VOID = {"meta", "img", "br"}
# What HTML says about white space and control characters is not at issue.
IMAGE = np.zeros((1, 2, 3), "uint8")
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
                report.pairs(rows, caption=summary),
                report.tiles(IMAGE, [title], caption=caption),
                report.beside([], caption=title),
                report.picture(b"", alt=title, caption=caption),
            ],
        )
    )

    def filled(*texts):
        return [text for text in texts if text]

    assert page.texts_of("title") == filled(title)
    assert page.texts_of("h1") == filled(title)
    assert page.texts_of("h2") == filled(title)
    assert page.texts_of("p") == filled(summary, caption, caption, title)
    assert page.texts_of("pre") == filled(summary)
    assert page.texts_of("figcaption") == filled(
        caption, summary, title, caption
    )
    firsts, seconds = ([row[i] for row in rows] for i in (0, 1))
    assert page.texts_of("th") == filled(title, summary, *firsts, *firsts)
    assert page.texts_of("td") == filled(*seconds, *seconds)
    assert [image["alt"] for image in page.images] == [title, title]


@pytest.mark.parametrize(
    "text", ["<script>x</script>", '"><img src=x>', "</title>", "a & b"]
)
def test_markup_in_a_text_stays_text(text):
    picture = report.picture(b"", alt=text, caption=text)
    parts = [
        report.heading(text),
        report.lines(text),
        report.table([text], [(text, text)], caption=text),
        report.pairs([(text, text)], caption=text),
        report.beside([], caption=text),
        report.tiles(IMAGE, [text], caption=text),
        picture,
    ]
    page = Page(report.page(text, text, parts))
    assert page.texts_of("h2") == page.texts_of("pre") == [text]
    assert page.texts_of("td") == [text] * 2
    assert page.texts_of("th") == [text] * 3
    assert page.texts_of("figcaption") == [text] * 4
    assert page.texts_of("p") == [text] * 3
    assert [image["alt"] for image in page.images] == [text] * 2
    assert page.images[1]["src"] == "data:image/png;base64,"


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
            [(1, 0.123456, 7000), (2, float("nan"), np.float64(8))],
            caption="c",
        )
    )
    assert page.texts_of("td") == ["0.1235", "7,000", "8.0000"]
    assert page.texts_of("th") == ["epoch", "loss", "n", "1", "2"]


@pytest.mark.parametrize(
    ("shape", "mode"),
    [((5, 3), "L"), ((4, 2, 1), "L"), ((3, 4, 3), "RGB"), ((2, 2, 4), "RGBA")],
    ids=str,
)
def test_png_is_read_back_by_pillow(shape, mode):
    image_module = pytest.importorskip("PIL.Image")
    image = np.random.default_rng(0).integers(0, 256, shape, "uint8")
    with image_module.open(io.BytesIO(report.png(image))) as read:
        assert read.mode == mode
        assert np.array_equal(np.asarray(read).reshape(shape), image)


def test_nothing_but_the_page_may_be_loaded():
    text = report.page("t", "s", [])
    assert "default-src 'none'; img-src data:;" in text
    assert text.index("Content-Security-Policy") < text.index("<title>")


def test_a_picture_and_a_table_may_be_of_a_kind():
    text = report.picture(b"", alt="a", kind="drawing")
    assert text.startswith('<figure class="drawing"><img ')
    assert report.picture(b"", alt="a").startswith("<figure><img ")
    assert ".drawing { overflow-x: auto; }" in report.page("t", "s", [])
    text = report.table(["a"], [], caption="c", kind="layers")
    assert '<table class="layers">' in text


ANY = st.text(st.characters(exclude_categories=()), max_size=20)


@given(ANY)
def test_any_text_can_be_written(text):
    image = np.zeros((2, 2), "uint8")
    parts = [
        report.heading(text),
        report.paragraph(text),
        report.lines(text),
        report.table([text], [[text]], caption=text),
        report.pairs([(text, text)], caption=text),
        report.tiles(image[None], [text], caption=text),
        report.beside(
            [report.picture(report.png(image), alt=text)], caption=text
        ),
    ]
    written = report.page(text, text, parts).encode("utf-8")
    assert b"\0" not in written
