"""Polynomials and functions: values, products, like terms, and one function after another."""

from __future__ import annotations

from random import Random

from ..problem import Draft, Family
from ..terms import joined, letter_of, polynomial, power, spaced, starred, styles
from ..working import Work
from .equations import nonzero
from .wording import asked, asked_held_out, crossed


def horner(work: Work, coefficients: list[int], x: int) -> int:
    """The value of a polynomial: times x, plus the next number, from the highest power down."""
    value = coefficients[0]
    for number in coefficients[1:]:
        value = work.multiply(value, x) if abs(value) != 1 else value * x
        if number:
            value = work.add(value, number) if number > 0 else work.subtract(value, -number)
    return value


def _coefficients(random: Random, degree: int, most: int) -> list[int]:
    return [
        random.randint(1, min(5, most)),
        *(random.choice((1, 1, -1)) * random.randint(0, most) for _ in range(degree)),
    ]


def _polynomial_value(random: Random, level: int) -> Draft:
    degree = (2, 2, 3, 4)[level - 1]
    coefficients = _coefficients(random, degree, (9, 12, 9, 12)[level - 1])
    x = random.randint(2, 9) if level == 1 else nonzero(random, (9, 9, 6, 9)[level - 1], 2)
    letter, work = letter_of(x, *coefficients), Work()
    text = polynomial(coefficients, letter)
    work.say(f"numbers {', '.join(map(str, coefficients))}; {letter}={x}")
    answer = horner(work, coefficients, x)
    work.say(f"value {answer}")
    return Draft({**styles("polynomial", text), "x": x}, work, str(answer), {"letter": letter})


POLYNOMIAL_VALUE = Family(
    "polynomial_value",
    _polynomial_value,
    wordings=(
        *asked("the value of {polynomial_spaced} for {letter} = {x}", "{polynomial_starred} if {letter} = {x}"),
        "Evaluate {polynomial_spaced} at {letter} = {x}.",
        "{polynomial}, {letter}={x}",
        "{letter} = {x}. How much is {polynomial_spaced}?",
        "Substitute {letter} = {x} into {polynomial_spaced}.",
        "Let {letter} = {x}. Then {polynomial_starred} = ?",
        "f({letter}) = {polynomial_spaced}. What is f({x})?",
        "Given f({letter}) = {polynomial}, find f({x}).",
    ),
    held_out_wordings=asked_held_out(
        "what {polynomial_spaced} becomes when {letter} is {x}", "P({x}), where P({letter}) = {polynomial_starred}"
    ),
)


def _polynomial_expand(random: Random, level: int) -> Draft:
    """One coefficient of the product of two factors: the pairs of numbers whose powers fit, multiplied and added."""
    small = (6, 9, 9, 12)[level - 1]
    first = [random.randint(1, small), nonzero(random, small)]
    second = [random.randint(1, small), nonzero(random, small)]
    if level == 1:
        first[0] = 1
    if level > 2:
        second.append(nonzero(random, small))
    if level > 3:
        first.append(nonzero(random, small))
    letter = letter_of(*first, *second)
    degree = random.randint(0, len(first) + len(second) - 2)
    wanted = f"coefficient of {power(letter, degree)}" if degree else "constant term"
    work = Work()
    top_first, top_second = len(first) - 1, len(second) - 1
    pairs = [
        (a, second[top_second - degree + top_first - place])
        for place, a in enumerate(first)
        if 0 <= degree - (top_first - place) <= top_second
    ]
    products = "+".join(f"{_bracketed(a)}*{_bracketed(b)}" for a, b in pairs)
    work.say(f"{power(letter, degree) or 'constant'}: {products}")
    answer = work.add(*(work.multiply(a, b) for a, b in pairs))
    work.say(f"so {answer}")
    text = f"({polynomial(first, letter)})({polynomial(second, letter)})"
    return Draft({**styles("product", text), "wanted": wanted}, work, str(answer))


def _bracketed(number: int) -> str:
    return f"({number})" if number < 0 else f"{number}"


POLYNOMIAL_EXPAND = Family(
    "polynomial_expand",
    _polynomial_expand,
    wordings=(
        *asked("the {wanted} in {product_spaced}", "the {wanted} of {product_starred} after expanding"),
        "Expand {product_spaced}. What is the {wanted}?",
        "{product}, {wanted}",
        "Multiply out {product_spaced} and give the {wanted}.",
        "When {product_starred} is multiplied out, what is the {wanted}?",
        "Which number is the {wanted} of {product}?",
        "Write {product_spaced} as a polynomial. What is its {wanted}?",
    ),
    held_out_wordings=asked_held_out(
        "the {wanted} once the brackets of {product_spaced} are gone",
        "the {wanted} in the expansion of {product_starred}",
    ),
)

_NAMES = ("xy", "ab", "mn", "pq", "st")


def _like_terms(random: Random, level: int) -> Draft:
    """The coefficient of one letter after terms are collected; from level 3 on a bracket is opened first."""
    names = random.choice(_NAMES) if level > 1 else random.choice(_NAMES)[0]
    num_terms = (4, 5, 4, 6)[level - 1]
    kinds = [*names, ""]
    terms = [(nonzero(random, (12, 20, 12, 40)[level - 1]), random.choice(kinds)) for _ in range(num_terms)]
    wanted = names[0] if level == 1 else random.choice(names)
    terms[0] = (abs(terms[0][0]), wanted)
    terms[2] = (terms[2][0], wanted)
    work, numbers = Work(), [number for number, name in terms if name == wanted]
    text = joined(terms)
    if level > 2:
        factor, inner = random.randint(2, 9), nonzero(random, 9)
        other = names[1] if wanted == names[0] else names[0]
        text += f"+{factor}({joined(((inner, wanted), (nonzero(random, 9), other)))})"
        numbers.append(work.multiply(factor, inner))
    work.say(f"{wanted}: {joined([(number, '') for number in numbers])}")
    answer = numbers[0]
    for number in numbers[1:]:
        answer = work.add(answer, number) if number > 0 else work.subtract(answer, -number)
    work.say(f"so {answer}")
    return Draft({**styles("terms", text), "wanted": wanted}, work, str(answer))


LIKE_TERMS = Family(
    "like_terms",
    _like_terms,
    wordings=(
        *asked(
            "the coefficient of {wanted} in {terms_spaced} after simplifying",
            "the coefficient of {wanted} when {terms_starred} is written shortest",
        ),
        "Simplify {terms_spaced}. What is the coefficient of {wanted}?",
        "{terms}, coefficient of {wanted}",
        "Collect like terms in {terms_spaced}. Which number stands before {wanted}?",
        "Combine the terms of {terms_starred} and give the coefficient of {wanted}.",
        "Write {terms_spaced} as short as possible. How large is the coefficient of {wanted}?",
        "In {terms}, add up all terms with {wanted}. What is the coefficient?",
    ),
    held_out_wordings=asked_held_out(
        "the number in front of {wanted} when {terms_spaced} is simplified",
        "the total coefficient of {wanted} in {terms_starred}",
    ),
)


def _function_composition(random: Random, level: int) -> Draft:
    """The inner function first, its value into the outer one; at level 4 the inner function comes once more."""
    most = (9, 9, 12, 12)[level - 1]
    f, g = _function(random, most, level > 2), _function(random, most, level == 2)
    x = random.randint(1, 9) if level == 1 else nonzero(random, 6)
    order = random.choice(("fg", "gf"))
    if level == 4:
        order = random.choice(("fgg", "gfg"))
        f, g = _function(random, most, False), _function(random, most, False)
    functions, work, value = {"f": f, "g": g}, Work(), x
    for name in reversed(order):
        work.say(f"{name} at {value}")
        value = horner(work, functions[name], value)
    work.say(f"so {value}")
    call = "(".join(order) + f"({x}" + ")" * len(order)
    values = {"f": spaced(polynomial(f)), "g": spaced(polynomial(g)), "call": call}
    values |= {"f_tight": polynomial(f), "g_tight": polynomial(g)}
    values |= {"f_starred": starred(polynomial(f)), "g_starred": starred(polynomial(g))}
    return Draft(values, work, str(value))


def _function(random: Random, most: int, is_square: bool) -> list[int]:
    if is_square and random.random() < 0.6:
        return [random.randint(1, 2), random.choice((0, 0, nonzero(random, 5))), nonzero(random, most)]
    return [random.randint(1, 6), nonzero(random, most)]


FUNCTION_COMPOSITION = Family(
    "function_composition",
    _function_composition,
    wordings=(
        *asked("{call} if f(x) = {f} and g(x) = {g}", "{call} for f(x) = {f_starred}, g(x) = {g_starred}"),
        "f(x) = {f}, g(x) = {g}. {call} = ?",
        "Let f(x) = {f} and g(x) = {g}. What is {call}?",
        "f(x)={f_tight}, g(x)={g_tight}, {call}",
        "Given f(x) = {f} and g(x) = {g}, find {call}.",
        "Two functions are f(x) = {f} and g(x) = {g}. Compute {call}.",
        "With g(x) = {g} and f(x) = {f}, how much is {call}?",
    ),
    held_out_wordings=crossed(
        ("Define f(x) = {f_starred} and g(x) = {g_starred}.", "The functions are f(x) = {f}; g(x) = {g}."),
        (
            "Evaluate {call}.",
            "Could you give me {call}?",
            "I want to know {call}.",
            "Say what {call} equals.",
            "Then {call} is which number?",
        ),
    ),
)

FAMILIES = (POLYNOMIAL_VALUE, POLYNOMIAL_EXPAND, LIKE_TERMS, FUNCTION_COMPOSITION)
