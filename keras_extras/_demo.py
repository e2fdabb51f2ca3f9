"""From images to a report: what the commands `demo` and `train` do.

    read -> build -> train -> measure on held-out images -> write down

Each arrow is one function, and each can be called alone. Nothing is printed
here: `train_and_report` tells its caller what happened through `say`.
"""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from keras_extras._errors import wrong

if TYPE_CHECKING:
    import numpy as np

MODELS = {"mlp": "MLP", "convnet": "ConvNet"}

# With these, 6 epochs on the 8,500 digits of the sample reach 0.98 (ConvNet)
# in well under a minute on two cores, on the slowest backend too.
FILTERS = (16, 32)
DROPOUT = {"mlp": 0.1, "convnet": 0.3}
LEARNING_RATE = 0.003


class Images(NamedTuple):
    """Images to learn from and held-out images to test with, as stored."""

    train_images: "np.ndarray"
    train_labels: "np.ndarray"
    test_images: "np.ndarray"
    test_labels: "np.ndarray"
    source: str

    @property
    def num_classes(self) -> int:
        """One more than the largest label."""
        largest = max(self.train_labels.max(), self.test_labels.max())
        return int(largest) + 1


class Trained(NamedTuple):
    """A trained model, how it came to be, and what it makes of the test."""

    title: str
    model: Any
    frame: Any
    probabilities: "np.ndarray"
    accuracy: float
    seconds: float


class Picture(NamedTuple):
    """A PNG file that was written, and its words in the report."""

    file: str
    png: bytes
    alt: str
    caption: str


def load_images(path: str | os.PathLike[str] | None = None) -> Images:
    """Reads the four IDX files of a folder, or the digits of the package."""
    from keras_extras.datasets import load_mnist

    return Images(
        *load_mnist(path, kind="train"),
        *load_mnist(path, kind="test"),
        source="the embedded MNIST digits" if path is None else str(path),
    )


def build_model(name: str, num_classes: int) -> Any:
    """Makes the model with this name, a key of `MODELS`."""
    from keras_extras.models import MLP, ConvNet

    if name == "mlp":
        return MLP(num_classes=num_classes, dropout=DROPOUT[name])
    if name == "convnet":
        return ConvNet(
            filters=FILTERS, num_classes=num_classes, dropout=DROPOUT[name]
        )
    raise wrong("build_model", "name", f"one of {list(MODELS)}", name)


def train(
    name: str, images: Images, *, epochs: int, batch_size: int
) -> Trained:
    """Trains a model on one part of the images and measures it on the other.

    Adam, with a learning rate that falls to zero along a cosine, so that the
    last epochs settle. The held-out images are looked at after each epoch,
    but nothing is chosen by what they show.
    """
    import keras
    import numpy as np

    from keras_extras.callbacks import HistoryRecorder, history_frame

    model = build_model(name, images.num_classes)
    steps = -(-len(images.train_labels) // batch_size) * epochs
    rate: Any = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    recorder = HistoryRecorder()
    x_test = prepared(images.test_images)
    start = time.perf_counter()
    model.fit(
        prepared(images.train_images),
        images.train_labels.astype("int32"),
        batch_size=batch_size,
        epochs=epochs,
        validation_data=(x_test, images.test_labels.astype("int32")),
        validation_batch_size=500,
        callbacks=[recorder],
    )
    seconds = time.perf_counter() - start
    probabilities = predict(model, images.test_images)
    right = probabilities.argmax(axis=1) == images.test_labels
    return Trained(
        title=MODELS[name],
        model=model,
        frame=history_frame(recorder),
        probabilities=probabilities,
        accuracy=float(np.mean(right)),
        seconds=seconds,
    )


def prepared(images: "np.ndarray") -> "np.ndarray":
    """Scales to [0, 1] and adds the channel axis: (n, height, width, 1)."""
    from keras_extras.datasets import scale_to_unit

    return scale_to_unit(images)[..., None]


def predict(model: Any, images: "np.ndarray") -> "np.ndarray":
    """Returns the probability of each class for each stored image."""
    return model.predict_proba(prepared(images), batch_size=500, verbose=0)


def train_and_report(
    names: Sequence[str],
    images: Images,
    output: str | os.PathLike[str],
    *,
    epochs: int,
    batch_size: int = 64,
    seed: int = 0,
    say: Callable[[str], None],
) -> list[Trained]:
    """Trains the models one after the other and writes the whole folder.

    Args:
        names: keys of `MODELS`. The last model is the one that is looked at
            closely and saved.
        images: what to train and test with.
        output: folder for the results; made if missing.
        epochs: passes over the training images, per model.
        batch_size: images per step.
        seed: start of all random numbers.
        say: is called with what happened, a text at a time.

    Returns:
        What was trained, in the order of `names`.
    """
    import keras

    from keras_extras._report import training_page
    from keras_extras.callbacks import history_frame

    folder = Path(output).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    # A missing matplotlib or pandas shall be told now, not after training.
    samples = draw_samples(folder, images)
    history_frame({})

    say(
        f"{len(images.train_labels):,} images to learn from and "
        f"{len(images.test_labels):,} to test with: {images.source}. "
        f"Backend: {keras.backend.backend()}."
    )
    keras.utils.set_random_seed(seed)
    trained = []
    for name in names:
        say(f"\nTraining {MODELS[name]}")
        trained.append(
            train(name, images, epochs=epochs, batch_size=batch_size)
        )
        say(f"\n{trained[-1].frame.to_string(float_format='{:.4f}'.format)}")

    save_model(folder, trained[-1], images)
    write_history(folder, trained)
    pictures = [
        samples,
        *draw_curves(folder, trained),
        *draw_mistakes(folder, trained[-1], images),
    ]
    (folder / "report.html").write_text(
        training_page(trained, images, pictures), encoding="utf-8"
    )
    say("")
    for one in trained:
        say(f"{one.title}: {score(one, images)}, {one.seconds:.0f} seconds")
    say(f"\nAll of it is in {folder}: open {folder / 'report.html'}")
    return trained


def score(trained: Trained, images: Images) -> str:
    """Words the test accuracy."""
    total = len(images.test_labels)
    right = round(trained.accuracy * total)
    return f"test accuracy {trained.accuracy:.4f} ({right:,} of {total:,})"


def save_model(folder: Path, trained: Trained, images: Images) -> None:
    """Saves the model, and checks that the file holds the same model.

    Raises:
        RuntimeError: if the reloaded model predicts something else.
    """
    import keras
    import numpy as np

    path = folder / "model.keras"
    trained.model.save(path)
    again = predict(keras.saving.load_model(path), images.test_images)
    if not np.allclose(again, trained.probabilities, atol=1e-6):
        raise RuntimeError(f"{path}: the reloaded model predicts otherwise")


def write_history(folder: Path, trained: Sequence[Trained]) -> None:
    """Writes `history.csv`: a line per model and epoch."""
    with open(folder / "history.csv", "w", newline="") as file:
        for position, one in enumerate(trained):
            frame = one.frame.reset_index()
            frame.insert(0, "model", one.title)
            frame.to_csv(file, index=False, header=position == 0)


def draw_samples(folder: Path, images: Images) -> Picture:
    """Draws the first images with their labels."""
    from keras_extras.plotting import ImagesDisplay

    display = ImagesDisplay.from_predictions(
        images.train_images[:24], images.train_labels[:24]
    ).plot(cmap="gray_r")
    labels = ", ".join(map(str, images.train_labels[:24]))
    return save_picture(
        folder,
        "samples.png",
        display,
        alt=f"A grid of images, labeled {labels}.",
        caption="The first images to learn from, each under its label.",
    )


def draw_curves(folder: Path, trained: Sequence[Trained]) -> list[Picture]:
    """Draws the learning curves of each model, all on the same scales."""
    from keras_extras.plotting import HistoryDisplay

    displays = [
        HistoryDisplay.from_history(one.frame, name=one.title).plot()
        for one in trained
    ]
    for axes in zip(*(display.ax_ for display in displays), strict=True):
        limits = [limit for axis in axes for limit in axis.get_ylim()]
        for axis in axes:
            axis.set_ylim(min(limits), max(limits))
    return [
        save_picture(
            folder,
            f"learning_curves_{one.title.lower()}.png",
            display,
            alt=f"Loss and accuracy of {one.title} over {len(one.frame)} "
            "epochs. At the end: "
            + ", ".join(
                f"{metric} {value:.3f}"
                for metric, value in one.frame.iloc[-1].items()
            )
            + ".",
            caption=f"{one.title}. Training values are means over an epoch in "
            "which the model was still changing, with dropout on; validation "
            "values are those of the model at its end.",
        )
        for one, display in zip(trained, displays, strict=True)
    ]


def draw_mistakes(
    folder: Path, trained: Trained, images: Images
) -> list[Picture]:
    """Draws the confusion matrix and, if there are any, the mistakes."""
    from keras_extras.plotting import ConfusionMatrixDisplay, ImagesDisplay

    matrix = ConfusionMatrixDisplay.from_predictions(
        images.test_labels, trained.probabilities
    )
    pictures = [
        save_picture(
            folder,
            "confusion_matrix.png",
            matrix.plot(),
            alt=f"Confusion matrix of {trained.title}: "
            f"{score(trained, images)}.",
            caption=f"{trained.title} on the test images. Right answers stand "
            "on the blue diagonal; the darker a cell beside it, the more often "
            "the class of its row was taken for that of its column.",
        )
    ]
    mistakes = ImagesDisplay.from_predictions(
        images.test_images,
        images.test_labels,
        trained.probabilities,
        only_wrong=True,
    )
    file = "misclassified.png"
    if not len(mistakes.images):
        (folder / file).unlink(missing_ok=True)  # of an earlier run
        return pictures
    pictures.append(
        save_picture(
            folder,
            file,
            mistakes.plot(cmap="gray_r"),
            alt="The misclassified images: " + "; ".join(mistakes.captions),
            caption=f"What {trained.title} got wrong, most confident first. "
            '"9, not 4 (98%)" reads: taken for a 9 with probability 0.98, but '
            "labeled 4.",
        )
    )
    return pictures


def save_picture(
    folder: Path, file: str, display: Any, *, alt: str, caption: str
) -> Picture:
    """Writes a display's figure as PNG, and keeps it for the report."""
    display.figure_.savefig(folder / file)
    return Picture(file, (folder / file).read_bytes(), alt, caption)
