"""Antiderivatives: of polynomials term by term, and of a power of a linear function."""

from __future__ import annotations

from math import gcd
from random import Random

from ..forms import lowest_terms
from ..power_sums import Term, careted, coded, letter_for, spellings
from ..problem import Draft, Family
from ..working import Work
from .answer_notes import CONSTANT, EXPONENTIAL, EXPRESSION, FUNCTIONS, POWERS, PRODUCTS, SAME_LETTER, notes
from .equations import nonzero

_MOST_TERMS, _MOST_EXPONENT = {1: 2, 2: 2, 3: 3, 4: 5}, {1: 5, 2: 9, 3: 9, 4: 14}


def _polynomial(random: Random, level: int) -> Draft:
    """Half of the terms are derivatives of a term with small numbers, so that most of them come out short."""
    num_terms = random.randint(1 if level == 2 else 2, _MOST_TERMS[level])
    exponents = sorted(random.sample(range(_MOST_EXPONENT[level] + 1), num_terms), reverse=True)
    terms = [_term(random, level, exponent) for exponent in exponents]
    if random.random() < 0.2:
        random.shuffle(terms)
    letter, work = letter_for(number for term in terms for number in term), Work()
    answer = coded([_raised(work, term, letter) for term in terms], letter) + " + C"
    work.say(f"so {answer}")
    values = {**spellings("f", terms, letter), "letter": letter}
    return Draft(values, work, answer, _scenery(random, letter))


def _term(random: Random, level: int, exponent: int) -> Term:
    top = nonzero(random, 10)
    bottom = random.randint(2, 10) if level > 1 and random.random() < 0.5 else 1
    if level == 1 or random.random() < 0.75:
        top *= exponent + 1
    elif bottom == 1:
        top = nonzero(random, 60)
    shared = gcd(top, bottom)
    return Term(top // shared, exponent, bottom // shared)


def _raised(work: Work, term: Term, letter: str) -> Term:
    """The antiderivative of a term: its exponent one higher, and divided by that."""
    exponent, top, bottom = term.exponent + 1, abs(term.top), term.bottom
    work.say(f"{coded([term], letter)}: power {term.exponent}+1={exponent}, {top} by {exponent}")
    divisor = work.gcd(top, exponent) if min(top, exponent) > 1 else 1
    below = exponent
    if divisor > 1:
        top, below = work.quotient(top, divisor), work.quotient(exponent, divisor)
    bottom = work.multiply(bottom, below) if min(bottom, below) > 1 else bottom * below
    raised = Term(top if term.top > 0 else -top, exponent, bottom)
    work.say(coded([raised], letter))
    return raised


def _linear_power(random: Random, level: int) -> Draft:
    """factor*(a*x+b)**n: the power one higher, divided by it and by a."""
    most, most_power = {1: (6, 3), 2: (10, 4), 3: (10, 5), 4: (15, 8)}[level]
    a, b, power = random.randint(1, most), nonzero(random, most), random.randint(2, most_power)
    factor = nonzero(random, 3 if level < 3 else 6)
    if level > 2 and random.random() < 0.3:
        a = -a
    letter, work = letter_for((a, b, power, factor)), Work()
    inner = [Term(a, 1), Term(b, 0)]
    inner = inner[::-1] if a < 0 < b else inner
    work.say(f"inside {coded(inner, letter)}, times {a}; power {power}+1={power + 1}; outside {factor}")
    bottom = work.multiply(abs(a), power + 1)
    fraction = lowest_terms(work, abs(factor), bottom)
    top, _, below = fraction.partition("/")
    sign = "-" if (factor < 0) != (a < 0) else ""
    number = "" if top == "1" else f"{top}*"
    answer = f"{sign}{number}({coded(inner, letter)})**{power + 1}{f'/{below}' if below else ''} + C"
    work.say(f"so {answer}")
    return Draft(_linear_values(factor, inner, power, letter), work, answer, _scenery(random, letter))


def _linear_values(factor: int, inner: list[Term], power: int, letter: str) -> dict[str, str]:
    front = {1: "", -1: "-"}.get(factor, f"{factor}*")
    text = f"{front}({coded(inner, letter)})**{power}"
    hand = f"{front}({careted(inner, letter)})^{power}".replace("*", "")
    return {"f": text, "f_caret": text.replace("**", "^"), "f_hand": hand, "letter": letter}


def _scenery(random: Random, letter: str) -> dict[str, str]:
    """With dX for X, or with the dx that stands there however the letter is written."""
    kinds = (POWERS, PRODUCTS, CONSTANT, EXPONENTIAL, FUNCTIONS, EXPRESSION, SAME_LETTER)
    return {"d": f"d{letter.lower() if random.random() < 0.5 else letter}", **notes(random, *kinds)}


_WORDINGS = (
    "∫ {f} {d}{note_below}",
    "∫ {f} {d} = ?{note}",
    "∫ ({f}) {d}{note_below}",
    "What is ∫ {f} {d}?{note}",
    "Integrate: ∫ {f} {d}{note_below}",
    "Integrate {f} with respect to {letter}.{note}",
    "Integrate {f_caret}.{note}",
    "Integrate {f_hand} over {letter}.{note}",
    "Give the integral ∫ {f} {d} with its constant.{note}",
    "Find an antiderivative of {f}, plus C.{note}",
    "Find ∫ ({f_hand}) {d}.{note}",
    "Compute the indefinite integral of {f} {d}.{note}",
    "Work out the integral ∫ {f_caret} {d}.{note}",
    "Determine the antiderivative of {f_caret}.{note}",
    "Please integrate ∫ {f} {d}.{note}",
    "Indefinite integral: {f} {d}{note_below}",
    "Antiderivative: {f}{note_below}",
    "Which functions have the derivative {f}?{note}",
    "The derivative of F is {f}. Find F, with the constant C.{note}",
    "F'({letter}) = {f_hand}. What is F({letter})?{note}",
    "Undo the differentiation: {f}{note_below}",
    "Solve the integral ∫ {f} {d}.{note}",
    "Evaluate ∫ {f_caret} {d}.{note}",
    "Calculate the integral: ∫ {f} {d}{note_below}",
    "I need the indefinite integral ∫ {f} {d}{note_below}",
    "antiderivative of {f_hand}{note_below}",
    "integral of {f}{note_below}",
    "Let f({letter}) = {f}. Find its indefinite integral.{note}",
)
_HELD_OUT = (
    "Could you integrate ∫ {f} {d} for me?{note}",
    "Show how to integrate {f} {d}.{note}",
    "A function has the slope {f}. Which function is it, up to C?{note}",
    "Here is an integral: ∫ {f} {d}. Its result?{note}",
    "Write down the general antiderivative of {f_caret}.{note}",
    "My exercise asks for ∫ {f_hand} {d}.{note}",
    "State the primitive of {f}.{note}",
    "Take the integral of {f} in the variable {letter}.{note}",
    "Of what is {f} the derivative?{note}",
    "Obtain ∫ ({f_caret}) {d} without limits.{note}",
)

FAMILIES = (
    Family("polynomial_antiderivative", _polynomial, _WORDINGS, _HELD_OUT),
    Family("linear_power_antiderivative", _linear_power, _WORDINGS, _HELD_OUT),
)
