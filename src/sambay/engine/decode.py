"""One new token of many sequences: every layer, on the pools, with the kernels of decoding.

Everything that changes from step to step is in device tensors, so that a CUDA graph can replay a step.

Letters: B sequences, S new tokens of each (1 but for drafted ones), M pages in a row of the table, D model width,
E Mamba channels, N state size, H query heads, G key/value heads as cached, C their width.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sambay import kernels
from sambay.config import CROSS, MAMBA, MEMORY, WINDOW
from sambay.engine.cache_format import KeysValues
from sambay.engine.pools import Pools
from sambay.kernels.reference_paged import Pairing
from sambay.model.attention import Attention, rotate, rotation_of
from sambay.model.block import LayerNorm, RMSNorm
from sambay.model.mamba import Mamba
from sambay.model.sambay import SambaYForCausalLM


class Rows(NamedTuple):
    """Where the tokens of a step belong. Rows that pad the batch have slot 0 and position 0.

    slots_B, positions_B: int64. tables_BM: int32, the pages of each sequence.
    """

    slots_B: Tensor
    positions_B: Tensor
    tables_BM: Tensor


class Stream(NamedTuple):
    """What flows through the layers: the residual stream in float32, and the memory of the last Mamba layer."""

    hidden_BD: Tensor
    memory_BE: Tensor | None = None


class ScanInputs(NamedTuple):
    """What advances a Mamba layer's slot: the convolution's inputs, and those of the scan."""

    x_BSE: Tensor
    convolved_BSE: Tensor
    delta_BSE: Tensor
    delta_bias_E: Tensor | None
    B_BSN: Tensor
    C_BSN: Tensor


class Decoder:
    """The layers of a model over one token a sequence."""

    def __init__(self, model: SambaYForCausalLM, pools: Pools) -> None:
        self.model, self.pools, self.config = model.model, pools, model.config
        self.A = {index: -torch.exp(model.model.layers[index].attn.A_log.float()) for index in pools.mamba}
        self.pairings = {
            index: _pairing(block.attn) for index, block in enumerate(self.model.layers) if block.mixer.is_attention
        }

    def rows(self, slots_B: Tensor, positions_B: Tensor) -> Rows:
        """The rows of tokens at these positions of these slots' sequences, int64 both."""
        slots_B, positions_B = slots_B.contiguous(), positions_B.contiguous()  # may be columns of what was uploaded
        return Rows(slots_B, positions_B, self.pools.tables_LM[slots_B])

    def self_decoder(self, stream: Stream, rows: Rows) -> Stream:
        """The layers that every token passes."""
        return self._layers(stream, rows, range(self.config.num_self_decoder_layers))

    def cross_decoder(self, stream: Stream, rows: Rows) -> Stream:
        """The layers after them, which only a token whose successor is wanted must pass."""
        return self._layers(stream, rows, range(self.config.num_self_decoder_layers, self.config.num_hidden_layers))

    def _layers(self, stream: Stream, rows: Rows, indices: range) -> Stream:
        rotation = rotation_of(self.config, rows.positions_B[:, None])
        if rotation is not None:
            rotation = rotation[0][:, 0], rotation[1][:, 0]
        for index in indices:
            block = self.model.layers[index]
            _, normed_BD = add_norm(block.input_layernorm, stream.hidden_BD)
            mixed_BD, memory_BE = self._mix(index, normed_BD, stream.memory_BE, rows, rotation)
            stream = Stream(after_mixing(block, stream.hidden_BD, mixed_BD), memory_BE)
        return stream

    def _mix(self, index: int, normed_BD: Tensor, memory_BE: Tensor | None, rows: Rows, rotation):
        block = self.model.layers[index]
        layer = block.attn
        if block.mixer is MEMORY:
            gated_BE = kernels.decode_gate(memory_BE, layer.in_proj(normed_BD))
            return layer.out_proj(gated_BE), memory_BE
        if block.mixer is MAMBA:
            output_BE, memory = self._mamba(index, normed_BD, rows.slots_B)
            return layer.out_proj(output_BE), memory if block.is_shared else memory_BE
        mixed = self.attend(index, self._queries(index, normed_BD, rows, rotation), rows)
        return layer.out_proj(mixed), memory_BE

    def _mamba(self, index: int, normed_BD: Tensor, slots_B: Tensor) -> tuple[Tensor, Tensor | None]:
        output_BSE, memory_BSE, _ = self.recur(
            index, self.model.layers[index].attn.in_proj(normed_BD)[:, None], slots_B
        )
        return output_BSE[:, 0], None if memory_BSE is None else memory_BSE[:, 0]

    def recur(
        self, index: int, projected_BSE: Tensor, slots_B: Tensor, lengths_B: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None, ScanInputs]:
        """A Mamba layer over S tokens of each sequence; the slots advance by `lengths_B` of them, None: all.

        projected: what the layer's first projection gave, (B, S, 2E). Returns the gated output and, of the layer that
        shares it, the memory, (B, S, E) both, and what the slots need to advance by another number of the same tokens.
        """
        block = self.model.layers[index]
        layer: Mamba = block.attn
        x_BSE, gate_BSE = projected_BSE.chunk(2, dim=-1)
        convolved_BSE = self._convolve(index, x_BSE, slots_B, lengths_B)
        delta_BSR, B_BSN, C_BSN = layer.x_proj(convolved_BSE).split(layer.sizes_RNN, dim=-1)
        inputs = ScanInputs(x_BSE, convolved_BSE, *layer.project_delta(delta_BSR), B_BSN, C_BSN)
        return *self._scan(index, inputs, slots_B, lengths_B, gate_BSE, block.is_shared), inputs

    def advance(self, index: int, inputs: ScanInputs, slots_B: Tensor, lengths_B: Tensor) -> None:
        """A Mamba layer's slots move on by the first `lengths_B` (int64) of tokens that `recur` has read."""
        self._convolve(index, inputs.x_BSE, slots_B, lengths_B)
        self._scan(index, inputs, slots_B, lengths_B, None, False)

    def _convolve(self, index: int, x_BSE: Tensor, slots_B: Tensor, lengths_B: Tensor | None) -> Tensor:
        conv = self.model.layers[index].attn.conv1d
        tails = self.pools.mamba[index].tails
        return kernels.conv_step(x_BSE, tails, conv.weight.squeeze(1), conv.bias, slots_B, lengths_B=lengths_B)

    def _scan(self, index: int, inputs: ScanInputs, slots_B: Tensor, lengths_B: Tensor | None, gate_BSE: Tensor | None,
              is_shared: bool) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        layer = self.model.layers[index].attn
        return kernels.mamba_step(
            inputs.convolved_BSE, inputs.delta_BSE, self.A[index], inputs.B_BSN, inputs.C_BSN, layer.D,
            self.pools.mamba[index].states, slots_B, delta_bias_E=inputs.delta_bias_E, gate_BSE=gate_BSE,
            lengths_B=lengths_B, return_memory=is_shared,
        )  # fmt: skip

    def _queries(self, index: int, normed_BD: Tensor, rows: Rows, rotation) -> Tensor:
        """The queries (B, H, head width); keys and values of a layer that makes some are written to its cache."""
        layer = self.model.layers[index].attn
        queries_BHC, keys_BGC, values_BGC = project(layer, normed_BD, rotation)
        if keys_BGC is not None and values_BGC is not None:
            cache, cache_rows_B = self._cache(index, rows)
            kernels.write_cache(keys_BGC, values_BGC, cache.keys, cache.values, cache_rows_B, **cache.scales)
        return queries_BHC

    def attend(self, index: int, queries_BHC: Tensor, rows: Rows) -> Tensor:
        """One query a sequence to everything that its cache holds, the token's own included: (B, H * head width)."""
        layer, mixer = self.model.layers[index].attn, self.model.layers[index].mixer
        lengths_B, tables_BM = (rows.positions_B + 1).int(), rows.tables_BM
        if mixer is WINDOW:
            cache = self.pools.rings[index]
            lengths_B, tables_BM = lengths_B.clamp(max=cache.keys.shape[1]), rows.slots_B.int()[:, None]
        else:
            source = self.config.source_layer(index) if mixer is CROSS else index
            assert source is not None, "a cross layer without a full layer before it"
            cache = self.pools.pages[source]
        return kernels.paged_attention(
            queries_BHC, cache.keys, cache.values, tables_BM, lengths_B, scale=layer.scaling,
            pairing=self.pairings[index], **cache.scales,
        )  # fmt: skip

    def _cache(self, index: int, rows: Rows) -> tuple[KeysValues, Tensor]:
        """Where layer `index` keeps the keys of these tokens: its cache, and the row of each."""
        if index in self.pools.rings:
            ring = self.pools.rings[index]
            window = ring.keys.shape[1]
            return ring, rows.slots_B * window + rows.positions_B % window
        size = self.pools.page_tokens
        pages_B = rows.tables_BM.gather(1, (rows.positions_B // size)[:, None])[:, 0].long()
        return self.pools.pages[index], pages_B * size + rows.positions_B % size


def project(layer: Attention, normed_BD: Tensor, rotation) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Queries (B, H, head width), and keys and values (B, G, C) as they are cached; None where a layer has none."""
    width, num_queries = layer.head_dim, layer.num_heads * layer.head_dim
    projected = layer.Wqkv(normed_BD)
    queries_BHC = projected[:, :num_queries].unflatten(1, (-1, width))
    if rotation is not None:
        queries_BHC = rotate(queries_BHC, rotation)
    if layer.num_groups == 0:
        return queries_BHC, None, None
    keys, values = projected[:, num_queries:].unflatten(1, (2, layer.num_groups, width)).unbind(1)
    if rotation is not None:
        keys = rotate(keys, rotation)
    if layer.inner_cross_attn is not None:
        keys, values = keys.reshape(len(keys), -1, 2 * width), values.reshape(len(values), -1, 2 * width)
    return queries_BHC, keys, values


def after_mixing(block, hidden: Tensor, mixed: Tensor) -> Tensor:
    """The residual stream after the mixer's output, the second norm and the MLP."""
    hidden, normed = add_norm(block.post_attention_layernorm, hidden, mixed, block.residual_multiplier)
    gate, value = block.mlp.fc1(normed).chunk(2, dim=-1)
    update = block.mlp.fc2(kernels.decode_gate(value, gate))
    return torch.add(hidden, update, alpha=block.residual_multiplier)


def add_norm(
    norm: LayerNorm | RMSNorm, hidden: Tensor, update: Tensor | None = None, scale: float = 1.0
) -> tuple[Tensor, Tensor]:
    """The residual stream plus scale * update, and its norm: the model's modules keep one token from the kernel."""
    assert norm.eps is not None
    is_rms = isinstance(norm, RMSNorm)
    bias = None if is_rms else norm.bias
    return kernels.decode_add_norm(hidden, update, norm.weight, bias, eps=norm.eps, is_rms=is_rms, scale=scale)


def _pairing(layer: Attention) -> Pairing | None:
    maps = layer.inner_cross_attn
    if maps is None:
        return None
    # lambda is rounded as the model rounds it
    lambda_ = maps.lambda_full().detach().to(maps.subln.weight.dtype).reshape(1)
    return Pairing(lambda_, maps.subln.weight.detach(), maps.lambda_init, maps.eps)
