"""The wording of every error, in one place.

    owner: argument must be <allowed>. Received: argument=<value>.
    <context> <fix>

One form for all means that a message can be tested for every argument, and
that a reader always finds the same four facts: who complains, about which
argument, what is allowed, and what came.
"""

import importlib
from types import ModuleType


def invalid_argument(
    owner: object,
    argument: str,
    allowed: str,
    received: object,
    *,
    context: str = "",
    fix: str = "",
    error: type[Exception] = ValueError,
) -> Exception:
    """Returns the exception for an argument that is not what it must be.

    Args:
        owner: the object that complains (its class is named), or a name.
        argument: name of the argument.
        allowed: what it must be, as a noun phrase: `"a positive integer"`.
        received: the value that came.
        context: sentence with other facts that matter; `""` for none.
        fix: sentence that says how to fix it, if the rest does not.
        error: `ValueError` for a wrong value, `TypeError` for a wrong type.

    Returns:
        The exception, to be raised by the caller.

    Examples:
        >>> str(invalid_argument("Dense", "units", "a positive integer", -1))
        'Dense: units must be a positive integer. Received: units=-1.'
    """
    name = owner if isinstance(owner, str) else type(owner).__name__
    sentences = [
        f"{name}: {argument} must be {allowed}.",
        f"Received: {argument}={received!r}.",
        context,
        fix,
    ]
    return error(" ".join(sentence for sentence in sentences if sentence))


def import_optional(module: str, *, extra: str, owner: str) -> ModuleType:
    """Imports a package that is not a hard dependency, or says how to get it.

    Args:
        module: dotted name, such as `"matplotlib.pyplot"`.
        extra: the extra of keras-extras that installs it.
        owner: the function or class that needs it.

    Raises:
        ImportError: if it is not installed, with the line that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as cause:
        package = module.partition(".")[0]
        raise ImportError(
            f"{owner} needs {package}, which is not installed. "
            f"Install it: pip install 'keras-extras[{extra}]'"
        ) from cause
