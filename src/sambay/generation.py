"""One sequence, token by token: prompts read in bounded chunks, transformers' sampling, a cache that goes on."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from transformers import (
    DynamicCache,
    GenerationConfig,
    LogitsProcessorList,
    PreTrainedModel,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from sambay.chat import ChatTokenizer

# Letters: B sequences (always one here), V vocabulary.

# Bounds the activations of a long prompt; the keys and values of the prompt grow with it all the same.
PREFILL_CHUNK_TOKENS = 2048

# What transformers itself draws from when a checkpoint says do_sample and no more.
_SAMPLING_DEFAULTS: dict[str, Any] = {"temperature": 1.0, "top_k": 50, "top_p": 1.0}
# Fields of a generation_config.json that change no token here: ids come from the tokenizer, limits from the caller.
_NEUTRAL_FIELDS = {
    *("do_sample", "temperature", "top_k", "top_p", "use_cache", "cache_implementation"),
    *("bos_token_id", "eos_token_id", "pad_token_id", "max_length", "max_new_tokens", "transformers_version"),
    *("output_attentions", "output_hidden_states", "output_scores", "output_logits", "return_dict_in_generate"),
}


class ContextFullError(ValueError):
    """A conversation has no room left for the next turn."""


@dataclass(frozen=True)
class Sampling:
    """How a reply is drawn and when it ends.

    temperature 0 is greedy; above 0 a token is drawn from the softmax of logits / temperature, of the `top_k` likeliest
    (0: of all) and then of the fewest likeliest that together hold `top_p` of the probability (1: of all), in
    transformers' order. `seed` None draws anew each time. A reply ends after one of `stop_ids`, or `max_new_tokens`.

    Raises ValueError for a value out of range, and for top_k or top_p beside temperature 0, which would ignore them.
    """

    max_new_tokens: int = 2048
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int | None = None
    stop_ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        allowed = {
            "max_new_tokens": (self.max_new_tokens >= 1, "a number of tokens from 1"),
            "temperature": (self.temperature >= 0 and math.isfinite(self.temperature), "0 (greedy) or more"),
            "top_k": (self.top_k >= 0, "0 (off) or more"),
            "top_p": (0 < self.top_p <= 1, "above 0 and at most 1 (off)"),
            "seed": (self.seed is None or 0 <= self.seed < 2**63, "from 0 to 2**63 - 1"),
        }
        for name, (is_allowed, wanted) in allowed.items():
            if not is_allowed:
                raise ValueError(f"{name}={getattr(self, name)}: allowed is {wanted}")
        for name, off in {"top_k": 0, "top_p": 1.0}.items():
            if self.temperature == 0 and getattr(self, name) != off:
                raise ValueError(f"{name}={getattr(self, name)} changes nothing at temperature 0: set one above 0")

    @classmethod
    def of_checkpoint(cls, config: GenerationConfig, **given: Any) -> Sampling:
        """What a checkpoint's generation_config asks for (greedy unless it says do_sample), but for what is given.

        A value of None counts as not given. Raises ValueError as the class does.
        """
        given = {name: value for name, value in given.items() if value is not None}
        asked: dict[str, Any] = {}
        if config.do_sample and given.get("temperature") != 0:
            for name, default in _SAMPLING_DEFAULTS.items():
                value = getattr(config, name)
                asked[name] = default if value is None else value
        return cls(**{**asked, **given})


def unapplied(config: GenerationConfig) -> dict[str, Any]:
    """The fields of a checkpoint's generation_config that would change the text but that `stream` does not apply."""
    asked = config.to_diff_dict().items()
    return {name: value for name, value in asked if value and name not in _NEUTRAL_FIELDS and not name.startswith("_")}


def stream(
    model: PreTrainedModel,
    ids: Sequence[int],
    sampling: Sampling,
    cache: DynamicCache | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Generator[int, None, None]:
    """Yield the token ids that follow `ids`, a stop id included, as `model.generate` would.

    `cache` continues an earlier sequence: `ids` are then only what is new. At every yield the cache holds all ids but
    the one yielded, which has not been read; so whoever stops early knows what the cache stands for. `should_stop` is
    asked between the model's steps, also between the chunks of a prompt.

    Raises ValueError for no ids. An exception from inside a step leaves the cache useless: some layers have seen more
    than others.
    """
    if not ids:
        raise ValueError("the prompt is empty: give at least one token")
    cache = DynamicCache(config=model.config) if cache is None else cache
    choose = _chooser(sampling, model.device)
    for _ in range(sampling.max_new_tokens):
        logits_BV = _read(model, ids, cache, should_stop)
        if logits_BV is None:
            return
        token_id = choose(logits_BV)
        yield token_id
        if token_id in sampling.stop_ids:
            return
        ids = [token_id]


@torch.no_grad()
def _read(
    model: PreTrainedModel, ids: Sequence[int], cache: DynamicCache, should_stop: Callable[[], bool]
) -> Tensor | None:
    """Feed ids; return the float32 logits (B, V) after the last one, or None if stopped before it."""
    logits_BSV = None
    for start in range(0, len(ids), PREFILL_CHUNK_TOKENS):
        if should_stop():
            return None
        chunk_BS = torch.tensor([ids[start : start + PREFILL_CHUNK_TOKENS]], device=model.device)
        logits_BSV = model(input_ids=chunk_BS, past_key_values=cache, use_cache=True, logits_to_keep=1).logits
    assert logits_BSV is not None
    return logits_BSV[:, -1].float()


def _chooser(sampling: Sampling, device: torch.device) -> Callable[[Tensor], int]:
    if sampling.temperature == 0:
        return lambda logits_BV: int(logits_BV.argmax(-1))
    warpers = LogitsProcessorList([TemperatureLogitsWarper(float(sampling.temperature))])
    if sampling.top_k:
        warpers.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1:
        warpers.append(TopPLogitsWarper(sampling.top_p))
    generator = torch.Generator(device)
    if sampling.seed is None:
        generator.seed()
    else:
        generator.manual_seed(sampling.seed)

    def draw(logits_BV: Tensor) -> int:
        scores_BV = warpers(torch.empty(1, 0, dtype=torch.long), logits_BV)  # type: ignore[arg-type] # no history
        return int(torch.multinomial(scores_BV.softmax(-1), 1, generator=generator))

    return draw


class Conversation:
    """A conversation whose state stays with the model between turns: each turn feeds only what is new.

    history_ids: every id so far, in order, without the stop id that ended a reply (the next turn writes the template's
    own). cache: the state after a first part of them, of `cache.get_seq_length()` ids; the rest is read with the next
    turn. So a reply may end anywhere, and the state is still that of what was said.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: ChatTokenizer,
        sampling: Sampling,
        context_tokens: int,
        system: str | None = None,
    ) -> None:
        self.model, self.tokenizer, self.sampling = model, tokenizer, sampling
        self.context_tokens, self.system = context_tokens, system
        self.reset()

    def reset(self) -> None:
        """Forget everything but the system message."""
        self.history_ids: list[int] = []
        self.num_turns = 0
        self._forget_state()

    @property
    def num_tokens_left(self) -> int:
        """How many more tokens the context holds."""
        return self.context_tokens - len(self.history_ids)

    def reply(self, text: str, should_stop: Callable[[], bool] = lambda: False) -> Generator[int, None, None]:
        """Yield the ids of the reply to one user message, a stop id included.

        Stopping is allowed at any point: by `should_stop`, by closing the iterator, or by an exception (then the
        next turn reads the history again). Raises ContextFullError, before anything changes, if the message leaves no
        room for a reply, and ValueError for text that cannot be encoded.
        """
        new_ids = self.tokenizer.next_turn(self.history_ids, self._messages(text))
        num_tokens = len(self.history_ids) + len(new_ids)
        if num_tokens >= self.context_tokens:
            raise ContextFullError(f"this turn makes {num_tokens} tokens, but the context holds {self.context_tokens}")
        self.history_ids += new_ids
        room = min(self.sampling.max_new_tokens, self.context_tokens - num_tokens)
        seed = None if self.sampling.seed is None else self.sampling.seed + self.num_turns
        self.num_turns += 1
        yield from self._stream(replace(self.sampling, max_new_tokens=room, seed=seed), should_stop)

    def _stream(self, sampling: Sampling, should_stop: Callable[[], bool]) -> Generator[int, None, None]:
        unread_ids = self.history_ids[self.cache.get_seq_length() :]
        try:
            for token_id in stream(self.model, unread_ids, sampling, self.cache, should_stop):
                if token_id not in sampling.stop_ids:
                    self.history_ids.append(token_id)
                yield token_id
        except GeneratorExit:  # raised at a yield, where the cache is whole
            raise
        except BaseException:  # Ctrl-C or an error inside a step: some layers have seen more than others
            self._forget_state()
            raise

    def _messages(self, text: str) -> list[dict[str, str]]:
        system = [] if self.history_ids or self.system is None else [{"role": "system", "content": self.system}]
        return [*system, {"role": "user", "content": text}]

    def _forget_state(self) -> None:
        self.cache = DynamicCache(config=self.model.config)
