"""Sums of powers of one letter in three spellings: 3*x**2/4 - x + 5, 3*x^2/4 - x + 5, and (3/4)x^2 - x + 5."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

# Fixed by the numbers, as in `terms`; capitals beside the usual letters, as programs of algebra draw them.
_LETTERS = "xXxtXyxzXuxw"


class Term(NamedTuple):
    """top/bottom times the letter to a power; bottom is positive and the fraction in lowest terms."""

    top: int
    exponent: int
    bottom: int = 1


def letter_for(numbers: Iterable[int]) -> str:
    """The letter of a problem with these numbers: one problem never comes back under another name."""
    return _LETTERS[sum((place + 3) * number for place, number in enumerate(numbers)) % len(_LETTERS)]


def coded(terms: Iterable[Term], letter: str) -> str:
    """3*x**2/4 - x + 5, as programs read it and as answers are given."""
    return _summed(terms, letter, _coded)


def careted(terms: Iterable[Term], letter: str) -> str:
    """3*x^2/4 - x + 5."""
    return coded(terms, letter).replace("**", "^")


def handwritten(terms: Iterable[Term], letter: str) -> str:
    """(3/4)x^2 - x + 5."""
    return _summed(terms, letter, _handwritten)


def spellings(name: str, terms: Iterable[Term], letter: str) -> dict[str, str]:
    """The sum in its spellings, as values: `name`, `name_caret` and `name_hand`."""
    terms = tuple(terms)
    return {
        name: coded(terms, letter),
        f"{name}_caret": careted(terms, letter),
        f"{name}_hand": handwritten(terms, letter),
    }


def _summed(terms: Iterable[Term], letter: str, written: Callable[[Term, str], str]) -> str:
    text = "".join(f" {'-' if term.top < 0 else '+'} {written(term, letter)}" for term in terms if term.top)
    return f"-{text[3:]}" if text.startswith(" -") else text[3:] or "0"


def _power(letter: str, exponent: int) -> str:
    return f"{letter}**{exponent}" if exponent > 1 else letter * exponent


def _coded(term: Term, letter: str) -> str:
    number, power = str(abs(term.top)), _power(letter, term.exponent)
    product = "*".join(part for part in (number, power) if part and not (part == "1" and power))
    return f"{product}/{term.bottom}" if term.bottom > 1 else product


def _handwritten(term: Term, letter: str) -> str:
    number, power = str(abs(term.top)), _power(letter, term.exponent).replace("**", "^")
    if term.bottom > 1:
        return f"({number}/{term.bottom}){power}" if power else f"{number}/{term.bottom}"
    return power if power and number == "1" else f"{number}{power}"
