"""What the attention backends are given: block masks, zero at padding, and no kernel asked for what it cannot do."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from sambay import SambaYForCausalLM
from sambay.model import attention
from sambay.model.attention import block_sparse_attention, softmax_attention
from sambay.model.block_masks import causal_blocks

LISTS = ("kv_num_blocks", "kv_indices", "full_kv_num_blocks", "full_kv_indices")
TRANSPOSED = ("q_num_blocks", "q_indices", "full_q_num_blocks", "full_q_indices")
CPU = torch.device("cpu")


# ------------------------------------------------------------------------------------------------ block masks


@pytest.mark.parametrize("has_documents", [False, True])
@pytest.mark.parametrize("window", [None, 1, 100, 128, 129, 300])
@pytest.mark.parametrize("length", [1, 127, 128, 129, 700])
def test_block_masks_equal_those_of_every_pair(length: int, window: int | None, has_documents: bool) -> None:
    segments = (torch.rand(3, length) < 0.01).cumsum(1) if has_documents else None

    def seen(b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:
        near = (q >= k) if window is None else (q >= k) & (q - k < window)
        return near if segments is None else near & (segments[b, q] == segments[b, k])

    ours = causal_blocks(length, window, segments, CPU)
    wanted = create_block_mask(seen, 3 if has_documents else 1, None, length, length, device="cpu")
    for name in (*LISTS, *TRANSPOSED):
        assert torch.equal(getattr(ours, name), getattr(wanted, name)), name
    queries, keys = torch.arange(length)[:, None], torch.arange(length)
    row = torch.tensor(0)
    assert torch.equal(ours.mask_mod(row, row, queries, keys), seen(row, row, queries, keys))


def test_a_shape_s_mask_is_made_once_and_serves_training() -> None:
    with torch.inference_mode():
        made = causal_blocks(260, 16, None, CPU)
    assert not any(getattr(made, name).is_inference() for name in (*LISTS, *TRANSPOSED))
    assert causal_blocks(260, 16, None, CPU) is made
    assert causal_blocks(260, None, None, CPU) is not made


# ----------------------------------------------------------------------------------------------- flex_attention


@pytest.fixture
def flex_calls(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """The options of each FlexAttention call, which runs as written instead of compiled for minutes."""
    calls: list[dict] = []
    traced = torch.compile(flex_attention, backend="eager")

    def call(query, key, value, training, kernel_options, **options):
        widths = (query.shape[3], key.shape[3], value.shape[3])
        calls.append({"queries": query.shape[2], "widths": widths, "kernel_options": kernel_options, **options})
        return traced(query, key, value, **options)

    monkeypatch.setattr(attention, "compile_friendly_flex_attention", call)
    return calls


@pytest.mark.parametrize("min_width", [1, 16])  # the tiny model's heads have 8
@pytest.mark.parametrize("is_packed", [False, True])
def test_flex_attention_equals_sdpa(
    tiny_model: SambaYForCausalLM, flex_calls: list[dict], monkeypatch: pytest.MonkeyPatch, is_packed, min_width
) -> None:
    monkeypatch.setattr(attention, "MIN_WIDTH", min_width)
    ids = torch.randint(3, 300, (2, 150))
    packing = {"seq_idx": (torch.arange(150) >= torch.tensor([[40], [131]])).long()} if is_packed else {}
    with torch.no_grad():
        wanted = tiny_model(ids, use_cache=False, **packing).logits
        tiny_model.set_attn_implementation("flex_attention")
        found = tiny_model(ids, use_cache=False, **packing).logits
    assert len(flex_calls) == sum(mixer.is_attention for mixer in tiny_model.config.layers)
    assert all(isinstance(call["block_mask"], BlockMask) for call in flex_calls)
    width = tiny_model.config.head_dim
    narrow = width if width >= min_width else 2 * width
    assert {call["widths"] for call in flex_calls} == {(narrow, narrow, 2 * width)}
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-4)


@pytest.mark.parametrize("min_width", [1, 16])
@pytest.mark.filterwarnings("ignore:The .grad attribute")  # torch's compiler looks at it, and hides its own warning
def test_flex_attention_trains_like_sdpa(
    tiny_model: SambaYForCausalLM, flex_calls: list[dict], monkeypatch: pytest.MonkeyPatch, min_width: int
) -> None:
    """Packed rows in several blocks, in float64. Torch's plain form has a backward pass on the CPU, but refuses it."""
    tiny_model.double()
    monkeypatch.setattr(attention, "MIN_WIDTH", min_width)
    monkeypatch.setattr("torch.nn.attention.flex_attention._validate_device", lambda *_: None)
    ids = torch.randint(3, 300, (2, 150))
    documents = (torch.arange(150) >= torch.tensor([[40], [131]])).long()
    results = []
    for backend in ("sdpa", "flex_attention"):
        tiny_model.set_attn_implementation(backend)
        loss = tiny_model(ids, labels=ids, seq_idx=documents, use_cache=False).loss
        results.append(torch.autograd.grad(loss, list(tiny_model.parameters())))
    assert flex_calls
    for (name, _), wanted, found in zip(tiny_model.named_parameters(), *results, strict=True):
        error = (found - wanted).norm() / wanted.norm().clamp_min(1e-6)
        assert error < 1e-9, f"{name}: {error:.1e}"  # sums in another order


@pytest.mark.parametrize(
    ("num_queries", "num_sharing", "is_kept_from_decoding"),
    [(1, 4, False), (32, 4, False), (33, 4, True), (127, 2, True), (127, 1, False), (128, 4, False), (700, 4, False)],
)
def test_short_queries_of_many_heads_go_to_the_main_kernel(
    tiny_model: SambaYForCausalLM, flex_calls: list[dict], num_queries, num_sharing, is_kept_from_decoding
) -> None:
    """torch's decoding kernel has one tile of the next power of two of both numbers' product, at least 16, and no
    choice of it unless that divides the mask's blocks of 128: then Inductor raises NoValidChoicesError."""
    tile = max(16, 1 << (num_queries * num_sharing - 1).bit_length())
    assert is_kept_from_decoding == (num_queries < 128 and 128 % tile != 0)
    query = torch.randn(1, 2 * num_sharing, num_queries, 32)
    key, value = torch.randn(2, 1, 2, num_queries, 32)
    layer = tiny_model.model.layers[1].attn
    block_sparse_attention(layer, query, key, value, causal_blocks(num_queries, None, None, CPU), scaling=0.2)
    options = {"FORCE_USE_FLEX_ATTENTION": True} if is_kept_from_decoding else None
    assert flex_calls[0]["kernel_options"] == options


def test_dropout_is_refused_by_flex_attention(tiny_model: SambaYForCausalLM) -> None:
    tiny_model.set_attn_implementation("flex_attention")
    tiny_model.config.attention_dropout = 0.1
    with pytest.raises(ValueError, match=r"attention_dropout=0\.1"):
        tiny_model.train()(torch.randint(3, 300, (1, 20)), use_cache=False)


# ---------------------------------------------------------------------------------------------------- padding


@pytest.fixture
def nan_backend():
    """Softmax as written down: NaN for a query that sees nothing, where torch's kernels take care to give zero."""
    name = "nan_at_padding"

    def attend(module, query, key, value, attention_mask, **options):
        output, weights = softmax_attention(module, query, key, value, attention_mask, **options)
        sees_nothing_BS = (attention_mask < 0).all(-1)[:, 0]
        return output.masked_fill(sees_nothing_BS[:, :, None, None], float("nan")), weights

    AttentionInterface.register(name, attend)
    AttentionMaskInterface.register(name, eager_mask)
    yield name
    del ALL_ATTENTION_FUNCTIONS._global_mapping[name]
    del AttentionMaskInterface._global_mapping[name]


@pytest.mark.parametrize("keep", [0, 1, 3])
def test_what_a_backend_gives_at_padding_reaches_no_token(
    tiny_model: SambaYForCausalLM, nan_backend: str, keep: int
) -> None:
    ids, mask = torch.randint(3, 300, (3, 33)), torch.ones(3, 33, dtype=torch.long)
    mask[1, :9] = mask[2, :31] = 0
    kept = mask[:, -keep:].bool()
    tiny_model.set_attn_implementation("eager")
    with torch.no_grad():
        wanted = tiny_model(ids, attention_mask=mask, logits_to_keep=keep).logits
        tiny_model.set_attn_implementation(nan_backend)
        found = tiny_model(ids, attention_mask=mask, logits_to_keep=keep).logits
    torch.testing.assert_close(found[kept], wanted[kept], rtol=0, atol=1e-5)


def test_a_mask_of_another_shape_is_refused(tiny_model: SambaYForCausalLM) -> None:
    with pytest.raises(ValueError, match="attention_mask has 4 dimensions"):
        tiny_model(torch.randint(3, 300, (1, 5)), attention_mask=torch.zeros(1, 1, 5, 5))
