"""Roman numerals: written place by place, and read symbol by symbol."""

from __future__ import annotations

from random import Random

from ..problem import Draft, Family
from ..working import Work
from .scenery import stories

_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_UNIT_FORMS = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
_SYMBOLS = (("I", "V", "X"), ("X", "L", "C"), ("C", "D", "M"), ("M", "", ""))  # of one, five and ten at each place
_RANGES = {1: (2, 199), 2: (10, 599), 3: (50, 1999), 4: (1000, 3999)}


def roman(number: int) -> str:
    """Of 1 to 3999."""
    assert 1 <= number <= 3999, number
    return "".join(_at_place(int(digit), place) for place, digit in _places(number))


def _places(number: int) -> list[tuple[int, str]]:
    digits = str(number)
    return [(len(digits) - 1 - index, digit) for index, digit in enumerate(digits)]


def _at_place(digit: int, place: int) -> str:
    one, five, ten = _SYMBOLS[place]
    return _UNIT_FORMS[digit].translate({ord("I"): one, ord("V"): five, ord("X"): ten})


def _to_roman(random: Random, level: int) -> Draft:
    number = random.randint(*_RANGES[level])
    work, written = Work(), ""
    for place, digit in _places(number):
        if digit != "0":
            part = _at_place(int(digit), place)
            written += part
            work.say(f"{int(digit) * 10**place}: {' '.join(part)}, so far {' '.join(written)}")
    work.say(f"so {written}")
    return Draft({"n": number}, work, written)


def _from_roman(random: Random, level: int) -> Draft:
    number = random.randint(*_RANGES[level])
    numeral = roman(number)
    work = Work()
    total, left = 0, list(numeral)
    while left:
        work.say(f"{total}|{' '.join(left)}")
        value = _next_value(work, left)
        total = work.add(total, value) if total else value
    work.say(f"so {total}")
    return Draft({"numeral": numeral}, work, str(total))


def _next_value(work: Work, left: list[str]) -> int:
    """Take what comes first: a symbol as often as it is repeated, or two where a smaller stands before a larger."""
    first, second = left[0], left[1] if len(left) > 1 else ""
    if second and _VALUES[first] < _VALUES[second]:
        small, large = _VALUES[first], _VALUES[second]
        work.say(f"{first} before {second}: {large}-{small}={large - small}")
        del left[:2]
        return large - small
    count = next((index for index, symbol in enumerate(left) if symbol != first), len(left))
    value = count * _VALUES[first]
    work.say(f"{first}: {value}" if count == 1 else f"{' '.join(left[:count])}: {count}*{_VALUES[first]}={value}")
    del left[:count]
    return value


TO_ROMAN = Family(
    "to_roman",
    _to_roman,
    stories("""
        Write {n} in Roman numerals.
        What is {n} as a Roman numeral?
        Convert {n} to Roman numerals.
        {n} in Roman numerals
        How do you write {n} in Roman numerals?
        How did the Romans write {n}?
        Give the Roman numeral for {n}.
        Turn the number {n} into a Roman numeral.
        What is the Roman numeral of {n}?
        Please write the number {n} with Roman numerals.
        Change {n} to Roman.
        Express {n} in Roman numerals.
        Tell me the Roman numeral of {n}.
        Which Roman numeral is {n}?
        I need {n} as a Roman numeral.
        {n}, Roman numeral?
        Find the Roman numeral that stands for {n}.
        Can you write {n} in Roman numerals?
        The number is {n}. What is it in Roman numerals?
        A clock maker engraves {n} in Roman numerals. What does the engraving say?
        Chapter {n} of a book is numbered in Roman numerals. What stands above it?
        Translate {n} into Roman numerals.
        how to write {n} in roman numerals
        Which letters give {n} in Roman numerals?
    """),
    stories("""
        With the symbols I, V, X, L, C, D and M, how is {n} written?
        Could you put {n} into Roman notation?
        In ancient Rome, {n} was written how?
        A stone shows {n} in Roman numerals. What is carved there?
        Show {n} the Roman way.
        What would a Roman put down for {n}?
        Replace {n} by its Roman form.
        Let n = {n}. Write n as the Romans did.
        {n} should be printed as a Roman numeral. What is printed?
        Spell the value {n} with Roman symbols.
    """),
)

FROM_ROMAN = Family(
    "from_roman",
    _from_roman,
    stories("""
        What number is {numeral}?
        What is {numeral} in ordinary digits?
        Convert the Roman numeral {numeral} to a number.
        {numeral} as a number
        Which number does the Roman numeral {numeral} stand for?
        Read the Roman numeral {numeral}.
        What is the value of the Roman numeral {numeral}?
        Write {numeral} as an ordinary number.
        Turn {numeral} into a decimal number.
        Please tell me which number {numeral} is.
        The Roman numeral {numeral} means what number?
        How much is {numeral} in our numbers?
        Give the number for {numeral}.
        Change the Roman numeral {numeral} to digits.
        {numeral} = ?
        I see {numeral} on a building. Which number is that?
        A clock shows the numeral {numeral} somewhere. What number is it?
        Find the value of {numeral} in Roman numerals.
        Can you read the Roman number {numeral}?
        roman numeral {numeral}
        Tell me the value of {numeral}.
        On a page stands the Roman number {numeral}. Which page is it?
        Translate the Roman numeral {numeral} into an ordinary number.
        What does {numeral} mean in Roman numerals?
    """),
    stories("""
        Could you decode the Roman numeral {numeral}?
        Carved in stone is {numeral}. State the number in digits.
        In today's digits, what would {numeral} be?
        A Roman wrote {numeral}. How many did he mean?
        The film ends with the Roman number {numeral}. Say it in digits.
        Express {numeral} with the digits 0 to 9.
        {numeral} is Roman for which number?
        Let n be the Roman numeral {numeral}. What is n?
        Work out how much the Roman symbols {numeral} add up to.
        Interpret {numeral} as a Roman number, please.
    """),
)

FAMILIES = (TO_ROMAN, FROM_ROMAN)
