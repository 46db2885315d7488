"""Numbers with their uncertainty: pass@1, pass@k, majority votes, lengths, and two runs question by question."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Letters: P problems, R resamples.

NUM_RESAMPLES = 2000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Grade:
    """One graded reply. answer: what its last box holds, None if there is none."""

    answer: str | None
    is_right: bool
    num_tokens: int
    is_finished: bool


Grades = dict[str, list[Grade]]  # of each question by name


@dataclass(frozen=True)
class Score:
    """A task's score.

    pass_at_1: right replies to a question, averaged over its samples and then over questions, with the bounds `low` and
    `high` of its 95 % bootstrap interval over questions. pass_at_k: by k, unbiased. majority: of the most frequent
    answers. boxed: replies with an answer at all. truncated: replies that the limit cut off.
    """

    num_problems: int
    num_samples: int
    pass_at_1: float
    low: float
    high: float
    pass_at_k: dict[int, float]
    majority: float
    boxed: float
    truncated: float
    mean_tokens: float


@dataclass(frozen=True)
class Comparison:
    """Two runs on the questions that both answered: the mean difference of pass@1, second minus first, its 95 % paired
    bootstrap interval, on how many questions each is better, and the two-sided sign test's p-value of those."""

    num_problems: int
    difference: float
    low: float
    high: float
    num_better: int
    num_worse: int
    p_value: float


def score(grades: Grades, seed: int = 0) -> Score:
    """The score of one task, or of several put together. Raises ValueError for no grades."""
    if not grades or not all(grades.values()):
        raise ValueError("no grades to score: allowed is at least one reply to every question")
    rates = _rates(grades)
    replies = [grade for of_one in grades.values() for grade in of_one]
    num_samples = min(len(of_one) for of_one in grades.values())
    low, high = bootstrap(rates, seed)
    return Score(
        num_problems=len(grades), num_samples=num_samples, pass_at_1=float(rates.mean()), low=low, high=high,
        pass_at_k={k: _mean_pass_at_k(grades, k) for k in _powers_of_two(num_samples)},
        majority=float(np.mean([_majority(of_one) for of_one in grades.values()])),
        boxed=float(np.mean([grade.answer is not None for grade in replies])),
        truncated=float(np.mean([not grade.is_finished for grade in replies])),
        mean_tokens=float(np.mean([grade.num_tokens for grade in replies])),
    )  # fmt: skip


def compare(first: Grades, second: Grades, seed: int = 0) -> Comparison:
    """Raises ValueError if the two runs share no question."""
    shared = sorted(first.keys() & second.keys())
    if not shared:
        raise ValueError("the two runs share no question, so they cannot be compared")
    differences = _rates({name: second[name] for name in shared}) - _rates({name: first[name] for name in shared})
    low, high = bootstrap(differences, seed)
    better, worse = int((differences > 0).sum()), int((differences < 0).sum())
    return Comparison(len(shared), float(differences.mean()), low, high, better, worse, _sign_test(better, worse))


def bootstrap(values_P: Sequence[float] | np.ndarray, seed: int = 0) -> tuple[float, float]:
    """The 95 % percentile interval of the mean over resampled problems (Efron, 1979); the same seed, the same bounds.

    It knows only the spread it sees: where all values are the same, it has no width.
    """
    values = np.asarray(values_P, dtype=np.float64)
    draws_RP = np.random.default_rng(seed).integers(0, len(values), (NUM_RESAMPLES, len(values)))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values[draws_RP].mean(1), [tail, 1 - tail])
    return float(low), float(high)


def pass_at_k(num_samples: int, num_right: int, k: int) -> float:
    """The chance that k of the samples, drawn without putting back, hold a right one (arXiv 2107.03374, equation 1).

    Raises ValueError unless 1 <= k <= num_samples.
    """
    if not 1 <= k <= num_samples:
        raise ValueError(f"k={k}: allowed is from 1 to {num_samples}, the number of samples")
    return 1.0 - math.comb(num_samples - num_right, k) / math.comb(num_samples, k)


def _rates(grades: Grades) -> np.ndarray:
    return np.array([np.mean([grade.is_right for grade in of_one]) for of_one in grades.values()])


def _mean_pass_at_k(grades: Grades, k: int) -> float:
    return float(np.mean([pass_at_k(len(of_one), sum(g.is_right for g in of_one), k) for of_one in grades.values()]))


def _powers_of_two(limit: int) -> list[int]:
    return [2**power for power in range(1, limit.bit_length()) if 2**power <= limit]


def _majority(of_one: list[Grade]) -> bool:
    """Whether the most frequent answer is right. All right answers are one answer; others are told apart by their
    spelling; of answers as frequent the first one given counts; no answer has no vote."""
    votes: dict[str | bool, int] = {}
    for grade in of_one:
        if grade.answer is not None:
            vote = True if grade.is_right else " ".join(grade.answer.split())
            votes[vote] = votes.get(vote, 0) + 1
    return bool(votes) and max(votes, key=lambda vote: votes[vote]) is True


def _sign_test(better: int, worse: int) -> float:
    """Two-sided: how often fair coins would be as one-sided as this."""
    total = better + worse
    tail = sum(math.comb(total, heads) for heads in range(min(better, worse) + 1)) / 2**total
    return min(1.0, 2 * tail)
