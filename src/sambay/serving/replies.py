"""The replies to a request as pieces: thoughts apart from answers, and closed where their budget ends.

A reasoning budget is kept exactly: the reply is cut after so many tokens of thought and goes on as a new request whose
prompt is the old one, the thought and "\\n</think>\\n\\n"; the prefix cache makes reading them again cheap.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from sambay.chat import ChatTokenizer, ReasoningSplitter, Split
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
    """A prompt to reply to. has_thoughts: whether thoughts are told apart; is_inside: the prompt ends in "<think>".

    is_further: a further sample of a prompt that another job has asked for.
    """

    prompt_ids: Sequence[int]
    params: SamplingParams
    has_thoughts: bool = False
    is_inside: bool = False
    max_reasoning_tokens: int | None = None
    is_further: bool = False


class _Thinking:
    """Which tokens of one sample lie in a thought: a step may bring several, and their text comes later than they."""

    def __init__(self, tokenizer: ChatTokenizer, job: Job) -> None:
        self.num_tokens = 0
        self._decoder = tokenizer.decoder(not job.params.skip_special_tokens)
        self._splitter = ReasoningSplitter(job.is_inside)
        self._most = job.max_reasoning_tokens

    def read(self, token_ids: Sequence[int]) -> int | None:
        """Takes tokens in; returns how many of them the budget still allows, None if it is not used up."""
        if self._splitter.is_answering:
            return None
        for place, token_id in enumerate(token_ids, 1):
            self.num_tokens += self._splitter.is_thinking
            self._splitter.feed(self._decoder.feed(token_id))
            if self._most is not None and self._splitter.is_thinking and self.num_tokens >= self._most:
                return place
        return None


class Branch:
    """One stream of the engine and what it has become: the choices from `first` on. num_cached_tokens: of the prompt as
    it was asked for, None until the first sample has begun."""

    def __init__(self, llm: AsyncLLM, job: Job, first: int, stream: DeltaStream) -> None:
        self._llm, self._job, self._first, self.stream = llm, job, first, stream
        self._splitters = [ReasoningSplitter(job.is_inside) for _ in range(job.params.n)]
        self._thinking = [_Thinking(llm.tokenizer, job) for _ in range(job.params.n)]
        self._ids: list[int] = []  # of a reply under a budget
        self._texts: list[str] = []
        self._is_budgeted = job.max_reasoning_tokens is not None
        self.is_further = job.is_further
        self.num_cached_tokens: int | None = None

    async def bursts(self) -> AsyncGenerator[list[Piece], None]:
        while deltas := await self.stream.burst():
            pieces: list[Piece] = []
            for delta in deltas:
                if self.num_cached_tokens is None and not delta.sample:
                    self.num_cached_tokens = delta.num_cached_tokens
                thinking = self._thinking[delta.sample]
                num_before = thinking.num_tokens
                num_left = thinking.read(delta.token_ids) if self._job.has_thoughts else None
                num_thought = thinking.num_tokens - num_before
                if (
                    self._is_budgeted
                    and num_left is not None
                    and (delta.finish is None or num_left < len(delta.token_ids))
                ):
                    pieces += await self._close_thought(delta, num_left, num_thought)
                    break
                pieces.append(self._piece(delta, num_thought))
            yield _merged(pieces)

    def _piece(self, delta: Delta, num_thought: int) -> Piece:
        split = Split("", delta.text)
        if self._job.has_thoughts:
            splitter = self._splitters[delta.sample]
            split = splitter.feed(delta.text)
            if delta.finish is not None:
                rest = splitter.flush()
                split = Split(split.reasoning + rest.reasoning, split.answer + rest.answer)
        if self._is_budgeted:
            self._ids += delta.token_ids
            self._texts.append(delta.text)
        return Piece(
            self._first + delta.sample, split.reasoning, split.answer, delta.token_ids, delta.logprobs or (),
            num_thought, delta.finish,
        )  # fmt: skip

    async def _close_thought(self, delta: Delta, num_left: int, num_thought: int) -> list[Piece]:
        """Takes so many tokens of the delta, and goes on after the end of the thought."""
        self._is_budgeted = False
        job, tokenizer = self._job, self._llm.tokenizer
        last = delta.token_ids[:num_left]
        self._ids += last
        whole = tokenizer.decode(self._ids, not job.params.skip_special_tokens)
        shown = "".join(self._texts)
        rest = whole[len(shown) :] if whole.startswith(shown) else ""  # what was held back is in it, too
        split = self._splitters[0].feed(rest + _END_OF_THOUGHT)
        forced = tokenizer.encode(_END_OF_THOUGHT)
        prompt = (*job.prompt_ids, *self._ids, *forced)
        params = _rest(job.params, len(self._ids) + len(forced))
        is_full = params is None or len(prompt) >= self._llm.engine.limits.max_length
        finish = Finish("length") if is_full else None
        if params is None or is_full:
            self.stream.close()
        else:
            self._job = replace(job, max_reasoning_tokens=None)
            self._thinking = [_Thinking(tokenizer, replace(self._job, is_inside=True))]
            self._thinking[0].read(forced)
            self.stream = await self._llm.submit(prompt, params, replaced=self.stream)
        logprobs = (delta.logprobs or ())[:num_left]
        return [
            Piece(self._first, split.reasoning, split.answer, last, logprobs, num_thought),
            Piece(self._first, "", "", tuple(forced), (), 0, finish),
        ]


def _merged(pieces: list[Piece]) -> list[Piece]:
    """One piece for each choice: where the loop falls behind the engine, its chunks get larger instead of later."""
    found: dict[int, Piece] = {}
    for piece in pieces:
        before = found.get(piece.index)
        if before is not None:
            piece = Piece(
                piece.index, before.reasoning + piece.reasoning, before.content + piece.content,
                before.token_ids + piece.token_ids, before.logprobs + piece.logprobs,
                before.num_reasoning_tokens + piece.num_reasoning_tokens, piece.finish,
            )  # fmt: skip
        found[piece.index] = piece
    return list(found.values())


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

    @property
    def num_cached_tokens(self) -> int:
        """Of the prompts, each counted once: tokens that were not computed, since earlier requests had them, too."""
        return sum([branch.num_cached_tokens or 0 for branch in self._branches if not branch.is_further])

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
    return [
        replace(job, params=replace(params, n=1, seed=seed), is_further=index > 0) for index, seed in enumerate(seeds)
    ]


async def _pump(branch: Branch, queue: asyncio.Queue[list[Piece] | Exception | None]) -> None:
    try:
        async for pieces in branch.bursts():
            queue.put_nowait(pieces)
    except Exception as error:
        queue.put_nowait(error)
    else:
        queue.put_nowait(None)
