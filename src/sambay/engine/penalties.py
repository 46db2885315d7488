"""How often each token has come up so far, kept on the device for the requests whose penalties ask for it.

Letters: R rows with penalties, V vocabulary, Q places of the pool.

A request with penalties costs 5 bytes a token of the vocabulary (1.0 MB at 200,064): a count as int32 and whether the
prompt has the token. Others cost nothing. The pool doubles when it is full and is never given back.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch
from torch import Tensor


class TokenCounts:
    """Counts of the reply's tokens and presence of the prompt's, one place of the pool for each request."""

    def __init__(self, vocab_size: int, device: torch.device | str) -> None:
        self.counts_QV = torch.zeros(0, vocab_size, dtype=torch.int32, device=device)
        self.is_in_prompt_QV = torch.zeros(0, vocab_size, dtype=torch.bool, device=device)
        self.places: dict[Hashable, int] = {}
        self._free: list[int] = []

    def add(self, request_id: Hashable, prompt_ids: Sequence[int], generated_ids: Sequence[int]) -> None:
        """Give a request a place, counting what it has generated already (after a preemption)."""
        if not self._free:
            self._double()
        place = self.places[request_id] = self._free.pop()
        device = self.counts_QV.device
        ids = torch.tensor(generated_ids, dtype=torch.long).to(device, non_blocking=True)
        ones = torch.ones(len(generated_ids), dtype=torch.int32, device=device)
        self.counts_QV[place].zero_().index_add_(0, ids, ones)
        ids = torch.tensor(prompt_ids, dtype=torch.long).to(device, non_blocking=True)
        self.is_in_prompt_QV[place].zero_().index_fill_(0, ids, True)

    def remove(self, request_id: Hashable) -> None:
        self._free.append(self.places.pop(request_id))

    def record(self, places_R: Tensor, token_ids_R: Tensor) -> None:
        """Count one more token of each row; no place comes twice."""
        ones_R = torch.ones_like(token_ids_R, dtype=torch.int32)
        self.counts_QV.index_put_((places_R, token_ids_R), ones_R, accumulate=True)

    def penalised(
        self, scores_RV: Tensor, places_R: Tensor, repetition_R1: Tensor, frequency_R1: Tensor, presence_R1: Tensor
    ) -> Tensor:
        """Scores after the three penalties, in this order.

        repetition (Keskar et al. 2019, section 4.1, as transformers has it): positive scores divided, others
        multiplied, for tokens of prompt or reply. frequency and presence (OpenAI's): minus frequency · count, and minus
        presence if count > 0.
        """
        counts_RV = self.counts_QV.index_select(0, places_R)
        is_said_RV = counts_RV > 0
        is_seen_RV = is_said_RV | self.is_in_prompt_QV.index_select(0, places_R)
        repeated_RV = torch.where(scores_RV > 0, scores_RV / repetition_R1, scores_RV * repetition_R1)
        scores_RV = torch.where(is_seen_RV, repeated_RV, scores_RV)
        return scores_RV - frequency_R1 * counts_RV - presence_R1 * is_said_RV

    def _double(self) -> None:
        num_old = len(self.counts_QV)
        num_new = max(num_old, 1)
        self.counts_QV = torch.cat([self.counts_QV, self.counts_QV.new_zeros(num_new, self.counts_QV.shape[1])])
        new_QV = self.is_in_prompt_QV.new_zeros(num_new, self.counts_QV.shape[1])
        self.is_in_prompt_QV = torch.cat([self.is_in_prompt_QV, new_QV])
        self._free += range(num_old + num_new - 1, num_old - 1, -1)
