import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras import _config, layers, models, transforms
from tests import samples


class Base:
    def __init__(self, a, b=2, **kwargs):
        pass


class Middle(Base):
    def __init__(self, *args, c=3, **kwargs):
        pass


class Leaf(Middle):
    pass


class Fixing(Base):
    def __init__(self, d, **kwargs):
        pass


class Closed(Base):
    def __init__(self, e=5):
        pass


class Mixin:
    def __init__(self, *args, gain=1.0, **kwargs):
        super().__init__(*args, **kwargs)


class Mixed(Mixin, Base):
    pass


@pytest.mark.parametrize(
    ("cls", "args", "kwargs", "bound"),
    [
        (Base, (1,), {}, {"a": 1, "b": 2}),
        (Base, (1,), {"z": 0}, {"a": 1, "b": 2}),
        (Leaf, (1, 7), {}, {"a": 1, "b": 7, "c": 3}),
        (Leaf, (1,), {"c": 4}, {"a": 1, "c": 4}),
        (Fixing, (4,), {"b": 9}, {"d": 4, "b": 9}),
        (Fixing, (4,), {}, {"d": 4}),
        (Closed, (), {}, {"e": 5}),
        (Mixed, (1,), {"gain": 2.0}, {"a": 1, "gain": 2.0}),
    ],
)
def test_bind_gives_the_arguments_of_the_call(cls, args, kwargs, bound):
    assert _config.bind(cls, Base, args, kwargs) == bound


def test_accepted_follows_the_chain_of_keywords():
    config = {"a": 1, "d": 2, "e": 3, "name": "x"}
    assert _config.accepted(Leaf, Base, config) == config
    assert _config.accepted(Closed, Base, config) == {"e": 3}


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=3)


@given(
    st.recursive(
        PLAIN,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
        ),
        max_leaves=6,
    )
)
def test_plain_values_are_their_own_config(value):
    assert _config.serialize("value", value) == value
    assert _config.deserialize(value) == value


def test_objects_are_serialized_as_keras_does():
    initializer = keras.initializers.Constant(0.5)
    plain = _config.serialize("kernel_initializer", initializer)
    assert plain == keras.initializers.serialize(initializer)
    assert _config.deserialize([plain])[0].value == 0.5
    relu = keras.activations.relu
    assert _config.serialize("activation", relu) == "relu"


def test_arrays_and_lists_that_keras_wraps_become_plain():
    array = np.eye(2)
    plain = _config.serialize("mask", array)
    np.testing.assert_array_equal(_config.deserialize(plain), array)

    class Holder(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.items = [1, 2]  # Keras wraps it

    assert type(_config.serialize("items", Holder().items)) is list


TAKING_NAMES = [
    *(getattr(layers, name) for name in (*samples.names(), *samples.ELSEWHERE)),
    *(
        getattr(transforms, name)
        for name in transforms.__all__
        if name not in ("get", "KernelOwner")
    ),
    models.MLP,
    models.ConvNet,
]


def refusal(cls, arguments):
    """What Python or we say about names that the constructor does not know."""
    try:
        cls(**arguments)
    except Exception as error:
        words = ("Unrecognized", "unexpected keyword", "multiple values")
        return [str(error) for word in words if word in str(error)]
    return []


def test_every_class_names_what_it_takes_and_nothing_else():
    required = {
        "filters": 2, "kernel_size": 2, "units": 2, "pool_size": 2, "axis": 1,
        "shape": (2, -1), "rate": 0.5, "survival_probability": 0.5,
        "output_size": 2, "num_units": 2, "factor": 2, "bins": [1], "order": 2,
        "lora_rank": 2, "num_experts": 2, "block_size": 2,
        "survival_rate": 0.5,
    }  # fmt: skip
    for cls in TAKING_NAMES:
        names = cls._argument_names()
        given = {name: required[name] for name in names if name in required}
        if "output_size" in given and "pool_size" in given:
            del given["output_size"]  # the one or the other
        if cls is transforms.Mask:
            given["sparsity"] = 0.5
        for name in names:
            if name in given or name == "mask":
                continue
            assert not refusal(cls, {**given, name: object()}), (cls, name)
        with pytest.raises((TypeError, ValueError), match="Unrecogn") as error:
            cls(**given, nmae="x")
        assert f"passed to {cls.__name__}: " in str(error.value)
        assert "Did you mean 'name'?" in str(error.value)
        assert f"{cls.__name__} takes {', '.join(names)}." in str(error.value)


@pytest.mark.parametrize(
    ("cls", "kwargs", "meant", "error"),
    [
        (layers.Conv2D, {"filter": 8, "kernel_size": 3}, "filters", TypeError),
        (layers.Conv2D, {"filters": 8, "kernel": 3}, "kernel_size", TypeError),
        (
            layers.PartialConv2D,
            {"out_channels": 8, "kernel_size": 3},
            "filters",
            TypeError,
        ),
        (layers.Dense, {"out_features": 8}, "units", TypeError),
        (layers.Dropout, {"p": 0.5}, "rate", TypeError),
        (layers.MaxPooling1D, {"kernel_size": 2}, "pool_size", ValueError),
        (layers.Flatten, {"start_dim": 1}, "start_axis", ValueError),
        (transforms.LowRank, {"r": 4}, "lora_rank", TypeError),
        (models.MLP, {"activations": "relu"}, "activation", ValueError),
    ],
)
def test_names_of_others_lead_to_ours(cls, kwargs, meant, error):
    with pytest.raises(error, match=f"Did you mean '{meant}'\\?"):
        cls(**kwargs)


@pytest.mark.parametrize("name", ["Conv2D", "DepthwiseConv1D", "MaxPooling2D"])
def test_what_pads_hold_is_another_argument(name):
    for value in ("reflect", "circular"):
        content = "wrap" if value == "circular" else value
        with pytest.raises(ValueError, match=f"pad_mode='{content}'"):
            samples.make(name)[0].__class__(2, 2, padding=value)
    with pytest.raises(ValueError, match=r"padding='reflect'\.$"):
        layers.Conv2DTranspose(2, 3, padding="reflect")


@pytest.mark.parametrize(
    ("name", "argument"),
    [("DropBlock2D", "noise_shape"), ("Conv1DTranspose", "pad_mode")],
)
def test_what_a_class_fixes_for_its_parent_is_refused_with_the_reason(
    name, argument
):
    layer = samples.make(name)[0]
    with pytest.raises(ValueError, match=f"{argument} must be left out") as e:
        type(layer)(**{**layer.get_config(), argument: "edge"})
    assert str(e.value).endswith(("together.", "pads nothing."))


def test_a_constructor_may_know_more_names_than_its_signature():
    class Popping(layers.Dense):
        def __init__(self, *args, **kwargs):
            self.extra = kwargs.pop("extra", 0)
            super().__init__(3, *args, **kwargs)

    assert Popping(extra=2).extra == 2
    with pytest.warns(UserWarning, match="input_shape"):
        layers.Dense(3, input_shape=(2,))
