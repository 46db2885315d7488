"""`logits_to_keep` with every architecture of the family and every cache: the last logits equal a full pass's."""

from __future__ import annotations

import pytest
import torch
from transformers import DynamicCache, StaticCache

from sambay import SambaYConfig, SambaYForCausalLM
from sambay.sizes import (
    samba_mixers,
    samba_yoco_mixers,
    sambay_mixers,
    swa_yoco_mixers,
    transformer_ls_mixers,
    transformer_mixers,
)

PATTERNS = {
    "transformer": transformer_mixers,
    "transformerls": transformer_ls_mixers,
    "samba": samba_mixers,
    "swayoco": swa_yoco_mixers,
    "sambayoco": samba_yoco_mixers,
    "sambay": sambay_mixers,
}
# float32 sums in another order, on logits of a few units.
ROUNDING = {"atol": 1e-4, "rtol": 0}


@pytest.fixture(params=PATTERNS)
def family_model(request, make_model) -> SambaYForCausalLM:
    """Eight layers of the pattern in the peers' own style: softmax attention, RMSNorm and, except for SambaY, RoPE."""
    mixers = [mixer.value for mixer in PATTERNS[request.param](8)]
    return make_model(
        mixers=mixers, layer_types=None, kv_sharing_modes=None, attention_type="softmax", attention_bias=False,
        norm_type="rmsnorm", rope_theta=None if "sambay" in request.param else 10000.0,
    )  # fmt: skip


def caches(config: SambaYConfig, length: int) -> dict:
    return {
        "none": None,
        "dynamic": DynamicCache(config=config),
        "static, full": StaticCache(config=config, max_cache_len=length),
        "static, with room": StaticCache(config=config, max_cache_len=length + 37),
    }


@pytest.mark.parametrize("keep", [1, 3])
@pytest.mark.parametrize("is_padded", [False, True])
def test_last_logits_equal_those_of_a_full_pass(family_model, prompts, padded, is_padded, keep):
    ids, mask = padded if is_padded else (prompts[0][None], None)
    length, first_chunk = ids.shape[1], 20  # past the window of 16; rows 2 and 3 are still padding at its end
    with torch.no_grad():
        expected = family_model(ids, attention_mask=mask, use_cache=False).logits[:, -keep:]
        for name, cache in caches(family_model.config, length).items():
            logits = family_model(ids, attention_mask=mask, past_key_values=cache, logits_to_keep=keep).logits
            torch.testing.assert_close(logits, expected, **ROUNDING, msg=lambda m, n=name: f"cache: {n}\n{m}")
        for name, cache in caches(family_model.config, length).items():
            if cache is None:
                continue
            first = None if mask is None else mask[:, :first_chunk]
            family_model(ids[:, :first_chunk], attention_mask=first, past_key_values=cache, logits_to_keep=1)
            logits = family_model(
                ids[:, first_chunk:], attention_mask=mask, past_key_values=cache, logits_to_keep=keep
            ).logits
            torch.testing.assert_close(
                logits, expected, **ROUNDING, msg=lambda m, n=name: f"cache, in two chunks: {n}\n{m}"
            )
