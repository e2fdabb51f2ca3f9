"""Where the files of a data set are: in a folder, in the cache, not yet here.

    the folder given, or Keras's cache  ->  one file, or member of an archive

A file is looked for under every name that it goes by. What is missing is
downloaded, if that is asked for, and then only from an address of the table
in `_families` or from the mirror that was given.
"""

import contextlib
import difflib
import os
import urllib.parse
from collections.abc import Iterable
from typing import NamedTuple

from keras_extras import _errors
from keras_extras.datasets.files import _download
from keras_extras.datasets.files._families import Family, Published


class Place(NamedTuple):
    """A file, or a member of an archive."""

    path: str
    member: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.member}" if self.member else self.path


class Order(NamedTuple):
    """What a loader was asked for."""

    owner: str
    path: str | os.PathLike[str] | None
    download: bool
    mirror: str | None
    verbose: bool

    def folder(self, family: Family) -> str:
        """The folder that the files are in, or will be."""
        if self.path is not None:
            return os.path.expanduser(os.fsdecode(self.path))
        return os.path.join(cache_folder(), family.folder)


def cache_folder() -> str:
    """Keras's folder for data sets: of `KERAS_HOME`, or of the home folder."""
    home = os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    return os.path.join(os.path.expanduser(home), "datasets")


def fetch_missing(family: Family, kinds: Iterable[str], order: Order) -> None:
    """Downloads what is not there, and checks the published files that are."""
    with contextlib.suppress(FileExistsError):  # a file: said by _listing
        os.makedirs(order.folder(family), exist_ok=True)
    present = _listing(order.folder(family), order)
    wanted: dict[Published, None] = {}
    for kind in kinds:
        for content in ("images", "labels"):
            file = family.published(kind, content)
            others = set(family.names(kind, content)) & set(present)
            if file.name in present or not others:
                wanted[file] = None
    for file in wanted:
        path = os.path.join(order.folder(family), file.name)
        _fetch(family, file, path, order)


def locate(family: Family, kind: str, content: str, order: Order) -> Place:
    """Finds the file with the images or the labels of one kind."""
    folder = order.folder(family)
    present = _listing(folder, order)
    file = family.published(kind, content)
    names = family.names(kind, content)
    if order.download and file.name in names:
        names.insert(0, file.name)  # the one that was checked
    for name in names:
        if name in present:
            return Place(os.path.join(folder, name))
    if family.archive and file.name in present:
        return Place(os.path.join(folder, file.name), f"gzip/{names[1]}")
    raise _missing(family, kind, content, present, order)


def _listing(folder: str, order: Order) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except NotADirectoryError:
        raise _errors.invalid_argument(
            order.owner,
            "path",
            "a folder with the files",
            folder,
            context="It is a file.",
            fix="Pass the folder it is in; read one file with read_idx.",
            error=NotADirectoryError,
        ) from None
    except FileNotFoundError:
        if order.path is not None:
            raise
        return []


def _fetch(family: Family, file: Published, path: str, order: Order) -> None:
    if order.path is not None and os.path.exists(path):
        # In the cache a wrong file is a broken download and is replaced; in
        # somebody's own folder it is theirs.
        if _download.is_genuine(path, file.size, file.sha256):
            return
        raise _errors.invalid_argument(
            order.owner,
            "path",
            f"a folder whose {file.name} is the published one, with "
            f"{file.size} bytes and the SHA-256 {file.sha256}",
            order.path,
            fix="Remove that file to download it, or leave out download=True "
            "to read it as it is.",
        )
    mirrors = family.mirrors
    if order.mirror is not None:
        mirrors = (_checked(order.mirror, order.owner),)
    _download.fetch(
        path,
        [mirror + file.name for mirror in mirrors],
        size=file.size,
        sha256=file.sha256,
        owner=order.owner,
        verbose=order.verbose,
    )


def _checked(mirror: str, owner: str) -> str:
    parts = urllib.parse.urlsplit(mirror)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise _errors.invalid_argument(
            owner,
            "mirror",
            "an http:// or https:// address of a folder",
            mirror,
            fix="For a folder on this machine use path.",
        )
    return mirror if mirror.endswith("/") else f"{mirror}/"


def _missing(
    family: Family, kind: str, content: str, present: list[str], order: Order
) -> Exception:
    names = family.names(kind, content)
    if family.archive:
        names.append(family.archive.name)
    folder = order.folder(family)
    if order.path is not None:
        return _errors.invalid_argument(
            order.owner,
            "path",
            f"a folder with the {kind} {content}, in a file "
            f"{' or '.join(names)}",
            folder,
            context=_inventory(present),
            fix=_did_you_mean(names[0], present),
            error=FileNotFoundError,
        )
    wanted = family.files or (family.archive,)
    listed = ", ".join(
        f"{file.name} ({file.size} bytes)" for file in wanted if file
    )
    return _errors.invalid_argument(
        order.owner,
        "path",
        f"the folder with the {family.title} files, or None for those in "
        f"{folder}",
        None,
        context=f"There the {kind} {content} are missing.",
        fix=f"Use download=True, or put the files there: {listed}, from "
        f"{' or '.join(family.mirrors)}.",
        error=FileNotFoundError,
    )


def _inventory(present: list[str]) -> str:
    if not present:
        return "The folder is empty."
    more = f" and {len(present) - 10} more" if len(present) > 10 else ""
    return f"The folder has {', '.join(present[:10])}{more}."


def _did_you_mean(name: str, present: list[str]) -> str:
    # "train" and "t10k" files resemble each other: a close match of the
    # other kind would be a wrong hint.
    prefix = name.partition("-")[0]
    same_kind = [other for other in present if prefix in other]
    close = difflib.get_close_matches(name, same_kind, n=1)
    return f"Did you mean {close[0]}? Rename it to {name}." if close else ""
