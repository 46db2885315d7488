"""Carries out plans on the device: copies, the step, sampling. The host reads nothing back before it asks for results.

Letters: B sequences of a step's decodes, L slots, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sambay.engine.forward import Forward
from sambay.engine.graphs import DecodeGraphs
from sambay.engine.guidance import AllowedTokens
from sambay.engine.plan import Plan, Segment
from sambay.engine.pools import Pools
from sambay.engine.sampler import LogProbs, Sampled, Sampler
from sambay.model.sambay import SambaYForCausalLM

SampleId = tuple[str, int]  # request and sample, the sampler's name for a sequence


@dataclass(frozen=True)
class Results:
    """What a step sampled, one token for each of its segments that wanted one, once the device is done."""

    token_ids: list[list[int]]
    logprobs: LogProbs | None


class Pending:
    """The results of a step that may still be under way."""

    def __init__(self, sampled: Sampled | None) -> None:
        self._logprobs = None if sampled is None else sampled.logprobs
        self._ids: Tensor | None = None
        self._is_done: torch.cuda.Event | None = None
        if sampled is None:
            return
        if sampled.token_ids_T.is_cuda:
            self._ids = torch.empty(sampled.token_ids_T.shape, dtype=torch.int64, pin_memory=True)
            self._ids.copy_(sampled.token_ids_T, non_blocking=True)
            self._is_done = torch.cuda.Event()
            self._is_done.record()
        else:
            self._ids = sampled.token_ids_T

    def wait(self) -> Results:
        """Returns when the device has come so far."""
        if self._is_done is not None:
            self._is_done.synchronize()
        ids = [] if self._ids is None else self._ids.tolist()
        return Results([[token_id] for token_id in ids], self._logprobs)


class Runner:
    """The device's half of the engine. Whoever calls `run` tells the sampler of a plan's admissions before."""

    def __init__(
        self, model: SambaYForCausalLM, pools: Pools, sampler: Sampler, has_graphs: bool, max_sequences: int
    ) -> None:
        self.pools, self.sampler = pools, sampler
        self.forward = Forward(model, pools)
        self.device = self.forward.device
        self.last_L = torch.zeros(len(pools.tables_LM), dtype=torch.int64, device=self.device)
        self._decode: Callable[[Tensor], Tensor] = self._decode_now
        if has_graphs:
            self._decode = DecodeGraphs(self._decode_now, max_sequences, self.device)

    @torch.inference_mode()
    def run(self, plan: Plan, num_generated: Sequence[int], allowed: AllowedTokens | None = None) -> Pending:
        """Starts a plan; plans are carried out in the order of the calls.

        num_generated: for each segment that is sampled, how many tokens of its reply come before. allowed: what guided
        rows of those may draw.
        """
        pools = self.pools
        pools.place_pages(plan.table)
        pools.copy_slots([copy.source for copy in plan.copies], [copy.target for copy in plan.copies])
        pools.copy_pages([copy.source for copy in plan.page_copies], [copy.target for copy in plan.page_copies])
        pools.clear_slots(plan.zeroed)
        sampled = self._step(plan, num_generated, allowed)
        pools.copy_slots([copy.source for copy in plan.saves], [copy.target for copy in plan.saves])
        return Pending(sampled)

    def _step(self, plan: Plan, num_generated: Sequence[int], allowed: AllowedTokens | None) -> Sampled | None:
        decodes, chunks = plan.segments[: plan.num_decodes], plan.segments[plan.num_decodes :]
        logits, sampled = [], [segment for segment in plan.segments if segment.is_sampled]
        if decodes:
            columns = [(segment.slot, segment.start, segment.token_ids[0]) for segment in decodes]
            logits.append(self._decode(self._upload(columns)))
        if chunks:
            logits += self._read(chunks)
        if not sampled:
            return None
        logits_TV = logits[0] if len(logits) == 1 else torch.cat(logits)
        ids: list[SampleId] = [(segment.request_id, segment.sample) for segment in sampled]
        result = self.sampler.sample(logits_TV, ids, num_generated, allowed)
        self.last_L[self._upload([segment.slot for segment in sampled])] = result.token_ids_T
        return result

    def _read(self, chunks: Sequence[Segment]) -> list[Tensor]:
        """Chunks of prompts; logits of those whose next token is wanted."""
        streams, last = [], []
        for segment in chunks:
            stream = self.forward.read(segment.token_ids, segment.slot, segment.start, segment.is_sampled)
            if stream is not None:
                streams.append(stream)
                last.append((segment.slot, segment.start + len(segment.token_ids) - 1))
        if not streams:
            return []
        slots_B, positions_B = self._upload(last).unbind(1)
        return [self.forward.after_reading(streams, self.forward.decoder.rows(slots_B, positions_B))]

    def _decode_now(self, columns_B3: Tensor) -> Tensor:
        """Logits after one token of each sequence: slot, position, and token or PENDING, the slot's last one."""
        slots_B, positions_B, ids_B = columns_B3.unbind(1)
        ids_B = torch.where(ids_B < 0, self.last_L[slots_B], ids_B)
        return self.forward.decode(ids_B, self.forward.decoder.rows(slots_B, positions_B))

    def _upload(self, numbers: Sequence) -> Tensor:
        tensor = torch.tensor(numbers, dtype=torch.int64)
        return tensor.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else tensor
