"""Callbacks: what `fit` records and does while it trains."""

from keras_extras.callbacks._best_weights import BestWeightsOnInterrupt
from keras_extras.callbacks._confusion_recorder import ConfusionMatrixRecorder
from keras_extras.callbacks._fair_metrics import FairMetrics
from keras_extras.callbacks._gradient_norms import (
    GradientNormRow,
    GradientNorms,
)
from keras_extras.callbacks._learning_rate_finder import LearningRateFinder
from keras_extras.callbacks._live_plot import LivePlot
from keras_extras.callbacks._progress import ProgressBar
from keras_extras.callbacks._recorder import HistoryRecorder
from keras_extras.callbacks._time_limit import TimeLimit
from keras_extras.callbacks._weight_stats import WeightStats, WeightStatsRow

__all__ = [
    "BestWeightsOnInterrupt",
    "ConfusionMatrixRecorder",
    "FairMetrics",
    "GradientNormRow",
    "GradientNorms",
    "HistoryRecorder",
    "LearningRateFinder",
    "LivePlot",
    "ProgressBar",
    "TimeLimit",
    "WeightStats",
    "WeightStatsRow",
]
