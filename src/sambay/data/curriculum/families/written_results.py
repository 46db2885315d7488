"""Results that are written as an expression: a number as a product of primes, a complex number as a+bi."""

from __future__ import annotations

from random import Random

from ..problem import Draft, Family
from ..terms import joined, spaced
from ..working import Work
from .primes import factors_in_order
from .wording import asked, asked_held_out


def _prime_factorization(random: Random, level: int) -> Draft:
    number = random.randint(*{1: (10, 300), 2: (10, 600), 3: (10, 1000), 4: (1000, 3000)}[level])
    work = Work()
    answer = " × ".join(map(str, factors_in_order(work, number)))
    work.say(f"so {answer}")
    return Draft({"n": number}, work, answer)


def _complex_sum(random: Random, level: int) -> Draft:
    most = (6, 10, 20, 99)[level - 1]
    a, b, c, d = (random.choice((-1, 1)) * random.randint(1, most) for _ in range(4))
    sign, work = random.choice("+-"), Work()
    combine = work.add if sign == "+" else work.subtract
    work.say(f"real {a}, {c}; imaginary {b}, {d}")
    real, imaginary = combine(a, c), combine(b, d)
    answer = spaced(joined(((real, ""), (imaginary, "i"))))
    work.say(f"so {answer}")
    end = random.choice(("", ".0"))
    first, second = (f"({x}{end} {'+' if y > 0 else '-'} {abs(y)}{end}i)" for x, y in ((a, b), (c, d)))
    return Draft({"sum": f"{first} {sign} {second}"}, work, answer)


FAMILIES = (
    Family(
        "prime_factorization",
        _prime_factorization,
        wordings=(
            *asked("the prime factorization of {n}", "{n} as a product of primes"),
            "Write {n} as a product of primes, smallest first, with × between them.",
            "Factor {n} into primes. Your answer should look like 2 × 3 × 3.",
            "Which primes multiply to {n}? Give them as a product with ×.",
            "{n}, prime factorization",
        ),
        held_out_wordings=asked_held_out("{n} broken down into primes", "the primes whose product is {n}, joined by ×"),
    ),
    Family(
        "complex_sum",
        _complex_sum,
        wordings=(
            *asked("{sum}", "{sum}, where i is the imaginary unit"),
            "{sum}",
            "{sum} = ?",
            "Compute with complex numbers: {sum}",
            "These are complex numbers: {sum}. Your answer should have the form a + bi.",
        ),
        held_out_wordings=asked_held_out("the complex number {sum}", "{sum} in the form a + bi"),
    ),
)
