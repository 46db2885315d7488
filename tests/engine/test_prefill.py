from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sambay.engine.pools import KeysValues
from sambay.engine.prefill import attend_window, full_chunk, window_chunk, write_pages
from sambay.model import SambaYForCausalLM

NUM_HEADS, NUM_GROUPS, WIDTH = 6, 2, 8


def by_hand(queries_HSC: Tensor, keys_GTC: Tensor, values_GTC: Tensor, window: int, scale: float) -> Tensor:
    """Each query on its own, in float64: (S, H, C)."""
    num_before = keys_GTC.shape[1] - queries_HSC.shape[1]
    rows = []
    for place in range(queries_HSC.shape[1]):
        end = num_before + place + 1
        seen = slice(max(0, end - window), end)
        heads = []
        for head, query_C in enumerate(queries_HSC[:, place].double()):
            group = head // (NUM_HEADS // NUM_GROUPS)
            scores = scale * keys_GTC[group, seen].double() @ query_C
            heads.append(scores.softmax(0) @ values_GTC[group, seen].double())
        rows.append(torch.stack(heads))
    return torch.stack(rows)


@pytest.mark.parametrize("window", [1, 2, 5, 8])
@pytest.mark.parametrize("length", [1, 2, 5, 7, 8, 9, 24, 25])
def test_window_attention_is_that_of_a_mask(window: int, length: int) -> None:
    for num_before in {0, 1, window // 2, window - 1}:
        if num_before >= window:
            continue
        queries_BHSC = torch.randn(1, NUM_HEADS, length, WIDTH)
        keys_BGTC, values_BGTC = torch.randn(2, 1, NUM_GROUPS, num_before + length, WIDTH)
        mixed_BSHC = attend_window(queries_BHSC, keys_BGTC, values_BGTC, window, 0.4)
        expected_SHC = by_hand(queries_BHSC[0], keys_BGTC[0], values_BGTC[0], window, 0.4)
        torch.testing.assert_close(mixed_BSHC[0].double(), expected_SHC, atol=2e-6, rtol=0)


def test_what_lies_before_the_window_or_is_padding_has_no_part() -> None:
    """Even if it is huge: a masked score that is merely small would show."""
    window, length = 4, 6
    queries_BHSC = torch.randn(1, NUM_HEADS, length, WIDTH)
    keys_BGTC, values_BGTC = torch.randn(2, 1, NUM_GROUPS, 3 + length, WIDTH)
    before = attend_window(queries_BHSC, keys_BGTC, values_BGTC, window, 1.0)
    keys_BGTC[:, :, 0] *= 1e4
    values_BGTC[:, :, 0] = 1e30
    after = attend_window(queries_BHSC, keys_BGTC, values_BGTC, window, 1.0)
    assert torch.equal(before[:, 1:], after[:, 1:])
    assert not torch.equal(before[:, 0], after[:, 0])  # the first query's window begins there


@pytest.mark.parametrize("chunks", [(3, 2), (16, 5), (15, 1, 1), (40,), (7, 30, 3)])
@torch.inference_mode()
def test_a_ring_holds_the_last_tokens_where_they_belong(tiny_model: SambaYForCausalLM, chunks) -> None:
    layer = tiny_model.model.layers[1].attn
    _, _, num_groups, width = shape = (3, 16, 2, 16)
    ring = KeysValues(torch.zeros(shape), torch.zeros(shape))
    hidden_BSD = torch.randn(1, sum(chunks), 64)
    start = 0
    for length in chunks:
        window_chunk(layer, hidden_BSD[:, start : start + length], ring, 2, start, None)
        start += length
    _, keys_BGSC, values_BGSC = layer.project(hidden_BSD, None, None)
    assert keys_BGSC.shape[1::2] == (num_groups, width)
    for position in range(max(0, start - 16), start):
        torch.testing.assert_close(ring.keys[2, position % 16], keys_BGSC[0, :, position], atol=1e-5, rtol=0)
        torch.testing.assert_close(ring.values[2, position % 16], values_BGSC[0, :, position], atol=1e-5, rtol=0)
    assert not ring.keys[:2].any()


@torch.inference_mode()
def test_a_chunk_looks_through_its_pages(tiny_model: SambaYForCausalLM) -> None:
    """The same layer's attention over pages in no order and over the whole sequence at once."""
    layer = tiny_model.model.layers[5].attn
    hidden_BSD = torch.randn(1, 23, 64)
    queries_BHSC, keys_BGSC, values_BGSC = layer.project(hidden_BSD, None, None)
    pages = KeysValues(torch.zeros(9, 5, 2, 16), torch.zeros(9, 5, 2, 16))
    page_ids_M = torch.tensor([7, 2, 8, 1, 4])
    positions_S = torch.arange(23)
    write_pages(pages, keys_BGSC, values_BGSC, page_ids_M[positions_S // 5] * 5 + positions_S % 5)
    mixed_BSD = full_chunk(layer, queries_BHSC[:, :, 11:], pages, page_ids_M, 23)
    mask_SS = torch.ones(23, 23, dtype=torch.bool).tril()[None, None]
    whole_BSHC = torch.nn.functional.scaled_dot_product_attention(
        queries_BHSC, keys_BGSC, values_BGSC, mask_SS, scale=layer.scaling, enable_gqa=True
    ).transpose(1, 2)
    expected_BSD = layer.inner_cross_attn(whole_BSHC)
    torch.testing.assert_close(mixed_BSD, expected_BSD[:, 11:], atol=1e-5, rtol=0)
    assert not pages.keys[[0, 3, 5, 6]].any()
