"""The equalities that carry the project: prefill = chunks = token by token, alone = in a batch, packed = separate."""

from __future__ import annotations

import copy

import pytest
import torch
from conftest import spread_out
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode
from transformers import DynamicCache, StaticCache

from sambay import SambaYConfig, SambaYForCausalLM
from sambay.kernels import reference
from sambay.model.attention import Attention, DifferentialMaps
from sambay.sizes import family_config

# float32 through eight layers of logits of several units: sums in another order
CLOSE = {"rtol": 1e-4, "atol": 2e-4}


def family_model(architecture: str) -> SambaYForCausalLM:
    """A member of the family with eight layers of 64 channels, and a window that the sequences overflow."""
    config = family_config(architecture, 8)
    differential = config.is_differential
    smaller = {
        "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 8, "num_key_value_heads": 4,
        "head_dim": 8 if differential else 16, "vocab_size": 97, "mamba_d_state": 4, "mamba_dt_rank": 4,
        "sliding_window": config.sliding_window and 7,
    }  # fmt: skip
    return spread_out(SambaYForCausalLM(SambaYConfig(**{**config.to_diff_dict(), **smaller})))


ARCHITECTURES = ("transformer", "transformerls", "samba", "swayoco", "sambayoco", "sambay", "sambayda")


@pytest.fixture(params=["tiny", *ARCHITECTURES])
def model(request: pytest.FixtureRequest, tiny_model: SambaYForCausalLM) -> SambaYForCausalLM:
    return tiny_model if request.param == "tiny" else family_model(request.param)


@pytest.fixture
def ids(model: SambaYForCausalLM) -> Tensor:
    return torch.randint(3, model.config.vocab_size, (2, 45))


def full_logits(model: SambaYForCausalLM, ids: Tensor, **kwargs) -> Tensor:
    with torch.no_grad():
        return model(ids, use_cache=False, **kwargs).logits


def in_pieces(model: SambaYForCausalLM, ids: Tensor, sizes: list[int], cache) -> Tensor:
    logits = []
    with torch.no_grad():
        for piece in ids.split(sizes, dim=1):
            logits.append(model(piece, past_key_values=cache, use_cache=True).logits)
    return torch.cat(logits, dim=1)


def test_weights_are_large_enough_to_tell(model, ids) -> None:
    assert full_logits(model, ids).std() > 2


@pytest.mark.parametrize("sizes", [[45], [1] * 45, [20, 25], [1, 3, 16, 1, 24], [40, 1, 1, 3]])
def test_one_prefill_equals_chunks_equals_token_by_token(model, ids, sizes: list[int]) -> None:
    logits = in_pieces(model, ids, sizes, DynamicCache(config=model.config))
    torch.testing.assert_close(logits, full_logits(model, ids), **CLOSE)


@pytest.mark.parametrize("sizes", [[30] + [1] * 15, [10, 20, 1, 14]])
def test_a_static_cache_gives_the_same(model, ids, sizes: list[int]) -> None:
    cache = StaticCache(config=model.config, max_cache_len=64)
    torch.testing.assert_close(in_pieces(model, ids, sizes, cache), full_logits(model, ids), **CLOSE)


def test_a_reset_cache_is_a_fresh_one(model, ids) -> None:
    cache = DynamicCache(config=model.config)
    in_pieces(model, ids.flip(1), [45], cache)
    cache.reset()
    torch.testing.assert_close(in_pieces(model, ids, [20, 25], cache), full_logits(model, ids), **CLOSE)


def test_alone_equals_in_a_batch_in_any_order_and_padding(model) -> None:
    lengths = [5, 30, 17, 1]
    rows = [torch.randint(3, model.config.vocab_size, (1, n)) for n in lengths]
    for side in ("left", "right"):
        batch, mask = torch.zeros(4, 34, dtype=torch.long), torch.zeros(4, 34, dtype=torch.long)
        for row, tokens in enumerate(rows):
            place = slice(34 - lengths[row], 34) if side == "left" else slice(0, lengths[row])
            batch[row, place], mask[row, place] = tokens[0], 1
        for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
            logits = full_logits(model, batch[order], attention_mask=mask[order])
            for position, row in enumerate(order):
                ours = logits[position][mask[row].bool()]
                torch.testing.assert_close(ours, full_logits(model, rows[row])[0], **CLOSE)


def test_left_padding_through_the_cache(model) -> None:
    lengths = [4, 23]
    rows = [torch.randint(3, model.config.vocab_size, (1, n + 6)) for n in lengths]
    batch, mask = torch.zeros(2, 29, dtype=torch.long), torch.ones(2, 29, dtype=torch.long)
    for row, tokens in enumerate(rows):
        batch[row, 29 - lengths[row] - 6 :], mask[row, : 29 - lengths[row] - 6] = tokens[0], 0
    cache, logits = DynamicCache(config=model.config), []
    for start, end in [(0, 2), (2, 23), (23, 24), (24, 29)]:  # the first piece is padding alone for one row
        with torch.no_grad():
            step = model(batch[:, start:end], attention_mask=mask[:, :end], past_key_values=cache, use_cache=True)
        logits.append(step.logits)
    for row, tokens in enumerate(rows):
        ours = torch.cat(logits, dim=1)[row][mask[row].bool()]
        torch.testing.assert_close(ours, full_logits(model, tokens)[0], **CLOSE)


PACKINGS = ("seq_idx", "cu_seq_lens_q", "position_ids", "everything")


def packing(how: str, lengths: list[int]) -> dict[str, Tensor]:
    """What padding-free collators hand over."""
    given = {
        "seq_idx": torch.cat([torch.full((n,), i) for i, n in enumerate(lengths)])[None].int(),
        "cu_seq_lens_q": torch.tensor([0, *torch.tensor(lengths).cumsum(0)], dtype=torch.int32),
        "position_ids": torch.cat([torch.arange(n) for n in lengths])[None],
    }
    return given if how == "everything" else {how: given[how]}


@pytest.mark.parametrize("how", PACKINGS)
def test_packed_documents_equal_separate_documents(model, how: str) -> None:
    lengths = [9, 1, 20, 2, 11]
    row = torch.randint(3, model.config.vocab_size, (1, sum(lengths)))
    packed = full_logits(model, row, **packing(how, lengths))
    separate = torch.cat([full_logits(model, document) for document in row.split(lengths, dim=1)], dim=1)
    torch.testing.assert_close(packed, separate, **CLOSE)


def test_nothing_leaks_between_packed_documents_forwards_or_backwards(model) -> None:
    lengths = [9, 14]
    embeddings = torch.randn(1, 23, model.config.hidden_size, requires_grad=True)
    logits = model(inputs_embeds=embeddings, use_cache=False, **packing("position_ids", lengths)).logits
    (gradient,) = torch.autograd.grad(logits[:, 9:].square().sum(), embeddings)
    assert gradient[:, :9].abs().max() == 0
    assert gradient[:, 9:].abs().min(dim=2).values.max() > 0


def test_packed_loss_and_gradients_equal_separate_ones(model) -> None:
    lengths = [9, 1, 13]
    row = torch.randint(3, model.config.vocab_size, (1, sum(lengths)))
    labels = row.clone()
    loss = model(row, labels=labels, use_cache=False, **packing("position_ids", lengths)).loss
    parts = [
        model(part, labels=part, use_cache=False).loss * (part.shape[1] - 1)
        for part in row.split(lengths, dim=1)
        if part.shape[1] > 1
    ]
    wanted = sum(parts) / (sum(lengths) - len(lengths))
    torch.testing.assert_close(loss, wanted, rtol=1e-5, atol=1e-5)
    names, parameters = zip(*model.named_parameters(), strict=True)
    ours = torch.autograd.grad(loss, parameters)
    for name, got, want in zip(names, ours, torch.autograd.grad(wanted, parameters), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-3, atol=1e-4, msg=lambda text, n=name: f"{n}: {text}")


def test_unsupported_combinations_are_errors_not_leaks(tiny_model) -> None:
    ids, mask = torch.randint(3, 300, (1, 10)), torch.ones(1, 10, dtype=torch.long)
    holes, padded = mask.clone(), mask.clone()
    holes[0, 4], padded[0, :3] = 0, 0
    packed = packing("seq_idx", [4, 6])
    with pytest.raises(ValueError, match="packed documents cannot be combined with padding"):
        tiny_model(ids, attention_mask=padded, **packed)
    with pytest.raises(ValueError, match="packed documents cannot be read with past_key_values"):
        tiny_model(ids, past_key_values=DynamicCache(config=tiny_model.config), **packed)
    with pytest.raises(ValueError, match="padding between tokens"):
        tiny_model(ids, attention_mask=holes)
    with pytest.raises(ValueError, match=r"seq_idx has shape \(1, 4\)"):
        tiny_model(ids, seq_idx=torch.zeros(1, 4))
    with pytest.raises(ValueError, match="from 0 to 7"):
        tiny_model(ids, cu_seq_lens_q=torch.tensor([0, 3, 7]))
    with pytest.raises(ValueError, match="attention_mask has shape"):
        tiny_model(ids, attention_mask=mask[:, :4])
    with pytest.raises(ValueError, match="exactly one of input_ids and inputs_embeds"):
        tiny_model()
    with pytest.raises(ValueError, match="leave logits_to_keep at 0"):
        tiny_model(ids, labels=ids, logits_to_keep=1)


def test_a_right_padded_cache_cannot_be_continued(tiny_model) -> None:
    ids, mask = torch.randint(3, 300, (2, 10)), torch.ones(2, 10, dtype=torch.long)
    mask[0, 7:] = 0
    cache = DynamicCache(config=tiny_model.config)
    with torch.no_grad():
        tiny_model(ids, attention_mask=mask, past_key_values=cache)
    longer = torch.cat([mask, torch.ones(2, 1, dtype=torch.long)], dim=1)
    with pytest.raises(ValueError, match="padding"):
        tiny_model(ids[:, :1], attention_mask=longer, past_key_values=cache)


@pytest.mark.parametrize(
    ("keep", "padding", "backend"), [(1, 0, "sdpa"), (1, 6, "sdpa"), (4, 0, "sdpa"), (4, 6, "eager"), (60, 0, "sdpa")]
)
def test_the_last_logits_are_the_same_without_the_rest(model, ids, keep: int, padding: int, backend: str) -> None:
    model.set_attn_implementation(backend)
    mask = torch.ones_like(ids)
    mask[0, :padding] = 0
    wanted = full_logits(model, ids, attention_mask=mask)[:, -keep:]
    with torch.no_grad():
        alone = model(ids, attention_mask=mask, use_cache=False, logits_to_keep=keep).logits
        cache = DynamicCache(config=model.config)
        model(ids[:, :20], attention_mask=mask[:, :20], past_key_values=cache, logits_to_keep=keep)
        rest = model(ids[:, 20:], attention_mask=mask, past_key_values=cache, logits_to_keep=keep).logits
    for logits in (alone, rest):
        kept = min(logits.shape[1], 45 - padding)
        torch.testing.assert_close(logits[:, -kept:], wanted[:, -kept:][:, -logits.shape[1] :], **CLOSE)


def test_a_long_prefill_in_chunks_builds_no_square_mask(tiny_model, no_poison: None) -> None:
    """The mask over everything has a row for each kept position only: its bytes do not grow with chunk times past."""
    *before, last = torch.randint(3, 300, (1, 12000)).split(1000, dim=1)
    cache = DynamicCache(config=tiny_model.config)
    with torch.no_grad():
        for ids in before:
            tiny_model(ids, past_key_values=cache, logits_to_keep=1)
        with torch.profiler.profile(profile_memory=True) as profile:
            tiny_model(last, past_key_values=cache, logits_to_keep=1)
    largest = max(e.nbytes() for e in profile.profiler.kineto_results.events() if e.name() == "[memory]")
    assert largest < 1000 * 12000  # one byte an entry


def test_positions_as_tensors(model, ids) -> None:
    positions = torch.tensor([3, 44, 7])
    with torch.no_grad():
        ours = model(ids, use_cache=False, logits_to_keep=positions).logits
    torch.testing.assert_close(ours, full_logits(model, ids)[:, positions])


def flops(model: SambaYForCausalLM, ids: Tensor, keep: int) -> dict[str, int]:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(ids, use_cache=False, logits_to_keep=keep)
    return {name: sum(counts.values()) for name, counts in counter.get_flop_counts().items()}


def test_prefill_spends_nothing_on_what_no_next_token_needs(tiny_model) -> None:
    """A cross-decoder layer costs what one token costs, and of the full layer only keys and values see all tokens."""
    length, prefix = 200, "SambaYForCausalLM.model.layers"
    ids = torch.randint(3, 300, (1, length))
    all_tokens, last_token = flops(tiny_model, ids, 0), flops(tiny_model, ids, 1)
    config, split = tiny_model.config, tiny_model.config.num_self_decoder_layers
    for index in range(config.num_hidden_layers):
        name = f"{prefix}.{index}.mlp"
        assert last_token[name] * (1 if index < split - 1 else length) == all_tokens[name]
    for index in range(split, config.num_hidden_layers):
        assert last_token[f"{prefix}.{index}"] * length == all_tokens[f"{prefix}.{index}"]
    keys_and_values = 2 * length * config.hidden_size * 2 * config.num_key_value_heads * config.head_dim
    one_query = 2 * config.hidden_size * config.num_attention_heads * config.head_dim
    # one query in, one out; the counter knows no FLOPs of the CPU's attention kernel
    assert last_token[f"{prefix}.{split - 1}.attn"] == keys_and_values + 2 * one_query
    assert last_token["SambaYForCausalLM.lm_head"] * length == all_tokens["SambaYForCausalLM.lm_head"]


def test_differential_attention_is_the_papers(tiny_model) -> None:
    """The one-call form of a layer equals two softmax maps with four products, at each backend."""
    config = tiny_model.config
    layer = tiny_model.model.layers[1].attn
    assert isinstance(layer, Attention)
    assert isinstance(layer.inner_cross_attn, DifferentialMaps)
    hidden = torch.randn(2, 30, config.hidden_size)
    heads, groups, width = config.num_attention_heads, config.num_key_value_heads, config.head_dim
    q, k, v = layer.Wqkv(hidden).split([heads * width, groups * width, groups * width], dim=-1)
    distance = torch.arange(30)[:, None] - torch.arange(30)
    visible = (distance >= 0) & (distance < config.sliding_window)
    wanted = reference.differential_attention(
        q.unflatten(-1, (heads, width)), k.unflatten(-1, (groups, width)), v.unflatten(-1, (groups, width)),
        visible.expand(2, -1, -1), layer.inner_cross_attn.lambda_full(), layer.inner_cross_attn.subln.weight,
        layer.inner_cross_attn.lambda_init, config.layer_norm_eps,
    )  # fmt: skip
    mask = torch.where(visible, 0.0, float("-inf")).expand(2, 1, -1, -1)
    for backend in ("sdpa", "eager"):
        tiny_model.set_attn_implementation(backend)
        ours = layer(hidden, attention_mask=mask)[0]
        torch.testing.assert_close(ours, layer.out_proj(wanted), **CLOSE)


def test_saved_and_read_again_computes_the_same(model, ids, tmp_path) -> None:
    model.save_pretrained(tmp_path, max_shard_size="100KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    again = SambaYForCausalLM.from_pretrained(tmp_path)
    assert torch.equal(full_logits(again, ids), full_logits(model, ids))


def test_a_copy_is_independent(tiny_model) -> None:
    ids = torch.randint(3, 300, (1, 10))
    before = full_logits(tiny_model, ids)
    other = copy.deepcopy(tiny_model)
    with torch.no_grad():
        other.model.embed_tokens.weight.zero_()
    assert torch.equal(full_logits(tiny_model, ids), before)
