from __future__ import annotations

import math
import re
from collections.abc import Iterable
from random import Random

import pytest
from data_pipeline.curriculum.test_contract import false_equations

from sambay.data.curriculum.expressions import drawn, evaluate, written
from sambay.data.curriculum.working import Work

SMALL = range(-25, 130, 5)
OPERATIONS = {"add": lambda a, b: a + b, "subtract": lambda a, b: a - b, "multiply": lambda a, b: a * b}
SIGNS = {"add": "+", "subtract": "-", "multiply": "*"}


def pairs() -> Iterable[tuple[int, int]]:
    """Many small numbers, and numbers of all lengths."""
    yield from ((a, b) for a in SMALL for b in SMALL)
    random = Random(1)
    for _ in range(1000):
        yield tuple(random.choice((1, 1, -1)) * random.randrange(10 ** random.randint(1, 6)) for _ in range(2))  # type: ignore[misc]


def read_columns(line: str) -> int:
    """What a sum, a difference or a product by one digit is, read from its columns alone."""
    head, columns = line.split(": ")
    *columns, _ = columns.split(", ")
    values = [int(column.split("=")[1]) for column in columns]
    digits = [value % 10 for value in values]
    zeros = len(re.findall(r"\*\d(0*)$", head)[0]) if "*" in head else 0
    top = values[-1] // 10 * 10 ** len(values)
    return (top + sum(digit * 10**place for place, digit in enumerate(digits))) * 10**zeros


def read_division(line: str) -> tuple[int, int]:
    """Quotient and remainder as the steps alone give them; each step must continue the one before."""
    head, steps = line.split(": ")
    dividend, divisor = head.split("/")
    quotient, rest, seen = 0, 0, 0
    for step in steps.split(", ")[:-1]:
        found = re.fullmatch(r"(\d+)=(?:(\d+)\+(\d+)=)?(\d)\*(\d+)\+(\d+)", step)
        assert found, line
        number, multiple, rest_too, digit, by, left = found.groups()
        seen = len(number) if not seen else seen + 1
        assert int(number) == (rest * 10 + int(dividend[seen - 1]) if quotient else int(dividend[:seen])), line
        assert by == divisor, line
        assert int(left) < int(by), line
        assert multiple is None or (int(multiple) == int(digit) * int(by) and rest_too == left), line
        quotient, rest = quotient * 10 + int(digit), int(left)
    assert seen == len(dividend), line
    return quotient, rest


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_are_right_and_their_columns_give_the_result(name: str) -> None:
    for a, b in pairs():
        work = Work()
        wanted = OPERATIONS[name](a, b)
        assert getattr(work, name)(a, b) == wanted
        for line in work.lines:
            assert not false_equations(line), line
            if ": " in line:
                head, result = line.split(": ")[0], int(line.rsplit("so ", 1)[1])
                assert eval(head) == result == read_columns(line), line
        assert re.search(rf"(?:=|so ){wanted}$", work.lines[-1]), work.lines


def test_sums_of_many_and_powers() -> None:
    random = Random(2)
    for _ in range(500):
        numbers = [random.randint(-99, 99) for _ in range(random.randint(2, 5))]
        assert Work().add(*numbers) == sum(numbers)
        base, exponent = random.randint(-12, 12) or 1, random.randint(0, 5)
        work = Work()
        assert work.power(base, exponent) == base**exponent
        assert not [line for line in work.lines if false_equations(line)]


def test_divisions_read_from_their_steps() -> None:
    random = Random(3)
    cases = [(a, b) for a in range(0, 150, 3) for b in range(1, 40)]
    cases += [(random.randrange(10 ** random.randint(1, 7)), random.randint(1, 400)) for _ in range(1500)]
    for a, b in cases:
        work = Work()
        assert work.divide(a, b) == divmod(a, b)
        line = work.lines[-1]
        assert line.endswith(f"so {a // b} r {a % b}"), line
        assert not [line for line in work.lines if false_equations(line)]
        if a >= b:
            assert read_division(line) == divmod(a, b)
            is_power_of_ten = re.fullmatch("10+", str(b))
            assert len(work.lines) == (2 if b > 12 and not is_power_of_ten else 1), "a table for what is not known"


def test_even_quotients_of_either_sign() -> None:
    for a in range(-30, 31):
        for b in (*range(-15, 0), *range(1, 16), 100, -37):
            work = Work()
            assert work.quotient(a * b, b) == a
            assert not [line for line in work.lines if false_equations(line)]
            assert re.search(rf"(?:=|so ){a}(?: r 0)?$", work.lines[-1]), work.lines
    with pytest.raises(AssertionError, match="even"):
        Work().quotient(7, 2)


def test_euclid() -> None:
    for a in range(1, 200, 3):
        for b in range(1, 200, 7):
            work = Work()
            assert work.gcd(a, b) == math.gcd(a, b)
            assert not false_equations(work.lines[0])
            assert work.lines[0].endswith(f", so {math.gcd(a, b)}")


def test_every_rewritten_expression_keeps_the_value() -> None:
    random = Random(4)
    for _ in range(600):
        tokens = drawn(random, random.randint(1, 6), 30, "+-*/^", is_signed=True)
        work = Work()
        value = evaluate(work, tokens)
        # Exact in floating point: quotients are even and numbers small.
        expressions = [line for line in (written(tokens), *work.lines) if re.fullmatch(r"[-\d+*/^()]+", line)]
        assert {eval(expression.replace("^", "**")) for expression in expressions} == {value}, work.lines
        assert len(expressions) >= len([token for token in tokens if token in list("+-*/^")]) - 1


def test_unsigned_expressions_stay_unsigned() -> None:
    random = Random(5)
    for _ in range(300):
        work = Work()
        evaluate(work, drawn(random, 4, 20, "+-*/"))
        assert not [line for line in work.lines if "=-" in line or line.startswith("-")]


def test_a_table_is_written_once_and_not_for_a_quotient_of_one_digit() -> None:
    work = Work()
    work.divide(1184, 37)
    work.divide(9999, 37)
    assert [line.startswith("2*37=74, ") for line in work.lines] == [True, False, False]
    work = Work()
    assert [work.quotient(a, 37) for a in (37, 148, 370)] == [1, 4, 10]
    assert work.lines[:2] == ["37/37=1", "2*37=74, 3*37=111, 4*37=148, so 148/37=4"]
    assert len(work.lines) == 4
    work = Work()
    assert work.quotient(8400, 1200) == 7
    assert work.lines == ["8400/1200=840/120", "840/120=84/12", "84/12=7"]
