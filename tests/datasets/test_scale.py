"""Data-parallel training, each kind in processes of its own.

The scripts `scale_*.py` count the images inside the training step and print
lines of JSON; here these are compared. The code of the pages
`docs/guides/scale_*.md` runs as it stands there.
"""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
SECONDS = 240  # for each process, on a busy machine
KINDS = ["arrays", "folder", "idx"]
ONCE = {"fewest": [1.0, 1.0], "most": [1.0, 1.0]}

# Another backend needs processes and frameworks that this run is not about.
on = {
    name: pytest.mark.skipif(
        keras.backend.backend() != name,
        reason=f"runs where Keras runs on {name}",
    )
    for name in ("jax", "tensorflow", "torch")
}


def run(*commands, folder):
    """Runs commands side by side; returns what each printed."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("XLA_FLAGS", "PYTHONWARNINGS")
    }
    environment |= {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(HERE)]),
        "SCALE_RESULTS": str(folder / "results"),
        "OMP_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    if sys.platform == "linux":
        environment["GLOO_SOCKET_IFNAME"] = "lo"
    running = [
        subprocess.Popen(
            [sys.executable, *map(str, command)],
            cwd=folder,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for command in commands
    ]
    try:
        printed = [one.communicate(timeout=SECONDS)[0] for one in running]
    finally:
        for one in running:
            one.kill()
            one.wait()
    for one, text in zip(running, printed, strict=True):
        assert one.returncode == 0, text[-3000:]
    return printed


def results(folder):
    """Returns what the scripts reported, by the name of the data set."""
    found = {}
    for path in folder.glob("results.*"):
        for line in path.read_text("utf-8").splitlines():
            result = json.loads(line)
            found.setdefault(result["name"], []).append(result)
    assert found
    for several in found.values():
        several.sort(key=lambda result: result.get("rank", 0))
    return found


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


TORCHRUN = [
    *("-m", "torch.distributed.run", "--standalone", "--local-addr"),
    *("127.0.0.1", "--nproc-per-node", "2"),
]


def page(name, number=0):
    """Returns a block of code of a page."""
    text = (ROOT / "docs" / "guides" / name).read_text("utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.S)[number]


def same(one, other, atol=1e-5):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


# --- the scripts -------------------------------------------------------------


@on["jax"]
def test_four_jax_devices_train_as_one(tmp_path):
    run([HERE / "scale_jax.py", tmp_path], folder=tmp_path)
    found = results(tmp_path)
    assert sorted(found) == KINDS
    for (result,) in found.values():
        assert result["devices"] == 4
        assert ONCE.items() <= result["history"].items()
        same(result["weights"], result["expected"])


@on["jax"]
def test_two_jax_processes_take_a_shard_each(tmp_path):
    for rank in range(2):
        (tmp_path / str(rank)).mkdir()
    port = free_port()
    run(
        *(
            [HERE / "scale_jax.py", tmp_path / str(rank), rank, 2, port]
            for rank in range(2)
        ),
        folder=tmp_path,
    )
    for first, second in results(tmp_path).values():
        assert (first["rank"], second["rank"]) == (0, 1)
        for result in (first, second):
            assert result["devices"] == 4
            assert ONCE.items() <= result["history"].items()
        assert first["weights"] == second["weights"]
        assert first["history"] == second["history"]


@on["tensorflow"]
def test_two_tensorflow_devices_train_as_one(tmp_path):
    run([HERE / "scale_tensorflow.py", tmp_path], folder=tmp_path)
    found = results(tmp_path)
    assert sorted(found) == KINDS
    for (result,) in found.values():
        history = result["history"]
        assert result["devices"] == 2
        assert ONCE.items() <= history.items()
        assert history["least_share"] == history["largest_share"] == [32, 32]
        for first, second in result["copies"]:
            assert first == second
        same(result["weights"], result["expected"])


@on["torch"]
def test_two_torch_processes_take_a_shard_each(tmp_path):
    run([*TORCHRUN, HERE / "scale_torch.py", tmp_path], folder=tmp_path)
    found = results(tmp_path)
    assert sorted(found) == KINDS
    for several in found.values():
        for items in (64, 61):
            pair = [one for one in several if one["items"] == items]
            assert [one["rank"] for one in pair] == [0, 1]
            assert [len(one["seen"]) for one in pair] == [8, 8]
            for epoch in (slice(0, 4), slice(4, 8)):
                seen = [
                    number
                    for one in pair
                    for batch in one["seen"][epoch]
                    for number in batch
                ]
                assert sorted(seen) == list(range(items))
            assert pair[0]["weights"] == pair[1]["weights"]
            if items == 64:
                same(pair[0]["weights"], pair[0]["expected"])


# --- the pages ---------------------------------------------------------------


@on["jax"]
def test_page_of_jax_runs(tmp_path):
    (tmp_path / "train.py").write_text(page("scale_jax.md"), "utf-8")
    run(["train.py"], folder=tmp_path)


@pytest.mark.full
@on["jax"]
def test_page_of_jax_runs_in_two_processes(tmp_path):
    (tmp_path / "train.py").write_text(page("scale_jax.md", 1), "utf-8")
    address = f"127.0.0.1:{free_port()}"
    printed = run(
        *(["train.py", address, 2, rank] for rank in range(2)), folder=tmp_path
    )
    weights = [
        re.findall(rf"^{rank} (\S+)$", text, re.M)
        for rank, text in enumerate(printed)
    ]
    assert len(weights[0]) == 1
    assert weights[0] == weights[1]


@on["tensorflow"]
def test_page_of_tensorflow_runs(tmp_path):
    (tmp_path / "train.py").write_text(page("scale_tensorflow.md"), "utf-8")
    run(["train.py"], folder=tmp_path)


@on["torch"]
def test_page_of_torch_runs(tmp_path):
    (tmp_path / "train.py").write_text(page("scale_torch.md"), "utf-8")
    run([*TORCHRUN, "train.py"], folder=tmp_path)
    assert (tmp_path / "trained.keras").exists()
