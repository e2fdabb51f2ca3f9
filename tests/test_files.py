"""The old file or the new one, whatever happens in between."""

import gc
import os
import pickle
import stat
import subprocess
import sys
import threading
import time

import pytest

from keras_extras._files import FileLock, draft_of, refuse_pipe, replaced


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("was", [None, b"old"])
def test_a_block_that_ends_replaces_the_file(tmp_path, was):
    path = tmp_path / "a.bin"
    if was is not None:
        path.write_bytes(was)
    with replaced(path) as file:
        file.write(b"new")
        assert not path.exists() or path.read_bytes() == was
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a.bin"]


def test_text_is_written_with_the_options_of_open(tmp_path):
    path = tmp_path / "a.txt"
    with replaced(str(path), "w", encoding="utf-16", newline="\r\n") as file:
        file.write("ä\n")
    assert path.read_bytes().decode("utf-16") == "ä\r\n"


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_block_that_raises_leaves_the_file(tmp_path, error):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def write():
        with replaced(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "a.bin", tmp_path / "link.bin"
    real.write_bytes(b"old")
    link.symlink_to(real)
    with replaced(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_a_file_keeps_its_permissions(tmp_path, mode):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    path.chmod(mode)
    with replaced(path) as file:
        file.write(b"new")
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path):
    with replaced(tmp_path / "a.bin"):
        pass
    (tmp_path / "b.bin").touch()
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="no devices")
def test_a_device_is_written_to():
    with replaced("/dev/null") as file:
        file.write(b"new")


def test_a_missing_folder_is_named_and_not_the_draft(tmp_path):
    path = tmp_path / "no" / "such" / "a.bin"
    with pytest.raises(FileNotFoundError) as caught, replaced(path):
        pass
    assert caught.value.filename == str(path)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(IsADirectoryError), replaced(tmp_path):
        pass


def test_a_draft_has_the_suffix_of_its_target(tmp_path):
    path = tmp_path / "model.keras"
    with draft_of(path) as draft:
        assert draft.suffix == ".keras"
        assert draft.parent == tmp_path
        draft.write_bytes(b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["model.keras"]


def test_writers_at_the_same_time_leave_one_whole_file(tmp_path):
    path = tmp_path / "a.bin"

    def write(number):
        for _ in range(20):
            with replaced(path) as file:
                file.write(bytes([number]) * 1000)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    content = path.read_bytes()
    assert len(content) == 1000
    assert len(set(content)) == 1
    assert names(tmp_path) == ["a.bin"]


def test_a_killed_writer_leaves_the_file(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    code = (
        "import os, sys\n"
        "from keras_extras._files import replaced\n"
        "with replaced(sys.argv[1]) as file:\n"
        "    file.write(b'half'); file.flush(); os._exit(9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)])
    assert done.returncode == 9
    assert path.read_bytes() == b"old"
    with replaced(path) as file:  # what was left behind is in nobody's way
        file.write(b"new")
    assert path.read_bytes() == b"new"


# --- locks and pipes ---------------------------------------------------------


def test_a_lock_has_one_owner(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "a")
    first, second = FileLock(tmp_path / "a"), FileLock(tmp_path / "link")
    assert first.acquire() is None
    assert first.acquire() is None  # it has it already
    assert second.acquire() == os.getpid()
    assert (first.is_held, second.is_held) == (True, False)
    second.release()  # which is not its own
    assert second.acquire() == os.getpid()
    copy = pickle.loads(pickle.dumps(first))
    assert not copy.is_held
    first.release()
    assert names(tmp_path) == ["link"]
    assert second.acquire() is None
    del second  # nobody can release it any more
    gc.collect()
    assert first.acquire() is None
    first.release()
    first.release()


def test_one_of_many_threads_has_the_lock_at_a_time(tmp_path):
    inside, most, done = [], [], []

    def work():
        lock = FileLock(tmp_path / "a")
        for _ in range(30):
            while lock.acquire() is not None:
                time.sleep(0)
            inside.append(1)
            most.append(len(inside))
            inside.pop()
            done.append(1)
            lock.release()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (max(most), len(done), names(tmp_path)) == (1, 180, [])


def test_a_lock_without_a_number_is_of_nobody_known(tmp_path):
    lock, other = FileLock(tmp_path / "a"), FileLock(tmp_path / "a")
    lock.acquire()
    (tmp_path / "a.lock").write_text("")
    assert other.acquire() == 0
    lock.release()
    with pytest.raises(OSError, match="missing"):
        FileLock(tmp_path / "missing" / "a").acquire()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name in ("pipe", "link"):
        with pytest.raises(OSError, match=f"{name} is a named pipe"):
            refuse_pipe(tmp_path / name)
        with (
            pytest.raises(OSError, match="is a named pipe"),
            replaced(tmp_path / name),
        ):
            pass
    refuse_pipe(tmp_path / "missing")
    hear, said = os.pipe()
    refuse_pipe(f"/dev/fd/{hear}")  # as the shell gives it
    os.close(hear)
    os.close(said)


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="no such flag")
def test_a_link_in_the_place_of_a_lock_leads_nowhere(tmp_path):
    precious = tmp_path / "precious"
    precious.write_bytes(b"mine")
    os.symlink(precious, tmp_path / "a.lock")
    with pytest.raises(OSError, match="symbolic link"):
        FileLock(tmp_path / "a").acquire()
    assert precious.read_bytes() == b"mine"
