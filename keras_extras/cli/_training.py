"""From images to a report: what the commands `demo` and `train` do.

    read -> split -> prepare -> train -> save -> report

Each arrow is one function, and each can be called alone. Nothing is printed
here: `train_and_report` hands its caller what there is to say.
"""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from keras_extras._files import FileLock, draft_of, replaced
from keras_extras.cli._recipes import Recipe, find_recipe

if TYPE_CHECKING:
    import numpy as np


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


class Data(NamedTuple):
    """Inputs and labels as a recipe wants them."""

    train: tuple["np.ndarray", "np.ndarray"]
    validation: tuple["np.ndarray", "np.ndarray"]
    test: tuple["np.ndarray", "np.ndarray"]


class Trained(NamedTuple):
    """A trained model, how it came to be, and what it was tested with."""

    name: str
    model: Any
    recorder: Any
    data: Data
    accuracy: float
    seconds: float


def load_images(path: str | os.PathLike[str] | None = None) -> Images:
    """Reads the four IDX files of a folder, or the digits of the package."""
    from keras_extras.datasets import load_mnist

    return Images(
        *load_mnist(path, kind="train"),
        *load_mnist(path, kind="test"),
        source="the embedded MNIST digits"
        if path is None
        else Path(path).expanduser().resolve().name,
    )


def prepare(
    recipe: Recipe, images: Images, *, data_format: str | None, seed: int
) -> Data:
    """Splits and prepares the images; the test stays apart.

    What is learned of the images for preparing them, such as their mean, and
    which of them validate, is decided by the training images alone.
    """
    import keras
    import numpy as np

    from keras_extras.datasets import train_validation_split

    train, validation = train_validation_split(
        images.train_images,
        images.train_labels,
        validation_size=recipe.validation_size,
        seed=seed,
    )
    to_inputs = recipe.prepare(train[0])
    first = (data_format or keras.config.image_data_format()) != "channels_last"

    def ready(part: Any) -> tuple["np.ndarray", "np.ndarray"]:
        inputs, labels = to_inputs(part[0]), part[1].astype("int32")
        if inputs.ndim == 4 and first:
            inputs = np.moveaxis(inputs, -1, 1)
        if recipe.only_class is not None:
            labels = (labels == recipe.only_class).astype("int32")
        return inputs.astype("float32"), labels

    test = (images.test_images, images.test_labels)
    return Data(ready(train), ready(validation), ready(test))


def make_model(
    name: str,
    num_classes: int,
    input_shape: tuple[int, ...],
    data_format: str | None = None,
) -> Any:
    """Makes the model of a recipe, not compiled."""
    from keras_extras.models import preset

    recipe = find_recipe(name)
    return preset(
        name,
        num_classes=1 if recipe.only_class is not None else num_classes,
        input_shape=input_shape,
        data_format=data_format,
    )


def train(
    name: str,
    images: Images,
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    data_format: str | None = None,
    recorder: Any = None,
) -> Trained:
    """Trains a recipe's model and tests it on images it has not seen.

    Args:
        name: of the recipe.
        images: what to train and test with.
        epochs: passes over the training images; `None`: as the recipe says.
        batch_size: images per step; `None`: as the recipe says.
        seed: start of all random numbers.
        data_format: where the channels stand; `None`: as Keras is configured.
        recorder: the `HistoryRecorder` to use, or `None`.
    """
    import keras

    from keras_extras.callbacks import HistoryRecorder

    recipe = find_recipe(name)
    epochs, batch_size = (
        epochs or recipe.epochs,
        batch_size or recipe.batch_size,
    )
    keras.utils.set_random_seed(seed)
    data = prepare(recipe, images, data_format=data_format, seed=seed)
    model = make_model(
        name, images.num_classes, data.train[0].shape[1:], data_format
    )
    steps = -(-len(data.train[1]) // batch_size) * epochs
    kind = "sparse_categorical" if recipe.only_class is None else "binary"
    model.compile(
        optimizer=recipe.optimizer(steps),
        loss=f"{kind}_crossentropy",
        metrics=["accuracy"],
    )
    recorder = HistoryRecorder() if recorder is None else recorder
    callbacks = [recorder]
    if recipe.patience is not None:
        callbacks.append(
            keras.callbacks.EarlyStopping(
                patience=recipe.patience, restore_best_weights=True
            )
        )
    start = time.perf_counter()
    model.fit(
        **_fit_arguments(recipe, data, batch_size, seed, data_format),
        epochs=epochs,
        validation_data=data.validation,
        validation_batch_size=500,
        callbacks=callbacks,
    )
    seconds = time.perf_counter() - start
    _, accuracy = model.evaluate(*data.test, batch_size=500, verbose=0)
    return Trained(name, model, recorder, data, float(accuracy), seconds)


def _fit_arguments(
    recipe: Recipe,
    data: Data,
    batch_size: int,
    seed: int,
    data_format: str | None,
) -> dict[str, Any]:
    if recipe.augment is None:
        x, y = data.train
        return {"x": x, "y": y, "batch_size": batch_size}
    from keras_extras.datasets import ImageDataGenerator

    generator = ImageDataGenerator(**recipe.augment, data_format=data_format)
    return {"x": generator.flow(*data.train, batch_size=batch_size, seed=seed)}


def train_and_report(
    names: Sequence[str],
    images: Images,
    output: str | os.PathLike[str],
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    data_format: str | None = None,
    say: Callable[[str], None],
) -> list[Trained]:
    """Trains the recipes one after the other and writes the whole folder.

    Args:
        names: of the recipes. The last model is the one that the report looks
            at closely and that is saved; the others are compared with it.
        images: what to train and test with.
        output: folder for the results; made if missing.
        epochs: passes over the training images, per model; `None`: as the
            recipe says.
        batch_size: images per step; `None`: as the recipe says.
        seed: start of all random numbers.
        data_format: where the channels stand; `None`: as Keras is configured.
        say: is called with what happened, a text at a time.

    Returns:
        What was trained, in the order of `names`.
    """
    import keras

    from keras_extras._errors import import_optional
    from keras_extras.callbacks import HistoryRecorder
    from keras_extras.history import history_frame

    folder = Path(output).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    # A missing package shall be told now, not after training.
    import_optional("matplotlib.figure", extra="plot", owner="keras-extras")
    history_frame({})

    say(
        f"{len(images.train_labels):,} training images, of which a part "
        f"validates, and {len(images.test_labels):,} to test with: "
        f"{images.source}. "
        f"Backend: {keras.backend.backend()}."
    )
    trained = []
    for name in names:
        say(f"\nTraining {name}: {find_recipe(name).title}")
        # Begins anew, and is complete up to the last epoch if it is killed.
        journal = folder / f"{name}.jsonl"
        lock = FileLock(journal)
        holder = lock.acquire()
        if holder is not None:
            raise RuntimeError(
                f"{journal} is being written by process {holder}. Name "
                "another folder: --output FOLDER."
            )
        journal.unlink(missing_ok=True)
        lock.release()
        result = train(
            name,
            images,
            epochs=epochs,
            batch_size=batch_size,
            seed=seed,
            data_format=data_format,
            recorder=HistoryRecorder(
                journal, metadata={"recipe": name, "seed": seed}
            ),
        )
        trained.append(result)
        frame = history_frame(result.recorder)
        say(f"\n{frame.to_string(float_format='{:.4f}'.format)}")

    save_model(folder, trained[-1])
    write_history(folder, trained)
    write_report(folder, trained, images, batch_size=batch_size, seed=seed)
    say("")
    for result in trained:
        say(f"{result.name}: {score(result)}, {result.seconds:.0f} seconds")
    say(f"\nAll of it is in {folder}: open {folder / 'report.html'}")
    return trained


def score(trained: Trained) -> str:
    """Returns the test accuracy in words."""
    total = len(trained.data.test[1])
    right = round(trained.accuracy * total)
    return f"test accuracy {trained.accuracy:.4f} ({right:,} of {total:,})"


def save_model(folder: Path, trained: Trained) -> None:
    """Saves the model, and checks that the file holds the same model.

    Raises:
        RuntimeError: if the reloaded model predicts something else.
    """
    import keras
    import numpy as np

    path = folder / "model.keras"
    with draft_of(path) as draft:
        trained.model.save(draft)
    x = trained.data.test[0][:200]
    before = trained.model.predict(x, verbose=0)
    reloaded: Any = keras.saving.load_model(path)
    again = reloaded.predict(x, verbose=0)
    if not np.allclose(again, before, atol=1e-6):
        raise RuntimeError(f"{path}: the reloaded model predicts otherwise")


def write_history(folder: Path, trained: Sequence[Trained]) -> None:
    """Writes `history.csv`: a line per model and epoch."""
    from keras_extras.history import history_frame

    with replaced(folder / "history.csv", "w", newline="") as file:
        for position, result in enumerate(trained):
            frame = history_frame(result.recorder).reset_index()
            frame.insert(0, "model", result.name)
            frame.to_csv(file, index=False, header=position == 0)


def write_report(
    folder: Path,
    trained: Sequence[Trained],
    images: Images,
    *,
    batch_size: int | None,
    seed: int,
) -> None:
    """Writes `report.html` of the last model, compared with the others."""
    from keras_extras.reports import report

    *others, last = trained
    recipe = find_recipe(last.name)
    names = None
    if recipe.only_class is not None:
        names = ["other", str(recipe.only_class)]
    report(
        last.model,
        last.recorder,
        last.data.test,
        folder / "report.html",
        title=" and ".join(other.name for other in trained)
        + f" on {images.source}",
        settings={
            "Recipe": f"{last.name}: {recipe.title}",
            "Batch size": batch_size or recipe.batch_size,
            "Seed": seed,
            "Training examples": len(last.data.train[1]),
            "Validation examples": len(last.data.validation[1]),
            "Seconds": f"{last.seconds:.0f}",
        },
        class_names=names,
        images=images.test_images,
        train_data=last.data.train,
        compare_with={
            other.name: (other.model, other.recorder) for other in others
        },
    )
