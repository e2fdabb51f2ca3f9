"""IDX files into other forms of the same array, and back.

    .npy  .npz  .csv  folder of PNG files  IDX (any other name; .gz packs it)

The form is told by the name. Nothing is pickled, and nothing is lost but what
a form cannot hold, which is an error.
"""

import os
from pathlib import Path

_IMAGES = "images"  # the extra that brings Pillow
_MOST_PIXELS = 1 << 26


def load(path, *, shape=None, dtype=None, with_labels=False):
    """Reads an array in any of the forms.

    Args:
        path: file, or folder of PNG files.
        shape: sizes of one item, for CSV; `None` for a row of numbers.
        dtype: name of the dtype of numbers in CSV; `None` for uint8.
        with_labels: whether to read labels too: the first column of CSV, the
            subfolders of a folder, the second array of .npz.

    Returns:
        `(array, labels)`; `labels` is `None` unless asked for.
    """
    import numpy as np

    from keras_extras.datasets import read_idx

    form = form_of(path)
    if form == "csv":
        return _load_csv(path, shape, dtype or "uint8", with_labels)
    if form == "png":
        return _load_folder(path, with_labels)
    if form == "npz":
        with np.load(path, allow_pickle=False) as archive:
            names = archive.files
            if len(names) != 1 + with_labels:
                raise ValueError(
                    f"{path}: expected {1 + with_labels} arrays, found "
                    f"{', '.join(names) or 'none'}. Save those you mean in an "
                    ".npz of their own, images first."
                )
            arrays = [archive[name] for name in names]
        return arrays[0], arrays[1] if with_labels else None
    if with_labels:
        raise ValueError(
            f"{path}: {form or 'an IDX file'} holds one array. Leave out "
            "--labels; convert the file with the labels on its own."
        )
    if form == "npy":
        return np.load(path, allow_pickle=False), None
    return read_idx(path), None


def save(path, array, labels=None):
    """Writes an array, and labels if there are any, in any of the forms."""
    import numpy as np

    from keras_extras.datasets import write_idx

    form = form_of(path)
    if labels is not None and (
        labels.ndim != 1 or array.shape[:1] != labels.shape
    ):
        raise ValueError(
            f"labels of shape {labels.shape} do not fit to data of shape "
            f"{array.shape}: there must be one number for each item."
        )
    if form == "csv":
        _save_csv(path, array, labels)
    elif form == "png":
        _save_folder(path, array, labels)
    elif form == "npz":
        named = {"x": array} | ({} if labels is None else {"y": labels})
        np.savez_compressed(path, **named)
    elif form == "npy":
        np.save(path, array, allow_pickle=False)
    else:
        write_idx(path, array)


def form_of(path):
    """Returns the form that a name stands for; `""` is IDX."""
    name = os.fspath(path)
    if name.endswith(("/", os.sep)) or os.path.isdir(name):
        return "png"
    ending = os.path.splitext(name)[1].lower()
    return ending[1:] if ending in (".npy", ".npz", ".csv") else ""


def _load_csv(path, shape, dtype, with_labels):
    import numpy as np

    kind = np.dtype(dtype)
    with open(path, encoding="utf-8-sig") as file:
        first = file.readline()
        try:
            [float(word) for word in first.split(",")]
        except ValueError:
            skip = 1  # names of the columns
        else:
            skip = 0
    table = np.loadtxt(
        path, delimiter=",", skiprows=skip, ndmin=2, encoding="utf-8-sig"
    )
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        wrong = (table < limits.min) | (table > limits.max) | (table % 1 != 0)
        if wrong.any():
            row, column = (int(place) for place in np.argwhere(wrong)[0])
            raise ValueError(
                f"{path}: line {row + 1 + skip}, column {column + 1}: expected "
                f"a whole number from {limits.min} to {limits.max} ({dtype}), "
                f"found {table[row, column]:g}. Choose another --dtype."
            )
    table = table.astype(kind)
    labels = table[:, 0] if with_labels else None
    table = table[:, 1:] if with_labels else table
    if shape is None:
        return (table[:, 0] if table.shape[1] == 1 else table), labels
    if int(np.prod(shape)) != table.shape[1]:
        raise ValueError(
            f"{path}: expected {int(np.prod(shape))} numbers per line for "
            f"--shape {','.join(map(str, shape))}, found {table.shape[1]}. "
            "If the first is a label, name a file for them: --labels FILE."
        )
    return table.reshape(-1, *shape), labels


def _save_csv(path, array, labels):
    import numpy as np

    if array.ndim == 0:
        raise ValueError(f"{path}: a single number is no table.")
    table = array.reshape(len(array), int(np.prod(array.shape[1:])))
    if labels is not None:
        both = np.result_type(labels, table)
        table = np.column_stack([labels, table]).astype(both)
    exact = "%d" if table.dtype.kind in "iu" else "%.17g"
    np.savetxt(path, table, fmt=exact, delimiter=",")


def _load_folder(path, with_labels):
    import numpy as np

    from keras_extras import _errors

    pillow = _errors.import_optional(
        "PIL.Image", extra=_IMAGES, owner="keras-extras idx convert"
    )
    folder = Path(path)
    classes = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    if with_labels != bool(classes):
        raise ValueError(
            f"{path}: "
            + (
                f"has the classes {', '.join(classes[:10])}; name a file for "
                "the labels: --labels FILE."
                if classes
                else "expected a subfolder for each class, found none. Leave "
                "out --labels."
            )
        )
    # By number, then by class: the order that `save` wrote them from.
    files = sorted(
        folder.glob("*/*.png" if classes else "*.png"),
        key=lambda file: (file.name, file.parent.name),
    )
    if not files:
        raise ValueError(f"{path}: expected PNG files, found none.")
    images = []
    for file in files:
        with pillow.open(file, formats=("PNG",)) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise ValueError(
                    f"{file}: expected at most {_MOST_PIXELS} pixels, found "
                    f"{image.width} x {image.height}."
                )
            if image.mode not in ("L", "RGB", "RGBA"):
                image = image.convert("RGB" if image.mode == "P" else "L")
            images.append(np.asarray(image))
        if images[-1].shape != images[0].shape:
            raise ValueError(
                f"{file}: expected the shape of {files[0].name}, "
                f"{images[0].shape}, found {images[-1].shape}."
            )
    if not classes:
        return np.stack(images), None
    # Folders called 0, 1, 7 stand for the labels 0, 1, 7, even if 2 is not
    # there; others are numbered in the order of their names.
    numbered = all(name.isdecimal() for name in classes)
    numbers = {
        name: int(name) if numbered else index
        for index, name in enumerate(classes)
    }
    labels = [numbers[file.parent.name] for file in files]
    small = max(labels) < 256
    return np.stack(images), np.array(labels, "uint8" if small else "int32")


def _save_folder(path, array, labels):
    from keras_extras import _errors

    pillow = _errors.import_optional(
        "PIL.Image", extra=_IMAGES, owner="keras-extras idx convert"
    )
    gray = array.ndim == 3
    if array.dtype.name != "uint8" or not (
        gray or (array.ndim == 4 and array.shape[3] in (1, 3, 4))
    ):
        raise ValueError(
            "PNG files hold uint8 images (count, height, width) or (count, "
            f"height, width, 1, 3 or 4); these are {array.dtype}, shape "
            f"{array.shape}. Convert to .npy instead."
        )
    digits = len(str(max(len(array) - 1, 1)))
    for index, pixels in enumerate(array):
        folder = Path(path, "" if labels is None else str(labels[index]))
        folder.mkdir(parents=True, exist_ok=True)
        if not gray and pixels.shape[2] == 1:
            pixels = pixels[..., 0]
        image = pillow.fromarray(pixels)
        image.save(folder / f"{index:0{digits}d}.png")
