import contextlib
import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import keras
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras import _files
from keras_extras.datasets.files import _download
from tests.datasets.mirror import DEAD, cut, ok, serving, status

CONTENT = b"".join(i.to_bytes(4, "big") for i in range(30_000))
SIZE = len(CONTENT)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OTHER = CONTENT[::-1]


@pytest.fixture(autouse=True, scope="module")
def no_waiting():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "*")
        patch.setattr(_download, "_FIRST_PAUSE", 0.0)
        patch.setattr(_download, "_TIMEOUT", 5.0)
        patch.setattr(_download, "_GETTING_ON", 10_000)
        yield


@pytest.fixture
def mirror():
    with serving({"file.gz": CONTENT}) as server:
        yield server


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "file.gz")


def fetch(path, *urls, verbose=False):
    _download.fetch(
        path,
        [url + "file.gz" for url in urls],
        size=SIZE,
        sha256=SHA256,
        owner="load_it",
        verbose=verbose,
    )


def refusal(path, *urls):
    """Returns the words of the error; no file may be there after it."""
    with pytest.raises(ConnectionError) as caught:
        fetch(path, *urls)
    assert not os.path.exists(path)
    assert not os.path.exists(path + ".lock")
    return str(caught.value)


def is_whole(path):
    """Tells whether the file is there, and nothing else beside it."""
    with open(path, "rb") as file:
        content = file.read()
    return content == CONTENT and os.listdir(os.path.dirname(path)) == [
        os.path.basename(path)
    ]


# --- what is promised, whatever happens --------------------------------------


def wrong_part(handler):
    handler.answer(206, b"abc", {"Content-Range": f"bytes 5-7/{SIZE}"})
    return True


def too_much(handler):
    return handler.answer(200, CONTENT + b"x", length="none")


def another(handler):
    return handler.answer(200, OTHER)


def another_part(handler):
    """Goes on at the right place, with bytes of another file."""
    start = int((handler.headers["Range"] or "=0-")[:-1].split("=")[1])
    if not start:
        return handler.answer(200, OTHER[: SIZE // 2], length=SIZE)
    range_ = f"bytes {start}-{SIZE - 1}/{SIZE}"
    return handler.answer(206, OTHER[start:], {"Content-Range": range_})


FAULTS = st.one_of(
    st.sampled_from([another, another_part, ok, too_much, wrong_part]),
    st.builds(status, st.sampled_from([204, 403, 404, 416, 429, 500, 503])),
    st.builds(cut, st.integers(0, SIZE), st.sampled_from([CONTENT, OTHER])),
)


@given(
    faults=st.lists(FAULTS, max_size=6),
    ranges=st.booleans(),
    old=st.sampled_from([None, b"", CONTENT[:777], OTHER[:777], OTHER]),
    place=st.sampled_from(["", ".part"]),
)
def test_the_file_is_genuine_or_an_error_says_what_happened(
    tmp_path_factory, faults, ranges, old, place
):
    path = str(tmp_path_factory.mktemp("cache") / "file.gz")
    if old is not None:
        with open(path + place, "wb") as file:
            file.write(old)
    with serving({"file.gz": CONTENT}) as mirror:
        mirror.faults, mirror.ranges = faults, ranges
        said = None
        try:
            fetch(path, mirror.url)
        except ConnectionError as error:
            said = str(error)
    if said is None:
        assert is_whole(path)
    else:
        assert mirror.url in said
        assert SHA256 in said
        if os.path.exists(path):  # nothing came to replace it
            with open(path, "rb") as file:
                assert file.read() == old


@pytest.mark.parametrize("end", [0, 1, 777, SIZE - 1])
def test_a_cut_is_gone_on_from(mirror, path, end):
    mirror.faults = [cut(end, CONTENT)]
    fetch(path, mirror.url)

    assert is_whole(path)
    range_ = f"bytes={end}-" if end else None
    assert mirror.asked == [("file.gz", None), ("file.gz", range_)]
    # No byte twice. The server counts in a thread of its own.
    for _ in range(100):
        if mirror.sent == SIZE:
            break
        time.sleep(0.05)
    assert mirror.sent == SIZE


def test_a_later_call_goes_on_where_the_first_one_stopped(mirror, path):
    mirror.faults = [cut(5000, CONTENT), status(403)]
    assert "HTTP 403 Forbidden" in refusal(path, mirror.url)
    assert os.path.getsize(path + ".part") == 5000

    fetch(path, mirror.url)
    assert is_whole(path)
    assert mirror.asked[-1] == ("file.gz", "bytes=5000-")


def test_a_server_without_ranges_is_asked_for_the_whole_again(mirror, path):
    mirror.ranges = False
    mirror.faults = [cut(5000, CONTENT)]
    fetch(path, mirror.url)

    assert is_whole(path)
    assert mirror.sent == SIZE + 5000


def test_a_part_of_another_file_is_dropped(mirror, path):
    with open(path + ".part", "wb") as file:
        file.write(OTHER[:5000])
    fetch(path, mirror.url)

    assert is_whole(path)
    assert [range_ for _, range_ in mirror.asked] == ["bytes=5000-", None]


def test_a_whole_part_needs_no_server(path):
    with open(path + ".part", "wb") as file:
        file.write(CONTENT)
    fetch(path, DEAD)
    assert is_whole(path)


def test_a_genuine_file_needs_no_server(path):
    with open(path, "wb") as file:
        file.write(CONTENT)
    fetch(path, DEAD)
    assert is_whole(path)


def test_a_line_that_breaks_often_gets_there(mirror, path):
    def cut_part(handler):
        start = int((handler.headers["Range"] or "=0-")[:-1].split("=")[1])
        handler.answer(
            206 if start else 200,
            CONTENT[start : start + 11_000],
            {"Content-Range": f"bytes {start}-{SIZE - 1}/{SIZE}"},
            length=SIZE - start,
        )
        return True

    mirror.faults = [cut_part] * 10
    fetch(path, mirror.url)
    assert is_whole(path)
    assert mirror.sent == SIZE


def test_endless_nonsense_ends(mirror, path):
    mirror.faults = [cut(20_000, OTHER), another_part] * 1000
    refusal(path, mirror.url)
    assert len(mirror.asked) < 40


# --- servers that will not ---------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "words", "requests"),
    [
        (status(403), "HTTP 403 Forbidden", 1),
        (status(404), "HTTP 404 Not Found", 1),
        (status(410), "HTTP 410 Gone", 1),
        (status(204), "HTTP 204 No Content", 1),
        (status(429), "HTTP 429 Too Many Requests", 3),
        (status(503), "HTTP 503 Service Unavailable", 3),
        (cut(0, CONTENT), f"it was cut after 0 of {SIZE} bytes", 3),
        (another, "its file has another SHA-256", 1),
        (too_much, f"it sends more than {SIZE} bytes", 1),
        (wrong_part, "it sends another part than it was asked for", 3),
        (
            lambda handler: handler.answer(200, b"short"),
            f"its file has 5 bytes, not {SIZE}",
            1,
        ),
        (
            lambda handler: handler.answer(200, CONTENT, length=10**15),
            f"its file has {10**15} bytes, not {SIZE}",
            1,
        ),
        (
            lambda handler: handler.wfile.write(b"220 ftp ready\r\n") > 0,
            "BadStatusLine",
            3,
        ),
        (
            lambda handler: handler.answer(
                200, b"zz\r\n", {"Transfer-Encoding": "chunked"}, length="none"
            ),
            "IncompleteRead",
            3,
        ),
    ],
    ids=lambda value: None if callable(value) else str(value),
)
def test_what_a_server_does_is_said_and_asked_for_again_where_it_may_help(
    mirror, path, fault, words, requests
):
    mirror.faults = [fault] * 9
    said = refusal(path, mirror.url)

    assert f"{mirror.url}file.gz: {words}" in said
    assert len(mirror.asked) == requests


def test_no_more_than_the_file_is_ever_stored(mirror, path, monkeypatch):
    stored = []
    transfer = _download._transfer

    def watched(opener, url, part, *rest):
        try:
            return transfer(opener, url, part, *rest)
        finally:
            stored.append(os.path.getsize(part))

    monkeypatch.setattr(_download, "_transfer", watched)
    mirror.faults = [
        lambda handler: handler.answer(200, CONTENT * 20, length="none")
    ]
    refusal(path, mirror.url)
    assert stored == [0]


def test_the_error_says_what_to_put_where(path):
    said = refusal(path, DEAD)

    assert said.startswith("load_it: file.gz could not be downloaded.")
    assert f"{DEAD}file.gz: " in said
    assert f"{path} ({SIZE} bytes, SHA-256 {SHA256})" in said


def test_the_next_mirror_is_asked(mirror, path):
    with serving({}) as empty, serving({"file.gz": OTHER}) as wrong:
        fetch(path, DEAD, empty.url, wrong.url, mirror.url)
        assert is_whole(path)
        assert [len(server.asked) for server in (empty, wrong, mirror)] == [
            *(1, 1, 1)
        ]


def test_the_next_mirror_goes_on_where_the_first_was_cut(mirror, path):
    with serving({}) as first:
        first.faults = [cut(5000, CONTENT)]
        fetch(path, first.url, mirror.url)
    assert is_whole(path)
    assert mirror.asked == [("file.gz", "bytes=5000-")]


def test_pauses_double(path, monkeypatch):
    pauses = []
    monkeypatch.setattr(_download, "_FIRST_PAUSE", 1.0)
    monkeypatch.setattr(time, "sleep", pauses.append)
    refusal(path, DEAD)
    assert pauses == [1.0, 2.0]


def test_a_silent_server_is_left(path, monkeypatch):
    monkeypatch.setattr(_download, "_TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert "timed out" in refusal(path, url)
    # Nothing came, so there is nothing to go on with.
    assert not os.path.exists(path + ".part")


def test_a_server_that_hardly_sends_is_left(path, monkeypatch, mirror):
    def trickle(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(SIZE))
        handler.end_headers()
        with contextlib.suppress(OSError):  # until the other side has left
            for position in range(200):
                handler.wfile.write(CONTENT[position : position + 1])
                time.sleep(0.01)
        return True

    monkeypatch.setattr(_download, "_PATIENCE", 0.2)
    mirror.faults = [trickle] * 9
    start = time.monotonic()
    assert "too slowly" in refusal(path, mirror.url)
    assert time.monotonic() - start < 5


def test_a_wrong_part_of_full_length_is_not_blamed_on_the_server(mirror, path):
    with open(path + ".part", "wb") as file:
        file.write(OTHER)
    fetch(path, mirror.url)
    assert is_whole(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
def test_a_pipe_is_no_published_file(path):
    os.mkfifo(path)
    assert not _download.is_genuine(path, SIZE, SHA256)


# --- where a request may lead ------------------------------------------------


def elsewhere(url):
    return lambda handler: handler.answer(302, headers={"Location": url})


def test_a_redirect_is_followed_and_gone_on_from(mirror, path):
    with serving({}) as first:
        first.faults = [elsewhere(f"{mirror.url}file.gz")] * 2
        mirror.faults = [cut(5000, CONTENT)]
        fetch(path, first.url)
    assert is_whole(path)
    assert mirror.asked[-1] == ("file.gz", "bytes=5000-")


@pytest.mark.parametrize(
    "url", ["file:///etc/hostname", "ftp://127.0.0.1/f", "data:,abc", "//["]
)
def test_a_redirect_leads_to_no_other_protocol(mirror, path, url):
    mirror.faults = [elsewhere(url)] * 9
    refusal(path, mirror.url)


def test_a_circle_of_redirects_ends(mirror, path):
    mirror.faults = [elsewhere(f"{mirror.url}file.gz")] * 99
    assert "redirect" in refusal(path, mirror.url)


@pytest.mark.parametrize("url", ["http://a.org/f", "HTTP://a.org/f", "//a/f"])
def test_https_is_not_left(url):
    request = urllib.request.Request("https://example.org/file.gz")
    redirect = _download._Redirects()
    if url.startswith("//"):
        url = "http:" + url
    with pytest.raises(_download._RefusedError, match="out of https"):
        redirect.redirect_request(request, None, 302, "Found", {}, url)
    assert redirect.redirect_request(
        request, None, 302, "Found", {}, "https://b.org/g"
    )


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "data:,", "nothing"])
def test_only_http_is_spoken(path, url):
    refusal(path, url)


def test_no_file_of_this_machine_is_read(path, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "file.gz").write_bytes(CONTENT)
    refusal(path, f"{folder.as_uri()}/")


def test_a_certificate_that_is_none_is_final(path):
    # The mirror speaks no TLS at all, so the handshake fails.
    with serving({}) as mirror:
        said = refusal(path, mirror.url.replace("http:", "https:"))
    assert "SSL" in said or "EOF" in said or "reset" in said


# --- the disk ----------------------------------------------------------------


def test_a_full_disk_is_not_taken_for_a_bad_line(mirror, path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        fetch(path, mirror.url)
    assert not isinstance(caught.value, ConnectionError)
    assert len(mirror.asked) == 1
    assert not os.path.exists(path)


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="no such flag")
@pytest.mark.parametrize("end", [".part", ".lock"])
def test_a_link_leads_nowhere(mirror, path, tmp_path, end):
    precious = tmp_path / "precious"
    precious.write_bytes(b"mine")
    os.symlink(precious, path + end)

    with pytest.raises(OSError, match="symbolic link"):
        fetch(path, mirror.url)
    assert precious.read_bytes() == b"mine"


def test_an_interrupted_download_is_gone_on_from(mirror, path, monkeypatch):
    update = keras.utils.Progbar.update

    def interrupt(self, *args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(keras.utils.Progbar, "update", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch(path, mirror.url, verbose=True)
    assert os.path.getsize(path + ".part") > 0
    assert not os.path.exists(path)

    monkeypatch.setattr(keras.utils.Progbar, "update", update)
    fetch(path, mirror.url)
    assert is_whole(path)


# --- several at once ---------------------------------------------------------


def test_threads_share_one_download(mirror, path):
    gate = threading.Barrier(8)

    def one():
        gate.wait()
        fetch(path, mirror.url)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert is_whole(path)
    assert len(mirror.asked) == 1


def test_the_one_who_waited_holds_a_lock_that_others_see(path):
    seen = []

    def wait():
        with _download._alone(path):
            seen.append(os.path.exists(path + ".lock"))

    with _download._alone(path):
        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.2)
        assert not seen
    thread.join()
    assert seen == [True]


SCRIPT = """
import sys
from keras_extras.datasets.files import _download
_, path, url, size, sha256 = sys.argv
print("ready", flush=True)
sys.stdin.read(1)
_download.fetch(
    path, [url + "file.gz"], size=int(size), sha256=sha256, owner="child",
    verbose=False,
)
"""


def child(path, url):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, path, url, str(SIZE), SHA256],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def test_processes_share_one_download_and_one_outlives_the_other(mirror, path):
    holds, goes_on = threading.Event(), threading.Event()

    def slow(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(SIZE))
        handler.end_headers()
        handler.wfile.write(CONTENT[:5000])
        handler.wfile.flush()
        holds.set()
        goes_on.wait(20)
        return True

    mirror.faults = [slow]
    with child(path, mirror.url) as first, child(path, mirror.url) as second:
        first.stdin.write("x")
        first.stdin.flush()
        assert holds.wait(20)
        while not os.path.exists(path + ".part"):
            time.sleep(0.01)
        second.stdin.write("x")
        second.stdin.flush()
        time.sleep(0.3)
        assert second.poll() is None  # it waits
        assert len(mirror.asked) == 1

        first.kill()  # and gets the lock, and what the first one had
        assert second.wait(30) == 0
        goes_on.set()
    assert is_whole(path)
    assert len(mirror.asked) == 2


def test_without_locks_each_process_has_a_file_of_its_own(
    mirror, path, monkeypatch
):
    def no_locks(lock):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(_files, "_locked", no_locks)
    parts = []
    gather = _download._gather

    def watched(part, *rest):
        parts.append(part)
        return gather(part, *rest)

    monkeypatch.setattr(_download, "_gather", watched)
    fetch(path, mirror.url)
    with open(path, "rb") as file:
        assert file.read() == CONTENT
    assert parts == [f"{path}.{os.getpid()}.part"]


# --- the bar -----------------------------------------------------------------


@pytest.mark.parametrize("verbose", [True, False])
def test_the_bar_is_that_of_keras_and_can_be_turned_off(
    mirror, path, capsys, verbose
):
    fetch(path, mirror.url, verbose=verbose)
    shown = capsys.readouterr()
    assert (f"{SIZE}/{SIZE}" in shown.out) is verbose
    assert (f"asking for {mirror.url}" in shown.err) is verbose
    if not verbose:
        assert not shown.out
        assert not shown.err
