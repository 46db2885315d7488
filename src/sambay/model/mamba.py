"""The Mamba-1 layer: a convolution over four tokens and a selective scan, both of fixed state per sequence."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from transformers import Cache
from transformers import initialization as init

from sambay import kernels
from sambay.config import SambaYConfig

# Letters: B sequences, S positions, D model width, E inner channels, N state size, R rank of delta,
# K convolution width.

# Range of the step sizes at initialisation, and their floor (arXiv 2312.00752, section 3.6 and its published code).
DELTA_MIN, DELTA_MAX, DELTA_FLOOR = 1e-3, 1e-1, 1e-4


class Mamba(nn.Module):
    """Selective state-space layer (arXiv 2312.00752); the parameter names are those of the released files."""

    def __init__(self, config: SambaYConfig, layer_index: int) -> None:
        super().__init__()
        inner, self.layer_index = config.mamba_inner_size, layer_index
        self.sizes_RNN = [int(config.mamba_dt_rank), config.mamba_d_state, config.mamba_d_state]
        self.in_proj = nn.Linear(config.hidden_size, 2 * inner, bias=config.mamba_proj_bias)
        self.conv1d = nn.Conv1d(inner, inner, config.mamba_d_conv, groups=inner, bias=config.mamba_conv_bias)
        self.x_proj = nn.Linear(inner, sum(self.sizes_RNN), bias=False)
        self.dt_proj = nn.Linear(self.sizes_RNN[0], inner, bias=True)
        self.A_log = nn.Parameter(torch.empty(inner, config.mamba_d_state, dtype=torch.float32))
        self.D = nn.Parameter(torch.empty(inner))
        self.out_proj = nn.Linear(inner, config.hidden_size, bias=config.mamba_proj_bias)

    def forward(
        self,
        hidden_BSD: Tensor,
        *,
        padding_BS: Tensor | None = None,
        segment_ids_BS: Tensor | None = None,
        past_key_values: Cache | None = None,
        keep: int | None = None,
        return_memory: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Returns the last `keep` positions of the output (all if None) and, on request, the memory of all positions.

        `padding_BS` is 0 at padding, which leaves the state as it is zero: padding must come before the sequence.
        """
        x_BSE, gate_BSE = self.in_proj(hidden_BSD).chunk(2, dim=-1)
        x_BSE = _without_padding(x_BSE, padding_BS)
        tail_BEK, state_BEN = self._states(past_key_values)
        inputs_BSE = x_BSE
        x_BSE = kernels.causal_conv(
            x_BSE,
            self.conv1d.weight.squeeze(1),
            self.conv1d.bias,
            tail_BEK=tail_BEK,
            segment_ids_BS=segment_ids_BS,
        )
        x_BSE = _without_padding(x_BSE, padding_BS)
        delta_BSR, B_BSN, C_BSN = self.x_proj(x_BSE).split(self.sizes_RNN, dim=-1)
        delta_BSE, delta_bias_E = self.project_delta(delta_BSR)
        output_BSE, memory_BSE, final_BEN = kernels.selective_scan(
            x_BSE, delta_BSE, -torch.exp(self.A_log.float()), B_BSN, C_BSN, self.D,
            delta_bias_E=delta_bias_E, gate_BSE=gate_BSE, initial_state_BEN=state_BEN,
            segment_ids_BS=segment_ids_BS, return_memory=return_memory,
        )  # fmt: skip
        if past_key_values is not None:
            self._store(past_key_values, inputs_BSE, final_BEN)
        return self.out_proj(output_BSE if keep is None else output_BSE[:, -keep:]), memory_BSE

    def project_delta(self, delta_BSR: Tensor) -> tuple[Tensor, Tensor | None]:
        """The projected step sizes and the bias still to be added: in float32, unless an adapter wraps the layer."""
        if type(self.dt_proj) is nn.Linear:
            return nn.functional.linear(delta_BSR, self.dt_proj.weight), self.dt_proj.bias
        return self.dt_proj(delta_BSR), None

    def _states(self, cache: Cache | None) -> tuple[Tensor | None, Tensor | None]:
        if cache is None:
            return None, None
        return cache.get_conv_state(self.layer_index), cache.get_recurrent_state(self.layer_index)

    def _store(self, cache: Cache, inputs_BSE: Tensor, final_BEN: Tensor) -> None:
        before = self.conv1d.kernel_size[0] - 1
        cache.update_conv_state(inputs_BSE[:, -before:].transpose(1, 2), self.layer_index, conv_kernel_size=before)
        cache.update_recurrent_state(final_BEN, self.layer_index)

    def init_parameters(self) -> None:
        """S4D-real A, D = 1, and step sizes log-uniform in [DELTA_MIN, DELTA_MAX] (arXiv 2312.00752, section 3.6)."""
        states = torch.arange(1, self.A_log.shape[1] + 1, dtype=torch.float32, device=self.A_log.device)
        init.copy_(self.A_log, states.log().expand_as(self.A_log))
        init.ones_(self.D)
        bound = self.sizes_RNN[0] ** -0.5
        init.uniform_(self.dt_proj.weight, -bound, bound)
        uniform = torch.rand(self.dt_proj.bias.shape, dtype=torch.float32, device=self.dt_proj.bias.device)
        delta = torch.exp(uniform * math.log(DELTA_MAX / DELTA_MIN) + math.log(DELTA_MIN)).clamp(min=DELTA_FLOOR)
        init.copy_(self.dt_proj.bias, delta + torch.log(-torch.expm1(-delta)))  # the inverse of softplus


def _without_padding(x_BSE: Tensor, padding_BS: Tensor | None) -> Tensor:
    # Filled, not multiplied: what stands at padding may be NaN.
    return x_BSE if padding_BS is None else x_BSE.masked_fill(~padding_BS.bool()[..., None], 0)
