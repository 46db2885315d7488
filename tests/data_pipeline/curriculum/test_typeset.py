"""LaTeX in questions and answers, read back by a parser of its own and by math-verify."""

from __future__ import annotations

import re
from fractions import Fraction
from random import Random

import pytest

from sambay.data.curriculum import FAMILIES, Split, draw_problem
from sambay.data.curriculum.families.typeset_fractions import FRACTIONS_TYPESET
from sambay.data.curriculum.latex import Typeset, latex

LEVELS = (1, 2, 3, 4)
SIGNED_WITH_LATEX = (
    *("addition", "subtraction", "signed_arithmetic", "multiplication", "division_exact", "order_of_operations"),
    *("decimals_add_subtract", "decimals_multiply", "fractions_add_subtract", "fractions_multiply_divide", "powers"),
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("3 × (4 - 1) ÷ 2", r"3 \times (4 - 1) \div 2"), ("2/3 + 1/4", r"\frac{2}{3} + \frac{1}{4}"),
     ("2/3 ÷ (4/5)", r"\frac{2}{3} \div \frac{4}{5}"), ("(-2)^10", "(-2)^{10}"), ("2^-3", "2^{-3}"),
     ("2/3-5", r"\frac{2}{3}-5"), ("4 ÷ 12/25", r"4 \div \frac{12}{25}")],
)  # fmt: skip
def test_an_expression_in_latex(text: str, wanted: str) -> None:
    assert latex(text) == wanted
    assert f"{Typeset(text):latex}|{Typeset(text)}" == f"{wanted}|{text}"
    assert f"{Typeset('3 × 4'):cdot}" == r"3 \cdot 4"


def value_of_latex(text: str) -> Fraction:
    """Of what stands between dollars or brackets of LaTeX, with exact numbers."""
    for command, sign in {r"\times": "*", r"\cdot": "*", r"\div": "/", "{": "(", "}": ")", "^": "**"}.items():
        text = re.sub(r"\\d?frac\{(\d+)\}\{(\d+)\}", r"(\1/\2)", text).replace(command, sign)
    exact = re.sub(r"\d+(?:\.\d+)?", lambda number: f"Fraction('{number.group()}')", text)
    return Fraction(eval(exact, {"Fraction": Fraction}))


@pytest.mark.parametrize("name", SIGNED_WITH_LATEX)
def test_the_answer_is_the_value_of_what_is_typeset(name: str) -> None:
    num_typeset = 0
    for index in range(900):
        level = 1 + index % 3
        problem = draw_problem(FAMILIES[name], Random(f"{name} {index}"), level)
        typeset = ["".join(parts) for parts in re.findall(r"\$\$?([^$]+)\$|\\\((.+?)\\\)", problem.question)]
        asked = [text for text in typeset if re.search(r"\d", text)]  # not a name such as $x$
        if asked:
            num_typeset += 1
            expression = re.sub(r"^\s*[a-z] =|=\s*(\\,\?)?$", "", asked[0])  # $x = 2 + 3$ and $2 + 3 =$
            assert value_of_latex(expression.strip()) == Fraction(problem.answer), problem
    assert num_typeset > 20


@pytest.mark.parametrize("level", LEVELS)
def test_fractions_are_reduced_and_set_as_they_were_asked(level: int) -> None:
    styles = set()
    for index in range(400):
        draft = FRACTIONS_TYPESET.draw(Random(f"{level} {index}"), level)
        question, answer = format(draft.values["a"], "set"), draft.answer
        top, bottom = map(int, re.findall(r"\d+", question))
        assert Fraction(top, bottom) == Fraction(*map(int, re.findall(r"\d+", answer)))
        if Fraction(top, bottom).denominator == 1:
            assert answer == str(top // bottom)
            continue
        assert int(re.findall(r"\d+", answer)[1]) == Fraction(top, bottom).denominator
        style = re.sub(r"\d+", "0", answer)
        assert style in (r"\frac{0}{0}", r"\dfrac{0}{0}", "0/0")
        assert re.sub(r"\d+", "0", question).strip("$").removeprefix("\\(").removesuffix("\\)") == style
        styles.add(style)
    assert len(styles) == 3


def test_math_verify_takes_typeset_answers_and_plain_ones() -> None:
    math_verify = pytest.importorskip("math_verify")
    for index in range(30):
        problem = draw_problem(FRACTIONS_TYPESET, Random(index), 2, Split.TEST)
        plain = "/".join(re.findall(r"\d+", problem.answer))
        wanted = math_verify.parse(f"\\boxed{{{plain}}}", parsing_timeout=None)
        found = math_verify.parse(problem.reply, parsing_timeout=None)
        assert math_verify.verify(wanted, found, timeout_seconds=None), problem
