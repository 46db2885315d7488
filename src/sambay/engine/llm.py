"""The engine as a Python user meets it: `LLM(...).generate(prompts, SamplingParams(...))`, `.chat`, `.stream`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import torch

from sambay.chat import ChatTokenizer, Message
from sambay.engine.capacity import choose_limits
from sambay.engine.engine import Delta, Engine, TokenLogprob
from sambay.engine.lookup import NgramDrafter
from sambay.engine.residents import Counters
from sambay.engine.sampling_params import SamplingParams
from sambay.model.sambay import SambaYForCausalLM

Prompt = str | Sequence[int]
Params = SamplingParams | Sequence[SamplingParams] | None


@dataclass(frozen=True)
class Completion:
    """One reply. finish_reason: "stop", "length", or "error" for a grammar that became too complex; stop_reason: the
    string or id of the params that ended it, or what the error was."""

    index: int
    text: str
    token_ids: tuple[int, ...]
    finish_reason: str
    stop_reason: str | int | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None


@dataclass(frozen=True)
class RequestOutput:
    """The replies to one prompt. `text`, `token_ids` and `finish_reason` are those of the first.

    num_cached_tokens: of the prompt, which an earlier one had in common and so were not computed again.
    """

    prompt_token_ids: tuple[int, ...]
    outputs: tuple[Completion, ...]
    num_cached_tokens: int = 0

    @property
    def text(self) -> str:
        return self.outputs[0].text

    @property
    def token_ids(self) -> tuple[int, ...]:
        return self.outputs[0].token_ids

    @property
    def finish_reason(self) -> str:
        return self.outputs[0].finish_reason


class LLM:
    """A model, its tokenizer and an engine.

    model: a folder or Hub id; None: the model that ships with the package; or a loaded model, which takes `tokenizer`.
    dtype: bfloat16, float16, float32; None: the checkpoint's. device: cpu, cuda, cuda:1; None: a GPU if there is one.
    max_model_len: tokens of a sequence, prompt and reply; None: what the model was made for.
    max_sequences: how many run at a time; None: as many as fit, 256 at most (64 on a CPU).
    max_batch_tokens: tokens that one step computes; None: 8,192 (512 on a CPU).
    memory_fraction: of the memory that is free once the model is there, how much becomes state and cache.
    has_prefix_cache: whether what prompts and chats have in common is computed once.
    num_drafted: tokens that are guessed a step and sequence, from what the sequence has said before, and judged all at
        once: replies stay what they are (docs/numerics.md), and come faster where they repeat themselves. 0: none.
        Requests with penalties or a grammar go without.
    cache_dtype: of the keys and values that grow with a sequence: "auto" (the model's), "fp8" (half the memory of
        bfloat16) or "int4" (a quarter and a little); docs/numerics.md says what they change.

    Raises ValueError for a wrong value and where the model leaves too little memory.
    """

    def __init__(
        self, model: str | SambaYForCausalLM | None = None, *, tokenizer: ChatTokenizer | None = None,
        dtype: str | None = None, device: str | None = None, max_model_len: int | None = None,
        max_sequences: int | None = None, max_batch_tokens: int | None = None, memory_fraction: float = 0.9,
        has_prefix_cache: bool = True, num_drafted: int = 0, cache_dtype: str = "auto",
    ) -> None:  # fmt: skip
        network, self.tokenizer, context_tokens = _loaded(model, tokenizer, dtype, device)
        network.eval()
        weight = network.model.embed_tokens.weight
        limits = choose_limits(
            network.config, weight.dtype, weight.device, context_tokens=context_tokens, max_model_len=max_model_len,
            max_sequences=max_sequences, max_batch_tokens=max_batch_tokens, memory_fraction=memory_fraction,
            has_prefix_cache=has_prefix_cache, num_drafted=num_drafted, cache_dtype=cache_dtype,
        )  # fmt: skip
        is_gpu = weight.device.type == "cuda"
        self.engine = Engine(
            network, self.tokenizer, limits, num_plans_ahead=int(is_gpu and not num_drafted), has_graphs=is_gpu,
            drafter=NgramDrafter() if num_drafted else None, cache_dtype=cache_dtype,
        )  # fmt: skip
        self._names = count()
        self._inbox: dict[str, deque[Delta]] = {}  # of each request under way: several streams may take turns

    @property
    def counters(self) -> Counters:
        """Sums since the start, among them tokens drafted and accepted; a copy."""
        return replace(self.engine.scheduler.counters)

    def generate(self, prompts: Prompt | Sequence[Prompt], params: Params = None) -> list[RequestOutput]:
        """One output for each prompt, in their order. A prompt is text, continued as it is, or token ids.

        params: one for all, or one for each; None: SamplingParams(). Ctrl-C cancels all and frees what they hold.
        Raises ValueError as `SamplingParams` and `Engine.add` do; then none of the prompts is run.
        """
        many: Sequence[Any] = [prompts] if isinstance(prompts, str) or _is_ids(prompts) else prompts
        return self._run([self._encoded(prompt) for prompt in many], params)

    def chat(
        self, conversations: Sequence[Message] | Sequence[Sequence[Message]], params: Params = None
    ) -> list[RequestOutput]:
        """One output, the assistant's next turn, for each conversation: a list of {"role": ..., "content": ...}."""
        is_one = bool(conversations) and isinstance(conversations[0], Mapping)
        many: Sequence[Any] = [conversations] if is_one else conversations
        return self._run([self.tokenizer.encode_chat(conversation) for conversation in many], params)

    def stream(self, prompt: Prompt | Sequence[Message], params: SamplingParams | None = None) -> Iterator[Delta]:
        """The reply to one prompt (text, ids or a conversation) piece by piece; closing the iterator cancels it."""
        is_chat = not isinstance(prompt, str) and bool(prompt) and isinstance(prompt[0], Mapping)
        ids = self.tokenizer.encode_chat(prompt) if is_chat else self._encoded(prompt)  # type: ignore[arg-type]
        params = params or SamplingParams()
        name = self._add(ids, params)
        left = params.n
        try:
            while left:
                delta = self._next(name)
                left -= delta.finish is not None
                yield delta
        finally:
            self._drop(name)

    def _run(self, prompts: Sequence[Sequence[int]], params: Params) -> list[RequestOutput]:
        each = _one_each(params, len(prompts))
        names: list[str] = []
        try:
            for place, (ids, own) in enumerate(zip(prompts, each, strict=True)):
                try:
                    names.append(self._add(ids, own))
                except ValueError as error:
                    raise ValueError(f"prompt {place}: {error}") from None
            return [
                RequestOutput(tuple(ids), *self._completions(name, own.n))
                for name, ids, own in zip(names, prompts, each, strict=True)
            ]
        finally:
            for name in names:
                self._drop(name)

    def _completions(self, name: str, num_samples: int) -> tuple[tuple[Completion, ...], int]:
        """The replies, and how many tokens of their prompt were cached."""
        gathered: list[list[Delta]] = [[] for _ in range(num_samples)]
        left = num_samples
        while left:
            delta = self._next(name)
            gathered[delta.sample].append(delta)
            left -= delta.finish is not None
        completions = tuple(_completion(sample, deltas) for sample, deltas in enumerate(gathered))
        return completions, gathered[0][0].num_cached_tokens

    def _add(self, ids: Sequence[int], params: SamplingParams) -> str:
        name = f"llm-{next(self._names)}"
        self.engine.add(name, ids, params)
        self._inbox[name] = deque()
        return name

    def _next(self, name: str) -> Delta:
        """The next delta of a request; steps until there is one, and keeps what comes for others.

        Raises RuntimeError if there will be none, since the step that another request asked for has failed.
        """
        own = self._inbox[name]
        while not own:
            if not self.engine.has_work:
                raise RuntimeError("the reply was cut off when a step of the engine failed or was interrupted")
            for delta in self.engine.step():
                self._inbox[delta.request_id].append(delta)
        return own.popleft()

    def _drop(self, name: str) -> None:
        self.engine.cancel(name)
        del self._inbox[name]

    def _encoded(self, prompt: Prompt) -> list[int]:
        ids = self.tokenizer.encode(prompt) if isinstance(prompt, str) else prompt
        if not isinstance(ids, Sequence) or not all(isinstance(token_id, int) for token_id in ids):
            raise ValueError(f"a prompt is {prompt!r:.60}: allowed is text, or a list of token ids as int")
        if not ids:
            raise ValueError("a prompt is empty: allowed is text or ids of at least one token")
        return list(ids)


def _completion(sample: int, deltas: Sequence[Delta]) -> Completion:
    finish = deltas[-1].finish
    assert finish is not None
    logprobs = None
    if deltas[0].logprobs is not None:
        logprobs = tuple(one for delta in deltas for one in delta.logprobs or ())
    ids = tuple(token_id for delta in deltas for token_id in delta.token_ids)
    text = "".join(delta.text for delta in deltas)
    return Completion(sample, text, ids, finish.reason, finish.stopped_by, logprobs)


def _one_each(params: Params, count_: int) -> list[SamplingParams]:
    if params is None or isinstance(params, SamplingParams):
        return [params or SamplingParams()] * count_
    if not isinstance(params, Sequence) or not all(isinstance(one, SamplingParams) for one in params):
        raise ValueError(f"params={params!r:.60}: allowed is a SamplingParams, or a list of them")
    if len(params) != count_:
        raise ValueError(f"{len(params)} params for {count_} prompts: allowed is one for all or one for each")
    return list(params)


def _is_ids(prompts: Any) -> bool:
    return isinstance(prompts, Sequence) and bool(prompts) and isinstance(prompts[0], int)


def _loaded(
    model: str | SambaYForCausalLM | None, tokenizer: ChatTokenizer | None, dtype: str | None, device: str | None
) -> tuple[SambaYForCausalLM, ChatTokenizer, int]:
    if isinstance(model, SambaYForCausalLM):
        if tokenizer is None:
            raise ValueError("a loaded model needs tokenizer=ChatTokenizer.load(...)")
        if dtype is not None or device is not None:
            raise ValueError("dtype and device are those of the loaded model: leave them out")
        if tokenizer.num_ids > model.config.vocab_size:
            raise ValueError(f"the tokenizer has {tokenizer.num_ids} ids, the model only {model.config.vocab_size}")
        longest = min(model.config.max_position_embeddings, tokenizer.tokenizer.model_max_length)
        return model, tokenizer, longest
    from sambay.loading import load_model, model_source

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")  # the engine knows no third kind
    loaded = load_model(model_source(model), dtype, device)
    return loaded.network, tokenizer or loaded.tokenizer, loaded.context_tokens
