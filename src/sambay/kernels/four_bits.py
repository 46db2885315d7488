"""Four bits a number, with a scale and a zero for each half of a cached head of each token, in plain PyTorch.

Byte c of a head holds channel c in its low and channel C/2 + c in its high four bits. The halves have scales of their
own: with differential attention they are the two heads of a pair. A number is n * scale + zero, n from 0 to 15.
"""

from __future__ import annotations

import torch
from torch import Tensor

LEVELS = 15.0


def pack(numbers: Tensor) -> tuple[Tensor, Tensor]:
    """(..., C) as bytes (..., C/2) uint8 and scales (..., 2, 2) float16: of the low and the high half, scale and zero.

    The zero is the half's least number, the scale a 15th of its range; n is nearest to what these become in float16.
    """
    halves = numbers.float().unflatten(-1, (2, -1))
    least = halves.amin(-1, keepdim=True)
    scales = torch.cat([(halves.amax(-1, keepdim=True) - least) / LEVELS, least], dim=-1).half()
    scale, zero = scales.float().unsqueeze(-2).unbind(-1)
    levels = (halves - zero) / torch.where(scale > 0, scale, 1.0)
    low, high = (levels + 0.5).floor().clamp(0, LEVELS).to(torch.uint8).unbind(-2)
    return low | high << 4, scales


def unpack(packed: Tensor, scales: Tensor) -> Tensor:
    """What `pack` kept, (..., C) in float32."""
    halves = torch.stack([packed & 15, packed >> 4], dim=-2).float()
    scale, zero = scales.float().unsqueeze(-2).unbind(-1)
    return (halves * scale + zero).flatten(-2)
