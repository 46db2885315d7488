"""The model on a CUDA device, with the kernels and attention backends that are chosen there."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import DynamicCache

from sambay import SambaYForCausalLM, named_config
from sambay.model import weights

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]


@pytest.fixture(autouse=True)
def exact_products() -> None:
    torch.backends.cuda.matmul.allow_tf32 = False


@pytest.mark.parametrize("backend", ["sdpa", "eager", "flex_attention"])
@pytest.mark.parametrize("case", ["golden_tiny", "golden_padded"])
def test_golden_logits(reference_dir: Path, case: str, backend: str) -> None:
    expected = {
        name: tensor.cuda() for name, tensor in load_file(reference_dir / case / "expected.safetensors").items()
    }
    model = weights.load(reference_dir / case, dtype=torch.float32, device="cuda")
    if backend == "flex_attention" and model.config.head_dim < 16:
        pytest.skip("FlexAttention's kernels need heads of 16 or more")
    model.set_attn_implementation(backend)
    tokens = expected["attention_mask"].bool()
    with torch.no_grad():
        logits = model(expected["input_ids"], attention_mask=expected["attention_mask"]).logits
    torch.testing.assert_close(logits[tokens], expected["logits"][tokens], rtol=0, atol=1e-3)  # as on the CPU


@pytest.mark.parametrize("case", ["golden_tiny", "golden_padded"])
def test_golden_continuation(reference_dir: Path, case: str) -> None:
    expected = {
        name: tensor.cuda() for name, tensor in load_file(reference_dir / case / "expected.safetensors").items()
    }
    model = weights.load(reference_dir / case, dtype=torch.float32, device="cuda")
    ids = model.generate(
        expected["input_ids"], attention_mask=expected["attention_mask"], max_new_tokens=24, do_sample=False,
        eos_token_id=None,
    )  # fmt: skip
    assert torch.equal(ids[:, -24:], expected["greedy_ids"])


def test_gradients_equal_the_cpus(tiny_model: SambaYForCausalLM) -> None:
    ids = torch.randint(3, 300, (2, 70))
    positions = torch.cat([torch.arange(30), torch.arange(40)]).expand(2, -1)
    loss = tiny_model(ids, labels=ids, position_ids=positions, use_cache=False).loss
    wanted = torch.autograd.grad(loss, list(tiny_model.parameters()))
    on_gpu = tiny_model.cuda()
    loss_there = on_gpu(ids.cuda(), labels=ids.cuda(), position_ids=positions.cuda(), use_cache=False).loss
    torch.testing.assert_close(loss_there.cpu(), loss, rtol=1e-5, atol=1e-5)
    for (name, _), ours, want in zip(
        on_gpu.named_parameters(), torch.autograd.grad(loss_there, list(on_gpu.parameters())), wanted, strict=True
    ):
        error = (ours.cpu() - want).norm() / want.norm().clamp_min(1e-6)
        assert error < 1e-3, f"{name}: {error:.1e}"  # float32 sums in another order, through eight layers


def test_the_kernels_run_inside_a_full_graph(tiny_model: SambaYForCausalLM) -> None:
    model, ids = tiny_model.cuda(), torch.randint(3, 300, (2, 70), device="cuda")
    compiled = torch.compile(model, fullgraph=True)
    with torch.no_grad():
        wanted = model(ids, use_cache=False).logits
        torch.testing.assert_close(compiled(ids, use_cache=False).logits, wanted, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("backend", ["sdpa", "flex_attention"])
def test_bfloat16_prefill_and_decode_at_released_widths(backend: str) -> None:
    """Four layers of the released widths: chunks and single tokens through the cache equal one pass within rounding."""
    config = named_config("phi-4-mini-flash")
    config = type(config)(**{**config.to_diff_dict(), "num_hidden_layers": 8, "mixers": None, "vocab_size": 1024})
    model = SambaYForCausalLM._from_config(config, dtype=torch.bfloat16).cuda().eval()
    model.set_attn_implementation(backend)
    ids = torch.randint(3, 1000, (2, 1300), device="cuda")
    with torch.no_grad():
        whole = model(ids, use_cache=False).logits.float()
        wide = copy.deepcopy(model).float()(ids, use_cache=False).logits
        cache, pieces = DynamicCache(config=config), []
        for piece in ids.split([700, 590, *[1] * 10], dim=1):
            pieces.append(model(piece, past_key_values=cache).logits.float())
    scale = wide.std()
    rounding = (whole - wide).std() / scale
    assert rounding < 0.05  # bfloat16 keeps 8 bits; eight layers of them
    assert (torch.cat(pieces, dim=1) - wide).std() / scale < 1.5 * rounding
