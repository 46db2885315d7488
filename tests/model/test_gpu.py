"""The model on a CUDA device, with the kernels and attention backends that are chosen there."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import DynamicCache

from sambay import SambaYForCausalLM, kernels, named_config
from sambay.kernels import reference
from sambay.model import weights

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
    # torch 2.11's own compiler warns while it makes a mask or a graph of float32, and as errors these stop it
    pytest.mark.filterwarnings("ignore:_compile flag on create_block_mask:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:TensorFloat32 tensor cores:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def exact_products() -> None:
    torch.backends.cuda.matmul.allow_tf32 = False


def check_logits(found: Tensor, wanted: Tensor, tokens_BS: Tensor, atol: float) -> None:
    """At tokens, within `atol`; says where it is not, and whether NaN is in it."""
    if torch.allclose(found[tokens_BS], wanted[tokens_BS], rtol=0, atol=atol):
        return
    error_BS = (found.float() - wanted.float()).abs().amax(-1)
    bad_BS = ~(error_BS <= atol) & tokens_BS
    rows = [f"row {row}: {int(bad_BS[row].sum())} of {int(tokens_BS[row].sum())} positions, the first at "
            f"{int(bad_BS[row].int().argmax())}" for row in range(len(bad_BS)) if bad_BS[row].any()]  # fmt: skip
    finite_BS = error_BS[tokens_BS & error_BS.isfinite()]
    pytest.fail(
        f"largest finite error {finite_BS.max().item() if len(finite_BS) else float('nan'):.2e}, allowed {atol:.0e}; "
        f"NaN in {int(found[tokens_BS].isnan().sum())} logits at tokens and {int(found[~tokens_BS].isnan().sum())} at "
        f"padding; products of float32: {torch.backends.cuda.matmul.fp32_precision}; wrong in " + "; ".join(rows)
    )


@pytest.mark.parametrize("backend", ["sdpa", "eager", "flex_attention"])
@pytest.mark.parametrize("case", ["golden_tiny", "golden_padded"])
def test_golden_logits(reference_dir: Path, case: str, backend: str) -> None:
    expected = {
        name: tensor.cuda() for name, tensor in load_file(reference_dir / case / "expected.safetensors").items()
    }
    model = weights.load(reference_dir / case, dtype=torch.float32, device="cuda")
    if backend == "flex_attention" and not model.config.is_differential and model.config.head_dim < 16:
        pytest.skip("FlexAttention's kernels need heads of 16 or more")
    model.set_attn_implementation(backend)
    tokens = expected["attention_mask"].bool()
    with torch.no_grad():
        logits = model(expected["input_ids"], attention_mask=expected["attention_mask"]).logits
    check_logits(logits, expected["logits"], tokens, atol=1e-3)  # as on the CPU


@pytest.mark.parametrize("padding", [0, 9, 140])
@pytest.mark.parametrize("length", [33, 128, 300])  # 33 queries of 4 heads a key are more than torch's decoding kernel
def test_flex_attention_equals_sdpa_in_float32(reference_dir: Path, length: int, padding: int) -> None:
    model = weights.load(reference_dir / "golden_padded", dtype=torch.float32, device="cuda")
    ids, mask = torch.randint(3, 150, (2, length), device="cuda"), torch.ones(2, length, dtype=torch.long)
    mask[1, : min(padding, length - 5)] = 0
    mask = mask.cuda()
    with torch.no_grad():
        wanted = model(ids, attention_mask=mask).logits
        model.set_attn_implementation("flex_attention")
        found = model(ids, attention_mask=mask).logits
    check_logits(found, wanted, mask.bool(), atol=1e-3)


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # torch's compiler looks at it, and hides its own warning
def test_flex_attention_trains_like_sdpa_in_float32(reference_dir: Path) -> None:
    """Loss and gradients of packed documents, with block masks made from their borders."""
    model = weights.load(reference_dir / "golden_padded", dtype=torch.float32, device="cuda")
    ids = torch.randint(3, 150, (2, 300), device="cuda")
    documents = (torch.arange(300) >= torch.tensor([[40], [260]])).long().cuda()
    results = []
    for backend in ("sdpa", "flex_attention"):
        model.set_attn_implementation(backend)
        loss = model(ids, labels=ids, seq_idx=documents, use_cache=False).loss
        results.append((loss.detach(), torch.autograd.grad(loss, list(model.parameters()))))
    (loss, wanted), (found_loss, found) = results
    torch.testing.assert_close(found_loss, loss, rtol=1e-5, atol=1e-5)
    for (name, _), ours, want in zip(model.named_parameters(), found, wanted, strict=True):
        error = (ours - want).norm() / want.norm().clamp_min(1e-6)
        assert error < 1e-3, f"{name}: {error:.1e}, {int(ours.isnan().sum())} NaN"


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


@pytest.mark.parametrize("norm_type", ["layernorm", "rmsnorm"])
def test_the_fused_norm_trains_like_its_twin(norm_type: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under autocast: the two round in the same places, and a norm's last digit decides one rounding in thousands."""
    config = named_config("tiny")
    config = type(config)(**{**config.to_diff_dict(), "norm_type": norm_type, "residual_multiplier": 0.5})
    model, ids = SambaYForCausalLM(config).cuda().train(), torch.randint(3, 300, (2, 300), device="cuda")
    results = []
    for function in (reference.add_norm, kernels.add_norm):
        monkeypatch.setattr(kernels, "add_norm", function)
        with torch.autocast("cuda", torch.bfloat16):
            loss = model(ids, labels=ids, use_cache=False).loss
        results.append((loss.detach(), torch.autograd.grad(loss, list(model.parameters()))))
    assert kernels._loaded["add_norm"].__module__ == "sambay.kernels.norm"  # it was the kernel that ran
    (loss, wanted), (found_loss, found) = results
    torch.testing.assert_close(found_loss, loss, rtol=1e-3, atol=1e-3)
    pairs = {name: pair for (name, _), *pair in zip(model.named_parameters(), found, wanted, strict=True)}
    lambdas = [pairs.pop(name) for name in list(pairs) if "lambda_" in name]  # as one vector: docs/numerics.md
    pairs["lambdas"] = [torch.cat(parts) for parts in zip(*lambdas, strict=True)]
    for name, (ours, want) in pairs.items():
        assert (ours - want).norm() < 0.05 * want.norm() + 1e-6, name


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
