"""The public surface: every name, signature and registered name, as a text.

`api.txt` beside this file is that text. A change of the surface shows there as
a diff, which is where it is decided. To write it anew:

    python tests/test_public_api.py --update
"""

import importlib
import inspect
import sys
from pathlib import Path

import pytest

import keras_extras

PACKAGES = sorted(set(keras_extras.__all__) - {"__version__"})
GOLDEN = Path(__file__).parent / "api.txt"

# What a constructor argument means, the same in the whole library. Before a
# name is added here, look for the one that is here already.
ARGUMENTS = {
    "a_initializer": "first values of the first matrix of a low-rank update",
    "activation": "function applied to the result, last",
    "activity_regularizer": "penalty on the output",
    "add_to_logs": "whether numbers go into the logs of an epoch, too",
    "advice": "sentences that say how to mend an error",
    "append": "whether to add to a file that is there",
    "areas": "name of a curve -> area below it",
    "augment": "whether images are transformed, or only standardized",
    "axis": "number of an axis, from the front or from the end",
    "b_initializer": "first values of the second matrix of a low-rank update",
    "balance": "whether classes come equally often, or their weights",
    "band": "what is shaded around a mean",
    "batch_independent": "whether a sample's output depends on no other sample",
    "batch_normalization": "whether each hidden layer is normalized",
    "batch_size": "number of items in a batch",
    "batch_transform": "function of the inputs and targets of a batch",
    "best_epoch": "number of the epoch in which a metric was best",
    "bias_constraint": "projection of the bias after each update",
    "bias_initializer": "first values of the bias",
    "bias_regularizer": "penalty on the bias",
    "bins": "windows per spatial axis, for each level of a pyramid",
    "bits": "width of the integers that weights are rounded to",
    "block_dropout": "fraction of values dropped after each block",
    "block_size": "positions of a block that is dropped, per spatial axis",
    "brightness_range": "least and largest factor of the brightness",
    "captions": "one text per image",
    "ceil_mode": "whether a last window may reach over the end",
    "channel_shift_range": "largest number added to all values of an image",
    "check": "name of a check",
    "class_names": "one name per class, in order of their numbers",
    "columns": "names of columns of a history",
    "compress": "whether a file is packed with gzip; None: by its name",
    "compressed": "whether a file is gzip, by its content",
    "correct": "number of recognized examples of each class",
    "count_include_pad": "whether padded positions count in a mean, as zeros",
    "counts": "number of examples of each class",
    "crop": "whether what does not divide evenly is left out",
    "curves": "name of a curve -> its numbers",
    "cval": "constant that stands outside an image",
    "data_bytes": "size of the numbers in a file, uncompressed",
    "data_format": "where the channels stand: last or first",
    "depth_multiplier": "number of output channels per input channel",
    "depthwise_constraint": "projection of the kernel in space",
    "depthwise_initializer": "first values of the kernel in space",
    "depthwise_regularizer": "penalty on the kernel in space",
    "depthwise_transform": "what is done to the kernel in space",
    "derivatives": "name of a function -> its derivative at each x",
    "deterministic": "whether equal inputs give equal outputs, unless training",
    "differentiable": "whether gradients are the derivatives",
    "dilation_rate": "distance between two taps of a window, in positions",
    "divisor_override": "divisor of a window's sum; None: its count",
    "drop_remainder": "whether items that fill no batch are left out",
    "dropout": "fraction of values dropped after each hidden layer",
    "dtype": "dtype of numbers; of a layer, or its dtype policy",
    "end_axis": "last axis of a range, itself included",
    "epoch": "number of an epoch, from 1 over all runs",
    "epochs": "numbers of the epochs, from 1",
    "epsilon": "smallest number that is told from 0",
    "every": "every how many epochs something is done",
    "example": "code to paste",
    "exception": "what was raised",
    "expected": "what must stand in a file",
    "factor": "how many times finer a grid becomes, or coarser",
    "feature_names": "names of the inputs of a model",
    "featurewise_center": "whether the mean of the data is subtracted",
    "featurewise_std_normalization": "whether the data's std divides images",
    "file": "file object, open in binary mode",
    "file_bytes": "size of a file on disk",
    "fill_mode": "what stands outside an image, by SciPy's names",
    "filters": "number of output channels; in models, of each block",
    "flip_axes": "axes whose order is reversed, all at once",
    "found": "what stands in a file",
    "gain": "factor of the kernel, by the activation that follows",
    "gate_activation": "function that makes gates of numbers",
    "generator": "what is done to the images of a flow",
    "groups": "number of separate groups of channels",
    "heatmaps": "array of numbers over each image: count, rows, columns",
    "height_shift_range": "largest shift up and down, pixels or share",
    "histograms": "name of an array -> counts and edges of its bins",
    "histories": "name of a run -> its history, or those of its repetitions",
    "hold_noise": "whether noise stays until it is reset",
    "horizontal_flip": "whether half of the images are mirrored sideways",
    "image": "one picture: height, width, channels if any",
    "images": "array of pictures: count, height, width, channels if any",
    "initial_alpha": "share of the maximum that training starts from",
    "initial_power": "power of a mean that training starts from",
    "input_dtype": "dtype of a layer's inputs",
    "input_range": "smallest and largest input that makes sense",
    "interpolation_order": "0 for the nearest pixel, 1 for bilinear",
    "item_shape": "sizes of the axes of one item",
    "keepdims": "whether reduced axes stay, with length 1",
    "kernel": "weights of a convolution: height, width, channels, filters",
    "kernel_constraint": "projection of the kernel after each update",
    "kernel_initializer": "first values of the kernel",
    "kernel_regularizer": "penalty on the kernel",
    "kernel_size": "taps of the kernel per spatial axis",
    "kernel_transform": "what is done to the kernel before use",
    "label_transform": "function of a batch of labels",
    "labels": "class numbers, or other targets, one per image",
    "layer": "path of a layer in its model",
    "learning_rate": "size of the optimizer's steps",
    "learning_rates": "learning rates of successive steps",
    "linear": "whether sums of inputs give sums of outputs",
    "lora_alpha": "scale of the low-rank update, times its rank",
    "lora_rank": "rank of the low-rank update; None for no update",
    "losses": "losses of successive batches",
    "maps": "output of a layer for one image: height, width, channels",
    "mask": "array, 0 where weights are held at zero",
    "mask_cval": "what stands outside a mask",
    "matrix": "numbers of examples, true class by predicted class",
    "max": "largest number of an array",
    "max_learning_rate": "last learning rate of a range",
    "max_queue_size": "how many batches may wait",
    "mean": "mean of the numbers of an array",
    "merge": "whether layers that keep the shape are drawn with the one before",
    "metadata": "what else to record, as a dict",
    "method": "name of the map that is used",
    "metric": "name under which Keras logs a number",
    "metrics": "names of metrics, without val_",
    "min": "smallest number of an array",
    "min_learning_rate": "first learning rate of a range",
    "mode": "whether the largest or the smallest value is the best",
    "modulated": "whether moved taps are weighted as well",
    "monitor": "name of the metric by which epochs are compared",
    "name": "what an object is called, in Keras or in a title",
    "nodes": "calls of layers, as `model_graph` returns them",
    "noise_shape": "shape of the random mask; None is that of the input",
    "norm": "length of a vector, the root of its sum of squares",
    "normalize": "what the numbers of a matrix are divided by",
    "num_classes": "number of classes",
    "num_experts": "number of kernels that are mixed",
    "num_units": "number of features that are left",
    "offset": "position in a file, in bytes",
    "offset_groups": "groups of channels whose taps are moved apart",
    "offset_initializer": "first values of the kernel of the offsets",
    "order": "power in the norm of a window",
    "output_activation": "function applied to the last layer's result",
    "output_padding": "positions added at the end of the output",
    "output_ratio": "number of windows over the size of the input",
    "output_size": "positions of the output per spatial axis",
    "pad_mode": "what padded positions hold, by NumPy's names",
    "pad_value": "constant that padded positions hold",
    "padding": "how many positions are added at the borders",
    "path": "file or folder",
    "per_batch": "whether batches are recorded, besides epochs",
    "per_channel": "whether each output has a scale of its own",
    "points": "examples of two features",
    "pointwise_constraint": "projection of the kernel across channels",
    "pointwise_initializer": "first values of the kernel across channels",
    "pointwise_regularizer": "penalty on the kernel across channels",
    "pointwise_transform": "what is done to the kernel across channels",
    "pool_size": "positions of a window per spatial axis",
    "pooling": "what reduces all positions to one number; None: nothing",
    "positions": "epoch or step of each value",
    "power_iterations": "steps of the power iteration in a training step",
    "prefix": "start of the names of metrics",
    "preprocessing_function": "function of one image, before rescaling",
    "prevalence": "share of the positive examples",
    "probabilities": "probability of each class",
    "propagates_nan": "whether NaN in gives NaN out",
    "quantity": "what the numbers of an array are",
    "quantization_config": "how a kernel is quantized; None for the usual way",
    "rate": "fraction of values that are dropped",
    "reason": "why something failed or was left out",
    "rescale": "factor of all values of an image",
    "restore_best_weights": "whether the weights of the best epoch come back",
    "results": "what the checks found",
    "return_indices": "whether the positions of the maxima are returned too",
    "return_mask": "whether the new mask is returned too",
    "rotation_range": "largest angle, in degrees",
    "routing_activation": "function that makes shares of numbers",
    "routing_initializer": "first values of the routing kernel",
    "rows": "what was recorded, a number each",
    "run": "number of a call of fit, from 1",
    "runs": "what is known about each call of fit; or several histories",
    "same_shape": "whether the output has the shape of the input",
    "sample_weight": "weights of the examples",
    "samples": "number of images",
    "samplewise_center": "whether each image gets mean 0",
    "samplewise_std_normalization": "whether its own std divides an image",
    "save_format": "kind of picture file",
    "save_prefix": "start of the names of picture files",
    "save_to_dir": "folder for pictures of what is given out",
    "scaled": "whether a kernel is divided by the root of its fan-in",
    "seconds": "duration",
    "seed": "start of the random numbers",
    "shape": "sizes of axes, of a file or of new ones",
    "shear_range": "largest angle of shearing, in degrees",
    "shuffle": "whether the order is random, anew in each epoch",
    "shuffle_split": "whether the part to validate with is drawn at random",
    "sigma": "first strength of a noise",
    "smoothed_losses": "running means of the losses of batches",
    "smoothing": "share of a running mean that stays at each step",
    "sparsity": "fraction of the weights that are held at zero",
    "split": "data or thing that a number is about",
    "split_seed": "start of the random numbers of a split",
    "start_axis": "first axis of a range",
    "status": "what came of a check",
    "std": "standard deviation of the numbers of an array",
    "step": "number of batches that were trained with",
    "steps": "number of batches",
    "stop_factor": "how many times its smallest value a loss may reach",
    "stratify": "whether each class has its share",
    "stream": "part of a file in which bytes are counted: IDX or gzip",
    "strides": "step between windows per spatial axis",
    "style": "how an architecture is drawn: volumes, boxes or auto",
    "subject": "what was checked",
    "subset": "which of the two parts of a data set",
    "suggestion": "learning rate that is proposed",
    "survival_probability": "how likely a residual branch is kept",
    "threshold": "limit between small and large, in mean absolute values",
    "training": "whether layers act as in training",
    "transform": "function of a batch of images",
    "unit": "what positions on an axis count",
    "units": "number of outputs; in models, of each hidden layer",
    "update_ratio": "how far a weight moved, over its length",
    "use_bias": "whether a bias is added",
    "use_factorised": "whether noise is made of numbers per row and column",
    "use_gain": "whether each output has a trainable factor",
    "use_mask": "whether masks count and are handed on",
    "validation_split": "share of the data that is held back, the first ones",
    "value": "one logged number",
    "values": "name -> numbers",
    "verbose": "how much is said; 0 for nothing",
    "vertical_flip": "whether half of the images are mirrored upside down",
    "way": "how an epoch of a training went",
    "weight": "path of a weight in its model",
    "weight_norm": "length of the weights of a layer",
    "width_shift_range": "largest shift left and right, pixels or share",
    "with_r": "whether the distance from the center is a channel",
    "workers": "number of threads that make batches",
    "wrong": "which examples to mark as mistakes",
    "x": "inputs of a model or function",
    "x1": "first input along a grid",
    "x2": "second input along a grid",
    "y": "targets of a model",
    "zca_epsilon": "number added to singular values that are divided by",
    "zca_whitening": "whether the pixels are decorrelated",
    "zoom_range": "least and largest factor of the size, or distance from 1",
}


def public_objects():
    """Yields (dotted name, object) of everything that is public."""
    for package in PACKAGES:
        module = importlib.import_module(f"keras_extras.{package}")
        for name in module.__all__:
            yield f"keras_extras.{package}.{name}", getattr(module, name)


def constructor(cls):
    """Returns the signature of a class's constructor, without `self`."""
    if cls.__init__ is object.__init__:  # a NamedTuple
        return inspect.signature(cls)
    # Not of the class: Keras's `__new__(*args, **kwargs)` would hide it.
    return without_first(inspect.signature(cls.__init__))


def without_first(signature):
    """Returns the signature without its first parameter, `self`."""
    return signature.replace(parameters=list(signature.parameters.values())[1:])


def words(signature):
    """Returns names, kinds and defaults as text, without annotations."""
    parameters = [
        parameter.replace(annotation=parameter.empty)
        for parameter in signature.parameters.values()
    ]
    return str(
        signature.replace(
            parameters=parameters, return_annotation=signature.empty
        )
    )


def class_lines(name, cls):
    """Yields a class's line, then its registered name and public members."""
    import keras

    yield f"class {name}{words(constructor(cls))}"
    for base in cls.__bases__:
        package = base.__module__.partition(".")[0]
        yield f"    extends {package}.{base.__name__}"
    registered = keras.saving.get_registered_name(cls)
    if registered != cls.__name__:
        yield f"    registered as {registered}"
    for member, value in sorted(vars(cls).items()):
        if member.startswith("_") or member in ("build", "call"):
            continue
        if isinstance(value, property):
            yield f"    {member}"
        elif isinstance(value, classmethod | staticmethod):
            signature = inspect.signature(getattr(cls, member))
            yield f"    {member}{words(signature)}"
        elif inspect.isfunction(value):
            signature = without_first(inspect.signature(value))
            yield f"    {member}{words(signature)}"


def api_text():
    """Returns the whole surface as text, one object after the other."""
    lines = []
    for name, value in public_objects():
        if inspect.isclass(value):
            lines += class_lines(name, value)
        elif callable(value):
            lines.append(f"def {name}{words(inspect.signature(value))}")
        else:
            lines.append(f"{name}: {type(value).__name__}")
    return "\n".join(lines) + "\n"


def constructor_arguments():
    """Yields (class name, argument name) of every public class."""
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    for name, value in public_objects():
        if inspect.isclass(value):
            for parameter in constructor(value).parameters.values():
                if parameter.kind not in variable:
                    yield name, parameter.name


@pytest.mark.parametrize("package", PACKAGES)
def test_all_is_sorted(package):
    names = importlib.import_module(f"keras_extras.{package}").__all__
    assert list(names) == sorted(set(names))


@pytest.mark.parametrize("package", PACKAGES)
def test_all_is_complete(package):
    module = importlib.import_module(f"keras_extras.{package}")
    reachable = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert reachable == set(module.__all__)


def test_surface_equals_the_committed_one():
    assert api_text() == GOLDEN.read_text(), (
        "The public surface has changed. If that is meant, run "
        "`python tests/test_public_api.py --update` and commit api.txt."
    )


def test_each_argument_name_has_one_meaning():
    unknown = {
        f"{name}({argument})"
        for name, argument in constructor_arguments()
        if argument not in ARGUMENTS
    }
    assert not unknown, f"not in ARGUMENTS: {sorted(unknown)}"


def test_no_meaning_is_left_over():
    used = {argument for _, argument in constructor_arguments()}
    assert set(ARGUMENTS) <= used


def test_meanings_are_sorted():
    assert list(ARGUMENTS) == sorted(ARGUMENTS)


if __name__ == "__main__":
    if sys.argv[1:] != ["--update"]:
        sys.exit(__doc__)
    GOLDEN.write_text(api_text())
