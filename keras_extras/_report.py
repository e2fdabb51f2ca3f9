"""One HTML page that holds everything it shows.

    page = title + parts, each part a text, a table, a picture, or plain lines

No file beside it, no script, no network: pictures are embedded, the style is
in the page. It can be mailed, archived, and opened in ten years. Every text
is escaped here, so a class name or a path cannot become markup.
"""

import base64
import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras_extras._demo import Images, Picture, Trained

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif;
  color: #262626; background: #fff; margin: 0; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.25rem; margin: 2.6rem 0 .6rem; padding-top: .8rem;
  border-top: 1px solid #e2e2e2; }
p { max-width: 44rem; margin: .4rem 0 1rem; }
figure { margin: 1rem 0 1.6rem; }
img { max-width: 100%; height: auto; }
figcaption, caption { color: #555; font-size: .9rem; text-align: left;
  max-width: 44rem; }
caption { padding-bottom: .4rem; }
.wide { overflow-x: auto; margin: 1rem 0 1.6rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem .3rem 0; text-align: right;
  border-bottom: 1px solid #ececec; white-space: nowrap; }
thead th { border-bottom: 2px solid #0072b2; }
th:first-child, td:first-child { text-align: left; }
pre { font: 13px/1.35 ui-monospace, Menlo, Consolas, monospace;
  background: #f6f8fa; padding: 1rem; margin: 1rem 0 1.6rem;
  overflow-x: auto; }
"""


def heading(text: str) -> str:
    """Begins a section."""
    return f"<h2>{html.escape(text)}</h2>"


def paragraph(text: str) -> str:
    """Says something in a sentence or two."""
    return f"<p>{html.escape(text)}</p>"


def lines(text: str) -> str:
    """Shows text as it stands, line by line, in a type of equal widths."""
    return f"<pre>{html.escape(text)}</pre>"


def table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, caption: str
) -> str:
    """Shows rows under named columns; floats with four decimals.

    Args:
        columns: names of the columns.
        rows: one value per column each. The first names the row.
        caption: what the table says, as a sentence.
    """
    head = "".join(
        f'<th scope="col">{html.escape(str(name))}</th>' for name in columns
    )
    body = "\n".join(
        f'<tr><th scope="row">{_cell(row[0])}</th>'
        + "".join(f"<td>{_cell(value)}</td>" for value in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide"><table><caption>{html.escape(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"
        "</div>"
    )


def picture(png: bytes, *, alt: str, caption: str) -> str:
    """Embeds a PNG picture.

    Args:
        png: content of the PNG file.
        alt: what there is to see, for who cannot see it.
        caption: how to read the picture; stands under it.
    """
    data = base64.b64encode(png).decode("ascii")
    return (
        f'<figure><img alt="{html.escape(alt)}" '
        f'src="data:image/png;base64,{data}">\n'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def page(title: str, summary: str, parts: Iterable[str]) -> str:
    """Returns the whole page.

    Args:
        title: heading of the page.
        summary: what came out, in a sentence or two.
        parts: what the functions above return, in order.

    Examples:
        >>> text = page("A < B", "Short.", [heading("Results")])
        >>> "<h1>A &lt; B</h1>" in text
        True
    """
    title = html.escape(title)
    content = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, '
        'initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<main>\n<h1>{title}</h1>\n{paragraph(summary)}\n{content}\n</main>\n"
        "</body>\n</html>\n"
    )


def training_page(
    trained: "Sequence[Trained]",
    images: "Images",
    pictures: "Sequence[Picture]",
) -> str:
    """Returns the report of a training: results, pictures, then details.

    Args:
        trained: the models, with their histories and accuracies.
        images: what they were trained and tested with.
        pictures: the samples first, then what was drawn of the models.
    """
    import keras

    total = len(images.test_labels)
    best = max(trained, key=lambda one: one.accuracy)
    samples, *results = [
        picture(one.png, alt=one.alt, caption=one.caption) for one in pictures
    ]
    parts = [
        table(
            ["model", "test accuracy", "wrong", "parameters", "seconds"],
            [
                (
                    one.title,
                    one.accuracy,
                    round((1 - one.accuracy) * total),
                    f"{one.model.count_params():,}",
                    f"{one.seconds:.1f}",
                )
                for one in trained
            ],
            caption=f"On {total:,} test images, which no model was trained on.",
        ),
        heading("The images"),
        samples,
        heading("Learning, and what was learned"),
        *results,
    ]
    for one in trained:
        parts += [
            heading(one.title),
            table(
                ["epoch", *one.frame.columns],
                [(epoch, *row) for epoch, *row in one.frame.itertuples()],
                caption="Its training, epoch by epoch.",
            ),
            lines(_summary(one.model)),
        ]
    return page(
        title=" and ".join(one.title for one in trained)
        + f" on {images.source}",
        summary=f"{best.title} reads {best.accuracy:.1%} of the test images "
        f"right. Trained on {len(images.train_labels):,} images with Keras "
        f"{keras.version()} on {keras.backend.backend()}.",
        parts=parts,
    )


def _summary(model: Any) -> str:
    printed: list[str] = []
    model.summary(
        line_length=78, print_fn=lambda text, **_: printed.append(text)
    )
    return "\n".join(printed)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.4f}"  # NaN: not logged
    return html.escape(str(value))
