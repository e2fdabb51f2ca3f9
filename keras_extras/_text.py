"""Text from outside (names of classes, layers, runs) that can be shown.

A lone surrogate, which a file name can hold, cannot be written as UTF-8; a
control character has no picture. Neither may end a report or a drawing.
"""

import unicodedata


def printable(text: object, *, lines: bool = False) -> str:
    r"""Returns text without what cannot be printed.

    Args:
        text: anything; what is no `str` is turned into one.
        lines: whether ends of lines and tabs stay; else they become blanks.

    Examples:
        >>> printable("a\nb\0"), printable("a\nb", lines=True)
        ('a b ', 'a\nb')
    """
    keep = "\n\t" if lines else ""
    return "".join(
        character if character in keep else _shown(character)
        for character in str(text)
    )


def _shown(character: str) -> str:
    if character.isspace():
        return " "
    kind = unicodedata.category(character)
    if kind == "Cs":  # half of a pair
        return "\N{REPLACEMENT CHARACTER}"
    return " " if kind == "Cc" else character
