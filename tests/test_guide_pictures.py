"""The pictures of the guide are drawn by its own code."""

import re

import pytest
from PIL import Image

from tools import guide_pictures

PAGE = """
```python
from keras_extras.plotting import HistoryDisplay

table = {"loss": [2.0, 1.0]}
```

```python
HistoryDisplay.from_history(table).plot().figure_.savefig("curve.png")
```

![A curve.](../images/pictures_curve.png)
"""


def test_a_picture_is_drawn_small(tmp_path):
    (path,) = guide_pictures.draw(PAGE, tmp_path / "images")
    assert path == tmp_path / "images" / "pictures_curve.png"
    assert path.stat().st_size < 30_000
    with Image.open(path) as picture:
        assert picture.mode == "P"
        assert picture.width > 300
    again = guide_pictures.draw(PAGE, tmp_path / "again")
    assert again[0].read_bytes() == path.read_bytes()


def test_a_picture_that_the_page_does_not_save_is_missed(tmp_path):
    page = PAGE.replace('"curve.png"', '"other.png"')
    with pytest.raises(FileNotFoundError, match="curve"):
        guide_pictures.draw(page, tmp_path)


def test_every_picture_of_the_page_is_there_with_words():
    page = guide_pictures.PAGE.read_text(encoding="utf-8")
    shown = re.findall(r"!\[([^\]]*)\]\(\.\./images/(\w+\.png)\)", page)
    assert len(shown) >= 10
    for words, name in shown:
        assert len(words) > 20, name
        assert (guide_pictures.DOCS / "images" / name).exists(), name
