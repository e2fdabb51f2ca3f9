"""The journal: killed, torn, on a full disk, and read back."""

import errno
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import keras
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.callbacks import HistoryRecorder
from keras_extras.history import history_frame, history_path, read_history
from tests.history.killed_journal import numbers_of
from tests.history.recording import fit, logged, recorded, tiny_model

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
needs_kill = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="this system has no SIGKILL"
)


def is_same(left, right):
    return repr(left) == repr(right)  # NaN is NaN


# --- round trip --------------------------------------------------------------


@given(
    st.lists(
        st.dictionaries(
            st.text(st.characters(codec="utf-8"), min_size=1, max_size=5),
            st.floats(),
            max_size=3,
        ),
        max_size=4,
    )
)
def test_what_was_written_is_read(tmp_path_factory, epochs):
    path = tmp_path_factory.mktemp("journal") / "run.jsonl"
    recorder = recorded([(0, epochs)], HistoryRecorder(path))
    if not epochs:
        assert not path.exists()
        return
    history = read_history(path)
    assert is_same(list(history.rows), recorder.rows)
    assert list(history.runs) == recorder.runs
    again = HistoryRecorder(path)
    assert is_same(again.rows, recorder.rows)
    assert again.last_epoch == len(epochs)


def test_each_line_is_json_of_the_standard(tmp_path):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    path = tmp_path / "run.jsonl"
    epoch = {"loss": math.nan, "accuracy": math.inf, "f1": -math.inf}
    recorded([(0, [epoch])], HistoryRecorder(path))
    lines = path.read_text().splitlines()
    head, about, rows = [json.loads(x, parse_constant=refuse) for x in lines]
    assert head == {"format": "keras-extras training history", "version": 1}
    assert about["run"] == 1
    assert (rows["run"], rows["epoch"]) == (1, 1)


def test_a_training_goes_on_in_another_process(tmp_path):
    path = tmp_path / "deep" / "folder" / "m.keras"
    for epochs in (2, 1):
        fit(tiny_model(), [HistoryRecorder(path)], epochs=epochs)
    history = read_history(path)
    assert {(row.run, row.epoch) for row in history.rows} == {
        (1, 1),
        (1, 2),
        (2, 3),
    }
    assert [run["run"] for run in history.runs] == [1, 2]
    assert history_frame(path, details=True)["step"].tolist() == [2, 4, 6]


def test_it_stands_beside_the_model(tmp_path):
    model, file = tiny_model(), tmp_path / "m.keras"
    recorder = HistoryRecorder(file)
    fit(model, [recorder])
    model.save(file)
    assert history_path(file) == tmp_path / "m.keras.history.jsonl"
    keras.saving.load_model(file)
    assert read_history(file).rows == tuple(recorder.rows)


# --- killed ------------------------------------------------------------------


def test_cut_at_any_byte_it_has_lost_the_last_epoch_at_most(tmp_path):
    whole, path = tmp_path / "whole.jsonl", tmp_path / "run.jsonl"
    values = [0.5, math.nan, 3.0]
    recorded([(0, [{"loss": x} for x in values])], HistoryRecorder(whole))
    data = whole.read_bytes()
    ends = [i for i, byte in enumerate(data, start=1) if byte == ord("\n")]
    for length in range(len(data) + 1):
        path.write_bytes(data[:length])
        # After the header and the run stands a line per epoch.
        kept = sum(end <= length for end in ends[2:])
        rows = logged(read_history(path).rows)
        assert is_same([row.value for row in rows], values[:kept])
        if length % 7 and length != len(data):  # the rest is fast enough
            continue
        recorder = recorded([(kept, [{"loss": 9.0}])], HistoryRecorder(path))
        assert is_same(list(read_history(path).rows), recorder.rows)
        assert history_frame(path).index.tolist() == [*range(1, kept + 2)]


def kills(folder, files, number):
    """Returns path of the copy and last epoch that was done, for each kill."""
    ran = subprocess.run(
        [
            sys.executable,
            HERE / "killed_journal.py",
            *map(str, (folder, files, number)),
        ],
        capture_output=True,
        text=True,
        # No threads of a framework: the script forks.
        env={**os.environ, "KERAS_BACKEND": "numpy", "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    for line in ran.stdout.splitlines():
        path, done = line.rsplit(" ", 1)
        yield Path(path), int(done)


def check_kills(folder, files, number):
    found = list(kills(folder, files, number))
    assert len(found) == files * number
    for path, done in found:
        if not path.exists():
            assert done == 0
            continue
        rows = logged(read_history(path).rows)
        last = rows[-1].epoch if rows else 0
        # What is done is there; the next epoch may be there as well.
        assert done <= last <= done + 1
        values = [(row.epoch, row.value) for row in rows]
        assert values == [
            (epoch, value)
            for epoch in range(1, last + 1)
            for value in numbers_of(epoch)["loss"]
        ]


@needs_kill
def test_killed_at_random_moments_many_times(tmp_path):
    check_kills(tmp_path, files=2, number=12)


@needs_kill
@pytest.mark.full
def test_killed_at_random_moments_very_many_times(tmp_path):
    check_kills(tmp_path, files=50, number=20)


@needs_kill
def test_a_fit_that_is_killed_goes_on(tmp_path):
    path, done = tmp_path / "m.keras", 0
    for begun, seconds in ((3, 0.02), (1, 0.05)):
        child = subprocess.Popen(
            [sys.executable, HERE / "killed_training.py", path],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
        )
        lines = [child.stdout.readline() for _ in range(begun)]
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.readlines()
        child.stdout.close()
        assert child.wait() == -signal.SIGKILL
        done = int(lines[-1])
        frame = history_frame(path, details=True)
        assert list(frame.index) == list(range(1, len(frame) + 1))
        assert done <= len(frame) <= done + 1
        assert frame["step"].tolist() == [2 * epoch for epoch in frame.index]
        steps = history_frame(path, by="step")
        assert list(steps.index) == list(range(1, 2 * len(frame) + 1))
    assert frame["run"].nunique() == 2


# --- disks -------------------------------------------------------------------


def no_space(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_warns_once_and_what_is_missing_is_written_later(
    tmp_path, monkeypatch
):
    path = tmp_path / "run.jsonl"
    recorder = recorded([(0, [{"loss": 1.0}])], HistoryRecorder(path))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_space)
        with pytest.warns(UserWarning, match="No space left") as caught:
            recorded([(1, [{"loss": 2.0}, {"loss": 3.0}])], recorder)
    assert len(caught) == 1
    assert "Training goes on" in str(caught[0].message)
    assert history_frame(recorder)["loss"].tolist() == [1.0, 2.0, 3.0]
    recorded([(3, [{"loss": 4.0}])], recorder)
    assert is_same(list(read_history(path).rows), recorder.rows)


def test_what_was_half_written_is_cut_off(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "run.jsonl"
    recorder = recorded([(0, [{"loss": 1.0}])], HistoryRecorder(path))
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The next epoch does not fit: the system writes 100 bytes of it.
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, limits[1]))
    try:
        with pytest.warns(UserWarning, match="large"):
            recorded([(1, [{"loss": 2.0}])], recorder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    torn = path.read_bytes()
    assert torn.startswith(before)
    assert len(torn) == len(before) + 100
    assert [row.value for row in logged(read_history(path).rows)] == [1.0]
    recorded([(2, [{"loss": 3.0}])], recorder)
    assert history_frame(path)["loss"].tolist() == [1.0, 2.0, 3.0]


def test_ctrl_c_while_it_writes_leaves_no_half_line(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    path = tmp_path / "run.jsonl"
    recorder = recorded([(0, [{"loss": 1.0}])], HistoryRecorder(path))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            recorded([(1, [{"loss": 2.0}])], recorder)
    recorded([(2, [{"loss": 3.0}])], recorder)
    assert history_frame(path)["loss"].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_the_device_that_is_always_full(tmp_path):
    path = tmp_path / "run.jsonl"
    path.symlink_to("/dev/full")
    recorder, model = HistoryRecorder(path), tiny_model()
    with pytest.warns(UserWarning, match="No space left") as caught:
        fit(model, [recorder], epochs=3)
    assert len([w for w in caught if "No space" in str(w.message)]) == 1
    assert list(history_frame(recorder).index) == [1, 2, 3]


def test_a_path_that_cannot_be_written_warns_once(tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "run.jsonl"  # in a file, not in a folder
    recorder = HistoryRecorder(path)
    with pytest.warns(UserWarning, match="cannot be used") as caught:
        recorded([(0, [{"loss": 1.0}, {"loss": 2.0}])], recorder)
    assert len(caught) == 1
    assert history_frame(recorder)["loss"].tolist() == [1.0, 2.0]


def test_interrupted_fit_keeps_all_completed_epochs(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    path = tmp_path / "run.jsonl"
    with pytest.raises(KeyboardInterrupt):
        fit(tiny_model(), [HistoryRecorder(path), Stop()], epochs=5)
    assert list(history_frame(path).index) == [1, 2]


def test_the_file_stays_where_it_was_when_the_folder_changes(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    recorder = recorded([(0, [{"loss": 1.0}])], HistoryRecorder("run.jsonl"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    recorded([(1, [{"loss": 2.0}])], recorder)
    assert list(history_frame(tmp_path / "run.jsonl").index) == [1, 2]


# --- other files -------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [b"hello", b"hello\n", b"{}\n", b'{"run": 1}\n', b"\x00\xff\n", b"[1]\n\n"],
    ids=str,
)
def test_another_file_is_refused_and_never_touched(data, tmp_path):
    path = tmp_path / "notes.jsonl"
    path.write_bytes(data)
    for reader in (read_history, HistoryRecorder):
        with pytest.raises(ValueError, match="path must be a training history"):
            reader(path)
    assert path.read_bytes() == data


def test_a_later_version_is_refused(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_text(
        '{"format": "keras-extras training history", "version": 2}\n'
    )
    with pytest.raises(ValueError, match="newer keras-extras"):
        read_history(path)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        '{"epoch": 1}',
        '{"run": 1, "epoch": 1, "rows": [[1, 2]]}',
        '{"run": 1, "epoch": null, "rows": []}',
        '{"run": 1, "epoch": 1, "rows": [[1, 0, 0, "loss", "train", "much"]]}',
        '{"run": 1, "epoch": 1, "rows": [[1, 0, 0, 7, "train", 0.5]]}',
        '{"run": 1, "epoch": 1, "rows": [[1, 0, 0, "loss", null, 0.5]]}',
        '{"run": 1, "epoch": 1e999, "rows": []}',
        '{"run": 1, "epoch": 1.5, "rows": []}',
        '{"run": true, "epoch": 1, "rows": []}',
        '{"run": -1, "started": ""}',
        f'{{"run": 1, "epoch": 1{"0" * 400}, "rows": []}}',
        f'{{"run": 1{"0" * 30}, "started": ""}}',
        f'{{"run": 1, "epoch": 1{"0" * 9000}, "rows": []}}',
        '{"run": 1, "epoch": 1, "rows": [[1e999, 0, 0, "loss", "train", 0]]}',
        '{"run": 1, "epoch": 1, "rows": [[1, 0, 0, "a", "train", '
        f"1{'0' * 400}]]}}",
        "[" * 100_000,
        f'{{"run": 1, "deep": {"[" * 900}{"]" * 900}}}',
        '{"run": 1, "epoch": 1, "rows": ' + "[" * 50_000,
        "null",
    ],
)
def test_a_spoiled_line_is_left_out_with_a_warning(line, tmp_path):
    path = tmp_path / "run.jsonl"
    recorded([(0, [{"loss": 1.0}, {"loss": 2.0}])], HistoryRecorder(path))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], line, *lines[3:]]) + "\n")
    with pytest.warns(UserWarning, match="left out"):
        history = read_history(path)
    assert history_frame(history)["loss"].tolist() == [1.0, 2.0]


NAMES = st.one_of(
    st.text(max_size=5),
    st.integers(),
    st.none(),
    st.just("\ud800"),
    st.tuples(st.integers(), st.text(max_size=2)),
)
NUMBERS = st.one_of(
    st.floats(),
    st.sampled_from([1e308, -1e308, 5e-324, 10**400, 10**5000, "text", None]),
    st.integers(),
)


@given(st.lists(st.dictionaries(NAMES, NUMBERS, max_size=3), max_size=3))
@pytest.mark.filterwarnings("ignore:.*is not a number:UserWarning")
def test_no_log_ends_a_training_or_a_record(tmp_path_factory, epochs):
    path = tmp_path_factory.mktemp("logs") / "run.jsonl"
    recorder = recorded([(0, epochs)], HistoryRecorder(path))
    if not epochs:
        return
    history = read_history(path)
    assert is_same(list(history.rows), recorder.rows)
    assert len(history_frame(path)) == len(history_frame(recorder))
    recorder.to_csv(path.with_suffix(".csv"))
    assert all(isinstance(row.metric, str) for row in recorder.rows)


JUNK = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"[" * 5000, b'{"run":1e999}', b"\xff", b"\0" * 9, b""]),
    st.builds(
        lambda value: json.dumps(value).encode(),
        st.recursive(
            st.one_of(
                st.none(),
                st.booleans(),
                st.integers(-(10**400), 10**400),
                st.floats(),
                st.sampled_from(["run", "epoch", "rows", "loss", "\ud800"]),
            ),
            lambda inner: st.one_of(
                st.lists(inner, max_size=6),
                st.dictionaries(
                    st.sampled_from(["run", "epoch", "rows", "x"]), inner
                ),
            ),
            max_leaves=12,
        ),
    ),
)


@given(st.lists(st.tuples(st.integers(1, 4), JUNK), max_size=4))
@pytest.mark.filterwarnings("ignore:.*is left out:UserWarning")
def test_lines_of_any_bytes_cost_no_other_line(tmp_path_factory, junk):
    path = tmp_path_factory.mktemp("junk") / "run.jsonl"
    recorded([(0, [{"loss": 1.0}, {"loss": 2.0}])], HistoryRecorder(path))
    lines = path.read_bytes().split(b"\n")
    for place, line in junk:
        lines.insert(place, line)
    path.write_bytes(b"\n".join(lines))
    history = read_history(path)
    values = [row.value for row in history.rows if row.metric == "loss"]
    assert [value for value in values if value in (1.0, 2.0)][:2] == [1.0, 2.0]
    history_frame(history)
    history.save(path.with_name("again.jsonl"))
    assert is_same(
        list(read_history(path.with_name("again.jsonl")).rows),
        list(history.rows),
    )


def test_another_line_in_the_place_of_a_torn_one_is_not_cut_off(tmp_path):
    path = tmp_path / "run.jsonl"
    recorded([(0, [{"loss": 1.0}])], HistoryRecorder(path))
    whole = path.read_bytes()

    class Disturbed(HistoryRecorder):
        def on_epoch_begin(self, epoch, logs=None):
            super().on_epoch_begin(epoch, logs)
            path.write_bytes(whole + b'{"run":2,"epoc')  # without the lock

    path.write_bytes(whole + b'{"run":1,"epoch"')
    with pytest.warns(UserWarning, match="another program has changed it"):
        recorded([(0, [{"loss": 2.0}])], Disturbed(path))
    assert path.read_bytes() == whole + b'{"run":2,"epoc'


def test_what_a_dead_process_has_torn_is_cut_off(tmp_path):
    path = tmp_path / "run.jsonl"
    recorded([(0, [{"loss": 1.0}])], HistoryRecorder(path))
    recorder = HistoryRecorder(path)
    with path.open("ab") as file:
        file.write(b'{"run":1,"epoch"')  # after it was read
    recorded([(0, [{"loss": 2.0}])], recorder)
    values = [r.value for r in read_history(path).rows if r.metric == "loss"]
    assert values == [1.0, 2.0]


def test_no_record_is_said_so(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"m\.keras\.history\.jsonl"):
        read_history(tmp_path / "m.keras")


# --- several writers ---------------------------------------------------------


def epochs_of(path):
    return [row.epoch for row in logged(read_history(path).rows)]


@pytest.mark.parametrize("torn", [b"", b'{"run":1,"ep'])
def test_a_second_recorder_goes_on_after_the_first(tmp_path, torn):
    path = tmp_path / "run.jsonl"
    recorded([(0, [{"loss": 1.0}])], HistoryRecorder(path))
    path.write_bytes(path.read_bytes() + torn)
    first, second = HistoryRecorder(path), HistoryRecorder(path)
    recorded([(0, [{"loss": 2.0}, {"loss": 3.0}])], first)
    recorded([(0, [{"loss": 4.0}])], second)
    recorded([(0, [{"loss": 5.0}])], first)
    assert history_frame(path)["loss"].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert is_same(list(read_history(path).rows), first.rows)
    assert [run["run"] for run in read_history(path).runs] == [1, 2, 3, 4]
    assert [file.name for file in tmp_path.iterdir()] == ["run.jsonl"]


def test_two_recorders_of_one_training_are_refused_before_it(tmp_path):
    path = tmp_path / "run.jsonl"
    both = [HistoryRecorder(path), HistoryRecorder(path)]
    with pytest.raises(RuntimeError, match=f"of process {os.getpid()}"):
        fit(tiny_model(), both)
    assert not path.exists()
    fit(tiny_model(), [both[0]])  # and the path can be used again
    assert epochs_of(path) == [1] * 4


def test_a_recorder_follows_one_that_was_interrupted(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    path = tmp_path / "run.jsonl"
    first = HistoryRecorder(path)
    with pytest.raises(KeyboardInterrupt):
        fit(tiny_model(), [first, Stop()], epochs=5)
    second = HistoryRecorder(path)
    fit(tiny_model(), [second])
    fit(tiny_model(), [first])
    assert sorted(set(epochs_of(path))) == [1, 2, 3]


def test_another_thread_is_told_who_writes(tmp_path):
    path, errors = tmp_path / "run.jsonl", []
    first = HistoryRecorder(path)
    first.on_train_begin()

    def train():
        try:
            recorded([(0, [{"loss": 9.0}])], HistoryRecorder(path))
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert f"process {os.getpid()} (this one)" in errors[0]
    recorded([(0, [{"loss": 1.0}])], first)
    assert epochs_of(path) == [1]


SECOND = """
import sys
from keras_extras.callbacks import HistoryRecorder
from tests.history.recording import recorded
recorded([(0, [{"loss": 9.0}])], HistoryRecorder(sys.argv[1]))
"""


def run_second(path):
    return subprocess.run(
        [sys.executable, "-c", SECOND, str(path)],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "numpy", "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    )


def test_another_process_is_told_who_writes(tmp_path):
    path = tmp_path / "run.jsonl"
    first = recorded([(0, [{"loss": 1.0}])], HistoryRecorder(path))
    first.on_train_begin()
    ran = run_second(path)
    assert ran.returncode
    assert f"recorder of process {os.getpid()}. Give each" in ran.stderr
    first.on_train_end()
    assert run_second(path).returncode == 0
    assert epochs_of(path) == [1, 2]
    assert [file.name for file in tmp_path.iterdir()] == ["run.jsonl"]


@needs_kill
def test_the_lock_of_a_dead_process_is_taken_over(tmp_path):
    path = tmp_path / "run.jsonl"
    hear, said = os.pipe()
    child = os.fork()
    if not child:
        try:
            recorder = HistoryRecorder(path)
            recorder.on_train_begin()
            # A worker of the child, which outlives it and has its files open.
            if os.fork():
                os.write(said, b"ready")
            time.sleep(60)
        finally:
            os._exit(1)
    assert os.read(hear, 5) == b"ready"
    with pytest.raises(RuntimeError, match=f"of process {child}"):
        HistoryRecorder(path).on_train_begin()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert (tmp_path / "run.jsonl.lock").exists()
    recorded([(0, [{"loss": 1.0}])], HistoryRecorder(path))
    assert epochs_of(path) == [1]


@needs_kill
def test_a_forked_child_does_not_write_for_its_parent(tmp_path):
    path = tmp_path / "run.jsonl"
    recorder = HistoryRecorder(path)
    recorder.on_train_begin()
    child = os.fork()
    if not child:
        try:
            recorder.on_train_begin()
        except RuntimeError:
            recorder.on_train_end()
            os._exit(7)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert (tmp_path / "run.jsonl.lock").exists()
    recorded([(0, [{"loss": 1.0}])], recorder)
    assert epochs_of(path) == [1]


@pytest.mark.parametrize("other", [b"{}\n", b'{"run":1', b"x" * 400])
def test_what_was_not_read_is_never_cut_off(tmp_path, other):
    path = tmp_path / "run.jsonl"
    recorder = recorded([(0, [{"loss": 1.0}])], HistoryRecorder(path))
    recorder.on_train_begin()
    path.write_bytes(path.read_bytes() + other)  # an older version, an editor
    before = path.read_bytes()
    recorder.on_epoch_begin(0)
    with pytest.warns(UserWarning, match="another program has changed it"):
        recorder.on_epoch_end(0, {"loss": 2.0})
    assert path.read_bytes() == before
    assert history_frame(recorder)["loss"].tolist() == [1.0, 2.0]
    recorder.save(tmp_path / "saved.jsonl")
    assert epochs_of(tmp_path / "saved.jsonl") == [1, 2]


def test_a_file_that_was_removed_is_begun_again(tmp_path):
    path = tmp_path / "run.jsonl"
    recorder = recorded([(0, [{"loss": 1.0}])], HistoryRecorder(path))
    path.unlink()
    recorded([(1, [{"loss": 2.0}])], recorder)
    assert list(history_frame(path).index) == [2]
