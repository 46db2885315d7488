from __future__ import annotations

import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest
from engine.bookkeeping import BOTH, LIMITS, STOP, Engine, check_replies, finished, guessing, prompt, reply_of

from sambay.engine.limits import Limits
from sambay.engine.plan import PENDING, Admission, Plan, Segment
from sambay.engine.request import Request
from sambay.engine.scheduler import QueueFullError, Scheduler


def lengths(plan: Plan) -> list[int]:
    return [len(segment.token_ids) for segment in plan.segments]


# ----------------------------------------------------------------------------------------- one request, step by step


def test_a_request_from_its_arrival_to_its_end() -> None:
    scheduler = Scheduler(replace(LIMITS, has_prefix_cache=False))
    scheduler.add(Request("a", [5, 6, 7, 8, 9], max_tokens=2))
    plan = scheduler.plan()
    assert plan.admissions == (Admission("a", 0, 1, (5, 6, 7, 8, 9), 5, 0),)
    assert plan.table == ((1, 0, 1), (1, 1, 2))
    assert plan.zeroed == (1,)
    assert plan.segments == (Segment("a", 0, 1, 0, (5, 6, 7, 8, 9), 0, True),)
    assert (plan.num_decodes, plan.copies, plan.page_copies, plan.saves) == (0, (), (), ())
    assert scheduler.commit(plan, [[3]]) == [("a", 0, (3,), 0, None)]
    plan = scheduler.plan()
    assert plan.segments == (Segment("a", 0, 1, 5, (3,), 0, True),)
    assert (plan.num_decodes, plan.table, plan.zeroed, plan.admissions) == (1, (), (), ())
    assert scheduler.commit(plan, [[4]]) == [("a", 0, (4,), 0, "length")]
    assert not scheduler.has_requests
    assert scheduler.num_free_pages == 99


def test_a_plan_made_ahead_takes_the_token_from_the_device_and_results_after_the_end_are_dropped() -> None:
    scheduler = Scheduler(LIMITS)
    scheduler.add(Request("a", [5, 6], stop_token_ids=[STOP]))
    first, second = scheduler.plan(), scheduler.plan()
    assert second.segments == (Segment("a", 0, first.segments[0].slot, 2, (PENDING,), 0, True),)
    assert scheduler.commit(first, [[STOP]]) == [("a", 0, (STOP,), 0, "stop")]
    assert scheduler.commit(second, [[3]]) == []
    scheduler.check_invariants()
    assert not scheduler.has_requests


def test_a_sequence_does_not_run_past_its_length_however_far_plans_are_ahead() -> None:
    scheduler = Scheduler(LIMITS)
    scheduler.add(Request("a", [5, 6], max_tokens=2))
    assert [len(scheduler.plan().segments) for _ in range(4)] == [1, 1, 0, 0]


def test_plans_are_committed_in_their_order_with_one_result_each() -> None:
    scheduler = Scheduler(LIMITS)
    scheduler.add(Request("a", [5, 6]))
    first, second = scheduler.plan(), scheduler.plan()
    with pytest.raises(ValueError, match="not the oldest"):
        scheduler.commit(second, [[1]])
    with pytest.raises(ValueError, match="0 results for 1 sampled segments"):
        scheduler.commit(first, [])
    scheduler.commit(first, [[1]])
    with pytest.raises(ValueError, match="not the oldest"):
        scheduler.commit(first, [[1]])


@pytest.mark.parametrize("min_tokens", [0, 1, 2])
def test_stop_tokens_end_a_sample_only_after_the_least_it_must_have(min_tokens: int) -> None:
    scheduler = Scheduler(LIMITS)
    scheduler.add(Request("a", [5], stop_token_ids=[STOP], min_tokens=min_tokens))
    events = [scheduler.commit(scheduler.plan(), [[STOP]])[0] for _ in range(min_tokens + 1)]
    assert [event.finish_reason for event in events] == [None] * min_tokens + ["stop"]


@pytest.mark.parametrize("num_steps", range(8))
def test_after_a_failure_of_the_device_all_is_as_new(num_steps: int) -> None:
    engine = Engine(replace(LIMITS, max_drafted=2), 3, guessing(random.Random(0), 5, LIMITS))
    engine.add(Request("a", prompt(9), num_samples=3))
    engine.add(Request("b", prompt(30), max_tokens=5))
    engine.add(Request("c", prompt(30)))
    for _ in range(num_steps):
        engine.step()
    left = [name for name in engine.replies if name not in engine.reasons]
    assert engine.scheduler.abandon("failure") == left
    engine.scheduler.check_invariants()
    engine.check_nothing_is_leaked()
    again = Request("a", prompt(9), max_tokens=3)
    check_replies(finished(LIMITS, again), [again])


# ---------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(token_ids=[]), "has no tokens"),
        (dict(token_ids=[1, -2]), "has token -2; allowed: 0 and above"),
        (dict(token_ids=[1], num_samples=0), "num_samples is 0; allowed: at least 1"),
        (dict(token_ids=[1], max_tokens=0), "max_tokens is 0; allowed: at least 1"),
        (dict(token_ids=[1], min_tokens=-1), "min_tokens is -1; allowed: 0 and above"),
    ],
)
def test_requests_that_say_nothing_sensible_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Request("a", **arguments)


def test_requests_that_never_fit_are_refused_at_once() -> None:
    scheduler = Scheduler(replace(LIMITS, num_pages=5))  # 16 tokens, and one more that is never written
    with pytest.raises(ValueError, match="has 17 prompt tokens; allowed: fewer than 17"):
        scheduler.add(Request("a", prompt(17)))
    with pytest.raises(ValueError, match=r"may reach 18 tokens, which never fit into the 4 pages of 4; allowed: 17"):
        scheduler.add(Request("a", prompt(10), max_tokens=8))
    with pytest.raises(ValueError, match="has 100 prompt tokens; allowed: fewer than 100"):
        Scheduler(LIMITS).add(Request("a", prompt(100)))
    assert not scheduler.has_requests
    engine = finished(scheduler.limits, Request("a", prompt(10), max_tokens=7), Request("b", prompt(16)))
    assert [len(reply) for reply in engine.replies.values()] == [7, 1]
    assert set(engine.reasons.values()) == {"length"}


def test_the_model_s_length_ends_what_may_go_on() -> None:
    engine = finished(LIMITS, Request("a", prompt(90), max_tokens=50), Request("b", prompt(95)))
    assert [len(reply) for reply in engine.replies.values()] == [10, 5]


def test_the_queue_is_bounded_and_ids_are_unique() -> None:
    scheduler = Scheduler(replace(LIMITS, max_queued=3))
    scheduler.add(Request("a", [1, 2]))
    with pytest.raises(ValueError, match="'a' is under way"):
        scheduler.add(Request("a", [1, 2]))
    with pytest.raises(QueueFullError, match=r"1 sequences wait, and request 'b' brings 3; allowed: 3"):
        scheduler.add(Request("b", [1, 2], num_samples=3))
    scheduler.add(Request("b", [1, 2], num_samples=2))
    assert scheduler.num_waiting == 3
    with pytest.raises(QueueFullError):
        scheduler.add(Request("c", [1, 2]))
    scheduler.finish("b", "cancelled")
    scheduler.add(Request("c", [1, 2]))


def test_drafts_need_both_someone_who_guesses_and_permission() -> None:
    with pytest.raises(ValueError, match="max_drafted is 0 and draft is"):
        Scheduler(LIMITS, lambda *_: [])
    with pytest.raises(ValueError, match="max_drafted is 2 and draft is None"):
        Scheduler(replace(LIMITS, max_drafted=2))


# ------------------------------------------------------------------------------------------------------- the budget


def test_prompts_come_in_chunks_beside_decodes_first_come_first_served() -> None:
    limits = replace(LIMITS, has_prefix_cache=False, max_batch_tokens=16)
    engine = Engine(limits)
    engine.add(Request("a", prompt(20, 1)))
    engine.add(Request("b", prompt(20, 2)))
    for _ in range(4):
        engine.step()
    names = [[segment.request_id for segment in plan.segments] for plan in engine.history]
    assert [lengths(plan) for plan in engine.history] == [[16], [4, 12], [1, 8], [1, 1]]
    assert names == [["a"], ["a", "b"], ["a", "b"], ["a", "b"]]
    assert [plan.num_decodes for plan in engine.history] == [0, 0, 1, 2]
    assert [[segment.is_sampled for segment in plan.segments] for plan in engine.history[:2]] == [
        [False],
        [True, False],
    ]


def test_nobody_is_admitted_before_a_step_has_tokens_for_it() -> None:
    engine = Engine(LIMITS)
    engine.add(Request("long", prompt(90, 1), max_tokens=1))
    engine.step()
    engine.add(Request("next", prompt(9, 2), max_tokens=1))
    engine.step()  # 26 of its tokens are left, so a step of 32 has six for the next one
    assert [engine.scheduler.num_running, engine.scheduler.num_waiting] == [1, 1]
    engine.step()
    assert [(one.request_id, len(one.token_ids)) for one in engine.history[-1].segments] == [("long", 24), ("next", 8)]


def test_a_long_prompt_does_not_stop_decodes() -> None:
    engine = Engine(LIMITS)
    engine.add(Request("short", prompt(3, 1), max_tokens=20))
    engine.step()
    engine.add(Request("long", prompt(90, 2), max_tokens=1))
    while ("short", 0) not in engine.reasons:
        assert engine.history[-1].segments[0].request_id == "short"
        engine.step()
    assert engine.scheduler.counters.num_prefill_tokens == 93


# --------------------------------------------------------------------------------------------------------- speculation


@BOTH
def test_right_drafts_save_steps_and_change_nothing(limits: Limits) -> None:
    request = Request("a", prompt(10), max_tokens=60)
    plain = finished(limits, request)
    limits = replace(limits, max_drafted=3, turn_snapshot_pages=0)
    engine = Engine(
        limits, 1, lambda _, sample, tokens, most: reply_of(request, sample, limits)[0][len(tokens) - 10 :][:most]
    )
    engine.add(request)
    engine.run()
    assert engine.replies == plain.replies
    counters = engine.scheduler.counters
    assert counters.num_accepted_tokens == counters.num_drafted_tokens == 44
    assert len(engine.history) == len(plain.history) - 44


def test_no_draft_crosses_the_place_of_a_snapshot() -> None:
    request = Request("a", prompt(10), max_tokens=60)
    limits = replace(LIMITS, max_drafted=3)
    engine = Engine(limits, 1, guessing(random.Random(0), 10, limits))
    engine.add(request)
    engine.run()
    check_replies(engine, [request])
    ends = {one.start + len(one.token_ids) for plan in engine.history for one in plan.segments if not one.num_drafted}
    assert ends >= set(range(8, 69, 4)), "a page's end is reached without drafts"
    assert engine.scheduler.counters.num_snapshots == 1 + 15


# ------------------------------------------------------------------------------------------------------ what it costs


def test_a_plan_costs_less_than_a_step_of_the_device() -> None:
    """64 sequences that decode: 0.1 ms on a free core (benchmarks/serving/bookkeeping.py); here with room to spare."""
    scheduler = Scheduler(
        replace(
            LIMITS,
            page_size=64,
            num_slots=129,
            num_pages=1000,
            max_model_len=1000,
            max_sequences=64,
            max_batch_tokens=4096,
        )
    )
    for i in range(64):
        scheduler.add(Request(f"{i}", prompt(100, i)))
    seconds = []
    while len(seconds) < 200:
        start = time.perf_counter()
        plan = scheduler.plan()
        scheduler.commit(plan, [[5]] * sum(segment.is_sampled for segment in plan.segments))
        if plan.num_decodes == 64:
            seconds.append(time.perf_counter() - start)
    assert median(seconds) < 500e-6


def test_the_bookkeeping_runs_without_torch() -> None:
    """Loaded past the packages' __init__ files, which bring the model."""
    source = Path(__file__).resolve().parents[2] / "src" / "sambay"
    program = f"""
import sys, types
for name, path in (("sambay", {str(source)!r}), ("sambay.engine", {str(source / "engine")!r})):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [path]
sys.modules["torch"] = sys.modules["numpy"] = None
from sambay.engine.limits import Limits
from sambay.engine.request import Request
from sambay.engine.scheduler import Scheduler
scheduler = Scheduler(Limits(4, 3, 9, 20, 1, 8))
scheduler.add(Request("a", [1, 2, 3], max_tokens=1))
print(scheduler.commit(scheduler.plan(), [[7]])[0].finish_reason)
scheduler.check_invariants()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("length\n", "")
