"""Which metrics are better when larger, checked against Keras itself."""

import inspect

import keras
import numpy as np
import pytest

from keras_extras.callbacks import BestWeightsOnInterrupt
from keras_extras.history import best_epochs, metric_direction
from keras_extras.history._directions import sign_of

# Read off Keras's documentation, class by class.
KERAS_METRICS = {
    "AUC": "max",
    "Accuracy": "max",
    "BinaryAccuracy": "max",
    "BinaryCrossentropy": "min",
    "BinaryIoU": "max",
    "CategoricalAccuracy": "max",
    "CategoricalCrossentropy": "min",
    "CategoricalHinge": "min",
    "ConcordanceCorrelation": "max",
    "CosineSimilarity": "max",
    "F1Score": "max",
    "FBetaScore": "max",
    "FalseNegatives": "min",
    "FalsePositives": "min",
    "Hinge": "min",
    "IoU": "max",
    "KLDivergence": "min",
    "LogCoshError": "min",
    "Mean": None,
    "MeanAbsoluteError": "min",
    "MeanAbsolutePercentageError": "min",
    "MeanIoU": "max",
    "MeanMetricWrapper": None,
    "MeanSquaredError": "min",
    "MeanSquaredLogarithmicError": "min",
    "Metric": None,
    "OneHotIoU": "max",
    "OneHotMeanIoU": "max",
    "PearsonCorrelation": "max",
    "Poisson": "min",
    "Precision": "max",
    "PrecisionAtRecall": "max",
    "R2Score": "max",
    "Recall": "max",
    "RecallAtPrecision": "max",
    "RootMeanSquaredError": "min",
    "SensitivityAtSpecificity": "max",
    "SparseCategoricalAccuracy": "max",
    "SparseCategoricalCrossentropy": "min",
    "SparseTopKCategoricalAccuracy": "max",
    "SpecificityAtSensitivity": "max",
    "SquaredHinge": "min",
    "Sum": None,
    "TopKCategoricalAccuracy": "max",
    "TrueNegatives": "max",
    "TruePositives": "max",
}
ARGUMENTS = {
    "IoU": {"num_classes": 2, "target_class_ids": [1]},
    "MeanIoU": {"num_classes": 2},
    "MeanMetricWrapper": {"fn": keras.metrics.mean_squared_error},
    "OneHotIoU": {"num_classes": 2, "target_class_ids": [1]},
    "OneHotMeanIoU": {"num_classes": 2},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.8},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "SparseTopKCategoricalAccuracy": {"k": 1},
    "TopKCategoricalAccuracy": {"k": 1},
}
# The metrics have the same names, and grow; the losses are logged as `loss`.
ALSO_METRICS = {"cosine_similarity", "dice", "tversky"}

GROWING = """
    acc f1 f1_macro F1 iou mIoU map mAP50 map_50_95 ap ndcg ndcg_at_10 bleu
    bleu4 rouge rouge1 rouge_l dice dice_coef jaccard kappa cohen_kappa mcc
    specificity r2 r2_1 psnr ssim top_5 top5 top_5_1 accuracy_top_5 recall@5
    precision_at_1 val/acc log_likelihood
"""
SHRINKING = """
    loss val_loss head_loss_1 accuracy_loss dice_loss perplexity wer cer fid
    rmse mae mape mse error_rate log_loss negative_log_likelihood nll
    false_positive_rate brier_score calibration_error val_MAE
"""
UNKNOWN = """
    mean sum mean_1 score top_score stop_5 laptop learning_rate lr epoch
    epoch_seconds loss_scale accuracy_gap_x neg_mean_squared_error
    one_minus_accuracy precise backache lossy 1 _ é
"""


def classes_of(module):
    return {
        name: value
        for name, value in vars(module).items()
        if inspect.isclass(value)
    }


def metric_of(name):
    return getattr(keras.metrics, name)(**ARGUMENTS.get(name, {}))


def variants(name):
    yield from (name, f"{name}_1", f"{name}_12", f"val_{name}", f"fair_{name}")
    yield from (f"head_{name}", f"val_my_head_{name}_2", f"{name}[0]")
    yield f"loss_{name}"  # an output may be called anything
    yield f"accuracy_{name}_1"


@pytest.mark.parametrize("name", sorted(classes_of(keras.metrics)))
def test_every_metric_of_keras(name):
    expected = KERAS_METRICS[name]
    for logged in variants(metric_of(name).name):
        assert metric_direction(logged) == expected, logged
    assert metric_direction(name) == expected


@pytest.mark.parametrize("name", sorted(classes_of(keras.losses)))
def test_every_loss_of_keras(name):
    if name == "Loss":
        return
    for logged in variants(getattr(keras.losses, name)().name):
        expected = (
            "max" if name in ("CosineSimilarity", "Dice", "Tversky") else "min"
        )
        assert metric_direction(logged) == expected, logged


@pytest.mark.parametrize(
    "name",
    sorted(
        name
        for module in (keras.metrics, keras.losses)
        for name, value in vars(module).items()
        if inspect.isfunction(value)
    ),
)
def test_every_function_of_keras_is_known(name):
    if name in ("get", "serialize", "deserialize"):
        return
    grows = ("accuracy", "correlation", *ALSO_METRICS)
    expected = "max" if name.endswith(grows) else "min"
    assert metric_direction(name) == expected


def predictions(name):
    """Returns targets, perfect predictions, and the worst."""
    if name in ("Accuracy", "IoU", "MeanIoU"):
        return [0, 1, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1]
    if name.startswith("Sparse"):
        good = np.array([[0.9, 0.1], [0.1, 0.9], [0.2, 0.8]], "float32")
        return [0, 1, 1], good, good[:, ::-1]
    if "Hinge" in name and not name.startswith("Categorical"):
        truth = np.array([-1, 1, 1, -1], "float32")
        return truth, truth, -truth
    if "Categorical" in name or name.startswith(("F1", "FBeta", "OneHot")):
        truth = np.array([[1, 0], [0, 1], [0, 1]], "float32")
        return truth, 0.8 * truth + 0.1, 0.9 - 0.8 * truth
    truth = np.array([[0.1], [0.9], [0.8], [0.2]], "float32")
    if (
        name in ("AUC", "Precision", "Recall")
        or "At" in name
        or ("Binary" in name or name.endswith(("atives", "itives")))
    ):
        return np.round(truth), truth, 1 - truth
    truth = np.concatenate([truth, truth**2 + 0.1], axis=1)
    return truth, truth, 1 - truth


# Keras's IoU asks for int64, which JAX does not have.
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype")
@pytest.mark.parametrize(
    "name", sorted(name for name, way in KERAS_METRICS.items() if way)
)
def test_a_perfect_prediction_is_better_in_the_named_direction(name):
    targets, good, bad = predictions(name)
    values = []
    for prediction in (good, bad):
        metric = metric_of(name)
        metric.update_state(np.asarray(targets), np.asarray(prediction))
        result = keras.ops.convert_to_numpy(metric.result())
        values.append(float(np.mean(result)))
    perfect, worst = values
    assert perfect != worst
    grows = perfect > worst
    assert metric_direction(metric_of(name).name) == ("max" if grows else "min")


@pytest.mark.parametrize(
    "name",
    GROWING.split(),
)
def test_common_metrics_that_grow(name):
    assert metric_direction(name) == "max"


@pytest.mark.parametrize(
    "name",
    SHRINKING.split(),
)
def test_common_metrics_that_shrink(name):
    assert metric_direction(name) == "min"


@pytest.mark.parametrize(
    "name",
    [*UNKNOWN.split(), ""],
)
def test_what_a_name_does_not_say_is_none(name):
    assert metric_direction(name) is None


def test_a_name_is_a_text():
    with pytest.raises(TypeError, match="name must be the name of a metric"):
        metric_direction(3)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("metric", "mode", "sign"),
    [
        ("val_loss", "auto", -1),
        ("val_auc_1", "auto", 1),
        ("val_loss", "max", 1),
        ("strange", "min", -1),
    ],
)
def test_a_mode_wins_over_the_name(metric, mode, sign):
    assert sign_of("X", metric, mode) == sign


def test_an_unknown_direction_is_asked_for():
    with pytest.raises(
        ValueError, match=r"X: mode must be 'min' or 'max'.*'s'"
    ):
        sign_of("X", "s", "auto")
    with pytest.raises(ValueError, match=r"mode must be .* mean 'max'"):
        sign_of("X", "loss", "maxx")
    with pytest.raises(ValueError, match="mode must be 'min' or 'max'"):
        BestWeightsOnInterrupt("strange")


def test_the_best_epoch_of_an_auc_is_the_largest():
    runs = {"a": {"loss": [3, 2, 1], "val_auc_1": [0.1, 0.9, 0.5]}}
    assert best_epochs(runs, "val_auc_1")["epoch"].to_dict() == {"a": 2}
