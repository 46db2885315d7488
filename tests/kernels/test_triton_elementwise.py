"""The causal convolution's and the gate's kernels against their plain twins in float64: values and gradients."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("triton")

from sambay.kernels import reference
from sambay.kernels.convolution import causal_conv
from sambay.kernels.fused import gate

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# What rounding leaves; a gradient of the convolution is rounded twice, before and after the taps.
LIMITS = {torch.float32: 2e-6, torch.bfloat16: 1e-2, torch.float16: 1e-3}
gpu = pytest.mark.skipif(DEVICE == "cpu", reason="needs a CUDA device")


def compare(kernel, twin, leaves: dict, dtype: torch.dtype) -> None:
    """`kernel` and `twin` take the leaves by name; the twin's are the same numbers in float64."""
    results = []
    for function, kind in ((kernel, None), (twin, torch.float64)):
        own = {name: leaf.detach().to(kind or leaf.dtype).requires_grad_() for name, leaf in leaves.items()}
        output = function(**own)
        torch.manual_seed(1)
        (output * torch.randn(output.shape, dtype=torch.float64).to(output)).sum().backward()
        results.append({"output": output.detach()} | {name: leaf.grad for name, leaf in own.items()})
    for name, found in results[0].items():
        wanted = results[1][name]
        error = (found.double() - wanted).norm() / wanted.norm().clamp_min(1e-9)
        assert error <= LIMITS[dtype], f"{name}: {error:.1e}"


def compare_conv(batch, length, channels, dtype, has_tail=False, segments=None, taps=4, has_bias=True) -> None:
    leaves = {
        "both": torch.randn(batch, length, 2 * channels, device=DEVICE).to(dtype),
        "weight": torch.randn(channels, taps, device=DEVICE),
    }
    if has_bias:
        leaves["bias"] = torch.randn(channels, device=DEVICE)
    if has_tail:
        leaves["tail"] = torch.randn(batch, channels, taps - 1, device=DEVICE).to(dtype)

    def run(function):
        def call(both, weight, bias=None, tail=None):
            x = both.chunk(2, dim=-1)[0]  # a strided view, as in the layer
            return function(x, weight, bias, tail_BEK=tail, segment_ids_BS=segments)

        return call

    compare(run(causal_conv), run(reference.causal_conv), leaves, dtype)


@pytest.mark.parametrize("length", [1, 2, 5, 33])
@pytest.mark.parametrize("has_tail", [False, True])
def test_conv_lengths(length: int, has_tail: bool) -> None:
    compare_conv(2, length, 5, torch.float32, has_tail)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_conv_of_16_bit_inputs(dtype: torch.dtype) -> None:
    compare_conv(1, 9, 130, dtype, has_tail=True)


def test_conv_stays_within_documents() -> None:
    segments = torch.tensor([[0, 0, 1, 2, 2, 2, 2, 2, 3], [4, 4, 4, 4, 4, 6, 6, 7, 7]], device=DEVICE)
    compare_conv(2, 9, 5, torch.float32, has_tail=True, segments=segments)
    compare_conv(2, 9, 5, torch.float32, segments=segments, taps=3, has_bias=False)


def test_conv_names_wrong_shapes() -> None:
    x, weight = torch.zeros(1, 4, 6, device=DEVICE), torch.zeros(6, 4, device=DEVICE)
    with pytest.raises(ValueError, match=r"tail must have the shape \(1, 6, 3\), got \(1, 6, 4\)"):
        causal_conv(x, weight, tail_BEK=torch.zeros(1, 6, 4, device=DEVICE))
    with pytest.raises(ValueError, match=r"weight must have the shape \(6, 4\)"):
        causal_conv(x, torch.zeros(5, 4, device=DEVICE))


def halves(function):
    def call(both):
        first, second = both.chunk(2, dim=-1)
        return function(second, first)

    return call


@pytest.mark.parametrize("shape", [(3, 10), (2, 3, 2050), (1, 2, 3, 6)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gate_of_the_halves_of_a_projection(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    both = torch.randn(shape, device=DEVICE).to(dtype)
    compare(halves(gate), halves(reference.gate), {"both": both}, dtype)


def test_gate_far_from_zero_is_finite() -> None:
    gates = torch.tensor([-80.0, 0.0, 30.0, 80.0], device=DEVICE)
    torch.testing.assert_close(gate(torch.ones_like(gates), gates), gates.clamp_min(0.0))


def test_gate_names_wrong_shapes() -> None:
    with pytest.raises(ValueError, match="must have one shape"):
        gate(torch.zeros(2, 3, device=DEVICE), torch.zeros(2, 4, device=DEVICE))


@pytest.mark.gpu
@gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_real_sizes(dtype: torch.dtype) -> None:
    segments = torch.randint(0, 40, (3, 1_001), device=DEVICE).div(39, rounding_mode="floor").cumsum(1)
    compare_conv(3, 1_001, 5_120, dtype, has_tail=True, segments=segments)
    compare(halves(gate), halves(reference.gate), {"both": torch.randn(3, 501, 20_480, device=DEVICE).to(dtype)}, dtype)
