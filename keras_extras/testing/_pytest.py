"""Makes each check of each layer a test of pytest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras

from keras_extras.testing._results import CheckSkip
from keras_extras.testing._runner import layer_checks
from keras_extras.testing._traits import LayerTraits

if TYPE_CHECKING:
    import pytest


def parametrize_with_layer_checks(
    layers: Sequence[keras.Layer],
    *,
    expected_failures: Callable[[keras.Layer], Mapping[str, str]] | None = None,
    input_shapes: Any = None,
    traits: LayerTraits | None = None,
    max_examples: int = 20,
    backends: Sequence[str] | None = (),
) -> pytest.MarkDecorator:
    """Makes a pytest test of each check of each layer.

    Args:
        layers: layers, not built.
        expected_failures: function from a layer to the checks that it fails,
            with reasons; these are marked `xfail(strict=True)`.
        input_shapes: see `check_layer`; for all layers.
        traits: see `check_layer`; for all layers.
        max_examples: see `check_layer`.
        backends: see `check_layer`; here none by default, since a process for
            each test takes long.

    Returns:
        A decorator for a test function with the arguments `layer` and
        `check`, which calls `check(layer)`.

    Raises:
        ImportError: if pytest is not installed.

    Examples:
        >>> @keras_extras.testing.parametrize_with_layer_checks(
        ...     [keras.layers.Dense(3), keras.layers.ReLU()]
        ... )
        ... def test_layer(layer, check):
        ...     check(layer)
    """
    try:
        import pytest
    except ImportError as cause:
        raise ImportError(
            "parametrize_with_layer_checks needs pytest, which is not "
            "installed. Install it: pip install pytest"
        ) from cause

    def as_test(check: Callable[[], None]) -> Callable[[keras.Layer], None]:
        def run_check(layer: keras.Layer) -> None:
            try:
                check()
            except CheckSkip as skip:
                pytest.skip(str(skip))

        return run_check

    cases = []
    for layer in layers:
        expected = dict(expected_failures(layer) if expected_failures else {})
        for name, check in layer_checks(
            layer,
            input_shapes=input_shapes,
            traits=traits,
            max_examples=max_examples,
            backends=backends,
        ):
            marks = ()
            if name in expected:
                marks = pytest.mark.xfail(reason=expected[name], strict=True)
            cases.append(
                pytest.param(
                    layer,
                    as_test(check),
                    id=f"{layer.name}-{name}",
                    marks=marks,
                )
            )
    return pytest.mark.parametrize(("layer", "check"), cases)
