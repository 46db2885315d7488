"""A step of the model on the pools: chunks of prompts one after the other, one token of many sequences together.

Letters: S new tokens of a prompt, B sequences, M pages in a row of the table, D model width, E Mamba channels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sambay.config import FULL, MAMBA
from sambay.engine import prefill
from sambay.engine.decode import Decoder, Rows, Stream, add_norm, after_mixing
from sambay.engine.pools import Pools
from sambay.engine.verify import Places, Verification
from sambay.model.attention import rotation_of
from sambay.model.sambay import SambaYForCausalLM


class Forward:
    """The model and the pools that its layers read and write."""

    def __init__(self, model: SambaYForCausalLM, pools: Pools) -> None:
        self.model, self.pools = model, pools
        self.decoder = Decoder(model, pools)
        self.device = model.model.embed_tokens.weight.device

    def decode(self, ids_B: Tensor, rows: Rows) -> Tensor:
        """Logits (B, V) after one more token of each sequence."""
        stream = self.decoder.self_decoder(Stream(self._embed(ids_B)), rows)
        return self.logits(self.decoder.cross_decoder(stream, rows))

    def verify(self, ids_BS: Tensor, places: Places) -> tuple[Tensor, Verification]:
        """Logits (R, V) after each token that is there, and what is to be told how many of them stay."""
        verification = Verification(self.decoder, places)
        stream = verification.read(self._embed(ids_BS.flatten()[places.real_R]))
        return self.logits(stream), verification

    def read(self, token_ids: Sequence[int], slot: int, start: int, is_sampled: bool) -> Stream | None:
        """Tokens [start, start + S) of a sequence, into its slot and pages.

        Returns the last token's stream behind the self-decoder, (1, D), for `after_reading`; None unless `is_sampled`.
        """
        length, split = start + len(token_ids), self.model.config.num_self_decoder_layers
        ids_S = torch.tensor(token_ids, device=self.device)
        page_ids_M = self.pools.tables_LM[slot, : -(-length // self.pools.page_tokens)].long()
        positions_S = torch.arange(start, length, device=self.device)
        rotation = rotation_of(self.model.config, positions_S[None])
        hidden_BSD, memory_BSE = self._embed(ids_S)[None], None
        for index in range(split):
            is_last = index == split - 1
            block = self.model.model.layers[index]
            layer, normed_BSD = block.attn, add_norm(block.input_layernorm, hidden_BSD)[1]
            if block.mixer is MAMBA:
                mixed, memory = prefill.mamba_chunk(layer, normed_BSD, self.pools.mamba[index], slot, block.is_shared)
                memory_BSE = memory if block.is_shared else memory_BSE
            elif block.mixer is FULL:
                mixed = self._full(index, normed_BSD, positions_S, page_ids_M, is_last, is_sampled, rotation)
            else:
                mixed = prefill.window_chunk(layer, normed_BSD, self.pools.rings[index], slot, start, rotation)
            if is_last:
                if not is_sampled:
                    return None
                mixed, hidden_BSD = mixed[:, -1:], hidden_BSD[:, -1:]
            hidden_BSD = after_mixing(block, hidden_BSD, layer.out_proj(mixed))
        return Stream(hidden_BSD[:, -1], None if memory_BSE is None else memory_BSE[:, -1])

    def after_reading(self, streams: Sequence[Stream], rows: Rows) -> Tensor:
        """Logits (B, V) after prompts whose last tokens' streams `read` gave."""
        memories = [stream.memory_BE for stream in streams if stream.memory_BE is not None]
        stream = Stream(torch.cat([stream.hidden_BD for stream in streams]), torch.cat(memories) if memories else None)
        return self.logits(self.decoder.cross_decoder(stream, rows))

    def logits(self, stream: Stream) -> Tensor:
        """Logits (B, V) in the model's type."""
        _, hidden_BD = add_norm(self.model.model.final_layernorm, stream.hidden_BD)
        if self.model.config.logits_multiplier != 1:
            hidden_BD = hidden_BD * self.model.config.logits_multiplier
        return self.model.lm_head(hidden_BD)

    def _full(self, index: int, normed_BSD: Tensor, positions_S: Tensor, page_ids_M: Tensor, is_last: bool,
              is_sampled: bool, rotation) -> Tensor:  # fmt: skip
        """A full layer over a chunk. As the last layer of the self-decoder it has keys and values of every token, and
        a query of the last one alone."""
        layer, pages, size = self.model.model.layers[index].attn, self.pools.pages[index], self.pools.page_tokens
        queries_BHSC, keys, values = layer.project(normed_BSD, 1 if is_last else None, rotation)
        prefill.write_pages(pages, keys, values, page_ids_M[positions_S // size] * size + positions_S % size)
        if not is_last:
            return prefill.full_chunk(layer, queries_BHSC, pages, page_ids_M, int(positions_S[-1]) + 1)
        if not is_sampled:
            return normed_BSD
        rows = Rows(page_ids_M[:1], positions_S[-1:], page_ids_M.int()[None])  # this layer reads no slot
        return self.decoder.attend(index, queries_BHSC[:, :, 0], rows)[:, None]

    def _embed(self, ids: Tensor) -> Tensor:
        embedded = self.model.model.embed_tokens(ids)
        return embedded.to(torch.promote_types(embedded.dtype, torch.float32))
