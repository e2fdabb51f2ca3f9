"""Values of single batches, against metrics that saw that batch only."""

import keras
import numpy as np
import pytest

from keras_extras.callbacks import HistoryRecorder
from keras_extras.history import history_frame

SIZE, BATCH = 50, 16  # the last of four batches has two examples

METRICS = {
    "mean": keras.metrics.BinaryAccuracy,
    "root": keras.metrics.RootMeanSquaredError,
    "auc": keras.metrics.AUC,
    "precision": keras.metrics.Precision,
    "count": keras.metrics.TruePositives,
    "f1": lambda name: keras.metrics.F1Score(name=name, threshold=0.5),
    "r2": keras.metrics.R2Score,
    "function": lambda name: keras.metrics.MeanMetricWrapper(
        keras.losses.binary_crossentropy, name=name
    ),
}


def metrics(*names):
    """Returns new metrics, called by their keys."""
    return [METRICS[name](name=name) for name in names]


def data():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(SIZE, 3)).astype("float32")
    y = (x[:, :1] + 0.5 * generator.normal(size=(SIZE, 1)) > 0).astype(
        "float32"
    )
    return x, y, generator.uniform(0.1, 3, size=SIZE).astype("float32")


def still_model(**arguments):
    """A model that does not learn, so that its outputs are known."""
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(1, "sigmoid")]
    )
    model.compile(
        keras.optimizers.SGD(0.0), loss="binary_crossentropy", **arguments
    )
    return model


def train(model, epochs=2, weights=None, callbacks=()):
    recorder = HistoryRecorder(per_batch=True)
    x, y, _ = data()
    history = model.fit(
        x,
        y,
        sample_weight=weights,
        batch_size=BATCH,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        validation_data=(x[:7], y[:7]),
        callbacks=[recorder, *callbacks],
    )
    return recorder, history


def alone(metric, predictions, y, weights=None, steps=1):
    """Yields the value of a metric for each batch, from a fresh start."""
    for start in range(0, SIZE, BATCH * steps):
        here = slice(start, start + BATCH * steps)
        metric.reset_state()
        own = None if weights is None else weights[here]
        metric.update_state(y[here], predictions[here], sample_weight=own)
        yield float(keras.ops.convert_to_numpy(metric.result()).mean())


@pytest.mark.parametrize("kind", ["metrics", "weighted_metrics"])
def test_each_batch_has_the_value_of_that_batch(kind):
    # With weights, a batch of two equal targets has no r2, and Keras would
    # have the function take them.
    names = list(METRICS)[: 6 if kind == "weighted_metrics" else None]
    model = still_model(**{kind: metrics(*names)})
    x, y, weights = data()
    recorder, history = train(model, weights=weights)
    predictions = model.predict(x, verbose=0)
    used = weights if kind == "weighted_metrics" else None
    frame = history_frame(recorder, by="step")
    assert list(frame.index) == list(range(1, 9))
    for name, metric in zip(names, metrics(*names), strict=True):
        column = "f1[0]" if "f1[0]" in frame and name == "f1" else name
        expected = list(alone(metric, predictions, y, used))
        np.testing.assert_allclose(
            frame[column], expected * 2, rtol=2e-5, atol=2e-6, err_msg=name
        )
        if name == "count":
            # Keras 3.15 on torch logs the variable itself, in which
            # validation has left its own count by then.
            continue
        # Keras's own numbers are what they are without the recorder.
        last = [
            row.value
            for row in recorder.rows
            if row.split == "running"
            and row.metric == column
            and row.step in (4, 8)
        ]
        logged = np.ravel(history.history[name])
        np.testing.assert_allclose(last, logged, rtol=1e-6, err_msg=name)


def test_the_loss_of_each_batch_is_weighted_as_keras_weighs_it():
    model = still_model()
    x, y, weights = data()
    recorder, history = train(model, weights=weights)
    p = model.predict(x, verbose=0)[:, 0].astype("float64")
    t = y[:, 0]
    each = -(t * np.log(p) + (1 - t) * np.log(1 - p)) * weights
    # Keras divides by the number of examples, not by the sum of weights.
    expected = [each[i : i + BATCH].mean() for i in range(0, SIZE, BATCH)]
    found = history_frame(recorder, by="step")["loss"]
    np.testing.assert_allclose(found, expected * 2, rtol=1e-5)
    np.testing.assert_allclose(history.history["loss"], each.mean(), rtol=1e-5)


def test_batches_of_a_model_that_learns_are_those_of_its_steps():
    # b_k n_k = m_k (n_1 + .. + n_k) - m_{k-1} (n_1 + .. + n_{k-1}), where n
    # is known.
    model = still_model()
    model.optimizer.learning_rate = 0.5
    recorder, _ = train(model, epochs=1)
    running = [r.value for r in recorder.rows if r.split == "running"]
    sizes = np.array([16, 16, 16, 2])
    sums = np.diff(np.array(running) * sizes.cumsum(), prepend=0)
    found = history_frame(recorder, by="step")["loss"]
    np.testing.assert_allclose(found, sums / sizes, rtol=1e-4)
    assert found.iloc[0] != pytest.approx(found.iloc[1])


@pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="Keras has only 1 on torch"
)
def test_with_steps_per_execution_each_execution_has_its_value():
    model = still_model(metrics=metrics("auc"), steps_per_execution=3)
    x, y, _ = data()
    recorder, _ = train(model)
    predictions = model.predict(x, verbose=0)
    expected = list(alone(*metrics("auc"), predictions, y, steps=3))
    frame = history_frame(recorder, by="step")
    assert list(frame.index) == [3, 4, 7, 8]
    np.testing.assert_allclose(frame["auc"], expected * 2, rtol=1e-5)
    details = history_frame(recorder, details=True)
    assert details["step"].tolist() == [4, 8]


def test_two_outputs_keep_their_names():
    inputs = keras.Input((3,))
    outputs = {
        name: keras.layers.Dense(1, name=name)(inputs) for name in ("a", "b")
    }
    model = keras.Model(inputs, outputs)
    model.compile("sgd", loss="mse", metrics={"a": ["mae"], "b": ["mae"]})
    x, y, _ = data()
    recorder = HistoryRecorder(per_batch=True)
    model.fit(
        x, {"a": y, "b": 2 * y}, batch_size=50, verbose=0, callbacks=[recorder]
    )
    names = {
        split: {r.metric: r.value for r in recorder.rows if r.split == split}
        for split in ("batch", "running")
    }
    # One batch: its value is the mean of the epoch.
    assert names["batch"] == pytest.approx(names["running"], rel=1e-6)
    assert {"loss", "a_mae", "b_mae"} <= set(names["batch"])


class Largest(keras.metrics.Metric):
    """Keeps no sum."""

    def __init__(self, name="largest"):
        super().__init__(name=name)
        self.most = self.add_variable((), "zeros", name="most")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.most.assign(keras.ops.maximum(self.most, keras.ops.max(y_pred)))

    def result(self):
        return self.most.value

    def reset_state(self):
        self.most.assign(0.0)


def test_a_metric_that_may_keep_no_sum_is_not_taken_apart():
    model = still_model(metrics=[*metrics("mean"), Largest()])
    with pytest.warns(UserWarning, match=r"\['largest'\]") as caught:
        recorder, _ = train(model, epochs=2)
    said = [str(warning.message) for warning in caught]
    assert len([words for words in said if "largest" in words]) == 1
    splits = {(row.metric, row.split) for row in recorder.rows}
    assert ("largest", "running") in splits
    assert ("largest", "batch") not in splits
    assert ("mean", "batch") in splits


def test_the_epoch_that_was_cut_short_leaves_no_batches():
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise KeyboardInterrupt

    model, stop = still_model(), Stop()
    recorder = HistoryRecorder(per_batch=True)
    x, y, _ = data()
    arguments = {"batch_size": BATCH, "verbose": 0}
    model.fit(x, y, callbacks=[recorder], **arguments)
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, callbacks=[recorder, stop], **arguments)
    model.fit(x, y, callbacks=[recorder], **arguments)
    frame = history_frame(recorder, by="step")
    assert list(frame.index) == list(range(1, 9))
