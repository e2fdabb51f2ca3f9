"""A published file, fetched from where it is published, whole or not at all.

    bytes in path = the bytes whose SHA-256 was given, or no file at path

The bytes go to `path + ".part"`, which a later call goes on with, and are
moved into place in one step after they were checked. Only http and https are
spoken, and https is never left for http.
"""

import contextlib
import errno
import hashlib
import http.client
import os
import re
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import keras.utils

from keras_extras._files import NO_LINKS, FileLock, put_in_place

_ROUNDS = 3  # times that each address is tried without getting on
_FIRST_PAUSE = 1.0  # seconds before the second round; doubles after each
_TIMEOUT = 15.0  # seconds without a byte
_PATIENCE = 45.0  # seconds in all for each `_STEP`, and for none
_STEP = 1 << 16  # bytes
_BLOCK = 1 << 18  # bytes taken at a time
_GETTING_ON = 1 << 20  # bytes that make a broken transfer worth going on with
_COME_AGAIN = {408, 425, 429}  # and all from 500: HTTP says "not now"


class _BrokenError(Exception):
    """It did not work this time: asking again may help."""


class _RefusedError(Exception):
    """This address will not give the file, however often it is asked."""


def fetch(
    path: str,
    urls: Sequence[str],
    *,
    size: int,
    sha256: str,
    owner: str,
    verbose: bool = True,
) -> None:
    """Downloads one file, unless it is there already and genuine.

    The addresses are tried in order, and again after a pause that doubles,
    while there is hope. What came before a cut is kept, and only the rest is
    asked for; a server that cannot give a part gives the whole again. A
    second process that wants the same file waits for the first. A file at
    `path` with another content is replaced.

    Args:
        path: where the file goes. Its folder is there.
        urls: addresses of the same file, http or https.
        size: length of the file in bytes. No more than that is ever stored.
        sha256: SHA-256 of the file, in 64 hexadecimal digits.
        owner: the function that the error speaks for.
        verbose: whether Keras's progress bar is shown.

    Raises:
        ConnectionError: if no address gives the file, with what each of them
            said and what to put where by hand.
        OSError: if the file cannot be written.
    """
    with _alone(path) as part:
        if is_genuine(path, size, sha256):
            return
        reasons = _gather(part, urls, size, sha256, verbose, owner)
        if reasons:
            if not _length(part):  # nothing to go on with
                with contextlib.suppress(OSError):
                    os.unlink(part)
            said = " ".join(f"{url}: {why}." for url, why in reasons.items())
            raise ConnectionError(
                f"{owner}: {os.path.basename(path)} could not be downloaded. "
                f"{said} Try again later, or put the file there yourself: "
                f"{path} ({size} bytes, SHA-256 {sha256})."
            )
        put_in_place(Path(part), Path(path))


def is_genuine(path: str, size: int | None, sha256: str) -> bool:
    """Returns whether a file is there and has this length and SHA-256."""
    # Not opened before it is known to be a file: a pipe would wait for ever.
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return size in (None, os.fstat(file.fileno()).st_size) and (
            hashlib.file_digest(file, "sha256").hexdigest() == sha256
        )


@contextlib.contextmanager
def _alone(path: str) -> Iterator[str]:
    """Gives the path to write to, to one process after the other."""
    lock = FileLock(path)
    try:
        while lock.acquire() is not None:
            time.sleep(0.1)
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link: somebody is up to something
            raise
        # Some network drives have no locks. Then each process has a file of
        # its own, which is safe, but is not resumed.
        yield f"{path}.{os.getpid()}.part"
        return
    try:
        yield path + ".part"
    finally:
        lock.release()


class _Patience:
    """The time until a transfer that does not get on is given up."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self._end = time.monotonic() + _PATIENCE

    @property
    def left(self) -> float:
        return self._end - time.monotonic()


def _gather(
    part: str,
    urls: Sequence[str],
    size: int,
    sha256: str,
    verbose: bool,
    owner: str,
) -> dict[str, str]:
    """Fills the part file; returns nothing, or why it is not full by URL."""
    reasons: dict[str, str] = {}
    hopeful = list(urls)
    opener = _opener()
    patience = _Patience()
    received = fails = 0
    while hopeful and fails < _ROUNDS and patience.left > 0:
        if fails:
            time.sleep(_FIRST_PAUSE * 2 ** (fails - 1))
        fails += 1
        for url in tuple(hopeful):
            before = _length(part)
            if verbose:
                _say(owner, url, reasons.get(url))
            try:
                _transfer(opener, url, part, size, verbose, patience)
                _check(part, size, sha256, resumed=before > 0)
                return {}
            except _BrokenError as error:
                reasons[url] = str(error)
            except _RefusedError as error:
                reasons[url] = str(error)
                hopeful.remove(url)
            gained = _length(part) - before
            received += max(gained, 0)
            # A line that breaks often still gets there. The second condition
            # ends it with a server that never stops sending nonsense.
            if gained >= _GETTING_ON and received < 2 * size:
                fails = 0
    return reasons


def _say(owner: str, url: str, reason: str | None) -> None:
    again = f" again ({reason})" if reason else ""
    print(f"{owner}: asking for {url}{again}", file=sys.stderr, flush=True)


def _length(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _opener() -> urllib.request.OpenerDirector:
    # Not `build_opener`, which also opens file:, data: and ftp: addresses.
    # Proxies are those of the environment, as for all of Python.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a server elsewhere, but not out of https."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if req.type == "https" and not newurl.lower().startswith("https:"):
            raise _RefusedError(f"it leads out of https, to {newurl}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _transfer(
    opener: urllib.request.OpenerDirector,
    url: str,
    part: str,
    size: int,
    verbose: bool,
    patience: _Patience,
) -> None:
    """Asks one address for what is missing, and stores it as it comes."""
    flags = os.O_RDWR | os.O_CREAT | NO_LINKS | getattr(os, "O_BINARY", 0)
    with open(os.open(part, flags, 0o666), "r+b") as file:
        have = file.seek(0, os.SEEK_END)
        if have == size:
            return
        if have > size:
            have = file.seek(0)
        timeout = min(_TIMEOUT, max(patience.left, 1))
        with _asked(opener, url, have, file, timeout) as response:
            have = goal = _start(response, have, size, file)
            bar = keras.utils.Progbar(size, interval=0.2)
            while True:
                piece = _piece(response)
                have += len(piece)
                if have > size:
                    file.truncate(0)
                    raise _RefusedError(f"it sends more than {size} bytes")
                if not piece:
                    break
                file.write(piece)
                if have >= goal:
                    patience.renew()
                    goal = have + _STEP
                elif patience.left < 0:
                    raise _BrokenError(f"it sends too slowly: {have} bytes")
                if verbose:
                    bar.update(have)
        if have < size:
            raise _BrokenError(f"it was cut after {have} of {size} bytes")


def _asked(
    opener: urllib.request.OpenerDirector,
    url: str,
    have: int,
    file: IO[bytes],
    timeout: float,
) -> Any:
    """Sends the request; gives the response to it."""
    headers = {"User-Agent": "keras-extras", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        request = urllib.request.Request(url, headers=headers)
        return opener.open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        reason = f"HTTP {error.code} {error.reason}"
        if error.code == 416:  # no such range: what we have is not its start
            file.truncate(0)
            raise _BrokenError(reason) from error
        if error.code in _COME_AGAIN or error.code >= 500:
            raise _BrokenError(reason) from error
        raise _RefusedError(reason) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise _RefusedError(str(error.reason)) from error
        raise _BrokenError(str(error.reason)) from error
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(repr(error)) from error
    except ValueError as error:  # an address that is none
        raise _RefusedError(str(error)) from error


def _start(response: Any, have: int, size: int, file: IO[bytes]) -> int:
    """Decides at which byte the answer begins, and moves the file there."""
    if response.status == 206:
        found = re.fullmatch(
            r"bytes (\d+)-\d+/(\d+|\*)",
            response.headers.get("Content-Range", "").strip(),
        )
        if found and int(found[1]) == have and found[2] in ("*", str(size)):
            return have
        file.truncate(0)
        raise _BrokenError("it sends another part than it was asked for")
    if response.status != 200:
        raise _RefusedError(f"HTTP {response.status} {response.reason}")
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and int(length) != size:
        raise _RefusedError(f"its file has {length} bytes, not {size}")
    file.truncate(0)
    return file.seek(0)


def _piece(response: Any) -> bytes:
    try:
        return response.read1(_BLOCK)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _BrokenError(repr(error)) from error


def _check(part: str, size: int, sha256: str, *, resumed: bool) -> None:
    if is_genuine(part, size, sha256):
        return
    os.unlink(part)
    reason = "its file has another SHA-256"
    if resumed:  # the first bytes may have come from elsewhere
        raise _BrokenError(reason)
    raise _RefusedError(reason)
