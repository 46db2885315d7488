from __future__ import annotations

import threading
import time

import pytest

from sambay.evaluation.grading import final_answer, is_bounded, is_right

pytest.importorskip("math_verify")


@pytest.mark.parametrize(
    ("reply", "boxed"),
    [
        ("<think>\nso 9\n</think>\n\nThe answer is \\boxed{9}.", "9"),
        ("first \\boxed{1}, then \\boxed{2}", "2"),
        ("\\boxed{\\frac{1}{2}}", "\\frac{1}{2}"),
        ("\\boxed{ 7 }", "7"),
        ("\\boxed{}", ""),
        ("<think>\n\\boxed{3}\n</think>\n\nI do not know.", None),
        ("<think>\nnever ends \\boxed{3}", None),
        ("\\boxed{3", None),
        ("\\boxed{1} and \\boxed{2", None),
        ("nothing", None),
        ("", None),
        ("}}}\\boxed{4}}}", "4"),
    ],
)
def test_the_last_box_outside_the_thought_is_the_answer(reply: str, boxed: str | None) -> None:
    assert final_answer(reply) == boxed


RIGHT = [
    ("42", "42"), ("42.0", "42"), ("42.", "42"), ("$42$", "42"), ("1,000", "1000"), ("-7", "-7"), ("- 7", "-7"),
    ("007", "7"), ("-0", "0"), ("6.150", "6.15"), (".5", "0.5"), ("\\frac{3}{4}", "3/4"), ("0.75", "3/4"), ("6/8",
    "3/4"),
    ("x=5", "5"), ("\\text{Tuesday}", "Tuesday"), ("tuesday", "Tuesday"), ("YES", "yes"), ("Yes.", "yes"),
    ("14:35", "14:35"), ("9:05", "09:05"), ("2:35 p.m.", "2:35 pm"), ("02:35PM", "2:35 pm"), ("(B)", "B"),
    ("b", "B"), ("2\\sqrt{2}", "\\sqrt{8}"), ("3, 1, 2", "1,2,3"),
    ("50%", "0.5"), ("2^{10}", "1024"), ("(x+1)^2", "x^2+2x+1"), ("[1,2)", "[1, 2)"), ("\\frac{22}{7}", "22/7"),
    ("3 1/2", "7/2"), ("-3 1/2", "-7/2"), ("1.5\\times 10^{3}", "1500"), ("1{,}000", "1000"),
    ("0X1F", "0x1f"), ("1B4", "1b4"), ("-0x1f", "-0x1f"), ("3 a", "3a"), ("3*a", "3a"),
    ("6*x**2 + 5*x - 3", "6x^2+5x-3"), ("-3 + 5*x + 6*x**2", "6*x**2 + 5*x - 3"), ("2**10", "1024"),
    ("(3*x - 1)**3/9 + C", "C + (3x-1)^3/9"), ("x**(3/2)", "x^{3/2}"), ("x**-1", "1/x"),
]  # fmt: skip
WRONG = [
    ("43", "42"), ("-42", "42"), ("4 2", "42"), ("", "42"), (None, "42"), ("0.333", "1/3"), ("4/3", "3/4"), ("on",
    "no"),
    ("3 1/2", "3/2"), ("yadseuT", "Tuesday"), ("Thursday", "Tuesday"), ("28:70", "14:35"), ("14:36", "14:35"),
    ("2/5", "14:35"), ("2:35 am", "2:35 pm"), ("2:35", "2:35 pm"), ("14:35", "2:35 pm"),
    ("0", "no"), ("A", "B"), ("AB", "B"), ("x", "5"), ("\\frac{1", "1"), ("}{", "1"), ("1,2", "1,2,3"), ("(1,2)",
    "[1,2]"),
    ("\\infty", "1"), ("nan", "1"), ("1/0", "1"), ("42 or 43", "42"), ("\x00\ud7ff", "1"), ("6.16", "6.15"), ("100",
    "1000"),
    ("0x2f", "0x1f"), ("0", "0x1f"), ("1f", "0x1f"), ("0b11", "0b10"), ("f3", "3f"), ("4b12", "12b4"), ("1000", "1e3"),
    ("0x1f", "-0x1f"),
    ("6*x**2 + 4*x - 3", "6*x**2 + 5*x - 3"), ("-(8*x + 5)**3/12 + C", "-(8*x + 5)**3/24 + C"), ("x**12", "x**13"),
    ("x**1*2", "x**12"), ("9*x**4/2", "9*x**4/2 + C"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "wanted"), RIGHT)
def test_right_answers_are_right(answer: str, wanted: str) -> None:
    assert is_right(answer, wanted)


@pytest.mark.parametrize(("answer", "wanted"), WRONG)
def test_wrong_answers_are_wrong(answer: str | None, wanted: str) -> None:
    assert not is_right(answer, wanted)


HOSTILE = [
    "(" * 10_000 + "1" + ")" * 10_000, "{" * 100 + "1" + "}" * 100, "9^{9^{9^9}}", "9**9**9**9",
    "((10^{999})^{999})^{999}",
    "10^{999999999}", "99999999!", "5!!!!!!", "(5!)!", "\\binom{10^9}{5}", "\\sum_{n=1}^{10^9} n", "\\int_0^1 x^x dx",
    "2^" * 100 + "2", "1" * 100_000, "\\frac{1}{" * 100 + "2" + "}" * 100, "\\sqrt{" * 60 + "5" + "}" * 60,
    "+".join(f"\\sin({n})" for n in range(60)), "-" * 10_000 + "1", "x^{2}+" * 5_000, "\\left(" * 50, "\\prod_{k} k",
    "10^{10^{10}}", "(2^{5000})^{5000}", "2^(9^9)",
    # with letters: expanded or divided term by term
    "(x+1)^9999", "(x+1)^{17}", "(x+y+z)^9", "((x+1)^5)^4", "(x^{9999}-1)/(x-1)", "\\frac{x^{101}-1}{x-1}",
    "y^9^{99}*+C\\sin(x)", "x^{2^{99}}",
]  # fmt: skip


@pytest.mark.parametrize("answer", HOSTILE, ids=lambda answer: answer[:20])
def test_hostile_answers_are_refused_before_anything_is_computed(answer: str) -> None:
    began = time.perf_counter()
    assert not is_bounded(answer)
    assert not is_right(answer, "5")
    assert is_right(answer, answer)
    assert time.perf_counter() - began < 0.5


@pytest.mark.parametrize(
    "answer",
    [
        "x^{20}+x^{19}+1",
        "e^{x^2}",
        "2^{100}",
        "\\frac{-b+\\sqrt{b^2-4ac}}{2a}",
        "3\\cdot10^{8}",
        "5!",
        "(x+1)^2(x-2)^3",
        "(x+1)^{16}",
        "(a+b)^8",
        "x^{999}-2",
        "\\frac{x^{100}-1}{x-1}",
        "2x^{-3}e^{2x}",
    ],
)
def test_ordinary_mathematics_is_bounded(answer: str) -> None:
    assert is_bounded(answer)


def test_what_is_bounded_ends_soon() -> None:
    worst = ["{" * 8 + "5" + "}" * 8, "(" * 8 + "5" + ")" * 8, "\\sqrt{" * 8 + "5" + "}" * 8, "10^{9999}-1",
             "\\frac{1}{" * 8 + "2" + "}" * 8, "+".join(f"x^{{{n}}}" for n in range(2, 40)), "1000!",
             "7" * 300, "(x+1)^{16}", "(a+b+c+d)^8", "(x^{100}-1)/(x-1)", "x^{1000}-x^{999}",
             "(x^{50}+1)^{16}"]  # fmt: skip
    for answer in worst:
        assert is_bounded(answer), answer
        began = time.perf_counter()
        assert not is_right(answer, "11")
        assert time.perf_counter() - began < 5, answer


def test_any_thread_grades(recwarn: pytest.WarningsRecorder) -> None:
    found: list[bool] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(is_right(f"{n}/4", f"{3 * n}/12"))) for n in range(1, 9)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 8
