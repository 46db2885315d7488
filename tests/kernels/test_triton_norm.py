"""The fused add and norm against its plain twin: values, gradients, and the model that uses it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

pytest.importorskip("triton")

from sambay import SambaYForCausalLM, kernels
from sambay.kernels import norm, reference
from sambay.model import block

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
LIMITS = {torch.float32: 2e-6, torch.bfloat16: 1e-2, torch.float16: 1e-3}  # what rounding leaves, of norms
gpu = pytest.mark.skipif(DEVICE == "cpu", reason="needs a CUDA device")


def make_leaves(shape, is_rms: bool, has_update: bool, update_dtype=torch.float32, weight_dtype=torch.float32) -> dict:
    width = shape[-1]
    leaves = {"hidden": 1 + 3 * torch.randn(shape), "weight_D": (1 + 0.2 * torch.randn(width)).to(weight_dtype)}
    if has_update:
        leaves["update"] = torch.randn(shape).to(update_dtype)
    if not is_rms:
        leaves["bias_D"] = torch.randn(width).to(weight_dtype)
    return {name: leaf.to(DEVICE) for name, leaf in leaves.items()}


def run(function, leaves: dict, uses: tuple[str, ...] = ("stream", "normed"), **options) -> dict[str, Tensor]:
    """The outputs and the gradients of one sum of those that are in `uses`, by name."""
    leaves = {name: leaf.detach().requires_grad_() for name, leaf in leaves.items()}
    outputs = dict(zip(("stream", "normed"), function(**({"update": None} | leaves), eps=1e-5, **options), strict=True))
    torch.manual_seed(1)
    grads = {name: torch.randn(output.shape).to(output) for name, output in outputs.items()}
    torch.autograd.backward([outputs[name] for name in uses], [grads[name] for name in uses])
    return {name: output.detach() for name, output in outputs.items()} | {
        f"gradient of {name}": leaf.grad for name, leaf in leaves.items() if leaf.grad is not None
    }


def is_close(found: Tensor, wanted: Tensor, limit: float) -> bool:
    """Relative error of norms; False where `found` has NaN."""
    return bool((found.double() - wanted.double()).norm() <= limit * wanted.double().norm().clamp_min(1e-9))


def compare(found: dict[str, Tensor], wanted: dict[str, Tensor], limit: float) -> None:
    assert found.keys() == wanted.keys()
    for name, tensor in found.items():
        assert tensor.shape == wanted[name].shape
        assert is_close(tensor, wanted[name], limit), f"{name}: {(tensor.double() - wanted[name].double()).norm():.1e}"


def compare_with_float64(leaves: dict, limit: float, **options) -> None:
    wide = {name: leaf.double() for name, leaf in leaves.items()}
    twin_options = options | ({"dtype": torch.float64} if "dtype" in options else {})
    compare(run(norm.add_norm, leaves, **options), run(reference.add_norm, wide, **twin_options), limit)


@pytest.mark.parametrize("is_rms", [False, True])
@pytest.mark.parametrize("has_update", [False, True])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 37, 5), (37, 64), (2, 3, 130), (1, 2, 5, 1025), (1, 7, 2560)])
def test_values_and_gradients(shape: tuple[int, ...], has_update: bool, is_rms: bool) -> None:
    """Tiles of many rows and of one; more tiles than programs, and fewer; rows that do not fill a tile."""
    scale = {"scale": 0.7} if has_update else {}
    compare_with_float64(make_leaves(shape, is_rms, has_update), LIMITS[torch.float32], is_rms=is_rms, **scale)


@pytest.mark.parametrize("is_rms", [False, True])
def test_as_under_autocast(is_rms: bool) -> None:
    """Stream and weight float32, the update and the result bfloat16."""
    leaves = make_leaves((2, 9, 96), is_rms, True, update_dtype=torch.bfloat16)
    compare_with_float64(leaves, LIMITS[torch.bfloat16], is_rms=is_rms, dtype=torch.bfloat16)
    found = run(norm.add_norm, leaves, is_rms=is_rms, dtype=torch.bfloat16)
    types = {name: tensor.dtype for name, tensor in found.items()}
    assert types == {
        name: t.dtype for name, t in run(reference.add_norm, leaves, is_rms=is_rms, dtype=torch.bfloat16).items()
    }
    assert types["stream"] == types["gradient of hidden"] == torch.float32  # unrounded
    compare({"stream": found["stream"]}, {"stream": leaves["hidden"] + leaves["update"].float()}, LIMITS[torch.float32])


@pytest.mark.parametrize("is_rms", [False, True])
@pytest.mark.parametrize("has_update", [False, True])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_in_a_16_bit_model(dtype: torch.dtype, has_update: bool, is_rms: bool) -> None:
    leaves = make_leaves((2, 9, 96), is_rms, has_update, dtype, dtype)
    found, wanted = (run(function, leaves, is_rms=is_rms) for function in (norm.add_norm, reference.add_norm))
    assert {name: tensor.dtype for name, tensor in found.items()} == {name: t.dtype for name, t in wanted.items()}
    compare(found, wanted, LIMITS[dtype])


# Triton's interpreter cuts to bfloat16 where a GPU rounds.
@pytest.mark.parametrize("dtype", [torch.float16, pytest.param(torch.bfloat16, marks=[pytest.mark.gpu, gpu])])
def test_the_norm_sees_the_stream_in_the_weights_type(dtype: torch.dtype) -> None:
    leaves = make_leaves((2, 9, 96), False, True, dtype, dtype)
    leaves["hidden"] += 300  # so far from zero that rounding is not small beside the deviation
    found = run(norm.add_norm, leaves, is_rms=False)
    stream = found.pop("stream")
    del found["gradient of update"]
    for rounded, is_equal in ((stream.to(dtype), True), (stream, False)):
        wide = {"hidden": rounded.double()} | {name: leaves[name].double() for name in ("weight_D", "bias_D")}
        wanted = run(reference.add_norm, wide, is_rms=False)
        assert is_close(found["normed"], wanted["normed"], LIMITS[dtype]) is is_equal
        if is_equal:
            compare(found, {name: wanted[name] for name in found}, LIMITS[dtype])


@pytest.mark.parametrize("used", ["stream", "normed"])
def test_an_output_that_nobody_uses(used: str) -> None:
    leaves = make_leaves((2, 5, 12), False, True)
    found, wanted = (run(f, leaves, (used,), is_rms=False) for f in (norm.add_norm, reference.add_norm))
    for name in wanted.keys() & {"gradient of weight_D", "gradient of bias_D"}:
        torch.testing.assert_close(found.pop(name), wanted.pop(name), rtol=1e-5, atol=1e-5)
    found = {name: found[name] for name in wanted}  # a weight without use: zero here, absent there
    compare(found, wanted, LIMITS[torch.float32])


def test_rows_that_are_views() -> None:
    """The last positions, halves of a projection, and gradients of one number for all."""
    whole, both = torch.randn(2, 9, 70, device=DEVICE), torch.randn(2, 5, 140, device=DEVICE)
    weight = torch.rand(70, device=DEVICE)

    def sums(function) -> list[Tensor]:
        leaves = [leaf.detach().requires_grad_() for leaf in (whole, both, weight)]
        stream, normed = function(
            leaves[0][:, -5:], leaves[1].chunk(2, dim=-1)[1], leaves[2], is_rms=True, eps=1e-5, scale=2.0
        )
        (stream.sum() + normed.square().sum() / 2 + normed.sum()).backward()
        return [stream.detach(), normed.detach(), *(leaf.grad for leaf in leaves)]

    for found, wanted in zip(sums(norm.add_norm), sums(reference.add_norm), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_a_stream_far_from_zero() -> None:
    """The variance is that of the centred row: squares of 1e4 would leave three digits of it."""
    leaves = make_leaves((1, 3, 200), False, False)
    leaves["hidden"] += 1e4
    found, wanted = (run(f, leaves, is_rms=False)["normed"] for f in (norm.add_norm, reference.add_norm))
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=2e-3)


def test_nothing_to_norm() -> None:
    stream, normed = norm.add_norm(torch.zeros(0, 3, 4), torch.zeros(0, 3, 4), torch.ones(4), is_rms=True, eps=1e-5)
    assert stream.shape == normed.shape == (0, 3, 4)


def test_wrong_inputs_are_named() -> None:
    def call(hidden=(2, 3, 4), update=(2, 3, 4), weight=(4,), bias=(4,), is_rms=False):
        norm.add_norm(*(torch.zeros(s, device=DEVICE) for s in (hidden, update, weight, bias)), is_rms=is_rms, eps=1e-5)

    with pytest.raises(ValueError, match=r"update must have the shape \(2, 3, 4\), got \(2, 1, 4\)"):
        call(update=(2, 1, 4))
    with pytest.raises(ValueError, match=r"weight must have the shape \(4,\), got \(5,\)"):
        call(weight=(5,))
    with pytest.raises(ValueError, match=r"bias must have the shape \(4,\), got \(1,\)"):
        call(bias=(1,))
    with pytest.raises(ValueError, match="at most 6144, got 6145"):
        call((1, 1, 6145), (1, 1, 6145), (6145,), (6145,))
    x = torch.zeros(2, 4, device=DEVICE)
    for function in (norm.add_norm, reference.add_norm):
        with pytest.raises(ValueError, match="bias must be None with is_rms"):
            function(x, None, x[0], x[0], is_rms=True, eps=1e-5)


@pytest.mark.parametrize("has_update", [False, True])
def test_as_torch_wants_operators(has_update: bool, no_poison) -> None:
    """Schema, fake tensors, autograd and a compiled graph of changing shapes."""
    leaves = {name: leaf.requires_grad_() for name, leaf in make_leaves((4, 24), False, has_update).items()}
    arguments = (leaves["hidden"], leaves.get("update"), leaves["weight_D"], leaves["bias_D"])
    torch.library.opcheck(torch.ops.sambay.triton_add_norm, (*arguments, 0.5, 1e-5, False, torch.float32))


# torch 2.11's own compiler warns on a GPU
@pytest.mark.filterwarnings("ignore:TensorFloat32 tensor cores:UserWarning")
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.parametrize("is_rms", [False, True])
def test_inside_a_compiled_graph(is_rms: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As chosen by device, under autocast: one graph, values and gradients of the uncompiled kernel."""
    monkeypatch.setattr(kernels, "_is_on_gpu", lambda _x: True)
    monkeypatch.setattr(kernels, "_has_kernel", lambda *_: True)
    monkeypatch.setitem(kernels._loaded, "add_norm", norm.add_norm)

    def layer(hidden, update, weight_D, bias_D=None, **options):
        dtype = block.product_dtype(hidden)
        return kernels.add_norm(hidden, update, weight_D, bias_D, is_rms=is_rms, dtype=dtype, scale=0.5, **options)

    leaves = make_leaves((2, 7, 40), is_rms, True, update_dtype=torch.bfloat16)
    with torch.autocast(DEVICE, torch.bfloat16):
        wanted = run(layer, leaves)
        compiled = torch.compile(layer, fullgraph=True, backend="inductor" if DEVICE == "cuda" else "aot_eager")
        found = run(compiled, leaves)
    assert found["normed"].dtype == torch.bfloat16
    compare(found, wanted, LIMITS[torch.float32])


@pytest.mark.parametrize("norm_type", ["layernorm", "rmsnorm"])
def test_a_model_trains_as_with_the_twin(norm_type: str, tiny_config, monkeypatch: pytest.MonkeyPatch) -> None:
    """With activation checkpointing and a multiplier of the residual; on a GPU too, the twin against the kernel."""
    config = type(tiny_config)(
        **{**tiny_config.to_diff_dict(), "norm_type": norm_type, "residual_multiplier": 0.6, "use_cache": False}
    )
    torch.manual_seed(0)
    model, ids = SambaYForCausalLM(config).to(DEVICE).train(), torch.randint(3, 300, (2, 20), device=DEVICE)
    model.activation_checkpointing_enable({"use_reentrant": False})
    results, calls = [], []

    def counted(hidden, update, *arguments, **options):
        calls.append(update is not None)
        return norm.add_norm(hidden, update, *arguments, **options)

    for function in (reference.add_norm, counted):
        monkeypatch.setattr(block.kernels, "add_norm", function)
        loss = model(ids, labels=ids).loss
        results.append([loss.detach(), *torch.autograd.grad(loss, list(model.parameters()))])
    layers = config.num_hidden_layers
    assert sum(calls) == 2 * layers  # each layer's second norm adds; it runs again in the backward pass
    assert len(calls) == 4 * layers + 1
    for wanted, found in zip(*results, strict=True):
        assert (found - wanted).norm() <= 1e-4 * wanted.norm() + 1e-7


@pytest.mark.gpu
@gpu
@pytest.mark.parametrize("is_rms", [False, True])
@pytest.mark.parametrize("width", [1984, 2560, 5120, 6144])
def test_real_sizes(width: int, is_rms: bool) -> None:
    for has_update in (False, True):
        leaves = make_leaves((3, 1_001, width), is_rms, has_update)
        compare_with_float64(leaves, LIMITS[torch.float32], is_rms=is_rms)
    leaves = make_leaves((3, 1_001, width), is_rms, True, update_dtype=torch.bfloat16)
    compare_with_float64(leaves, LIMITS[torch.bfloat16], is_rms=is_rms, dtype=torch.bfloat16)
