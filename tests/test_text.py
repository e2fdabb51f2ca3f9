from hypothesis import given
from hypothesis import strategies as st

from keras_extras._text import printable

ANY = st.text(st.characters(exclude_categories=()))


@given(ANY)
def test_any_text_can_be_written(text):
    shown = printable(text)
    shown.encode("utf-8")
    assert len(shown) == len(text)
    assert "\n" not in shown
    assert "\0" not in shown
    assert printable(shown) == shown


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_what_can_be_printed_stays(text):
    assert printable(text) == text


def test_what_becomes_of_the_rest():
    assert printable("a\ud800b\x07\tc\n") == "a\N{REPLACEMENT CHARACTER}b  c "
    assert printable("a\tb\nc\r", lines=True) == "a\tb\nc "
    assert printable(3.5) == "3.5"
