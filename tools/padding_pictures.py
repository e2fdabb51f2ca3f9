"""Draws docs/images/padding_modes.png: one digit, padded in each mode.

    python tools/padding_pictures.py

A real MNIST digit, padded by `keras_extras.ops.pad` on whatever backend is
configured; the pads are tinted, and the digit itself stands in a frame.
"""

from pathlib import Path

import keras
import matplotlib.colors
import matplotlib.patches
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from keras_extras import datasets, ops

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "padding_modes.png"

TITLES = {  # ours, which is NumPy's: what it does
    "constant": "a number",
    "edge": "the border, again and again",
    "reflect": "mirrored, the border once",
    "symmetric": "mirrored, the border twice",
    "wrap": "round and round",
}
PAD = 12  # pixels, on each side
INK, FRAME, TINT = "#1b1f3b", "#d1495b", np.array([0.87, 0.91, 0.98])


def digit() -> np.ndarray:
    """Returns a digit cut so closely that its ink reaches the borders."""
    images, labels = datasets.load_mnist(kind="test")
    image = images[np.flatnonzero(labels == 2)[0]].reshape(28, 28) / 255.0
    rows, columns = (np.flatnonzero(image.any(axis)) for axis in (1, 0))
    return image[rows[0] + 1 : rows[-1], columns[0] + 1 : columns[-1]]


def draw(axes: Axes, image: np.ndarray, mode: str, title: str) -> None:
    """Draws the padded image: ink on white, the pads on a tint."""
    padded = ops.pad(image.astype("float32"), [(PAD, PAD)] * 2, mode)
    padded = np.asarray(keras.ops.convert_to_numpy(padded))[..., None]
    paper = np.ones((*padded.shape[:2], 3)) * TINT
    rows, columns = image.shape
    paper[PAD : PAD + rows, PAD : PAD + columns] = 1.0
    ink = np.array(matplotlib.colors.to_rgb(INK))
    axes.imshow(paper * (1 - padded) + ink * padded, interpolation="nearest")
    axes.add_patch(
        matplotlib.patches.Rectangle(
            (PAD - 0.5, PAD - 0.5), columns, rows, fill=False, ec=FRAME, lw=1.6
        )
    )
    axes.set_title(f'"{mode}"', fontsize=13, fontfamily="monospace", color=INK)
    axes.set_xlabel(title, fontsize=10, color="#555b78")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def main() -> None:
    """Draws all modes in one row and writes the picture."""
    image = digit()
    figure, row = plt.subplots(
        1, len(TITLES), figsize=(13, 3.2), layout="constrained"
    )
    for axes, (mode, words) in zip(row, TITLES.items(), strict=True):
        draw(axes, image, mode, words)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=110, facecolor="white", metadata={})
    plt.close(figure)


if __name__ == "__main__":
    main()
