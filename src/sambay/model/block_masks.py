"""FlexAttention's block masks of causal, windowed and packed rows, from the documents' borders alone."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask

# Letters: B rows, S positions, Q and K blocks of queries and of keys.

BLOCK = 128  # FlexAttention's default, which its kernels' tiles divide


def causal_blocks(
    length: int, window: int | None, segment_ids_BS: Tensor | None, device: torch.device
) -> BlockMask:  # fmt: skip
    """The mask of rows of `length` tokens in which a query sees itself, what is before it, at most `window` keys in
    all and only keys of its document (`segment_ids_BS`, never falling along a row; None for one document a row).

    Documents follow each other, so a block's first and last token tell what of it is seen: (S / 128)² comparisons, and
    never the (S, S) mask that torch's `create_block_mask` evaluates. Without documents the mask serves any number of
    rows, and is made once for each shape.
    """
    if segment_ids_BS is None:
        return _plain_blocks(length, window, device)
    return _blocks(length, window, segment_ids_BS)


@lru_cache(maxsize=32)
def _plain_blocks(length: int, window: int | None, device: torch.device) -> BlockMask:
    with torch.inference_mode(False):  # else a mask first made for inference could not be used in training
        return _blocks(length, window, torch.zeros(1, length, dtype=torch.int32, device=device), has_documents=False)


def _blocks(length: int, window: int | None, segment_ids_BS: Tensor, has_documents: bool = True) -> BlockMask:
    starts = torch.arange(0, length, BLOCK, device=segment_ids_BS.device)
    ends = (starts + BLOCK - 1).clamp(max=length - 1)
    first, last = segment_ids_BS[:, starts], segment_ids_BS[:, ends]
    distance_QK = starts[:, None] - starts
    # nearest and farthest of a block's pairs: of documents and of positions
    is_seen_BQK = (distance_QK >= 0) & ((distance_QK == 0) | (last[:, None, :] == first[:, :, None]))
    is_whole_BQK = (distance_QK > 0) & (first[:, None, :] == last[:, :, None]) & (starts + BLOCK <= length)[:, None]
    if window is not None:
        is_seen_BQK &= starts[:, None] - ends < window
        is_whole_BQK &= ends[:, None] - starts < window
    mask_mod = _visible_pairs(window, segment_ids_BS if has_documents else None)
    return BlockMask.from_kv_blocks(
        *_listed(is_seen_BQK & ~is_whole_BQK), *_listed(is_whole_BQK), BLOCK_SIZE=BLOCK, mask_mod=mask_mod,
        seq_lengths=(length, length),
    )  # fmt: skip


def _listed(chosen_BQK: Tensor) -> tuple[Tensor, Tensor]:
    """How many key blocks each query block has, and their numbers, those first; of one head for all heads."""
    chosen = chosen_BQK[:, None].int()
    order = chosen.argsort(dim=-1, descending=True, stable=True)
    return chosen.sum(-1, dtype=torch.int32), order.int().contiguous()


def _visible_pairs(window: int | None, segment_ids_BS: Tensor | None):
    """FlexAttention's `mask_mod`: which pairs of the blocks that are seen in part are seen."""

    def causal(b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:
        seen = q >= k
        return seen if window is None else seen & (q - k < window)

    def causal_in_documents(b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:
        return causal(b, h, q, k) & (segment_ids_BS[b, q] == segment_ids_BS[b, k])  # type: ignore[index]

    return causal if segment_ids_BS is None else causal_in_documents
