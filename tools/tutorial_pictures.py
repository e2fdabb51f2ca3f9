"""Draws docs/images/tutorial_*.png: what training the courses' recipes gives.

    python tools/tutorial_pictures.py [TUTORIAL ...]

Trains a recipe per tutorial on the digits of the package, all its epochs (some
minutes each on two cores), prints its test accuracy, and draws its curves. The
page of the second tutorial is photographed with Chromium.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from keras_extras.cli import _training
from keras_extras.history import history_frame
from keras_extras.plotting import HistoryDisplay

PICTURES = Path(__file__).parents[1] / "docs" / "images"

RECIPES = {  # name of the picture: recipe
    "first_networks": "lenet",
    "idx_mlp": "idx-mlp",
    "fashion": "fashion-mlp",
    "three_ways": "mnist-512",
    "convnet": "mnist-convnet",
}
WINDOW = "--window-size=840,900"  # as wide as a page's column


def photograph(page: Path, picture: Path) -> None:
    """Writes a picture of the top of a page."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("needs Chromium (Debian: apt-get install chromium)")
    options = ["--headless", "--no-sandbox", "--hide-scrollbars", WINDOW]
    subprocess.run(
        [chromium, *options, f"--screenshot={picture}", page.as_uri()],
        check=True,
        capture_output=True,
    )


def main(names: list[str]) -> None:
    """Trains and draws."""
    images = _training.load_images()
    for name in names or RECIPES:
        picture = PICTURES / f"tutorial_{name}.png"
        with tempfile.TemporaryDirectory() as folder:
            (one,) = _training.train_and_report(
                [RECIPES[name]], images, folder, say=lambda words: None
            )
            print(f"{one.name}: {_training.score(one)}, {one.seconds:.0f} s")
            if name == "idx_mlp":
                photograph(Path(folder) / "report.html", picture)
                continue
        frame = history_frame(one.recorder)
        display = HistoryDisplay.from_history(
            frame, name=one.name, metrics=["loss", "accuracy"]
        ).plot()
        display.figure_.savefig(picture, dpi=100)


if __name__ == "__main__":
    main(sys.argv[1:])
