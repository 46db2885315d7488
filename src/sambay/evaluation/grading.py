"""Is an answer right: the last box of a reply, compared with the wanted one as a person would, in bounded work."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from math import prod

from sambay.chat import split_reasoning

# math-verify's own time limits need the main thread's signals, so what an expression may cost is bounded by its text.
MAX_ANSWER_CHARS = 300
_MAX_DEPTH = 8
_MAX_EXPONENT = 10_000  # of the product of all exponents over numbers: what a tower of powers would grow to
# With letters a bracket's power is expanded term by term, and a quotient of powers divided term by term.
_MAX_BRACKET_EXPONENT = (16, 8)  # of one letter, of several
_MAX_LETTER_EXPONENT = (1_000, 100)  # in a sum or product, in a quotient
_MAX_FUNCTIONS = 12
_MAX_FACTORIAL = 1000

_BOX = "\\boxed{"
_OPEN, _CLOSE = "([{", ")]}"
_WORDS = re.compile(r"[^\W\d_]{2,}(?:[ '-][^\W\d_]+)*")
_LETTER = re.compile(r"\(?([A-Za-z])\)?\.?")
# Digits above nine are letters: 1b4. As mathematics they are products, and 0x1f and 0x2f both 0.
_PREFIXED = re.compile(r"-?0[box][0-9a-f]+", re.IGNORECASE)
_LETTERED = re.compile(r"(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]+", re.IGNORECASE)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?(?: ?([ap])\.?m)?", re.IGNORECASE)  # a last full stop is gone
_PLAIN_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_MIXED = re.compile(r"(-?)(\d{1,9}) (\d{1,9})/(\d{1,9})")
_POWER = re.compile(r"(?:\^|\*\*)")
_TOWER_OF_NUMBERS = re.compile(r"[\d)\]}]\s*(?:\^|\*\*)")
_COMMAND = re.compile(r"\\[a-zA-Z]+")
_QUOTIENT = re.compile(r"/|\\[dt]?frac|\\over|\\div")
# math-verify reads 6*x**2+5*x-3 as 3, the last number; 6*x^{2}+5*x-3 it reads whole.
_STARS = re.compile(r"\*\* ?(?:\((-?[\d/]+)\)|(-?\w+))")
_UNBOUNDED = re.compile(r"\\(?:sum|prod|int|lim|binom|choose|Gamma|zeta|pmod|mod|iint|oint)|!!|[)\]}]!|\\uparrow")
_TEXT_COMMAND = re.compile(r"\\(?:text|mathrm|textbf|mathbf|operatorname)\s*\{([^{}]*)\}")


def final_answer(reply: str) -> str | None:
    """What the last `\\boxed{…}` of a reply holds, outside its thought; None if there is none, or it never closes."""
    text = split_reasoning(reply).answer
    start = text.rfind(_BOX)
    if start < 0:
        return None
    depth, begin = 1, start + len(_BOX)
    for index in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if not depth:
            return text[begin:index].strip()
    return None


def is_right(answer: str | None, wanted: str) -> bool:
    """Whether an answer, as `final_answer` gives it, states `wanted`.

    Words, choices such as B, times of day and digits such as 0x1f must be the same but for case and leading zeros;
    everything else is mathematics and graded by math-verify: 0.75, 3/4 and \\frac{3}{4} are one answer. Never raises
    and takes no signals, so any thread may grade; what `is_bounded` refuses is right only if it is spelled as the
    wanted one.
    """
    if not answer:
        return False
    found, goal = _plain(answer), _plain(wanted)
    if found == goal:
        return True
    for spelling in (_as_word, _as_choice, _as_clock, _as_prefixed, *_LENIENT):
        if (meant := spelling(goal)) is not None:
            stated = spelling(found)
            if stated is not None or spelling not in _LENIENT:
                return stated == meant
    return is_bounded(found) and is_bounded(goal) and _is_equal(found, goal)


def is_bounded(expression: str) -> bool:
    """Whether an expression is short, shallow and free of what may cost unbounded work: towers of powers, factorials
    of large numbers, sums, integrals and their like."""
    if len(expression) > MAX_ANSWER_CHARS or _UNBOUNDED.search(expression):
        return False
    if _depth(expression) > _MAX_DEPTH or len(re.findall(r"\\[a-zA-Z]+", expression)) > _MAX_FUNCTIONS:
        return False
    if any(len(digits) > 4 or int(digits) > _MAX_FACTORIAL for digits in re.findall(r"(\d+)\s*!", expression)):
        return False
    powers = _powers(expression)
    if prod(number for base, number in powers if not base.isalpha()) > _MAX_EXPONENT:
        return False
    letters = set(_letters(expression))
    if not letters:
        return True
    most_of_bracket = _MAX_BRACKET_EXPONENT[len(letters) > 1]
    most_of_letter = _MAX_LETTER_EXPONENT[_QUOTIENT.search(expression) is not None]
    brackets = prod(number for base, number in powers if base in _CLOSE)
    return brackets <= most_of_bracket and all(number <= most_of_letter for base, number in powers if base.isalpha())


# --------------------------------------------------------------------------------------- the kinds of answers


def _plain(text: str) -> str:
    """Without dollars, outer spaces, a full stop at the end, and text commands around words; 3 1/2 as 7/2."""
    text = _TEXT_COMMAND.sub(r"\1", text).replace("$", "").replace("\\!", "").replace("\\,", " ")
    text = " ".join(text.split()).removesuffix(".").strip()
    if (mixed := _MIXED.fullmatch(text)) is None:
        return text
    sign, whole, above, below = mixed[1], *map(int, mixed.groups()[1:])  # else 3 1/2 would be read as a product
    return f"{sign}{whole * below + above}/{below}"


def _as_word(text: str) -> str | None:
    return text.casefold() if _WORDS.fullmatch(text) and not text.startswith("pi") else None


def _as_choice(text: str) -> str | None:
    match = _LETTER.fullmatch(text)
    return match[1].casefold() if match else None


def _as_prefixed(text: str) -> str | None:
    return text.casefold() if _PREFIXED.fullmatch(text) else None


def _as_lettered(text: str) -> str | None:
    return text.casefold() if _LETTERED.fullmatch(text) else None


def _as_clock(text: str) -> tuple[int, int, int, str] | None:
    """Hours, minutes, seconds, and "a" or "p" where the time says which half of the day it means."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds, half = match.groups()
    return int(hours), int(minutes), int(seconds or 0), (half or "").casefold()


def _as_number(text: str) -> str | None:
    """A plain decimal in one spelling: no trailing zeros, no minus before 0, no commas between thousands."""
    if re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", text):
        text = text.replace(",", "")
    if not _PLAIN_NUMBER.fullmatch(text):
        return None
    whole, _, decimals = text.removeprefix("-").partition(".")
    number = f"{whole.lstrip('0') or '0'}.{decimals.rstrip('0')}".removesuffix(".")
    return f"-{number}" if text.startswith("-") and number != "0" else number


_LENIENT = (_as_number, _as_lettered)  # mathematics may state these otherwise: 3/4 as 0.75, 3a as 3*a


# ------------------------------------------------------------------------------------------------ mathematics


@lru_cache(maxsize=65536)
def _is_equal(found: str, goal: str) -> bool:
    import math_verify  # type: ignore[import-untyped]

    for name in ("math_verify.parser", "math_verify.grader"):  # it logs, at every call, that it keeps no time
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        boxes = (f"{_BOX}{_STARS.sub(_as_superscript, text)}}}" for text in (goal, found))
        wanted, stated = (math_verify.parse(box, parsing_timeout=None) for box in boxes)
        return bool(wanted and stated) and bool(math_verify.verify(wanted, stated, timeout_seconds=None))
    except Exception:  # whatever its parsers make of garbage, garbage is not the answer
        return False


def _as_superscript(stars: re.Match[str]) -> str:
    return f"^{{{stars[1] or stars[2]}}}"


def _depth(expression: str) -> int:
    deepest = depth = 0
    for char in expression:
        depth += (char in _OPEN) - (char in _CLOSE)
        deepest = max(deepest, depth)
    return deepest


def _letters(expression: str) -> list[str]:
    """Those that stand for something: not the names of commands, nor e."""
    return [letter for letter in _COMMAND.sub("", expression) if letter.isalpha() and letter != "e"]


def _powers(expression: str) -> list[tuple[str, float]]:
    """The last character of each power's base with its exponent: the largest number in it, at least 1, and infinite
    where it holds a power of a number itself, or any power over a number or a bracket."""
    found = []
    for power in _POWER.finditer(expression):
        exponent = _group(expression, power.end())
        base = expression[: power.start()].rstrip()[-1:]
        is_tower = (_POWER.search(exponent) and not base.isalpha()) or _TOWER_OF_NUMBERS.search(exponent)
        numbers = (float(digits) for digits in re.findall(r"\d+", exponent))
        if base.isalnum() or base in _CLOSE:
            found.append((base, float("inf") if is_tower else max((1.0, *numbers))))
    return found


def _group(expression: str, start: int) -> str:
    """What an operator at `start` applies to: a bracket with all it holds, else up to the next space or sign."""
    rest = expression[start:].lstrip()
    if not rest or rest[0] not in _OPEN:
        match = re.match(r"-?[\w.]*(?:(?:\^|\*\*).*)?", rest)
        return match[0] if match else ""
    depth = 0
    for index, char in enumerate(rest):
        depth += (char in _OPEN) - (char in _CLOSE)
        if not depth:
            return rest[: index + 1]
    return rest
