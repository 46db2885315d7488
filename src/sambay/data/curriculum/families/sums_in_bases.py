"""Sums and differences of numbers in another base, column by column: each result is taken apart by the base."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ..problem import Draft, Family
from ..working import Work
from ..working_bases import digit_value, digits_in, set_apart, write_digit
from .scenery import stories

_NAMES = {2: "binary", 8: "octal", 16: "hexadecimal"}
_PREFIXES = {2: "0b", 8: "0o", 16: "0x"}
_NUM_DIGITS = {1: (1, 2), 2: (2, 3), 3: (3, 4), 4: (5, 6)}


def _sum_in_base(random: Random, level: int) -> Draft:
    base = random.choice((16, 16, 16, 16, 2, 2, 8, 3, 4, 5, 6, 7, 9, 12))
    least, most = _NUM_DIGITS[level]
    more = 2 if base == 2 else 0  # binary numbers are longer
    a, b = (random.randrange(base ** (least - 1 + more), base ** (most + more)) for _ in range(2))
    sign = random.choice("+-")
    if sign == "-":
        a, b = max(a, b), min(a, b)
    if a == b or not b:
        return _sum_in_base(random, level)
    first, second = digits_in(a, base), digits_in(b, base)
    work = Work()
    digits = (added if sign == "+" else subtracted)(work, first, second, base)
    is_prefixed = base in _PREFIXES and (a + b) % 3 == 0  # by the numbers, so that a problem has one form
    prefix = _PREFIXES[base] if is_prefixed else ""
    work.say(f"so {prefix}{digits}")
    values = {"a": f"{prefix}{first}", "b": f"{prefix}{second}", "sign": sign, "base": base}
    name = _NAMES.get(base, f"base-{base}") if random.random() < 0.7 else f"base-{base}"
    words = {"+": ("plus", "sum"), "-": ("minus", "difference")}[sign]
    return Draft(values, work, prefix + digits, {"kind": name, "word": words[0], "result": words[1]})


def _columns(work: Work, first: str, second: str, base: int) -> Iterator[tuple[str, str]]:
    """The digits of each column from the right; what is left of both numbers is written before it."""
    while first or second:
        left = f"{set_apart(first or '0', base)} | {set_apart(second or '0', base)}"
        work.say(left)
        yield first[-1:] or "0", second[-1:] or "0"
        first, second = first[:-1], second[:-1]


def added(work: Work, first: str, second: str, base: int) -> str:
    """The digits of the sum, worked out."""
    digits, carry = "", 0
    for x, y in _columns(work, first, second, base):
        a, b = digit_value(work, x), digit_value(work, y)
        column, total = f"{a}+{b}{'+1' if carry else ''}", a + b + carry
        carry, digit = divmod(total, base)
        work.say(f"{column}={total}=1*{base}+{digit}, carry 1" if carry else f"{column}={total}")
        digits = write_digit(work, digit, digits, base)
    return write_digit(work, 1, digits, base) if carry else digits


def subtracted(work: Work, first: str, second: str, base: int) -> str:
    """Of a number not below the other; zeros in front are dropped at the end."""
    digits, borrowed = "", False
    for x, y in _columns(work, first, second, base):
        a, b = digit_value(work, x), digit_value(work, y)
        is_short = a - b - borrowed < 0
        if is_short:
            work.say(f"{a}+{base}={a + base}, borrow 1")
            a += base
        work.say(f"{a}-{b}{'-1' if borrowed else ''}={a - b - borrowed}")
        digits, borrowed = write_digit(work, a - b - borrowed, digits, base), is_short
    return digits.lstrip("0")


SUM_IN_BASE = Family(
    "sum_in_base",
    _sum_in_base,
    stories("""
        What is {a} {sign} {b} in base {base}?
        Compute {a} {sign} {b} in base {base}.
        Work out {a} {sign} {b} with {kind} numbers only.
        {a} {sign} {b} in base {base}
        {a} {word} {b}, {kind}
        Find the {result} of the {kind} numbers {a} and {b} in base {base}.
        In base {base}, how much is {a} {sign} {b}?
        Calculate the {kind} {result} {a} {sign} {b}.
        All numbers are {kind}: {a} {sign} {b} = ?
        In base {base}, what is the {kind} number {a} {word} the {kind} number {b}?
        Please give {a} {sign} {b} in {kind} digits; {a} and {b} are {kind} as well.
        Evaluate {a} {sign} {b}. Everything is {kind}.
        Tell me the {result} {a} {sign} {b} of two {kind} numbers, in {kind} digits.
        ({a} {sign} {b}) in base {base}, please
        Using base {base}, find {a} {sign} {b}.
        {kind} arithmetic: {a} {sign} {b}
        Both numbers are {kind}, and so should be the answer: {a} {sign} {b}.
        Do this in base {base}: {a} {sign} {b}.
        What do I get for {a} {word} {b} in base {base}?
        I need {a} {sign} {b}, all in base {base}.
        Give the {kind} result of {a} {sign} {b}. The numbers are {kind}, too.
        Without leaving base {base}, work out {a} {sign} {b}.
        Can you do {kind} arithmetic? {a} {sign} {b}
    """),
    stories("""
        Which {kind} number is {a} {word} {b}, with both in base {base}?
        Let a = {a} and b = {b} be {kind} numbers. Find a {sign} b in that base.
        With digits in base {base}: {a} {sign} {b} comes to what?
        A computer that counts in base {base} is asked for {a} {sign} {b}. Its reply?
        State the {result} of {a} and {b}, two {kind} numbers, in the same base.
        Read {a} and {b} as {kind}. What is {a} {word} {b}, written the same way?
        Column by column in base {base}, what is {a} {sign} {b}?
        My {kind} homework says {a} {sign} {b}. Which {kind} number is it?
        How is {a} {sign} {b} written if all numbers have base {base}?
        Could you get the {kind} {result} for {a} {sign} {b}?
    """),
)

FAMILIES = (SUM_IN_BASE,)
