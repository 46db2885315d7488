"""Products of polynomials of one letter, written whole: for each power the pairs of numbers that belong to it."""

from __future__ import annotations

from random import Random

from ..power_sums import Term, coded, handwritten, letter_for
from ..problem import Draft, Family
from ..working import Work, bracketed
from .answer_notes import EXPRESSION, FUNCTIONS, POWERS, PRODUCTS, SAME_LETTER, notes
from .equations import nonzero

_MOST = {1: 9, 2: 12, 3: 99, 4: 150}
# The numbers of a polynomial, by exponent.
Numbers = dict[int, int]


def _product(random: Random, level: int) -> Draft:
    factors = _factors(random, level)
    letter, work = letter_for(number for factor in factors for pair in factor.items() for number in pair), Work()
    result = factors[0]
    for place, factor in enumerate(factors[1:], start=1):
        result = _multiplied(work, result, factor, letter)
        if place < len(factors) - 1:
            work.say(f"({_text(result, letter)})*({_text(factors[place + 1], letter)})")
    answer = _text(result, letter)
    work.say(f"so {answer}")
    return Draft(
        _values(random, factors, letter),
        work,
        answer,
        notes(random, POWERS, PRODUCTS, SAME_LETTER, FUNCTIONS, EXPRESSION),
    )


def _factors(random: Random, level: int) -> list[Numbers]:
    """Two factors; above level 1 also three, of smaller numbers, a single term as the first one, and squares."""
    kind = random.random() if level > 1 else 1.0
    most = _MOST[level]
    is_large = level > 2 and random.random() < 0.3
    if kind < 0.15:
        single = _numbers(random, most if is_large else 12, 2, num_terms=1)
        return [single, *_two(random, most if is_large else min(most, 30), 2)]
    if kind < 0.25:
        if is_large:
            return [_numbers(random, most, 2, num_terms=2) for _ in range(3)]
        return [_numbers(random, 9 * (level - 1), 1) for _ in range(3)]
    if kind < 0.4:
        return [_numbers(random, most, 2, num_terms=1), _numbers(random, most, 2)]
    if kind < 0.45:
        return [_numbers(random, most, 2)] * 2
    if kind < 0.5:
        return [_numbers(random, 100 * most, 4, num_terms=1)]
    return _two(random, most, 1 if level == 1 else 2)


def _two(random: Random, most: int, degree: int) -> list[Numbers]:
    """Three terms in both factors only if the numbers are small."""
    has_large = most > 30 and random.random() < 0.7
    first = _numbers(random, most, degree, num_terms=2)
    return [first, _numbers(random, most, degree, num_terms=2 if has_large else None)]


def _numbers(random: Random, most: int, degree: int, num_terms: int | None = None) -> Numbers:
    """Highest exponent first."""
    if num_terms is None:
        num_terms = random.randint(2, degree + 1)
    exponents = random.sample(range(degree + 1), num_terms) if num_terms > 1 else [random.randint(0, degree)]
    least = 2 if num_terms == 1 else 1  # 1*(x + 2) is not written
    return {exponent: nonzero(random, most, least) for exponent in sorted(exponents, reverse=True)}


def _multiplied(work: Work, first: Numbers, second: Numbers, letter: str) -> Numbers:
    """The product: for every exponent from the highest its pairs, their signs, the products, their sum, the term."""
    result = {}
    for exponent in sorted({a + b for a in first for b in second}, reverse=True):
        pairs = [(number, second[exponent - a]) for a, number in first.items() if exponent - a in second]
        given = "+".join(f"{bracketed(a)}*{bracketed(b)}" for a, b in pairs)
        signed = "".join(f"{'+' if a * b > 0 else '-'}{abs(a)}*{abs(b)}" for a, b in pairs).removeprefix("+")
        name = coded([Term(1, exponent)], letter)
        work.say(f"{name}: {given}" + (f"={signed}" if signed != given else ""))
        products = [work.multiply(abs(a), abs(b)) * (1 if a * b > 0 else -1) for a, b in pairs]
        number = work.add(*products)
        work.say(coded([Term(number, exponent)], letter))
        if number:
            result[exponent] = number
    return result


def _terms(numbers: Numbers) -> list[Term]:
    return [Term(number, exponent) for exponent, number in numbers.items()]


def _text(numbers: Numbers, letter: str) -> str:
    return coded(_terms(numbers), letter)


def _values(random: Random, factors: list[Numbers], letter: str) -> dict[str, str]:
    """The product in three spellings; a single term stands without brackets, equal factors as a square."""
    ordered = [_ordered(random, factor) for factor in factors]
    if len(factors) == 2 and factors[0] is factors[1]:
        coded_text = f"({coded(ordered[0], letter)})**2"
        return _spelled(coded_text, f"({handwritten(ordered[0], letter)})^2")
    codes = [coded(terms, letter) for terms in ordered]
    hands = [handwritten(terms, letter) for terms in ordered]
    is_single = [len(terms) == 1 for terms in ordered]
    code = "*".join(_in_brackets(text, single) for text, single in zip(codes, is_single, strict=True))
    hand = "".join(_in_brackets(text, single) for text, single in zip(hands, is_single, strict=True))
    return _spelled(code, hand)


def _in_brackets(text: str, is_single: bool) -> str:
    return text if is_single else f"({text})"


def _spelled(code: str, hand: str) -> dict[str, str]:
    return {"p": code, "p_caret": code.replace("**", "^"), "p_hand": hand}


def _ordered(random: Random, factor: Numbers) -> list[Term]:
    """As programs write it: a negative number does not begin if a positive one can."""
    terms = _terms(factor)
    return terms[::-1] if terms[0].top < 0 < terms[-1].top and random.random() < 0.5 else terms


FAMILIES = (
    Family(
        "polynomial_product",
        _product,
        wordings=(
            "Multiply out {p}.{note}",
            "Expand {p}.{note}",
            "Expand {p_caret}.{note}",
            "Expand and simplify {p_hand}.{note}",
            "Write {p} without brackets.{note}",
            "Write {p_caret} as one polynomial.{note}",
            "What is {p} when it is multiplied out?{note}",
            "What polynomial is {p_hand}?{note}",
            "{p} = ?{note}",
            "{p}{note_below}",
            "{p_caret}{note_below}",
            "{p_hand} = ?{note}",
            "Multiply the polynomials: {p}{note_below}",
            "Multiply: {p_caret}{note_below}",
            "Compute {p}.{note}",
            "Work out {p}.{note}",
            "Calculate the product {p}.{note}",
            "Find the product {p_hand}.{note}",
            "Simplify {p}.{note}",
            "Simplify the product {p_caret}.{note}",
            "Please expand {p}.{note}",
            "Remove the brackets in {p_hand} and collect like terms.{note}",
            "Give the whole polynomial: {p}{note_below}",
            "Simplify: {p}{note_below}",
            "Evaluate the product of polynomials {p}.{note}",
            "Calculate: {p}{note_below}",
            "Bring {p} into expanded form.{note}",
            "product: {p_caret}{note_below}",
        ),
        held_out_wordings=(
            "Could you multiply {p} out for me?{note}",
            "Turn {p_caret} into a sum of powers.{note}",
            "Show {p} in standard form, highest power first.{note}",
            "Here is a product of polynomials: {p}. Expand it.{note}",
            "How does {p_hand} look after all brackets are gone?{note}",
            "My task is to expand {p_caret}.{note}",
            "State the expanded form of {p}.{note}",
            "Which polynomial equals {p}?{note}",
            "Carry out the multiplication {p_hand}.{note}",
            "Reduce this to a plain polynomial: {p}{note_below}",
        ),
    ),
)
