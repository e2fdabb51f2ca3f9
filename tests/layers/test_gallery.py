"""The layers of docs/guides/gallery.md, from its very lines, in all ranks."""

import inspect
import re
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_extras import layers
from tests.gradients import to_numpy, value_and_gradients

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "gallery.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)
# The last block uses them, in a model; sybil runs it.
NAMES = {}
for BLOCK in BLOCKS[:-1]:
    exec(compile(BLOCK, str(PAGE), "exec"), NAMES)

IDEAS = {
    name: value
    for name, value in NAMES.items()
    if inspect.isclass(value) and not hasattr(value, "get_config")
}
POOLING = {"GeneralizedMean", "LogMeanExp", "Soft", "Involution"}
# 0 stands for dense layers.
RANKS = [1, 2, 3]
SPECIAL = {
    "Bilinear": [0],
    "Binary": [0, 2],
    "Complex": [0, *RANKS],
    "Fourier": [2],
    "LayerScaled": [0, 2],
}
CASES = [(name, rank) for name in IDEAS for rank in SPECIAL.get(name, RANKS)]


def make(idea, rank, **arguments):
    if rank == 0:
        base, defaults = layers.Dense, {"units": 4}
    elif idea in POOLING:
        base = getattr(layers, f"AveragePooling{rank}D")
        defaults = {"pool_size": 2}
    else:
        base = getattr(layers, f"Conv{rank}D")
        defaults = {"filters": 3, "kernel_size": 3}
        if idea in ("Complex", "Ghost"):
            defaults["filters"] = 4
        if idea == "Fourier":
            defaults["padding"] = "same"
    cls = type(f"{idea}{base.__name__}", (IDEAS[idea], base), {})
    keras.saving.register_keras_serializable("gallery")(cls)
    return cls(**{**defaults, **arguments})


def inputs_for(name, rank):
    shape = (2, *(4,) * rank, 2) if rank else (2, 6)
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    return np.abs(x) + 0.1 if name == "GeneralizedMean" else x


def windows(x, size):
    """All windows of the spatial axes: (batch, *places, channels, *window)."""
    rank = x.ndim - 2
    return np.lib.stride_tricks.sliding_window_view(
        x.astype("float64"), (size,) * rank, axis=tuple(range(1, rank + 1))
    )


def convolve(x, kernel):
    rank = x.ndim - 2
    kernel = np.moveaxis(kernel, -2, 0)  # (channels, *window, filters)
    return np.tensordot(windows(x, kernel.shape[1]), kernel, rank + 1)


def tiles(x):
    """Windows of 2 in steps of 2: (batch, *places, channels, taps)."""
    rank = x.ndim - 2
    every = (slice(None), *(slice(None, None, 2),) * rank)
    tiled = windows(x, 2)[every]
    return tiled.reshape(*tiled.shape[: rank + 2], -1)


def weights_of(layer):
    return {weight.name: to_numpy(weight) for weight in layer.weights}


def standardized(x, w):
    flat = w["kernel"].reshape(-1, 3)
    kernel = (w["kernel"] - flat.mean(0)) / np.sqrt(flat.var(0) + 1e-5)
    return convolve(x, kernel)


def normalized(x, w):
    norms = np.linalg.norm(w["kernel"].reshape(-1, 3), axis=0)
    return convolve(x, w["length"] * w["kernel"] / norms)


def masked(x, w):
    kernel = w["kernel"].copy()
    taps = kernel.reshape(-1, *kernel.shape[-2:])
    taps[len(taps) // 2 :] = 0
    return convolve(x, kernel)


def product(x, kernel):
    return x @ kernel if x.ndim == 2 else convolve(x, kernel)


def complex_valued(x, w):
    a, b = np.split(w["kernel"], 2, axis=-2)
    half = a.shape[-1] // 2
    real = (a[..., :half] + b[..., half:]) / 2
    imaginary = (a[..., half:] - b[..., :half]) / 2
    x = np.split(x, 2, axis=-1)
    return np.concatenate(
        [
            product(x[0], real) - product(x[1], imaginary),
            product(x[0], imaginary) + product(x[1], real),
        ],
        axis=-1,
    )


def parameterized_again(x, w):
    inside = tuple(slice(1, -1) for _ in range(x.ndim - 2))
    center = x[(slice(None), *inside)]  # where windows of 3 have their center
    other = center @ (w["pointwise"] + np.eye(2, 3))
    return convolve(x, w["kernel"]) + other


def ghost(x, w):
    first = convolve(x, w["kernel"])
    rank = x.ndim - 2
    padded = np.pad(first, [(0, 0), *[(1, 1)] * rank, (0, 0)])
    second = [
        convolve(padded[..., c : c + 1], w["cheap"][..., c : c + 1, :])
        for c in range(first.shape[-1])
    ]
    return np.concatenate([first, *second], axis=-1)


def circular(x, w):
    return sum(
        np.roll(x, place, axis=(1, 2)) @ w["kernel"][place]
        for place in np.ndindex(3, 3)
    )


def involution(x, w):
    taps = tiles(x)
    weights = taps[..., taps.shape[-1] // 2] @ w["kernel"]
    return (taps * weights[..., None, :]).sum(-1)


def each(x):
    """Axes of the positions."""
    return tuple(range(1, x.ndim - 1))


def response_normalized(x, w):
    y = convolve(x, w["kernel"])
    strength = np.sqrt((y**2).sum(each(x), keepdims=True))
    share = strength / strength.mean(-1, keepdims=True)
    return w["gamma"] * y * share + w["beta"] + y


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def squeeze_excited(x, w):
    y = convolve(x, w["kernel"])
    hidden = y.mean(each(x), keepdims=True) @ w["squeeze"]
    return y * sigmoid((hidden * sigmoid(hidden)) @ w["excite"])


def channel_attentive(x, w):
    y = convolve(x, w["kernel"])
    mean = np.pad(
        y.mean(each(x), keepdims=True), [(0, 0)] * (x.ndim - 1) + [(1, 1)]
    )
    left, middle, right = w["mixer"].ravel()
    mixed = left * mean[..., :-2] + middle * mean[..., 1:-1]
    return y * sigmoid(mixed + right * mean[..., 2:])


def cosine(x, w):
    rank = x.ndim - 2
    lengths = np.linalg.norm(w["kernel"].reshape(-1, 3), axis=0)
    patches = windows(x, 3)
    sizes = np.sqrt((patches**2).sum(axis=tuple(range(rank + 1, 2 * rank + 2))))
    return convolve(x, w["kernel"]) / lengths / sizes[..., None]


def coordinates(x, w):
    rank = x.ndim - 2
    grid = np.stack(
        np.meshgrid(*[np.linspace(-1, 1, 4)] * rank, indexing="ij"), -1
    )
    grid = np.broadcast_to(grid, (len(x), *grid.shape))
    return convolve(np.concatenate([x, grid], -1), w["kernel"])


def dynamic(x, w):
    y = np.zeros_like(convolve(x, w["kernel"]))
    for n, example in enumerate(x):
        mean = example.reshape(-1, example.shape[-1]).mean(axis=0)
        rates = 1 / (1 + np.exp(-mean @ w["router"]))
        kernel = w["kernel"] + np.tensordot(rates, w["others"], 1)
        y[n] = convolve(example[None], kernel)[0]
    return y


DEFINITIONS = {
    "WeightStandardized": standardized,
    "WeightNormalized": normalized,
    "Masked": masked,
    "Complex": complex_valued,
    "Cosine": cosine,
    "Partial": lambda x, w: convolve(x, w["kernel"]),  # nothing missing
    "Coordinates": coordinates,
    "Dynamic": dynamic,
    "RepVGG": parameterized_again,
    "Binary": lambda x, w: product(x, np.where(w["kernel"] < 0, -1.0, 1.0)),
    "Ghost": ghost,
    "Fourier": circular,
    "Involution": involution,
    "LayerScaled": lambda x, w: w["scale"] * product(x, w["kernel"]),
    "ResponseNormalized": response_normalized,
    "SqueezeExcited": squeeze_excited,
    "ChannelAttentive": channel_attentive,
    "Bilinear": lambda x, w: (x @ w["kernel"]) * (x @ w["second"]),
    "GeneralizedMean": lambda x, w: (
        (tiles(x) ** w["p"]).mean(-1) ** (1 / w["p"])
    ),
    "LogMeanExp": lambda x, w: np.log(np.exp(tiles(x)).mean(-1)),
    "Soft": lambda x, w: (
        (tiles(x) * np.exp(tiles(x))).sum(-1) / np.exp(tiles(x)).sum(-1)
    ),
}


def test_the_gallery_has_short_ideas_and_none_overrides_call():
    assert set(IDEAS) == set(DEFINITIONS)
    assert len(IDEAS) >= 20
    for idea in IDEAS.values():
        methods = [m for m in vars(idea) if inspect.isfunction(vars(idea)[m])]
        assert 1 <= len(methods) <= 2
        assert "call" not in methods
    for block in BLOCKS[1:-1]:
        for body in re.split(r"^    def .*\n", block, flags=re.M)[1:]:
            assert len([line for line in body.splitlines() if line]) <= 10


@pytest.mark.parametrize(("name", "rank"), CASES)
def test_layer_equals_its_definition(name, rank):
    x = inputs_for(name, rank)
    layer = make(name, rank)
    layer(x)
    random = np.random.default_rng(1)
    for weight in layer.trainable_weights:
        if weight.name in ("gamma", "beta"):  # zero at first
            weight.assign(random.normal(size=weight.shape))
    outputs, gradient, gradients = value_and_gradients(
        layer, layer.trainable_weights, x
    )
    np.testing.assert_allclose(
        outputs, DEFINITIONS[name](x, weights_of(layer)), atol=2e-4
    )
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0
    for weight, values in zip(layer.trainable_weights, gradients, strict=True):
        assert np.abs(values).max() > 0, weight.name
    assert layer.compute_output_shape(x.shape) == outputs.shape


@pytest.mark.parametrize("rank", RANKS)
def test_partial_convolution_leaves_out_what_is_missing(rank):
    x = inputs_for("Partial", rank)
    x[0].reshape(-1)[::3] = np.nan
    layer = make("Partial", rank)
    got = to_numpy(layer(x))
    known = ~np.isnan(x)
    taps = 3**rank * 2
    ones = np.ones((*(3,) * rank, 2, 1))
    share = convolve(known.astype("float64"), ones) / taps
    expected = convolve(np.nan_to_num(x), weights_of(layer)["kernel"]) / share
    np.testing.assert_allclose(got, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "rank"), [(name, SPECIAL.get(name, [2])[-1]) for name in IDEAS]
)
def test_layer_is_saved_without_config_code(name, rank, tmp_path):
    x = inputs_for(name, rank)
    layer = make(name, rank, name="idea")
    model = keras.Sequential([keras.Input(x.shape[1:]), layer])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        again.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6
    )


def test_gabor_filters_are_waves_and_are_saved(tmp_path):
    gabor = NAMES["Gabor"]
    layer = layers.Conv2D(5, 7, kernel_initializer=gabor(seed=3))
    model = keras.Sequential([keras.Input((9, 9, 2)), layer])
    kernel = to_numpy(layer.kernel)
    assert np.abs(kernel).max() <= 0.5
    assert len({kernel[..., f].tobytes() for f in range(5)}) == 5
    np.testing.assert_array_equal(kernel[..., 0, :], kernel[..., 1, :])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.layers[0].kernel_initializer.seed == 3
    for rank in RANKS:
        shape = (3,) * rank + (2, 4)
        assert to_numpy(gabor()(shape)).shape == shape
