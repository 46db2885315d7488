"""Thoughts, budgets of thought, and tool calls, on replies that are written beforehand."""

import asyncio
import json

import pytest

from sambay.engine.async_llm import AsyncLLM
from sambay.engine.sampling_params import SamplingParams
from sambay.serving.replies import Job, Replies
from sambay.serving.tools import CALL_CLOSE, CALL_OPEN, ToolCallReader

THOUGHT = "<think>\none and one\n</think>\n\nIt is 2."
FORCED = "\n</think>\n\n"


async def _replies(llm, jobs):
    replies = await Replies.start(llm, jobs)
    found: dict[int, dict] = {}
    try:
        async for pieces in replies.bursts():
            for piece in pieces:
                one = found.setdefault(
                    piece.index, {"reasoning": "", "content": "", "ids": [], "thought": 0, "finish": None}
                )
                assert one["finish"] is None
                one["reasoning"] += piece.reasoning
                one["content"] += piece.content
                one["ids"] += piece.token_ids
                one["thought"] += piece.num_reasoning_tokens
                one["finish"] = piece.finish and piece.finish.reason
    finally:
        replies.close()
    return found


def _run(engine, jobs):
    llm = AsyncLLM(engine)
    try:
        return asyncio.run(_replies(llm, jobs))
    finally:
        llm.close()


def test_a_thought_is_apart_from_the_answer(make_scripted):
    engine = make_scripted(lambda prompt: THOUGHT)
    found = _run(engine, [Job([65], SamplingParams(), has_thoughts=True)])[0]
    assert (found["reasoning"], found["content"], found["finish"]) == ("one and one", "It is 2.", "stop")
    assert found["thought"] == len("\none and one\n</think>")


def test_plain_completions_keep_their_tags(make_scripted):
    found = _run(make_scripted(lambda prompt: THOUGHT), [Job([65], SamplingParams())])[0]
    assert (found["reasoning"], found["content"]) == ("", THOUGHT)


@pytest.mark.parametrize("num_bytes", [1, 3, 100])
@pytest.mark.parametrize(("budget", "kept"), [(0, ""), (1, "\n"), (5, "\none "), (11, "\none and on")])
def test_past_its_budget_a_thought_is_closed_and_the_answer_asked_for(make_scripted, budget, kept, num_bytes):
    engine = make_scripted(lambda prompt: "7" if "<think>" in prompt else THOUGHT, num_bytes)
    params = SamplingParams(max_tokens=100, min_tokens=3, seed=1)
    found = _run(engine, [Job([65, 66], params, has_thoughts=True, max_reasoning_tokens=budget)])[0]
    assert (found["reasoning"], found["content"]) == (kept.strip("\n"), "7")
    assert (found["thought"], found["finish"]) == (budget, "stop")
    written = engine.tokenizer.encode("<think>" + kept + FORCED)
    assert engine.prompts == [[65, 66], [65, 66, *written]]
    assert found["ids"][: len(written)] == written
    assert engine.params[1].max_tokens == 100 - len(written)
    assert engine.params[1].min_tokens == 0
    assert engine.params[1].seed not in (None, 1)


@pytest.mark.parametrize("num_bytes", [1, 4, 100])
def test_a_thought_within_its_budget_is_left_alone(make_scripted, num_bytes):
    engine = make_scripted(lambda prompt: THOUGHT, num_bytes)
    job = Job([65], SamplingParams(), has_thoughts=True, max_reasoning_tokens=len("\none and one\n</think>"))
    found = _run(engine, [job])[0]
    assert (found["reasoning"], found["content"], len(engine.prompts)) == ("one and one", "It is 2.", 1)


def test_a_reply_without_a_thought_has_no_budget_to_overrun(make_scripted):
    engine = make_scripted(lambda prompt: "It is 2. <think>")
    found = _run(engine, [Job([65], SamplingParams(), has_thoughts=True, max_reasoning_tokens=0)])[0]
    assert (found["content"], len(engine.prompts)) == ("It is 2. <think>", 1)


def test_a_closed_thought_that_fills_max_tokens_ends_there(make_scripted):
    engine = make_scripted(lambda prompt: THOUGHT)
    params = SamplingParams(max_tokens=len("<think>") + 5 + len(FORCED))
    found = _run(engine, [Job([65], params, has_thoughts=True, max_reasoning_tokens=5)])[0]
    assert (found["reasoning"], found["content"], found["finish"]) == ("one ", "", "length")
    assert len(engine.prompts) == 1


def test_a_character_and_a_stop_string_begun_are_not_lost_when_a_thought_is_closed(make_scripted):
    engine = make_scripted(lambda prompt: "ok" if "\n</think>" in prompt else "<think>aé")
    params = SamplingParams(stop="éx")
    found = _run(engine, [Job([65], params, has_thoughts=True, max_reasoning_tokens=3)])[0]
    assert (found["reasoning"], found["content"]) == ("aé", "ok")


def test_each_sample_has_a_budget_and_a_seed_of_its_own(make_scripted):
    engine = make_scripted(lambda prompt: "7" if "<think>" in prompt else THOUGHT)
    params = SamplingParams(n=3, seed=5)
    found = _run(engine, [Job([65], params, has_thoughts=True, max_reasoning_tokens=2)])
    assert [found[index]["content"] for index in range(3)] == ["7"] * 3
    assert [one.seed for one in engine.params[:3]] == [5, 6, 7]


def test_the_answer_after_a_closed_thought_is_that_of_the_longer_prompt(make_engine):
    """On a real model: the reply is the model's own up to the budget and the model's own after it."""
    engine = make_engine()
    prompt, params = engine.tokenizer.encode("a question<think>"), SamplingParams(temperature=0, max_tokens=40)
    job = Job(prompt, params, has_thoughts=True, is_inside=True, max_reasoning_tokens=9)
    found = _run(engine, [job])[0]

    def alone(ids, max_tokens):
        other, got = make_engine(), []
        other.add("x", ids, SamplingParams(temperature=0, max_tokens=max_tokens))
        while other.has_work:
            got += [token_id for delta in other.step() for token_id in delta.token_ids]
        return got

    thought = alone(prompt, 9)
    forced = engine.tokenizer.encode(FORCED)
    answer = alone([*prompt, *thought, *forced], 40 - 9 - len(forced))
    assert found["ids"] == [*thought, *forced, *answer]
    assert found["thought"] == 9
    engine.scheduler.check_invariants()


def test_a_loop_that_falls_behind_gets_larger_pieces(make_scripted):
    text = "0123456789" * 20

    async def main(llm):
        replies = await Replies.start(llm, [Job([65], SamplingParams(n=2))])
        pieces = []
        async for burst in replies.bursts():
            assert len({piece.index for piece in burst}) == len(burst)
            pieces += burst
            await asyncio.sleep(0.02)
        replies.close()
        return pieces

    llm = AsyncLLM(make_scripted(lambda prompt: text))
    pieces = asyncio.run(main(llm))
    llm.close()
    for index in (0, 1):
        own = [piece for piece in pieces if piece.index == index]
        assert "".join(piece.content for piece in own) == text
        assert sum(len(piece.token_ids) for piece in own) == len(text) + 1
        assert len(own) < 50
        assert [piece.finish is not None for piece in own] == [False] * (len(own) - 1) + [True]


def test_several_prompts_are_numbered_in_their_order(make_scripted):
    engine = make_scripted(lambda prompt: f"<{prompt}>")
    jobs = [Job([letter], SamplingParams(n=2)) for letter in b"abc"]
    found = _run(engine, jobs)
    assert [found[index]["content"] for index in range(6)] == ["<a>", "<a>", "<b>", "<b>", "<c>", "<c>"]


def test_if_one_prompt_is_refused_none_is_left_under_way(make_engine):
    engine = make_engine()
    llm = AsyncLLM(engine)
    jobs = [Job([1, 2], SamplingParams(ignore_eos=True)), Job([400], SamplingParams())]

    async def main():
        with pytest.raises(ValueError, match="the prompt has token 400"):
            await Replies.start(llm, jobs)
        for _ in range(200):
            await asyncio.sleep(0.005 * bool(llm.num_unfinished))
        assert llm.num_unfinished == 0

    asyncio.run(main())
    llm.close()
    engine.scheduler.check_invariants()


# ------------------------------------------------------------------------------------------------- tool calls

CALLS = [{"name": "add", "arguments": {"a": 1, "b": 2}}]


def _read(text, size):
    reader = ToolCallReader(["add"])
    shown = "".join(reader.feed(text[at : at + size]) for at in range(0, len(text), size))
    rest, calls = reader.finish()
    return shown + rest, calls


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("text", "shown", "num_calls"),
    [
        (f"{CALL_OPEN}{json.dumps(CALLS)}{CALL_CLOSE}", "", 1),
        (f"Wait.\n{CALL_OPEN}{json.dumps(CALLS * 2)}{CALL_CLOSE}\n", "Wait.\n", 2),
        (f"{CALL_OPEN}{json.dumps(CALLS[0])}", "", 1),  # a single call, and no closing tag
        ("a < b <| c", "a < b <| c", 0),
        (f"{CALL_OPEN}[]{CALL_CLOSE}", f"{CALL_OPEN}[]{CALL_CLOSE}", 0),
        (f"{CALL_OPEN}{{not json{CALL_CLOSE}", f"{CALL_OPEN}{{not json{CALL_CLOSE}", 0),
        (f"{CALL_OPEN}{'[' * 20_000}", f"{CALL_OPEN}{'[' * 20_000}", 0),
        (f"{CALL_OPEN}{json.dumps([{'name': 'other', 'arguments': {}}])}", None, 0),
        (f"{CALL_OPEN}{json.dumps(CALLS)}{CALL_CLOSE} and more", None, 0),
    ],
)
def test_calls_are_kept_apart_from_text_and_what_is_no_call_is_text(text, shown, num_calls, size):
    found, calls = _read(text, size)
    assert found == (text if shown is None else shown)
    assert len(calls) == num_calls
    for call in calls:
        assert call["type"] == "function"
        assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == ("add", {"a": 1, "b": 2})
    assert len({call["id"] for call in calls}) == num_calls
