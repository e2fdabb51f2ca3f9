"""The command `keras-extras check`: whether a layer keeps its promises."""

import argparse
import ast
import importlib
import os
import sys
from typing import Any

from keras_extras.cli._parsers import Commands, new, sizes

_CHECK = """\
Puts a layer or model through the checks of keras_extras.testing and prints a
table, with code to paste for each failure. LAYER is a class that needs no
arguments, a call of one with plain values, or an instance:
  keras-extras check my_package.layers:MyLayer
  keras-extras check "keras.layers:Dense(3, activation='relu')"
The folder in which you are is searched too. Exit code 1 if a check fails."""


def add_command(commands: Commands) -> None:
    """Adds the command to a parser.

    Args:
        commands: what `add_subparsers` returned.
    """
    check = new(
        commands.add_parser,
        "check",
        help="check that a layer or model keeps its promises",
        description=_CHECK,
    )
    check.add_argument(
        "layer", metavar="MODULE:LAYER", help="which layer, see above"
    )
    check.add_argument(
        "--shape",
        metavar="N,N,...",
        type=sizes,
        help="input shape of one sample, such as 28,28,1 (default: found)",
    )
    check.add_argument(
        "--quick",
        action="store_true",
        help="only what needs no other process: no other backends",
    )
    check.set_defaults(command=run_check)


def run_check(args: argparse.Namespace) -> int:
    """Prints the table of results."""
    import keras

    from keras_extras import testing

    layer = _find_layer(args.layer)
    if not isinstance(layer, keras.Layer):
        raise ValueError(
            f"check: {args.layer} is no Keras layer or model, but a "
            f"{type(layer).__name__}"
        )
    check = (
        testing.check_model
        if isinstance(layer, keras.Model)
        else testing.check_layer
    )
    results = check(
        layer,
        input_shapes=args.shape,
        on_fail=None,
        backends=() if args.quick else None,
    )
    print(results)
    return 1 if results.failed else 0


def _find_layer(given: str) -> Any:
    """Returns the layer that `module:Layer(units=3)` stands for."""
    module_name, colon, code = given.partition(":")
    if not colon:
        raise ValueError(
            f"check: {given!r} has no colon; write my_package.layers:MyLayer"
        )
    try:
        node = ast.parse(code.strip(), mode="eval").body
        call = node if isinstance(node, ast.Call) else None
        name = ast.unparse(call.func if call else node)
        args = [ast.literal_eval(arg) for arg in (call.args if call else ())]
        kwargs = {
            str(keyword.arg): ast.literal_eval(keyword.value)
            for keyword in (call.keywords if call else ())
        }
    except (SyntaxError, ValueError) as error:
        raise ValueError(
            f"check: {given!r} is not MODULE:LAYER or MODULE:LAYER(argument, "
            "name=value) with plain values"
        ) from error
    sys.path.insert(0, os.getcwd())
    found: Any = importlib.import_module(module_name)
    for part in name.split("."):
        if not hasattr(found, part):
            raise ValueError(f"check: {module_name} has no {name}")
        found = getattr(found, part)
    if call or isinstance(found, type):
        try:
            return found(*args, **kwargs)
        except TypeError as error:
            raise ValueError(
                f"check: {name} cannot be made: {error}. Give its arguments: "
                f"{module_name}:{name}(...)"
            ) from error
    return found
