"""A model in transformers: a loop around `forward` with its dynamic cache, which is `generate` without bookkeeping."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from sambay.benchmarking.contender import Contender, Values, at_marks, marks
from sambay.benchmarking.models import Subject, is_plain_transformer, phi3_twin

_CHUNK_TOKENS = {"cuda": 65536, "cpu": 8192}  # of all sequences, read at once: bounds activations
_WARM_UPS = 3


class InTransformers(Contender):
    """A plain Transformer++ runs as transformers' own Phi3ForCausalLM on the same weights, others as they are."""

    def __init__(self, label: str, subject: Subject, seed: int) -> None:
        super().__init__(label, subject, seed)
        is_plain = is_plain_transformer(subject.network.config)
        self.model: PreTrainedModel = phi3_twin(subject.network) if is_plain else subject.network

    def prefill(self, context: int) -> Values:
        self.check_memory(1, context)
        self._read([self.prompt(min(context, self.warm_up_tokens))])
        self.clock.restart_memory()
        prompt, start = [self.prompt(context)], self.clock.now()
        _, cache = self._read(prompt)
        values: Values = {"ms": 1e3 * (self.clock.now() - start), "state_bytes": cache_bytes(cache)}
        if (peak := self.clock.most_memory()) is not None:
            values["peak_bytes"] = peak
        return values

    def decode(self, batch: int, context: int, steps: int) -> Values:
        self.check_memory(batch, context + steps)
        ids_B1, cache = self._read([self.prompt(context) for _ in range(batch)])
        for _ in range(_WARM_UPS):
            ids_B1 = self._step(ids_B1, cache)
        before = self.clock.restart_memory()
        start = self.clock.now()
        for _ in range(steps):
            ids_B1 = self._step(ids_B1, cache)
        values: Values = {
            "ms": 1e3 * (self.clock.now() - start) / steps, "mean_context": context + _WARM_UPS + steps / 2
        }  # fmt: skip
        if (peak := self.clock.most_memory()) is not None:
            values["growth_bytes"] = peak - before
        return values

    def latency(self, prompt_tokens: int, generation_tokens: int, most_s: float) -> Values:
        self.check_memory(1, prompt_tokens + generation_tokens)
        self._step(*self._read([self.prompt(min(prompt_tokens, self.warm_up_tokens))]))
        prompt, start = [self.prompt(prompt_tokens)], self.clock.now()
        ids_B1, cache = self._read(prompt)
        seconds = [self.clock.now() - start]
        while len(seconds) < generation_tokens and seconds[-1] <= most_s:
            ids_B1 = self._step(ids_B1, cache)
            seconds.append(self.clock.now() - start)
        return at_marks(marks(generation_tokens), seconds)

    @torch.inference_mode()
    def logprobs_after(self, ids: list[int], num_last: int) -> Tensor:
        """Log-probabilities (num_last, V) in float32 after each of the last tokens, in one pass."""
        logits = self.model(torch.tensor([ids], device=self.device), use_cache=False).logits
        return logits[0, -num_last:].float().log_softmax(-1)

    @torch.inference_mode()
    def _read(self, prompts: list[list[int]]) -> tuple[Tensor, DynamicCache]:
        """The likeliest next tokens (B, 1) and the cache after prompts of one length."""
        ids_BS = torch.tensor(prompts, device=self.device)
        cache = DynamicCache(config=self.model.config)
        for chunk in ids_BS.split(max(1, _CHUNK_TOKENS[self.device.type] // len(prompts)), dim=1):
            logits = self.model(chunk, past_key_values=cache, use_cache=True, logits_to_keep=1).logits
        return logits[:, -1:].argmax(-1), cache

    @torch.inference_mode()
    def _step(self, ids_B1: Tensor, cache: DynamicCache) -> Tensor:
        return self.model(ids_B1, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[:, -1:].argmax(-1)


def cache_bytes(cache: DynamicCache) -> int:
    """Memory of all tensors that a cache holds, each storage once and whole, whatever part of it layers look at."""
    found: dict[int, int] = {}
    for layer in cache.layers:
        for value in vars(layer).values():
            for tensor in value.values() if isinstance(value, dict) else [value]:
                if isinstance(tensor, Tensor):
                    storage = tensor.untyped_storage()
                    found[storage.data_ptr()] = storage.nbytes()
    return sum(found.values())
