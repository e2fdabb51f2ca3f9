"""One instance of every public layer of Keras, for the checks to run over.

What fails is in `stock_failures.json`, by backend; to write that anew, with
each `KERAS_BACKEND`:

    python -m tests.testing.stock && python tools/stock_page.py
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
from keras import layers

from keras_extras.testing import CheckResults, LayerTraits, check_layer


class Stock(NamedTuple):
    """How a layer is made, and what the checks need to know of it."""

    make: Callable[[], keras.Layer]
    input_shapes: Any = None
    traits: LayerTraits = LayerTraits()


# Of these there is nothing to check by itself, or not without other packages.
NOT_CHECKED = {
    "FlaxLayer": "needs flax",
    "InputLayer": "is no function of an input",
    "JaxLayer": "wraps a function of JAX only",
    "Lambda": "holds any Python function; loading it is refused by default",
    "Layer": "is the abstract base",
    "MaxNumBoundingBoxes": "takes bounding boxes",
    "StringLookup": "takes strings, and the checks draw numbers",
    "TFSMLayer": "needs a SavedModel",
    "TextVectorization": "takes strings, and the checks draw numbers",
    "TorchModuleWrapper": "wraps a module of torch only",
    "Wrapper": "is an abstract base",
}

# Ends the process: nobody can report more of it.
KILLS = {
    "tensorflow": {
        f"AdaptiveMaxPooling{rank}D": "a window larger than the input: SIGFPE"
        for rank in (1, 2, 3)
    }
}

PIXELS = LayerTraits(input_range=(0.0, 255.0))
INTEGERS = LayerTraits(input_dtype="int32", input_range=(0, 7))
IMAGE = (8, 6, 3)
SEQUENCE = (8, 4)
VOLUME = (4, 6, 4, 2)
SPACE = {1: SEQUENCE, 2: (8, 6, 4), 3: VOLUME}


def _ranked() -> dict[str, Stock]:
    arguments: dict[str, tuple[tuple[int, ...], dict]] = {
        "AdaptiveAveragePooling": ((1, 2, 3), {"output_size": 2}),
        "AdaptiveMaxPooling": ((1, 2, 3), {"output_size": 2}),
        "AveragePooling": ((1, 2, 3), {"pool_size": 2}),
        "Conv": ((1, 2, 3), {"filters": 4, "kernel_size": 3, "strides": 2}),
        "DepthwiseConv": ((1, 2), {"kernel_size": 3}),
        "GlobalAveragePooling": ((1, 2, 3), {}),
        "GlobalMaxPooling": ((1, 2, 3), {}),
        "MaxPooling": ((1, 2, 3), {"pool_size": 2}),
        "SeparableConv": ((1, 2), {"filters": 4, "kernel_size": 3}),
        "SpatialDropout": ((1, 2, 3), {"rate": 0.5, "seed": 1}),
        "UpSampling": ((1, 2, 3), {"size": 2}),
        "ZeroPadding": ((1, 2, 3), {"padding": 1}),
        "Cropping": ((1, 2, 3), {"cropping": 1}),
        "ConvLSTM": ((1, 2, 3), {"filters": 2, "kernel_size": 2}),
    }
    found = {}
    for family, (ranks, given) in arguments.items():
        for rank in ranks:
            name = f"{family}{rank}D"
            shape = SPACE[rank]
            if family == "ConvLSTM":
                shape = (2, *(4, 3, 3)[:rank], 2)
            found[name] = Stock(
                lambda name=name, given=given: getattr(layers, name)(**given),
                shape,
            )
    for rank in (1, 2, 3):
        name = f"Conv{rank}DTranspose"
        found[name] = Stock(
            lambda name=name: getattr(layers, name)(3, 3, strides=2),
            SPACE[rank],
        )
    return found


def _merging() -> dict[str, Stock]:
    names = ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply")
    found = {
        name: Stock(getattr(layers, name), [SEQUENCE, SEQUENCE])
        for name in (*names, "Subtract")
    }
    return found | {
        "Dot": Stock(lambda: layers.Dot(axes=1), [SEQUENCE, SEQUENCE]),
        "Attention": Stock(layers.Attention, [SEQUENCE, SEQUENCE]),
        "AdditiveAttention": Stock(
            layers.AdditiveAttention, [SEQUENCE, SEQUENCE]
        ),
        "MultiHeadAttention": Stock(
            lambda: layers.MultiHeadAttention(2, 3), (SEQUENCE, SEQUENCE)
        ),
    }


def _images() -> dict[str, Stock]:
    seeded = {
        "RandomBrightness": {"factor": 0.2},
        "RandomColorDegeneration": {"factor": 0.5},
        "RandomColorJitter": {"brightness_factor": 0.2},
        "RandomContrast": {"factor": 0.2},
        "RandomCrop": {"height": 4, "width": 4},
        "RandomElasticTransform": {},
        "RandomErasing": {},
        "RandomFlip": {},
        "RandomGaussianBlur": {},
        "RandomGrayscale": {},
        "RandomHue": {"factor": 0.2},
        "RandomInvert": {},
        "RandomPerspective": {},
        "RandomPosterization": {"factor": 4},
        "RandomRotation": {"factor": 0.2},
        "RandomSaturation": {"factor": 0.5},
        "RandomSharpness": {"factor": 0.5},
        "RandomShear": {"x_factor": 0.2},
        "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2},
        "RandomZoom": {"height_factor": 0.2},
        "AugMix": {},
        "CutMix": {},
        "MixUp": {},
        "RandAugment": {},
    }
    found = {
        name: Stock(
            lambda name=name, given=given: getattr(layers, name)(
                seed=1, **given
            ),
            IMAGE,
            PIXELS,  # unless training they do nothing
        )
        for name, given in seeded.items()
    }
    return found | {
        "AutoContrast": Stock(layers.AutoContrast, IMAGE, PIXELS),
        "CenterCrop": Stock(lambda: layers.CenterCrop(4, 4), IMAGE, PIXELS),
        "ContrastLimitedAdaptiveHistogramEqualization": Stock(
            layers.ContrastLimitedAdaptiveHistogramEqualization, IMAGE, PIXELS
        ),
        "Equalization": Stock(layers.Equalization, IMAGE, PIXELS),
        "Rescaling": Stock(lambda: layers.Rescaling(1 / 255, 0.5), IMAGE),
        "Resizing": Stock(lambda: layers.Resizing(5, 7), IMAGE, PIXELS),
        "Solarization": Stock(layers.Solarization, IMAGE, PIXELS),
    }


def _recurrent() -> dict[str, Stock]:
    state = ((4,), [(3,)])
    return {
        "GRU": Stock(lambda: layers.GRU(3), SEQUENCE),
        "LSTM": Stock(lambda: layers.LSTM(3), SEQUENCE),
        "SimpleRNN": Stock(lambda: layers.SimpleRNN(3), SEQUENCE),
        "RNN": Stock(lambda: layers.RNN(layers.LSTMCell(3)), SEQUENCE),
        "Bidirectional": Stock(
            lambda: layers.Bidirectional(layers.GRU(3)), SEQUENCE
        ),
        "TimeDistributed": Stock(
            lambda: layers.TimeDistributed(layers.Dense(3)), SEQUENCE
        ),
        "GRUCell": Stock(lambda: layers.GRUCell(3), state),
        "SimpleRNNCell": Stock(lambda: layers.SimpleRNNCell(3), state),
        "LSTMCell": Stock(lambda: layers.LSTMCell(3), ((4,), [(3,), (3,)])),
        "StackedRNNCells": Stock(
            lambda: layers.StackedRNNCells([layers.GRUCell(3)]), state
        ),
    }


def _plain() -> dict[str, Stock]:
    return {
        "Activation": Stock(lambda: layers.Activation("tanh")),
        "ActivityRegularization": Stock(
            lambda: layers.ActivityRegularization(0.1)
        ),
        "AlphaDropout": Stock(lambda: layers.AlphaDropout(0.5, seed=1)),
        "BatchNormalization": Stock(layers.BatchNormalization),
        "CategoryEncoding": Stock(
            lambda: layers.CategoryEncoding(8), (4,), INTEGERS
        ),
        "Dense": Stock(lambda: layers.Dense(3, activation="tanh")),
        "Discretization": Stock(
            lambda: layers.Discretization([0.0, 0.5]),
            (4,),
            LayerTraits(differentiable=False, propagates_nan=False),
        ),
        "Dropout": Stock(lambda: layers.Dropout(0.5, seed=1)),
        "ELU": Stock(layers.ELU),
        "EinsumDense": Stock(
            lambda: layers.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d"),
            SEQUENCE,
        ),
        "Embedding": Stock(lambda: layers.Embedding(8, 3), (4,), INTEGERS),
        "Flatten": Stock(layers.Flatten),
        "GaussianDropout": Stock(lambda: layers.GaussianDropout(0.5, seed=1)),
        "GaussianNoise": Stock(lambda: layers.GaussianNoise(0.5, seed=1)),
        "GroupNormalization": Stock(lambda: layers.GroupNormalization(2)),
        "HashedCrossing": Stock(
            lambda: layers.HashedCrossing(8), [(1,), (1,)], INTEGERS
        ),
        "Hashing": Stock(lambda: layers.Hashing(8), (4,), INTEGERS),
        "Identity": Stock(layers.Identity),
        "IntegerLookup": Stock(
            lambda: layers.IntegerLookup(vocabulary=[1, 2, 3]), (4,), INTEGERS
        ),
        "LayerNormalization": Stock(layers.LayerNormalization),
        "LeakyReLU": Stock(layers.LeakyReLU),
        "Masking": Stock(layers.Masking, SEQUENCE),
        "MelSpectrogram": Stock(
            lambda: layers.MelSpectrogram(
                fft_length=32, sequence_stride=16, num_mel_bins=4
            ),
            (64,),
        ),
        "Normalization": Stock(
            lambda: layers.Normalization(mean=0.5, variance=2.0), SEQUENCE
        ),
        "PReLU": Stock(layers.PReLU),
        "Permute": Stock(lambda: layers.Permute((2, 1)), SEQUENCE),
        "Pipeline": Stock(
            lambda: layers.Pipeline([layers.Rescaling(2.0)]), IMAGE
        ),
        "RMSNormalization": Stock(layers.RMSNormalization),
        "ReLU": Stock(layers.ReLU),
        "RepeatVector": Stock(lambda: layers.RepeatVector(3), (4,)),
        "Reshape": Stock(lambda: layers.Reshape((4, -1)), SEQUENCE),
        "ReversibleEmbedding": Stock(
            lambda: layers.ReversibleEmbedding(8, 3), (4,), INTEGERS
        ),
        "STFTSpectrogram": Stock(
            lambda: layers.STFTSpectrogram(
                frame_length=16, frame_step=8, fft_length=16
            ),
            (64, 2),
        ),
        "Softmax": Stock(layers.Softmax),
        "SpectralNormalization": Stock(
            lambda: layers.SpectralNormalization(layers.Dense(3)), (4,)
        ),
        "UnitNormalization": Stock(layers.UnitNormalization),
    }


STOCK = dict(
    sorted(
        (_ranked() | _merging() | _images() | _recurrent() | _plain()).items()
    )
)


def public_names() -> list[str]:
    """Names of all layers that Keras exports, without aliases."""
    return sorted(
        name
        for name in dir(layers)
        if isinstance(cls := getattr(layers, name), type)
        and issubclass(cls, layers.Layer)
        and cls.__name__ == name
    )


FAILURES = Path(__file__).with_name("stock_failures.json")


def failures(backend: str | None = None) -> dict[str, dict[str, str]]:
    """Returns what is known to fail on a backend: {layer: {check: why}}."""
    known = json.loads(FAILURES.read_text()) if FAILURES.exists() else {}
    return known.get(backend or keras.backend.backend(), {})


def run(name: str) -> CheckResults:
    """Runs the checks over one layer, those that need no other process."""
    stock = STOCK[name]
    return check_layer(
        stock.make(),
        input_shapes=stock.input_shapes,
        traits=stock.traits,
        expected_failures=failures().get(name),
        on_fail=None,
        max_examples=4,
        backends=(),
    )


def evidence(reason: str) -> str:
    """Returns a reason in one short line, without what differs each time."""
    text = re.sub(r"\x1b\[\d*m|\{\{.*?\}\}", "", reason)
    text = re.sub(r"Exception encountered when calling [\w.]+\(\)\.", "", text)
    text = re.sub(r"(\w+?)_\d+(?=/)", r"\1", text)
    text = re.sub(r" +", " ", text.split("\n\nArguments received")[0])
    text = " ".join(text.split())
    return text if len(text) <= 160 else f"{text[:157]}..."


def update() -> None:
    """Writes what fails on the active backend into the table."""
    backend = keras.backend.backend()
    known = json.loads(FAILURES.read_text()) if FAILURES.exists() else {}
    known[backend] = {}
    FAILURES.write_text(json.dumps(known))  # nothing is expected to fail
    found = {}
    for name in STOCK:
        if name not in KILLS.get(backend, ()):
            failed = {
                result.check: evidence(result.reason)
                for result in run(name).failed
            }
            if failed:
                found[name] = failed
    known[backend] = found
    FAILURES.write_text(
        json.dumps(known, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    )


if __name__ == "__main__":
    update()
