"""The operations of decoding in plain PyTorch, on pools that sequences own slots of: the oracle of the decode kernels.

Arithmetic is float32 inside (float64 for float64 inputs), whatever the inputs' type. Nothing is differentiable: the
pools are written in place.

Letters: B sequences, S new tokens of each (1 but for drafted ones), Z slots of a pool, E inner channels, N state size,
K convolution width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sambay.kernels import reference


def conv_step(
    x_BSE: Tensor,
    tails_ZEK: Tensor,
    weight_EK: Tensor,
    bias_E: Tensor | None,
    slots_B: Tensor,
    *,
    lengths_B: Tensor | None = None,
) -> Tensor:
    """`reference.causal_conv` of new tokens after the tails that the slots hold; the tails advance in place.

    `tails_ZEK` (Z, E, K-1), in x's type: the last K-1 inputs of each slot's sequence, the newest last. They advance by
    the first `lengths_B` (int64, 0 to S; None: all S) of a sequence's tokens, whereas the outputs are of all tokens:
    drafted tokens are read with a length of 0, and again, once it is known how many of them stay, with that length.

    `slots_B` (int64) must differ, but for a slot that nobody reads: which of its rows stays is open.
    """
    tails_BEK = tails_ZEK[slots_B]
    output_BSE = reference.causal_conv(x_BSE, weight_EK, bias_E, tail_BEK=tails_BEK)
    inputs_BET = torch.cat([tails_BEK, x_BSE.transpose(1, 2)], dim=2)
    if lengths_B is None:
        tails_ZEK[slots_B] = inputs_BET[:, :, x_BSE.shape[1] :]
    else:
        at_BK = lengths_B[:, None] + torch.arange(tails_ZEK.shape[2], device=x_BSE.device)
        tails_ZEK[slots_B] = inputs_BET.gather(2, at_BK[:, None].expand_as(tails_BEK))
    return output_BSE


def mamba_step(
    x_BSE: Tensor,
    delta_BSE: Tensor,
    A_EN: Tensor,
    B_BSN: Tensor,
    C_BSN: Tensor,
    D_E: Tensor,
    states_ZEN: Tensor,
    slots_B: Tensor,
    *,
    delta_bias_E: Tensor | None = None,
    gate_BSE: Tensor | None = None,
    lengths_B: Tensor | None = None,
    return_memory: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """`reference.selective_scan` of new tokens after the states that the slots hold; the states advance in place.

    A, -exp(A_log), and `states_ZEN` are float32. Slots and `lengths_B` are those of `conv_step`.

    Returns (output_BSE, memory_BSE or None) in x's type.
    """
    state_BEN = kept_BEN = states_ZEN[slots_B]
    outputs, memories = [], list[Tensor]()
    for s in range(x_BSE.shape[1]):
        output, memory, state_BEN = reference.selective_scan(
            x_BSE[:, s : s + 1], delta_BSE[:, s : s + 1], A_EN, B_BSN[:, s : s + 1], C_BSN[:, s : s + 1], D_E,
            delta_bias_E=delta_bias_E, gate_BSE=None if gate_BSE is None else gate_BSE[:, s : s + 1],
            initial_state_BEN=state_BEN, return_memory=return_memory,
        )  # fmt: skip
        kept_BEN = state_BEN if lengths_B is None else torch.where((s < lengths_B)[:, None, None], state_BEN, kept_BEN)
        outputs.append(output)
        if memory is not None:
            memories.append(memory)
    states_ZEN[slots_B] = kept_BEN
    return torch.cat(outputs, dim=1), torch.cat(memories, dim=1) if return_memory else None
