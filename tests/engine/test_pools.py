from __future__ import annotations

import pytest
import torch
from engine.tiny_engines import ARCHITECTURES, LIMITS, small_model
from torch import Tensor

from sambay import named_config
from sambay.config import FULL, MAMBA, WINDOW
from sambay.engine.pools import Pools, slot_bytes, token_bytes


def pools_of(architecture: str, dtype: torch.dtype = torch.float32) -> Pools:
    return Pools(small_model(architecture).config, LIMITS, dtype, torch.device("cpu"))


def tensors_of(pools: Pools) -> tuple[list[Tensor], list[Tensor]]:
    """What is a row a slot, and what is a row a page."""
    mamba = [part for state in pools.mamba.values() for part in (state.tails, state.states)]
    rings = [part for ring in pools.rings.values() for part in (ring.keys, ring.values)]
    return mamba + rings, [part for pages in pools.pages.values() for part in (pages.keys, pages.values)]


def numbered(pools: Pools) -> Pools:
    """Every row holds its own number."""
    for tensor in sum(tensors_of(pools), []):
        tensor.copy_(torch.arange(len(tensor)).view(-1, *[1] * (tensor.ndim - 1)).expand_as(tensor))
    return pools


def rows_of(tensors: list[Tensor]) -> list[int]:
    """The number in each row, the same in all of it and in all tensors."""
    (numbers,) = {tuple(tensor.flatten(1)[:, 0].int().tolist()) for tensor in tensors}
    for tensor in tensors:
        assert (tensor == tensor.flatten(1)[:, :1].view(-1, *[1] * (tensor.ndim - 1))).all()
    return list(numbers)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_stated_bytes_are_those_of_the_tensors(architecture: str, dtype: torch.dtype) -> None:
    config, pools = small_model(architecture).config, pools_of(architecture, dtype)
    of_slots, of_pages = (sum(part.nbytes for part in parts) for parts in tensors_of(pools))
    assert of_slots == LIMITS.num_slots * slot_bytes(config, dtype)
    assert of_pages == LIMITS.num_pages * LIMITS.page_size * token_bytes(config, dtype)
    for mixer, layers in {MAMBA: pools.mamba, WINDOW: pools.rings, FULL: pools.pages}.items():
        assert list(layers) == [index for index, one in enumerate(config.layers) if one is mixer]
    assert all(state.states.dtype == torch.float32 for state in pools.mamba.values())
    assert pools.tables_LM.shape == (LIMITS.num_slots, LIMITS.max_model_len // LIMITS.page_size)


def test_the_released_size_takes_what_the_documents_say() -> None:
    config = named_config("phi-4-mini-flash")
    assert token_bytes(config, torch.bfloat16) == 5120
    mamba = 9 * 5120 * (3 * 2 + 16 * 4)  # a tail in bfloat16, a state in float32
    rings = 8 * 2 * 512 * 20 * 64 * 2
    assert slot_bytes(config, torch.bfloat16) == mamba + rings == 24_197_120


@pytest.mark.parametrize("architecture", ["tiny", "transformer", "samba"])
def test_slots_and_pages_are_copied_whole_and_at_once(architecture: str) -> None:
    pools = numbered(pools_of(architecture))
    of_slots, of_pages = tensors_of(pools)
    pools.copy_slots([1, 1, 4], [2, 3, 5])
    pools.copy_pages([7, 3], [4, 9])
    if of_slots:
        assert rows_of(of_slots) == [0, 1, 1, 1, 4, 4, 6, 7, 8, 9, 10]
    if of_pages:
        assert rows_of(of_pages) == [0, 1, 2, 3, 7, 5, 6, 7, 8, 3, *range(10, 80)]
    assert of_slots or of_pages


def test_a_new_sequence_finds_no_state() -> None:
    pools = numbered(pools_of("tiny"))
    pools.clear_slots([2, 5])
    pools.clear_slots([])
    of_mamba = [part for state in pools.mamba.values() for part in (state.tails, state.states)]
    assert rows_of(of_mamba) == [0, 1, 0, 3, 4, 0, 6, 7, 8, 9, 10]


def test_pages_are_placed_in_the_tables() -> None:
    pools = pools_of("transformer")
    pools.place_pages([(1, 0, 9), (1, 2, 7), (10, 23, 79)])
    pools.place_pages([])
    pools.place_pages([(1, 0, 8)])
    expected = torch.zeros(11, 24, dtype=torch.int32)
    expected[1, 0], expected[1, 2], expected[10, 23] = 8, 7, 79
    assert torch.equal(pools.tables_LM, expected)
