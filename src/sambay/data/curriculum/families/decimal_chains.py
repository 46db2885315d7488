"""Two and more decimals added and taken away in a row, of any sign and with zeros at their ends."""

from __future__ import annotations

from random import Random

from ..problem import Draft, Family
from ..working import Work
from ..working_decimals import Decimal, add_decimals, subtract_decimals
from .scenery import stories

_COUNTS = {1: (2, 2), 2: (2, 3), 3: (2, 4), 4: (5, 6)}
_DIGITS = {1: 1, 2: 2, 3: 2, 4: 3}
_PLACES = {1: (1, 2), 2: (1, 2), 3: (1, 4), 4: (2, 4)}


def _decimal_chain(random: Random, level: int) -> Draft:
    terms = [_term(random, level) for _ in range(random.randint(*_COUNTS[level]))]
    signs = [random.choice("+-") for _ in terms[1:]]
    work, value = Work(), terms[0]
    for sign, term in zip(signs, terms[1:], strict=True):
        value = (add_decimals if sign == "+" else subtract_decimals)(work, value, term)
    chain = str(terms[0]) + "".join(f" {sign} {term}" for sign, term in zip(signs, terms[1:], strict=True))
    return Draft({"chain": chain}, work, str(value))


def _term(random: Random, level: int) -> Decimal:
    """Zeros may end it, as they do in tables."""
    digits, places = random.randint(1, _DIGITS[level]), random.randint(*_PLACES[level])
    whole = random.randrange(0 if digits == 1 else 10 ** (digits - 1), 10**digits)
    behind = random.randint(1, 10**places - 1)
    if random.random() < 0.15:
        behind = behind // 10 * 10 or 10
    return Decimal(whole * 10**places + behind, places)


DECIMAL_CHAIN = Family(
    "decimal_chain",
    _decimal_chain,
    stories("""
        Go from left to right: {chain}
        Decimals: {chain}
        Decimal arithmetic: {chain} = ?
        The decimals {chain} come to what?
        What does the calculator show for {chain}?
        What number results from {chain}?
        Do the sum {chain}
        Add and subtract the decimals: {chain}
        Mind the decimal points: {chain}
        How much is this? {chain} =
        Please work out: {chain} =
        Compute with all places: {chain}
        result of {chain}
        The value of {chain} is what?
        Next exercise: {chain} = ?
        Get the exact value of {chain}.
        Tell me what {chain} is, exactly.
        Line up the points and find {chain}.
        Simplify ${chain}$ to one decimal number.
        As one number: {chain}
        On my bill I read {chain}. What is the balance?
        Exactly how much is {chain}?
        Reckon {chain} for me.
    """),
    stories("""
        My friend and I got different answers for {chain}. What is the correct one?
        Fill in the blank: {chain} = ____
        Line up the decimal points and find the answer to {chain}.
        A spreadsheet cell contains the formula ={chain}. What value does it show?
        Starting from the left, add and subtract: {chain}
        hey can you do {chain} for me? i don't have a calculator here
        Exercise: carry out the operations in {chain} and write down the result.
        What number do you end up with after {chain}?
        Without rounding anything, how much does {chain} give?
        I have to hand in {chain} tomorrow and decimals confuse me. What should the result be?
    """),
)

FAMILIES = (DECIMAL_CHAIN,)
