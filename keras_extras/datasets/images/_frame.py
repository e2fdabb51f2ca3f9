"""Augmented batches of image files named in a table.

    file name, target, weight  ->  batches of images, targets and weights

The table is asked for its columns by name and for nothing else, so pandas is
not needed to read one.
"""

import os
import warnings
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np

from keras_extras import _errors
from keras_extras.datasets.images import _folder as folders
from keras_extras.datasets.images import _parameters as arguments
from keras_extras.datasets.images._augmenter import ImageAugmenter
from keras_extras.datasets.images._files import NAMED_MODES, FileFlow
from keras_extras.datasets.images._flow import subset_of


class FrameFlow(FileFlow):
    """Gives batches of files named in a table; see `flow_from_dataframe`."""

    def __init__(
        self,
        generator: ImageAugmenter,
        dataframe: Any,
        directory: str | PathLike | None,
        *,
        x_col: str,
        y_col: str | Sequence[str],
        weight_col: str | None,
        classes: Sequence[str] | None,
        class_mode: str | None,
        validate_filenames: bool,
        subset: str | None,
        reading: Mapping[str, Any],
        **flow: Any,
    ):
        self._read_as(generator, **reading)
        if class_mode == "other":
            warnings.warn(
                'class_mode="other" is called "raw" now.',
                FutureWarning,
                stacklevel=3,
            )
            class_mode = "raw"
        self.class_mode = arguments.choice(
            "class_mode",
            class_mode,
            (*NAMED_MODES, "input", "raw", "multi_output", None),
        )
        self.directory = None
        if directory is not None:
            self.directory = os.path.expanduser(os.fspath(directory))
        files = _column(dataframe, "x_col", x_col)
        if not all(isinstance(file, str | PathLike) for file in files):
            raise arguments.wrong(
                "x_col", "a column of file names", x_col, TypeError
            )
        files = [os.fspath(file) for file in files]
        paths = [self._path(file) for file in files]
        keep = np.ones(len(files), bool)
        if validate_filenames:
            keep = self._valid(paths, x_col)
        self._columns: Any = None
        labels: list[Any] = []
        if self.class_mode in NAMED_MODES:
            column = _column(dataframe, "y_col", y_col)
            labels = [_names(label, self.class_mode) for label in column]
            self.class_indices = self._indices_of(labels, keep, classes)
            keep &= [
                any(n in self.class_indices for n in row) for row in labels
            ]
        elif self.class_mode == "multi_output":
            if isinstance(y_col, str):
                raise arguments.wrong(
                    "y_col",
                    'a list of columns for class_mode="multi_output"',
                    y_col,
                    TypeError,
                )
            self._columns = [
                np.array(_column(dataframe, "y_col", one)) for one in y_col
            ]
        elif self.class_mode == "raw":
            several = [y_col] if isinstance(y_col, str) else y_col
            columns = [
                np.array(_column(dataframe, "y_col", one)) for one in several
            ]
            self._columns = (
                columns[0]
                if isinstance(y_col, str)
                else np.stack(columns, axis=-1)
            )
        rows = np.flatnonzero(keep)
        rows = rows[self._readable([paths[row] for row in rows])]
        rows = rows[subset_of(generator, subset, len(rows))]
        if not len(rows):
            raise ValueError(
                "ImageDataGenerator.flow_from_dataframe: no image is left of "
                f"the {len(files)} rows. Names start from "
                f"directory={directory!r}; classes={classes!r}, "
                f"subset={subset!r}."
            )
        self.filenames = [files[row] for row in rows]
        self.filepaths = [paths[row] for row in rows]
        if labels:
            numbers = [
                [
                    self.class_indices[n]
                    for n in labels[row]
                    if n in self.class_indices
                ]
                for row in rows
            ]
            single = all(len(row) == 1 for row in numbers)
            self.classes = [row[0] for row in numbers] if single else numbers
        if self.class_mode == "raw":
            self._columns = self._columns[rows]
        elif self.class_mode == "multi_output":
            self._columns = [column[rows] for column in self._columns]
        self.sample_weight = None
        if weight_col is not None:
            weights = np.asarray(_column(dataframe, "weight_col", weight_col))
            if weights.dtype.kind not in "buif":
                raise arguments.wrong(
                    "weight_col", "a column of numbers", weight_col, TypeError
                )
            self.sample_weight = weights[rows]
        super().__init__(generator, len(rows), **flow)

    def _path(self, file: str) -> str:
        if self.directory is None:
            return os.path.expanduser(file)
        path = os.path.join(self.directory, file)
        folders.check_inside(self.directory, path)
        return path

    def _valid(self, paths: list[str], x_col: str) -> np.ndarray:
        good = np.array(
            [folders.is_image(path) and os.path.isfile(path) for path in paths],
            bool,
        )
        bad = np.flatnonzero(~good)
        if len(bad):
            warnings.warn(
                f"ImageDataGenerator.flow_from_dataframe: {len(bad)} of "
                f"{len(paths)} names in x_col={x_col!r} are no image files "
                f"that exist, and are left out. The first: {paths[bad[0]]!r}.",
                stacklevel=4,
            )
        return good

    def _indices_of(
        self,
        labels: list[tuple[str, ...]],
        keep: np.ndarray,
        classes: Sequence[str] | None,
    ) -> dict[str, int]:
        if classes:
            names = list(dict.fromkeys(classes))
        else:
            kept = (
                row
                for row, is_kept in zip(labels, keep, strict=True)
                if is_kept
            )
            names = sorted({name for row in kept for name in row})
        if self.class_mode == "binary" and len(names) != 2:
            raise _errors.invalid_argument(
                "ImageDataGenerator",
                "class_mode",
                "'binary' for two classes only",
                self.class_mode,
                context=f"There are {len(names)} classes: {names[:10]}.",
            )
        return {name: number for number, name in enumerate(names)}

    @property
    def labels(self) -> Any:
        """The targets of all files: class numbers, or what the table holds."""
        return self.classes if self._columns is None else self._columns

    def weights_at(self, indices: np.ndarray) -> np.ndarray | None:
        """Returns the sample weights of these numbers, or `None`."""
        return (
            None if self.sample_weight is None else self.sample_weight[indices]
        )


def _column(dataframe: Any, argument: str, name: Any) -> list:
    try:
        return list(dataframe[name])
    except KeyError:
        there = list(getattr(dataframe, "columns", dataframe))
        raise _errors.invalid_argument(
            "ImageDataGenerator.flow_from_dataframe",
            argument,
            f"a column of the table: {there}",
            name,
        ) from None


def _names(label: Any, class_mode: str) -> tuple[str, ...]:
    """Returns a label as a tuple of names; of one name, unless categorical."""
    if isinstance(label, str):
        return (label,)
    if class_mode == "categorical" and isinstance(label, list | tuple):
        return tuple(label)
    kinds = "text, or lists of text" if class_mode == "categorical" else "text"
    raise _errors.invalid_argument(
        "ImageDataGenerator.flow_from_dataframe",
        "y_col",
        f"a column of {kinds} for class_mode={class_mode!r}",
        label,
        fix="For numbers, use class_mode='raw', or make names of them: "
        "frame[column].astype(str).",
        error=TypeError,
    )
