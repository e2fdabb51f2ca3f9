"""What a check declares about itself: what it needs, and what it is for."""

import dataclasses
import inspect
from collections.abc import Callable, Iterable
from typing import Literal

from keras_extras.testing._subject import Subject

# For checks that make the layer again from its own config.
CLONED = ("check_clone", "check_call")
Kind = Literal["layers", "models", "both"]


@dataclasses.dataclass(frozen=True)
class Check:
    """A promise, and the function that tests whether a layer keeps it."""

    function: Callable[[Subject], None]
    needs: tuple[str, ...]
    of: Kind

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def doc(self) -> str:
        """The promise in words, and what to repair."""
        return inspect.getdoc(self.function) or ""

    def __call__(self, subject: Subject) -> None:
        self.function(subject)


def check(
    *,
    needs: tuple[str, ...] = ("check_call",),
    of: Kind = "both",
) -> Callable[[Callable[[Subject], None]], Check]:
    """Makes a check of a function that raises `CheckFailure`.

    Args:
        needs: names of the checks without which this one can say nothing: they
            run before it, and it is skipped if one of them fails.
        of: whether it is for `"layers"`, for `"models"` or for `"both"`.

    Returns:
        A decorator.
    """
    return lambda function: Check(function, needs, of)


def checks_in(modules: Iterable[object]) -> tuple[Check, ...]:
    """Returns the checks of modules in their order, but what is needed first.

    Args:
        modules: the modules; within one, checks come in the order of the file.

    Returns:
        The checks in the order in which they run.
    """
    found = {
        value.name: value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Check)
    }
    placed: dict[str, Check] = {}

    def place(check: Check) -> None:
        for name in check.needs:
            place(found[name])
        placed.setdefault(check.name, check)

    for each in found.values():
        place(each)
    return tuple(placed.values())
