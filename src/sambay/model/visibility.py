"""Which tokens may see which: padding, packed documents, windows, and the last positions alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask
from transformers import Cache
from transformers.masking_utils import create_causal_mask, create_sliding_window_causal_mask

from sambay.config import FULL, WINDOW, Mixer, SambaYConfig
from sambay.model.block_masks import causal_blocks

# Letters: B sequences, S new positions, T positions so far.


@dataclass(frozen=True)
class Visibility:
    """What the layers need to know of a batch beside its hidden states.

    full, window: masks as the attention backend takes them (None: plain causal, which the backend does itself).
    padding_BS: 0 at padding, None if there is none. segment_ids_BS: the document of each token, None if not packed.
    position_ids_BS: counted within a document.
    """

    full: Tensor | BlockMask | None
    window: Tensor | BlockMask | None
    padding_BS: Tensor | None
    segment_ids_BS: Tensor | None
    position_ids_BS: Tensor

    def mask(self, mixer: Mixer) -> Tensor | BlockMask | None:
        return self.window if mixer is WINDOW else self.full


class _LastQueries:
    """The cache as transformers' mask functions see it when only the last queries of a step are asked for."""

    def __init__(self, first_query: int, num_keys: int) -> None:
        self.first_query, self.num_keys = first_query, num_keys

    def get_query_offset(self, layer_idx: int = 0) -> int:
        return self.first_query

    def get_mask_sizes(self, query_length: int, layer_idx: int) -> tuple[int, int]:
        return self.num_keys, 0


def see(
    config: SambaYConfig,
    embeddings_BSD: Tensor,
    attention_mask: Tensor | dict[str, Tensor | None] | None,
    position_ids: Tensor | None,
    past_key_values: Cache | None,
    segment_ids_BS: Tensor | None,
    *,
    is_full_deferred: bool = False,
) -> Visibility:
    """The visibility of a step over all its positions.

    `attention_mask` is 2-D (1 at tokens, 0 at padding, over all positions so far), None, or transformers' ready
    masks by layer type. With `is_full_deferred` the mask over everything is left to `only_last`: all its rows would
    be (S, T) in memory. Raises ValueError for padding that is not on the left of its sequence and for other masks.
    """
    batch, length = embeddings_BSD.shape[:2]
    past = 0 if past_key_values is None else past_key_values.get_seq_length()
    if segment_ids_BS is not None:
        attention_mask, position_ids = None, positions_within(segment_ids_BS)
    elif position_ids is None:
        position_ids = (torch.arange(length, device=embeddings_BSD.device) + past).unsqueeze(0)
    if isinstance(attention_mask, dict):
        return _from_ready_masks(attention_mask, length, position_ids)
    if attention_mask is not None and attention_mask.ndim != 2:
        raise ValueError(
            f"attention_mask has {attention_mask.ndim} dimensions: allowed are 2, one entry for every token so far, or "
            "a dict of ready masks by layer type"
        )
    padding = _padding(attention_mask, batch, length, past)
    if _takes_own_blocks(config, padding, past_key_values):
        blocks = _own_blocks(config, embeddings_BSD, segment_ids_BS)
        return Visibility(
            None if is_full_deferred else blocks[FULL], blocks[WINDOW], None, segment_ids_BS, position_ids
        )
    arguments: dict[str, Any] = {
        "config": config,
        "inputs_embeds": embeddings_BSD,
        "attention_mask": attention_mask if padding is not None or _is_tracing() else None,
        "past_key_values": past_key_values,
        "position_ids": position_ids if segment_ids_BS is not None else None,
    }
    window = create_sliding_window_causal_mask(**arguments) if WINDOW in config.layers else None
    full = create_causal_mask(**arguments) if FULL in config.layers and not is_full_deferred else None
    new_padding = None if padding is None else padding[:, -length:]
    return Visibility(full, window, new_padding, segment_ids_BS, position_ids)


def _takes_own_blocks(config: SambaYConfig, padding: Tensor | None, past_key_values: Cache | None) -> bool:
    """Whether this is FlexAttention over whole rows of tokens. In a graph of the whole model it stays transformers'."""
    is_plain = padding is None and past_key_values is None and not _is_tracing()
    return is_plain and config._attn_implementation == "flex_attention"


def _own_blocks(config: SambaYConfig, embeddings_BSD: Tensor, segment_ids_BS: Tensor | None) -> dict:
    """The block masks of the two kinds of layers, None for a kind that the model has not."""
    sizes = {FULL: None, WINDOW: config.sliding_window}
    length, device = embeddings_BSD.shape[1], embeddings_BSD.device
    return {
        mixer: causal_blocks(length, window, segment_ids_BS, device) if mixer in config.layers else None  # type: ignore[arg-type]
        for mixer, window in sizes.items()
    }


def only_last(
    seen: Visibility,
    keep: int,
    config: SambaYConfig,
    embeddings_BSD: Tensor,
    attention_mask: Tensor | dict[str, Tensor | None] | None,
    past_key_values: Cache | None,
) -> Visibility | None:
    """The visibility of the step's last `keep` positions, or None where the masks do not allow to take them alone."""
    if config.layers[config.num_self_decoder_layers - 1] is WINDOW:
        return None  # nothing after it, and its mask cannot be cut: a ring may hold its keys
    last = replace(seen, position_ids_BS=seen.position_ids_BS[:, -keep:])
    if FULL not in config.layers:
        return last
    if isinstance(seen.full, Tensor):
        return replace(last, full=seen.full[:, :, -keep:] if seen.full.ndim == 4 else seen.full)
    length = embeddings_BSD.shape[1]
    num_seen = num_keys = length
    if past_key_values is not None:
        num_seen = past_key_values.get_seq_length() + length
        num_keys = past_key_values.get_mask_sizes(length, config.layers.index(FULL))[0]
    if keep == 1 and seen.full is None and seen.padding_BS is None and num_keys == num_seen:
        return last  # one query that sees every key; a static cache also holds keys that are still to come
    if isinstance(attention_mask, dict) and seen.full is not None:
        return None
    has_padding = isinstance(attention_mask, Tensor) and seen.padding_BS is not None
    mask = create_causal_mask(
        config, embeddings_BSD[:, -keep:], attention_mask if has_padding else None,  # type: ignore[arg-type]
        _LastQueries(num_seen - keep, num_keys),  # type: ignore[arg-type]
        allow_is_causal_skip=False,
    )  # fmt: skip
    return replace(last, full=mask)


def _from_ready_masks(masks: dict[str, Tensor | None], length: int, position_ids: Tensor) -> Visibility:
    padding = masks.get("linear_attention")
    return Visibility(
        masks.get("full_attention"), masks.get("sliding_attention"),
        None if padding is None else padding[:, -length:], None, position_ids,
    )  # fmt: skip


def _padding(attention_mask: Tensor | None, batch: int, length: int, past: int) -> Tensor | None:
    """The 2-D mask if it hides anything, checked: a recurrent state cannot step over padding after its sequence."""
    if attention_mask is None:
        return None
    if _is_tracing():
        return attention_mask
    if attention_mask.shape[0] != batch or attention_mask.shape[1] not in (length, past + length):
        raise ValueError(
            f"attention_mask has shape {tuple(attention_mask.shape)}: allowed is ({batch}, {past + length}), one entry "
            "for every token so far"
        )
    tokens = attention_mask.bool()
    if tokens.all():
        return None
    begins = tokens[:, 1:] & ~tokens[:, :-1]
    if (begins.sum(1) + tokens[:, 0] > 1).any():
        raise ValueError("attention_mask has padding between tokens: allowed is padding on the left of a sequence")
    if past and (tokens[:, :-1] & ~tokens[:, 1:])[:, : past + length - 1].any():
        raise ValueError(
            "attention_mask has padding after tokens while a cache is continued: the states of right-padded sequences "
            "cannot be continued; allowed is padding on the left"
        )
    return attention_mask


def documents(
    position_ids: Tensor | None,
    attention_mask: Tensor | None,
    seq_idx: Tensor | None,
    cu_seq_lens: Tensor | None,
    past_key_values: Cache | None,
    shape: tuple[int, int],
    device: torch.device,
) -> Tensor | None:
    """The document number (B, S) of each token of a packed batch, or None if every row is one sequence.

    Read from whatever a padding-free collator gives: `seq_idx` (B, S), `cu_seq_lens` (borders of a batch of one row),
    or `position_ids` that start again. Where several are given, a border in any is a border.

    Raises ValueError for packing together with padding or with a cache to be continued, and for wrong shapes.
    """
    length = shape[1]
    starts = torch.zeros(shape, dtype=torch.bool, device=device)
    explicit = seq_idx is not None or cu_seq_lens is not None
    if seq_idx is not None:
        if tuple(seq_idx.shape) != shape:
            raise ValueError(f"seq_idx has shape {tuple(seq_idx.shape)}: allowed is {shape}")
        starts[:, 1:] |= (seq_idx[:, 1:] != seq_idx[:, :-1]).to(device)
    if cu_seq_lens is not None:
        starts |= _borders(cu_seq_lens, shape, device)
    masked = attention_mask is not None
    if position_ids is not None and past_key_values is None and tuple(position_ids.shape) in (shape, (1, length)):
        jumps = (position_ids[:, 1:] != position_ids[:, :-1] + 1).to(device)
        # At padding, position ids mean nothing.
        if masked and not _is_tracing() and isinstance(attention_mask, Tensor) and attention_mask.shape == shape:
            jumps = jumps & attention_mask[:, 1:].bool() & attention_mask[:, :-1].bool()
        if not (_is_tracing() and masked):
            starts[:, 1:] |= jumps
    if _is_tracing():
        packed = explicit or (position_ids is not None and past_key_values is None and not masked)
    else:
        packed = bool(starts.any())
    if not packed:
        return None
    if past_key_values is not None:
        raise ValueError("packed documents cannot be read with past_key_values: pass one sequence a row, or no cache")
    if isinstance(attention_mask, Tensor) and not _is_tracing() and not attention_mask.all():
        raise ValueError("packed documents cannot be combined with padding: pass an attention_mask of ones, or none")
    return starts.cumsum(1, dtype=torch.int32)


def _borders(cu_seq_lens: Tensor, shape: tuple[int, int], device: torch.device) -> Tensor:
    batch, length = shape
    if batch != 1:
        raise ValueError(f"cu_seq_lens describes one flattened row, but the batch has {batch}")
    if not _is_tracing() and (int(cu_seq_lens[0]) != 0 or int(cu_seq_lens[-1]) != length):
        raise ValueError(
            f"cu_seq_lens goes from {int(cu_seq_lens[0])} to {int(cu_seq_lens[-1])}: allowed is from 0 to {length}"
        )
    starts = torch.zeros(length + 1, dtype=torch.bool, device=device)
    starts[cu_seq_lens.to(device).long()] = True
    starts[0] = False
    return starts[None, :-1]


def positions_within(segment_ids_BS: Tensor) -> Tensor:
    """The position of each token in its document, from 0."""
    positions = torch.arange(segment_ids_BS.shape[1], device=segment_ids_BS.device).expand_as(segment_ids_BS)
    starts = torch.zeros_like(positions)
    starts[:, 1:] = torch.where(segment_ids_BS[:, 1:] != segment_ids_BS[:, :-1], positions[:, 1:], 0)
    return positions - starts.cummax(1).values


def _is_tracing() -> bool:
    return torch.compiler.is_compiling()
