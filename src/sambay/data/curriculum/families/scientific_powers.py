"""Squares, cubes and their reciprocals to three significant figures, written with e: 527.9038^2 is 2.79e+5.

A base is rounded to four figures first, and so is what a reciprocal is taken of. A problem whose third figure would
change by that is not asked.

527.9|038, next digit 0<5: down
527.9*527.9: 5279*5279, 1+1=2 places       the product, worked out
278678.41 is 2.7867841e+5                  one figure before the point
2.78|67841, next digit 6>=5: up
"""

from __future__ import annotations

import decimal
from random import Random

from ..problem import Draft, Family
from ..working import Work
from ..working_decimals import Decimal, multiply_decimals
from ..working_rounded import divide_decimals, num_significant, round_off
from .scenery import stories

_FIGURES = {1: (2, 2), 2: (3, 3), 3: (4, 7), 4: (6, 8)}
_MOST_WHOLE = 3  # figures before the point
_KEPT = 4
_EXACT = decimal.Context(prec=40)


def _scientific_power(random: Random, level: int) -> Draft:
    while True:
        base, exponent = _base(random, level), 3 if level == 4 else 2
        exponent *= random.choice((1, -1))
        work = Work()
        answer = _worked(work, base, exponent)
        if answer == f"{_EXACT.power(decimal.Decimal(str(base)), exponent):.2e}":
            break
    in_brackets = f"({base})" if base.units < 0 else str(base)
    return Draft({"base": base, "exponent": exponent}, work, answer, {"bracketed": in_brackets})


def _base(random: Random, level: int) -> Decimal:
    figures = random.randint(*_FIGURES[level])
    units = random.randrange(10 ** (figures - 1), 10**figures)
    whole = random.randint(1, min(_MOST_WHOLE, figures))
    return Decimal(units if random.random() < 0.6 else -units, figures - whole)


def _worked(work: Work, base: Decimal, exponent: int) -> str:
    size, times = Decimal(abs(base.units), base.places), abs(exponent)
    sign = "-" if base.units < 0 and times % 2 else ""
    if base.units < 0:
        work.say(f"{times} is {'odd: minus' if sign else 'even: no minus'}")
    kept = round_off(work, size, num_significant(size) - _KEPT) if num_significant(size) > _KEPT else size
    power = kept
    for _ in range(times - 1):
        power = multiply_decimals(work, power, kept)
    mantissa, ten = _scientific(work, power, 0)
    if exponent < 0:
        mantissa = round_off(work, mantissa, mantissa.places + 1 - _KEPT) if mantissa.places >= _KEPT else mantissa
        part = divide_decimals(work, Decimal(1, 0), mantissa, lambda number: num_significant(number) >= _KEPT)
        mantissa, ten = _scientific(work, part, -ten)
    answer = _three_figures(work, sign, mantissa, ten)
    work.say(f"so {answer}")
    return answer


def _scientific(work: Work, number: Decimal, ten: int) -> tuple[Decimal, int]:
    """A number times 10 to the power `ten` as one figure, the point, the others, and the power of ten; one line."""
    figures = len(str(number.units)) - 1
    mantissa, power = Decimal(number.units, figures).shortest(), ten + figures - number.places
    work.say(f"{number}{f'e{ten:+d}' if ten else ''} is {mantissa}e{power:+d}")
    return mantissa, power


def _three_figures(work: Work, sign: str, mantissa: Decimal, ten: int) -> str:
    if mantissa.places <= 2:
        return f"{sign}{mantissa.to_places(2)}e{ten:+d}"
    text = str(mantissa)
    kept, next_digit = int(text[0] + text[2:4]), int(text[4])
    work.say(f"{text[:4]}|{text[4:]}, next digit {next_digit}{'>=5: up' if next_digit >= 5 else '<5: down'}")
    if next_digit >= 5:
        kept = work.add(kept, 1)
    if kept == 1000:
        kept, ten = 100, ten + 1
    return f"{sign}{Decimal(kept, 2)}e{ten:+d}"


SCIENTIFIC_POWER = Family(
    "scientific_power",
    _scientific_power,
    stories("""
        Compute {bracketed}^{exponent} to three significant figures, in e notation.
        {bracketed}^{exponent} to 3 significant figures in scientific notation
        What is {bracketed}^{exponent}? Three significant figures, written like 4.56e+7.
        Raise {base} to the power {exponent}. Answer as in 6.02e+23, with three figures.
        Evaluate {bracketed}^{exponent} and write it as 9.87e+6 is written.
        {bracketed} to the power of {exponent}, 3 significant figures, e notation
        Take the number {base} to the power {exponent} and give three significant digits with e.
        Power of a signed number: {base}^{exponent}. Three significant figures and e notation, please.
        The base is {base} with its sign, the exponent {exponent}: {base}^{exponent}. Write it like 1.50e-3.
        The sign belongs to the base: {base}^{exponent} in scientific notation, to 3 figures.
        Work out the exponentiation {base}^{exponent} (the base has its sign) to 3 figures in e notation.
        A number, {base}, is raised to {exponent}. Three significant figures with an exponent of ten, like 2.00e+5.
        pow({base}, {exponent}) to three significant figures, printed with e
        In Python, print the number {bracketed}**{exponent} with format .2e, but no leading zero in the exponent.
        Please calculate {bracketed}^{exponent} in scientific notation, rounded to 3 significant digits.
        Round {bracketed}^{exponent} to 3 significant figures. Use e for the power of ten.
        Find {bracketed}^{exponent}; scientific e notation, 3 figures.
        Scientific notation with three figures: {bracketed}^{exponent}
        Give {bracketed}^{exponent} in the form a.bce+d.
        How large is {bracketed}^{exponent}? To three figures, as in 7.25e-4.
        Tell me {bracketed}^{exponent} with 3 significant digits, in e notation.
        What does a calculator with three figures show for {bracketed}^{exponent}? It shows powers of ten by e.
        Base {base}, exponent {exponent}: the power to three significant figures in e notation?
    """),
    stories("""
        If {base} gets the exponent {exponent}, what comes out? Use e notation, three figures.
        Let b = {base}. State b^{exponent} as a mantissa of three figures, e, and the exponent.
        My display has three figures and an e. It is to show {bracketed}^{exponent}. What will it say?
        Three figures suffice: {bracketed}^{exponent} in e notation, please.
        Express {base} raised to {exponent} like 3.10e+2.
        Could you find the power with base {base} and exponent {exponent}? Scientific, three significant figures.
        For my lab book: {bracketed}^{exponent}, significant figures: 3, notation: scientific with e.
        Approximate {bracketed}^{exponent} by a three-figure number in e notation.
        Rounded to three figures and typed with an e, as 4.56e-7 is, {bracketed}^{exponent} is what?
        With exponent {exponent}, the number {base} becomes what? Write 3 significant figures and e.
    """),
)

FAMILIES = (SCIENTIFIC_POWER,)
