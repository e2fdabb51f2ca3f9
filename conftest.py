"""What holds for every test and every example, wherever it stands.

- The requested backend is really active, or nothing runs.
- Each test starts from the same seeds.
- No test reaches the network.
- Code in `docs/`, `README.md` and the docstrings runs as tests. A page is run
  from top to bottom, in an empty folder of its own.
"""

import doctest
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("MPLBACKEND", "Agg")  # before anything is drawn
# Most of the time on JAX is compiling. `make test-full` compiles as users do.
if os.environ.get("HYPOTHESIS_PROFILE") != "full":
    os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

import keras
import numpy as np
import pytest
from sybil import Sybil
from sybil.document import PythonDocStringDocument
from sybil.evaluators.doctest import NUMBER
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import (
    CodeBlockParser,
    PythonCodeBlockParser,
    SkipParser,
)
from sybil.parsers.rest import DocTestParser
from sybil.sybil import SybilCollection

import keras_extras

# --- the backend -----------------------------------------------------------

# Where a backend's tensors come from, as the start of their module's name.
TENSOR_MODULES = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}


def pytest_configure(config: pytest.Config) -> None:
    active = keras.backend.backend()
    requested = os.environ.get("KERAS_BACKEND", active)
    tensor = type(keras.ops.ones(1))
    if active != requested or not tensor.__module__.startswith(
        TENSOR_MODULES.get(requested, "no backend of that name")
    ):
        raise pytest.UsageError(
            f"KERAS_BACKEND={requested} was requested, but Keras runs on "
            f"{active} and makes tensors of {tensor}."
        )
    # What a shell starts in the background ignores Ctrl-C, which some tests
    # and examples press.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if active == "torch":
        import torch

        torch.use_deterministic_algorithms(True)


def pytest_report_header() -> str:
    return f"keras {keras.__version__} on {keras.backend.backend()}"


# --- which tests run -------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full",
        action="store_true",
        help="run the tests marked `full` too",
    )


def is_long(item: pytest.Item) -> bool:
    """Returns whether `make test` leaves the test to `make test-full`.

    Ranks share their lines: on JAX, where each shape is compiled, one and two
    dimensions stand for three.
    """
    compiles = keras.backend.backend() == "jax" and "3D" in item.name
    return compiles or item.get_closest_marker("full") is not None


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    if config.getoption("--full"):
        return
    full = [item for item in items if is_long(item)]
    if full:
        config.hook.pytest_deselected(items=full)
        items[:] = [item for item in items if item not in set(full)]


# --- the same start for each -----------------------------------------------


@pytest.fixture(autouse=True)
def seeds() -> None:
    """Resets the seeds of Python, NumPy, Keras and the backend."""
    keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Lets sockets connect to this machine only (child processes are free)."""
    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0]
            if host not in ("localhost", "::1") and not host.startswith("127."):
                raise OSError(f"tests may not use the network: {address}")
        return connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_here)
        yield


# --- examples --------------------------------------------------------------

FIXTURES = ["seeds", "no_network"]  # `autouse` does not reach examples
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | NUMBER


def enter_page(namespace: dict[str, Any]) -> None:
    namespace.update(np=np, keras=keras, keras_extras=keras_extras)
    namespace["_left"] = os.getcwd()
    os.chdir(tempfile.mkdtemp(prefix="keras-extras-docs-"))


def leave_page(namespace: dict[str, Any]) -> None:
    folder = os.getcwd()
    os.chdir(namespace["_left"])
    shutil.rmtree(folder)


def sybil_for_pages(folder: str, pattern: str) -> Sybil:
    return Sybil(
        path=folder,
        patterns=[pattern],
        parsers=[
            PythonCodeBlockParser(doctest_optionflags=FLAGS),
            SkipParser(),
        ],
        setup=enter_page,
        teardown=leave_page,
        fixtures=FIXTURES,
    )


# A docstring's examples see the names of the module they stand in.
docstrings = Sybil(
    path="keras_extras",
    patterns=["*.py"],
    parsers=[
        DocTestParser(FLAGS),
        CodeBlockParser("python", PythonEvaluator()),
        SkipParser(),
    ],
    document_types={".py": PythonDocStringDocument},
    setup=enter_page,
    teardown=leave_page,
    fixtures=FIXTURES,
)

pytest_collect_file = SybilCollection(
    [
        sybil_for_pages("docs", "*.md"),
        sybil_for_pages(".", "README.md"),
        docstrings,
    ]
).pytest()
