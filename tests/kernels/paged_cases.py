"""Fresh random caches of scattered pages for the tests of attention over pages, and the same in fewer bits."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sambay.kernels import four_bits
from sambay.kernels import reference_paged as twin
from sambay.kernels.reference_paged import FP8, Pairing

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# Of norms, against the twin in float64: sums of float32; else the weights' and the result's rounding.
LIMITS = {torch.float32: 2e-6, torch.bfloat16: 6e-3, torch.float16: 1e-3}
gpu = pytest.mark.skipif(DEVICE == "cpu", reason="needs a CUDA device")


def make_case(
    lengths, page_tokens=16, num_heads=8, num_groups=2, width=16, paired=True, dtype=torch.float32,
    max_pages=None,
) -> dict:  # fmt: skip
    """Scattered pages; rows that no sequence uses hold NaN, and so do table entries' pages beyond a length."""
    needed = [-(-length // page_tokens) for length in lengths]
    max_pages = max_pages or max(1, *needed)
    num_pages = sum(needed) + 2
    caches = [torch.full((num_pages, page_tokens, num_groups, width), float("nan")) for _ in range(2)]
    table = torch.ones(len(lengths), max_pages, dtype=torch.int32)  # page 1 belongs to nobody
    pages = iter((2 + torch.randperm(num_pages - 2)).tolist())
    for row, length in enumerate(lengths):
        for index in range(needed[row]):
            table[row, index] = page = next(pages)
            used = min(page_tokens, length - index * page_tokens)
            for cache in caches:
                cache[page, :used] = 0.3 + torch.randn(used, num_groups, width)
    query_width = width // 2 if paired else width
    case = {
        "queries_BHC": 2 * torch.randn(len(lengths), num_heads, query_width).to(dtype),
        "keys_PSGC": caches[0].to(dtype), "values_PSGC": caches[1].to(dtype),
        "page_table_BM": table, "lengths_B": torch.tensor(lengths, dtype=torch.int32),
    }  # fmt: skip
    case = {name: tensor.to(DEVICE) for name, tensor in case.items()}
    weight = (1 + 0.3 * torch.randn(width)).to(dtype)
    case["pairing"] = Pairing(torch.tensor(0.37, device=DEVICE), weight.to(DEVICE), 0.6, 1e-5) if paired else None
    return case | {"scale": query_width**-0.5}


def in_float64(case: dict) -> dict:
    wide = {k: v.double() if isinstance(v, Tensor) and v.is_floating_point() else v for k, v in case.items()}
    if case["pairing"] is not None:
        wide["pairing"] = case["pairing"]._replace(
            lambda_=case["pairing"].lambda_.double(), weight_C=case["pairing"].weight_C.double()
        )
    return wide


def exactly(case: dict) -> dict:
    """In float64, but for what a quantised cache and its scales hold."""
    kept = ("keys_PSGC", "values_PSGC", "key_scales", "value_scales")
    return in_float64(case) | {name: case[name] for name in kept}


def in_8_bits(case: dict) -> dict:
    """The same caches written as float8 with the scales of their heads' largest numbers."""
    case, scales = dict(case), {}
    num_rows = case["keys_PSGC"].flatten(0, 1).shape[0]
    for name, scale_name in (("keys_PSGC", "key_scales"), ("values_PSGC", "value_scales")):
        scales[scale_name] = case[name].float().nan_to_num().abs().amax(dim=(0, 1, 3)) / 448
        scales[scale_name][0] /= 2  # cuts some of the first head's
    caches = [torch.empty(case["keys_PSGC"].shape, dtype=torch.uint8, device=DEVICE).view(FP8) for _ in range(2)]
    new = [case[name].flatten(0, 1) for name in ("keys_PSGC", "values_PSGC")]
    twin.write_cache(*new, *caches, torch.arange(num_rows, device=DEVICE), **scales)
    return case | scales | {"keys_PSGC": caches[0], "values_PSGC": caches[1]}


def in_4_bits(case: dict) -> dict:
    """The same caches in 4 bits, written row by row by the twin; rows that nobody uses keep NaN as their scale."""
    case = dict(case)
    for name, scale_name in (("keys_PSGC", "key_scales"), ("values_PSGC", "value_scales")):
        case[name], case[scale_name] = four_bits.pack(case[name])
    return case
