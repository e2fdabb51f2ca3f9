"""Runs pytest once per backend and sums up: one closing line for each.

    python tools/test_backends.py tensorflow jax torch -- -k conv

A failing backend does not stop the others; the exit code is 1 if any failed.
Everything after `--` goes to pytest. The closing lines are also written to
`build/test-backends.txt`. Standard library only.
"""

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# A file stays with one worker: a page's examples run from top to bottom.
WORKERS = ["--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile"]
CLOSING_LINES = ROOT / "build" / "test-backends.txt"


def count_outcomes(junit_xml: Path) -> str:
    """Words pytest's own record of a run: `"812 passed, 3 skipped"`."""
    counts = {"failed": 0, "errors": 0, "passed": 0, "skipped": 0}
    words = {"failure": "failed", "error": "errors", "skipped": "skipped"}
    for case in ElementTree.parse(junit_xml).iter("testcase"):
        outcomes = [words[part.tag] for part in case if part.tag in words]
        for outcome in outcomes or ["passed"]:
            counts[outcome] += 1
    return ", ".join(f"{n} {word}" for word, n in counts.items() if n)


def run_pytest(backend: str, arguments: list[str]) -> tuple[bool, str]:
    """Runs the suite on one backend; returns success and the closing line."""
    print(f"\n===== {backend} =====", flush=True)
    environment = os.environ | {"KERAS_BACKEND": backend}
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder, "junit.xml")
        pytest = [sys.executable, "-m", "pytest", f"--junit-xml={record}"]
        code = subprocess.run(
            [*pytest, *WORKERS, *arguments], cwd=ROOT, env=environment
        ).returncode
        outcomes = count_outcomes(record) if record.exists() else ""
    seconds = time.monotonic() - start
    line = f"{backend}: {outcomes or 'no test ran'} in {seconds:.0f} s"
    if code != 0:
        line += f" (FAILED, pytest exit code {code})"
    return code == 0, line


def main(arguments: list[str]) -> int:
    """Runs all backends named before `--`; returns the exit code."""
    backends, pytest_arguments = arguments, []
    if "--" in arguments:
        cut = arguments.index("--")
        backends, pytest_arguments = arguments[:cut], arguments[cut + 1 :]
    if not backends:
        print(__doc__, file=sys.stderr)
        return 2
    CLOSING_LINES.unlink(missing_ok=True)
    results = [run_pytest(backend, pytest_arguments) for backend in backends]
    closing = "\n".join(line for _, line in results)
    CLOSING_LINES.parent.mkdir(exist_ok=True)
    CLOSING_LINES.write_text(closing + "\n")
    print(f"\n{closing}", flush=True)
    return 0 if all(passed for passed, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
