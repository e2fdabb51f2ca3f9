"""Metrics of the training data, measured as those of the validation data are.

    logs["loss"]       mean over the epoch, of a model that changes, in training
    logs["val_loss"]   one model, at the end of the epoch, in inference
    logs["fair_loss"]  likewise, of the training data

Only the last two may be compared.
"""

from collections.abc import Mapping
from typing import Any

from keras_extras import _checks
from keras_extras._errors import invalid_argument
from keras_extras.callbacks._callback import Callback
from keras_extras.callbacks._epochs import add_to_logs
from keras_extras.callbacks._snapshot import Snapshot


class FairMetrics(Callback):
    """Evaluates the model on training data at the end of each epoch.

    What Keras logs as `loss` is the mean over the epoch's batches: the model
    changed between them, and dropout was on. `val_loss` is taken at the end of
    the epoch, with dropout off. So `val_loss` often lies below `loss`, and the
    gap between them says little. Here the loss and all metrics of the training
    data are taken as those of the validation data are, by `model.evaluate`, and
    put into the logs of the epoch under names with a prefix.

    **Order matters.** Callbacks run in the order of the list, and those before
    this one do not see its numbers. Put it in front of `CSVLogger`,
    `EarlyStopping`, `ModelCheckpoint` and `HistoryRecorder`. The `History` that
    `fit` returns comes last and always sees them.

    It costs one pass through the given data per epoch. Give it part of the
    training data if that is too much: the first 5,000 examples, say. Nothing
    else of the training changes: the metrics and the seeds of layers are put
    back after the evaluation. On torch each pass through data, also Keras's
    validation, moves torch's own stream of random numbers: the next epoch has
    another order, and other dropout where `Dropout` has no `seed`.

    Args:
        x: inputs, or a `PyDataset` or other data set, as `evaluate` takes them.
        y: targets; `None` if `x` holds them.
        sample_weight: weights of the examples.
        batch_size: examples per batch; `None` is Keras's 32, or what a data set
            says.
        prefix: stands in front of the names of the metrics.

    Raises:
        TypeError: if `prefix` is no text.
        ValueError: if `prefix` is empty or `"val_"`; at the end of the first
            epoch if a metric of that name is logged already.

    Examples:
        >>> x, y = np.ones((8, 2)), np.ones((8, 1))
        >>> model = keras.Sequential(
        ...     [keras.Input((2,)), keras.layers.Dense(1, name="out")]
        ... )
        >>> model.compile(loss="mse")
        >>> history = model.fit(x, y, verbose=0, callbacks=[FairMetrics(x, y)])
        >>> sorted(history.history)
        ['fair_loss', 'loss']
        >>> loss = model.evaluate(x, y, verbose=0)
        >>> history.history["fair_loss"] == [loss]
        True
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        batch_size: int | None = None,
        *,
        prefix: str = "fair_",
    ) -> None:
        super().__init__()
        if not isinstance(prefix, str):
            raise invalid_argument(
                self, "prefix", "a text", prefix, error=TypeError
            )
        if prefix in ("", "val_"):
            raise invalid_argument(
                self,
                "prefix",
                "a text that Keras does not use itself",
                prefix,
                fix="Leave it out for 'fair_'.",
            )
        self.x = x
        self.y = y
        self.sample_weight = sample_weight
        self.batch_size: int | None = (
            batch_size
            if batch_size is None
            else _checks.integer(self, "batch_size", batch_size)
        )
        self.prefix = prefix

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Evaluates, and adds the numbers to `logs`."""
        model = self.model
        weights = {id(weight) for weight in model.weights}
        seeds = [
            variable
            for variable in model.variables
            if id(variable) not in weights
        ]
        before = Snapshot([*model.metrics_variables, *seeds])
        result: Mapping[str, Any] = model.evaluate(
            self.x,
            self.y,
            batch_size=self.batch_size,
            sample_weight=self.sample_weight,
            verbose=0,
            return_dict=True,
        )
        before.restore()
        fair = {f"{self.prefix}{name}": value for name, value in result.items()}
        add_to_logs(logs, self, fair)
