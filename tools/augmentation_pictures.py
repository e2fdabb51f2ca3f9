"""Draws docs/images/augmentation.png: one digit, and what becomes of it.

    python tools/augmentation_pictures.py

A row per argument of `ImageDataGenerator`: the digit as it is, then as the
generator gives it out.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from keras_extras.datasets import ImageDataGenerator, load_mnist

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "augmentation.png"
ROWS = [
    {"rotation_range": 40},
    {"width_shift_range": 0.25},
    {"shear_range": 40},
    {"zoom_range": 0.4},
    {"horizontal_flip": True, "vertical_flip": True},
    {
        "rotation_range": 20,
        "width_shift_range": 0.1,
        "height_shift_range": 0.1,
        "zoom_range": 0.2,
    },
]
COLUMNS = 8
INK = "#1b1f3b"


def main() -> None:
    """Draws all rows and writes the picture."""
    images, labels = load_mnist(kind="test")
    digit = images[np.flatnonzero(labels == 5)[1]].reshape(1, 28, 28, 1)
    figure, grid = plt.subplots(
        len(ROWS), COLUMNS + 1, figsize=(12, 8), layout="constrained"
    )
    for axes, arguments in zip(grid, ROWS, strict=True):
        generator = ImageDataGenerator(**arguments)
        batch = generator.flow(
            np.repeat(digit, COLUMNS, axis=0), batch_size=COLUMNS, seed=11
        )[0]
        words = "\n".join(f"{k}={v}" for k, v in arguments.items())
        axes[0].set_ylabel(
            words,
            rotation=0,
            ha="right",
            va="center",
            fontsize=10,
            family="monospace",
            color=INK,
        )
        for one, image in zip(axes, [digit[0], *batch], strict=True):
            one.imshow(image[..., 0], cmap="gray_r", vmin=0, vmax=255)
            one.set(xticks=[], yticks=[])
            one.spines[:].set_color("#c8ccdd")
        axes[0].spines[:].set_color("#d1495b")
        axes[0].spines[:].set_linewidth(2)
    grid[0][0].set_title("as it is", fontsize=11, color="#d1495b")
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=100, facecolor="white", metadata={})
    plt.close(figure)


if __name__ == "__main__":
    main()
