"""Runs the checks over a model, which is a layer with a summary and a fit."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from keras_extras.testing._results import CheckResults
from keras_extras.testing._runner import MODEL_CHECKS, check_all, make_subject
from keras_extras.testing._traits import LayerTraits


def check_model(
    model: keras.Model | type[keras.Model],
    *,
    input_shapes: Any = None,
    traits: LayerTraits | None = None,
    expected_failures: Mapping[str, str] | None = None,
    on_fail: str | None = "raise",
    max_examples: int = 5,
    backends: Sequence[str] | None = None,
) -> CheckResults:
    """Checks that a model keeps the promises that Keras models make.

    Most of what `check_layer` checks, since a model is a layer: among others,
    that the real constructor arguments survive saving and loading. Besides,
    that its sublayers are built, its summary is true, and that compile, fit,
    evaluate and predict work. For sequential, functional and subclassed
    models.

    Args:
        model: the model, or its class if that needs no arguments.
        input_shapes: see `check_layer`.
        traits: see `check_layer`.
        expected_failures: see `check_layer`.
        on_fail: see `check_layer`.
        max_examples: see `check_layer`.
        backends: see `check_layer`.

    Returns:
        A list of `CheckResult` that prints as a table.

    Raises:
        AssertionError: if a check failed and `on_fail="raise"`.
        ValueError: if an argument is not what it must be.
        TypeError: if `model` is not a Keras model.

    Examples:
        >>> results = keras_extras.testing.check_model(
        ...     keras_extras.models.MLP([4], 3),
        ...     input_shapes=(5,),
        ...     backends=(),
        ... )
        >>> results.failed
        []
    """
    if isinstance(model, type) and issubclass(model, keras.Model):
        try:
            model = model()
        except TypeError as error:
            raise TypeError(
                f"check_model: {model.__name__}() cannot be made without "
                f"arguments: {error}. Give an instance."
            ) from error
    if not isinstance(model, keras.Model):
        raise TypeError(
            "check_model: model must be a keras.Model. Received: "
            f"model={model!r}."
        )
    if input_shapes is None and getattr(model, "inputs", None):
        input_shapes = _known_shapes(model)
    subject = make_subject(
        "check_model", model, input_shapes, traits, max_examples, backends
    )
    return check_all(
        "check_model", MODEL_CHECKS, subject, expected_failures, on_fail
    )


def _known_shapes(model: keras.Model) -> Any:
    """Returns the input shapes of a functional model; unknown sizes are 8."""
    shapes = [
        tuple(8 if size is None else size for size in tensor.shape[1:])
        for tensor in model.inputs
    ]
    return shapes[0] if len(shapes) == 1 else shapes
