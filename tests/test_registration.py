"""Saved models load in a process that has only `import keras_extras`."""

import math
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np

import keras_extras
from keras_extras import layers
from tests import samples

LOAD = """
import sys
import numpy as np
import keras_extras
import keras
folder = sys.argv[1]
for number in range(int(sys.argv[2])):
    part = f"{folder}/{number}"
    model = keras.saving.load_model(part + "/model.keras")
    np.testing.assert_allclose(
        model.predict(np.load(part + "/x.npy"), verbose=0),
        np.load(part + "/y.npy"),
        atol=1e-5,
        err_msg=model.name,
    )
"""


def assert_loads_elsewhere(models, inputs, folder):
    """Asserts that one new process loads all models, with their numbers."""
    for number, (model, x) in enumerate(zip(models, inputs, strict=True)):
        save(model, x, folder / str(number))
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(folder), str(len(models))],
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


def save(model, x, folder):
    folder.mkdir()
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", model.predict(x, verbose=0))
    model.save(folder / "model.keras")


def convolutions(rank):
    """The relatives of the convolution of one rank, one after the other."""
    names = (f"Conv{rank}DTranspose", f"DepthwiseConv{rank}D")
    up, depthwise = (getattr(layers, name) for name in names)
    separable = getattr(layers, f"SeparableConv{rank}D")
    return keras.Sequential(
        [
            keras.Input((*(3,) * rank, 2)),
            up(4, 3, strides=2, padding=1, output_padding=1, groups=2),
            depthwise(2, padding="causal", pad_mode="edge"),
            separable(
                2, 3, strides=2, dilation_rate=2, padding=((1, 2),) * rank
            ),
        ]
    )


def shaping(rank):
    """The layers of one rank that have no weights, one after the other."""
    pad, adaptive_max, adaptive_mean, dropout, global_max, global_mean = (
        getattr(layers, f"{name}{rank}D")
        for name in (
            "Pad",
            "AdaptiveMaxPooling",
            "AdaptiveAveragePooling",
            "SpatialDropout",
            "GlobalMaxPooling",
            "GlobalAveragePooling",
        )
    )
    return keras.Sequential(
        [
            keras.Input((*(3,) * rank, 2)),
            pad(((1, 2),) * rank, "symmetric"),
            adaptive_max(4),
            layers.PixelUnshuffle(2),
            layers.PixelShuffle((2,) * rank),
            adaptive_mean((3, None, None)[:rank]),
            dropout(0.5),
            global_max(keepdims=True),
            global_mean(),
            layers.Unflatten(1, (2, -1)),
            layers.Flatten(start_axis=1, end_axis=2),
        ]
    )


def unpooling(rank):
    """Window pooling of one rank with what Keras has not, and its inverse."""
    pool, unpool, norm = (
        getattr(layers, f"{name}{rank}D")
        for name in ("MaxPooling", "MaxUnpooling", "LpPooling")
    )
    inputs = keras.Input((*(5,) * rank, 2))
    maxima, places = pool(2, ceil_mode=True, return_indices=True)(inputs)
    outputs = unpool(2, output_size=5)(maxima, places)
    if rank > 1:  # from 5 to 4 by windows of 2: there is one way only
        fractional = getattr(layers, f"FractionalMaxPooling{rank}D")
        outputs = fractional(2, output_size=4)(outputs)
    outputs = layers.StochasticDepth(0.8)([outputs, outputs])
    return keras.Model(inputs, norm(2, order=2)(outputs))


def side_by_side(names):
    """One model in which each sample gets the first numbers of the input."""
    made = [samples.make(name) for name in names]
    longest = max(math.prod(shape) for _, shape in made)
    inputs = keras.Input((longest, 1))
    outputs = []
    for layer, shape in made:
        crop = keras.layers.Cropping1D((0, longest - math.prod(shape)))
        part = keras.layers.Reshape(shape)(crop(inputs))
        outputs.append(keras.layers.Flatten()(layer(part)))
    return keras.Model(inputs, keras.layers.Concatenate()(outputs))


def test_every_layer_loads_in_a_fresh_process(tmp_path):
    more = [convolutions(rank) for rank in (1, 2, 3)]
    more += [shaping(rank) for rank in (1, 2, 3)]
    more += [unpooling(rank) for rank in (1, 2, 3)]
    model = keras.Sequential(
        [
            keras.Input((12, 12, 2)),
            layers.Conv2D(3, 3, padding="same", pad_mode="reflect"),
            layers.MaxPooling2D(2),
            layers.AveragePooling2D(2, padding="same"),
            keras.layers.Reshape((9, 3)),
            layers.Conv1D(4, 2, padding="causal", activation="relu"),
            layers.MaxPooling1D(2),
            layers.AveragePooling1D(2, 1),
            layers.Dense(8, activation="gelu"),
            layers.Dropout(0.5, seed=1),
            keras.layers.Reshape((3, 4, 2, 1)),
            layers.Conv3D(2, 2),
            layers.MaxPooling3D(1),
            layers.AveragePooling3D(1),
            layers.Flatten(),
        ]
    )
    leaves = {
        getattr(layers, name).__name__  # the class's own: some have aliases
        for name in layers.__all__
        if ">" in keras.saving.get_registered_name(getattr(layers, name))
    }

    def unused():
        models = (model, *more)
        used = {type(one).__name__ for each in models for one in each.layers}
        return sorted(leaves - used)

    more.append(side_by_side(set(unused()) - set(samples.ELSEWHERE)))
    assert not unused(), "put the new layer into this model"
    models = [model, *more]
    inputs = [
        np.random.default_rng(0)
        .normal(size=(2, *each.input_shape[1:]))
        .astype("float32")
        for each in models
    ]
    assert_loads_elsewhere(models, inputs, tmp_path)


def test_models_load_in_a_fresh_process(tmp_path):
    x = np.random.default_rng(0).random((2, 10, 10, 1)).astype("float32")
    models = [
        keras_extras.models.MLP(units=[4], num_classes=3),
        keras_extras.models.ConvNet(filters=[2], units=[4], num_classes=3),
    ]
    assert_loads_elsewhere(models, [x, x], tmp_path)


WATCH = """
import os, sys
import keras_extras
from keras_extras import models
from tests import samples

def make():
    for name in samples.names():
        layer, shape = samples.make(name)
        again = type(layer).from_config(layer.get_config())
        again.build((None, *shape))
    for model in (models.MLP(), models.ConvNet()):
        again = type(model).from_config(model.get_config())
        again.build((None, 28, 28, 1))

make()  # what Keras and the backend load late, they load now
seen = []
watched = ("open", "socket", "subprocess", "os.system", "exec", "import")

def hook(event, arguments):
    if armed and event.startswith(watched):
        seen.append((event, repr(arguments)[:200]))

armed = False
sys.addaudithook(hook)
armed = True
make()
armed = False
assert not seen, seen
armed = True
open(os.devnull).close()
armed = False
assert seen, "the hook is deaf"
"""


def test_making_and_building_touches_nothing_outside():
    done = subprocess.run(
        [sys.executable, "-c", WATCH],
        cwd=Path(__file__).parents[1],
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
