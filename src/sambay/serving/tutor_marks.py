"""What a learner typed: read kindly, marked by the evaluation's grading; what is not worked out is told apart."""

from __future__ import annotations

import re
import unicodedata
from enum import Enum
from math import gcd

from sambay.evaluation.grading import is_right

MAX_ANSWER_CHARS = 100
# Brackets may be multiplied out to compare, which takes the longer the more letters and powers there are.
_MAX_BRACKET_POWER = 4
_MAX_LETTER_POWER = 20
_MAX_NUMBER_POWER = 1000
_MAX_BRACKETS = 8
_MAX_LETTERS = 4

_COMMAND = re.compile(r"\\[a-zA-Z]+")
_WORD = re.compile(r"[^\W\d_]{3,}")
_POWER = re.compile(r"(\S)\s*(?:\^|\*\*)\s*[({]?\s*-?([\d.]*)")
_TOWER = re.compile(r"(?:\^|\*\*)\s*(?:\{[^{}]*|\([^()]*|[\w.-]*)\s*(?:\^|\*\*)")
_SIGNS = {"−": "-", "–": "-", "·": "*", "⋅": "*", "×": "*", "÷": "/", "⁄": "/", ":=": "="}
_SUPERSCRIPT = re.compile(r"[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_VULGAR = re.compile(r"[¼-¾⅐-⅞]")
_TYPED_PI = re.compile(r"(?<![a-zA-Z\\])pi(?![a-zA-Z])", re.IGNORECASE)
_SPACED = re.compile(r"-?\d{1,3}(?: \d{3})+")
_WITH_UNIT = re.compile(r"([-+]?\d[\d.,]*(?:/\d+| \d+/\d+)?)\s+[^\W\d_]{2,}\.?(?: [^\W\d_]+\.?)*")
_TEX_FRACTION = re.compile(r"\\d?frac\{([^{}]*)\}\{([^{}]*)\}")
_FRACTION = re.compile(r"(?<![\w.])(\d{1,15})\s*/\s*(\d{1,15})(?![\w.])")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class Mark(str, Enum):
    """unfinished: equal to what was asked for, but not worked out, as 7+8 or 16/44 would be."""

    RIGHT = "right"
    WRONG = "wrong"
    UNFINISHED = "unfinished"


def check_cost(answer: str) -> None:
    """Raises ValueError for what could take long to compare: marking has to end while a learner waits."""
    if len(answer) > MAX_ANSWER_CHARS:
        raise ValueError(f"{len(answer)} characters; allowed are {MAX_ANSWER_CHARS}")
    num_brackets = sum(answer.count(bracket) for bracket in "([{")
    if num_brackets > _MAX_BRACKETS:
        raise ValueError(f"{num_brackets} brackets; allowed are {_MAX_BRACKETS}")
    _check_powers(answer)
    letters = set(re.findall(r"[^\W\d_]", _WORD.sub(" ", _COMMAND.sub(" ", answer))))
    if num_brackets and len(letters) > _MAX_LETTERS:
        raise ValueError(f"{len(letters)} different letters with brackets; allowed are {_MAX_LETTERS}")


def _check_powers(answer: str) -> None:
    if _TOWER.search(answer):
        raise ValueError("a power of a power is not marked: write it as one")
    product = 1.0  # of those of brackets, which may lie in each other
    for base, exponent in _POWER.findall(answer):
        size = float(exponent) if _NUMBER.fullmatch(exponent) else float("inf")
        is_bracket = base in ")]}"
        most = _MAX_BRACKET_POWER if is_bracket else _MAX_NUMBER_POWER if base.isdigit() else _MAX_LETTER_POWER
        product *= max(size, 1.0) if is_bracket else 1.0
        if size > most or product > _MAX_BRACKET_POWER:
            raise ValueError(f"the power {exponent or answer[-20:]!r} is not marked: allowed are {most} or less here")


def mark(answer: str, wanted: str) -> Mark:
    """Marks an answer that `check_cost` lets pass. Takes no signals, so any thread may call it."""
    read = as_read(answer, wanted)
    if not is_right(read, wanted):
        return Mark.WRONG
    return Mark.RIGHT if _is_worked_out(read, wanted) else Mark.UNFINISHED


def as_read(answer: str, wanted: str) -> str:
    """The answer in the grader's spelling: signs, powers and fractions of keyboards, pi, units after a number."""
    text = " ".join(_VULGAR.sub(_as_quotient, answer).split())
    text = _SUPERSCRIPT.sub(lambda found: f"^{{{unicodedata.normalize('NFKC', found[0])}}}", text)
    for sign, plain in _SIGNS.items():
        text = text.replace(sign, plain)
    text = _TYPED_PI.sub(r"\\pi", text).replace("π", "\\pi ").strip()
    if _SPACED.fullmatch(text):
        return text.replace(" ", "")
    if _FRACTION.fullmatch(wanted.removeprefix("-")) or _NUMBER.fullmatch(wanted):
        unit = _WITH_UNIT.fullmatch(text)
        return unit[1] if unit else text
    return text


def _as_quotient(found: re.Match[str]) -> str:
    return " " + unicodedata.normalize("NFKC", found[0])


# ------------------------------------------------------------------------------------------------- worked out


def _is_worked_out(read: str, wanted: str) -> bool:
    """Whether an equal answer has no operation left that the wanted one has not, and no fraction to reduce."""
    stated, goal = _flat(read), _flat(wanted)
    if any(gcd(int(above), int(below)) > 1 for above, below in _FRACTION.findall(stated)):
        return False
    if _NUMBER.fullmatch(goal) and "." not in goal and "/" in stated:
        return False
    return all(count <= most for count, most in zip(_operations(stated), _operations(goal), strict=True))


def _flat(text: str) -> str:
    """In one line, without what only spells: \\frac{3}{4} as 3/4, the left side of x = 3, outer brackets."""
    text = _TEX_FRACTION.sub(r"\1/\2", text).replace("\\cdot", "*").replace("\\times", "*").replace("×", "*")
    text = text.rpartition("=")[2].replace("{", "").replace("}", "").replace("**", "^").replace(" ", "").strip("$")
    return text[1:-1] if re.fullmatch(r"\([^()]*\)", text) else text


def _operations(text: str) -> tuple[int, int, int, int]:
    """How many sums, products of numbers, powers of numbers, and brackets."""
    return (
        len(re.findall(r"(?<=[\w)])[+-]", text)),
        len(re.findall(r"(?<=\d)\*(?=[\d(-])", text)),
        len(re.findall(r"(?<![a-zA-Z\d.])[\d.]+\^", text)),
        text.count("("),
    )
