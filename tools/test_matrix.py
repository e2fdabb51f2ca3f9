"""Installs the built wheel with chosen versions and uses it as a stranger does.

    python tools/test_matrix.py lowest/jax newest/torch

A lane is a set of versions and a backend. `lowest` installs exactly the lower
bounds of `pyproject.toml`, `newest` the versions of `constraints.txt`. Each
lane gets an environment of its own, with the wheel and nothing else that is
ours, and runs away from the checkout: the demo, every layer, and the files that
older versions have written. Needs a package index. Standard library only.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LANES = [
    f"{versions}/{backend}"
    for versions in ("lowest", "newest")
    for backend in ("jax", "torch", "tensorflow")
]
# What runs the tests; all else is the wheel's own business.
RUNNERS = ["pytest", "hypothesis", "sybil", "scikit-learn", "scipy>=1.11"]
TESTS = [
    "tests/test_golden.py",
    "tests/test_all_layers.py",
    "tests/test_registration.py",
]
EXTRAS = ("plot", "pandas", "images")


def requirements(versions: str, backend: str) -> list[str]:
    """Returns what pip is asked for besides the wheel."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    wanted = list(project["dependencies"])
    for extra in (backend, *EXTRAS):
        wanted += optional[extra]
    if versions == "newest":
        return wanted
    return [
        re.sub(r">=([^,]+).*", r"==\1", requirement) for requirement in wanted
    ]


def run(command: list[str], folder: Path, backend: str) -> None:
    """Runs a command as a stranger would, without a word of this checkout."""
    hidden = ("PYTHONPATH", "KERAS_BACKEND", "KERAS_HOME")
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    environment["KERAS_BACKEND"] = backend
    subprocess.run(command, cwd=folder, env=environment, check=True)


def build_wheel(folder: Path) -> Path:
    """Builds the wheel; returns its path."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT],
        check=True,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def run_lane(lane: str, wheel: Path, folder: Path) -> None:
    """Installs one lane and uses it; raises if anything fails."""
    versions, backend = lane.split("/")
    subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
    python = str(folder / "env" / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "-q"]
    chosen = requirements(versions, backend)
    if versions == "newest":
        chosen += ["--constraint", str(ROOT / "constraints.txt")]
    run([*pip, str(wheel), *chosen, *RUNNERS], folder, backend)
    run([str(folder / "env" / "bin" / "keras-extras"), "demo"], folder, backend)
    away = folder / "away"
    shutil.copytree(ROOT / "tests", away / "tests")
    for name in ("pyproject.toml", "conftest.py"):
        shutil.copy(ROOT / name, away)
    # Old versions of others warn of what is to come; that is not ours.
    warn = ["-W", "default"]
    run([python, "-m", "pytest", "-q", *warn, *TESTS], away, backend)


def main(lanes: list[str]) -> int:
    """Runs lanes one after the other; returns the exit code."""
    unknown = sorted(set(lanes) - set(LANES))
    if unknown:
        print(f"There is no lane {unknown[0]!r}. There are: {', '.join(LANES)}")
        return 2
    lines: list[str] = []
    failed = False
    with tempfile.TemporaryDirectory() as name:
        wheel = build_wheel(Path(name))
        for lane in lanes or LANES:
            folder = Path(name, lane.replace("/", "-"))
            folder.mkdir()
            start = time.monotonic()
            outcome = "passed"
            try:
                run_lane(lane, wheel, folder)
            except subprocess.CalledProcessError as error:
                outcome, failed = f"FAILED: {error}"[:300], True
            shutil.rmtree(folder)
            lines.append(
                f"{lane}: {outcome} in {time.monotonic() - start:.0f} s"
            )
    print("\n" + "\n".join(lines))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
