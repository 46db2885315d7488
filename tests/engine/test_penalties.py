from __future__ import annotations

import torch
from transformers import RepetitionPenaltyLogitsProcessor

from sambay.engine.penalties import TokenCounts


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values)[:, None]


def test_repetition_is_that_of_transformers_over_prompt_and_reply() -> None:
    """Scores of either sign; several rows, each with its own tokens and strength."""
    scores = torch.randn(3, 20)
    counts = TokenCounts(20, "cpu")
    tokens = {0: ([3, 4, 4], [5]), 1: ([], [7, 7, 8]), 2: (list(range(20)), [])}
    for row, (prompt_ids, generated_ids) in tokens.items():
        counts.add(row, prompt_ids, generated_ids)
    places = torch.tensor([counts.places[row] for row in range(3)])
    strengths = (1.7, 0.6, 3.0)
    penalised = counts.penalised(scores, places, column(*strengths), column(0, 0, 0), column(0, 0, 0))
    for row, (prompt_ids, generated_ids) in tokens.items():
        processor = RepetitionPenaltyLogitsProcessor(strengths[row])
        wanted = processor(torch.tensor([prompt_ids + generated_ids]), scores[row : row + 1].clone())
        torch.testing.assert_close(penalised[row : row + 1], wanted)
    assert not torch.equal(penalised, scores)


def test_frequency_and_presence_count_the_reply_alone() -> None:
    counts = TokenCounts(6, "cpu")
    counts.add("a", [0, 0, 1], [1, 2, 2])
    place = torch.tensor([counts.places["a"]])
    counts.record(place, torch.tensor([2]))
    zeros = torch.zeros(1, 6)
    assert counts.penalised(zeros, place, column(1), column(0.5), column(0.25)).tolist() == [[0, -0.75, -1.75, 0, 0, 0]]


def test_a_place_starts_empty_for_whoever_gets_it_next() -> None:
    counts = TokenCounts(6, "cpu")
    counts.add("a", [0, 1], [2])
    counts.remove("a")
    counts.add("b", [3], [])
    place = torch.tensor([counts.places["b"]])
    assert len(counts.counts_QV) == 1
    assert counts.penalised(torch.ones(1, 6), place, column(2), column(1), column(1)).tolist() == [[1, 1, 1, 0.5, 1, 1]]


def test_growing_keeps_what_was_counted() -> None:
    counts = TokenCounts(4, "cpu")
    for index in range(9):
        counts.add(index, [], [index % 4])
    assert len(counts.counts_QV) == 16
    assert sorted(counts.places.values()) == list(range(9))
    for index in range(9):
        assert counts.counts_QV[counts.places[index]].nonzero().tolist() == [[index % 4]]
