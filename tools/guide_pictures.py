"""Draws the pictures of docs/guides/pictures.md by running that page.

    python tools/guide_pictures.py

The code of the page runs from top to bottom in an empty folder. Each picture
that it saves and that the page shows, `![...](../images/pictures_NAME.png)`,
is written as such, with few colors, so that it is small.
"""

import os
import re
import sys
import tempfile
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "guides" / "pictures.md"
COLORS = 96


def draw(page: str, folder: str | Path) -> list[Path]:
    """Runs a page and writes its pictures.

    Args:
        page: text of the page.
        folder: where the pictures go.

    Returns:
        The paths of the pictures.
    """
    folder = Path(folder).resolve()
    folder.mkdir(exist_ok=True)
    code = "\n\n".join(re.findall(r"^```python\n(.*?)^```", page, re.M | re.S))
    shown = re.findall(r"\]\(\.\./images/(pictures_(\w+)\.png)\)", page)
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as empty:
        os.chdir(empty)
        try:
            exec(compile(code, "page", "exec"), {"__name__": "page"})
        finally:
            os.chdir(before)
        return [
            _small(Path(empty, f"{saved}.png"), folder / name)
            for name, saved in shown
        ]


def _small(source: Path, target: Path) -> Path:
    with Image.open(source) as picture:
        # Without dithering, which would speckle plain areas.
        few = picture.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
        few.save(target, optimize=True)
    return target


if __name__ == "__main__":
    os.environ.setdefault("KERAS_BACKEND", "jax")
    for path in draw(PAGE.read_text(encoding="utf-8"), DOCS / "images"):
        sys.stdout.write(f"{path.name}: {path.stat().st_size:,} bytes\n")
