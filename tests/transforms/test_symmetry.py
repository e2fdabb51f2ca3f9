import numpy as np
import pytest

from keras_extras import layers, transforms
from tests import oracle
from tests.gradients import to_numpy, value_and_gradients
from tests.oracle import parametrizations as torch_side

KERNEL = np.random.default_rng(0).normal(size=(3, 4, 2, 5)).astype("float32")


@pytest.mark.parametrize(
    ("flip_axes", "image"),
    [
        (None, KERNEL[::-1, ::-1]),
        (1, KERNEL[:, ::-1]),
        ([0], KERNEL[::-1]),
        ((0, 1), KERNEL[::-1, ::-1]),
        (-1, KERNEL[..., ::-1]),
    ],
)
def test_halves_of_a_window(flip_axes, image):
    even = to_numpy(transforms.Symmetric(flip_axes)(KERNEL))
    odd = to_numpy(transforms.Antisymmetric(flip_axes)(KERNEL))
    np.testing.assert_allclose(even, (KERNEL + image) / 2, atol=1e-6)
    np.testing.assert_allclose(odd, (KERNEL - image) / 2, atol=1e-6)


def test_halves_of_a_matrix():
    matrix = KERNEL[:, :3, 0, 0]
    even = to_numpy(transforms.Symmetric()(matrix))
    odd = to_numpy(transforms.Antisymmetric()(matrix))
    np.testing.assert_allclose(even, (matrix + matrix.T) / 2, atol=1e-6)
    np.testing.assert_allclose(odd, (matrix - matrix.T) / 2, atol=1e-6)
    np.testing.assert_array_equal(even, even.T)
    np.testing.assert_array_equal(odd, -odd.T)


def test_matrix_that_is_not_square_is_refused():
    layer = layers.Dense(3, kernel_transform="Symmetric")
    with pytest.raises(ValueError, match="Symmetric: kernel must be square"):
        layer.build((None, 2))


def test_antisymmetric_window_gives_nothing_on_a_constant():
    layer = layers.Conv2D(3, 3, kernel_transform="Antisymmetric")
    y = to_numpy(layer(np.ones((1, 5, 5, 2))))
    np.testing.assert_allclose(y, 0, atol=1e-5)


@pytest.mark.parametrize("method", torch_side.MAPS)
@pytest.mark.parametrize("shape", torch_side.MATRICES)
def test_orthogonal_equals_torch(method, shape):
    results = oracle.load("parametrizations")
    case = f"orthogonal {method} {shape[0]}x{shape[1]}"
    transform = transforms.Orthogonal(method)
    matrix = torch_side.matrix_of(shape)
    got, gradient, _ = value_and_gradients(transform, [], matrix)
    np.testing.assert_allclose(got, results[f"{case} kernel"], atol=1e-5)
    expected = results[f"{case} gradient"]
    if method == "householder":  # torch holds the diagonal fixed
        np.fill_diagonal(gradient, 0)
    np.testing.assert_allclose(gradient, expected, atol=1e-4)


@pytest.mark.parametrize("method", torch_side.MAPS)
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((3, 2, 2, 4), (-1,)), ((2, 2, 4, 1), (-2,)), ((2, 1, 3, 2), (-2, -1))],
)
def test_outputs_or_weights_are_orthonormal(method, shape, axis):
    kernel = np.random.default_rng(0).normal(size=shape).astype("float32")
    transform = transforms.Orthogonal(method, axis=axis)
    got = to_numpy(transform(kernel))
    outputs = [place + len(shape) for place in axis]
    moved = np.moveaxis(got, outputs, range(len(axis)))
    matrix = moved.reshape(np.prod([shape[place] for place in axis]), -1)
    if len(matrix) > matrix.shape[1]:
        matrix = matrix.T
    np.testing.assert_allclose(
        matrix @ matrix.T, np.eye(len(matrix)), atol=1e-5
    )


@pytest.mark.parametrize(
    ("name", "keywords", "error"),
    [
        ("Symmetric", {"flip_axes": "window"}, TypeError),
        ("Antisymmetric", {"flip_axes": ()}, ValueError),
        ("Orthogonal", {"method": "caley"}, ValueError),
    ],
)
def test_wrong_argument_is_named_with_its_value(name, keywords, error):
    ((argument, value),) = keywords.items()
    with pytest.raises(error, match=f"^{name}: {argument} must be") as e:
        getattr(transforms, name)(**keywords)
    assert f"Received: {argument}={value!r}" in str(e.value)
