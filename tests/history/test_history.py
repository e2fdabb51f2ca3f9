"""Tables and files of a record: always the same eight columns."""

import csv
import errno
import math
import os
import stat

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_extras.callbacks import HistoryRecorder
from keras_extras.history import HistoryRow, TrainingHistory, read_history
from tests.history.recording import logged, recorded

COLUMNS = [
    "run",
    "epoch",
    "step",
    "seconds",
    "learning_rate",
    "metric",
    "split",
    "value",
]
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
rows = st.lists(
    st.builds(
        HistoryRow,
        st.integers(1, 9),
        st.integers(1, 9),
        st.integers(0, 99),
        st.floats(0, 99),
        st.floats(),
        names,
        st.sampled_from(["train", "validation", "batch", "running", "system"]),
        st.floats(),
    ),
    max_size=6,
)


@given(rows)
def test_all_tables_hold_the_rows(rows):
    history = TrainingHistory(rows)
    expected = repr([tuple(row) for row in rows])
    frame = history.to_frame()
    assert list(frame.columns) == COLUMNS
    assert repr(list(frame.itertuples(index=False, name=None))) == expected
    polars = history.to_frame(backend="polars")
    assert polars.columns == COLUMNS
    assert repr(polars.rows()) == expected
    assert [str(dtype) for dtype in polars.dtypes] == [
        *["Int64"] * 3, "Float64", "Float64", "String", "String", "Float64"
    ]  # fmt: skip


@given(rows)
def test_files_hold_the_rows(tmp_path_factory, rows):
    folder, history = tmp_path_factory.mktemp("rows"), TrainingHistory(rows)
    history.to_parquet(folder / "rows.parquet")
    frame = pd.read_parquet(folder / "rows.parquet")
    pd.testing.assert_frame_equal(
        frame, history.to_frame(), check_dtype=bool(rows)
    )
    history.to_csv(folder / "rows.csv")
    with (folder / "rows.csv").open(newline="", encoding="utf-8") as file:
        header, *lines = csv.reader(file)
    assert header == COLUMNS
    read = [
        HistoryRow(
            *map(int, line[:3]),
            *(float(number or "nan") for number in line[3:5]),
            *line[5:7],
            float(line[7] or "nan"),
        )
        for line in lines
    ]
    assert repr(read) == repr(rows)


def test_csv_of_a_metric_that_comes_late_shifts_nothing(tmp_path):
    epochs = [{"loss": 3.0}, {"loss": 2.0, "val_loss": 4.0}, {"loss": 1.0}]
    recorder = recorded([(0, epochs)])
    recorder.to_csv(tmp_path / "rows.csv")
    frame = pd.read_csv(tmp_path / "rows.csv")
    kept = frame[frame["split"].isin(["train", "validation"])]
    assert kept[["epoch", "metric", "split", "value"]].to_numpy().tolist() == [
        [1, "loss", "train", 3.0],
        [2, "loss", "train", 2.0],
        [2, "loss", "validation", 4.0],
        [3, "loss", "train", 1.0],
    ]
    assert frame["learning_rate"].isna().all()


def test_saved_and_found_again(tmp_path):
    recorder = recorded([(0, [{"loss": 1.0}, {"loss": math.nan}])])
    path = recorder.save(tmp_path / "m.keras")
    assert path.name == "m.keras.history.jsonl"
    again = read_history(tmp_path / "m.keras")
    assert repr(list(again.rows)) == repr(recorder.rows)
    assert list(again.runs) == recorder.runs
    again.save(path)  # over itself
    assert repr(read_history(path).rows) == repr(again.rows)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


WRITERS = {
    "save": (lambda history, path: history.save(path), "run.jsonl"),
    "csv": (lambda history, path: history.to_csv(path), "rows.csv"),
    "parquet": (lambda history, path: history.to_parquet(path), "rows.parquet"),
}
writers = pytest.mark.parametrize(
    ("write", "name"), WRITERS.values(), ids=WRITERS
)


@writers
def test_a_link_and_the_mode_of_its_file_are_kept(write, name, tmp_path):
    row = HistoryRow(1, 1, 8, 0.5, 0.01, "loss", "train", 0.25)
    real, link = tmp_path / f"real.{name}", tmp_path / name
    real.write_text("")
    real.chmod(0o600)
    link.symlink_to(real)
    write(TrainingHistory([row]), link)
    assert link.is_symlink()
    assert real.stat().st_size
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert sorted(tmp_path.iterdir()) == sorted([real, link])


@writers
def test_a_full_disk_leaves_what_was_there(write, name, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / name
    path.write_text("the old file")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="No space left"):
            write(TrainingHistory([]), path)
    assert path.read_text() == "the old file"
    assert list(tmp_path.iterdir()) == [path]


def test_what_another_process_left_is_not_taken_for_the_record(tmp_path):
    path = tmp_path / "run.jsonl"
    stale = recorded([(0, [{"loss": 9.0}])]).save(tmp_path / "stale.jsonl")
    stale.rename(tmp_path / f"run.jsonl.{os.getpid()}.part")
    recorded([(0, [{"loss": 1.0}])]).save(path)
    assert [row.value for row in logged(read_history(path).rows)] == [1.0]


def test_what_was_saved_goes_on(tmp_path):
    recorder = recorded([(0, [{"loss": 1.0}])])
    path = recorder.save(tmp_path / "m.keras")
    recorded([(1, [{"loss": 2.0}])], HistoryRecorder(path))
    assert read_history(path).last_epoch == 2


def test_nothing_recorded_is_an_empty_table(tmp_path):
    recorder = HistoryRecorder()
    assert recorder.last_epoch == 0
    assert recorder.to_frame().shape == (0, 8)
    recorder.to_csv(tmp_path / "rows.csv")
    assert (tmp_path / "rows.csv").read_text().strip() == ",".join(COLUMNS)
    path = recorder.save(tmp_path / "m.keras")
    assert read_history(path).rows == ()
    assert repr(read_history(path)) == (
        "TrainingHistory: 0 runs, 0 epochs, metrics none"
    )


def test_backend_is_checked():
    with pytest.raises(ValueError, match="backend must be one of"):
        HistoryRecorder().to_frame(backend="numpy")


@pytest.mark.parametrize(
    ("package", "extra", "call"),
    [
        ("pandas", "pandas", lambda history: history.to_frame()),
        ("polars", "polars", lambda history: history.to_frame("polars")),
        ("pyarrow", "parquet", lambda history: history.to_parquet("a")),
    ],
    ids=["pandas", "polars", "pyarrow"],
)
def test_what_is_missing_is_said(package, extra, call, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(ImportError, match=rf"keras-extras\[{extra}\]"):
        call(HistoryRecorder())
