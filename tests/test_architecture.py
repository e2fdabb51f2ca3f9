"""Who may import whom, read from the source; the table of docs/design.md.

Nothing is imported here, so this runs without Keras. There is no list of
exceptions: an import that breaks the table is moved, or the table and its
reason in docs/design.md are changed for everybody.
"""

import ast
import re
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "keras_extras"
SOURCES = sorted(
    path.relative_to(ROOT) for path in (ROOT / PACKAGE).rglob("*.py")
)


class Arrows(NamedTuple):
    """What a floor may import, next to the standard library and itself.

    Of a package in the list, public names; the name of a file, as in
    `"history._rows"`, opens that file too.
    """

    house: tuple[str, ...] = ()  # floors below, at the top of a file
    house_late: tuple[str, ...] = ()  # floors, inside functions
    outside: tuple[str, ...] = ()  # packages, at the top of a file
    outside_late: tuple[str, ...] = ()  # packages, inside functions


# Packages with public names, from the ground up.
PUBLIC = (
    "ops",
    "transforms",
    "layers",
    "history",
    "inspection",
    "models",
    "conversion",
    "datasets",
    "plotting",
    "callbacks",
    "reports",
    "testing",
)
# Argument checks and other small things that know no package.
GROUND = (
    "_checks",
    "_errors",
    "_files",
    "_gray",
    "_probabilities",
    "_shapes",
    "_text",
)
FAST = Arrows(
    house=(*GROUND, "_arguments", "ops", "ops._fast"),
    outside=("keras", "numpy"),
)
ALLOWED = {
    "__init__": Arrows(
        house=("_version", "layers", "models", "ops", "transforms"),
        house_late=PUBLIC,  # for type checkers
        outside=("keras",),
    ),
    "_version": Arrows(),
    "_errors": Arrows(),
    "_shapes": Arrows(),
    "_checks": Arrows(house=("_errors",), outside=("numpy",)),
    "_files": Arrows(),
    "_gray": Arrows(outside=("numpy",)),
    "_text": Arrows(),
    "_probabilities": Arrows(house=("_checks", "_errors"), outside=("numpy",)),
    "_keras_internals": Arrows(outside=("keras",)),
    "_arguments": Arrows(house=GROUND, outside=("keras",)),
    "_config": Arrows(house=("_errors", "_checks"), outside=("keras", "numpy")),
    "_gradients": Arrows(outside=("keras", "numpy")),
    "ops": Arrows(
        house=(*GROUND, "_arguments", "ops._fast"), outside=("keras", "numpy")
    ),
    "ops._fast": FAST,
    "ops._fast.tensorflow": FAST._replace(
        outside=(*FAST.outside, "tensorflow")
    ),
    "ops._fast.jax": FAST._replace(outside=(*FAST.outside, "jax")),
    "ops._fast.torch": FAST._replace(outside=(*FAST.outside, "torch")),
    "transforms": Arrows(
        house=(*GROUND, "_arguments", "_config", "_keras_internals", "ops"),
        outside=("keras", "numpy"),
    ),
    "layers": Arrows(
        house=(
            *GROUND,
            "_arguments",
            "_config",
            "_keras_internals",
            "ops",
            "transforms",
        ),
        outside=("keras", "numpy"),
    ),
    "history": Arrows(
        house=(*GROUND, "_version"),
        outside=("keras", "numpy"),
        outside_late=("pandas", "polars", "pyarrow"),
    ),
    "inspection": Arrows(
        house=(
            *GROUND,
            "_arguments",
            "_gradients",
            "_keras_internals",
            "layers",
        ),
        outside=("keras", "numpy"),
        outside_late=("pandas",),
    ),
    "fitting": Arrows(
        house=("_keras_internals",),
        house_late=("fitting._loop", "fitting._replay"),
        outside=("keras", "numpy"),
    ),
    "fitting._loop": Arrows(outside=("tensorflow",)),
    "fitting._reach": Arrows(outside=("keras", "numpy", "torch")),
    "fitting._replay": Arrows(
        house=("_keras_internals", "fitting._reach"),
        outside=("keras", "torch"),
    ),
    "models": Arrows(
        house=(
            *GROUND,
            "_arguments",
            "_config",
            "_keras_internals",
            "fitting",
            "inspection._summary",
            "inspection._trace",
            "layers",
        ),
        outside=("keras", "numpy"),
        outside_late=("pandas",),
    ),
    "conversion": Arrows(
        house=(
            *GROUND,
            "_arguments",
            "_config",
            "_gradients",
            "_keras_internals",
            "inspection._activations",
            "inspection._families",
            "inspection._observe",
            "inspection._trace",
            "layers",
            "models",
            "transforms",
        ),
        outside=("keras", "numpy"),
    ),
    "datasets": Arrows(
        house=GROUND,
        outside=("keras.config", "keras.utils", "numpy"),
        outside_late=("PIL", "matplotlib"),
    ),
    "plotting": Arrows(
        house=GROUND,
        house_late=("history", "inspection", "models"),
        outside=("numpy",),
        outside_late=("keras", "matplotlib", "pandas"),
    ),
    "callbacks": Arrows(
        house=(
            *GROUND,
            "_gradients",
            "_keras_internals",
            "_version",
            "history",
            "history._directions",
            "history._history",
            "history._journal",
            "history._rows",
        ),
        house_late=("plotting",),
        outside=("keras", "numpy"),
        outside_late=(
            "IPython",
            "matplotlib",
            "pandas",
            "polars",
            "pyarrow",
            "rich",
        ),
    ),
    "reports": Arrows(
        house=(*GROUND, "_version"),
        house_late=("history", "inspection", "models", "plotting"),
        outside=("numpy",),
        outside_late=("keras",),
    ),
    "testing": Arrows(
        outside=("keras", "numpy"), outside_late=("onnxruntime", "pytest")
    ),
    # All of the above.
    "cli": Arrows(
        house=(*GROUND, "_version"),
        house_late=PUBLIC,
        outside=("numpy",),
        outside_late=("keras", "matplotlib", "PIL", "scipy"),
    ),
    "__main__": Arrows(house=("cli",)),
}


class Import(NamedTuple):
    """One imported module, as a dotted name."""

    name: str
    line: int
    late: bool  # inside a function, or for type checkers only


def dotted(node):
    """Returns `"keras.src"` for the expression `keras.src`, else `None`."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        left = dotted(node.value)
        return left and f"{left}.{node.attr}"
    return None


def imports_of(node, module, is_package, late=False):
    """Yields every `Import` below `node`, a part of `module`'s source."""
    for child in ast.iter_child_nodes(node):
        child_late = late or isinstance(
            child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
        )
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(
            child.test
        ):
            child_late = True
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, late)
        elif isinstance(child, ast.ImportFrom):
            base = child.module or ""
            if child.level:
                parts = module.split(".")
                keep = len(parts) - child.level + is_package
                base = ".".join([*parts[:keep], *filter(None, [base])])
            for alias in child.names:
                yield Import(f"{base}.{alias.name}", child.lineno, late)
        elif isinstance(child, ast.Call):
            called = (dotted(child.func) or "").rpartition(".")[2]
            if called in ("import_module", "__import__", "import_optional"):
                for argument in child.args[:1]:
                    if isinstance(argument, ast.Constant):
                        yield Import(argument.value, child.lineno, late)
        elif isinstance(child, ast.Attribute) and dotted(child) == "keras.src":
            yield Import("keras.src", child.lineno, late)
        yield from imports_of(child, module, is_package, child_late)


def floor_of(name):
    """Returns the floor of a name inside the house, the longest that fits."""
    parts = name.split(".")[1:]
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in ALLOWED:
            return ".".join(parts[:length])
    return "__init__"


def is_below(name, prefixes):
    """Tells whether a dotted name is one of `prefixes` or stands below one."""
    return any(f"{name}.".startswith(f"{prefix}.") for prefix in prefixes)


def complaint(module, found):
    """Returns what is wrong with one import, in words, or `None`."""
    name = found.name
    floor = floor_of(module)
    arrows = ALLOWED[floor]
    first = name.partition(".")[0]
    if is_below(name, ["keras.src"]):
        return "keras.src is private to Keras and changes without notice"
    if first == PACKAGE:
        return house_complaint(module, floor, arrows, found)
    if first in sys.stdlib_module_names:
        return None
    if is_below(name, arrows.outside):
        return None
    if is_below(name, arrows.outside_late):
        if found.late:
            return None
        return f"{floor} may import {first} inside functions only"
    allowed = arrows.outside + arrows.outside_late
    return (
        f"{floor} must not import {first}; from outside it may import "
        f"{', '.join(allowed) or 'the standard library only'}"
    )


def house_complaint(module, floor, arrows, found):
    """Returns what is wrong with an import inside the house, or `None`."""
    target = floor_of(found.name)
    if target == floor:
        return family_complaint(module, floor, found)
    may = arrows.house + (arrows.house_late if found.late else ())
    if is_below(found.name, [f"{PACKAGE}.{one}" for one in may if "._" in one]):
        return None
    if target in arrows.house or (found.late and target in arrows.house_late):
        rest = found.name.split(".")[1 + len(target.split(".")) :]
        is_guest = target in PUBLIC and not floor.startswith(f"{target}.")
        if is_guest and any(part.startswith("_") for part in rest):
            return (
                f"{floor} must take public names from {PACKAGE}.{target}, "
                "not look behind its door"
            )
        return None
    if target in arrows.house_late:
        return f"{floor} may import {target} inside functions only"
    return (
        f"there is no arrow from {floor} to {target}; {floor} may import "
        f"{', '.join(arrows.house + arrows.house_late) or 'no other floor'}"
    )


def family_complaint(module, floor, found):
    """Within layers, a family knows `_base` and its parent family only."""
    own = module.split(".")[2:]
    other = found.name.split(".")[2:]
    if floor != "layers" or not own or not other:
        return None
    if other[0] == "_base" or own[0].startswith(f"{other[0]}_"):
        return None
    return (
        f"layers.{own[0]} may import layers._base and its parent family, "
        f"not layers.{other[0]}"
    )


def check_source(source, module, is_package=False):
    """Returns one line per broken arrow."""
    broken = {}
    for found in imports_of(ast.parse(source), module, is_package):
        words = complaint(module, found)
        if words:
            broken[found.line, words] = f"{module}, line {found.line}: {words}"
    return list(broken.values())


# --- the house ---------------------------------------------------------------


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_imports_follow_the_arrows(path):
    is_package = path.name == "__init__.py"
    parts = path.parent.parts if is_package else path.with_suffix("").parts
    broken = check_source(
        (ROOT / path).read_text(), ".".join(parts), is_package
    )
    assert not broken, "\n".join(broken)


FAMILIES = [
    path
    for path in SOURCES
    if path.parts[1] in (*PUBLIC, "fitting")
    and path.parts[1:3] != ("ops", "_fast")
    and re.fullmatch(r"_[a-z]\w*\.py", path.name)
]


@pytest.mark.parametrize("path", FAMILIES, ids=str)
def test_each_file_has_a_test_file(path):
    expected = Path("tests", *path.parts[1:-1], f"test{path.name}")
    assert (ROOT / expected).exists(), f"{path} needs {expected}"


@pytest.mark.parametrize(
    "path", [path for path in FAMILIES if path.parts[1] in PUBLIC], ids=str
)
def test_each_file_has_a_page(path):
    expected = reference_page(path.parts[1], path.stem.strip("_"))
    assert (ROOT / expected).exists(), f"{path} needs {expected}"


def reference_page(package, family):
    folder = Path("docs", "reference")
    if package == "layers":
        return folder / package / f"{family}.md"
    return folder / f"{package}.md"


@pytest.mark.parametrize(
    "package",
    [
        name
        for name in PUBLIC
        if (ROOT / PACKAGE / name / "__init__.py").exists()
    ],
)
def test_each_public_name_is_on_a_page(package):
    init = ROOT / PACKAGE / package / "__init__.py"
    pages = "\n".join(
        page.read_text() for page in (ROOT / "docs" / "reference").rglob("*.md")
    )
    documented = set(re.findall(r"^::: ([\w.]+)", pages, re.MULTILINE))
    missing = [
        name
        for name in public_names(init.read_text())
        if f"{PACKAGE}.{package}.{name}" not in documented
    ]
    assert not missing, f"no `::: {PACKAGE}.{package}.…` for {missing}"


def public_names(source):
    for node in ast.parse(source).body:
        if (
            isinstance(node, ast.Assign)
            and dotted(node.targets[0]) == "__all__"
        ):
            return ast.literal_eval(node.value)
    raise AssertionError("a public package needs a literal __all__")


# From the ground up: the order in which the table is written.
ORDER = [name for name in ALLOWED if name not in ("__init__", "__main__")]


@pytest.mark.parametrize("floor", ORDER)
def test_no_arrow_of_the_table_points_upward(floor):
    arrows = ALLOWED[floor]
    below = {name.partition(".")[0] for name in ORDER[: ORDER.index(floor)]}
    own = floor.partition(".")[0]
    for name in (*arrows.house, *arrows.house_late):
        assert name.partition(".")[0] in {own, *below}, f"{floor} → {name}"


# --- the checker itself ------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "source", "words"),
    [
        ("ops._conv", "import tensorflow as tf", "must not import tensorflow"),
        ("ops._fast.jax", "import torch", "must not import torch"),
        ("layers._conv", "from jax import numpy", "must not import jax"),
        ("ops._conv", "from keras.src import ops", "keras.src is private"),
        ("ops._conv", "import keras\nkeras.src.ops", "keras.src is private"),
        ("ops._conv", "import keras_extras.layers", "no arrow from ops to la"),
        ("ops._conv", "from .. import layers", "no arrow from ops to layers"),
        ("transforms._a", "from .. import layers", "transforms to layers"),
        ("layers._a", "from ..transforms._b import C", "behind its door"),
        ("layers._conv", "from ..models import MLP", "from layers to models"),
        ("layers._conv", "from ._pool import Pool", "not layers._pool"),
        ("layers._a", "from keras_extras.layers import _b", "not layers._b"),
        ("models._mlp", "from ..layers._base import Layer", "behind its door"),
        ("models._mlp", "from keras_extras import ops", "from models to ops"),
        ("models._mlp", "import keras_extras", "from models to __init__"),
        ("plotting._a", "from ..layers import b", "plotting to layers"),
        ("plotting._a", "from ..callbacks import b", "no arrow from plot"),
        ("plotting._a", "from ..history import b", "functions only"),
        ("models._a", "from ..inspection._macs import b", "no arrow from mod"),
        ("plotting._a", "import matplotlib", "inside functions only"),
        ("datasets._idx", "import keras", "must not import keras"),
        (
            "testing._a",
            "from .._errors import invalid_argument",
            "no other floor",
        ),
        ("_errors", "import numpy", "standard library only"),
        ("_shapes", "import_optional('keras', extra='')", "not import keras"),
        ("cli", "from keras_extras import models", "inside functions only"),
    ],
)
def test_a_broken_arrow_is_named(module, source, words):
    (line,) = check_source(source, f"{PACKAGE}.{module}")
    assert words in line


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("ops._conv", "import math\nimport keras\nfrom ._pad import pad"),
        ("ops._conv", "from keras_extras.ops._fast import conv"),
        ("ops._fast.jax", "import jax.numpy as jnp"),
        ("ops._fast.jax", "from keras_extras.ops._pad import pad"),
        ("layers._conv", "from keras_extras import _arguments as arguments"),
        ("layers._conv", "from keras_extras.layers._base import Layer"),
        ("layers._base", "from keras_extras import transforms"),
        ("transforms._mask", "from keras_extras import _config, ops"),
        ("layers._conv_transpose", "from ._conv import Conv"),
        ("models._mlp", "from keras_extras.layers import Dense"),
        ("datasets._idx", "from keras.utils import PyDataset"),
        ("plotting._a", "def plot():\n    import matplotlib.pyplot as plt"),
        ("callbacks._a", "if TYPE_CHECKING:\n    import pandas as pd"),
        ("cli", "def main():\n    from keras_extras import models"),
    ],
)
def test_an_arrow_of_the_table_is_let_through(module, source):
    assert check_source(source, f"{PACKAGE}.{module}") == []


# --- private names of Keras --------------------------------------------------

# Where `_x` of Keras's objects is looked for.
WITHOUT_INTERNALS = (
    "_arguments",
    "_config",
    "_gradients",
    "callbacks",
    "cli",
    "conversion",
    "datasets",
    "fitting",
    "history",
    "inspection",
    "layers",
    "models",
    "ops",
    "plotting",
    "reports",
    "testing",
    "transforms",
)
# Private by name only: what the standard library documents, the type that
# `add_subparsers` of argparse returns, and names of torch.
DOCUMENTED = {"_replace", "_asdict", "_fields", "_make"} | {
    "_SubParsersAction",
    "_C",
    "_has_any_global_hook",
    "_len_torch_dispatch_stack",
    "_len_torch_function_stack",
    "_local_scalar_dense",
    "_schema",
}


def private(name):
    return name.startswith("_") and not name.startswith("__")


def private_attributes(tree):
    """Returns (name, line) of each attribute with one underscore in front."""
    return [
        (node.attr, node.lineno)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and private(node.attr)
    ]


def defined_names(tree):
    """Returns the names that a source gives to something of its own.

    Functions, classes, variables, and attributes of `self` that are set.
    """
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and dotted(node.value) in ("self", "cls")
        ):
            names.add(node.attr)
    return names


TREES = {path: ast.parse((ROOT / path).read_text()) for path in SOURCES}
OUR_NAMES = DOCUMENTED.union(
    *(defined_names(tree) for tree in TREES.values()),
    *(set(path.with_suffix("").parts) for path in SOURCES),
)


def foreign_attributes(tree):
    return sorted(
        f"line {line}: {name} is no name of ours"
        for name, line in private_attributes(tree)
        if name not in OUR_NAMES
    )


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in SOURCES
        if path.with_suffix("").parts[1] in WITHOUT_INTERNALS
    ],
    ids=str,
)
def test_private_names_of_keras_are_in_their_file(path):
    """A private attribute that nobody here defines is somebody else's."""
    found = foreign_attributes(TREES[path])
    assert not found, "\n".join([*found, "Move it to _keras_internals.py."])


def test_a_private_name_of_keras_is_found():
    tree = ast.parse(
        "layer._tracker.unlock()\nself._made_with = other._of_someone"
    )
    assert foreign_attributes(tree) == [
        "line 1: _tracker is no name of ours",
        "line 2: _of_someone is no name of ours",
    ]
