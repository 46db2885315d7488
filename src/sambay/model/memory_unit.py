"""The gated memory unit: a layer that keeps nothing and gates what the last Mamba layer made of the same token."""

from __future__ import annotations

from torch import Tensor, nn

from sambay import kernels
from sambay.config import SambaYConfig


class MemoryUnit(nn.Module):
    """W_out(memory * silu(W_in hidden)), without biases (arXiv 2507.06607, equation 1)."""

    def __init__(self, config: SambaYConfig, layer_index: int) -> None:
        super().__init__()
        self.layer_index = layer_index
        self.in_proj = nn.Linear(config.hidden_size, config.mamba_inner_size, bias=False)
        self.out_proj = nn.Linear(config.mamba_inner_size, config.hidden_size, bias=False)

    def forward(self, hidden_BSD: Tensor, memory_BSE: Tensor) -> Tensor:
        """`memory_BSE`: the scan's output of the same tokens, with the D·x skip, before the gate. Returns (B, S, D)."""
        return self.out_proj(kernels.gate(memory_BSE, self.in_proj(hidden_BSD)))
