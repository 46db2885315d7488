"""Drafted tokens judged on the device: one pass over all of them that changes no state, and what then is kept.

    read    every layer over the 1 + k tokens of each sequence, k of them drafts; slots stay as they were. Pages are
            written at once: rows of rejected drafts lie beyond the sequence's end and are written again.
    keep    once it is known how many tokens stay, scan states, convolution tails and rings advance by those alone

Sequences with fewer drafts than the step's longest are padded to it: behind their last token, where no other of theirs
looks, and with the page that belongs to nobody.

Letters: B sequences, S places of each (one token and the most drafts), T = B * S tokens, R those that are there,
W window, H query heads, G key/value heads as cached, C their width, D model width.
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
    """The tokens of a step with drafts, all int64. starts_B: position of the first one. lengths_B: how many there are
    of each sequence; ids behind them are -1. real_R: which of the T are there, ascending."""

    slots_B: Tensor
    starts_B: Tensor
    lengths_B: Tensor
    ids_BS: Tensor
    real_R: Tensor

    @classmethod
    def of(cls, slots: Sequence[int], starts: Sequence[int], tokens: Sequence[Sequence[int]]) -> Places:
        """On the host; `to` brings them to a device."""
        lengths = [len(own) for own in tokens]
        width = max(lengths)
        ids = [[*own, *[-1] * (width - len(own))] for own in tokens]
        real = [row * width + place for row, length in enumerate(lengths) for place in range(length)]
        return cls(*map(torch.tensor, (slots, starts, lengths, ids, real)))

    def to(self, device: torch.device) -> Places:
        if device.type != "cuda":
            return self
        return Places(*(tensor.pin_memory().to(device, non_blocking=True) for tensor in self))

    @property
    def positions_BS(self) -> Tensor:
        return self.starts_B[:, None] + torch.arange(self.ids_BS.shape[1], device=self.starts_B.device)

    def is_within(self, lengths_B: Tensor) -> Tensor:
        """Which places (B, S) are among the first `lengths_B` of their sequence."""
        return torch.arange(self.ids_BS.shape[1], device=lengths_B.device) < lengths_B[:, None]


class _NewKeys(NamedTuple):
    """Keys and values of a window layer that are not in its ring yet, (T, G, C) both."""

    keys_TGC: Tensor
    values_TGC: Tensor


class Verification(Decoder):
    """One step with drafts over the layers and pools of `decoder`."""

    def __init__(self, decoder: Decoder, places: Places) -> None:
        self.model, self.pools, self.config = decoder.model, decoder.pools, decoder.config
        self.A, self.pairings = decoder.A, decoder.pairings
        self.places = places
        self._scanned: dict[int, ScanInputs] = {}
        self._new_keys: dict[int, _NewKeys] = {}

    def read(self, hidden_TD: Tensor) -> Stream:
        """The stream behind all layers, (R, D), from the embedded tokens (those that pad among them)."""
        real_R = self.places.real_R
        rows = self._token_rows()
        stream = self.self_decoder(Stream(hidden_TD), rows)
        memory_RE = None if stream.memory_BE is None else stream.memory_BE[real_R]
        return self.cross_decoder(Stream(stream.hidden_BD[real_R], memory_RE), Rows(*(part[real_R] for part in rows)))

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
        is_kept_BS = self.places.is_within(lengths_B)
        for index, new in self._new_keys.items():
            ring = self.pools.rings[index]
            window = ring.keys.shape[1]
            # what is rejected goes to slot 0, which belongs to nobody
            rows_T = (torch.where(is_kept_BS, slots_B[:, None], 0) * window + positions_BS % window).flatten()
            kernels.write_cache(new.keys_TGC, new.values_TGC, ring.keys, ring.values, rows_T)

    def _token_rows(self) -> Rows:
        """One row for each of the T tokens. Those that pad have slot 0 and position 0."""
        is_real_BS = self.places.is_within(self.places.lengths_B)
        slots_T = torch.where(is_real_BS, self.places.slots_B[:, None], 0).flatten()
        return self.rows(slots_T, torch.where(is_real_BS, self.places.positions_BS, 0).flatten())

    def _mamba(self, index: int, normed_BD: Tensor, slots_B: Tensor) -> tuple[Tensor, Tensor | None]:  # noqa: ARG002
        # the places know the slots: one a sequence, not one a token
        normed_BSD = normed_BD.unflatten(0, self.places.ids_BS.shape)
        none_B = torch.zeros_like(self.places.slots_B)
        output_BSE, memory_BSE, inputs = self.recur(index, normed_BSD, self.places.slots_B, none_B)
        self._scanned[index] = inputs
        return output_BSE.flatten(0, 1), None if memory_BSE is None else memory_BSE.flatten(0, 1)

    def _mix(self, index: int, normed_BD: Tensor, memory_BE: Tensor | None, rows: Rows, rotation):
        block = self.model.layers[index]
        if block.mixer is not WINDOW:
            return super()._mix(index, normed_BD, memory_BE, rows, rotation)
        queries_THC, keys_TGC, values_TGC = project(block.attn, normed_BD, rotation)
        assert keys_TGC is not None
        assert values_TGC is not None
        self._new_keys[index] = new = _NewKeys(keys_TGC, values_TGC)
        return block.attn.out_proj(self._window(index, queries_THC, new)), memory_BE

    def _window(self, index: int, queries_THC: Tensor, new: _NewKeys) -> Tensor:
        """Each token looks at its window: what the ring holds of it, and the new tokens up to itself. (T, H * C)"""
        ring, layer, shape = self.pools.rings[index], self.model.layers[index].attn, self.places.ids_BS.shape
        window, groups, width = ring.keys.shape[1:]
        keys_BGKC, values_BGKC = (
            torch.cat([old[self.places.slots_B], fresh.unflatten(0, shape)], dim=1).transpose(1, 2)
            for old, fresh in ((ring.keys, new.keys_TGC), (ring.values, new.values_TGC))
        )
        # Heads that share a key are more queries to it: no backend then has to copy keys.
        queries = widened(queries_THC, width).view(*shape, groups, -1, width).permute(0, 2, 3, 1, 4)
        sharing = queries.shape[2]
        mask = is_seen(self.places.starts_B, shape[1], window)[:, None].repeat(1, 1, sharing, 1)
        mixed = F.scaled_dot_product_attention(queries.flatten(2, 3), keys_BGKC, values_BGKC, mask, scale=layer.scaling)
        mixed = mixed.unflatten(2, (sharing, shape[1])).permute(0, 3, 1, 2, 4).flatten(2, 3)
        return combine(layer, mixed).flatten(0, 1)


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
