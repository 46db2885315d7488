"""Attention over cached pages and the writing of pages: kernels against the twin, the twin against the model."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

pytest.importorskip("triton")

from kernels.paged_cases import DEVICE, LIMITS, exactly, gpu, in_4_bits, in_8_bits, in_float64, make_case

from sambay import named_config
from sambay.kernels import paged as kernel
from sambay.kernels import reference_paged as twin
from sambay.kernels.reference_paged import FP8, Pairing
from sambay.model.attention import Attention


def compare(case: dict, limit: float, **options) -> Tensor:
    found, wanted = kernel.paged_attention(**case, **options), twin.paged_attention(**in_float64(case))
    assert found.dtype == case["queries_BHC"].dtype
    assert found.shape == wanted.shape
    error = (found.double() - wanted).norm(dim=1) / wanted.norm(dim=1).clamp_min(1e-9)
    assert torch.all(error <= limit), error.tolist()
    return found


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("num_splits", [1, 2, 5])
def test_lengths_around_pages_tiles_and_splits(num_splits: int, paired: bool) -> None:
    compare(make_case([1, 15, 16, 17, 63, 64, 65, 129, 300, 0], paired=paired), 2e-6, num_splits=num_splits)


@pytest.mark.parametrize("page_tokens", [16, 32, 64, 128, 256])
def test_every_page_size(page_tokens: int) -> None:
    compare(make_case([1, 70, 257, 400], page_tokens=page_tokens, max_pages=40), 2e-6, num_splits=3)


@pytest.mark.parametrize("num_splits", [None, 1, 3])
@pytest.mark.parametrize("window", [16, 100, 192])
def test_a_ring_is_one_page_of_any_size(window: int, num_splits: int | None) -> None:
    compare(make_case([1, window - 1, window, 7], page_tokens=window), 2e-6, num_splits=num_splits)


@pytest.mark.parametrize("num_splits", [1, 3])
@pytest.mark.parametrize(
    ("num_heads", "num_groups", "width", "paired"),
    [(4, 1, 32, True), (12, 2, 16, True), (2, 1, 8, True), (40, 1, 24, True), (6, 2, 16, False), (3, 3, 40, False)],
)
def test_other_shapes_of_heads(num_heads: int, num_groups: int, width: int, paired: bool, num_splits: int) -> None:
    """Also more query heads to a cached head than a matrix unit's 16 rows, and widths that are no power of two."""
    case = make_case([90, 3], num_heads=num_heads, num_groups=num_groups, width=width, paired=paired)
    compare(case, 2e-6, num_splits=num_splits)


def test_queries_that_are_widened_already() -> None:
    case = make_case([40, 3])
    wide = case | {"queries_BHC": twin.widened(case["queries_BHC"], 16)}
    assert wide["queries_BHC"].shape[2] == 2 * case["queries_BHC"].shape[2]
    assert torch.equal(kernel.paged_attention(**wide), kernel.paged_attention(**case))
    assert torch.equal(twin.paged_attention(**wide), twin.paged_attention(**case))


# Triton's interpreter cuts to bfloat16 where a GPU rounds: twice the error.
@pytest.mark.parametrize("num_splits", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_in_16_bits(dtype: torch.dtype, num_splits: int) -> None:
    compare(make_case([1, 100, 0, 300], dtype=dtype), LIMITS[dtype], num_splits=num_splits)


def test_large_scores_do_not_overflow() -> None:
    case = make_case([200, 65])
    case["queries_BHC"] *= 100
    compare(case, 2e-5, num_splits=2)


@pytest.mark.parametrize("num_splits", [1, 4])
def test_an_empty_sequence_gives_zeros(num_splits: int) -> None:
    case = make_case([0, 5, 0])
    found = kernel.paged_attention(**case, num_splits=num_splits)
    assert torch.equal(found[[0, 2]], torch.zeros_like(found[[0, 2]]))
    assert found[1].abs().min() > 0


def test_a_sequence_does_not_feel_its_batch() -> None:
    """Bit by bit, with a fixed number of splits."""
    case = make_case([300, 1, 77, 130])
    together = kernel.paged_attention(**case, num_splits=3)
    for row in range(4):
        part = {name: case[name][row : row + 1] for name in ("queries_BHC", "page_table_BM", "lengths_B")}
        assert torch.equal(kernel.paged_attention(**(case | part), num_splits=3)[0], together[row])


def test_views_as_a_projection_leaves_them() -> None:
    case = make_case([20, 33])
    projected = torch.randn(2, 100, device=DEVICE)
    case["queries_BHC"] = projected[:, 4:68].unflatten(1, (8, 8))
    wide_table = torch.zeros(2, 9, dtype=torch.int32, device=DEVICE)
    wide_table[:, 3:6] = case["page_table_BM"]
    case["page_table_BM"] = wide_table[:, 3:6]
    compare(case, 2e-6, num_splits=2)


@pytest.mark.parametrize("layer", [1, 5])  # a window's and the full layer's
def test_the_twin_is_the_models_attention(layer: int) -> None:
    torch.manual_seed(3)
    config = named_config("tiny", attn_implementation="eager")
    attention = Attention(config, layer)
    attention.out_proj = nn.Identity()
    for parameter in attention.parameters():
        nn.init.normal_(parameter, std=0.3)
    hidden = torch.randn(2, 21, config.hidden_size)
    wanted, _, keys_BGTC, values_BGTC = attention(hidden, keep=1)
    queries = attention._linear(hidden, 1)[0].unflatten(-1, (config.num_attention_heads, -1))[:, 0]
    maps = attention.inner_cross_attn
    assert maps is not None
    keys, values = (cached.transpose(1, 2).contiguous().float() for cached in (keys_BGTC, values_BGTC))
    arguments = {
        "queries_BHC": queries, "keys_PSGC": keys, "values_PSGC": values,
        "page_table_BM": torch.arange(2, dtype=torch.int32)[:, None],
        "lengths_B": torch.full((2,), 21, dtype=torch.int32), "scale": attention.scaling,
        "pairing": Pairing(maps.lambda_full(), maps.subln.weight, maps.lambda_init, maps.eps),
    }  # fmt: skip
    torch.testing.assert_close(twin.paged_attention(**arguments), wanted[:, 0], rtol=1e-5, atol=1e-5)


# ------------------------------------------------------------------------------------------------- writing


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_writing(dtype: torch.dtype) -> None:
    projected = torch.randn(5, 200, device=DEVICE).to(dtype)
    new_keys, new_values = projected[:, 3:75].unflatten(1, (3, 24)), projected[:, 80:152].unflatten(1, (3, 24))
    rows = torch.tensor([47, 0, 16, 31, 5], device=DEVICE)
    results = []
    for function in (kernel.write_cache, twin.write_cache):
        keys, values = (torch.full((3, 16, 3, 24), 7.0, dtype=dtype, device=DEVICE) for _ in range(2))
        function(new_keys, new_values, keys, values, rows)
        results.append((keys, values))
        for cache, new in ((keys, new_keys), (values, new_values)):
            assert torch.equal(cache.flatten(0, 1)[rows], new)
            assert (cache == 7).sum() == (48 - 5) * 72
    assert all(torch.equal(*pair) for pair in zip(*results, strict=True))


def test_nothing_to_write_or_to_attend() -> None:
    case = make_case([3])
    empty = {name: case[name][:0] for name in ("queries_BHC", "page_table_BM", "lengths_B")}
    assert kernel.paged_attention(**(case | empty)).shape == (0, 64)
    keys = case["keys_PSGC"].clone()
    new = keys[0, :0]
    kernel.write_cache(new, new, keys, keys.clone(), torch.zeros(0, dtype=torch.int64, device=DEVICE))
    assert torch.equal(keys.nan_to_num(9), case["keys_PSGC"].nan_to_num(9))


# -------------------------------------------------------------------------------------- splits, bad inputs


@pytest.mark.parametrize("batch", [1, 2, 16, 64, 256, 512])
@pytest.mark.parametrize("max_tokens", [1, 64, 512, 2048, 34816, 262144])
def test_splits_fill_the_gpu_and_stay_few(batch: int, max_tokens: int) -> None:
    splits = kernel.default_splits(batch, 10, max_tokens, 132)
    assert 1 <= splits <= twin.MAX_SPLITS
    assert splits == 1 or max_tokens / splits > 32
    assert max_tokens / splits <= 16384
    if max_tokens >= 34816:
        assert splits * batch * 10 >= 2 * 132


@pytest.mark.parametrize("function", [kernel.paged_attention, twin.paged_attention])
def test_wrong_attention_is_named(function) -> None:
    case = make_case([20, 3])

    def call(**changed):
        function(**(case | changed))

    with pytest.raises(ValueError, match=r"queries must be \(B, H, 8 or 16\), got \(2, 8, 4\)"):
        call(queries_BHC=case["queries_BHC"][..., :4])
    with pytest.raises(ValueError, match="an even multiple of the cache's 2 heads, got 6"):
        call(queries_BHC=case["queries_BHC"][:, :6])
    with pytest.raises(ValueError, match=r"page_table must be \(2, M\) int32, got .* torch.int64"):
        call(page_table_BM=case["page_table_BM"].long())
    with pytest.raises(ValueError, match=r"lengths must be \(2,\) int32, got \(1,\)"):
        call(lengths_B=case["lengths_B"][:1])
    with pytest.raises(ValueError, match=r"contiguous \(P, S, G, C\), alike, got values"):
        call(values_PSGC=case["values_PSGC"].half())
    with pytest.raises(ValueError, match=r"keys .* not contiguous"):
        call(keys_PSGC=case["keys_PSGC"].transpose(0, 1).contiguous().transpose(0, 1))
    with pytest.raises(ValueError, match="keys scales belong to float8_e4m3fn and uint8 caches"):
        call(key_scales=torch.ones(2, device=DEVICE))
    with pytest.raises(ValueError, match=r"pairing must have a weight \(16,\) and one lambda"):
        call(pairing=case["pairing"]._replace(weight_C=torch.ones(8)))
    with pytest.raises(ValueError, match="num_splits must be None or 1 to 128, got 0"):
        call(num_splits=0)


def test_the_twin_notices_a_length_beyond_the_table() -> None:
    case = make_case([20, 3])
    with pytest.raises(ValueError, match="lengths must be at most 2 pages of 16, got 33"):
        twin.paged_attention(**(case | {"lengths_B": torch.tensor([33, 3], dtype=torch.int32)}))


@pytest.mark.parametrize("function", [kernel.write_cache, twin.write_cache])
def test_wrong_writing_is_named(function) -> None:
    cache, new = torch.zeros(2, 4, 3, 8), torch.zeros(5, 3, 8)
    rows = torch.zeros(5, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"rows must be \(B,\) int64, got \(5,\) torch.int32"):
        function(new, new, cache, cache, rows.int())
    with pytest.raises(ValueError, match=r"new_values must be \(5, 3, 8\), got \(4, 3, 8\)"):
        function(new, new[:4], cache, cache, rows)
    with pytest.raises(ValueError, match=r"values scales must be \(3,\) torch.float32"):
        function(new, new, cache.to(FP8), cache.to(FP8), rows, key_scales=torch.ones(3), value_scales=torch.ones(2))


# ----------------------------------------------------------------------------------------------- real sizes


@pytest.mark.gpu
@gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("bits", [16, 8, 4])
@pytest.mark.parametrize("num_splits", [None, 1])
def test_released_size(dtype: torch.dtype, bits: int, num_splits: int | None) -> None:
    for lengths, page_tokens in (([1, 5_000, 777, 0, 64], 64), ([4_097, 33], 16), ([512, 100], 512), ([9_999], 256)):
        case = make_case(lengths, page_tokens, num_heads=40, num_groups=10, width=128, dtype=dtype)
        wide = in_float64(case)
        if bits < 16:
            case = in_8_bits(case) if bits == 8 else in_4_bits(case)
            wide = exactly(case)
        found, wanted = kernel.paged_attention(**case, num_splits=num_splits), twin.paged_attention(**wide)
        error = (found.double() - wanted).norm(dim=1) / wanted.norm(dim=1).clamp_min(1e-9)
        assert torch.all(error <= LIMITS[dtype]), error.tolist()


@pytest.mark.gpu
@gpu
def test_offsets_beyond_32_bits() -> None:
    """A cache of more than 2^31 elements, whose last page alone holds a sequence."""
    keys = torch.zeros(2**31 // (256 * 10 * 128) + 2, 256, 10, 128, dtype=torch.bfloat16, device=DEVICE)
    values = torch.zeros_like(keys)
    case = make_case([200], 256, num_heads=40, num_groups=10, width=128, dtype=torch.bfloat16)
    page = int(case["page_table_BM"][0, 0])
    keys[-1], values[-1] = case["keys_PSGC"][page], case["values_PSGC"][page]
    last = torch.tensor([[len(keys) - 1]], dtype=torch.int32, device=DEVICE)
    found = kernel.paged_attention(**(case | {"keys_PSGC": keys, "values_PSGC": values, "page_table_BM": last}))
    assert torch.equal(found, kernel.paged_attention(**case))


@pytest.mark.gpu
@gpu
def test_one_graph_serves_all_lengths() -> None:
    case = make_case([3_000, 900], 64, num_heads=40, num_groups=10, width=128, dtype=torch.bfloat16, max_pages=64)
    kernel.paged_attention(**case)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = kernel.paged_attention(**case)
    for lengths in ([3_000, 900], [1, 0], [2_049, 64]):
        case["lengths_B"].copy_(torch.tensor(lengths, dtype=torch.int32))
        graph.replay()
        assert torch.equal(output, kernel.paged_attention(**case))
