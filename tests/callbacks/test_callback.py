"""The model of a callback is the one that Keras set."""

from keras_extras.callbacks._callback import Callback
from tests.callbacks import small


def test_the_model_is_the_one_in_use():
    model, callback = small.model(), Callback()
    assert callback.model is None
    callback.set_model(model)
    assert callback.model is model
