"""What a check found, and how a list of findings reads."""

import dataclasses
import html
import re
from collections.abc import Iterable

STATUSES = ("passed", "failed", "skipped", "expected")


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """What one check found.

    Args:
        check: name of the check, such as `"check_clone"`.
        status: `"passed"`; `"failed"`; `"skipped"`, where the promise does not
            apply or cannot be tested here; `"expected"`, a failure that the
            caller had announced.
        reason: why it failed or was skipped; `""` if it passed.
        example: code to paste that shows the failure, with the smallest input
            that was found; `""` if it did not fail.
        seconds: how long it took.
        exception: what was raised, or `None`.

    Examples:
        >>> result = keras_extras.testing.CheckResult("check_clone", "passed")
        >>> print(result)
        passed   check_clone
    """

    check: str
    status: str
    reason: str = ""
    example: str = ""
    seconds: float = 0.0
    exception: BaseException | None = dataclasses.field(
        default=None, repr=False, compare=False
    )

    def __str__(self) -> str:
        line = f"{self.status:8} {self.check}"
        return f"{line}: {self.reason}" if self.reason else line


class CheckResults(list[CheckResult]):
    """A list of `CheckResult`, printed as a table, in notebooks as HTML.

    Args:
        subject: what was checked, for the title.
        results: the findings.

    Examples:
        >>> results = keras_extras.testing.check_layer(
        ...     keras.layers.ReLU(), backends=()
        ... )
        >>> results.failed
        []
    """

    def __init__(
        self, subject: str, results: Iterable[CheckResult] = ()
    ) -> None:
        super().__init__(results)
        self.subject = subject

    @property
    def failed(self) -> list[CheckResult]:
        """The failures that nobody had announced."""
        return [result for result in self if result.status == "failed"]

    def summary(self) -> str:
        """Returns one line: how many passed, failed, and so on."""
        counts = {
            status: sum(result.status == status for result in self)
            for status in STATUSES
        }
        parts = [
            f"{count} {status}" for status, count in counts.items() if count
        ]
        seconds = sum(result.seconds for result in self)
        found = ", ".join(parts) or "no checks"
        return f"{self.subject}: {found} in {seconds:.1f} s"

    def __str__(self) -> str:
        order = sorted(self, key=lambda result: _RANK[result.status])
        lines = [self.summary(), *(f"  {result}" for result in order)]
        for result in self.failed:
            lines += ["", f"# {result.check}", result.example]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{result.status}</td><td>{result.check}</td>"
            f"<td style='text-align:left'>{html.escape(result.reason)}"
            + (
                f"<pre>{html.escape(result.example)}</pre>"
                if result.example
                else ""
            )
            + f"</td><td>{result.seconds:.2f}</td></tr>"
            for result in sorted(self, key=lambda result: _RANK[result.status])
        )
        return (
            f"<p>{html.escape(self.summary())}</p><table><tr><th>status</th>"
            f"<th>check</th><th>reason</th><th>seconds</th></tr>{rows}</table>"
        )


_RANK = {"failed": 0, "expected": 1, "skipped": 2, "passed": 3}


class CheckFailure(AssertionError):
    """A broken promise: what is wrong, and code that shows it."""

    def __init__(self, reason: str, example: str = "") -> None:
        # Keras writes some of its messages in bold.
        super().__init__(re.sub(r"\x1b\[\d*m", "", reason))
        self.example = example


class CheckSkip(Exception):
    """A promise that does not apply to the layer, or cannot be tested here."""
