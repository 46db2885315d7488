"""Floating-point operations of a training token, and what part of the device's peak they use (MFU)."""

from __future__ import annotations

import torch

from sambay.config import WINDOW, SambaYConfig

# Dense bfloat16 peaks in FLOP/s, from the vendor's data sheets. The first name found in the device's name counts.
PEAK_FLOPS = {"H200": 989e12, "H100 PCIe": 756e12, "H100": 989e12, "A100": 312e12}


def flops_per_token(config: SambaYConfig, num_parameters: int, sequence_tokens: int) -> float:
    """6 N + 3 Σ_layers 4 H C min(window, S): forward and backward of one token in rows of S tokens.

    N are the parameters that multiply a token: all, with a tied embedding counted once, as head; an untied one's
    lookup is not counted. An attention layer multiplies queries with keys and weights with values, 2 H C each a key;
    with differential attention the values are twice as wide, which makes 6 H C of 4 H C. Causal attention counts as
    if it saw the whole row, as is customary (arXiv 2204.02311, appendix B; the published training code). The scan's
    and recomputed operations count nothing.
    """
    products = 6 if config.is_differential else 4
    width = config.num_attention_heads * int(config.head_dim or 0)
    window = sequence_tokens
    if isinstance(config.sliding_window, int):
        window = min(config.sliding_window, sequence_tokens)
    keys = [window if mixer is WINDOW else sequence_tokens for mixer in config.layers if mixer.is_attention]
    attention = products * width * sum(keys)
    if not config.tie_word_embeddings:
        num_parameters -= config.vocab_size * config.hidden_size
    return 6.0 * num_parameters + 3.0 * attention


def peak_flops(device: torch.device) -> float | None:
    """The device's dense bfloat16 peak in FLOP/s, or None where it is not known (a CPU's counts as unknown)."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((flops for part, flops in PEAK_FLOPS.items() if part in name), None)
