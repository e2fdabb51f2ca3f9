"""What a layer claims about itself."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class LayerTraits:
    """What a layer claims about itself; each claim is tested.

    A class may carry its traits in the class attribute `traits`.

    Args:
        deterministic: the same inputs give the same outputs, unless
            `training=True`.
        batch_independent: unless training, what comes out for a sample does
            not depend on the other samples of the batch.
        differentiable: the gradients are the derivatives of the outputs.
            `False` for straight-through estimators, rounding and the like.
        propagates_nan: a sample of NaN gives NaN. `False` for layers that
            clip, compare or look up.
        linear: `f(a * x + b * z) = a * f(x) + b * f(z) + const`.
        same_shape: the output has the shape of the input.
        input_dtype: dtype of the inputs: a float or an integer type, or
            `"bool"`.
        input_range: smallest and largest input value that makes sense.

    Examples:
        >>> keras_extras.testing.LayerTraits(same_shape=True).deterministic
        True
    """

    deterministic: bool = True
    batch_independent: bool = True
    differentiable: bool = True
    propagates_nan: bool = True
    linear: bool = False
    same_shape: bool = False
    input_dtype: str = "float32"
    input_range: tuple[float, float] = (-1.0, 1.0)
