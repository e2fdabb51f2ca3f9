"""What happens to an image between the file and the model.

    y = standardize(transform(x, parameters))

The parameters come from `_draw`, the transformation is that of `_transform`,
standardizing that of `_standardize`. A batch is one array from the beginning
to the end.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from keras import config
from numpy.typing import ArrayLike, DTypeLike

from keras_extras import _checks as checks
from keras_extras._errors import invalid_argument
from keras_extras.datasets.images import _resample, _transform
from keras_extras.datasets.images._draw import draw
from keras_extras.datasets.images._standardize import (
    OWNER,
    ImageStandardizer,
    image_array,
    work_dtype,
)


class ImageAugmenter(ImageStandardizer):
    """Draws parameters and applies them; see `ImageDataGenerator`."""

    rescale: float | None

    rotation_range: float
    shear_range: float
    channel_shift_range: float
    cval: float
    mask_cval: float
    horizontal_flip: bool
    vertical_flip: bool
    shuffle_split: bool
    stratify: bool
    brightness_range: list[float] | None
    zoom_range: list[float]

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
        dtype: DTypeLike | None = None,
        *,
        shuffle_split: bool = False,
        stratify: bool = False,
        split_seed: int = 0,
        mask_cval: float = 0.0,
    ) -> None:
        for name, value in {
            "featurewise_center": featurewise_center,
            "samplewise_center": samplewise_center,
            "featurewise_std_normalization": featurewise_std_normalization,
            "samplewise_std_normalization": samplewise_std_normalization,
            "zca_whitening": zca_whitening,
            "horizontal_flip": horizontal_flip,
            "vertical_flip": vertical_flip,
            "shuffle_split": shuffle_split,
            "stratify": stratify,
        }.items():
            setattr(self, name, checks.boolean(OWNER, name, value))
        for name, value in {
            "zca_epsilon": zca_epsilon,
            "rotation_range": rotation_range,
            "shear_range": shear_range,
            "channel_shift_range": channel_shift_range,
            "cval": cval,
            "mask_cval": mask_cval,
        }.items():
            if value is None and name.endswith("_range"):
                value = 0  # as in old Keras, which asked for the truth of it
            setattr(self, name, checks.number(OWNER, name, value))
        self.split_seed: int = checks.integer(
            OWNER, "split_seed", split_seed, minimum=0
        )
        self._set_ranges(
            width_shift_range, height_shift_range, zoom_range, brightness_range
        )
        self.rescale = checks.optional(checks.number, OWNER, "rescale", rescale)
        self.fill_mode = checks.choice(
            OWNER, "fill_mode", fill_mode, _resample.FILL_MODES
        )
        self.preprocessing_function: (
            Callable[[np.ndarray], ArrayLike] | None
        ) = checks.function(
            OWNER,
            "preprocessing_function",
            preprocessing_function,
            "a function of one image, or None",
        )
        self.data_format = checks.choice(
            OWNER,
            "data_format",
            config.image_data_format() if data_format is None else data_format,
            ("channels_last", "channels_first"),
        )
        self.validation_split: float = _split(validation_split)
        self.interpolation_order = checks.choice(
            OWNER, "interpolation_order", interpolation_order, (0, 1)
        )
        self.dtype: np.dtype = checks.dtype(
            OWNER,
            config.floatx() if dtype is None else dtype,
            "uif",
            "a dtype of real numbers, such as 'float32' or 'uint8'",
        )
        self._settle_statistics()

    def _set_ranges(
        self,
        width_shift_range: float | Sequence[float],
        height_shift_range: float | Sequence[float],
        zoom_range: float | Sequence[float],
        brightness_range: Sequence[float] | None,
    ) -> None:
        self.width_shift_range: float | list[float] = _shifts(
            "width_shift_range", width_shift_range
        )
        self.height_shift_range: float | list[float] = _shifts(
            "height_shift_range", height_shift_range
        )
        self.zoom_range = _zoom(zoom_range)
        self.brightness_range: list[float] | None = None
        if brightness_range is not None:
            self.brightness_range = _pair(
                "brightness_range", brightness_range, minimum=0
            )

    @property
    def moves(self) -> bool:
        """Whether pixels change their places: what masks have to follow."""
        return bool(
            self.rotation_range
            or self.shear_range
            or self.width_shift_range
            or self.height_shift_range
            or self.zoom_range != [1, 1]
            or self.horizontal_flip
            or self.vertical_flip
        )

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
        shape = checks.items(
            OWNER, "img_shape", img_shape, "three integers", count=3
        )
        for size in shape:
            checks.integer(OWNER, "img_shape", size, minimum=0)
        drawn = draw(
            self,
            _random_state(seed),
            1,
            shape[self.row_axis - 1],
            shape[self.col_axis - 1],
        )
        parameters: dict[str, Any] = dict(_transform.NEUTRAL)
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
        is_dict = isinstance(transform_parameters, Mapping)
        if not is_dict or not set(transform_parameters) <= set(
            _transform.NEUTRAL
        ):
            raise invalid_argument(
                OWNER,
                "transform_parameters",
                f"a dict with names out of {list(_transform.NEUTRAL)}",
                transform_parameters,
                error=ValueError if is_dict else TypeError,
            )
        batch = image_array(self, "x", x, 3)[None]
        each: dict[str, np.ndarray] = {}
        for name, value in transform_parameters.items():
            if value is None or value == _transform.NEUTRAL[name]:
                continue
            is_flip = name.startswith("flip")
            check = checks.boolean if is_flip else checks.number
            argument = f"transform_parameters[{name!r}]"
            each[name] = np.asarray([check(OWNER, argument, value)])
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
        image = image_array(self, "x", x, 3)
        drawn = self.get_random_transform(image.shape, seed)
        return self.apply_transform(image, drawn)

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
        given = image_array(self, "x", x, 4)
        if not len(given):
            raise invalid_argument(
                OWNER, "x", "at least one image", given.shape
            )
        rounds = checks.integer(OWNER, "rounds", rounds)
        data = given.astype(work_dtype(self.dtype))
        if self.rescale:
            data *= self.rescale
        if checks.boolean(OWNER, "augment", augment):
            generator = _random_state(seed)
            data = np.concatenate(
                [
                    self._transformed(
                        data, self.draw_for(data, len(data), generator)
                    )
                    for _ in range(rounds)
                ]
            )
        self._measure(data)

    def augmented(
        self,
        images: np.ndarray,
        drawn: Mapping[str, np.ndarray | None],
        indices: np.ndarray | None = None,
    ) -> np.ndarray:
        """Returns a batch transformed by drawn parameters and standardized.

        Args:
            images: array of four axes; is not changed.
            drawn: what `draw_for` gave; `{}` to transform nothing.
            indices: which images are meant, `None` for all.
        """
        work = work_dtype(self.dtype)
        x = self._transformed(images, drawn, work, indices)
        return _transform.as_dtype(self.standardize(x), self.dtype)

    def moved(
        self, masks: np.ndarray, drawn: Mapping[str, np.ndarray | None]
    ) -> np.ndarray:
        """Returns masks moved as their images are, and not changed otherwise.

        Each number of the result is one of the mask: the nearest, or
        `mask_cval` where nothing is with `fill_mode="constant"`.

        Args:
            masks: array of three axes, or of four, by `data_format`.
            drawn: what `draw_for` gave for the images.
        """
        channels = {3: -1, 4: self.channel_axis}[masks.ndim]
        last = masks[..., None] if channels == -1 else masks
        result = _transform.transform(
            np.moveaxis(last, channels, -1),
            {name: drawn.get(name) for name in _transform.GEOMETRY},
            order=0,
            fill_mode=self.fill_mode,
            cval=self.mask_cval,
        )
        result = np.ascontiguousarray(np.moveaxis(result, -1, channels))
        return result[..., 0] if channels == -1 else result

    def draw_for(
        self, images: np.ndarray, count: int, generator: Any
    ) -> dict[str, np.ndarray | None]:
        """Draws the parameters of `count` images of a batch."""
        height = images.shape[self.row_axis]
        width = images.shape[self.col_axis]
        return draw(self, generator, count, height, width)

    def _transformed(
        self,
        x: np.ndarray,
        parameters: Mapping[str, np.ndarray | None],
        dtype: Any = None,
        indices: np.ndarray | None = None,
    ) -> np.ndarray:
        first = self.data_format == "channels_first"
        result = _transform.transform(
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


def _random_state(seed: int | None) -> Any:
    """Returns the source of random numbers that old Keras used."""
    if seed is None:
        return np.random
    start = checks.integer(OWNER, "seed", seed, minimum=0)
    if start >= 2**32:
        raise invalid_argument(OWNER, "seed", "below 2**32", seed)
    return np.random.RandomState(start)


def _shifts(name: str, value: float | Sequence[float]) -> float | list[float]:
    """Returns a number, or a list of the numbers to choose from."""
    if value is None:
        return 0.0
    if np.ndim(value) == 0:
        return checks.number(OWNER, name, value, minimum=0)
    choices = checks.items(OWNER, name, value, "a number or a list of numbers")
    return [checks.number(OWNER, name, choice) for choice in choices]


def _zoom(value: float | Sequence[float]) -> list[float]:
    """Returns the smallest and the largest factor, from the range or both."""
    if value is None:
        return [1.0, 1.0]
    if np.ndim(value) == 0:
        zoom = checks.number(OWNER, "zoom_range", value)
        return [1 - zoom, 1 + zoom]
    return _pair("zoom_range", value)


def _split(value: float) -> float:
    share = checks.fraction(OWNER, "validation_split", value)
    if share == 1:
        raise invalid_argument(OWNER, "validation_split", "below 1", value)
    return share


def _pair(name: str, value: object, minimum: float = -math.inf) -> list[float]:
    pair = checks.items(OWNER, name, value, "two numbers", count=2)
    return [checks.number(OWNER, name, item, minimum=minimum) for item in pair]
