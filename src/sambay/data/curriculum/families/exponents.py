"""Exponents, logarithms and absolute values: the rules that turn them into sums and differences."""

from __future__ import annotations

from random import Random

from ..forms import less
from ..problem import Draft, Family
from ..terms import letter_of
from ..working import Work
from .equations import nonzero
from .wording import asked, asked_held_out, crossed


def _exponent_rules(random: Random, level: int) -> Draft:
    """A product, a quotient or a power of powers of one base, or from level 2 on several in a row."""
    base = random.choice((2, 3, 5, 7, 10, 11))
    most = (20, 30, 60, 300)[level - 1]
    work, exponent = Work(), random.randint(2, most)
    text, num_more = f"{base}^{exponent}", min(level, 3)
    if random.random() < 0.3:
        outer = random.randint(2, 12)
        text, exponent, num_more = f"({text})^{outer}", work.multiply(exponent, outer), num_more - 1
    for _ in range(num_more):
        n = random.randint(2, most)
        is_product = random.random() < 0.5 or exponent <= n
        text += f"{'*' if is_product else '/'}{base}^{n}"
        exponent = work.add(exponent, n) if is_product else work.subtract(exponent, n)
    work.say(f"exponent {exponent}")
    return Draft({"power": text, "base": base}, work, str(exponent))


EXPONENT_RULES = Family(
    "exponent_rules",
    _exponent_rules,
    wordings=(
        *asked(
            "the exponent if {power} is written as one power of {base}",
            "the number n with {power} = {base}^n",
        ),
        "{power} = {base}^?",
        "{power}, exponent of {base}",
        "Write {power} as a power of {base}. What is the exponent?",
        "Simplify {power} to {base}^n. What is n?",
        "Which power of {base} is {power}? Give the exponent.",
        "{power} = {base}^n. n = ?",
        "{base} to which power is {power}?",
    ),
    held_out_wordings=asked_held_out(
        "the exponent of {base} once {power} is a single power", "n, where {power} is the same as {base}^n"
    ),
)


def _logarithms(random: Random, level: int) -> Draft:
    """Powers of the base until the number is reached; then the logarithms are added or subtracted."""
    num_logs = (2, 2, 3, 3)[level - 1]
    most = (500, 5000, 5000, 100_000)[level - 1]
    work, parts, exponents = Work(), [], []
    for _ in range(num_logs):
        base = random.randint(2, 10)
        exponent, number = 1, base
        stop = random.randint(2, 6)
        while exponent < stop and number * base <= most:
            exponent, number = exponent + 1, number * base
        value = base
        for _ in range(exponent - 1):
            value = work.multiply(value, base)
        work.say(f"{number}: {base}^{exponent}")
        parts.append(f"log_{base}({number})")
        exponents.append(exponent)
    text, answer = parts[0], exponents[0]
    for part, exponent in zip(parts[1:], exponents[1:], strict=True):
        sign = random.choice("+-")
        text += f" {sign} {part}"
        answer = work.add(answer, exponent) if sign == "+" else work.subtract(answer, exponent)
    work.say(f"so {answer}")
    return Draft({"logs": text}, work, str(answer))


LOGARITHMS = Family(
    "logarithms",
    _logarithms,
    wordings=(
        *asked("{logs}", "the value of {logs}"),
        "{logs}",
        "{logs} = ?",
        "How much is {logs}?",
        "Evaluate {logs}.",
        "The logarithms in {logs} are whole numbers. What does it come to?",
    ),
    held_out_wordings=crossed(
        ("Logarithms:", "A task with logarithms:"),
        (
            "{logs} gives what?",
            "simplify {logs}.",
            "let us evaluate {logs}.",
            "which number is {logs}?",
            "solve {logs}",
        ),
    ),
)


def _absolute_value(random: Random, level: int) -> Draft:
    """Bars of a difference; from level 2 on a sum of two; from level 3 on an equation with two solutions."""
    most = (60, 60, 200, 2000)[level - 1]
    work = Work()
    if level > 2 and random.random() < 0.5:
        a, b, wanted = nonzero(random, most), random.randint(1, most), random.choice(("larger", "smaller"))
        letter = letter_of(a, b)
        right = b if wanted == "larger" else -b
        work.say(f"{wanted}: {letter}{-a:+d}={right}")
        answer = less(work, right, -a)
        work.say(f"{letter}={answer}")
        task = f"the {wanted} solution of |{letter} {'-' if a > 0 else '+'} {abs(a)}| = {b}"
        return Draft({"task": task}, work, str(answer))
    answer, text = _bars(random, work, most)
    if level > 1:
        sign = random.choice("+-")
        second, more = _bars(random, work, most)
        answer = work.add(answer, second) if sign == "+" else work.subtract(answer, second)
        text += f" {sign} {more}"
    work.say(f"so {answer}")
    return Draft({"task": text}, work, str(answer))


def _bars(random: Random, work: Work, most: int) -> tuple[int, str]:
    a, b = random.randint(-most, most), random.randint(1, most)
    difference = work.subtract(a, b)
    if difference < 0:
        work.say(f"|{difference}| is {-difference}")
    return abs(difference), f"|{a} - {b}|"


ABSOLUTE_VALUE = Family(
    "absolute_value",
    _absolute_value,
    wordings=(
        *asked("{task}", "the following: {task}"),
        "{task}",
        "{task} = ?",
        "Give {task}, please.",
        "The bars mean absolute value. What is {task}?",
        "How much is {task}?",
    ),
    held_out_wordings=crossed(
        ("With absolute values:", "Bars stand for absolute values here:"),
        ("{task} gives what?", "compute {task}", "I am looking for {task}.", "which number is {task}?", "get {task}."),
    ),
)

FAMILIES = (EXPONENT_RULES, LOGARITHMS, ABSOLUTE_VALUE)
