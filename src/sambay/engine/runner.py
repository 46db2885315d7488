"""Carries out plans on the device: copies, the step, sampling. The host reads nothing back before it asks for results.

Letters: B sequences of a step's decodes, T rows of logits (one a sampled segment, and one a draft), L slots,
V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from sambay.engine.forward import Forward
from sambay.engine.graphs import DecodeGraphs
from sambay.engine.guidance import AllowedTokens
from sambay.engine.plan import Plan, Segment
from sambay.engine.pools import Pools
from sambay.engine.sampler import LogProbs, Sampled, Sampler
from sambay.engine.verify import Places, Verification
from sambay.model.sambay import SambaYForCausalLM

SampleId = tuple[str, int]  # request and sample, the sampler's name for a sequence


@dataclass(frozen=True)
class Results:
    """What a step sampled for each of its segments that wanted a token, once the device is done: one token, or the
    accepted drafts and the one after them. first_rows: which row of the sampler's was the first one's."""

    token_ids: list[list[int]]
    first_rows: list[int]
    logprobs: LogProbs | None


class Pending:
    """The results of a step that may still be under way."""

    def __init__(self, sampled: Sampled | None, rows: list[int], accepted_B: Tensor | None) -> None:
        """rows: the first one of each segment's. accepted_B: drafts of the first B segments that stay; None: none."""
        self._rows = rows
        self._accepted = None if accepted_B is None else _to_host(accepted_B)
        self._logprobs: LogProbs | None = None
        self._ids: Tensor | None = None
        self._is_done: torch.cuda.Event | None = None
        if sampled is None:
            return
        self._ids = _to_host(sampled.token_ids_T)
        if (found := sampled.logprobs) is not None:
            self._logprobs = LogProbs(found.rows, *map(_to_host, (found.chosen_R, found.top_ids_RC, found.top_RC)))
        if sampled.token_ids_T.is_cuda:
            self._is_done = torch.cuda.Event()
            self._is_done.record()

    def wait(self) -> Results:
        """Returns when the device has come so far."""
        if self._is_done is not None:
            self._is_done.synchronize()
        ids = [] if self._ids is None else self._ids.tolist()
        if self._accepted is None:
            return Results([[token_id] for token_id in ids], self._rows, self._logprobs)
        accepted = self._accepted.tolist() + [0] * (len(self._rows) - len(self._accepted))
        taken = [ids[row : row + 1 + more] for row, more in zip(self._rows, accepted, strict=True)]
        return Results(taken, self._rows, self._logprobs)


def _to_host(tensor: Tensor) -> Tensor:
    """Its numbers on the CPU, once the device has come so far; what is there is given back as it is."""
    if not tensor.is_cuda:
        return tensor
    return torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True).copy_(tensor, non_blocking=True)


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
        pending = self._step(plan, num_generated, allowed)
        pools.copy_slots([copy.source for copy in plan.saves], [copy.target for copy in plan.saves])
        return pending

    def _step(self, plan: Plan, num_generated: Sequence[int], allowed: AllowedTokens | None) -> Pending:
        decodes, chunks = plan.segments[: plan.num_decodes], plan.segments[plan.num_decodes :]
        logits, sampled = [], [segment for segment in plan.segments if segment.is_sampled]
        verification: Verification | None = None
        if any(segment.num_drafted for segment in decodes):
            logits_TV, verification = self._verify(decodes)
            logits.append(logits_TV)
        elif decodes:
            columns = [(segment.slot, segment.start, segment.token_ids[0]) for segment in decodes]
            logits.append(self._decode(self._upload(columns)))
        if chunks:
            logits += self._read(chunks)
        rows = first_rows(sampled)
        if not sampled:
            return Pending(None, rows, None)
        logits_TV = logits[0] if len(logits) == 1 else torch.cat(logits)
        result = self.sampler.sample(logits_TV, *_places(sampled, num_generated), allowed)
        accepted_B, last_B = None, result.token_ids_T
        if verification is not None:
            num_judged = len(verification.places.real_R)
            accepted_B, last_B = verification.judge(last_B[:num_judged])
            last_B = torch.cat([last_B, result.token_ids_T[num_judged:]])
        self.last_L[self._upload([segment.slot for segment in sampled])] = last_B
        return Pending(result, rows, accepted_B)

    def _verify(self, decodes: Sequence[Segment]) -> tuple[Tensor, Verification]:
        """Logits after each token of sequences of which some have drafts."""
        starts, tokens = [segment.start for segment in decodes], [segment.token_ids for segment in decodes]
        places = Places.of([segment.slot for segment in decodes], starts, tokens).to(self.device)
        ids_BS = places.ids_BS.clone()
        ids_BS[:, 0] = torch.where(ids_BS[:, 0] < 0, self.last_L[places.slots_B], ids_BS[:, 0])
        return self.forward.verify(ids_BS, places)

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


def first_rows(sampled: Sequence[Segment]) -> list[int]:
    """The first row of logits of each segment that wants a token."""
    counts = [1 + segment.num_drafted for segment in sampled]
    return [end - count for end, count in zip(accumulate(counts), counts, strict=True)]


def _places(sampled: Sequence[Segment], num_generated: Sequence[int]) -> tuple[list[SampleId], Sequence[int]]:
    """The sequence of each row of logits, and how many tokens of its reply come before."""
    ids = [(segment.request_id, segment.sample) for segment in sampled for _ in range(1 + segment.num_drafted)]
    if len(ids) == len(sampled):
        return ids, num_generated
    pairs = zip(sampled, num_generated, strict=True)
    return ids, [last - left for segment, last in pairs for left in range(segment.num_drafted, -1, -1)]
