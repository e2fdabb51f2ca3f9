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
from typing import NamedTuple

from keras_extras import _checks as checks
from keras_extras._errors import invalid_argument
from keras_extras.datasets.files import _download
from keras_extras.datasets.files._families import (
    COMPRESSIONS,
    Family,
    Published,
)

KINDS = ("train", "test", "both")


class Place(NamedTuple):
    """A file, or a member of an archive."""

    path: str
    member: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.member}" if self.member else self.path


class Request(NamedTuple):
    """What a loader was asked for, once it is checked."""

    owner: str
    path: str | None
    kind: str
    download: bool
    mirror: str | None
    verbose: bool

    @property
    def kinds(self) -> tuple[str, ...]:
        return ("train", "test") if self.kind == "both" else (self.kind,)

    def folder(self, family: Family) -> str:
        """Returns the folder that the files are in, or will be."""
        if self.path is not None:
            return self.path
        return os.path.join(cache_folder(), family.folder)


def checked_request(
    owner: str,
    path: object,
    kind: object,
    download: object,
    mirror: object,
    verbose: object,
) -> Request:
    """Returns the arguments that all loaders have, or raises."""
    if isinstance(path, str) and path in KINDS and kind == "both":
        path, kind = None, path  # load_mnist("train")
    return Request(
        owner,
        None if path is None else checks.file_path(owner, "path", path),
        checks.choice(owner, "kind", kind, KINDS),
        checks.boolean(owner, "download", download),
        None if mirror is None else _address(owner, mirror),
        checks.boolean(owner, "verbose", verbose),
    )


def _address(owner: str, mirror: object) -> str:
    text = checks.text(owner, "mirror", mirror)
    parts = urllib.parse.urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise invalid_argument(
            owner,
            "mirror",
            "an http:// or https:// address of a folder",
            mirror,
            fix="For a folder on this machine use path.",
        )
    return text if text.endswith("/") else f"{text}/"


def cache_folder() -> str:
    """Returns Keras's folder for data sets, which `KERAS_HOME` can move."""
    home = os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    return os.path.join(os.path.expanduser(home), "datasets")


def fetch_missing(family: Family, request: Request) -> None:
    """Downloads what is not there, and checks the published files that are."""
    with contextlib.suppress(FileExistsError):  # a file: said by _listing
        os.makedirs(request.folder(family), exist_ok=True)
    present = _listing(request.folder(family), request)
    wanted: dict[Published, None] = {}
    for kind in request.kinds:
        for content in ("images", "labels"):
            file = family.published(kind, content)
            others = set(family.names(kind, content)) & set(present)
            if file.name in present or not others:
                wanted[file] = None
    for file in wanted:
        path = os.path.join(request.folder(family), file.name)
        _fetch(family, file, path, request)


def locate(family: Family, kind: str, content: str, request: Request) -> Place:
    """Finds the file with the images or the labels of one kind."""
    folder = request.folder(family)
    present = _listing(folder, request)
    file = family.published(kind, content)
    names = family.names(kind, content)
    if request.download and file.name in names:
        names.insert(0, file.name)  # the one that was checked
    for name in names:
        if name in present:
            return Place(os.path.join(folder, name))
    if family.archive and file.name in present:
        return Place(os.path.join(folder, file.name), f"gzip/{names[1]}")
    raise _missing(family, kind, content, present, request)


def _listing(folder: str, request: Request) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except NotADirectoryError:
        raise invalid_argument(
            request.owner,
            "path",
            "a folder with the files",
            folder,
            context="It is a file.",
            fix="Pass the folder it is in; read one file with read_idx.",
            error=NotADirectoryError,
        ) from None
    except FileNotFoundError:
        if request.path is not None:
            raise
        return []


def _fetch(
    family: Family, file: Published, path: str, request: Request
) -> None:
    if request.path is not None and os.path.exists(path):
        # In the cache a wrong file is a broken download and is replaced; in
        # somebody's own folder it is theirs.
        if _download.is_genuine(path, file.size, file.sha256):
            return
        raise invalid_argument(
            request.owner,
            "path",
            f"a folder whose {file.name} is the published one, with "
            f"{file.size} bytes and the SHA-256 {file.sha256}",
            request.path,
            fix="Remove that file to download it, or leave out download=True "
            "to read it as it is.",
        )
    mirrors = (request.mirror,) if request.mirror else family.mirrors
    _download.fetch(
        path,
        [mirror + file.name for mirror in mirrors],
        size=file.size,
        sha256=file.sha256,
        owner=request.owner,
        verbose=request.verbose,
    )


def _missing(
    family: Family,
    kind: str,
    content: str,
    present: list[str],
    request: Request,
) -> Exception:
    names = [
        name
        for name in family.names(kind, content)
        if not name.endswith(COMPRESSIONS)
    ]
    if family.archive:
        names.append(family.archive.name)
    folder = request.folder(family)
    if request.path is not None:
        return invalid_argument(
            request.owner,
            "path",
            f"a folder with the {kind} {content}, in a file "
            f"{' or '.join(names)}, which may end in "
            f"{', '.join(COMPRESSIONS)} too",
            folder,
            context=_inventory(present),
            fix=_did_you_mean(names[0], present),
            error=FileNotFoundError,
        )
    wanted = family.files or (family.archive,)
    listed = ", ".join(
        f"{file.name} ({file.size} bytes)" for file in wanted if file
    )
    return invalid_argument(
        request.owner,
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
    if not close:
        return ""
    if close[0].endswith((".zst", ".zip", ".7z", ".Z")):
        return f"Unpack {close[0]} first."
    return f"Did you mean {close[0]}? Rename it to {name}."
