"""Augmented batches of image files named in a table.

    file name, target, weight  ->  batches of images, targets and weights

The table is asked for its columns by name and for nothing else, so pandas is
not needed to read one.
"""

import os
import warnings
from collections.abc import Hashable, Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np

from keras_extras import _checks as checks
from keras_extras._errors import invalid_argument
from keras_extras.datasets.images import _image_files
from keras_extras.datasets.images._augmenter import ImageAugmenter
from keras_extras.datasets.images._flow import check_options
from keras_extras.datasets.images._folder_flow import (
    DIRECTORY_OPTIONS,
    MASKS,
    NAMED_MODES,
    FileFlow,
    check_binary,
    check_masks,
    class_list,
)
from keras_extras.datasets.images._standardize import OWNER
from keras_extras.datasets.images._subset import (
    subset_rows,
    warn_of_missing_classes,
)

_OWNER = f"{OWNER}.flow_from_dataframe"


class FrameFlow(FileFlow):
    """Gives batches of files named in a table; see `flow_from_dataframe`."""

    _method = _OWNER

    def __init__(
        self,
        generator: ImageAugmenter,
        dataframe: Any,
        directory: str | PathLike[str] | None,
        *,
        x_col: str,
        y_col: str | Sequence[str],
        weight_col: str | None,
        classes: Sequence[str] | None,
        class_mode: str | None,
        validate_filenames: bool,
        subset: str | None,
        groups: str | None,
        masks: str | PathLike[str] | None,
        reading: Mapping[str, Any],
        **flow: Any,
    ) -> None:
        flow = _without_old(flow)
        check_options(_OWNER, flow, _OPTIONS)
        self._read_as(generator, **reading)
        if class_mode == "other":
            warnings.warn(
                'class_mode="other" is called "raw" now.',
                FutureWarning,
                stacklevel=3,
            )
            class_mode = "raw"
        self.class_mode = checks.choice(
            OWNER,
            "class_mode",
            class_mode,
            (*NAMED_MODES, "input", "raw", "multi_output", MASKS, None),
        )
        check_masks(_OWNER, self.class_mode, masks, needed=False)
        self.directory = (
            checks.file_path(OWNER, "directory", directory)
            if directory not in (None, "")
            else None
        )
        column = _column(dataframe, "x_col", x_col)
        if not all(isinstance(file, str | PathLike) for file in column):
            raise invalid_argument(
                OWNER, "x_col", "a column of file names", x_col, error=TypeError
            )
        files = [os.fspath(file) for file in column]
        paths = [self._path(file) for file in files]
        keep = np.ones(len(files), bool)
        if checks.boolean(OWNER, "validate_filenames", validate_filenames):
            keep = self._valid(paths, x_col)
        labels = self._labels_of(dataframe, y_col, class_list(classes), keep)
        rows = np.flatnonzero(keep)
        rows = rows[self._readable([paths[row] for row in rows])]
        rows = rows[
            self._part_of(generator, subset, dataframe, groups, labels, rows)
        ]
        if not len(rows):
            raise ValueError(
                f"{_OWNER}: no image is left of the {len(files)} rows. Names "
                f"start from directory={directory!r}; classes={classes!r}, "
                f"subset={subset!r}."
            )
        self.filenames = [files[row] for row in rows]
        self.filepaths = [paths[row] for row in rows]
        if self.class_mode in NAMED_MODES:
            numbers = [labels[row] for row in rows]
            single = all(len(row) == 1 for row in numbers)
            self.classes = [row[0] for row in numbers] if single else numbers
        self._columns = _rows_of(self._columns, rows)
        if self.class_mode == MASKS:
            self._set_masks(_column(dataframe, "y_col", y_col), rows, masks)
        if weight_col is not None:
            self.sample_weight = _weights(dataframe, weight_col)[rows]
        super().__init__(generator, len(rows), subset=subset, **flow)

    def _set_masks(
        self,
        column: list[Any],
        rows: np.ndarray,
        masks: str | PathLike[str] | None,
    ) -> None:
        self.mask_directory = (
            self.directory
            if masks is None
            else checks.file_path(_OWNER, "masks", masks)
        )
        root = self.mask_directory or ""
        self.mask_paths = [
            os.path.join(root, os.path.expanduser(os.fspath(column[row])))
            for row in rows
        ]

    def _part_of(
        self,
        generator: ImageAugmenter,
        subset: str | None,
        dataframe: Any,
        groups: str | None,
        labels: list[list[int]],
        rows: np.ndarray,
    ) -> np.ndarray:
        """Returns which of the rows belong to a subset."""
        classes = None
        named = [labels[row] for row in rows] if labels else []
        if named and all(len(numbers) == 1 for numbers in named):
            classes = np.array([numbers[0] for numbers in named])
        elif self.class_mode == "raw" and self._columns.ndim == 1:
            classes = self._columns[rows] if generator.stratify else None
        group_of_row = None
        if groups is not None:
            column = _column(dataframe, "groups", groups)
            group_of_row = [column[row] for row in rows]
        part = subset_rows(
            generator,
            subset,
            len(rows),
            owner=_OWNER,
            classes=classes,
            groups=group_of_row,
        )
        if classes is not None and named:
            names = np.array(list(self.class_indices))[classes]
            warn_of_missing_classes(names, part, subset, _OWNER)
        return part

    def _labels_of(
        self,
        dataframe: Any,
        y_col: str | Sequence[str],
        classes: list[str] | None,
        keep: np.ndarray,
    ) -> list[list[int]]:
        """Reads the targets, by `class_mode`; drops rows of other classes.

        Returns:
            For each row the numbers of its classes, where they have names.
        """
        self._columns: Any = None
        if self.class_mode in NAMED_MODES:
            column = _column(dataframe, "y_col", y_col)
            named = [_names(label, self.class_mode) for label in column]
            self.class_indices = self._indices_of(named, keep, classes)
            labels = [
                [self.class_indices[n] for n in row if n in self.class_indices]
                for row in named
            ]
            keep &= [bool(row) for row in labels]
            return labels
        if self.class_mode == "multi_output" and isinstance(y_col, str):
            raise invalid_argument(
                OWNER,
                "y_col",
                'a list of columns for class_mode="multi_output"',
                y_col,
                error=TypeError,
            )
        if self.class_mode in ("multi_output", "raw"):
            several = isinstance(y_col, list | tuple)
            columns = [
                np.array(_column(dataframe, "y_col", name))
                for name in (y_col if several else [y_col])
            ]
            if self.class_mode == "multi_output":
                self._columns = columns
            else:
                self._columns = (
                    np.stack(columns, axis=-1) if several else columns[0]
                )
        return []

    def _path(self, file: str) -> str:
        if self.directory is None:
            return os.path.expanduser(file)
        path = os.path.join(self.directory, file)
        inside = None if self.links_outside else self.directory
        _image_files.check_inside(inside, path)
        return path

    def _valid(self, paths: list[str], x_col: str) -> np.ndarray:
        good = np.array(
            [
                _image_files.is_image(path) and os.path.isfile(path)
                for path in paths
            ],
            bool,
        )
        bad = np.flatnonzero(~good)
        if len(bad):
            warnings.warn(
                f"{_OWNER}: {len(bad)} of "
                f"{len(paths)} names in x_col={x_col!r} are no image files "
                f"that exist, and are left out. The first: {paths[bad[0]]!r}.",
                stacklevel=4,
            )
        return good

    def _indices_of(
        self,
        labels: list[tuple[str, ...]],
        keep: np.ndarray,
        classes: list[str] | None,
    ) -> dict[str, int]:
        if classes:
            names = list(dict.fromkeys(classes))
        else:
            kept = (labels[row] for row in np.flatnonzero(keep))
            names = sorted({name for row in kept for name in row})
        check_binary(self.class_mode, names)
        return {name: number for number, name in enumerate(names)}

    @property
    def labels(self) -> Any:
        """The targets of all files: class numbers, or what the table holds."""
        return self.classes if self._columns is None else self._columns


_OPTIONS = (
    *DIRECTORY_OPTIONS,
    *("x_col", "y_col", "weight_col", "validate_filenames"),
)
_OLD = {
    "has_ext": "the names in x_col have to be those of the files",
    "sort": "batches come in the order of the table with shuffle=False",
    "drop_duplicates": "use pandas.DataFrame.drop_duplicates",
}


def _without_old(options: dict[str, Any]) -> dict[str, Any]:
    """Returns the options without those that old Keras ignored as well."""
    for name in _OLD.keys() & options.keys():
        warnings.warn(
            f"{_OWNER}: {name} does nothing any more: {_OLD[name]}.",
            DeprecationWarning,
            stacklevel=4,
        )
    return {k: value for k, value in options.items() if k not in _OLD}


def _rows_of(columns: Any, rows: np.ndarray) -> Any:
    """Returns the chosen rows of an array, of a list of them, or of nothing."""
    if isinstance(columns, list):
        return [column[rows] for column in columns]
    return None if columns is None else columns[rows]


def _weights(dataframe: Any, weight_col: str) -> np.ndarray:
    weights = np.asarray(_column(dataframe, "weight_col", weight_col))
    if weights.dtype.kind not in "buif":
        raise invalid_argument(
            OWNER,
            "weight_col",
            "a column of numbers",
            weight_col,
            error=TypeError,
        )
    return weights


def _column(dataframe: Any, argument: str, name: Any) -> list[Any]:
    if not hasattr(dataframe, "__getitem__") or isinstance(dataframe, str):
        raise invalid_argument(
            _OWNER, "dataframe", "a table", dataframe, error=TypeError
        )
    if not isinstance(name, Hashable):
        raise invalid_argument(
            _OWNER, argument, "the name of a column", name, error=TypeError
        )
    try:
        return list(dataframe[name])
    except KeyError:
        there = list(getattr(dataframe, "columns", dataframe))
        raise invalid_argument(
            _OWNER, argument, f"a column of the table: {there}", name
        ) from None


def _names(label: Any, class_mode: str) -> tuple[str, ...]:
    """Returns a label as a tuple of names; of one name, unless categorical."""
    if isinstance(label, str):
        return (label,)
    if class_mode == "categorical" and isinstance(label, list | tuple):
        return tuple(label)
    kinds = "text, or lists of text" if class_mode == "categorical" else "text"
    raise invalid_argument(
        _OWNER,
        "y_col",
        f"a column of {kinds} for class_mode={class_mode!r}",
        label,
        fix="For numbers, use class_mode='raw', or make names of them: "
        "frame[column].astype(str).",
        error=TypeError,
    )
