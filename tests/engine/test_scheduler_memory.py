from __future__ import annotations

import random
from dataclasses import replace

import pytest
from engine.bookkeeping import BOTH, LIMITS, Engine, check_replies, finished, guessing, prompt, reply_of

from sambay.engine.limits import Limits
from sambay.engine.request import Request

# ------------------------------------------------------------------------------------------------------ kept prefixes


@BOTH
def test_the_same_prompt_again_computes_less_than_a_page(limits: Limits) -> None:
    for length in (8, 9, 11):  # of 8 tokens only one page: a token must be left, for its logits
        engine = finished(
            limits, Request("a", prompt(length), max_tokens=2), Request("b", prompt(length), max_tokens=2)
        )
        assert engine.scheduler.counters.num_prefix_hit_tokens == (length - 1) // 4 * 4
        admission = next(one for plan in engine.history for one in plan.admissions if one.request_id == "b")
        assert admission.num_cached_tokens == (length - 1) // 4 * 4


@BOTH
@pytest.mark.parametrize("num_ahead", [1, 2])
def test_the_next_turn_of_a_chat_goes_on_at_the_end_of_this_one(limits: Limits, num_ahead: int) -> None:
    first = Request("first", prompt(10), max_tokens=21)
    reply, _ = reply_of(first, 0, limits)
    second = Request("second", [*first.token_ids, *reply, 7, 8, 9], max_tokens=3)
    third = Request("third", [*second.token_ids, *reply_of(second, 0, limits)[0], 1], max_tokens=3)
    engine = finished(limits, first, second, third, num_ahead=num_ahead)
    hits = {one.request_id: one.num_cached_tokens for plan in engine.history for one in plan.admissions}
    assert hits == {
        "first": 0,
        "second": 28,
        "third": 36,
    }  # of 10+21 and 34+3 tokens; the last of each is never computed
    engine.check_nothing_is_leaked()


@pytest.mark.parametrize("num_steps", range(2, 16))
def test_a_snapshot_whose_last_token_nobody_learns_is_let_go(num_steps: int) -> None:
    engine = Engine(LIMITS, num_ahead=2)
    first = Request("first", prompt(6), max_tokens=40)
    engine.add(first)
    for _ in range(num_steps):
        engine.step()
    engine.finish("first", "cancelled")
    engine.run()
    second = Request("second", [*first.token_ids, *reply_of(first, 0, LIMITS)[0]], max_tokens=1)
    engine.add(second)
    engine.run()
    check_replies(engine, [first, second])


def test_a_running_sequence_has_one_snapshot_of_its_end() -> None:
    engine = Engine(LIMITS)
    engine.add(Request("a", prompt(6), max_tokens=60))
    engine.run()
    saves = [save for plan in engine.history for save in plan.saves]
    assert len(saves) == 1 + 15
    assert len({save.target for save in saves}) == 2, "one for the prompt, one for the end"
    assert len(engine.scheduler._residents.cache) == 2


@BOTH
def test_many_with_one_beginning_read_it_once_even_if_they_arrive_together(limits: Limits) -> None:
    beginning = prompt(40)
    requests = [Request(f"{i}", [*beginning, *prompt(6, seed=i + 1)], max_tokens=4) for i in range(30)]
    engine = Engine(limits)
    for request in requests:
        engine.add(request)
    engine.run()
    check_replies(engine, requests)
    assert engine.scheduler.counters.num_prefill_tokens == 40 + 30 * 6
    engine.check_nothing_is_leaked()


@BOTH
def test_a_prompt_is_shared_as_soon_as_it_is_computed(limits: Limits) -> None:
    engine = Engine(limits)
    engine.add(Request("a", prompt(40), max_tokens=40))
    engine.add(Request("b", prompt(40), max_tokens=40))
    while engine.scheduler.num_running < 2:
        engine.step()
    admission = engine.history[-1].admissions[0]
    assert (admission.request_id, admission.num_cached_tokens) == ("b", 36)
    assert len(engine.replies["a", 0]) <= 2, "not only when the first one had ended"


def test_where_a_prompt_parts_from_an_earlier_one_it_leaves_a_snapshot() -> None:
    beginning = prompt(20)
    requests = [Request(f"{i}", [*beginning, *prompt(9, seed=i + 1)], max_tokens=1) for i in range(3)]
    engine = finished(LIMITS, *requests)
    hits = [one.num_cached_tokens for plan in engine.history for one in plan.admissions]
    assert hits == [0, 0, 20]  # the first left one only at its own end


def test_snapshots_at_regular_distances_let_even_the_second_one_share() -> None:
    beginning = prompt(20)
    requests = [Request(f"{i}", [*beginning, *prompt(9, seed=i + 1)], max_tokens=1) for i in range(2)]
    engine = finished(replace(LIMITS, snapshot_every_pages=2), *requests)
    assert [one.num_cached_tokens for plan in engine.history for one in plan.admissions] == [0, 16]


def test_whoever_waits_for_a_prefix_goes_on_without_it_when_its_maker_is_cancelled() -> None:
    engine = Engine(LIMITS)
    requests = [Request(f"{i}", [*prompt(60), i], max_tokens=2) for i in range(2)]
    for request in requests:
        engine.add(request)
    engine.step()
    assert (engine.scheduler.num_running, engine.scheduler.num_waiting) == (1, 1)
    engine.finish("0", "cancelled")
    engine.step()
    assert engine.history[-1].segments[0].request_id == "1"
    engine.run()
    check_replies(engine, requests)


def test_kept_prefixes_can_be_forgotten_when_nothing_runs() -> None:
    engine = finished(LIMITS, Request("a", prompt(9), max_tokens=1))
    engine.scheduler.clear_prefixes()
    engine.add(Request("b", prompt(9), max_tokens=1))
    engine.step()
    with pytest.raises(RuntimeError, match="1 sequences run and 0 plans are out"):
        engine.scheduler.clear_prefixes()
    engine.run()
    engine.scheduler.plan()
    with pytest.raises(RuntimeError, match="0 sequences run and 1 plans are out"):
        engine.scheduler.clear_prefixes()
    assert engine.scheduler.counters.num_prefix_hit_tokens == 0


# ---------------------------------------------------------------------------------------------- samples of one prompt


@BOTH
@pytest.mark.parametrize("length", [1, 2, 5, 8, 9, 10])
@pytest.mark.parametrize("num_ahead", [1, 2])
def test_samples_of_one_prompt_read_it_once(limits: Limits, length: int, num_ahead: int) -> None:
    request = Request("a", prompt(length), num_samples=5, max_tokens=9)
    engine = finished(limits, request, num_ahead=num_ahead)
    assert engine.scheduler.counters.num_prefill_tokens == max(length - 1, 5 if length == 1 else 0)
    assert engine.scheduler.counters.num_forked_tokens == (4 * (length - 1))
    copies = [copy for plan in engine.history for copy in plan.page_copies]
    assert len(copies) == (4 if (length - 1) % 4 else 0)
    engine.check_nothing_is_leaked()


def test_samples_for_which_there_is_no_room_follow_later_from_the_prompt_s_snapshot() -> None:
    engine = finished(LIMITS, Request("a", prompt(30), num_samples=20, max_tokens=9))
    counters = engine.scheduler.counters
    assert counters.num_forked_tokens == 7 * 29
    assert counters.num_prefix_hit_tokens == 12 * 28


def test_samples_end_on_their_own() -> None:
    request = Request("a", prompt(6), num_samples=3, max_tokens=9)
    for num_steps in range(6):
        for sample in (0, 1):
            engine = Engine(LIMITS, num_ahead=2)
            engine.add(request)
            for _ in range(num_steps):
                engine.step()
            engine.finish("a", "string", sample)
            engine.run()
            assert [engine.reasons["a", one] for one in range(3) if one != sample] == ["length"] * 2
            check_replies(engine, [request])
            engine.check_nothing_is_leaked()


# ------------------------------------------------------------------------------------------------ when memory runs out


@BOTH
def test_the_youngest_makes_room_and_comes_back_first(limits: Limits) -> None:
    engine = Engine(replace(limits, num_pages=15, max_sequences=3))
    requests = [Request(name, prompt(12, i), max_tokens=24) for i, name in enumerate("abcd")]
    for request in requests:
        engine.add(request)
    engine.run()
    check_replies(engine, requests)
    counters = engine.scheduler.counters
    assert counters.num_preemptions > 0
    assert list(engine.reasons) == [("a", 0), ("b", 0), ("c", 0), ("d", 0)]
    engine.check_nothing_is_leaked()


def test_one_that_comes_back_goes_on_from_its_snapshot() -> None:
    engine = Engine(replace(LIMITS, num_pages=12, max_sequences=2, num_slots=9))
    requests = [Request("old", prompt(16, 1), max_tokens=14), Request("young", prompt(12, 2), max_tokens=12)]
    for request in requests:
        engine.add(request)
    engine.run()
    check_replies(engine, requests)
    back = [one for plan in engine.history for one in plan.admissions][2:]
    assert [one.request_id for one in back] == ["young"]
    assert len(back[0].token_ids) > back[0].num_prompt_tokens == 12
    assert back[0].num_cached_tokens > 0


def test_its_own_snapshot_does_not_become_one_that_is_kept_for_others() -> None:
    """Else each preemption would leave a snapshot behind."""
    engine = Engine(replace(LIMITS, num_pages=13, max_sequences=2, num_slots=9))
    requests = [Request("old", prompt(16, 1), max_tokens=10), Request("young", prompt(12, 2), max_tokens=20)]
    for request in requests:
        engine.add(request)
    while not engine.scheduler.counters.num_preemptions:
        engine.step()
    residents = engine.scheduler._residents
    sequence = residents.queue[0]
    node = sequence.turn_node
    while sequence.turn_node is node:
        engine.step()
    back = [one for plan in engine.history for one in plan.admissions][-1]
    assert (back.request_id, back.num_cached_tokens) == ("young", node.depth * 4)
    assert node.slot == 0, "its next snapshot took its place"
    engine.run()
    check_replies(engine, requests)


@pytest.mark.parametrize("max_tokens", [20, 21])  # of 21 the last snapshot is under way when the chat ends
def test_the_end_of_a_turn_makes_room_for_that_of_the_next_chat(max_tokens: int) -> None:
    limits = replace(LIMITS, max_sequences=1, num_slots=3)
    chats = [Request(name, prompt(4, seed), max_tokens=max_tokens) for seed, name in enumerate("abc")]
    engine = finished(limits, *chats)
    again = Request("again", [*chats[2].token_ids, *reply_of(chats[2], 0, limits)[0], 1], max_tokens=1)
    engine.add(again)
    engine.run()
    assert engine.scheduler.counters.num_prefix_hit_tokens == (3 + max_tokens) // 4 * 4


@BOTH
def test_admission_leaves_a_page_for_each_that_runs(limits: Limits) -> None:
    engine = Engine(replace(limits, num_pages=10, has_prefix_cache=False))
    engine.add(Request("a", prompt(14, 1), max_tokens=3))  # four pages of nine, up to its end
    engine.step()
    engine.add(Request("b", prompt(17, 2), max_tokens=1))  # five pages
    engine.step()
    assert engine.scheduler.num_waiting == 1
    engine.run()
    assert engine.scheduler.counters.num_preemptions == 0


@pytest.mark.parametrize("num_ahead", [1, 2])
def test_a_sequence_alone_gets_every_page(num_ahead: int) -> None:
    """Even those of an earlier one that began alike: it uses its place in the tree, and has copies of its pages."""
    limits = replace(LIMITS, num_pages=11)
    beginning = prompt(8)
    requests = [Request("a", [*beginning, *prompt(5, 1)], max_tokens=1), Request("b", [*beginning, 3, 4])]
    engine = finished(limits, *requests, num_ahead=num_ahead)
    assert len(engine.replies["b", 0]) == 31
    assert engine.scheduler.counters.num_preemptions == 0
    engine.check_nothing_is_leaked()


def test_nobody_passes_a_request_that_waits_for_room() -> None:
    engine = Engine(replace(LIMITS, num_pages=14, has_prefix_cache=False))
    for name, length in (("first", 24), ("large", 40), ("small", 2)):
        engine.add(Request(name, prompt(length, length), max_tokens=5))
    engine.run()
    admitted = [one.request_id for plan in engine.history for one in plan.admissions]
    assert admitted == ["first", "large", "small"]


def test_cancelling_at_any_moment_frees_everything() -> None:
    for num_ahead in (1, 2):
        for num_steps in range(12):
            engine = Engine(
                replace(LIMITS, max_drafted=2, max_batch_tokens=24), num_ahead, guessing(random.Random(1), 9, LIMITS)
            )
            engine.add(Request("a", prompt(18), num_samples=2))
            engine.add(Request("b", prompt(18), num_samples=12))
            for _ in range(num_steps):
                engine.step()
            engine.finish("b", "cancelled")
            assert not engine.scheduler.finish("b", "cancelled")
            engine.finish("a", "cancelled")
            engine.run()
            engine.check_nothing_is_leaked()
