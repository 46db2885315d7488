"""The replies to a request as pieces: thoughts apart from answers, and closed where their budget ends.

A reasoning budget is kept exactly: the reply is cut after so many tokens of thought and goes on as a new request whose
prompt is the old one, the thought and "\\n</think>\\n\\n"; the prefix cache makes reading them again cheap.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from sambay.chat import ReasoningSplitter, Split
from sambay.engine.async_llm import AsyncLLM, DeltaStream
from sambay.engine.engine import Delta, TokenLogprob
from sambay.engine.sampling_params import NUM_SEEDS, SamplingParams
from sambay.engine.stopping import Finish

_END_OF_THOUGHT = "\n</think>\n\n"
_SECOND_SEED = 0x5E3779B97F4A7C15  # apart from all seed + i that a user is likely to give


@dataclass(frozen=True)
class Piece:
    """What a step added to one choice. finish: of its last piece. num_reasoning_tokens: of token_ids, in a thought."""

    index: int
    reasoning: str
    content: str
    token_ids: tuple[int, ...]
    logprobs: tuple[TokenLogprob, ...]
    num_reasoning_tokens: int = 0
    finish: Finish | None = None


@dataclass(frozen=True)
class Job:
    """A prompt to reply to. has_thoughts: whether thoughts are told apart; is_inside: the prompt ends in "<think>"."""

    prompt_ids: Sequence[int]
    params: SamplingParams
    has_thoughts: bool = False
    is_inside: bool = False
    max_reasoning_tokens: int | None = None


class Branch:
    """One stream of the engine and what it has become: the choices from `first` on."""

    def __init__(self, llm: AsyncLLM, job: Job, first: int, stream: DeltaStream) -> None:
        self._llm, self._job, self._first, self.stream = llm, job, first, stream
        self._splitters = [ReasoningSplitter(job.is_inside) for _ in range(job.params.n)]
        self._ids: list[int] = []  # of the thought that is under a budget, with what comes before it
        self._text = ""
        self._num_thought = 0
        self._is_budgeted = job.max_reasoning_tokens is not None

    async def bursts(self) -> AsyncGenerator[list[Piece], None]:
        while deltas := await self.stream.burst():
            pieces: list[Piece] = []
            for delta in deltas:
                pieces.append(self._piece(delta))
                if self._is_budgeted and pieces[-1].finish is None and self._is_over():
                    pieces += await self._close_thought()
                    break
            yield pieces

    def _piece(self, delta: Delta) -> Piece:
        if not self._job.has_thoughts:
            split, num_thought = Split("", delta.text), 0
        else:
            splitter = self._splitters[delta.sample]
            num_thought = len(delta.token_ids) if splitter.is_thinking else 0
            split = splitter.feed(delta.text)
            if delta.finish is not None:
                rest = splitter.flush()
                split = Split(split.reasoning + rest.reasoning, split.answer + rest.answer)
        if self._is_budgeted:
            self._ids += delta.token_ids
            self._text += delta.text
            self._num_thought += num_thought
        return Piece(
            self._first + delta.sample, split.reasoning, split.answer, delta.token_ids, delta.logprobs or (),
            num_thought, delta.finish,
        )  # fmt: skip

    def _is_over(self) -> bool:
        most = self._job.max_reasoning_tokens
        assert most is not None
        if not self._splitters[0].is_thinking:
            self._is_budgeted = bool(self._num_thought == 0)  # a thought may still begin, but only one
            return False
        return self._num_thought >= most

    async def _close_thought(self) -> list[Piece]:
        """Goes on after the end of the thought; returns what was held back of it."""
        self._is_budgeted = False
        job, tokenizer = self._job, self._llm.tokenizer
        whole = tokenizer.decode(self._ids, not job.params.skip_special_tokens)
        held = whole[len(self._text) :] if whole.startswith(self._text) else ""
        split = self._splitters[0].feed(held + _END_OF_THOUGHT)
        forced = tokenizer.encode(_END_OF_THOUGHT)
        prompt = (*job.prompt_ids, *self._ids, *forced)
        num_used = len(self._ids) + len(forced)
        params = _rest(job.params, num_used)
        is_full = params is None or len(prompt) >= self._llm.engine.limits.max_length
        finish = Finish("length") if is_full else None
        if params is None or is_full:
            self.stream.close()
        else:
            self.stream = await self._llm.submit(prompt, params, replaced=self.stream)
        return [Piece(self._first, split.reasoning, split.answer, tuple(forced), (), 0, finish)]


def _rest(params: SamplingParams, num_used: int) -> SamplingParams | None:
    """For what is left of a reply after so many tokens; None if nothing is."""
    most = None if params.max_tokens is None else params.max_tokens - num_used
    if most is not None and most < 1:
        return None
    seed = None if params.seed is None else (params.seed + _SECOND_SEED) % NUM_SEEDS
    return replace(params, max_tokens=most, min_tokens=max(params.min_tokens - num_used, 0), seed=seed)


class Replies:
    """All choices of a request. Choice i of prompt p has the index p * n + i. Close it, whatever happens."""

    def __init__(self, branches: Sequence[Branch]) -> None:
        self._branches = list(branches)

    @classmethod
    async def start(cls, llm: AsyncLLM, jobs: Sequence[Job]) -> Replies:
        """Returns when the engine has accepted all of it; raises as `AsyncLLM.submit`, and then none is under way."""
        single = [one for job in jobs for one in _single(job)]
        found = cls([])
        try:
            first = 0
            for job in single:
                stream = await llm.submit(job.prompt_ids, job.params)
                found._branches.append(Branch(llm, job, first, stream))
                first += job.params.n
        except BaseException:
            found.close()
            raise
        return found

    def close(self) -> None:
        """Cancels what is still under way."""
        for branch in self._branches:
            branch.stream.close()

    async def bursts(self) -> AsyncGenerator[list[Piece], None]:
        """Pieces as they come, at least one at a time. Raises as `DeltaStream.burst`."""
        if len(self._branches) == 1:
            async with aclosing(self._branches[0].bursts()) as own:
                async for pieces in own:
                    yield pieces
            return
        queue: asyncio.Queue[list[Piece] | Exception | None] = asyncio.Queue()
        tasks = [asyncio.create_task(_pump(branch, queue)) for branch in self._branches]
        try:
            left = len(tasks)
            while left:
                found = await queue.get()
                if isinstance(found, Exception):
                    raise found
                if found is None:
                    left -= 1
                else:
                    yield found
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _single(job: Job) -> list[Job]:
    """A budgeted job is one for each sample, since each comes to its end in its own time."""
    params = job.params
    if job.max_reasoning_tokens is None or params.n == 1:
        return [job]
    seeds = [None if params.seed is None else params.seed_of_sample(index) for index in range(params.n)]
    return [replace(job, params=replace(params, n=1, seed=seed)) for seed in seeds]


async def _pump(branch: Branch, queue: asyncio.Queue[list[Piece] | Exception | None]) -> None:
    try:
        async for pieces in branch.bursts():
            queue.put_nowait(pieces)
    except Exception as error:
        queue.put_nowait(error)
    else:
        queue.put_nowait(None)
