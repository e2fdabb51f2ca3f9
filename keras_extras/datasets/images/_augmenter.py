"""What happens to an image between the file and the model.

    y = standardize(transform(x, parameters))

The parameters come from `_image_parameters`, the transformation is that of
`_augment`, standardizing that of `_image_standardize`. A batch is one array
from the beginning to the end.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from keras import config
from numpy.typing import ArrayLike

from keras_extras import _errors
from keras_extras.datasets.images import _augment, _resample
from keras_extras.datasets.images import _parameters as arguments
from keras_extras.datasets.images._standardize import ImageStandardizer


class ImageAugmenter(ImageStandardizer):
    """Draws parameters and applies them; see `ImageDataGenerator`."""

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: float | Sequence[float] = 0.0,
        height_shift_range: float | Sequence[float] = 0.0,
        brightness_range: Sequence[float] | None = None,
        shear_range: float = 0.0,
        zoom_range: float | Sequence[float] = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[np.ndarray], ArrayLike] | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: str | None = None,
    ):
        self.featurewise_center = arguments.flag(
            "featurewise_center", featurewise_center
        )
        self.samplewise_center = arguments.flag(
            "samplewise_center", samplewise_center
        )
        self.featurewise_std_normalization = arguments.flag(
            "featurewise_std_normalization", featurewise_std_normalization
        )
        self.samplewise_std_normalization = arguments.flag(
            "samplewise_std_normalization", samplewise_std_normalization
        )
        self.zca_whitening = arguments.flag("zca_whitening", zca_whitening)
        self.zca_epsilon = arguments.number("zca_epsilon", zca_epsilon)
        self.rotation_range = arguments.number("rotation_range", rotation_range)
        self.width_shift_range = arguments.shifts(
            "width_shift_range", width_shift_range
        )
        self.height_shift_range = arguments.shifts(
            "height_shift_range", height_shift_range
        )
        self.brightness_range = None
        if brightness_range is not None:
            self.brightness_range = arguments.pair(
                "brightness_range", brightness_range, "two numbers >= 0", 0
            )
        self.shear_range = arguments.number("shear_range", shear_range)
        if np.ndim(zoom_range) == 0:
            zoom = arguments.number("zoom_range", zoom_range)
            self.zoom_range = [1 - zoom, 1 + zoom]
        else:
            self.zoom_range = arguments.pair(
                "zoom_range", zoom_range, "a number or two numbers"
            )
        self.channel_shift_range = arguments.number(
            "channel_shift_range", channel_shift_range
        )
        self.fill_mode = arguments.choice(
            "fill_mode", fill_mode, _resample.FILL_MODES
        )
        self.cval = arguments.number("cval", cval)
        self.horizontal_flip = arguments.flag(
            "horizontal_flip", horizontal_flip
        )
        self.vertical_flip = arguments.flag("vertical_flip", vertical_flip)
        self.rescale = (
            None if rescale is None else arguments.number("rescale", rescale)
        )
        if not (
            preprocessing_function is None or callable(preprocessing_function)
        ):
            raise arguments.wrong(
                "preprocessing_function",
                "a function of one image, or None",
                preprocessing_function,
                TypeError,
            )
        self.preprocessing_function = preprocessing_function
        if data_format is None:
            data_format = config.image_data_format()
        self.data_format = arguments.choice(
            "data_format", data_format, ("channels_last", "channels_first")
        )
        self.validation_split = arguments.number(
            "validation_split", validation_split
        )
        if not 0 <= validation_split < 1:
            raise arguments.wrong(
                "validation_split", "a number in [0, 1)", validation_split
            )
        self.interpolation_order = arguments.choice(
            "interpolation_order", interpolation_order, (0, 1)
        )
        self.dtype = arguments.dtype(
            config.floatx() if dtype is None else dtype
        )
        self.mean: Any = None
        self.std: Any = None
        self.zca_whitening_matrix: np.ndarray | None = None
        self._settle_statistics()

    def get_random_transform(
        self, img_shape: Sequence[int], seed: int | None = None
    ) -> dict[str, Any]:
        """Draws the parameters of one transformation.

        Args:
            img_shape: shape of an image, three numbers.
            seed: int, or `None` for the state of NumPy's global generator.

        Returns:
            Dict with `theta` and `shear` in degrees, `tx` and `ty` in pixels,
            to the left and up, the factors `zx` and `zy`, `flip_horizontal`,
            `flip_vertical`, and `channel_shift_intensity` and `brightness` or
            `None`.
        """
        if len(img_shape) != 3:
            raise _errors.invalid_argument(
                self, "img_shape", "three numbers", tuple(img_shape)
            )
        generator: Any = np.random
        if seed is not None:
            generator = np.random.RandomState(seed)
        drawn = arguments.draw(
            self,
            generator,
            1,
            img_shape[self.row_axis - 1],
            img_shape[self.col_axis - 1],
        )
        parameters = dict(_augment.NEUTRAL)
        for name, values in drawn.items():
            if values is not None:
                parameters[name] = values[0].item()
        return parameters

    def apply_transform(
        self, x: ArrayLike, transform_parameters: Mapping[str, Any]
    ) -> np.ndarray:
        """Transforms one image by given parameters.

        Args:
            x: array of three axes, by `data_format`.
            transform_parameters: dict with some of the names that
                `get_random_transform` gives; what is missing is not done.

        Returns:
            New array of the shape and dtype of `x`.
        """
        unknown = set(transform_parameters) - set(_augment.NEUTRAL)
        if unknown:
            raise _errors.invalid_argument(
                self,
                "transform_parameters",
                f"a dict with names out of {list(_augment.NEUTRAL)}",
                sorted(unknown),
            )
        batch = arguments.images(self, "x", x, 3)[None]
        each = {
            name: np.asarray([value])
            for name, value in transform_parameters.items()
            if value is not None and value != _augment.NEUTRAL[name]
        }
        return self._transformed(batch, each)[0]

    def random_transform(
        self, x: ArrayLike, seed: int | None = None
    ) -> np.ndarray:
        """Transforms one image by parameters drawn for it.

        Args:
            x: array of three axes, by `data_format`.
            seed: as for `get_random_transform`.

        Returns:
            New array of the shape and dtype of `x`.
        """
        x = arguments.images(self, "x", x, 3)
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def fit(
        self,
        x: ArrayLike,
        augment: bool = False,
        rounds: int = 1,
        seed: int | None = None,
    ) -> None:
        """Computes the statistics of the data that standardizing needs.

        Needed for `featurewise_center`, `featurewise_std_normalization` and
        `zca_whitening` only. `rescale` is applied first.

        Args:
            x: array `(count, height, width, channels)` of numbers, the
                training images.
            augment: whether the statistics are those of transformed images.
            rounds: int > 0, how often each image is transformed for that.
            seed: int, or `None` for the state of NumPy's global generator.
        """
        given = arguments.images(self, "x", x, 4)
        if not len(given):
            raise _errors.invalid_argument(
                self, "x", "at least one image", given.shape
            )
        data = given.astype(arguments.work_dtype(self.dtype))
        if self.rescale:
            data *= self.rescale
        if augment:
            data = self._augmented_rounds(data, rounds, seed)
        self._measure(data)

    def _augmented_rounds(
        self, x: np.ndarray, rounds: int, seed: int | None
    ) -> np.ndarray:
        if (
            isinstance(rounds, bool)
            or not isinstance(rounds, int)
            or rounds < 1
        ):
            raise _errors.invalid_argument(
                self, "rounds", "a positive integer", rounds
            )
        generator: Any = np.random
        if seed is not None:
            generator = np.random.RandomState(seed)
        return np.concatenate(
            [
                self._transformed(x, self._drawn(x, len(x), generator))
                for _ in range(rounds)
            ]
        )

    def augmented(
        self,
        images: np.ndarray,
        generator: np.random.Generator,
        indices: np.ndarray | None = None,
    ) -> np.ndarray:
        """Returns a batch transformed by new parameters and standardized.

        Args:
            images: array of four axes; is not changed.
            generator: where the random numbers come from.
            indices: which images are meant, `None` for all.
        """
        count = len(images) if indices is None else len(indices)
        drawn = self._drawn(images, count, generator)
        work = arguments.work_dtype(self.dtype)
        x = self._transformed(images, drawn, work, indices)
        return _augment.as_dtype(self.standardize(x), self.dtype)

    def _drawn(
        self, x: np.ndarray, count: int, generator: Any
    ) -> dict[str, Any]:
        height, width = x.shape[self.row_axis], x.shape[self.col_axis]
        return arguments.draw(self, generator, count, height, width)

    def _transformed(
        self,
        x: np.ndarray,
        parameters: Mapping[str, Any],
        dtype: Any = None,
        indices: np.ndarray | None = None,
    ) -> np.ndarray:
        first = self.data_format == "channels_first"
        result = _augment.transform(
            np.moveaxis(x, 1, -1) if first else x,
            parameters,
            dtype=dtype,
            order=self.interpolation_order,
            fill_mode=self.fill_mode,
            cval=self.cval,
            indices=indices,
        )
        if first:
            return np.ascontiguousarray(np.moveaxis(result, -1, 1))
        return result
