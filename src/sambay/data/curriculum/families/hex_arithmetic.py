"""Hexadecimal numbers as programs write them: sums, differences of any sign, shifts, products by one digit.

0x5d<<0x3 is 0x5d*8, digit by digit      a shift to the left is a product, one to the right a quotient
5 d
d is 13
13*8=104=6*16+8, carry 6
write 8
5
5*8+6=46=2*16+14, carry 2
14 is e: write e 8
write 2 e 8
so 0x2e8
"""

from __future__ import annotations

from random import Random

from ..problem import Draft, Family
from ..working import Work
from ..working_bases import digit_value, digits_in, set_apart, write_digit
from .scenery import stories
from .sums_in_bases import added, subtracted

_BASE = 16
_NUM_DIGITS = {1: (1, 2), 2: (2, 3), 3: (3, 4), 4: (5, 6)}
_MOST_SHIFT = 3


def _hex_arithmetic(random: Random, level: int) -> Draft:
    least, most = _NUM_DIGITS[level]
    a, b = (random.randrange(_BASE ** (least - 1), _BASE**most) for _ in range(2))
    sign = random.choice(("+", "-", "<<", ">>", "<<", ">>", "*"))
    if sign in ("<<", ">>"):
        b = random.randint(0, _MOST_SHIFT)
    elif sign == "*":
        b = random.randint(2, 15)
    elif a == b:
        return _hex_arithmetic(random, level)
    work, first, second = Work(), digits_in(a, _BASE), digits_in(b, _BASE)
    answer = "0x" + _worked(work, a, sign, b) if sign != "-" or a > b else "-0x" + _turned(work, first, second)
    work.say(f"so {answer}")
    return Draft({"a": f"0x{first}", "sign": sign, "b": f"0x{second}"}, work, answer)


def _worked(work: Work, a: int, sign: str, b: int) -> str:
    first, second = digits_in(a, _BASE), digits_in(b, _BASE)
    if sign in ("+", "-"):
        return (added if sign == "+" else subtracted)(work, first, second, _BASE)
    if sign == "*":
        return _multiplied(work, first, digit_value(work, second))
    if not b:
        return first
    factor = 2**b
    work.say(f"0x{first}{sign}0x{second} is 0x{first}{'*' if sign == '<<' else '/'}{factor}, digit by digit")
    return (_multiplied if sign == "<<" else _divided)(work, first, factor)


def _turned(work: Work, first: str, second: str) -> str:
    """The larger number less the smaller one, for a difference below zero."""
    work.say(f"0x{first}<0x{second}, so -(0x{second}-0x{first})")
    return subtracted(work, second, first, _BASE)


def _multiplied(work: Work, digits: str, factor: int) -> str:
    """Times a number below 16, digits from the right; what is left is written before each."""
    result, carry = "", 0
    while digits:
        work.say(set_apart(digits, _BASE))
        value = digit_value(work, digits[-1])
        total = value * factor + carry
        line = f"{value}*{factor}{f'+{carry}' if carry else ''}={total}"
        carry, digit = divmod(total, _BASE)
        work.say(f"{line}={carry}*16+{digit}, carry {carry}" if carry else line)
        result, digits = write_digit(work, digit, result, _BASE), digits[:-1]
    return write_digit(work, carry, result, _BASE) if carry else result


def _divided(work: Work, digits: str, factor: int) -> str:
    """By 2, 4 or 8, what remains dropped: digits from the left; each remainder is carried into the next one."""
    result, rest = "", 0
    for place, digit in enumerate(digits):
        work.say(f"{rest}|{set_apart(digits[place:], _BASE)}")
        value = digit_value(work, digit)
        total = rest * _BASE + value
        step = f"{rest}*16+{value}={total}=" if rest else f"{total}="
        quotient, rest = divmod(total, factor)
        work.say(f"{step}{quotient}*{factor}+{rest}")
        result += digits_in(quotient, _BASE)
        name = f"{quotient} is {result[-1]}: " if quotient > 9 else ""
        work.say(f"{name}have {set_apart(result, _BASE)}")
    return result.lstrip("0") or "0"


HEX_ARITHMETIC = Family(
    "hex_arithmetic",
    _hex_arithmetic,
    stories("""
        {a} {sign} {b}
        ({a} {sign} {b})
        {a}{sign}{b}
        {a} {sign} {b} = ?
        What is {a} {sign} {b}?
        What is ({a} {sign} {b}) in hexadecimal?
        Compute {a} {sign} {b} in hex.
        Evaluate {a} {sign} {b}, with a hexadecimal result.
        Evaluate ({a} {sign} {b}).
        Give the hex value of {a} {sign} {b}.
        Find {a} {sign} {b}; write it with 0x.
        Solve ({a} {sign} {b}) and answer in hexadecimal.
        In Python I type hex({a} {sign} {b}). What do I get?
        A program prints {a} {sign} {b} as a hex number. What is printed?
        Result of {a} {sign} {b} in hexadecimal notation, please.
        Work out this hexadecimal expression: ({a} {sign} {b})
        Numbers have any number of bits and a sign. {a} {sign} {b} is what, in hex?
        If below zero, write a minus before 0x: {a} {sign} {b}
        Please calculate {a} {sign} {b} and keep to hexadecimal.
        Tell me {a} {sign} {b} as a hex number.
        hex: {a} {sign} {b}
        How much is {a} {sign} {b} in base 16, with the 0x?
        Shifts and sums of integers, answer with 0x: {a} {sign} {b}
        Determine the hexadecimal number {a} {sign} {b}.
    """),
    stories("""
        Let x = {a} and y = {b}. Which hex number is x {sign} y?
        The register holds {a}. After {sign} {b}, what does it hold in hex?
        Could you evaluate {a} {sign} {b} the way a C compiler for big integers would, shown in hex?
        Hexadecimal in, hexadecimal out: {a} {sign} {b}
        A debugger is asked for {a} {sign} {b}. It replies in hexadecimal. What does it say?
        Show what {a} {sign} {b} makes, as 0x and digits.
        Bit twiddling: {a} {sign} {b}. State the hex outcome.
        My assembler must fold the constant {a} {sign} {b}. Which hex constant comes out?
        Where does {a} {sign} {b} lead, written in base sixteen with a prefix?
        Express the outcome of {a} {sign} {b} with a leading 0x.
    """),
)

FAMILIES = (HEX_ARITHMETIC,)
