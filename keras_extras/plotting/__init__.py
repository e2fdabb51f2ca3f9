"""Pictures of a training: curves, images with predictions, confusions."""

from keras_extras.plotting._activation_functions import (
    ActivationFunctionsDisplay,
)
from keras_extras.plotting._boundary import DecisionBoundaryDisplay
from keras_extras.plotting._class_accuracy import ClassAccuracyDisplay
from keras_extras.plotting._confusion import ConfusionMatrixDisplay
from keras_extras.plotting._feature_maps import FeatureMapsDisplay
from keras_extras.plotting._filters import FiltersDisplay
from keras_extras.plotting._heatmap import HeatmapDisplay
from keras_extras.plotting._histogram import HistogramDisplay
from keras_extras.plotting._history import HistoryDisplay
from keras_extras.plotting._images import ImagesDisplay
from keras_extras.plotting._learning_rate import LearningRateDisplay
from keras_extras.plotting._learning_rate_finder import (
    LearningRateFinderDisplay,
)
from keras_extras.plotting._roc import (
    PrecisionRecallDisplay,
    RocDisplay,
    ScoreCurvesDisplay,
)
from keras_extras.plotting._runs import RunsDisplay
from keras_extras.plotting.architecture._display import ArchitectureDisplay

__all__ = [
    "ActivationFunctionsDisplay",
    "ArchitectureDisplay",
    "ClassAccuracyDisplay",
    "ConfusionMatrixDisplay",
    "DecisionBoundaryDisplay",
    "FeatureMapsDisplay",
    "FiltersDisplay",
    "HeatmapDisplay",
    "HistogramDisplay",
    "HistoryDisplay",
    "ImagesDisplay",
    "LearningRateDisplay",
    "LearningRateFinderDisplay",
    "PrecisionRecallDisplay",
    "RocDisplay",
    "RunsDisplay",
    "ScoreCurvesDisplay",
]
