"""Numbers in bases 2 to 16: into a base by repeated division, out of it digit by digit, and from base to base."""

from __future__ import annotations

from random import Random

from ..problem import Draft, Family
from ..working import Work
from ..working_bases import LARGEST_BASE, digits_in, from_base, to_base
from .scenery import stories

_NAMES = {2: "binary", 8: "octal", 16: "hexadecimal"}
_MOST = {1: 60, 2: 300, 3: 1500, 4: 9999}
_MOST_CHANGED = {1: 50, 2: 120, 3: 400, 4: 2000}  # two conversions are twice as long


def _base(random: Random, level: int) -> int:
    """Mostly those that have names; at level 1 none above ten."""
    most = 9 if level == 1 else LARGEST_BASE
    named = random.choice((2, 2, 8, 16))
    if random.random() < 0.4 and named <= most:
        return named
    return random.choice([base for base in range(2, most + 1) if base != 10])


def _named(random: Random, base: int, prefix: str = "") -> dict[str, str]:
    """What a base is called: `base`, as in "write it in base 7", and `kind`, as in "the base-7 number"."""
    name = _NAMES.get(base, "") if random.random() < 0.6 else ""
    return {f"{prefix}base": name or f"base {base}", f"{prefix}kind": name or f"base-{base}"}


def _number(random: Random, most: int) -> int:
    return random.randint(most // 12 + 2, most)


def _into_base(random: Random, level: int) -> Draft:
    number, base = _number(random, _MOST[level]), _base(random, level)
    work = Work()
    digits = to_base(work, number, base)
    work.say(f"so {digits}")
    return Draft({"n": number, "b": base}, work, digits, _named(random, base))


def _out_of_base(random: Random, level: int) -> Draft:
    number, base = _number(random, _MOST[level]), _base(random, level)
    work, digits = Work(), digits_in(number, base)
    value = from_base(work, digits, base)
    work.say(f"so {value}")
    return Draft({"digits": digits, "b": base}, work, str(value), _named(random, base))


def _change_base(random: Random, level: int) -> Draft:
    """By way of base ten."""
    number = _number(random, _MOST_CHANGED[level])
    base, target = _base(random, level), _base(random, level)
    while base == target:
        target = _base(random, level)
    work, digits = Work(), digits_in(number, base)
    value = from_base(work, digits, base)
    work.say(f"base 10: {value}")
    answer = to_base(work, value, target)
    work.say(f"so {answer}")
    names = {**_named(random, base), **_named(random, target, "target_")}
    return Draft({"digits": digits, "b": base, "c": target}, work, answer, names)


TO_BASE = Family(
    "to_base",
    _into_base,
    stories("""
        Convert {n} to {base}.
        Write {n} in {base}.
        What is {n} in {base}?
        {n} in {base}
        {n} to {base}
        What is the decimal number {n} in {base}?
        Convert the decimal number {n} to {base}.
        Give the {kind} form of {n}.
        Find the {kind} representation of {n}.
        Express {n} in {base}.
        How is {n} written in {base}?
        Turn {n} into a {kind} number.
        Please convert {n} from decimal to {base}.
        Tell me how to write {n} in {base}.
        Which {kind} number equals the decimal number {n}?
        Change {n} from base 10 to {base}.
        Write the number {n} with the digits of base {b}.
        {n} = ? in {base}
        I need {n} in {base}.
        Can you convert {n} into {base}?
        Represent {n} as a {kind} number.
        Work out the {kind} digits of {n}.
        Divide {n} again and again by {b} to get its {kind} digits. What are they?
        Rewrite the decimal {n} in {base}.
    """),
    stories("""
        How would {n} look in {base}?
        In {base}, what does one write for {n}?
        Take {n} in our usual digits and show it in {base}.
        Could you translate {n} to {base}?
        A counter that works in {base} has counted to {n}. What does it show?
        Let n = {n}. Give n as a {kind} number.
        Digits of {n} when the base is {b}?
        Someone who counts in {base} writes down {n} how?
        Our number {n} has which {kind} notation?
        Put {n} into {kind} notation.
    """),
)

FROM_BASE = Family(
    "from_base",
    _out_of_base,
    stories("""
        Convert {digits} from {base} to decimal.
        What is the {kind} number {digits} in decimal?
        What is {digits} in {base} as a decimal number?
        {digits} in {base} to decimal
        The {kind} number {digits} is what in base 10?
        Write the {kind} number {digits} in base ten.
        Find the decimal value of {digits} in {base}.
        Convert the {kind} number {digits} to base 10.
        What number is {digits} if it is read in {base}?
        {digits} is written in {base}. What is it in decimal?
        Give the value of the {kind} number {digits}.
        Turn the {kind} number {digits} into a decimal number.
        Please convert {digits}, given in {base}, to decimal.
        Tell me the decimal value of the {kind} number {digits}.
        Which decimal number equals {digits} in {base}?
        Change {digits} from {base} to base 10.
        {digits} (base {b}) = ? (base 10)
        ({digits})_{b} = ?
        I need {digits}, in {base}, as an ordinary number.
        Express the {kind} number {digits} in decimal.
        Read {digits} as a {kind} number. How much is it?
        How much is {digits} in {base}?
        Can you convert the {kind} number {digits} to a decimal one?
        The digits are {digits} and the base is {b}. What is the number in base 10?
    """),
    stories("""
        In {base} someone wrote {digits}. How much is that in our usual digits?
        Our way of writing the {kind} {digits} is what?
        Translate {digits} out of {base} into decimal.
        A counter that works in {base} shows {digits}. How far has it counted, in decimal?
        Let d = {digits} be a number in {base}. What is d in decimal?
        What does {digits} stand for when the base is {b}?
        Bring {digits} from {base} back to decimal notation.
        With base {b}, the numeral {digits} has which value?
        Could you say what {digits} means in {base}, as a decimal number?
        State the {kind} numeral {digits} in decimal.
    """),
)

CHANGE_BASE = Family(
    "change_base",
    _change_base,
    stories("""
        Convert {digits} from {base} to {target_base}.
        Convert the {kind} number {digits} to {target_base}.
        What is the {kind} number {digits} in {target_base}?
        {digits} in {base} to {target_base}
        {digits} is a number in {base}. What is it in {target_base}?
        Write the {kind} number {digits} in {target_base}.
        Change {digits} from {base} to {target_base}.
        Give the {target_kind} form of the {kind} number {digits}.
        Find the {target_kind} number that equals {digits} in {base}.
        Turn the {kind} number {digits} into a {target_kind} number.
        Please rewrite {digits} from {base} in {target_base}.
        Express the {kind} number {digits} in {target_base}.
        {digits} (base {b}) = ? (base {c})
        ({digits})_{b} in base {c}
        Which {target_kind} number is the same as the {kind} number {digits}?
        Tell me what {digits} in {base} is in {target_base}.
        The number {digits} is written in {base}. Convert it to {target_base}.
        I need the {kind} number {digits} in {target_base}.
        From {base} to {target_base}: {digits}
        Can you convert {digits}, a {kind} number, to {target_base}?
        Go from {base} to {target_base} with {digits}.
        Represent {digits}, given in {base}, as a {target_kind} number.
    """),
    stories("""
        In {base} someone wrote {digits}. How is that written in {target_base}?
        Translate {digits} out of {base} into {target_base}.
        A counter in {base} shows {digits}. What would a counter in {target_base} show?
        Let d = {digits} be a number in {base}. Give d in {target_base}.
        How does {digits} look in {target_base} when it was in {base} before?
        Bring the {kind} numeral {digits} into {target_kind} notation.
        Could you put {digits}, which is in {base}, into {target_base}?
        The digits {digits} have base {b}. Which digits does the same number have in base {c}?
        State in {target_base} the {kind} numeral {digits}.
        With base {c} instead of base {b}, what becomes of {digits}?
    """),
)

FAMILIES = (TO_BASE, FROM_BASE, CHANGE_BASE)
