"""One layer: norm, mixer, norm, MLP, around a float32 residual stream."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import Cache
from transformers.modeling_layers import GradientCheckpointingLayer

from sambay import kernels
from sambay.config import CROSS, MAMBA, MEMORY, SambaYConfig
from sambay.model.attention import Attention
from sambay.model.mamba import Mamba
from sambay.model.memory_unit import MemoryUnit

# Letters: B sequences, S positions, D model width, E Mamba channels, F MLP width.


class LayerNorm(nn.LayerNorm):
    """Layer norm whose input is first rounded to the weight's type, as in the released code.

    With an `update` it first adds that to the residual stream, times `scale`, and returns the new stream too.
    """

    def forward(  # type: ignore[override]
        self, input: Tensor, update: Tensor | None = None, *, scale: float = 1.0, dtype: torch.dtype | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:
        """The norm of `input` in the weight's type or `dtype`; with an update (input + scale * update, its norm)."""
        stream, normed = kernels.add_norm(
            input, update, self.weight, self.bias, eps=self.eps, is_rms=False, scale=scale, dtype=dtype
        )
        return normed if update is None else (stream, normed)


class RMSNorm(nn.RMSNorm):
    """Root-mean-square norm, otherwise as `LayerNorm`."""

    def forward(  # type: ignore[override]
        self, x: Tensor, update: Tensor | None = None, *, scale: float = 1.0, dtype: torch.dtype | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:
        stream, normed = kernels.add_norm(x, update, self.weight, eps=self.eps, is_rms=True, scale=scale, dtype=dtype)
        return normed if update is None else (stream, normed)


def make_norm(config: SambaYConfig) -> LayerNorm | RMSNorm:
    kind = {"layernorm": LayerNorm, "rmsnorm": RMSNorm}[config.norm_type]
    return kind(config.hidden_size, eps=config.layer_norm_eps)


class SwiGLU(nn.Module):
    """W_2(value * silu(gate)), with [gate; value] = W_1 hidden in one product, the released order."""

    def __init__(self, config: SambaYConfig) -> None:
        super().__init__()
        self.fc1 = nn.Linear(config.hidden_size, 2 * config.intermediate_size, bias=config.mlp_bias)
        self.fc2 = nn.Linear(config.intermediate_size, config.hidden_size, bias=config.mlp_bias)

    def forward(self, hidden_BSD: Tensor) -> Tensor:
        gate_BSF, value_BSF = self.fc1(hidden_BSD).chunk(2, dim=-1)
        return self.fc2(kernels.gate(value_BSF, gate_BSF))


class Block(GradientCheckpointingLayer):
    """One layer of any mixer. What later layers share travels through it in plain sight: memory, keys and values."""

    def __init__(self, config: SambaYConfig, layer_index: int) -> None:
        super().__init__()
        self.mixer = config.layers[layer_index]
        self.is_shared = config.kv_sharing_modes[layer_index] == "store"
        mixers = {MAMBA: Mamba, MEMORY: MemoryUnit}
        self.input_layernorm = make_norm(config)
        self.attn = mixers.get(self.mixer, Attention)(config, layer_index)
        self.post_attention_layernorm = make_norm(config)
        self.mlp = SwiGLU(config)
        self.dropout = nn.Dropout(config.resid_pdrop)
        self.residual_multiplier = config.residual_multiplier

    def forward(
        self,
        hidden_BSD: Tensor,
        memory_BSE: Tensor | None = None,
        keys: Tensor | None = None,
        values: Tensor | None = None,
        *,
        attention_mask: Tensor | None = None,
        padding_BS: Tensor | None = None,
        segment_ids_BS: Tensor | None = None,
        position_embeddings: tuple[Tensor, Tensor] | None = None,
        past_key_values: Cache | None = None,
        keep: int | None = None,
        **kwargs,
    ) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
        """Returns (hidden of the last `keep` positions or all, memory, keys, values); the last three as given unless
        this layer is the one that later layers read."""
        dtype = product_dtype(hidden_BSD)
        normed_BSD = self.input_layernorm(hidden_BSD, dtype=dtype)
        if self.mixer is MEMORY:
            mixed = self.attn(normed_BSD, memory_BSE)
        elif self.mixer is MAMBA:
            mixed, memory = self.attn(
                normed_BSD, padding_BS=padding_BS, segment_ids_BS=segment_ids_BS, past_key_values=past_key_values,
                keep=keep, return_memory=self.is_shared,
            )  # fmt: skip
            memory_BSE = memory if self.is_shared else memory_BSE
        else:
            shared = (keys, values) if self.mixer is CROSS else (None, None)
            mixed, _, own_keys, own_values = self.attn(
                normed_BSD, *shared, attention_mask=attention_mask, padding_BS=padding_BS,
                position_embeddings=position_embeddings, past_key_values=past_key_values, keep=keep, **kwargs,
            )  # fmt: skip
            if self.is_shared:
                keys, values = own_keys, own_values
        hidden_BSD = hidden_BSD if keep is None else hidden_BSD[:, -keep:]
        hidden_BSD, normed_BSD = self.post_attention_layernorm(
            hidden_BSD, self.dropout(mixed), scale=self.residual_multiplier, dtype=dtype
        )
        mixed = self.mlp(normed_BSD)
        hidden_BSD = torch.add(hidden_BSD, self.dropout(mixed), alpha=self.residual_multiplier)
        return hidden_BSD, memory_BSE, keys, values


def residual_dtype(dtype: torch.dtype) -> torch.dtype:
    """The type of the residual stream: float32, as in the released model from layer 0 on (float64 stays)."""
    return torch.promote_types(dtype, torch.float32)


def product_dtype(hidden_BSD: Tensor) -> torch.dtype | None:
    """What autocast would round the input of a product to, so that a norm can write it so; None without autocast."""
    device = hidden_BSD.device.type
    if hidden_BSD.dtype == torch.float64 or not torch.is_autocast_enabled(device):  # autocast leaves float64 alone
        return None
    return torch.get_autocast_dtype(device)
