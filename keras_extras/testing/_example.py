"""Code to paste: the source of a function of a layer, as a program.

A check shows a broken promise by a plain function, such as

    def same_twice(layer: Any, x: Any, to_numpy: Any, atol: float) -> None:
        expected = to_numpy(layer(*x, training=False))
        actual = to_numpy(layer(*x, training=False))
        np.testing.assert_allclose(actual, expected, 1e-4, atol)

`Subject.verify` says what it calls it with. The program is its body, after the
imports and helpers that it uses and a line for each of its parameters. Left out
is what says nothing to the reader: annotations and docstrings, the star if
`call` takes one argument, and `training=False` where that is the default.
"""

import ast
import inspect
import json
import re
import sys
import textwrap
import types
from collections.abc import Callable, Iterator
from typing import Any

import keras

from keras_extras.testing._sample_shapes import is_shape
from keras_extras.testing._tools import copied, is_float
from keras_extras.testing._traits import LayerTraits

PUBLIC = "keras_extras.testing"
IMPORT_NUMPY = "import numpy as np"


def program(
    show: Callable[..., None],
    cls: type | None,
    parameters: dict[str, str],
    unsaid: tuple[str, ...] = (),
    starred: bool = False,
) -> str:
    """Returns what a function does, as a program.

    Args:
        show: the function.
        cls: the class of the layer, which is imported or defined.
        parameters: code for each parameter of the function, by name.
        unsaid: parts of calls to leave out.
        starred: whether `x` stays a tuple, of several arguments.

    Returns:
        Lines of Python.
    """
    imports, helpers = used_by(show)
    more, definitions = class_code(cls) if cls else (set(), [])
    imports |= more
    body, parameters = _inlined(body_of(show), parameters)
    values = [f"{name} = {code}" for name, code in parameters.items()]
    for module, line in (("keras", "import keras"), ("np", IMPORT_NUMPY)):
        if re.search(rf"\b{module}\.", " ".join([*definitions, *values, body])):
            imports.add(line)
    head = sorted(imports, key=lambda line: (line.startswith("from"), line))
    text = "\n".join([*(f"{helper}\n" for helper in helpers), *values, body])
    if not starred:
        text = re.sub(r"(?<=[(, ])\*(?=(x\w*|shape\w*|symbols)\b)", "", text)
    for part in unsaid:
        text = text.replace(part, "")
    parts = ["\n".join(head), *(f"{item}\n" for item in definitions), text]
    return "\n\n".join(part for part in parts if part)


def _inlined(body: str, parameters: dict[str, str]) -> tuple[str, dict]:
    """Puts numbers and dotted names in the place of the parameters they are."""
    simple = {
        name: code
        for name, code in parameters.items()
        if re.fullmatch(r"[\w.-]+", code)
    }
    found: list[tuple[int, int, str, str]] = []
    starts = [0]
    for line in body.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node in ast.walk(ast.parse(body)):
        if isinstance(node, ast.JoinedStr):  # has no places until Python 3.12
            inside = {getattr(part, "id", "") for part in ast.walk(node)}
            simple = {key: simple[key] for key in simple if key not in inside}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            begin = starts[node.lineno - 1] + node.col_offset
            found.append((begin, begin + len(node.id), node.id, body))
    for begin, end, name, _ in sorted(found)[::-1]:
        if name in simple:
            body = body[:begin] + simple[name] + body[end:]
    left = {key: parameters[key] for key in parameters if key not in simple}
    return body, left


def used_by(function: Any) -> tuple[set[str], list[str]]:
    """Returns the import lines and the helpers that a function needs."""
    names = vars(sys.modules[function.__module__])
    public = vars(sys.modules[PUBLIC]).get("__all__", ())
    imports: set[str] = set()
    helpers: dict[str, None] = {}
    for name in _free_names(function):
        value = names.get(name)
        if isinstance(value, types.ModuleType):
            alias = "" if value.__name__ == name else f" as {name}"
            imports.add(f"import {value.__name__}{alias}")
        elif name in public and value is vars(sys.modules[PUBLIC])[name]:
            imports.add(f"from {PUBLIC} import {name}")
        elif inspect.isfunction(value) or inspect.isclass(value):
            place = value.__module__
            if place != function.__module__ and not place.startswith(PUBLIC):
                imports.add(import_line(value, name))
                continue
            more, before = used_by(value)
            imports |= more
            helpers |= dict.fromkeys([*before, source_of(value)])
        elif name in names and _is_literal(value):
            helpers |= {f"{name} = {value!r}": None}
    return imports, list(helpers)


def is_importable(cls: type) -> bool:
    """Returns whether another process can import a class."""
    return cls.__module__ != "__main__" and "<locals>" not in cls.__qualname__


def class_code(cls: type) -> tuple[set[str], list[str]]:
    """Returns the import line of a class, or its source and what that needs."""
    if is_importable(cls):
        return {import_line(cls)}, []
    try:
        imports, helpers = used_by(cls)
        text = source_of(cls)
    except (OSError, TypeError):  # typed where no source is kept
        return set(), [f"# {cls.__name__} is defined in your own code"]
    package, _, known = keras.saving.get_registered_name(cls).rpartition(">")
    if package and known == cls.__name__:
        register = "keras.saving.register_keras_serializable"
        text = f"@{register}({package!r})\n{text}"
    return imports, [*helpers, text]


def _free_names(function: Any) -> list[str]:
    """Returns the names that a function reads and does not itself define."""
    nodes = list(ast.walk(ast.parse(source_of(function))))
    own = {node.arg for node in nodes if isinstance(node, ast.arg)} | {
        node.id
        for node in nodes
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return [
        node.id
        for node in nodes
        if isinstance(node, ast.Name) and node.id not in own
    ]


def source_of(definition: Any) -> str:
    """Returns the source of a function or class, without annotations."""
    text = textwrap.dedent(inspect.getsource(definition))
    # Without decorators: what registers a class may be defined anywhere.
    head = ast.parse(text).body[0].lineno - 1
    text = "".join(text.splitlines(keepends=True)[head:])
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for first, last in sorted(_unsaid(ast.parse(text), text, starts))[::-1]:
        text = text[:first] + text[last:]
    node = ast.parse(text).body[0]
    if isinstance(node, ast.FunctionDef):  # its head fits into one line now
        head = f"def {node.name}({ast.unparse(node.args)}):"
        text = f"{head}\n{textwrap.indent(_body(node, text), '    ')}"
    return text.rstrip()


def body_of(function: Callable[..., None]) -> str:
    """Returns the statements of a function."""
    text = source_of(function)
    return _body(ast.parse(text).body[0], text)


def _body(node: Any, text: str) -> str:
    lines = text.splitlines()
    first = node.body[0].lineno - 1
    while lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return textwrap.dedent("\n".join(lines[first:]))


def _unsaid(
    tree: ast.Module, text: str, starts: list[int]
) -> Iterator[tuple[int, int]]:
    """Yields where the annotations and docstrings are."""

    def begin(node: Any) -> int:
        return starts[node.lineno - 1] + node.col_offset

    def end(node: Any) -> int:
        return starts[node.end_lineno - 1] + node.end_col_offset

    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation:
            yield begin(node) + len(node.arg), end(node.annotation)
        elif isinstance(node, ast.AnnAssign):
            yield end(node.target), end(node.annotation)
        elif isinstance(node, ast.FunctionDef) and node.returns:
            yield (
                text.rindex(" ->", 0, begin(node.returns)),
                end(node.returns),
            )
        if isinstance(
            node, ast.FunctionDef | ast.ClassDef
        ) and ast.get_docstring(node):
            last = node.body[0].end_lineno or 0
            while not text.splitlines()[last].strip():
                last += 1
            yield starts[node.body[0].lineno - 1], starts[last]


def import_line(value: Any, alias: str = "") -> str:
    """Returns the line that imports a class or function."""
    module, name = value.__module__, value.__qualname__
    if module.startswith("keras.src"):
        module = "keras" if hasattr(keras, name) else "keras.layers"
    elif module.startswith("keras_extras.layers."):
        module = "keras_extras.layers"
    line = f"from {module} import {name}"
    return f"{line} as {alias}" if alias not in ("", name) else line


class Code(str):
    """The code of a value, where `repr` does not give it."""

    __slots__ = ()


def value_code(value: Any) -> str:
    """Returns the code that makes a value, which may be a layer."""
    if isinstance(value, Code):
        return value
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, keras.layers.Layer):
        return _layer_code(value)
    if _is_literal(value):
        return repr(value)
    if isinstance(value, dict):
        items = [f"{key!r}: {value_code(item)}" for key, item in value.items()]
        return "{" + ", ".join(items) + "}"
    try:
        config = keras.saving.serialize_keras_object(value)
    except Exception:  # nothing that Keras knows how to write
        return repr(value)
    return f"keras.saving.deserialize_keras_object({config!r})"


def _layer_code(layer: keras.Layer) -> str:
    name = type(layer).__name__
    try:
        config = smallest_config(layer)
    except Exception:  # neither its config nor its arguments make a layer
        return f"...  # the {name} that was checked"
    try:
        same = plain(type(layer)(**copied(config)).get_config(), True)
        if same == plain(layer.get_config(), True):
            items = [f"{key}={value_code(config[key])}" for key in config]
            return f"{name}({', '.join(items)})"
    except Exception:  # its config is not in the form of its arguments
        pass
    return f"{name}.from_config({value_code(config)})"


def _is_literal(value: Any) -> bool:
    """Returns whether `repr` is the code of a value."""
    try:
        return plain(ast.literal_eval(repr(value))) == plain(value)
    except (ValueError, SyntaxError):
        return False


def own_arguments(layer: keras.Layer) -> dict[str, Any]:
    """Returns the constructor's arguments, from the config or attributes.

    A layer can be made of them whose constructor refuses what Keras writes
    into each config: `name`, `trainable` and `dtype`.
    """
    try:
        config = layer.get_config()
    except Exception:  # which is a check of its own
        config = {}
    found = {}
    for parameter in inspect.signature(type(layer)).parameters.values():
        name = parameter.name
        if name in config or hasattr(layer, name):
            found[name] = config.get(name, getattr(layer, name, None))
    type(layer)(**copied(found))
    return found


def smallest_config(layer: keras.Layer) -> dict[str, Any]:
    """Returns the config without what the constructor's defaults give."""
    make: Callable[[Any], Any] = type(layer).from_config
    try:
        config = copied(layer.get_config())
        wanted = plain(make(copied(config)).get_config(), without_name=True)
    except Exception:  # a constructor that refuses what Keras writes
        config = own_arguments(layer)
        wanted = plain(layer.get_config(), without_name=True)
        make = lambda config: type(layer)(**config)  # noqa: E731
    for key in list(config):
        less = {name: config[name] for name in config if name != key}
        try:
            made = make(copied(less)).get_config()
        except Exception:  # the argument is needed
            continue
        if plain(made, without_name=True) == wanted:
            config = less
    return config


def inputs_code(shapes: Any, batch: int, traits: LayerTraits) -> str:
    """Returns the code that draws the inputs from `generator`."""
    low, high = traits.input_range
    dtype = traits.input_dtype

    def draw(shape: tuple[int, ...]) -> str:
        size = (batch, *shape)
        if dtype == "bool":
            return f"generator.random({size}) < 0.5"
        if is_float(dtype):
            code = f"generator.uniform({low}, {high}, {size})"
        else:
            code = f"generator.integers({int(low)}, {int(high) + 1}, {size})"
        return f'{code}.astype("{dtype}")'

    return _nested_code(shapes, draw)


def symbols_code(shapes: Any, traits: LayerTraits) -> str:
    """Returns the code of symbolic inputs; shapes are with the batch."""
    dtype = traits.input_dtype
    return _nested_code(
        shapes,
        lambda shape: f'keras.Input(batch_shape={shape}, dtype="{dtype}")',
    )


def _nested_code(shapes: Any, code: Callable[[Any], str]) -> str:
    if is_shape(shapes):
        return code(shapes)
    if isinstance(shapes, dict):
        items = shapes.items()
        parts = [
            f"{key!r}: {_nested_code(value, code)}" for key, value in items
        ]
        return "{" + ", ".join(parts) + "}"
    parts = [_nested_code(shape, code) for shape in shapes]
    if isinstance(shapes, tuple):
        return "(" + ", ".join(parts) + ",)"
    return "[" + ", ".join(parts) + "]"


def plain(config: Any, without_name: bool = False) -> str:
    """Returns a config as text, to be compared."""
    if not isinstance(config, dict):
        config = {"": config}
    if without_name:
        config = {key: config[key] for key in config if key != "name"}
    return json.dumps(
        _without_build(
            {key: _serialized(value) for key, value in config.items()}
        ),
        sort_keys=True,
        default=repr,
    )


def _without_build(value: Any) -> Any:
    """Leaves out the build, and the numbers in the names of sublayers."""
    if isinstance(value, dict):
        return {
            key: re.sub(r"_\d+$", "", item)
            if key == "name" and "trainable" in value and "" not in value
            else _without_build(item)
            for key, item in value.items()
            if key != "build_config"
        }
    if isinstance(value, list | tuple):
        return [_without_build(item) for item in value]
    return value


def _serialized(value: Any) -> Any:
    try:
        return keras.saving.serialize_keras_object(value)
    except Exception:  # not serializable, which is a check of its own
        return re.sub(r" at 0x\w+", "", repr(value))
