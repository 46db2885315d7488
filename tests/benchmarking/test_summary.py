from __future__ import annotations

import pytest
from benchmarking.synthetic import OURS, THEIRS, add, add_steps, record

from sambay.benchmarking.summary import (
    EqualTime,
    Line,
    Spread,
    at_equal_time,
    fit_line,
    interpolate,
    project,
    ratios,
    spreads,
    step_lines,
    stream_times,
)


def test_the_median_of_rounds_and_their_spread() -> None:
    found = record()
    for number, ms in enumerate((3.0, 1.0, 8.0)):
        add(found, "prefill", OURS, {"ms": ms}, number, context=16)
    add(found, "prefill", OURS, None, 3, context=16)
    add(found, "prefill", THEIRS, {"ms": 5.0}, context=16)
    add(found, "decode", OURS, {"ms": 99.0}, context=16)
    assert spreads(found, "prefill", "ms") == {
        ((("context", 16),), OURS): Spread(3.0, 1.0, 8.0, 3),
        ((("context", 16),), THEIRS): Spread(5.0, 5.0, 5.0, 1),
    }


def test_the_peer_is_compared_within_each_round() -> None:
    found = record()
    for number, slow in enumerate((1.0, 10.0, 3.0)):  # what slows the machine down slows both
        for contender, ms in ((OURS, 2.0), (THEIRS, 5.0), ("ours, transformers", 4.0)):
            add(found, "prefill", contender, {"ms": ms * slow}, number, context=16)
    add(found, "prefill", THEIRS, {"ms": 1.0}, 3, context=16)
    assert ratios(found, "prefill", "ms") == {((("context", 16),), "engine"): Spread(2.5, 2.5, 2.5, 3)}
    found.identity["models"] = found.identity["models"][:1]
    assert ratios(found, "prefill", "ms") == {}


def test_a_stream_is_followed_as_far_as_all_rounds_came() -> None:
    found = record()
    for number, times in enumerate(([1.0, 2.0, 3.0], [5.0, 9.0])):  # the second was cut off
        values = {"tokens": [16.0, 32.0, 40.0][: len(times)], "seconds": times}
        add(found, "latency", OURS, values, number, prompt_tokens=8, generation_tokens=40, most_s=9)
    add(
        found, "latency", OURS, {"tokens": [16.0], "seconds": [7.0]}, 0, prompt_tokens=9, generation_tokens=16, most_s=9
    )
    assert stream_times(found, 8) == {OURS: [(16.0, Spread(3.0, 1.0, 5.0, 2)), (32.0, Spread(5.5, 2.0, 9.0, 2))]}
    assert stream_times(found, 7) == {}


def test_a_line_by_least_squares() -> None:
    assert fit_line([(0, 1.0), (2, 5.0)]) == Line(1.0, 2.0)
    line = fit_line([(0, 0.0), (1, 2.0), (2, 1.0)])
    assert line is not None
    assert (line.start, line.slope) == pytest.approx((0.5, 0.5))
    assert fit_line([(3, 1.0), (3, 2.0)]) is None
    assert fit_line([]) is None


def test_steps_are_a_line_over_the_contexts_that_were_measured() -> None:
    found = record()
    for number, start in enumerate((2.0, 9.0, 3.0)):  # one round is far off
        add_steps(found, OURS, start, 0.01, sequences=4, number=number)
    lines = step_lines(found)
    assert list(lines) == [(OURS, 4)]
    line, longest = lines[OURS, 4]
    assert (line.start, line.slope, longest) == pytest.approx((3.0, 0.01, 910))


def test_clients_are_projected_from_steps_and_prompts() -> None:
    found = record()
    add_steps(found, OURS, 2.0, 0.01, sequences=1)
    add_steps(found, OURS, 3.0, 0.02, sequences=4)
    add_steps(found, THEIRS, 3.0, 0.02, sequences=1)
    for context in (50, 150):
        add(found, "prefill", OURS, {"ms": 2.0 * context}, context=context)
    projected = project(found, prompt_tokens=100, generation_tokens=400)
    assert list(projected) == [OURS], "no prompts of the other were measured"
    one, four = projected[OURS]
    assert (one.sequences, four.sequences) == (1, 4)
    assert one.latency_s == pytest.approx((200 + 400 * (2 + 0.01 * 300)) / 1e3)
    assert four.latency_s == pytest.approx((4 * 200 + 400 * (3 + 0.02 * 300)) / 1e3)
    assert four.queries_per_s == pytest.approx(4 / four.latency_s)
    assert not one.is_beyond
    assert project(found, 100, 2000)[OURS][0].is_beyond


def test_between_points_on_a_line_and_in_proportion_outside() -> None:
    points = [(100.0, 10.0), (300.0, 50.0)]
    assert interpolate(points, 200) == 30
    assert interpolate(points, 100) == 10
    assert interpolate(points, 50) == 5
    assert interpolate(points, 600) == 100


def test_streams_at_the_same_time_per_token() -> None:
    points = [(1, 4.0), (16, 6.0), (4, 5.0)]
    assert at_equal_time(points, 5.5) == EqualTime(10.0, 1e3 * 10 / 5.5, False)
    assert at_equal_time(points, 4.0) == EqualTime(1.0, 250.0, False)
    assert at_equal_time(points, 9.0) == EqualTime(16.0, 1e3 * 16 / 6.0, True)
    assert at_equal_time(points, 3.9) is None
    assert at_equal_time([], 3.9) is None
