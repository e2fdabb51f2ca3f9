"""A file replaced as a whole: afterwards the old one is there, or the new one.

    draft beside the target -> flushed to the disk -> renamed over the target

Whatever happens in between (a full disk, an exception, a killed process), what
was there before is still there, whole. The draft has a name of its own that
nobody else has, so that two processes may write at the same time and nothing
that a dead process left behind is taken for content.

Who adds to a file instead holds its `FileLock`, so that nobody else does.
"""

import contextlib
import os
import secrets
import stat
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

StrPath = str | os.PathLike[str]

# A link in the place of a file that we are about to write would lead us
# elsewhere. Windows has no such flag, and links there need a privilege.
NO_LINKS = getattr(os, "O_NOFOLLOW", 0)


@contextlib.contextmanager
def replaced(
    path: StrPath, mode: str = "wb", **options: Any
) -> Iterator[IO[Any]]:
    """Opens a file for writing that replaces `path` when the block ends.

    Args:
        path: the file; its folder must exist. What a link points to is
            replaced, not the link. An existing file keeps its permissions.
        mode: `"wb"`, or `"w"` for text.
        **options: of `open`, such as `encoding` and `newline`.

    Yields:
        The open file. If the block raises, `path` is as it was.

    Raises:
        OSError: if the folder or the disk does not take the file. It names
            `path`, which is then as it was.
    """
    refuse_pipe(path)
    target = Path(path)
    if target.exists() and not target.is_file():
        # A pipe or a device holds nothing that could be lost. A folder raises.
        with open(target, mode, **options) as file:
            yield file
        return
    with draft_of(path) as draft, open(draft, mode, **options) as file:
        yield file


@contextlib.contextmanager
def draft_of(path: StrPath) -> Iterator[Path]:
    """Gives a path to write to, whose file replaces `path` afterwards.

    For libraries that want a path and not a file. See `replaced`.

    Args:
        path: the file that is replaced when the block ends.

    Yields:
        Path of an empty file in the same folder, with the same suffix.

    Raises:
        OSError: see `replaced`.
    """
    target = Path(os.path.realpath(path))
    token = secrets.token_hex(8)
    draft = target.with_name(f".{target.stem[:200]}.{token}{target.suffix}")
    try:
        # Exclusively: never somebody else's file. With the rights that a new
        # file of this user has.
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        with contextlib.suppress(FileNotFoundError):
            os.chmod(draft, stat.S_IMODE(os.stat(target).st_mode))
        yield draft
        put_in_place(draft, target)
    except OSError as error:
        if error.filename == str(draft):  # which the user has never heard of
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()


def refuse_pipe(path: StrPath) -> None:
    """Raises for a named pipe, which waits for ever if nobody else opens it.

    Raises:
        OSError: it names `path`, and says how to use it all the same.
    """
    place = os.path.realpath(path)
    # A pipe without a name, such as /dev/stdin, is open on both sides.
    if os.path.lexists(place) and stat.S_ISFIFO(os.lstat(place).st_mode):
        raise OSError(
            f"{os.fspath(path)} is a named pipe, which may never answer. Open "
            "it yourself, and pass the open file."
        )


def put_in_place(draft: Path, target: Path) -> None:
    """Renames a complete file over another one, durably."""
    with open(draft, "rb") as file:
        os.fsync(file.fileno())
    os.replace(draft, target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names of files durable, where folders can be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class FileLock:
    """Says to others that a file is being written; free when its owner dies.

    The system holds it, on a file with the end `.lock`, for one owner of all
    processes and threads. A process that is killed leaves that file, but not
    the lock. A forked child does not have the lock of its parent.

    Args:
        path: the file that is to be written; what a link points to.
    """

    def __init__(self, path: StrPath) -> None:
        self.path: str = os.path.realpath(path) + ".lock"
        self._key = object()  # in `_open_locks` while it is held

    @property
    def is_held(self) -> bool:
        """Whether this object has the lock, in this process."""
        return self._key in _open_locks

    def acquire(self) -> int | None:
        """Takes the lock, and does not wait.

        Returns:
            `None`, or the number of the process that has it; 0 if unknown.

        Raises:
            OSError: if there can be no locks in this place.
        """
        while not self.is_held:
            flags = os.O_RDWR | os.O_CREAT | NO_LINKS
            handle = os.open(self.path, flags, 0o666)
            try:
                if not _locked(handle):
                    holder = os.read(handle, 20)
                    os.close(handle)
                    return int(holder) if holder.isdigit() else 0
                # The one who had it removes the file when it is done: then
                # this is a lock on a file that nobody else can see.
                with contextlib.suppress(FileNotFoundError):
                    if os.path.samestat(os.fstat(handle), os.stat(self.path)):
                        os.ftruncate(handle, 0)
                        os.write(handle, b"%d" % os.getpid())
                        self._key = object()
                        _open_locks[self._key] = handle
                        weakref.finalize(self, _unlock, self._key, self.path)
                        return None
            except OSError:
                os.close(handle)
                raise
            os.close(handle)
        return None

    def release(self) -> None:
        """Gives the lock back, if it is held."""
        _unlock(self._key, self.path)

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_key": None}  # a copy does not have it


_open_locks: dict[object, int] = {}


def _locked(handle: int) -> bool:
    """Locks an open file, unless somebody else has."""
    try:
        if sys.platform == "win32":
            import msvcrt

            # A locked byte cannot be read: one behind the number.
            os.lseek(handle, 1 << 20, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    finally:
        os.lseek(handle, 0, os.SEEK_SET)
    return True


def _unlock(key: object, path: str) -> None:
    handle = _open_locks.pop(key, None)
    if handle is not None:
        with contextlib.suppress(OSError):
            os.unlink(path)
        os.close(handle)


def _forget_locks() -> None:
    # A lock lives until all that share it are closed, so that a child would
    # keep the one of a parent that was killed.
    for handle in _open_locks.values():
        os.close(handle)
    _open_locks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_locks)
