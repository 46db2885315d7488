"""From logits to tokens for rows with different parameters, in one pass and without waiting for the device.

Letters: T rows of logits (one, or 1 + drafted, for each sequence that wants a token), R rows of a group, V vocabulary,
C the most log-probabilities that a row asks for.

What a row asks for is put on the device when the rows change, and is used again while the same requests follow each
other in the same order; what changes each step is one uniform number a row. Nothing is read back. Order of operations:
`SamplingParams`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .draws import draw_by_id, draw_likeliest, top_weight, uniforms, weights
from .guidance import AllowedTokens
from .penalties import TokenCounts
from .sampling_params import SamplingParams

_MOST_SORTED_ROWS = 64  # at once: 0.3 GB at the released vocabulary


@dataclass(frozen=True)
class LogProbs:
    """Natural logarithms of the model's own probabilities, for the rows that asked: before bias, penalties, masks and
    temperature. rows: which of the T; chosen_R; top_ids_RC and top_RC, likeliest first, C being the most that a row
    asked for (a row that asked for fewer takes the first of its own)."""

    rows: tuple[int, ...]
    chosen_R: Tensor
    top_ids_RC: Tensor
    top_RC: Tensor


@dataclass(frozen=True)
class Sampled:
    """token_ids_T: int64, on the device of the logits. logprobs: None if no row asked."""

    token_ids_T: Tensor
    logprobs: LogProbs | None


class Sampler:
    """Draws the next tokens of all requests. stop_ids: the tokenizer's, which `min_tokens` keeps away.

    Each request is added when it is admitted (again when it resumes, with what it has generated) and removed when it
    leaves. Memory while sampling, at most: for each row 12 bytes a token of the vocabulary (logits in float32, changed
    ones, weights) and 0.3 GB for sorting; all the time: 5 bytes for each request with penalties (`TokenCounts`).
    """

    def __init__(self, vocab_size: int, device: torch.device | str, stop_ids: Sequence[int] = ()) -> None:
        self.vocab_size, self.device = vocab_size, torch.device(device)
        self._stop_ids = tuple(stop_ids)
        self._requests: dict[Hashable, _Request] = {}
        self._counts = TokenCounts(vocab_size, self.device)
        self._rows: _Rows | None = None

    def add(
        self,
        request_id: Hashable,
        params: SamplingParams,
        seed: int,
        prompt_ids: Sequence[int] = (),
        generated_ids: Sequence[int] = (),
    ) -> None:
        """Take in a request, anew if it is there (it was preempted). seed: `params.seed_of_sample(i)`, kept by the
        request. The ids count for penalties alone.

        Raises ValueError for an id in stop_token_ids or logit_bias that the vocabulary lacks.
        """
        params.check_vocabulary(self.vocab_size)
        if request_id in self._requests:
            self.remove(request_id)
        self._requests[request_id] = _Request(params, seed, self._banned_ids(params))
        self._rows = None
        if params.has_penalties:
            self._counts.add(request_id, prompt_ids, generated_ids)

    def remove(self, request_id: Hashable) -> None:
        """Forget a request and give back its counts."""
        del self._requests[request_id]
        self._rows = None
        if request_id in self._counts.places:
            self._counts.remove(request_id)

    def sample(
        self,
        logits_TV: Tensor,
        request_ids: Sequence[Hashable],
        num_generated: Sequence[int],
        allowed: AllowedTokens | None = None,
    ) -> Sampled:
        """One token for each row of logits (any float type; never changed).

        num_generated: how many tokens of its reply come before each row's. A request that speculates has one row for
        each place that is judged, num_generated counting the drafts before it (see `draws.num_accepted`). allowed: of
        guided rows.
        """
        assert logits_TV.shape == (len(request_ids), self.vocab_size), logits_TV.shape
        rows = self._rows_of(tuple(request_ids), tuple(num_generated))
        raw_TV = logits_TV.float()
        scores_TV = self._adjusted(raw_TV, rows, allowed)
        uniforms_T = rows.uniforms(num_generated, self.device)
        token_ids_T = torch.zeros(len(request_ids), dtype=torch.long, device=self.device)
        for group in rows.groups:
            if group.num_rows == len(request_ids):
                token_ids_T = group.choose(scores_TV, uniforms_T)
            else:
                chosen_R = group.choose(scores_TV[group.rows_R], uniforms_T[group.rows_R])
                token_ids_T.index_copy_(0, group.rows_R, chosen_R)
        if rows.penalties is not None:
            self._counts.record(rows.penalties.places_R, token_ids_T[rows.penalties.rows_R])
        return Sampled(token_ids_T, rows.logprobs_of(raw_TV, token_ids_T))

    def _adjusted(self, raw_TV: Tensor, rows: _Rows, allowed: AllowedTokens | None) -> Tensor:
        """Scores before temperature: a copy, if anything is to be changed."""
        penalties = rows.penalties
        if rows.bias is None and rows.bans is None and penalties is None and allowed is None:
            return raw_TV
        scores_TV = raw_TV.clone()
        for changes in (rows.bias, rows.bans):
            if changes is not None:
                scores_TV.index_put_((changes.rows_N, changes.ids_N), changes.values_N, accumulate=True)
        if penalties is not None:
            before_RV = scores_TV[penalties.rows_R]
            after_RV = self._counts.penalised(before_RV, penalties.places_R, *penalties.strengths_R1)
            scores_TV.index_copy_(0, penalties.rows_R, after_RV)
        if allowed is not None:
            allowed.forbid_others(scores_TV)
        return scores_TV

    def _rows_of(self, request_ids: tuple[Hashable, ...], num_generated: tuple[int, ...]) -> _Rows:
        requests = [self._requests[request_id] for request_id in request_ids]
        is_early = tuple(
            place < request.params.min_tokens for request, place in zip(requests, num_generated, strict=True)
        )
        if self._rows is None or self._rows.key != (request_ids, is_early):
            self._rows = _Rows(request_ids, is_early, requests, self._counts.places, self.device, self.vocab_size)
        return self._rows

    def _banned_ids(self, params: SamplingParams) -> tuple[int, ...]:
        own = () if params.ignore_eos else self._stop_ids
        return tuple(dict.fromkeys((*own, *params.stop_token_ids))) if params.min_tokens else ()


@dataclass(frozen=True)
class _Request:
    params: SamplingParams
    seed: int
    early_banned_ids: tuple[int, ...]


@dataclass(frozen=True)
class _Changes:
    """values_N to add at (rows_N, ids_N)."""

    rows_N: Tensor
    ids_N: Tensor
    values_N: Tensor


@dataclass(frozen=True)
class _Penalties:
    rows_R: Tensor
    places_R: Tensor
    strengths_R1: tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class _Greedy:
    rows_R: Tensor
    num_rows: int

    def choose(self, scores_RV: Tensor, uniforms_R: Tensor) -> Tensor:  # noqa: ARG002 # all groups are asked alike
        return scores_RV.argmax(-1)


@dataclass(frozen=True)
class _Drawn:
    """Rows that are drawn. is_sorted: some have top-k or top-p; else all are drawn in order of id."""

    rows_R: Tensor
    num_rows: int
    filters: tuple[Tensor, Tensor, Tensor, Tensor]  # temperature, top_k, top_p, min_p, each (R, 1)
    is_sorted: bool
    has_min_p: bool
    max_kept: int

    def choose(self, scores_RV: Tensor, uniforms_R: Tensor) -> Tensor:
        temperature_R1, top_k_R1, top_p_R1, min_p_R1 = self.filters
        weights_RV = weights(scores_RV, temperature_R1.float())
        if self.is_sorted:
            inputs = (weights_RV, uniforms_R, top_k_R1.long(), top_p_R1, min_p_R1)
            parts = zip(*(tensor.split(_MOST_SORTED_ROWS) for tensor in inputs), strict=True)
            return torch.cat([draw_likeliest(w, u, k, p, m, self.max_kept) for w, u, k, p, m in parts])
        if self.has_min_p:
            least_R1 = min_p_R1 * top_weight(weights_RV.shape[-1])
            weights_RV.masked_fill_(weights_RV < least_R1, 0)
        return draw_by_id(weights_RV, uniforms_R)


class _Rows:
    """Everything that the rows of a step ask for, on the device; stays as long as they do. See `Sampler._rows_of`."""

    def __init__(
        self,
        request_ids: tuple[Hashable, ...],
        is_early: tuple[bool, ...],
        requests: list[_Request],
        places: dict[Hashable, int],
        device: torch.device,
        vocab_size: int,
    ) -> None:
        self.key = (request_ids, is_early)
        self._seeds = [request.seed for request in requests]
        self._device, self._vocab_size = device, vocab_size
        params = [request.params for request in requests]
        self.groups = self._groups(params)
        biases = [(row, *pair) for row, one in enumerate(params) for pair in (one.logit_bias or {}).items()]
        self.bias = self._changes(biases)
        early = [row for row, is_row_early in enumerate(is_early) if is_row_early]
        bans = [(row, token_id, -torch.inf) for row in early for token_id in requests[row].early_banned_ids]
        self.bans = self._changes(bans)
        self.penalties = self._penalties(params, [places.get(request_id) for request_id in request_ids])
        self._logprob_rows = tuple(row for row, one in enumerate(params) if one.logprobs is not None)
        self._logprob_rows_R = self._tensor(self._logprob_rows)
        self._num_logprobs = max((params[row].logprobs or 0 for row in self._logprob_rows), default=0)

    def uniforms(self, num_generated: Sequence[int], device: torch.device) -> Tensor:
        """One number a row, if any row is drawn at all."""
        if all(isinstance(group, _Greedy) for group in self.groups):
            return torch.zeros(len(self._seeds), dtype=torch.float64, device=device)
        return torch.from_numpy(uniforms(self._seeds, num_generated)).to(device, non_blocking=True)

    def logprobs_of(self, raw_TV: Tensor, token_ids_T: Tensor) -> LogProbs | None:
        if not self._logprob_rows:
            return None
        logprobs_RV = raw_TV[self._logprob_rows_R].log_softmax(-1)
        chosen_R = logprobs_RV.gather(1, token_ids_T[self._logprob_rows_R, None])[:, 0]
        top_RC, top_ids_RC = logprobs_RV.topk(self._num_logprobs, dim=-1)
        return LogProbs(self._logprob_rows, chosen_R, top_ids_RC, top_RC)

    def _groups(self, params: list[SamplingParams]) -> list[_Greedy | _Drawn]:
        greedy = [row for row, one in enumerate(params) if one.is_greedy]
        by_id = [row for row, one in enumerate(params) if not one.is_greedy and not _is_sorted(one)]
        cut = [row for row, one in enumerate(params) if not one.is_greedy and _is_sorted(one) and one.top_k]
        whole = [row for row, one in enumerate(params) if not one.is_greedy and _is_sorted(one) and not one.top_k]
        groups: list[_Greedy | _Drawn] = [_Greedy(self._tensor(greedy), len(greedy))] if greedy else []
        return groups + [self._drawn(rows, params) for rows in (by_id, cut, whole) if rows]

    def _drawn(self, rows: list[int], params: list[SamplingParams]) -> _Drawn:
        group = [params[row] for row in rows]
        table = [(one.temperature, one.top_k, one.top_p, one.min_p) for one in group]
        columns = torch.tensor(table, dtype=torch.float64).to(self._device, non_blocking=True)
        temperature_R1, top_k_R1, top_p_R1, min_p_R1 = columns.split(1, dim=1)
        most = max(one.top_k for one in group) if all(one.top_k for one in group) else self._vocab_size
        return _Drawn(
            rows_R=self._tensor(rows),
            num_rows=len(rows),
            filters=(temperature_R1, top_k_R1, top_p_R1, min_p_R1),
            is_sorted=any(map(_is_sorted, group)),
            has_min_p=any(one.min_p for one in group),
            max_kept=min(most, self._vocab_size),
        )

    def _penalties(self, params: list[SamplingParams], places: list[int | None]) -> _Penalties | None:
        rows = [row for row, one in enumerate(params) if one.has_penalties]
        if not rows:
            return None
        kept = [places[row] for row in rows]
        assert len(set(kept)) == len(kept), "a request with penalties cannot speculate"
        group = [params[row] for row in rows]
        table = [(one.repetition_penalty, one.frequency_penalty, one.presence_penalty) for one in group]
        columns = torch.tensor(table, dtype=torch.float32).to(self._device, non_blocking=True)
        repetition_R1, frequency_R1, presence_R1 = columns.split(1, dim=1)
        return _Penalties(self._tensor(rows), self._tensor(kept), (repetition_R1, frequency_R1, presence_R1))

    def _changes(self, changes: list[tuple[int, int, float]]) -> _Changes | None:
        if not changes:
            return None
        rows, ids, values = zip(*changes, strict=True)
        values_N = torch.tensor(values, dtype=torch.float32).to(self._device, non_blocking=True)
        return _Changes(self._tensor(rows), self._tensor(ids), values_N)

    def _tensor(self, values: Sequence[int | None]) -> Tensor:
        return torch.tensor(values, dtype=torch.long).to(self._device, non_blocking=True)


def _is_sorted(params: SamplingParams) -> bool:
    return params.top_k > 0 or params.top_p < 1
