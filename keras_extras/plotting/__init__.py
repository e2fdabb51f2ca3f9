"""Pictures of a training: curves, images with predictions, confusions."""

from keras_extras.plotting._confusion import ConfusionMatrixDisplay
from keras_extras.plotting._history import HistoryDisplay
from keras_extras.plotting._images import ImagesDisplay

__all__ = ["ConfusionMatrixDisplay", "HistoryDisplay", "ImagesDisplay"]
