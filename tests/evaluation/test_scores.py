from __future__ import annotations

from itertools import combinations
from random import Random

import numpy as np
import pytest

from sambay.evaluation.scores import Grade, bootstrap, compare, pass_at_k, score


def grades_of(*marks: list[bool], answers: list[str] | None = None) -> dict[str, list[Grade]]:
    return {
        str(index): [Grade("right" if mark else (answers or ["wrong"])[place % len(answers or [1])], mark, 10, True)
                     for place, mark in enumerate(row)]
        for index, row in enumerate(marks)
    }  # fmt: skip


@pytest.mark.parametrize("num_right", range(7))
def test_pass_at_k_is_the_share_of_subsets_with_a_right_one(num_right: int) -> None:
    marks = [index < num_right for index in range(6)]
    for k in range(1, 7):
        subsets = list(combinations(marks, k))
        assert pass_at_k(6, num_right, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


def test_pass_at_k_refuses_more_than_there_are() -> None:
    with pytest.raises(ValueError, match="k=7: allowed is from 1 to 6"):
        pass_at_k(6, 1, 7)


def test_a_score_counts_what_it_says() -> None:
    grades = {
        "a": [Grade("5", True, 10, True), Grade("5", True, 20, True), Grade("6", False, 30, True)],
        "b": [Grade("7", False, 10, True), Grade("7 ", False, 10, True), Grade("8", True, 10, True)],
        "c": [Grade(None, False, 100, False), Grade(None, False, 100, False), Grade("1", True, 10, True)],
    }
    result = score(grades)
    assert result.num_problems == 3
    assert result.pass_at_1 == pytest.approx((2 / 3 + 1 / 3 + 1 / 3) / 3)
    assert result.pass_at_k == {2: pytest.approx((1 + 2 / 3 + 2 / 3) / 3)}
    assert result.majority == pytest.approx(2 / 3)  # of a and of c, where no answer has no vote; not of b
    assert result.boxed == pytest.approx(7 / 9)
    assert result.truncated == pytest.approx(2 / 9)
    assert result.mean_tokens == pytest.approx(300 / 9)
    assert result.low <= result.pass_at_1 <= result.high


def test_no_grades_are_no_score() -> None:
    for nothing in ({}, {"a": []}):
        with pytest.raises(ValueError, match="no grades"):
            score(nothing)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    random, hits = Random(0), 0
    for trial in range(200):
        marks = [random.random() < 0.7 for _ in range(120)]
        low, high = bootstrap([float(mark) for mark in marks], seed=trial)
        hits += low <= 0.7 <= high
    assert 180 <= hits <= 199  # 95 % of 200, within three standard deviations


def test_the_interval_narrows_as_one_over_the_root() -> None:
    widths = []
    for count in (100, 400):
        low, high = bootstrap([index % 2 for index in range(count)])
        widths.append(high - low)
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.1)
    assert widths[0] == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(100), rel=0.1)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = [float(value) for value in np.random.default_rng(0).random(30)]
    assert bootstrap(values, 3) == bootstrap(values, 3) != bootstrap(values, 4)


def test_two_runs_are_compared_question_by_question() -> None:
    first = grades_of(*[[index % 3 == 0] for index in range(60)])
    second = grades_of(*[[index % 3 == 0 or index % 3 == 1] for index in range(60)])
    result = compare(first, second)
    assert (result.num_problems, result.num_better, result.num_worse) == (60, 20, 0)
    assert result.difference == pytest.approx(1 / 3)
    assert 0 < result.low < 1 / 3 < result.high < 1
    assert result.p_value == pytest.approx(2 / 2**20)
    back = compare(second, first)
    assert (back.difference, back.num_worse) == (-result.difference, 20)
    assert compare(first, first).p_value == 1


def test_pairs_tell_more_than_two_intervals() -> None:
    """The difference of two runs that agree on most questions is known better than either score."""
    first = grades_of(*[[index % 2 == 0] for index in range(100)])
    second = grades_of(*[[index % 2 == 0 or index == 1] for index in range(100)])
    result = compare(first, second)
    alone = score(first)
    assert result.high - result.low < (alone.high - alone.low) / 3


def test_runs_without_a_shared_question_are_refused() -> None:
    with pytest.raises(ValueError, match="share no question"):
        compare(grades_of([True]), {"other": [Grade("1", True, 1, True)]})
