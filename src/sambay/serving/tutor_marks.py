"""What a learner typed: read kindly, marked by the evaluation's grading; what is not worked out is told apart."""

from __future__ import annotations

import re
import unicodedata
from enum import Enum
from math import gcd, prod

from sambay.evaluation.grading import is_right

MAX_ANSWER_CHARS = 100

# Only these go to the computer algebra system, for a thread that compares cannot be ended: numbers, and polynomials of
# small powers in the letters of the wanted answer. All that the curriculum asks for is of these kinds.
_MAX_POWER = 20
_MAX_BRACKET_POWER = 9
_MAX_BRACKETS = 8
_MAX_ROOTS = 2
_COMMANDS = re.compile(r"\\(?:[dt]?frac|sqrt|pi|cdot|times|left|right|,)")
_SIGN_OR_DIGIT = re.compile(r"[\d+*/(){}^=.,%$ -]")
_POWER = re.compile(r"(\S)\s*(?:\^|\*\*)\s*(?:\{\s*-?(\d{1,4})\s*\}|\(\s*-?(\d{1,4})\s*\)|-?(\d{1,4})(?!\d))")
_POWER_SIGN = re.compile(r"\^|\*\*")
# Words, choices, times and digits with a prefix are compared by their spelling alone.
_SPELLED = re.compile(r"[^\W\d_]+|\d{1,2}:\d{2}(?::\d{2})?|-?0[box][0-9a-fA-F]+")

_TOWER = re.compile(r"(?:\^|\*\*)\s*(?:\{[^{}]*|\([^()]*|[\w.-]*)\s*(?:\^|\*\*)")
_SIGNS = {"−": "-", "–": "-", "·": "*", "⋅": "*", "×": "*", "÷": "/", "⁄": "/", ":=": "="}
_SUPERSCRIPT = re.compile(r"[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_VULGAR = re.compile(r"[¼-¾⅐-⅞]")
_TYPED_PI = re.compile(r"(?<![a-zA-Z\\])pi(?![a-zA-Z])", re.IGNORECASE)
_SPACED = re.compile(r"-?\d{1,3}(?: \d{3})+")
_NAMED = re.compile(r"[^\W\d_]\w?\s*(?:\([^\W\d_]\)\s*)?=")  # x = 3, f(x) = 3
_TEX_TEXT = re.compile(r"\\(?:text|mathrm)\s*\{([^{}]*)\}")
_WITH_UNIT = re.compile(
    r"([-+]?\d[\d.,]*(?:/\d+| \d+/\d+)?)(?: [^\W\d_]|\s*[^\W\d_]{2,})\w*\^?\d?\.?(?: [^\W\d_]+\.?)*"
)
_TEX_FRACTION = re.compile(r"\\d?frac\{([^{}]*)\}\{([^{}]*)\}")
_FRACTION = re.compile(r"(?<![\w.^])(\d{1,15})\s*/\s*(\d{1,15})(?![\w.])")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class Mark(str, Enum):
    """unfinished: equal to what was asked for, but not worked out, as 7+8 or 16/44 would be."""

    RIGHT = "right"
    WRONG = "wrong"
    UNFINISHED = "unfinished"


def mark(answer: str, wanted: str) -> Mark:
    """Marks an answer of at most MAX_ANSWER_CHARS in bounded time. Takes no signals, so any thread may call it."""
    read = as_read(answer, wanted)
    if _SPELLED.fullmatch(wanted) or _is_cheap(read, wanted):
        is_equal = is_right(read, wanted)
    else:
        is_equal = read.replace(" ", "").casefold() == wanted.replace(" ", "").casefold()
    if not is_equal:
        return Mark.WRONG
    return Mark.RIGHT if _SPELLED.fullmatch(wanted) or _is_worked_out(read, wanted) else Mark.UNFINISHED


def _is_cheap(read: str, wanted: str) -> bool:
    """Whether it is a number or a small polynomial; see above."""
    rest = _SIGN_OR_DIGIT.sub("", _COMMANDS.sub("", read))
    letters = _SIGN_OR_DIGIT.sub("", _COMMANDS.sub("", wanted)).casefold()
    if not set(rest.casefold()) <= set(letters):
        return False
    if sum(read.count(bracket) for bracket in "({") > _MAX_BRACKETS or read.count("\\sqrt") > _MAX_ROOTS:
        return False
    powers = [(base, int("".join(digits))) for base, *digits in _POWER.findall(read)]
    if len(powers) != len(_POWER_SIGN.findall(read)) or _TOWER.search(read):
        return False  # an exponent is no small number
    product = prod(max(exponent, 1) for base, exponent in powers if base in ")}")  # they may lie in each other
    return product <= _MAX_BRACKET_POWER and all(exponent <= _MAX_POWER for _, exponent in powers)


def as_read(answer: str, wanted: str) -> str:
    """The answer in the grader's spelling: signs, powers and fractions of keyboards, pi, units after a number."""
    text = " ".join(_VULGAR.sub(_as_quotient, answer).split())
    text = _SUPERSCRIPT.sub(lambda found: f"^{{{unicodedata.normalize('NFKC', found[0])}}}", text)
    for sign, plain in _SIGNS.items():
        text = text.replace(sign, plain)
    text = _TYPED_PI.sub(r"\\pi", _TEX_TEXT.sub(r" \1", text)).replace("π", "\\pi ").strip()
    if "=" not in wanted:
        text = _NAMED.sub("", text, count=1).strip()
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
