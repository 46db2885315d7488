"""Derivatives of polynomials, written whole: each number times its exponent, the exponent one lower."""

from __future__ import annotations

from math import gcd
from random import Random

from ..power_sums import Term, coded, letter_for, spellings
from ..problem import Draft, Family
from ..working import Work
from .answer_notes import EXPRESSION, FUNCTIONS, POWERS, PRODUCTS, SAME_LETTER, notes
from .equations import nonzero

_NUM_TERMS = {1: (2, 3), 2: (1, 3), 3: (2, 4), 4: (4, 5)}
_MOST_EXPONENT = {1: 5, 2: 9, 3: 12, 4: 15}


def _derivative(random: Random, level: int) -> Draft:
    exponents = random.sample(range(_MOST_EXPONENT[level] + 1), random.randint(*_NUM_TERMS[level]))
    if random.random() < 0.8:
        exponents.sort(reverse=True)
    if max(exponents) == 0:
        exponents = [1]
    terms = [_term(random, level, exponent) for exponent in exponents]
    letter, work = letter_for(number for term in terms for number in term), Work()
    answer = coded([_lowered(work, term, letter) for term in terms], letter)
    work.say(f"so {answer}")
    values = {**spellings("f", terms, letter), "letter": letter}
    return Draft(values, work, answer, notes(random, POWERS, PRODUCTS, SAME_LETTER, FUNCTIONS, EXPRESSION))


def _term(random: Random, level: int, exponent: int) -> Term:
    top = nonzero(random, (9, 12, 30, 60)[level - 1])
    bottom = random.randint(2, 9) if level > 2 and random.random() < 0.3 else 1
    shared = gcd(top, bottom)
    return Term(top // shared, exponent, bottom // shared)


def _lowered(work: Work, term: Term, letter: str) -> Term:
    """The derivative of a term; that of a number is 0."""
    if not term.exponent:
        work.say(f"{coded([term], letter)}: 0")
        return Term(0, 0)
    exponent, top, bottom = term.exponent - 1, abs(term.top), term.bottom
    work.say(f"{coded([term], letter)}: power {term.exponent}-1={exponent}, {top} times {term.exponent}")
    factor, divisor = term.exponent, work.gcd(term.exponent, bottom) if min(term.exponent, bottom) > 1 else 1
    if divisor > 1:
        factor, bottom = work.quotient(factor, divisor), work.quotient(bottom, divisor)
    top = work.multiply(top, factor) if min(top, factor) > 1 else top * factor
    lowered = Term(top if term.top > 0 else -top, exponent, bottom)
    work.say(coded([lowered], letter))
    return lowered


FAMILIES = (
    Family(
        "polynomial_derivative",
        _derivative,
        wordings=(
            "What is the derivative of {f}?{note}",
            "Differentiate {f}.{note}",
            "Differentiate {f_caret} with respect to {letter}.{note}",
            "Find the derivative of f({letter}) = {f}.{note}",
            "f({letter}) = {f_caret}. What is f'({letter})?{note}",
            "f({letter}) = {f_hand}, f'({letter}) = ?{note}",
            "Compute d/d{letter} ({f}).{note}",
            "d/d{letter} [{f_hand}]{note_below}",
            "d/d{letter} ({f_caret}) = ?{note}",
            "Derivative of {f_hand}{note_below}",
            "derivative: {f}{note_below}",
            "Take the derivative of {f_caret}.{note}",
            "Work out the derivative of {f_hand} in {letter}.{note}",
            "Please differentiate {f}.{note}",
            "Let y = {f_hand}. Find y'.{note}",
            "Given g({letter}) = {f}, determine g'({letter}).{note}",
            "Which function is the slope of {f_caret}?{note}",
            "Calculate ({f})'.{note}",
            "Use the power rule on {f}.{note}",
            "I need the first derivative of {f_hand}.{note}",
            "Determine the derivative: {f_caret}{note_below}",
            "Derive {f} term by term.{note}",
            "Tell me the derivative of {f}.{note}",
            "Give f'({letter}) if f({letter}) = {f}.{note}",
        ),
        held_out_wordings=(
            "Could you differentiate {f} for me?{note}",
            "How fast does {f} change with {letter}? Give the derivative.{note}",
            "The function h is {f_hand}. State h'({letter}).{note}",
            "Write down what {f_caret} becomes when it is differentiated.{note}",
            "My homework: derivative of {f}, whole result.{note}",
            "Find the slope function of {f_hand}.{note}",
            "Let p({letter}) = {f_caret}. Its derivative?{note}",
            "Show how to differentiate {f_hand}.{note}",
            "Obtain the first derivative: {f}{note_below}",
            "Here is a polynomial: {f_caret}. What is its derivative?{note}",
        ),
    ),
)
