"""Drafted tokens judged on the device: one pass over all of them that changes no state, and what then is kept.

    read    every layer over the 1 + k tokens of each sequence, k of them drafts; slots stay as they were. Pages are
            written at once: rows of rejected drafts lie beyond the sequence's end and are written again.
    keep    once it is known how many tokens stay, scan states, convolution tails and rings advance by those alone

All tokens lie one behind the other. Scans and windows alone, which look along a sequence, take them as rows of as many
places as the longest one has, with zeros behind the others.

Letters: B sequences, S places of each (one token and the most drafts), R tokens that are there, W window, H query
heads, G key/value heads as cached, C their width, D model width, E Mamba channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from sambay import kernels
from sambay.config import WINDOW
from sambay.engine.decode import Decoder, Rows, ScanInputs, Stream, project
from sambay.engine.draws import num_accepted
from sambay.engine.prefill import combine
from sambay.kernels.reference_paged import widened


class Places(NamedTuple):
    """The tokens of a step with drafts, all int64. starts_B: position of the first one. ids behind a sequence's tokens
    are -1. real_R: which of the B * S are there, ascending."""

    slots_B: Tensor
    starts_B: Tensor
    ids_BS: Tensor
    real_R: Tensor

    @classmethod
    def of(cls, slots: Sequence[int], starts: Sequence[int], tokens: Sequence[Sequence[int]]) -> Places:
        """On the host; `to` brings them to a device."""
        width = max(map(len, tokens))
        ids = [[*own, *[-1] * (width - len(own))] for own in tokens]
        real = [row * width + place for row, own in enumerate(tokens) for place in range(len(own))]
        return cls(*map(torch.tensor, (slots, starts, ids, real)))

    def to(self, device: torch.device) -> Places:
        if device.type != "cuda":
            return self
        return Places(*(tensor.pin_memory().to(device, non_blocking=True) for tensor in self))

    @property
    def positions_BS(self) -> Tensor:
        return self.starts_B[:, None] + torch.arange(self.ids_BS.shape[1], device=self.starts_B.device)


class _NewKeys(NamedTuple):
    """Keys and values of a window layer that are not in its ring yet, (R, G, C) both."""

    keys_RGC: Tensor
    values_RGC: Tensor


class Verification(Decoder):
    """One step with drafts over the layers and pools of `decoder`."""

    def __init__(self, decoder: Decoder, places: Places) -> None:
        self.model, self.pools, self.config = decoder.model, decoder.pools, decoder.config
        self.A, self.pairings = decoder.A, decoder.pairings
        self.places = places
        self._scanned: dict[int, ScanInputs] = {}
        self._new_keys: dict[int, _NewKeys] = {}

    def read(self, hidden_RD: Tensor) -> Stream:
        """The stream behind all layers, (R, D), from the embedded tokens."""
        slots_BS = self.places.slots_B[:, None].expand_as(self.places.ids_BS)
        rows = self.rows(self._gather(slots_BS), self._gather(self.places.positions_BS))
        return self.cross_decoder(self.self_decoder(Stream(hidden_RD), rows), rows)

    def judge(self, sampled_R: Tensor) -> tuple[Tensor, Tensor]:
        """Keeps the drafts that are what was sampled in their places.

        Returns how many each sequence accepts (B,), and the last token of its step (B,): the one sampled after them.
        """
        ids_BS, real_R = self.places.ids_BS, self.places.real_R
        sampled_BS = torch.zeros_like(ids_BS).flatten().index_copy_(0, real_R, sampled_R).view_as(ids_BS)
        accepted_B = num_accepted(sampled_BS, ids_BS[:, 1:])
        self.keep(accepted_B + 1)
        return accepted_B, sampled_BS.gather(1, accepted_B[:, None])[:, 0]

    def keep(self, lengths_B: Tensor) -> None:
        """The slots move on by the first `lengths_B` (int64) tokens of each sequence."""
        slots_B, positions_BS = self.places.slots_B, self.places.positions_BS
        for index, inputs in self._scanned.items():
            self.advance(index, inputs, slots_B, lengths_B)
        is_kept_BS = torch.arange(positions_BS.shape[1], device=lengths_B.device) < lengths_B[:, None]
        for index, new in self._new_keys.items():
            ring = self.pools.rings[index]
            window = ring.keys.shape[1]
            # what is rejected goes to slot 0, which belongs to nobody
            rows_BS = torch.where(is_kept_BS, slots_B[:, None], 0) * window + positions_BS % window
            kernels.write_cache(new.keys_RGC, new.values_RGC, ring.keys, ring.values, self._gather(rows_BS))

    def _gather(self, values: Tensor) -> Tensor:
        """(B, S, ...) to the R tokens."""
        return values.flatten(0, 1)[self.places.real_R]

    def _spread(self, values: Tensor) -> Tensor:
        """(R, ...) to places (B, S, ...), zeros where there is no token."""
        shape = self.places.ids_BS.shape
        spread = values.new_zeros(shape.numel(), *values.shape[1:])
        return spread.index_copy_(0, self.places.real_R, values).unflatten(0, shape)

    def _mamba(self, index: int, normed_BD: Tensor, slots_B: Tensor) -> tuple[Tensor, Tensor | None]:  # noqa: ARG002
        # the places know the slots: one a sequence, not one a token
        projected_BSE = self._spread(self.model.layers[index].attn.in_proj(normed_BD))
        none_B = torch.zeros_like(self.places.slots_B)
        output_BSE, memory_BSE, inputs = self.recur(index, projected_BSE, self.places.slots_B, none_B)
        self._scanned[index] = inputs
        return self._gather(output_BSE), None if memory_BSE is None else self._gather(memory_BSE)

    def _mix(self, index: int, normed_BD: Tensor, memory_BE: Tensor | None, rows: Rows, rotation):
        block = self.model.layers[index]
        if block.mixer is not WINDOW:
            return super()._mix(index, normed_BD, memory_BE, rows, rotation)
        queries_RHC, keys_RGC, values_RGC = project(block.attn, normed_BD, rotation)
        assert keys_RGC is not None
        assert values_RGC is not None
        self._new_keys[index] = new = _NewKeys(keys_RGC, values_RGC)
        return block.attn.out_proj(self._window(index, queries_RHC, new)), memory_BE

    def _window(self, index: int, queries_RHC: Tensor, new: _NewKeys) -> Tensor:
        """Each token looks at its window: what the ring holds of it, and the new tokens up to itself. (R, H * C)"""
        ring, layer, shape = self.pools.rings[index], self.model.layers[index].attn, self.places.ids_BS.shape
        window, groups, width = ring.keys.shape[1:]
        keys_BGKC, values_BGKC = (
            torch.cat([old[self.places.slots_B], self._spread(fresh)], dim=1).transpose(1, 2)
            for old, fresh in ((ring.keys, new.keys_RGC), (ring.values, new.values_RGC))
        )
        # Heads that share a key are more queries to it: no backend then has to copy keys.
        queries = self._spread(widened(queries_RHC, width)).unflatten(2, (groups, -1)).permute(0, 2, 3, 1, 4)
        sharing = queries.shape[2]
        mask = is_seen(self.places.starts_B, shape[1], window)[:, None].repeat(1, 1, sharing, 1)
        mixed = F.scaled_dot_product_attention(queries.flatten(2, 3), keys_BGKC, values_BGKC, mask, scale=layer.scaling)
        mixed = mixed.unflatten(2, (sharing, shape[1])).permute(0, 3, 1, 2, 4).flatten(2, 3)
        return combine(layer, self._gather(mixed)[None])[0]


def is_seen(starts_B: Tensor, num_places: int, window: int) -> Tensor:
    """What each place sees of the ring's rows and of the new tokens behind them: (B, S, W + S).

    row r of the ring    the last position before `start` that is r modulo W; nothing if that is below 0
    new token i          position start + i
    place j sees         the positions (start + j - W, start + j]
    """
    device = starts_B.device
    row_W, new_S = torch.arange(window, device=device), torch.arange(num_places, device=device)
    last_B1 = starts_B[:, None] - 1
    old_BW = last_B1 - (last_B1 - row_W) % window
    positions_BK = torch.cat([old_BW, starts_B[:, None] + new_S], dim=1)[:, None]
    own_BS1 = (starts_B[:, None] + new_S)[:, :, None]
    return (positions_BK >= 0) & (positions_BK > own_BS1 - window) & (positions_BK <= own_BS1)
