"""One HTML page that holds everything it shows.

    page = title + parts, each part a text, a table, a picture, or plain lines

No file beside it, no script, no network: pictures are embedded, the style is
in the page, and its content security policy lets a browser load nothing else.
It can be mailed, archived, and opened in ten years. Every text is escaped
here, so a class name or a path cannot become markup.
"""

import base64
import html
import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from keras_extras._text import printable

# Styles and pictures that are in the page; nothing from anywhere else.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif;
  color: #262626; background: #fff; margin: 0; overflow-wrap: anywhere;
  -webkit-text-size-adjust: 100%; }
main { max-width: 58rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.25rem; margin: 2.6rem 0 .6rem; padding-top: .8rem;
  border-top: 1px solid #e2e2e2; }
p { max-width: 44rem; margin: .4rem 0 1rem; white-space: pre-line; }
.first { font-size: 1.1rem; }
figure { margin: 1rem 0 1.6rem; }
img { max-width: 100%; height: auto; display: block; }
figcaption { color: #555; font-size: .9rem; max-width: 44rem; }
.drawing { overflow-x: auto; }
.drawing img { max-width: none; }
.beside { display: flex; flex-wrap: wrap; gap: 0 1.5rem; }
.beside figure { flex: 0 1 auto; min-width: 0; }
.tiles { display: grid; gap: .9rem .7rem; margin: 1rem 0 .5rem;
  grid-template-columns: repeat(auto-fill, minmax(6.2rem, 1fr)); }
.tiles + p, .beside + p { color: #555; font-size: .9rem; }
.tiles figure { margin: 0; }
.tiles img { width: 100%; image-rendering: pixelated;
  border: 1px solid #d0d0d0; }
.tiles figcaption { font-size: .82rem; line-height: 1.3; color: #262626;
  padding-top: .15rem; }
.wide { overflow-x: auto; margin-top: .4rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem 0 .3rem 1.1rem; text-align: right;
  border-bottom: 1px solid #ececec; white-space: nowrap; }
thead th { border-bottom: 2px solid #0072b2; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
tbody th { font-weight: 600; }
.layers th:nth-child(2), .layers td:nth-child(2) { text-align: left; }
.pairs th, .pairs td { white-space: normal; text-align: left;
  vertical-align: top; }
.pairs th { width: 38%; min-width: 8rem; }
pre { font: 13px/1.35 ui-monospace, Menlo, Consolas, monospace;
  background: #f6f8fa; padding: 1rem; margin: 1rem 0 1.6rem;
  overflow-x: auto; overflow-wrap: normal; }
@media print { main { max-width: none; padding: 0; }
  .drawing img { max-width: 100%; }
  figure, tr { break-inside: avoid; } h2 { break-after: avoid; } }
"""


def heading(text: str) -> str:
    """Begins a section."""
    return f"<h2>{_text(text)}</h2>"


def paragraph(text: str) -> str:
    """Says something in a sentence or two."""
    return f"<p>{_text(text)}</p>"


def lines(text: str) -> str:
    """Shows text as it stands, line by line, in a type of equal widths."""
    return f"<pre>{_text(text)}</pre>"


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    caption: str,
    kind: str = "plain",
) -> str:
    """Shows rows under named columns; floats with four decimals.

    Args:
        columns: names of the columns.
        rows: one value per column each. The first names the row.
        caption: what the table says, as a sentence.
        kind: its class in the style.
    """
    head = "".join(f'<th scope="col">{_text(name)}</th>' for name in columns)
    return _table(
        f"<thead><tr>{head}</tr></thead>\n{_body(rows)}", caption, kind
    )


def pairs(rows: Iterable[tuple[str, Any]], *, caption: str) -> str:
    """Shows names and their values, a line each; long values wrap."""
    return _table(_body(rows), caption, "pairs")


def picture(png: bytes, *, alt: str, caption: str = "", kind: str = "") -> str:
    """Embeds a PNG picture.

    Args:
        png: content of the PNG file.
        alt: what there is to see, for who cannot see it.
        caption: how to read the picture; stands under it.
        kind: its class in the style, such as "drawing", which is not shrunk.
    """
    data = base64.b64encode(png).decode("ascii")
    words = f"<figcaption>{_text(caption)}</figcaption>"
    figure = f'<figure class="{kind}">' if kind else "<figure>"
    return (
        f'{figure}<img alt="{_text(alt)}" '
        f'src="data:image/png;base64,{data}">\n'
        f"{words if caption else ''}</figure>"
    )


def beside(pictures: Iterable[str], *, caption: str) -> str:
    """Puts pictures beside each other where there is room."""
    return (
        f'<div class="beside">{"".join(pictures)}</div>\n'
        f"<p>{_text(caption)}</p>"
    )


def tiles(images: np.ndarray, captions: Sequence[str], *, caption: str) -> str:
    """Shows small images, each over its caption, as many as fit in a row.

    Args:
        images: uint8, `(n, height, width)` or `(n, height, width, channels)`
            with 1, 3 or 4 channels.
        captions: one text per image.
        caption: how to read them.
    """
    content = "\n".join(
        picture(png(image), alt=words, caption=words)
        for image, words in zip(images, captions, strict=True)
    )
    return f'<div class="tiles">{content}</div>\n<p>{_text(caption)}</p>'


def png(image: np.ndarray) -> bytes:
    """Encodes one uint8 image as a PNG file, without any package.

    Args:
        image: `(height, width)` or `(height, width, channels)`, with 1, 3 or
            4 channels.

    References:
        W3C, Portable Network Graphics, second edition, chapter 11.
    """
    height, width, channels = (*image.shape, 1)[:3]
    color_type = {1: 0, 3: 2, 4: 6}[channels]
    # A row is a byte for its filter (0: none), then its values.
    rows = np.zeros((height, 1 + width * channels), "uint8")
    rows[:, 1:] = image.reshape(height, -1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + _crc(body)

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(
            b"IHDR",
            struct.pack(">IIBBBBB", width, height, 8, color_type, 0, 0, 0),
        )
        + chunk(b"IDAT", zlib.compress(rows.tobytes(), 9))
        + chunk(b"IEND", b"")
    )


def page(title: str, summary: str, parts: Iterable[str]) -> str:
    """Makes the page.

    Args:
        title: what the page is about, also in the browser's tab.
        summary: what came out, first thing to read.
        parts: what the functions above returned, in order.
    """
    title = _text(title)
    content = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, '
        'initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<main>\n<h1>{title}</h1>\n<p class="first">{_text(summary)}'
        f"</p>\n{content}\n</main>\n</body>\n</html>\n"
    )


def _table(content: str, caption: str, kind: str) -> str:
    return (
        f"<figure><figcaption>{_text(caption)}</figcaption>\n"
        f'<div class="wide"><table class="{kind}">\n{content}</table></div>'
        "</figure>"
    )


def _body(rows: Iterable[Sequence[Any]]) -> str:
    body = "\n".join(
        f'<tr><th scope="row">{_cell(row[0])}</th>'
        + "".join(f"<td>{_cell(value)}</td>" for value in row[1:])
        + "</tr>"
        for row in rows
    )
    return f"<tbody>\n{body}\n</tbody>"


def _cell(value: Any) -> str:
    if isinstance(value, float):  # NumPy's float64 is one
        return "" if value != value else f"{value:.4f}"  # NaN: not logged
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return _text(value)


def _text(value: Any) -> str:
    """Returns text from outside as it stands on the page."""
    return html.escape(printable(value, lines=True))


def _crc(data: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(data))
