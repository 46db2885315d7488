"""How many ones or zeros a number has when it is written in binary: halved again and again, and counted."""

from __future__ import annotations

from random import Random

from ..problem import Draft, Family
from ..working import Work
from .scenery import stories


def _count_ones(random: Random, level: int) -> Draft:
    number = random.randint(*{1: (5, 127), 2: (10, 400), 3: (10, 1000), 4: (1000, 5000)}[level])
    digit = 1 if random.random() < 0.8 else 0
    name = "ones" if digit else "zeros"
    work, rest, count = Work(), number, 0
    while rest:
        rest, last = work.divide(rest, 2)
        count += last == digit
        work.say(f"{name} {count}")
    work.say(f"so {count}")
    return Draft({"n": number, "digit": digit}, work, str(count), {"name": name})


COUNT_ONES = Family(
    "count_ones",
    _count_ones,
    stories("""
        How many {name} are in the binary form of {n}?
        Write {n} in binary. How many {name} are there?
        Count the {name} of {n} in binary.
        How many {digit}s does {n} have in binary?
        How many binary digits of {n} are {digit}?
        Count the bits of {n} that are {digit}.
        In base 2, how often does the digit {digit} occur in {n}?
        {n} in binary: how many {name}?
        Find the number of {name} in the binary expansion of {n}.
        Number of {digit} bits in {n}
        Convert {n} to binary and count the {name}.
        What is the count of {digit} bits of {n}, leading zeros left out?
        How many bits of the number {n} are {digit}?
        Tell me how many {name} the number {n} has when written in base two.
        Please count how many {digit}s there are in {n} written in binary.
        If {n} is written with binary digits, how many of them are {name}?
        The number is {n}. How many {name} are among its binary digits?
        binary {n}, how many {digit}s
        Take the binary representation of {n} and count every {digit} in it.
        How many {digit} bits are in {n}?
        Determine how many {name} the binary number for {n} contains.
        I need the number of {digit}s in the base-2 form of {n}.
        A computer stores {n} as bits without leading zeros. How many of these bits are {digit}?
        Find how many {digit} bits there are in the number {n}.
    """),
    stories("""
        Change {n} into base two. The digit {digit} stands there how many times?
        Spelled in bits, {n} shows how many {name}?
        What number of {name} do I see when {n} becomes a binary number?
        Could you tell how many times {digit} appears if {n} is put into binary?
        Let n = {n}. State how many binary digits of n equal {digit}.
        With lamps for bits, {n} is shown without leading zeros. How many lamps stand for {digit}?
        Express {n} by powers of two, then give the total of {name} in that binary numeral.
        Of the bits that make up {n}, what is the number of {name}?
        Bits of {n}: give the amount of {digit}s.
        Among the base-2 digits of {n}, how many {name} can be found?
    """),
)

FAMILIES = (COUNT_ONES,)
