"""Terms as they are written: 3x^2-x+5 from its numbers, with or without spaces and signs of multiplication."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

LETTERS = "xyzntkmabpqw"
_BINARY = re.compile(r"(?<=[\w)])([+\-=]|[<>]=?)")
_PRODUCT = re.compile(r"(?<=\d)(?=[a-z(])|(?<=\))(?=\()")


def letter_of(*numbers: int) -> str:
    """The unknown's name, fixed by the numbers: one equation never comes back under another name."""
    return LETTERS[sum((place + 1) * number for place, number in enumerate(numbers)) % len(LETTERS)]


def joined(terms: Iterable[tuple[int, str]]) -> str:
    """(3, "x"), (-1, "y"), (5, "") as 3x-y+5; terms of 0 are left out."""
    text = "".join(_signed(number, name) for number, name in terms if number)
    return text.removeprefix("+") or "0"


def linear(a: int, b: int, letter: str = "x") -> str:
    """ax+b as it is written."""
    return joined(((a, letter), (b, "")))


def polynomial(coefficients: Sequence[int], letter: str = "x") -> str:
    """The polynomial with these coefficients, the highest power first."""
    return joined((number, power(letter, len(coefficients) - 1 - place)) for place, number in enumerate(coefficients))


def power(letter: str, exponent: int) -> str:
    """The letter to a power, as it stands in a term: x^2, x, or nothing."""
    return f"{letter}^{exponent}" if exponent > 1 else letter * exponent


def listed(coefficients: Sequence[int]) -> str:
    """Numbers as signed summands: 3, -2, 5 as 3-2+5, zeros included."""
    return "".join(f"{number:+d}" for number in coefficients).removeprefix("+")


def spaced(text: str) -> str:
    """3x-2=7 as 3x - 2 = 7."""
    return _BINARY.sub(r" \1 ", text)


def starred(text: str) -> str:
    """3x-2=7 as 3*x - 2 = 7."""
    return spaced(_PRODUCT.sub("*", text))


def styles(name: str, text: str) -> dict[str, str]:
    """The text in three styles, as values: `name`, `name_spaced` and `name_starred`."""
    return {name: text, f"{name}_spaced": spaced(text), f"{name}_starred": starred(text)}


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _signed(number: int, name: str) -> str:
    sign = "-" if number < 0 else "+"
    return f"{sign}{name if name and abs(number) == 1 else f'{abs(number)}{name}'}"
