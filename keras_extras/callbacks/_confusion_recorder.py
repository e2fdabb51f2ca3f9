"""The confusion matrix at the end of each epoch.

matrix[t, p] = number of examples of true class t predicted as p
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_extras import _checks, _probabilities
from keras_extras._errors import import_optional, invalid_argument
from keras_extras.callbacks._callback import Callback
from keras_extras.callbacks._epochs import EpochCount

if TYPE_CHECKING:
    import pandas as pd

    from keras_extras.plotting import ConfusionMatrixDisplay


class ConfusionMatrixRecorder(Callback):
    """Counts which class is taken for which, at the end of each epoch.

    Shows when a class is learned, and which pairs stay confused, where one
    accuracy hides both.

    Args:
        x: inputs as `predict` takes them, or a `PyDataset` of (inputs,
            targets) batches.
        y: true classes: numbers `(n,)` or `(n, 1)`, or one-hot `(n, classes)`;
            `None` if `x` holds them.
        every: count at every so many epochs.
        class_names: one text per class, for the table and the picture.
        batch_size: examples per batch; `None` is Keras's 32.

    Attributes:
        matrices: dict of epoch (from 1, over all fits) -> integer array
            `(classes, classes)`; row = true class, column = predicted class.

    Raises:
        TypeError: if `every` is no integer.
        ValueError: if it is not positive, or `y` holds no classes, or more
            than there are `class_names`; at the end of the first epoch if the
            model has more, or if its output is none of: one number per class
            `(n, classes)`, or `(n, 1)`: the probability of the second of two
            classes, or its logit if the loss has `from_logits=True`.

    Examples:
        >>> x, y = np.eye(2), np.array([0, 1])
        >>> model = keras.Sequential([keras.layers.Dense(2, use_bias=False)])
        >>> model.build((None, 2))
        >>> model.set_weights([np.array([[2.0, 1.0], [2.0, 1.0]])])
        >>> model.compile("sgd", loss="mse")
        >>> recorder = ConfusionMatrixRecorder(x, y)
        >>> _ = model.fit(
        ...     x, np.zeros((2, 2)), verbose=0, callbacks=[recorder]
        ... )
        >>> recorder.matrices[1].tolist()
        [[1, 0], [1, 0]]
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        *,
        every: int = 1,
        class_names: Sequence[str] | None = None,
        batch_size: int | None = None,
    ) -> None:
        super().__init__()
        self.x = x
        self.y: np.ndarray | None = (
            None if y is None else _probabilities.class_numbers(self, "y", y)
        )
        if y is None and not isinstance(x, keras.utils.PyDataset):
            raise invalid_argument(
                self, "y", "the true classes, unless x is a PyDataset", y
            )
        self.every: int = _checks.integer(self, "every", every)
        self.class_names: list[str] | None = (
            None if class_names is None else [*class_names]
        )
        if self.y is not None:
            self._check_names(int(self.y.max(initial=-1)) + 1)
        self.batch_size: int | None = (
            batch_size
            if batch_size is None
            else _checks.integer(self, "batch_size", batch_size)
        )
        self.matrices: dict[int, np.ndarray] = {}
        self._count = EpochCount()

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Prepares for the next run."""
        self._count.begin()

    def on_epoch_end(
        self, epoch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Counts the matrix of this epoch, if it is its turn."""
        epoch = self._count.complete(epoch)
        if epoch % self.every:
            return
        pairs = [
            (true, *self._classes_of(outputs))
            for true, outputs in self._predictions()
        ]
        true = np.concatenate([pair[0] for pair in pairs])
        guess = np.concatenate([pair[1] for pair in pairs])
        if len(true) != len(guess):
            raise invalid_argument(
                self,
                "y",
                f"one class for each of the {len(guess)} examples of x",
                true,
            )
        classes = max(
            len(self.class_names or ()),
            max(pair[2] for pair in pairs),
            int(true.max(initial=-1)) + 1,
        )
        self._check_names(classes)
        matrix = np.zeros((classes, classes), dtype="int64")
        np.add.at(matrix, (true, guess), 1)
        self.matrices[epoch] = matrix

    def frame(self) -> "pd.DataFrame":
        """Returns a table with a line per epoch, true and predicted class.

        Returns:
            A `pandas.DataFrame` with the columns `epoch`, `true`, `predicted`
            (numbers or names of classes) and `count`.

        Raises:
            ImportError: if pandas is not installed.
        """
        pd = import_optional(
            "pandas", extra="pandas", owner="ConfusionMatrixRecorder"
        )
        rows = [
            (epoch, self._name(true), self._name(guess), int(number))
            for epoch, matrix in self.matrices.items()
            for (true, guess), number in np.ndenumerate(matrix)
        ]
        columns = ["epoch", "true", "predicted", "count"]
        return pd.DataFrame(rows, columns=columns)

    def plot(
        self, epoch: int | None = None, ax: Any = None, **style: Any
    ) -> "ConfusionMatrixDisplay":
        """Draws the matrix of an epoch.

        Args:
            epoch: which one; `None` is the last that was counted.
            ax: axes to draw on. `None` makes a figure.
            **style: passed to `ConfusionMatrixDisplay.plot`.

        Returns:
            The drawn `keras_extras.plotting.ConfusionMatrixDisplay`.

        Raises:
            ValueError: if no matrix was counted in this epoch.
            ImportError: if matplotlib is not installed.
        """
        from keras_extras.plotting import ConfusionMatrixDisplay

        if epoch is None and self.matrices:
            epoch = max(self.matrices)
        if epoch not in self.matrices:
            raise invalid_argument(
                self,
                "epoch",
                f"one that was counted: one of {list(self.matrices)}",
                epoch,
            )
        display = ConfusionMatrixDisplay(self.matrices[epoch], self.class_names)
        return display.plot(ax=ax, **style)

    def _classes_of(self, outputs: Any) -> tuple[np.ndarray, int]:
        """Returns the predicted classes, and how many classes there are."""
        outputs = _probabilities.single_output(self, outputs)
        if outputs.ndim != 2:
            raise invalid_argument(
                self, "output of the model", "(n, classes)", outputs.shape
            )
        # NaN passes: a diverged model must not end its training.
        found = _probabilities.classes(self, self.model, outputs)
        return found, max(outputs.shape[1], 2)

    def _check_names(self, classes: int) -> None:
        if self.class_names is not None and len(self.class_names) < classes:
            raise invalid_argument(
                self,
                "class_names",
                f"one name for each of the {classes} classes",
                self.class_names,
            )

    def _name(self, number: int) -> Any:
        return number if self.class_names is None else self.class_names[number]

    def _predictions(self) -> Iterator[tuple[np.ndarray, Any]]:
        """Yields true classes and outputs, in batches."""
        if self.y is not None:
            yield (
                self.y,
                self.model.predict(
                    self.x, batch_size=self.batch_size, verbose=0
                ),
            )
            return
        # Batch by batch, so that the classes belong to the predictions even if
        # the data set shuffles or augments.
        for index in range(self.x.num_batches or 0):
            inputs, targets = self.x[index][:2]
            yield (
                _probabilities.class_numbers(self, "y", targets),
                keras.ops.convert_to_numpy(self.model.predict_on_batch(inputs)),
            )
