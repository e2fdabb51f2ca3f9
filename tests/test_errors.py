import pytest

from keras_extras._errors import import_optional, invalid_argument


class Layer:
    pass


def test_message_has_the_four_facts_in_order():
    error = invalid_argument(
        Layer(),
        "sharpness",
        "a positive float",
        -1.0,
        context="The mode is soft.",
        fix="Use AveragePooling2D for the limit 0.",
    )
    assert isinstance(error, ValueError)
    assert str(error) == (
        "Layer: sharpness must be a positive float. "
        "Received: sharpness=-1.0. The mode is soft. "
        "Use AveragePooling2D for the limit 0."
    )


def test_type_of_the_error_can_be_chosen():
    error = invalid_argument("f", "x", "a str", 1, error=TypeError)
    assert type(error) is TypeError
    assert str(error) == "f: x must be a str. Received: x=1."


def test_missing_package_comes_with_the_line_that_installs_it():
    line = r"Plot needs no_such, .* pip install 'keras-extras\[plot\]'"
    with pytest.raises(ImportError, match=line):
        import_optional("no_such.module", extra="plot", owner="Plot")
    assert import_optional("os.path", extra="plot", owner="Plot").sep
