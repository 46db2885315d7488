"""Draws by hash, against exact sums, transformers' filters and chi-squared statistics with fixed seeds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import MinPLogitsWarper, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from sambay.engine.draws import (
    _mixed,
    draw_by_id,
    draw_likeliest,
    num_accepted,
    top_weight,
    uniforms,
    weights,
)

RELEASED_VOCABULARY = 200_064


def assert_is_likely(counts, probabilities) -> None:
    """Pearson's chi-squared of counts against probabilities lies within 4 standard deviations of its mean."""
    counts = np.asarray(counts, dtype=float)
    expected = np.asarray(probabilities, dtype=float) * counts.sum()
    assert (counts[expected == 0] == 0).all(), "an impossible outcome came up"
    is_possible = expected > 0
    assert expected[is_possible].min() > 5, "too few draws for this test"
    statistic = ((counts - expected)[is_possible] ** 2 / expected[is_possible]).sum()
    freedom = is_possible.sum() - 1
    assert statistic < freedom + 4 * (2 * freedom) ** 0.5, (statistic, freedom)


def ones(num_rows: int, value: float = 1.0) -> torch.Tensor:
    return torch.full((num_rows, 1), value, dtype=torch.float64)


# ------------------------------------------------------------------------------------------- uniform numbers


def test_the_hash_is_splitmix64() -> None:
    """The published outputs for seed 1234567."""
    golden = np.uint64(0x9E3779B97F4A7C15)
    states = np.uint64(1234567) + np.arange(1, 6, dtype=np.uint64) * golden
    assert _mixed(states).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@pytest.mark.parametrize("kind", ["along a reply", "along seeds", "first tokens of neighbouring seeds"])
def test_uniform_numbers_are_uniform_and_independent(kind) -> None:
    num = 64_000
    seeds, places = {
        "along a reply": ([11] * num, range(num)),
        "along seeds": (range(0, 1000 * num, 1000), [5] * num),
        "first tokens of neighbouring seeds": (range(num), [0] * num),
    }[kind]
    numbers = uniforms(seeds, places)
    assert 0 <= numbers.min() < 1e-4
    assert 1 - 1e-4 < numbers.max() < 1
    bins = (numbers * 16).astype(int)
    assert_is_likely(np.bincount(bins, minlength=16), np.full(16, 1 / 16))
    assert_is_likely(np.bincount(bins[:-1] * 16 + bins[1:], minlength=256), np.full(256, 1 / 256))
    low_bits = (numbers * 2.0**52).astype(np.uint64) & np.uint64(15)
    assert_is_likely(np.bincount(low_bits.astype(int), minlength=16), np.full(16, 1 / 16))


def test_a_number_is_that_of_its_own_seed_and_place() -> None:
    together = uniforms([1, 2, 2**63 - 1], [7, 100, 3])
    assert [uniforms([seed], [place])[0] for seed, place in ((1, 7), (2, 100), (2**63 - 1, 3))] == together.tolist()
    assert len({*uniforms([1] * 50 + [2] * 50, [*range(50), *range(50)])}) == 100


# ---------------------------------------------------------------------------------------------------- weights


@pytest.mark.parametrize("vocab_size", [1, 2, 7, 4096, RELEASED_VOCABULARY])
def test_weights_are_whole_numbers_that_float64_adds_exactly(vocab_size) -> None:
    """Even where all tokens are as likely as the likeliest."""
    assert top_weight(vocab_size) * vocab_size <= 2**51
    flat = weights(torch.zeros(1, vocab_size), ones(1).float())
    assert (flat == top_weight(vocab_size)).all()
    spread = weights(torch.randn(3, vocab_size) * 5, ones(3, 0.7).float())
    assert (spread == spread.floor()).all()
    assert (spread.amax(-1) == top_weight(vocab_size)).all()


def test_weights_are_the_softmax_at_the_temperature() -> None:
    scores = torch.randn(4, 1000) * 4
    temperatures = torch.tensor([[0.3], [0.7], [1.0], [2.0]])
    wanted = (scores.double() / temperatures.double()).softmax(-1)
    got = weights(scores, temperatures).double()
    torch.testing.assert_close(got / got.sum(-1, keepdim=True), wanted, rtol=1e-5, atol=1e-11)


def test_the_coldest_allowed_temperature_and_forbidden_tokens() -> None:
    scores = torch.tensor([[1.0, 1.0 + 1e-6, -torch.inf, 0.0]])
    hot = weights(scores, torch.tensor([[1.0]]))
    assert hot[0, 2] == 0
    assert hot[0, 3] > 0
    cold = weights(scores * 30, torch.tensor([[1e-5]]))
    assert cold.isfinite().all()
    assert cold[0].tolist()[2:] == [0, 0]


# -------------------------------------------------------------------------------------------- one draw exactly


@pytest.mark.parametrize("vocab_size", [1, 5, 128, 1000, 4096, RELEASED_VOCABULARY])
def test_a_draw_by_id_is_the_first_id_whose_cumulated_weight_passes(vocab_size) -> None:
    """Against one plain cumulated sum, also at the ends of ids' intervals, where an error of one would show."""
    row = weights(torch.randn(1, vocab_size) * 6, ones(1).float())
    ends = row[0].double().cumsum(0).numpy()
    borders = ends[:: max(vocab_size // 50, 1)] / ends[-1]
    numbers = np.concatenate([[0.0, 1 - 2.0**-52], borders[borders < 1], uniforms(range(50), [0] * 50)])
    wanted = np.searchsorted(ends, np.floor(numbers * ends[-1]), side="right")
    got = draw_by_id(row.expand(len(numbers), -1), torch.from_numpy(numbers))
    assert got.tolist() == wanted.tolist()
    assert (row[0, got] > 0).all()


@pytest.mark.parametrize("position", [0, 1, 500, 999])
def test_one_possible_token_is_always_drawn(position) -> None:
    row = torch.zeros(3, 1000)
    row[:, position] = 1.0
    numbers = torch.tensor([0.0, 0.5, 1 - 2.0**-52], dtype=torch.float64)
    assert draw_by_id(row, numbers).tolist() == [position] * 3
    zeros = torch.zeros(3, 1, dtype=torch.long)
    for max_kept in (1, 7, 1000):
        assert draw_likeliest(row, numbers, zeros + 1, ones(3), ones(3, 0.0), max_kept).tolist() == [position] * 3


# --------------------------------------------------------------------------- filters, against transformers' own

FILTERS = [
    # temperature, top_k, top_p, min_p
    (1.0, 0, 0.9, 0.0),
    (0.6, 0, 0.95, 0.0),
    (0.7, 5, 1.0, 0.0),
    (1.3, 20, 0.8, 0.0),
    (1.0, 1, 0.5, 0.0),
    (1.0, 30, 0.97, 0.05),
    (1.5, 0, 0.99, 0.2),
    (1.0, 300, 1.0, 1.0),
    (1.0, 3, 1e-9, 0.0),
]


@pytest.mark.parametrize("max_kept", ["as needed", "all"])
@pytest.mark.parametrize(("temperature", "top_k", "top_p", "min_p"), FILTERS)
def test_filters_give_the_distribution_of_transformers(temperature, top_k, top_p, min_p, max_kept) -> None:
    """An even grid of uniform numbers meets each token in proportion to its probability, with an error of one step."""
    vocab_size, num_steps = 300, 4000
    scores = torch.randn(1, vocab_size) * 2
    hot = TemperatureLogitsWarper(temperature)(None, scores.double())
    if top_k:
        hot = TopKLogitsWarper(top_k)(None, hot)
    if top_p < 1:
        hot = TopPLogitsWarper(top_p)(None, hot)
    if min_p:
        hot = MinPLogitsWarper(min_p)(None, hot)
    wanted = hot.softmax(-1)[0]

    rows = weights(scores, ones(1, temperature).float()).expand(num_steps, -1)
    grid = (torch.arange(num_steps, dtype=torch.float64) + 0.5) / num_steps
    ks = torch.full((num_steps, 1), top_k)
    kept = vocab_size if max_kept == "all" or not top_k else min(top_k, vocab_size)
    ids = draw_likeliest(rows, grid, ks, ones(num_steps, top_p), ones(num_steps, min_p), kept)
    counts = torch.bincount(ids, minlength=vocab_size)
    assert ((counts / num_steps - wanted).abs() <= 1.5 / num_steps).all()
    assert ((counts > 0) <= (wanted > 0)).all(), "a token was drawn that transformers leaves out"


@pytest.mark.parametrize("max_kept", ["as needed", "all"])  # the likeliest picked by key, and all of them sorted
def test_equal_tokens_count_in_order_of_id(max_kept) -> None:
    num_steps, vocab_size = 1000, 40
    scores = torch.zeros(1, vocab_size)
    scores[0, [30, 7, 12, 25]] = 3.0
    rows = weights(scores, ones(1).float()).expand(num_steps, -1)
    grid = (torch.arange(num_steps, dtype=torch.float64) + 0.5) / num_steps
    for top_k, wanted in ((3, [7, 12, 25]), (6, [0, 1, 7, 12, 25, 30])):
        kept = vocab_size if max_kept == "all" else top_k
        ids = draw_likeliest(rows, grid, torch.full((num_steps, 1), top_k), ones(num_steps), ones(num_steps, 0.0), kept)
        assert ids.unique().tolist() == wanted
    # 4 tokens of 4 parts and 36 of e^-3 parts: half of it is held by 3 of the 4
    ids = draw_likeliest(rows, grid, torch.zeros(num_steps, 1).long(), ones(num_steps, 0.5), ones(num_steps, 0.0), 40)
    assert ids.unique().tolist() == [7, 12, 25]


def test_rows_that_differ_in_their_filters_do_not_mix() -> None:
    scores = torch.randn(6, 100)
    rows = weights(scores, ones(6).float())
    numbers = torch.from_numpy(uniforms([3] * 6, range(6)))
    ks = torch.tensor([0, 1, 2, 0, 50, 100])[:, None]
    ps = torch.tensor([0.5, 1.0, 0.6, 0.9, 0.3, 1.0], dtype=torch.float64)[:, None]
    ms = torch.tensor([0.0, 0.0, 0.1, 0.3, 0.0, 0.0], dtype=torch.float64)[:, None]
    together = draw_likeliest(rows, numbers, ks, ps, ms, 100)
    for row in range(6):
        one = slice(row, row + 1)
        assert draw_likeliest(rows[one], numbers[one], ks[one], ps[one], ms[one], 100) == together[one]
    assert together[1] == scores[1].argmax()


def test_what_top_p_is_a_part_of_is_all_that_top_k_left() -> None:
    """However few of these top-p can keep."""
    num_steps = 1000
    rows = weights(2 * torch.arange(1, 101).float().log()[None], ones(1).float()).expand(num_steps, -1)
    grid = (torch.arange(num_steps, dtype=torch.float64) + 0.5) / num_steps
    filters = (torch.full((num_steps, 1), 90), ones(num_steps, 0.2), ones(num_steps, 0.0))
    kept = draw_likeliest(rows, grid, *filters, max_kept=100)
    assert torch.equal(kept, draw_likeliest(rows, grid, *filters, max_kept=90))
    parts = torch.arange(100, 10, -1).square().cumsum(0)
    assert kept.unique().numel() == int((parts < parts[-1] / 5).sum()) + 1


# ------------------------------------------------------------------------------------------------ speculation


def test_drafts_are_kept_up_to_the_first_that_differs() -> None:
    drawn = torch.tensor([[1, 2, 3, 4], [1, 2, 3, 4], [9, 2, 3, 4], [1, 9, 3, 4], [1, 2, 3, 4], [5, 6, 7, 8]])
    drafted = torch.tensor([[1, 2, 3], [1, 2, -1], [1, 2, 3], [1, 2, 3], [-1, -1, -1], [5, 6, 9]])
    assert num_accepted(drawn, drafted).tolist() == [3, 2, 0, 1, 0, 2]


CHAIN = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.5, 0.5], [1.0, -1.0, 1.0]])  # scores after token 0, 1, 2


def speculated(seeds: range, drafted: list[int], num_tokens: int) -> torch.Tensor:
    """Replies (seeds, num_tokens) of the chain after token 0, every step drafting the same ids."""
    num, width = len(seeds), len(drafted)
    replies = torch.full((num, num_tokens + width + 1), -1)
    lengths = torch.zeros(num, dtype=torch.long)
    drafted_BK = torch.tensor([drafted], dtype=torch.long).expand(num, -1)
    offsets_J = torch.arange(width + 1)
    while lengths.min() < num_tokens:
        last_B = torch.where(lengths > 0, replies.gather(1, (lengths - 1).clamp(min=0)[:, None])[:, 0], 0)
        before_BJ = torch.cat([last_B[:, None], drafted_BK], 1)
        places_BJ = lengths[:, None] + offsets_J
        rows = weights(CHAIN[before_BJ.flatten()], torch.ones(before_BJ.numel(), 1))
        numbers = uniforms(torch.tensor(seeds).repeat_interleave(width + 1).tolist(), places_BJ.flatten().tolist())
        drawn_BJ = draw_by_id(rows, torch.from_numpy(numbers)).view(num, width + 1)
        kept_B = num_accepted(drawn_BJ, drafted_BK)
        is_running_B1 = (lengths < num_tokens)[:, None]
        is_new_BJ = (offsets_J <= kept_B[:, None]) & is_running_B1
        replies.scatter_(1, places_BJ.clamp(max=replies.shape[1] - 1), torch.where(is_new_BJ, drawn_BJ, -1))
        lengths += is_new_BJ.sum(1)
    return replies[:, :num_tokens]


@pytest.mark.parametrize("drafted", [[0], [1, 1], [2, 0, 1]])
def test_speculation_leaves_the_distribution_as_it_is(drafted) -> None:
    """Replies of three tokens, all 27 of them, against the exact probabilities; and token for token without drafts."""
    replies = speculated(range(10_000), drafted, 3)
    chain = CHAIN.softmax(-1)
    exact = chain[0][:, None, None] * chain[:, :, None] * chain[None]
    counts = torch.bincount(replies[:, 0] * 9 + replies[:, 1] * 3 + replies[:, 2], minlength=27)
    assert_is_likely(counts, exact.flatten())
    assert (replies == speculated(range(10_000), [], 3)).all()


def test_a_refused_draft_is_replaced_by_one_of_the_others_in_proportion() -> None:
    probabilities = torch.tensor([0.5, 0.2, 0.25, 0.05])
    num = 40_000
    rows = weights(probabilities.log().expand(2 * num, -1), torch.ones(2 * num, 1))
    drawn = draw_by_id(rows, torch.from_numpy(uniforms([1] * 2 * num, range(2 * num)))).view(num, 2)
    kept = num_accepted(drawn, torch.full((num, 1), 2))
    assert_is_likely(torch.bincount(kept, minlength=2), [0.75, 0.25])
    refused = drawn[kept == 0, 0]
    assert_is_likely(torch.bincount(refused, minlength=4), [0.5 / 0.75, 0.2 / 0.75, 0, 0.05 / 0.75])
