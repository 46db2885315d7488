"""Sequences: the next term, the nth term, a rule applied again and again, and sums."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from ..problem import Draft, Family
from ..terms import joined, ordinal
from ..working import Work
from .equations import nonzero
from .wording import asked, asked_held_out


def commas(numbers: list[int]) -> str:
    """3, 7, 11."""
    return ", ".join(map(str, numbers))


def _arithmetic_sequence(random: Random, level: int) -> Draft:
    """At level 1 term after term, then by the number of steps."""
    difference, start = (
        random.randint(2, (20, 40, 60, 400)[level - 1]),
        random.randint(1, (90, 99, 999, 9999)[level - 1]),
    )
    if level > 2:
        difference *= random.choice((-1, 1))
    terms = [start + difference * place for place in range(4)]
    number = random.randint(5, 7) if level == 1 else random.randint(8, 10 * level)
    work = Work()
    work.subtract(terms[1], terms[0])
    if level == 1:
        answer = terms[-1]
        for place in range(5, number + 1):
            answer = work.add(answer, difference)
            work.say(f"{ordinal(place)}: {answer}")
    else:
        steps = work.subtract(number, 1)
        answer = work.add(start, work.multiply(difference, steps))
        work.say(f"{ordinal(number)}: {answer}")
    return Draft({"terms": commas(terms), "place": ordinal(number)}, work, str(answer), {"number": str(number)})


ARITHMETIC_SEQUENCE = Family(
    "arithmetic_sequence",
    _arithmetic_sequence,
    wordings=(
        *asked(
            "the {place} term of the arithmetic sequence {terms}, ...",
            "the {place} number in the list {terms}, ... with equal steps",
        ),
        "{terms}, ... {place} term?",
        "An arithmetic sequence starts {terms}. What is its {place} term?",
        "The sequence {terms}, ... is arithmetic. Which number stands at place {number}?",
        "Each number in {terms}, ... is the last one plus the same amount. Find the {place}.",
        "A row of numbers begins {terms} and goes on with the same step. What is the {place} number?",
        "Arithmetic sequence: {terms}, ... Term {number}?",
        "In the arithmetic progression {terms}, ..., what is term number {number}?",
    ),
    held_out_wordings=asked_held_out(
        "term {number} of the arithmetic progression that begins with {terms}",
        "the number at position {number} when {terms} is continued with the same step",
    ),
)


def _geometric_sequence(random: Random, level: int) -> Draft:
    ratio, start = random.randint(2, 9 if level == 1 else 5), random.randint(2, (60, 60, 80, 99)[level - 1])
    shown, number = 3, {1: 4, 2: random.randint(4, 5), 3: random.randint(4, 5), 4: random.randint(5, 6)}[level]
    if level > 2 and random.random() < 0.3:
        ratio = -ratio
    terms = [start * ratio**place for place in range(shown)]
    work = Work()
    work.quotient(terms[1], terms[0])
    value = terms[-1]
    for place in range(shown + 1, number + 1):
        value = work.multiply(value, ratio)
        work.say(f"{ordinal(place)}: {value}")
    return Draft({"terms": commas(terms), "place": ordinal(number)}, work, str(value), {"number": str(number)})


GEOMETRIC_SEQUENCE = Family(
    "geometric_sequence",
    _geometric_sequence,
    wordings=(
        *asked(
            "the {place} term of the geometric sequence {terms}, ...",
            "the {place} number in the list {terms}, ... with equal ratios",
        ),
        "{terms}, ... (geometric), {place} term?",
        "A geometric sequence starts {terms}. What is its {place} term?",
        "The sequence {terms}, ... is geometric. Which number stands at place {number}?",
        "Each number in {terms}, ... is the last one times the same factor. Find the {place}.",
        "A row of numbers begins {terms} and always grows by the same factor. What is the {place} number?",
        "Geometric sequence: {terms}, ... Term {number}?",
        "In the geometric progression {terms}, ..., what is term number {number}?",
    ),
    held_out_wordings=asked_held_out(
        "term {number} of the geometric progression that begins with {terms}",
        "the number at position {number} when {terms} is continued with the same ratio",
    ),
)


def _recursive_sequence(random: Random, level: int) -> Draft:
    factor = random.randint(2, 3 if level == 2 else 5)
    shift, start = random.randint(1, 15 * level), random.randint(1, 15 * level)
    if level > 1 and random.random() < 0.5:
        shift = -shift
    if level > 2 and random.random() < 0.3:
        start = -start
    number = {1: 3, 2: random.choice((3, 4)), 3: 4, 4: 5}[level]
    work, value = Work(), start
    work.say(f"a1={start}")
    for place in range(2, number + 1):
        value = work.multiply(factor, value)
        value = work.add(value, shift) if shift > 0 else work.subtract(value, -shift)
        work.say(f"a{place}={value}")
    values = {"start": start, "rule": f"{factor}a_{{n-1}}{shift:+d}", "number": number, "factor": factor}
    change = f"{'add' if shift > 0 else 'subtract'} {abs(shift)}"
    values |= {"starred": f"{factor}*a(n-1) {'+' if shift > 0 else '-'} {abs(shift)}", "change": change}
    return Draft(values, work, str(value), {"place": ordinal(number)})


RECURSIVE_SEQUENCE = Family(
    "recursive_sequence",
    _recursive_sequence,
    wordings=(
        *asked(
            "a_{number} if a_1 = {start} and a_n = {rule}",
            "a({number}) when a(1) = {start} and a(n) = {starred}",
        ),
        "a_1={start}, a_n={rule}, a_{number}=?",
        "A sequence has a_1 = {start} and a_n = {rule}. Find a_{number}.",
        "A sequence starts with {start}. For the next term, multiply by {factor} and {change}. What is term {number}?",
        "Start with {start}; each next number is the last times {factor}, then {change}. What is the {place} number?",
        "The first term is {start} and every term after it follows a(n) = {starred}. What is the {place} term?",
        "Let a(1) = {start}, a(n) = {starred}. Compute a({number}).",
        "Given a_1 = {start} and the rule a_n = {rule}, work out a_{number}.",
    ),
    held_out_wordings=(
        *asked_held_out(
            "the {place} term of the sequence with a_1 = {start} and a_n = {rule}",
            "term {number}, where the first term is {start} and a(n) = {starred}",
        )[:7],
        "The rule is: times {factor}, then {change}. The first number is {start}. Which is the {place}?",
        "A list begins with {start}. Every entry is {factor} times the entry before, then {change}. Entry {number}?",
        "With a_n = {rule} and a_1 = {start}, how big is a_{number}?",
    ),
)


def _sequence_sum(random: Random, level: int) -> Draft:
    """first + (first+step) + ... + last: how many, then first+last times half of that."""
    step = 1 if level == 1 else random.randint(2, 4 * level)
    count = random.randint(4, (20, 12, 20, 40)[level - 1])
    first = random.randint(1, (30, 20, 40, 99)[level - 1])
    last = first + step * (count - 1)
    work = Work()
    span = work.subtract(last, first)
    steps = work.quotient(span, step) if step > 1 else span
    work.add(steps, 1)
    ends = work.add(first, last)
    answer = work.quotient(work.multiply(ends, count), 2)
    work.say(f"sum: {answer}")
    start = commas([first, first + step])
    values = {
        "start": start,
        "last": last,
        "summed": f"{first}+{first + step}+...+{last}",
        "first": first,
        "step": step,
    }
    return Draft(values, work, str(answer))


SEQUENCE_SUM = Family(
    "sequence_sum",
    _sequence_sum,
    wordings=(
        *asked("the sum {summed}", "the sum of the numbers {start}, ..., {last}"),
        "{summed}",
        "{summed} = ?",
        "Add all numbers from {first} to {last} in steps of {step}.",
        "An arithmetic sequence goes from {first} to {last} in steps of {step}. What is the sum of its terms?",
        "Add up {start} and so on until {last}.",
        "How much is {summed}?",
        "Sum the arithmetic series {summed}.",
        "Starting at {first} and going up by {step} each time until {last}, what do all the numbers add up to?",
    ),
    held_out_wordings=asked_held_out(
        "the total of {start}, and so on up to {last}", "the value of the arithmetic series {summed}"
    ),
)


def _number_pattern(random: Random, level: int) -> Draft:
    """Differences that grow by one amount, or from level 2 on by one factor, or that take turns."""
    kind = random.choice(("growing", "turns", "factor")[: 2 if level == 1 else 3])
    change, step, start = random.randint(1, 6 * level), random.randint(1, 8 * level), random.randint(1, 20 * level)
    if kind == "growing":
        if level > 1 and random.random() < 0.3:
            change, step = -change, step + 4 * change
        return _continued(kind, start, [step + change * place for place in range(5)])
    if kind == "turns":
        other = step + nonzero(random, 9)
        return _continued(kind, start, [step, other, step, other, step])
    factor, step = random.randint(2, 3), random.randint(2, 9)
    return _continued(kind, start, [step * factor**place for place in range(5)])


def _continued(kind: str, start: int, steps: list[int]) -> Draft:
    """The next term of a start and its steps, the last of which is not shown."""
    terms = [start]
    for step in steps:
        terms.append(terms[-1] + step)
    work = Work()
    for one, two in pairwise(terms[:-1]):
        work.subtract(two, one)
    work.say(f"steps {commas(steps[:-1])}")
    if kind == "turns":
        work.say(f"they take turns, next {steps[-1]}")
    elif kind == "growing":
        change = work.subtract(steps[1], steps[0])
        work.subtract(steps[2], steps[1])
        work.say(f"always {joined(((change, ''),))}")
        work.add(steps[-2], change)
    else:
        work.quotient(steps[1], steps[0])
        work.say(f"always times {steps[1] // steps[0]}")
        work.multiply(steps[-2], steps[1] // steps[0])
    work.add(terms[-2], steps[-1])
    work.say(f"next {terms[-1]}")
    return Draft({"terms": commas(terms[:-1])}, work, str(terms[-1]))


NUMBER_PATTERN = Family(
    "number_pattern",
    _number_pattern,
    wordings=(
        *asked("the next number in {terms}, ...", "the number that continues the pattern {terms}"),
        "{terms}, ?",
        "{terms}, ...",
        "Which number comes next: {terms}?",
        "What comes after {terms}?",
        "Continue the pattern: {terms}, ...",
        "A pattern begins {terms}. Give the next number.",
        "Look at the steps between {terms}. What is the next number?",
        "The numbers {terms} follow a pattern. Which number follows?",
    ),
    held_out_wordings=asked_held_out(
        "the missing last number of {terms}, _", "the number that follows in the row {terms}"
    ),
)

FAMILIES = (ARITHMETIC_SEQUENCE, GEOMETRIC_SEQUENCE, RECURSIVE_SEQUENCE, SEQUENCE_SUM, NUMBER_PATTERN)
