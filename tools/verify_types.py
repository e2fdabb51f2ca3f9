"""Fails where a public name has no complete type, as pyright sees the package.

    python tools/verify_types.py

Runs `pyright --verifytypes` on the package as a user's type checker finds it.
Keras has no py.typed, so pyright calls the base class and the metaclass of
every class that extends one of Keras's unknown. Nothing in this package could
change that: these errors, and no others, are left out.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PACKAGE = "keras_extras"
ROOT = Path(__file__).resolve().parents[1]

# What is said of a class that extends one of Keras's, or one of ours that does.
# Where a base of ours is unknown for another reason, that is an error of its
# own; a base such as a bare `list` has another name, and stays an error.
# Properties of Keras, which an annotation would contradict.
KERAS_PROPERTIES = (".input_spec", ".supports_masking")
KERAS_BASE = re.compile(
    r"Type of (metaclass|base class) unknown"
    r'|Type of base class "keras(_extras)?\.[\w.]+" is (partially )?unknown'
)


def problems(report: dict[str, Any]) -> Iterator[str]:
    """Yields a line per error, except for the bases that Keras does not type.

    Args:
        report: what `pyright --verifytypes --outputjson` prints.
    """
    errors = [
        (PACKAGE, diagnostic)
        for diagnostic in report.get("generalDiagnostics", [])
    ]
    errors += [
        (symbol["name"], diagnostic)
        for symbol in report.get("typeCompleteness", {}).get("symbols", [])
        for diagnostic in symbol["diagnostics"]
    ]
    of_keras = {
        name.rpartition(".")[2]
        for name, diagnostic in errors
        if KERAS_BASE.match(diagnostic["message"])
    }
    for name, diagnostic in errors:
        # The lines after the first one go into detail.
        message, _, detail = diagnostic["message"].partition("\n")
        # What returns or takes a layer is unknown as far as the layer is.
        words = set(re.findall(r"\w+", detail))
        if (
            "partially unknown" in message
            and "Unknown" not in words
            and of_keras & words
        ):
            continue
        if diagnostic["severity"] != "error" or KERAS_BASE.fullmatch(message):
            continue
        if name.endswith(KERAS_PROPERTIES):
            continue
        place = diagnostic.get("file", "")
        start = diagnostic.get("range", {}).get("start")
        if start is not None:
            place += f":{start['line'] + 1}:{start['character'] + 1}"
        yield f"{place}: {name}: {message}" if place else f"{name}: {message}"


def verify() -> dict[str, Any]:
    """Returns pyright's report on the package.

    Raises:
        RuntimeError: if pyright prints no report on it.
    """
    # Without --pythonpath, which --verifytypes does not heed, pyright looks
    # for the package where the active virtual environment has it.
    folder = Path(sys.executable).parent
    path = os.pathsep.join([str(folder), os.environ.get("PATH", "")])
    process = subprocess.run(
        [
            "pyright",
            "--verifytypes",
            PACKAGE,
            "--ignoreexternal",
            "--outputjson",
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PATH": path, "VIRTUAL_ENV": str(folder.parent)},
    )
    try:
        report = json.loads(process.stdout)
    except json.JSONDecodeError:
        report = {}
    if not report.get("typeCompleteness", {}).get("symbols"):
        raise RuntimeError(
            f"pyright found no types of {PACKAGE}:\n"
            f"{process.stdout}{process.stderr}"
        )
    return report


def main() -> int:
    """Prints the problems and the score; returns the exit code."""
    report = verify()
    lines = list(dict.fromkeys(problems(report)))
    for line in lines:
        print(line.removeprefix(f"{ROOT}{os.sep}"))
    completeness = report["typeCompleteness"]
    counts = completeness["exportedSymbolCounts"]
    known, total = counts["withKnownType"], sum(counts.values())
    print(
        f"{PACKAGE}: {known} of {total} public symbols have a known type "
        f"(score {completeness['completenessScore']:.1%}), "
        f"{len(lines)} problems"
    )
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
