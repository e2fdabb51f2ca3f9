"""Trains without end and says of each epoch that it is done, to be killed.

python killed_training.py PATH
"""

import os
import sys
from typing import Any

import keras
import numpy as np

from keras_extras.callbacks import HistoryRecorder


def main(path: str) -> None:
    """Goes on where the record in PATH ends."""
    recorder = HistoryRecorder(path, per_batch=True)
    model: Any = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    say = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: os.write(1, b"%d\n" % (epoch + 1))
    )
    x = np.ones((8, 2), "float32")
    model.fit(
        x,
        x[:, :1],
        initial_epoch=recorder.last_epoch,
        epochs=10**9,
        batch_size=4,
        verbose=0,
        callbacks=[recorder, say],
    )


if __name__ == "__main__":
    main(sys.argv[1])
