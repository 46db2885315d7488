"""Work with digits in other bases: a number taken apart by repeated division, and put together digit by digit.

45/2: 4=2*2+0, 5=2*2+1, so 22 r 1      each remainder is the next digit, written before those that stand
write 1                                above base ten: "11 is b: write b 9"
2|11                                   the value so far, and the digits that are left
2*2=4, 4+1=5                           a digit is taken in: times the base, plus the digit
"""

from __future__ import annotations

from .working import Work

_DIGITS = "0123456789abcdef"
LARGEST_BASE = len(_DIGITS)


def digits_in(number: int, base: int) -> str:
    """A number of at least 0 in base 2 to 16; digits above 9 are a to f."""
    assert number >= 0, "the number is not negative"
    assert 2 <= base <= LARGEST_BASE, f"base {base}"
    digits = _DIGITS[number % base]
    while number := number // base:
        digits = _DIGITS[number % base] + digits
    return digits


def set_apart(digits: str, base: int) -> str:
    """Digits as they stand in work: apart above base ten, so that letters are not read as words."""
    return " ".join(digits) if base > 10 else digits


def write_digit(work: Work, digit: int, digits: str, base: int) -> str:
    """Write a digit before the digits that stand."""
    digits = _DIGITS[digit] + digits
    name = f"{digit} is {_DIGITS[digit]}: " if digit > 9 else ""
    work.say(f"{name}write {set_apart(digits, base)}")
    return digits


def to_base(work: Work, number: int, base: int) -> str:
    """The digits of a number above 0 in a base, worked out; the last line does not state them on their own."""
    digits = ""
    while number:
        number, rest = work.divide(number, base)
        digits = write_digit(work, rest, digits, base)
    return digits


def from_base(work: Work, digits: str, base: int) -> int:
    """The number that digits in a base stand for, worked out from the left."""
    number = digit_value(work, digits[0])
    for place in range(1, len(digits)):
        work.say(f"{number}|{set_apart(digits[place:], base)}")
        number = work.multiply(number, base)
        number = work.add(number, digit_value(work, digits[place]))
    return number


def digit_value(work: Work, digit: str) -> int:
    """What a digit counts; a letter's value is written."""
    value = _DIGITS.index(digit)
    if value > 9:
        work.say(f"{digit} is {value}")
    return value
