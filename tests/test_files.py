"""The old file or the new one, whatever happens in between."""

import os
import stat
import subprocess
import sys
import threading

import pytest

from keras_extras._files import draft_of, replaced


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
