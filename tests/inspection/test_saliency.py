import keras
import numpy as np
import pytest
from keras import layers

from keras_extras.inspection import activations, grad_cam, saliency
from tests.gradients import value_and_gradients

X = np.random.default_rng(0).random((3, 6, 6, 2)).astype("float32")


class Net(keras.Model):
    """Subclassed: two convolutions, global average pooling, one dense."""

    def __init__(self, activation="softmax", data_format="channels_last"):
        super().__init__()
        kwargs = {"padding": "same", "data_format": data_format}
        self.first = layers.Conv2D(4, 3, activation="relu", **kwargs)
        self.last = layers.Conv2D(5, 3, name="last", **kwargs)
        self.pool = layers.GlobalAveragePooling2D(data_format=data_format)
        self.head = layers.Dense(3, activation=activation)

    def call(self, inputs):
        return self.head(self.pool(self.last(self.first(inputs))))


def net(**kwargs):
    keras.utils.set_random_seed(1)
    model = Net(**kwargs)
    model(X)
    return model


def functional():
    inputs = keras.Input((6, 6, 2))
    x = layers.Conv2D(4, 3, activation="tanh")(inputs)
    x = layers.Dense(3)(layers.Flatten()(x))
    return keras.Model(inputs, layers.Softmax()(x))


# --- saliency ----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["subclassed", "functional", "sequential"])
def test_saliency_is_the_gradient_of_the_logit(kind):
    keras.utils.set_random_seed(1)
    if kind == "subclassed":
        model = net()
        bare = net(activation=None)
    else:
        model = functional()
        if kind == "sequential":
            model = keras.Sequential(
                [keras.Input((6, 6, 2)), *model.layers[1:]]
            )
        bare = keras.Sequential(model.layers[-4:-1])
        bare(X)
    bare.set_weights(model.get_weights())
    classes = [2, 0, 1]
    mask = np.eye(3, dtype="float32")[classes]
    probabilities = keras.ops.convert_to_numpy(model(X))
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)

    def logits(tensor):
        # The oracle weighs each output by a factor; here they are undone.
        outputs = bare(tensor)
        factors = np.cos(1.0 + np.arange(9)).reshape(3, 3)
        return outputs * keras.ops.convert_to_tensor(
            (mask / factors).astype("float32")
        )

    _, gradient, _ = value_and_gradients(logits, [], X)
    actual = saliency(model, X, classes)
    assert actual.shape == (3, 6, 6)
    np.testing.assert_allclose(actual, np.abs(gradient).max(-1), atol=1e-5)
    product = saliency(model, X, classes, times_input=True)
    expected = np.abs(gradient * X).max(-1)
    np.testing.assert_allclose(product, expected, atol=1e-5)


def test_the_target_is_the_predicted_class_unless_told():
    model = net()
    predicted = keras.ops.convert_to_numpy(model(X)).argmax(1)
    np.testing.assert_array_equal(
        saliency(model, X), saliency(model, X, predicted)
    )
    before = [weight.copy() for weight in model.get_weights()]
    by_function = saliency(model, X, lambda outputs: outputs[:, 1])
    assert not np.allclose(by_function, saliency(model, X, 1))  # past softmax
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    probabilities = keras.ops.convert_to_numpy(model(X))
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)


def test_smoothgrad_of_a_linear_model_is_the_gradient():
    model = keras.Sequential([keras.Input((6, 6, 2)), layers.Flatten()])
    model.add(layers.Dense(1))
    plain = saliency(model, X)
    np.testing.assert_allclose(
        saliency(model, X, num_copies=4), plain, atol=1e-5
    )
    model = net()
    smooth = saliency(model, X, num_copies=4)
    assert not np.allclose(smooth, saliency(model, X), atol=1e-4)
    np.testing.assert_array_equal(smooth, saliency(model, X, num_copies=4))


# --- Grad-CAM ----------------------------------------------------------------


def test_grad_cam_is_cam_where_cam_exists():
    # With global average pooling and one dense layer, a_k = w_k / places.
    model = net()
    classes = np.array([1, 0, 2])
    maps = activations(model, X, "last")["last"]
    kernel = model.head.get_weights()[0]
    cam = np.einsum("nhwk,kn->nhw", maps, kernel[:, classes]) / 36
    actual = grad_cam(model, X, target=classes)
    np.testing.assert_allclose(actual, np.maximum(cam, 0), atol=1e-6)
    assert actual.max() > 0


def test_grad_cam_of_a_layer_in_between():
    model = net()
    assert grad_cam(model, X, model.first).shape == (3, 6, 6)
    model = functional()
    found = grad_cam(model, X, layers.Conv2D, 0)
    assert found.shape == (3, 4, 4)
    # a_k of Flatten and Dense: the mean of the weights of channel k.
    kernel = model.layers[-2].get_weights()[0].reshape(4, 4, 4, 3)[..., 0]
    (maps,) = activations(model, X, layers.Conv2D).values()
    expected = np.maximum((maps * kernel.mean((0, 1))).sum(-1), 0)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_grad_cam_of_the_last_of_several_calls():
    inputs = keras.Input((6, 6, 2))
    shared = layers.Conv2D(2, 3, padding="same", name="shared")
    x = layers.GlobalAveragePooling2D()(shared(shared(inputs)))
    model = keras.Model(inputs, x)
    second = activations(model, X)["shared:2"]
    actual = grad_cam(model, X, "shared", 1)
    np.testing.assert_allclose(
        actual, np.maximum(second[..., 1] / 36, 0), atol=1e-6
    )


# --- arguments ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("kwargs", "message", "error"),
    [
        ({"target": 3}, "target must be class numbers from 0", ValueError),
        ({"target": [0, 1]}, "target must be class numbers", ValueError),
        ({"target": 0.5}, "target must be class numbers", TypeError),
        ({"times_input": "yes"}, "times_input must be", TypeError),
        ({"num_copies": 0}, "num_copies must be", ValueError),
        ({"num_copies": 1.5}, "num_copies must be", TypeError),
    ],
)
def test_wrong_arguments(kwargs, message, error):
    with pytest.raises(error, match=message):
        saliency(net(), X, **kwargs)


def test_wrong_models_and_layers():
    with pytest.raises(TypeError, match="model must be a Keras model"):
        saliency(layers.Dense(2), X)
    with pytest.raises(ValueError, match="x must be one array of inputs"):
        saliency(net(), [X, X])
    with pytest.raises(ValueError, match="layer must be a layer with an outp"):
        grad_cam(net(), X, layers.Dense)
    flat = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    with pytest.raises(ValueError, match="the model has none"):
        grad_cam(flat, np.ones((1, 4)))
    with pytest.raises(ValueError, match="target must be a function"):
        saliency(keras.Sequential([layers.Conv2D(2, 3)]), X)
