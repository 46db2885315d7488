"""Equations and inequalities with one unknown: terms change sides, then the coefficient divides."""

from __future__ import annotations

from random import Random

from ..forms import less
from ..problem import Draft, Family
from ..terms import joined, letter_of, linear, styles
from ..working import Work
from .wording import asked, asked_held_out


def collect(work: Work, letter: str, left: tuple[int, int], right: tuple[int, int], sign: str = "=") -> tuple[int, int]:
    """From ax+b=cx+d, already written, to the numbers of ax=d."""
    (a, b), (c, d) = left, right
    if b or c:
        work.say(f"{joined(((a, letter), (-c, letter)))}{sign}{joined(((d, ''), (-b, '')))}")
        a, d = less(work, a, c), less(work, d, b)
        work.say(f"{joined(((a, letter),))}{sign}{d}")
    return a, d


def solve(work: Work, letter: str, left: tuple[int, int], right: tuple[int, int]) -> int:
    """The whole solution of ax+b=cx+d, already written."""
    a, d = collect(work, letter, left, right)
    if a == 1:
        return d
    work.say(f"{letter}={d}/{a if a > 0 else f'({a})'}")
    value = work.quotient(d, a)
    work.say(f"{letter}={value}")
    return value


def nonzero(random: Random, most: int, least: int = 1) -> int:
    """A number of either sign whose size is from `least` to `most`."""
    return random.choice((-1, 1)) * random.randint(least, most)


def _linear_equation(random: Random, level: int) -> Draft:
    form = random.choice(_FORMS[level])
    return form(random, level)


def _plain(random: Random, level: int) -> Draft:
    """ax+b=c or b+ax=c."""
    a, b, x = random.randint(1, 9), nonzero(random, 20), random.randint(1, 12)
    if level > 1:
        a, b, x = nonzero(random, 12, 2), nonzero(random, 20 * level), nonzero(random, 6 * level)
    if level == 3 and random.random() < 0.5:  # larger numbers, whose quotient is a long division
        a, b, x = random.randint(13, 400), nonzero(random, 300), random.randint(2, 99)
    letter = letter_of(a, b, x)
    left = linear(a, b, letter) if b < 0 or a < 0 or random.random() < 0.7 else f"{b}+{joined(((a, letter),))}"
    work = Work()
    work.say(f"{left}={a * x + b}")
    solve(work, letter, (a, b), (0, a * x + b))
    return _draft(f"{left}={a * x + b}", letter, work, x)


def _both_sides(random: Random, level: int) -> Draft:
    """ax+b=cx+d."""
    c, x, b = random.randint(1, 6), random.randint(1, 12), nonzero(random, 20)
    a = c + random.randint(1, 9)
    if level > 2:
        a, c, x, b = (
            nonzero(random, 12, 2),
            nonzero(random, 12),
            nonzero(random, 7 * level),
            nonzero(random, 20 * level),
        )
        a += a == c
        a += not a
    d = (a - c) * x + b
    letter = letter_of(a, b, c, x)
    equation = f"{linear(a, b, letter)}={linear(c, d, letter)}"
    work = Work()
    work.say(equation)
    solve(work, letter, (a, b), (c, d))
    return _draft(equation, letter, work, x)


def _bracket(random: Random, _: int) -> Draft:
    """a(x+b)=c."""
    a, b, x = random.randint(2, 9), nonzero(random, 12), random.randint(1, 12)
    letter = letter_of(a, b, x)
    equation = f"{a}({linear(1, b, letter)})={a * (x + b)}"
    work = Work()
    work.say(equation)
    left = _opened(work, a, b)
    work.say(f"{linear(*left, letter)}={a * (x + b)}")
    solve(work, letter, left, (0, a * (x + b)))
    return _draft(equation, letter, work, x)


def _two_brackets(random: Random, level: int) -> Draft:
    """a(x+b)=c(x+d), or with one bracket a(x+b)=cx+d."""
    while True:
        a, b, c, x = random.randint(2, 9), nonzero(random, 12), random.randint(2, 9), nonzero(random, 4 * level)
        if a == c:
            continue
        rest = a * (x + b)
        if rest % c == 0 and rest // c != x and level > 3:
            d, right = rest // c - x, ""
            break
        if level == 3:
            d, right = rest - c * x, "open"
            break
    letter = letter_of(a, b, c, d)
    other = linear(c, d, letter) if right else f"{c}({linear(1, d, letter)})"
    equation = f"{a}({linear(1, b, letter)})={other}"
    work = Work()
    work.say(equation)
    left, opened = _opened(work, a, b), (c, d) if right else _opened(work, c, d)
    work.say(f"{linear(*left, letter)}={linear(*opened, letter)}")
    solve(work, letter, left, opened)
    return _draft(equation, letter, work, x)


def _over(random: Random, _: int) -> Draft:
    """x/a+b=c, or (x+b)/a=c."""
    a, b, c = random.randint(2, 9), nonzero(random, 12), nonzero(random, 12)
    letter, work = letter_of(a, b, c), Work()
    if random.random() < 0.5:
        c += b
        equation = f"{letter}/{a}{b:+d}={c}"
        work.say(equation)
        work.say(f"{letter}/{a}={joined(((c, ''), (-b, '')))}")
        right = less(work, c, b)
        work.say(f"{letter}={right}*{a}")
        x = work.multiply(right, a)
        work.say(f"{letter}={x}")
    else:
        equation = f"({linear(1, b, letter)})/{a}={c}"
        work.say(equation)
        work.say(f"{linear(1, b, letter)}={c}*{a}")
        right = work.multiply(c, a)
        work.say(f"{linear(1, b, letter)}={right}")
        x = solve(work, letter, (1, b), (0, right))
    return _draft(equation, letter, work, x)


def _opened(work: Work, factor: int, b: int) -> tuple[int, int]:
    """The bracket factor(x+b) as the numbers of ax+b."""
    product = work.multiply(factor, abs(b))
    return factor, product if b > 0 else -product


def _draft(equation: str, letter: str, work: Work, x: int) -> Draft:
    return Draft(styles("equation", equation), work, str(x), {"letter": letter})


_FORMS = {
    1: (_plain,),
    2: (_both_sides, _bracket),
    3: (_plain, _both_sides, _two_brackets, _over),
    4: (_both_sides, _two_brackets),
}

LINEAR_EQUATION = Family(
    "linear_equation",
    _linear_equation,
    wordings=(
        *asked("{letter} if {equation_spaced}", "the value of {letter} in {equation_starred}"),
        "Solve {equation_spaced}.",
        "Solve for {letter}: {equation_spaced}",
        "Solve for {letter}: {equation}",
        "{equation}",
        "{equation_spaced}, {letter} = ?",
        "Solve the equation {equation_starred}.",
        "For which {letter} is {equation_spaced}?",
        "Which number {letter} makes {equation_starred} true?",
        "The equation is {equation_spaced}. What is {letter}?",
        "Given {equation}, find {letter}.",
        "Suppose {equation_starred}. What must {letter} be?",
        "Equation: {equation}. Unknown: {letter}.",
    ),
    held_out_wordings=(
        "Can you solve {equation_spaced} for {letter}?",
        "{letter} satisfies {equation_spaced}. How large is {letter}?",
        "What number should stand for {letter} so that {equation_starred}?",
        "Let {equation}. Compute {letter}.",
        "I know that {equation_spaced}. Now I want {letter}.",
        "Isolate {letter} in {equation_starred}.",
        "Here is an equation: {equation_spaced}. Its solution?",
        "If {equation_starred} holds, how much is {letter}?",
        "Please help me with {equation}. I am looking for {letter}.",
        "Find the number {letter} for which {equation_spaced}.",
    ),
)

_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def _linear_inequality(random: Random, level: int) -> Draft:
    a, c, bound = random.randint(2, 9), 0, random.randint(1, 4 * 3**level)
    b, sign = nonzero(random, 10 * level), random.choice(("<", ">", "<=", ">="))
    if level > 1:
        c = random.randint(1, 9)
    if level > 2 and random.random() < 0.6:
        a = -a
    a += c if level > 1 else 0
    slope = a - c
    right = b + (slope * bound if random.random() < 0.5 else slope * bound + random.randint(1, abs(slope) - 1))
    letter, work = letter_of(a, b, c, right), Work()
    inequality = f"{linear(a, b, letter)}{sign}{linear(c, right, letter)}"
    work.say(inequality)
    slope, right = collect(work, letter, (a, b), (c, right), sign)
    if slope < 0:
        slope, right, sign = -slope, -right, _FLIPPED[sign]
        work.say(f"{slope}{letter}{sign}{right}")
    answer = _integer_bound(work, letter, sign, right, slope)
    wanted = "largest" if sign in ("<", "<=") else "smallest"
    return Draft({**styles("inequality", inequality), "wanted": wanted}, work, str(answer), {"letter": letter})


def _integer_bound(work: Work, letter: str, sign: str, right: int, slope: int) -> int:
    """The last integer on the inner side of right/slope, which is not negative."""
    whole, rest = work.divide(right, slope)
    if sign == "<=" or (sign == "<" and rest) or (sign == ">=" and not rest):
        answer = whole
    else:
        answer = work.subtract(whole, 1) if sign == "<" else work.add(whole, 1)
    work.say(f"{letter}={answer}")
    return answer


LINEAR_INEQUALITY = Family(
    "linear_inequality",
    _linear_inequality,
    wordings=(
        *asked(
            "the {wanted} integer {letter} with {inequality_spaced}",
            "the {wanted} whole number {letter} for which {inequality_starred}",
        ),
        "{inequality_spaced}; {wanted} integer {letter}?",
        "{inequality}, {wanted} integer",
        "Solve {inequality_spaced} and give the {wanted} integer solution.",
        "Which is the {wanted} integer that satisfies {inequality}?",
        "The inequality is {inequality_spaced}. What is the {wanted} integer {letter}?",
        "Given {inequality_starred}, find the {wanted} integer {letter}.",
        "{letter} is an integer and {inequality_spaced}. What is the {wanted} that {letter} can be?",
        "Suppose {inequality}. What is the {wanted} whole value of {letter}?",
    ),
    held_out_wordings=asked_held_out(
        "the {wanted} integer solution of {inequality_spaced}",
        "the {wanted} integer {letter} that obeys {inequality_starred}",
    ),
)

FAMILIES = (LINEAR_EQUATION, LINEAR_INEQUALITY)
