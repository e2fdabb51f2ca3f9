import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.layers import Dense, Maxout
from tests.gradients import to_numpy, value_and_gradients


@given(
    axis=st.sampled_from([1, 2, 3, -1, -2, -3]),
    num_units=st.integers(1, 3),
    lines=st.integers(1, 3),
)
def test_maxout_equals_the_formula(axis, num_units, lines):
    shape = [2, 3, 4, 3]
    shape[axis] = num_units * lines
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    layer = Maxout(num_units, axis)
    last = np.moveaxis(x, axis, -1)
    expected = np.stack(
        [last[..., j::num_units].max(axis=-1) for j in range(num_units)], -1
    )
    expected = np.moveaxis(expected, -1, axis)
    np.testing.assert_array_equal(to_numpy(layer(x)), expected)
    assert layer.compute_output_shape(x.shape) == expected.shape


def test_gradient_goes_to_the_first_maximum_and_nan_wins():
    x = np.array([[1.0, 5.0, 1.0, 7.0, 0.0, 7.0]], "float32")
    _, gradient, _ = value_and_gradients(Maxout(2), [], x)
    slopes = np.cos([1.0, 2.0])
    np.testing.assert_allclose(
        gradient, [[slopes[0], 0, 0, slopes[1], 0, 0]], rtol=1e-6
    )
    x[0, 2] = np.nan
    y = to_numpy(Maxout(2)(x))
    assert np.isnan(y[0, 0])
    assert y[0, 1] == 7


def test_two_lines_make_the_absolute_value():
    layer = Dense(2, use_bias=False)
    layer.build((None, 1))
    layer.kernel.assign([[1.0, -1.0]])
    x = np.array([[-3.0], [2.0]], "float32")
    assert to_numpy(Maxout(1)(layer(x))).ravel().tolist() == [3, 2]


@pytest.mark.parametrize(
    ("shape", "axis"), [((2, 5), -1), ((2, 4, 3), 2), ((4, 3), 0), ((2, 4), 2)]
)
def test_wrong_input_shape_is_named(shape, axis):
    layer = Maxout(2, axis)
    for call in (layer.compute_output_shape, lambda s: layer(np.ones(s))):
        with pytest.raises(
            ValueError, match="Maxout: input_shape must"
        ) as caught:
            call(shape)
        assert f"input_shape={shape}" in str(caught.value)
        assert f"axis={axis}" in str(caught.value)
    with pytest.raises(ValueError, match="multiple of num_units"):
        layer.compute_output_shape((None,) * 3)


@pytest.mark.parametrize(
    ("keywords", "argument", "error"),
    [
        ({"num_units": 0}, "num_units", ValueError),
        ({"num_units": 2.5}, "num_units", TypeError),
        ({"axis": "last"}, "axis", TypeError),
    ],
)
def test_wrong_argument_is_named(keywords, argument, error):
    with pytest.raises(error, match=f"^Maxout: {argument} must be "):
        Maxout(**{"num_units": 2, **keywords})


def test_unknown_sizes_and_saving(tmp_path):
    x = np.random.default_rng(0).normal(size=(2, 5, 6)).astype("float32")
    model = keras.Sequential([keras.Input((None, 6)), Maxout(3)])
    assert model.output_shape == (None, None, 3)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        again.predict(x, verbose=0), x.reshape(2, 5, 2, 3).max(axis=2)
    )
