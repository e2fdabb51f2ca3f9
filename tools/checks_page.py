"""Writes docs/reference/checks.md: what each check means and how to repair.

    python tools/checks_page.py

The words are those of the checks' docstrings, so that page and help agree. Run
it after changing one of these; a test asserts that the page is up to date.
"""

import re
from pathlib import Path

from keras_extras.testing._check import Check
from keras_extras.testing._runner import CHECKS

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "checks.md"

HEAD = """\
# What each check means

<!-- Written by tools/checks_page.py from the docstrings of the checks. -->

[`check_layer` and `check_model`](testing.md) run these checks, in this order.
A check is one promise. Each section says what the promise is and, after
**Repair**, what to change in a layer that breaks it. If one of the first two
fails, the others are skipped, because they need it.

[Check your own layer](../guides/check_layer.md) shows a report and how to read
it."""

ONLY = {
    "layers": ["*For layers only, not for models.*"],
    "models": ["*For models only.*"],
    "both": [],
}


def table() -> str:
    """Returns the list of all checks, with a link to the section of each."""
    rows = ["| check | promise |", "|---|---|"]
    for check in CHECKS:
        name, promise = check.name, check.doc.split("\n\n")[0]
        rows.append(f"| [`{name}`](#{name}) | {' '.join(promise.split())} |")
    return "\n".join(rows)


def section(check: Check) -> str:
    """Returns the section of one check."""
    parts = [f"## {check.name}", *ONLY[check.of]]
    for paragraph in check.doc.split("\n\n"):
        text = re.sub(r"^Repair:", "**Repair:**", paragraph)
        parts.append(re.sub(r"`(check_\w+)`", r"[`\1`](#\1)", text))
    return "\n\n".join(parts)


def page() -> str:
    """Returns the whole page."""
    parts = [HEAD, table(), *(section(check) for check in CHECKS)]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
