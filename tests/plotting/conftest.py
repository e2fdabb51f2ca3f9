"""Drawing must leave no trace outside of the figure."""

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def no_trace() -> Iterator[None]:
    """Fails a test that opens a pyplot figure or changes a setting."""
    figures, settings = plt.get_fignums(), mpl.rcParams.copy()
    yield
    assert plt.get_fignums() == figures
    assert mpl.rcParams == settings


@pytest.fixture
def no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes matplotlib look as if it were not installed."""
    import sys

    for name in [*sys.modules]:
        if name.partition(".")[0] == "matplotlib":
            monkeypatch.setitem(sys.modules, name, None)
