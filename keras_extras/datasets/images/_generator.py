"""The generator of old Keras: augmentation, and the data sets made with it.

    datagen = ImageDataGenerator(rotation_range=20)      what may vary
    model.fit(datagen.flow(images, labels))              where images come from

What happens to images is in `_augmenter`; here arguments are handed on to the
data sets of `_array_flow`, `_folder_flow` and `_frame_flow`.
"""

from collections.abc import Callable, Hashable, Sequence
from os import PathLike
from typing import Any

from numpy.typing import ArrayLike

from keras_extras.datasets.images._array_flow import ArrayFlow
from keras_extras.datasets.images._augmenter import ImageAugmenter
from keras_extras.datasets.images._flow import ImageFlow
from keras_extras.datasets.images._folder_flow import FolderFlow
from keras_extras.datasets.images._frame_flow import FrameFlow


class ImageDataGenerator(ImageAugmenter):
    """Makes data sets of images that look a little different each time.

        y = standardize(transform(x, parameters))

    The parameters are drawn for each image and each epoch; flips, rotation,
    shear, zoom and shifts become one affine map and one resampling for the
    whole batch. What the flows give are `keras.utils.PyDataset`s, for `fit`
    on every backend. Old code changes its import only.

    Use it for labeled pictures on the CPU, as courses do; layers such as
    `keras.layers.RandomRotation` run inside the model, on its device.

    Args:
        featurewise_center: whether the mean of the data is subtracted, per
            channel; `fit` computes it, or set the attribute `mean`.
        samplewise_center: whether each image gets mean 0.
        featurewise_std_normalization: whether images are divided by the
            standard deviation of the data, per channel; as `mean`, `std`.
        samplewise_std_normalization: whether each image is divided by its own
            standard deviation.
        zca_whitening: whether the pixels are decorrelated, with the matrix
            that `fit` computes: (pixels * channels)**2 numbers.
        zca_epsilon: float, added to the singular values that are divided by.
        rotation_range: float, degrees. Angles are uniform in -range to range.
        width_shift_range: shift to the left or right. A float below 1 is a
            share of the width, from 1 on pixels; an int n gives whole shifts
            from -(n - 1) to n - 1; a list gives its values, with either sign.
        height_shift_range: likewise, up or down.
        brightness_range: pair of floats, the factors of the brightness; 1
            changes nothing.
        shear_range: float, degrees.
        zoom_range: float, for factors from 1 - range to 1 + range, or the
            pair itself; one draw per axis. Below 1 enlarges.
        channel_shift_range: float, added to all values, within the range of
            the image.
        fill_mode: what stands outside the image: `"constant"`, `"nearest"`,
            `"reflect"` or `"wrap"`, with SciPy's meanings.
        cval: float, for `"constant"`.
        horizontal_flip: whether half of the images are mirrored left to right.
        vertical_flip: whether half of the images are mirrored upside down.
        rescale: float that the values are multiplied by after the
            transformation, such as `1 / 255`; `None` or 0 for none.
        preprocessing_function: function of one image `(height, width,
            channels)` that returns an image of that shape, after the
            transformation and before `rescale`.
        data_format: `"channels_last"` or `"channels_first"`; `None` for
            Keras's setting.
        validation_split: share in [0, 1) of the data that is
            `subset="validation"`: the first ones, of each class where there
            are folders.
        interpolation_order: 1 for bilinear, 0 for the nearest pixel.
        dtype: dtype of the batches; `None` for `keras.config.floatx()`.
        shuffle_split: whether the images that validate are drawn at random,
            not the first ones.
        stratify: whether they are drawn at random and of each class alike.
        split_seed: int >= 0, for the two above: the same seed, the same parts.
        mask_cval: float, what stands outside a mask for `"constant"`.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if a value is not allowed.

    Examples:
        >>> from keras_extras.datasets import ImageDataGenerator, load_mnist
        >>> images, labels = load_mnist(kind="test")
        >>> generator = ImageDataGenerator(rotation_range=20, rescale=1 / 255)
        >>> flow = generator.flow(images[..., None], labels, seed=0)
        >>> x, y = flow[0]
        >>> x.shape, y.shape
        ((32, 28, 28, 1), (32,))

    References:
        `tf.keras.preprocessing.image.ImageDataGenerator`. The same parameters
        give the same values for square images. Four differences:
        `width_shift_range` moves along the width (Keras has it the other way
        round: keras-team/tf-keras#310); images that are not square turn
        around their middle; random numbers depend on the seed, the epoch and
        the number of the batch, not on the order of calls; arguments are
        checked.
    """

    def flow(
        self,
        x: Any,
        y: ArrayLike | None = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: ArrayLike | None = None,
        seed: int | None = None,
        save_to_dir: str | PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: str | None = None,
        *,
        groups: ArrayLike | None = None,
        masks: ArrayLike | None = None,
        **options: Any,
    ) -> ImageFlow:
        """Makes a data set of images that are in memory.

        Args:
            x: array `(count, height, width, channels)` of numbers, or a pair
                of it and further inputs (an array or a list of arrays), which
                are handed on as they are.
            y: array `(count, ...)`, the targets, or `None`.
            batch_size: int > 0.
            shuffle: whether each epoch has an order of its own.
            sample_weight: array `(count,)`, or `None`.
            seed: int >= 0, the start of all random numbers. `None` draws one
                from NumPy's, which `keras.utils.set_random_seed` sets.
            save_to_dir: folder that a picture of each image given out is
                written to, to look at; is made if it is not there.
            save_prefix: start of the names of these files.
            save_format: `"png"`, `"jpeg"`, `"bmp"` or `"webp"`.
            ignore_class_split: whether the two subsets may hold different
                classes.
            subset: `"training"` or `"validation"`, the parts made by
                `validation_split`; `None` for all.
            masks: array `(count, height, width)` or with channels: targets
                that move as their images do, but keep their numbers. With `y`
                as well, the targets are the pair `(y, masks)`.
            groups: array `(count,)`, such as the patient of each image:
                images of one group are all in one part, drawn at random.
            **options: `augment` (`False` gives images as they are, only
                standardized, for the validation part), `balance` (`True` for
                all classes equally often, or a dict from class to weight: an
                epoch keeps its length, and images of rare classes come
                several times in it), `batch_transform` (function of the
                images and targets of a batch that returns both, such as a
                mixture of them; `rng`, if it has such a parameter, is a
                `numpy.random.Generator`), `workers` (int > 0,
                threads that make the next batches while the model works, if
                `fit` is called with `shuffle=False`), `max_queue_size` (int >
                0, how many batches may wait) and `drop_remainder` (whether
                the images that do not fill the last batch are left out of the
                epoch).

        Returns:
            A `PyDataset` of batches: images; images and targets; or these and
            weights.
        """
        return ArrayFlow(
            self,
            x,
            y,
            sample_weight=sample_weight,
            ignore_class_split=ignore_class_split,
            subset=subset,
            groups=groups,
            masks=masks,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            **options,
        )

    def flow_from_directory(
        self,
        directory: str | PathLike[str],
        target_size: Sequence[int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        *,
        broken: str = "raise",
        max_pixels: int | None = None,
        exif_orientation: bool = False,
        links_outside: bool = False,
        cache: bool | str | PathLike[str] = False,
        groups: Callable[[str], Hashable] | None = None,
        masks: str | PathLike[str] | None = None,
        **options: Any,
    ) -> ImageFlow:
        """Makes a data set of a folder with one folder of images per class.

        Files are taken in the order of their names: png, jpg, jpeg, bmp, ppm,
        tif, tiff, webp, gif, avif and jp2, whichever of these they are
        inside. Hidden files and folders are left out, and no link may lead
        out of `directory`. Gray images of 16 or 32 bits and of floats keep
        their values, in every color mode; color images have 8 bits.

        Args:
            directory: the folder.
            target_size: height and width that all images get, in pixels.
            color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
            classes: names of the folders, in order of their numbers; `None`
                for all folders, sorted.
            class_mode: `"categorical"` for rows with a single one,
                `"sparse"` for numbers, `"binary"` for those of at most two
                classes, `"input"` for the images themselves, `"masks"` for
                masks of another folder, `None` for no targets.
            batch_size: as for `flow`.
            shuffle: as for `flow`. Give `False` for `predict`.
            seed: as for `flow`.
            save_to_dir: as for `flow`.
            save_prefix: as for `flow`.
            save_format: as for `flow`.
            follow_links: whether links to folders, inside `directory`, are
                entered.
            subset: as for `flow`.
            interpolation: how images are brought to `target_size`:
                `"nearest"`, `"bilinear"`, `"bicubic"`, `"hamming"`, `"box"`
                or `"lanczos"`.
            keep_aspect_ratio: whether images are cropped in the middle
                instead of distorted.
            broken: what to do with files that are no image: `"raise"` when
                they are read; `"warn"` or `"skip"`: read all files once now
                and leave them out, with or without a warning that names them.
                The attribute `broken_files` holds paths and reasons.
            max_pixels: largest width times height that is read. Default and
                upper limit: `PIL.Image.MAX_IMAGE_PIXELS`.
            exif_orientation: whether pictures of cameras are turned as their
                EXIF entry says.
            links_outside: whether links may lead out of `directory`.
            cache: whether images stay in memory once they are read and
                scaled: 1 byte for each pixel and channel; or a folder that
                they are written to, for this run and the next. A file that
                has changed is read again.
            groups: function from a file name, relative to `directory`, to its
                group; see `flow`.
            masks: folder with the masks of `class_mode="masks"`: files with
                the names of the images, with any ending, read as numbers (of
                a palette, the places in it). The images need no folders of
                classes then. Masks move as their images do.
            **options: as for `flow`.

        Returns:
            A `PyDataset` with the attributes `classes`, `class_indices`,
            `filenames`, `filepaths` and `samples`.

        Raises:
            ValueError: if no image is found, a link leads out of the folder,
                or an image cannot be read; the message names the file.
        """
        return FolderFlow(
            self,
            directory,
            classes=classes,
            class_mode=class_mode,
            follow_links=follow_links,
            subset=subset,
            groups=groups,
            masks=masks,
            reading={
                "target_size": target_size,
                "color_mode": color_mode,
                "interpolation": interpolation,
                "keep_aspect_ratio": keep_aspect_ratio,
                "broken": broken,
                "max_pixels": max_pixels,
                "exif_orientation": exif_orientation,
                "links_outside": links_outside,
                "cache": cache,
            },
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            **options,
        )

    def flow_from_dataframe(
        self,
        dataframe: Any,
        directory: str | PathLike[str] | None = None,
        x_col: str = "filename",
        y_col: str | Sequence[str] = "class",
        weight_col: str | None = None,
        target_size: Sequence[int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
        keep_aspect_ratio: bool = False,
        *,
        broken: str = "raise",
        max_pixels: int | None = None,
        exif_orientation: bool = False,
        links_outside: bool = False,
        cache: bool | str | PathLike[str] = False,
        groups: str | None = None,
        masks: str | PathLike[str] | None = None,
        **options: Any,
    ) -> ImageFlow:
        """Makes a data set of a table with file names and targets.

        Args:
            dataframe: pandas `DataFrame`, or anything whose `[name]` is a
                column, such as a dict of lists.
            directory: folder that the names start from and that they may not
                lead out of; `None` if they are whole paths.
            x_col: column with the file names.
            y_col: column with the targets; a list of columns for
                `class_mode="raw"` and `"multi_output"`.
            weight_col: column with sample weights, or `None`.
            target_size: as for `flow_from_directory`.
            color_mode: as for `flow_from_directory`.
            classes: names in order of their numbers; `None` for all that
                occur, sorted. Rows of other classes are left out.
            class_mode: as for `flow_from_directory`, or `"raw"` for the
                numbers of `y_col`, or `"multi_output"` for a list with one
                array per column. For `"categorical"` a target may be a list
                of names.
            batch_size: as for `flow`.
            shuffle: as for `flow`. Give `False` for `predict`.
            seed: as for `flow`.
            save_to_dir: as for `flow`.
            save_prefix: as for `flow`.
            save_format: as for `flow`.
            subset: as for `flow`: of the rows, in their order.
            interpolation: as for `flow_from_directory`.
            validate_filenames: whether rows whose file is missing or has
                another ending are left out, with a warning.
            keep_aspect_ratio: as for `flow_from_directory`.
            broken: as for `flow_from_directory`.
            max_pixels: as for `flow_from_directory`.
            exif_orientation: as for `flow_from_directory`.
            links_outside: as for `flow_from_directory`.
            cache: as for `flow_from_directory`.
            groups: column with the group of each row; see `flow`.
            masks: for `class_mode="masks"`, where `y_col` names the files of
                the masks: the folder that these names start from, `None` for
                `directory`.
            **options: as for `flow`.

        Returns:
            A `PyDataset`, as `flow_from_directory`.
        """
        return FrameFlow(
            self,
            dataframe,
            directory,
            x_col=x_col,
            y_col=y_col,
            weight_col=weight_col,
            classes=classes,
            class_mode=class_mode,
            validate_filenames=validate_filenames,
            subset=subset,
            groups=groups,
            masks=masks,
            reading={
                "target_size": target_size,
                "color_mode": color_mode,
                "interpolation": interpolation,
                "keep_aspect_ratio": keep_aspect_ratio,
                "broken": broken,
                "max_pixels": max_pixels,
                "exif_orientation": exif_orientation,
                "links_outside": links_outside,
                "cache": cache,
            },
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            **options,
        )
