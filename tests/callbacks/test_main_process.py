"""Which process writes, by what starts processes."""

import json

import keras
import pytest

from keras_extras.callbacks import HistoryRecorder
from keras_extras.history import read_history
from tests.history.recording import recorded

NAMES = (
    "KERAS_DISTRIBUTION_PROCESS_ID",
    "JAX_PROCESS_ID",
    "RANK",
    "WORLD_SIZE",
    "TF_CONFIG",
)


def task(kind, index, *others):
    cluster = {name: ["localhost:1"] for name in (kind, *others)}
    return json.dumps(
        {"cluster": cluster, "task": {"type": kind, "index": index}}
    )


@pytest.mark.parametrize(
    ("environment", "writes"),
    [
        ({}, True),
        ({"KERAS_DISTRIBUTION_PROCESS_ID": "0"}, True),
        ({"KERAS_DISTRIBUTION_PROCESS_ID": "3"}, False),
        ({"JAX_PROCESS_ID": "1"}, False),
        ({"RANK": "1", "WORLD_SIZE": "2"}, False),
        ({"RANK": "0", "WORLD_SIZE": "2"}, True),
        ({"RANK": "1"}, True),  # of something else
        ({"RANK": "first", "WORLD_SIZE": "2"}, True),
        ({"TF_CONFIG": task("worker", 0)}, True),
        ({"TF_CONFIG": task("worker", 1)}, False),
        ({"TF_CONFIG": task("worker", 0, "chief")}, False),
        ({"TF_CONFIG": task("chief", 0, "worker")}, True),
        ({"TF_CONFIG": task("evaluator", 0)}, False),
        ({"TF_CONFIG": "{}"}, True),
        ({"TF_CONFIG": "not JSON"}, True),
        ({"TF_CONFIG": "[1]"}, True),
    ],
    ids=str,
)
def test_one_process_writes(environment, writes, monkeypatch, tmp_path):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "run.jsonl"
    recorder = recorded([(0, [{"loss": 1.0}])], HistoryRecorder(path))
    assert recorder.last_epoch == 1  # all of them remember
    assert path.exists() == writes
    if writes:
        assert read_history(path).last_epoch == 1


@pytest.mark.parametrize("shard", [0, 1])
def test_processes_numbered_in_python(shard, monkeypatch, tmp_path):
    class Distribution:
        data_shard_id = shard

    monkeypatch.setattr(keras.distribution, "distribution", Distribution)
    path = tmp_path / "run.jsonl"
    recorded([(0, [{"loss": 1.0}])], HistoryRecorder(path))
    assert path.exists() == (shard == 0)
