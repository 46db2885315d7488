"""The scales of a cache of 8 bits, from one made-up prompt that is always the same.

e4m3 is a floating point type: from 2^-6 to 448 it keeps each number to 2^-4 of itself, wherever in there a scale puts
it. A scale only has to keep the largest numbers below 448 and most others above 2^-6, so it needs no care, but must not
depend on who comes first: replies would then depend on the order of requests. The prompt's largest number of a head,
eight times over, is put at 448: numbers eight times larger than any seen are kept, and those 3,500 times smaller than
the largest one keep their precision. Scales are powers of two, so multiplying by them rounds nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sambay.engine.forward import Forward
from sambay.engine.limits import Limits
from sambay.engine.pools import Pools
from sambay.model.sambay import SambaYForCausalLM

_NUM_TOKENS = 256
_MARGIN = 8.0
_LARGEST = 448.0  # of float8_e4m3fn


@torch.inference_mode()
def calibrate(model: SambaYForCausalLM, pools: Pools) -> None:
    """Fills the scales of all pages of `pools`, which are of 8 bits."""
    weight = model.model.embed_tokens.weight
    length = min(_NUM_TOKENS, model.config.max_position_embeddings)
    limits = Limits(
        page_size=length, num_slots=2, num_pages=2, max_model_len=length, max_sequences=1, max_batch_tokens=length
    )
    plain = Pools(model.config, limits, weight.dtype, weight.device)
    plain.place_pages([(1, 0, 1)])
    generator = torch.Generator().manual_seed(0)
    token_ids = torch.randint(model.config.vocab_size, (length,), generator=generator).tolist()
    Forward(model, plain).read(token_ids, 1, 0, is_sampled=False)
    for index, kept in pools.pages.items():
        seen = plain.pages[index]
        for scales, numbers in ((kept.key_scales, seen.keys), (kept.value_scales, seen.values)):
            assert scales is not None
            scales.copy_(_scales(numbers[1]))


def _scales(numbers_SGC: Tensor) -> Tensor:
    """One for each head: the power of two that puts `_MARGIN` times its largest number at 448 or just below."""
    largest_G = numbers_SGC.float().abs().amax((0, 2)).clamp(min=2.0**-40)
    return (largest_G * (_MARGIN / _LARGEST)).log2().ceil().exp2()
