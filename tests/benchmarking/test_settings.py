from __future__ import annotations

import statistics
from dataclasses import replace
from itertools import islice

import pytest

from sambay.benchmarking.settings import Grid, decode_room, longest_work, with_defaults, works_of_clients

GRID = Grid(concurrency=(1, 4), contexts=(64,), prompt_tokens=2000, generation_tokens=32000, steps=8,
            sections=("decode", "prefill", "latency", "serving"))  # fmt: skip


@pytest.mark.parametrize("num_clients", [1, 2, 16, 256])
def test_the_lengths_that_count_have_the_wanted_mean_and_spread(num_clients: int) -> None:
    works = [next(own) for own in works_of_clients(GRID, num_clients, seed=3)]
    for lengths, mean in (
        ([work.prompt_tokens for work in works], 2000),
        ([work.generation_tokens for work in works], 32000),
    ):
        assert statistics.mean(lengths) == pytest.approx(mean, rel=1e-3)
        if num_clients == 256:
            assert statistics.stdev(lengths) == pytest.approx(0.3 * mean, rel=0.02)
            within = sum(abs(length - mean) < 0.3 * mean for length in lengths) / len(lengths)
            assert within == pytest.approx(0.683, abs=0.01), "a normal distribution has 68.3 % within one deviation"


def test_lengths_depend_on_the_seed_alone() -> None:
    def drawn(seed: int) -> list:
        return [list(islice(own, 5)) for own in works_of_clients(GRID, 8, seed)]

    assert drawn(0) == drawn(0)
    assert drawn(0) != drawn(1)
    prompts, replies = zip(*[(own[0].prompt_tokens, own[0].generation_tokens) for own in drawn(0)], strict=True)
    order = [sorted(prompts).index(length) for length in prompts]
    assert order != [sorted(replies).index(length) for length in replies], "long prompts would have long replies"


def test_what_a_client_sends_afterwards_is_drawn() -> None:
    (own,) = works_of_clients(GRID, 1, seed=0)
    later = [work.generation_tokens for work in islice(own, 1, 2001)]
    assert statistics.mean(later) == pytest.approx(32000, rel=0.03)
    assert statistics.stdev(later) == pytest.approx(9600, rel=0.05)
    assert min(later) >= 1


def test_several_requests_of_each_client_count() -> None:
    grid = replace(GRID, requests=3)
    counted = [work for own in works_of_clients(grid, 4, seed=0) for work in islice(own, 3)]
    assert len({work.generation_tokens for work in counted}) == 12, "each from a slice of its own"
    assert longest_work(grid, 4, 0) == max(work.prompt_tokens + work.generation_tokens for work in counted)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"concurrency": ()}, "concurrency=: allowed are different numbers from 1"),
        ({"concurrency": (0, 1)}, "concurrency=0,1"),
        ({"contexts": (8, 8)}, "contexts=8,8"),
        ({"prompt_tokens": 0}, "prompt_tokens=0: allowed is 1 or more"),
        ({"requests": 0}, "requests=0"),
        ({"rounds": 0}, "rounds=0"),
        ({"steps": 1}, "steps=1: allowed is 2 or more"),
        ({"max_latency_s": 0.0}, "max_latency_s=0.0"),
        ({"sections": ("decode", "speed")}, "sections=decode,speed: allowed are decode, prefill, latency"),
        ({"paths": ()}, "paths=: allowed are engine, transformers"),
    ],
)
def test_wrong_values_are_named(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(GRID, **change)


def test_what_does_not_fit_the_context_is_named() -> None:
    grid = replace(GRID, contexts=(64, 3000), prompt_tokens=100, generation_tokens=900)
    grid.check_fits("cpu", 4096, seed=0)
    with pytest.raises(ValueError, match=r"contexts=64,3000: a sequence would have 30\d\d tokens; allowed is 3001"):
        grid.check_fits("cpu", 3001, seed=0)
    with pytest.raises(
        ValueError, match=r"prompt_tokens=100 and generation_tokens=900: .* allowed is 999, the context"
    ):
        replace(grid, contexts=(64,), sections=("latency",)).check_fits("cpu", 999, seed=0)
    most = longest_work(grid, 4, 0)
    assert most > 1000
    with pytest.raises(ValueError, match=f"would have {most} tokens"):
        replace(grid, sections=("serving",)).check_fits("cpu", most - 1, seed=0)
    replace(grid, sections=("serving",)).check_fits("cpu", most, seed=0)


def test_defaults_fit_the_context_and_what_is_given_stays() -> None:
    grid = with_defaults("cuda", 262144, {"concurrency": (2,), "steps": None})
    assert (grid.concurrency, grid.prompt_tokens, grid.generation_tokens) == ((2,), 2000, 32000)
    assert grid.contexts == (2048, 18432, 34816)
    small = with_defaults("cuda", 4096, {})
    assert small.contexts == (2048,)
    assert (small.prompt_tokens, small.generation_tokens) == (62, 1000)
    small.check_fits("cuda", 4096, seed=0)
    with_defaults("cpu", 128, {}).check_fits("cpu", 128, seed=0)
    assert with_defaults("cpu", 128, {"generation_tokens": 5000}).generation_tokens == 5000


def test_room_for_what_is_written_while_prompts_are_read() -> None:
    assert decode_room("cpu", 4, 1024, 16) == 16 + 16 + 4 + 8
    assert decode_room("cuda", 64, 18432, 64) == 64 + 16 + 64 + 144
