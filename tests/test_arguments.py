from keras_extras import _arguments as arguments


def test_default_data_format_is_the_configured_one():
    assert arguments.data_format("x", None) == "channels_last"
    assert arguments.data_format("x", "Channels_First") == "channels_first"
