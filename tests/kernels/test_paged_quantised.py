"""Caches of 8 and of 4 bits a number: attention over them and their writing, kernels against the twin."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("triton")

from kernels.paged_cases import DEVICE, LIMITS, exactly, gpu, in_4_bits, in_8_bits, make_case

from sambay.kernels import four_bits
from sambay.kernels import paged as kernel
from sambay.kernels import reference_paged as twin
from sambay.kernels.reference_paged import FP8

# ---------------------------------------------------------------------------------------------- eight bits


@pytest.mark.parametrize("num_splits", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_8_bit_caches(dtype: torch.dtype, num_splits: int) -> None:
    plain = make_case([1, 100, 0, 300], dtype=dtype)
    case = in_8_bits(plain)
    found, wanted = kernel.paged_attention(**case, num_splits=num_splits), twin.paged_attention(**exactly(case))
    error = (found.double() - wanted).norm(dim=1) / wanted.norm(dim=1).clamp_min(1e-9)
    assert torch.all(error <= LIMITS[dtype]), error.tolist()


# Triton's interpreter halves a number whose rounding to float8 carries into the exponent: only exact ones there.
@pytest.mark.parametrize("is_exact", [True, pytest.param(False, marks=[pytest.mark.gpu, gpu])])
def test_writing_8_bits(is_exact: bool) -> None:
    new_keys, new_values = (40 * torch.randn(6, 2, 16, device=DEVICE) for _ in range(2))
    scales = {"key_scales": torch.tensor([0.25, 0.5]), "value_scales": torch.tensor([1.0, 4.0])}
    if is_exact:
        new_keys, new_values = (new.to(FP8).float() for new in (new_keys, new_values))
    else:
        scales = {name: 1.1 * scale for name, scale in scales.items()}
    scales = {name: scale.to(DEVICE) for name, scale in scales.items()}
    new_keys[0, 0, 0], new_keys[0, 0, 1] = 1e6, -1e6
    rows, found = torch.tensor([9, 3, 15, 0, 1, 8], device=DEVICE), []
    for function in (kernel.write_cache, twin.write_cache):
        caches = [torch.zeros(1, 16, 2, 16, device=DEVICE).to(FP8) for _ in range(2)]
        function(new_keys, new_values, *caches, rows, **scales)
        found.append([cache.float() for cache in caches])
    for by_kernel, by_twin, new, scale in zip(*found, (new_keys, new_values), scales.values(), strict=True):
        assert torch.equal(by_kernel, by_twin)
        wanted = new.clamp(-448 * scale[:, None], 448 * scale[:, None])
        torch.testing.assert_close(by_twin[0, rows] * scale[:, None], wanted, rtol=2**-4, atol=2**-10 * 4.4)


# ----------------------------------------------------------------------------------------------- four bits


@pytest.mark.parametrize("num_splits", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(("paired", "page_tokens"), [(True, 16), (True, 64), (False, 64)])
def test_4_bit_caches(dtype: torch.dtype, num_splits: int, paired: bool, page_tokens: int) -> None:
    case = in_4_bits(make_case([1, 100, 0, 300], page_tokens, width=32, paired=paired, dtype=dtype))
    found, wanted = kernel.paged_attention(**case, num_splits=num_splits), twin.paged_attention(**exactly(case))
    error = (found.double() - wanted).norm(dim=1) / wanted.norm(dim=1).clamp_min(1e-9)
    assert torch.all(error <= LIMITS[dtype]), error.tolist()


def test_4_bits_are_near() -> None:
    """A 15th of a half's range is the step: the error is at most half of it, and what float16 leaves of the scales."""
    numbers = 5 + torch.randn(7, 3, 64)
    numbers[0, 0, :32] = 2.5  # one value, so no range
    numbers[0, 0, 32:] = torch.linspace(-1, 1, 32)
    packed, scales = four_bits.pack(numbers)
    assert packed.shape == (7, 3, 32)
    assert scales.shape == (7, 3, 2, 2)
    error = (four_bits.unpack(packed, scales) - numbers).unflatten(-1, (2, 32)).abs().amax(-1)
    steps = (numbers.unflatten(-1, (2, 32)).amax(-1) - numbers.unflatten(-1, (2, 32)).amin(-1)) / 15
    assert torch.all(error <= 0.51 * steps + 5e-3)
    assert error[0, 0, 0] == 0
    assert (four_bits.unpack(packed, scales)[0, 0, 32:].diff() >= 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_writing_4_bits(dtype: torch.dtype) -> None:
    projected = torch.randn(5, 300, device=DEVICE).to(dtype)
    new_keys, new_values = projected[:, 3:99].unflatten(1, (3, 32)), projected[:, 100:196].unflatten(1, (3, 32))
    rows, results = torch.tensor([47, 0, 16, 31, 5], device=DEVICE), []
    for function in (kernel.write_cache, twin.write_cache):
        caches = [torch.full((3, 16, 3, 16), 7, dtype=torch.uint8, device=DEVICE) for _ in range(2)]
        scales = [torch.full((3, 16, 3, 2, 2), 7, dtype=torch.float16, device=DEVICE) for _ in range(2)]
        function(new_keys, new_values, *caches, rows, key_scales=scales[0], value_scales=scales[1])
        results.append([*caches, *scales])
        assert all((scale == 7).all(dim=(2, 3, 4)).sum() == 48 - 5 for scale in scales)
    for by_kernel, by_twin in zip(*results, strict=True):
        assert torch.equal(by_kernel, by_twin)
    read = four_bits.unpack(results[0][0], results[0][2]).flatten(0, 1)[rows]
    assert (read - new_keys.float()).abs().max() < 0.25


def test_heads_that_4_bits_have_not() -> None:
    case = in_4_bits(make_case([20], width=24))
    with pytest.raises(ValueError, match="must have heads of a power of two from 32 on, got 24"):
        kernel.paged_attention(**case)
