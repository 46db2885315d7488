"""Order of operations, and equations with one number missing."""

from __future__ import annotations

from random import Random

from ..expressions import drawn, evaluate, operate, pretty, written
from ..problem import Draft, Family
from ..working import Work
from .asking import asked, asked_held_out


def _order_of_operations(random: Random, level: int) -> Draft:
    num_operations = {1: 2, 2: 3, 3: 4, 4: 6}[level]
    signs = "+-**/" if level == 1 else "+-**/^"
    tokens = drawn(random, num_operations, (12, 20, 30, 30)[level - 1], signs, is_signed=level > 2)
    work = Work()
    value = evaluate(work, tokens)
    return Draft({"expression": written(tokens), "pretty": pretty(tokens)}, work, str(value))


# How the missing number is found: for `? sign b = c` and for `a sign ? = c`.
_FIRST_MISSING = {"+": "-", "-": "+", "*": "/", "/": "*"}
_SECOND_MISSING = {"+": ("-", False), "-": ("-", True), "*": ("/", False), "/": ("/", True)}
_SPOKEN = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}


def _missing_number(random: Random, level: int) -> Draft:
    sign = random.choice("+-*/")
    a, b = _operands(random, level, sign)
    c = {"+": a + b, "-": a - b, "*": a * b}.get(sign)
    c = a // b if c is None else c
    work = Work()
    if random.random() < 0.5:
        left, right = "?", str(b)
        first, inverse, second = c, _FIRST_MISSING[sign], b
    else:
        left, right = str(a), "?"
        inverse, is_a_first = _SECOND_MISSING[sign]
        first, second = (a, c) if is_a_first else (c, a)
    work.say(f"?={first}{inverse}{second}")
    answer = operate(work, first, inverse, second)
    work.say(f"?={answer}")
    equation = f"{left} {sign} {right} = {c}"
    spoken = f"{left} {_SPOKEN[sign]} {right}".replace("?", "some number")
    values = {"equation": equation, "blank": equation.replace("?", "___"), "spoken": spoken, "c": c}
    return Draft(values, work, str(answer), closing="The missing number is {answer}.")


def _operands(random: Random, level: int, sign: str) -> tuple[int, int]:
    """Of an equation whose third number is whole and not negative."""
    if sign in "+-":
        most = (20, 99, 999, 9999)[level - 1]
        b, a = sorted(random.randint(1, most) for _ in range(2))
        return a, b
    most_a, most_b = ((12, 9), (99, 9), (99, 12), (999, 12))[level - 1]
    a, b = random.randint(2, most_a), random.randint(2, most_b)
    return (a, b) if sign == "*" else (a * b, b)


ORDER_OF_OPERATIONS = Family(
    "order_of_operations",
    _order_of_operations,
    wordings=(
        *asked("{expression}", "{pretty}"),
        "Mind the order of operations: {expression}",
        "Simplify {pretty}.",
        "What number is {pretty}?",
        "Compute {expression}, multiplying before adding.",
        "Use the order of operations to evaluate {pretty}.",
        "Compute ${pretty:latex}$.",
        "What is the value of ${pretty:cdot}$?",
        "\\({pretty:latex}\\)",
        "Evaluate $${pretty:latex}$$",
        "Simplify ${pretty:latex}$.",
    ),
    held_out_wordings=asked_held_out("{pretty}", "{expression}"),
)

MISSING_NUMBER = Family(
    "missing_number",
    _missing_number,
    wordings=(
        "{equation}",
        "{blank}",
        "What number goes in the blank? {blank}",
        "Find the missing number: {equation}",
        "Fill in the blank: {blank}",
        "Which number makes {equation} true?",
        "{equation} What is the missing number?",
        "Fill the gap: {blank}",
        "Complete: {blank}",
        "Replace the question mark: {equation}",
        "What must ? be in {equation}?",
        "Determine the number behind the question mark in {equation}.",
        "Please find ? if {equation}.",
        "Solve for the blank: {blank}",
        "If {spoken} is {c}, what is the number?",
        "I think: {spoken} equals {c}. Which number is it?",
        "{spoken} gives {c}. Find the number.",
        "Which number completes {blank}?",
        "What belongs in the gap of {blank}?",
        "A number is missing: {equation}. Name it.",
        "Missing number puzzle: {blank}",
        "Given that {equation}, find ?.",
        "Work out what ? stands for: {equation}",
        "what is ? in {equation}",
        "Put the right number into {blank}.",
    ),
    held_out_wordings=(
        "Somebody rubbed out a number: {blank}. Restore it.",
        "Guess the hidden number of {equation}.",
        "We know that {spoken} makes {c}. What could the number be?",
        "The equation {blank} lacks a number. Which one?",
        "In {equation} a value is unknown. Give its value.",
        "For which number does {equation} hold?",
        "So that {blank} is correct, what do I write in the blank?",
        "My number puzzle: {spoken} comes to {c}. My number?",
        "Tell me the value of the question mark: {equation}",
        "Someone computed {blank} and spilled ink on the gap. What stood there?",
    ),
)

FAMILIES = (ORDER_OF_OPERATIONS, MISSING_NUMBER)
