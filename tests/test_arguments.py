import keras
import pytest

from keras_extras import _arguments as arguments


def test_default_data_format_is_the_configured_one():
    assert arguments.data_format("x", None) == "channels_last"
    assert arguments.data_format("x", "Channels_First") == "channels_first"


@pytest.mark.parametrize(
    ("kind", "value", "closest"),
    [
        ("activation", "rellu", "relu"),
        ("activation", "LeakyRelu", "leaky_relu"),
        ("kernel_initializer", "glorot", "glorot_normal"),
        ("bias_regularizer", "L3", "l2"),
        ("kernel_constraint", "maxnorm", "max_norm"),
    ],
)
def test_a_wrong_name_gets_the_closest_one_and_the_list(kind, value, closest):
    with pytest.raises(ValueError, match=f"^Dense: {kind} must be an? ") as e:
        arguments.resolve("Dense", kind, value)
    assert f"Did you mean {closest!r}?" in str(e.value)
    listed = str(e.value).split("Names are ")[1].split(".")[0].split(", ")
    assert "get" not in listed
    for name in listed:
        assert arguments.resolve("Dense", kind, name.strip("'")) is not None


def test_what_is_no_name_gets_no_list():
    with pytest.raises(TypeError, match="a function or None") as caught:
        arguments.resolve("Dense", "activation", 3)
    assert "Names are" not in str(caught.value)
    assert arguments.resolve("Dense", "activation", keras.ops.relu)
