"""Pages of 8 and 4 bits: what they cost, what they change, and that they change it the same way however it is read."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from engine.test_speculation import Oracle, Replies, Work, ids_of, run, sequences_of, work_of
from engine.tiny_engines import LIMITS, byte_tokenizer, small_model
from torch import Tensor

from sambay import named_config
from sambay.engine.cache_format import CACHE_DTYPES, check_cache_dtype
from sambay.engine.calibration import calibrate
from sambay.engine.capacity import choose_limits
from sambay.engine.engine import Engine
from sambay.engine.forward import Forward
from sambay.engine.llm import LLM
from sambay.engine.pools import Pools, token_bytes
from sambay.engine.sampling_params import SamplingParams
from sambay.kernels.reference_paged import plain_pages

CPU = torch.device("cpu")
QUANTISED = ("fp8", "int4")
ARCHITECTURES = ("tiny", "transformer", "transformerls", "swayoco", "sambayoco", "sambay", "sambayda")
# Relative errors of logits, docs/numerics.md. With large random weights: one full layer of four or eight, or all four.
MOST_ERROR = {"fp8": 0.03, "int4": 0.05}
MOST_ERROR_ALL_FULL = {"fp8": 0.25, "int4": 0.4}


class Driven:
    """A model on pools of some format, with one sequence in slot 1."""

    def __init__(self, architecture: str, cache_dtype: str, page_size: int = 5) -> None:
        self.model = small_model(architecture)
        limits = replace(LIMITS, page_size=page_size, num_pages=1 + 120 // page_size)
        self.pools = Pools(self.model.config, limits, torch.float32, CPU, cache_dtype)
        if cache_dtype == "fp8":
            calibrate(self.model, self.pools)
        self.forward = Forward(self.model, self.pools)
        self.pools.place_pages([(1, column, limits.num_pages - 1 - column) for column in range(limits.num_pages - 1)])

    @torch.inference_mode()
    def logits(self, tokens: list[int], num_read: int, chunk: int) -> Tensor:
        """After each token from the num_read-th on: those before read in chunks, the others decoded."""
        self.pools.clear_slots([1])
        stream = None
        for start in range(0, num_read, chunk):
            end = min(start + chunk, num_read)
            stream = self.forward.read(tokens[start:end], 1, start, is_sampled=end == num_read)
        assert stream is not None
        logits = [self.forward.after_reading([stream], self.rows(num_read - 1))]
        for position in range(num_read, len(tokens)):
            logits.append(self.forward.decode(torch.tensor(tokens[position : position + 1]), self.rows(position)))
        return torch.cat(logits)

    def rows(self, position: int):
        return self.forward.decoder.rows(torch.tensor([1]), torch.tensor([position]))


def tokens_of(num_tokens: int, seed: int = 0) -> list[int]:
    source = random.Random(seed)
    return [source.randrange(320) for _ in range(num_tokens)]


def relative_error(logits: Tensor, expected: Tensor) -> float:
    return float((logits - expected).norm() / expected.norm())


@pytest.mark.parametrize("cache_dtype", QUANTISED)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_logits_move_by_no_more_than_documented(architecture: str, cache_dtype: str) -> None:
    tokens = tokens_of(100)
    expected = Driven(architecture, "auto").logits(tokens, 60, 60)
    error = relative_error(Driven(architecture, cache_dtype).logits(tokens, 60, 60), expected)
    most = (MOST_ERROR_ALL_FULL if architecture == "transformer" else MOST_ERROR)[cache_dtype]
    assert most / 20 < error < most


@pytest.mark.parametrize("chunk", [1, 4, 7, 59])
@pytest.mark.parametrize("cache_dtype", QUANTISED)
@pytest.mark.parametrize("architecture", ["tiny", "sambay", "transformer"])
def test_chunks_and_single_tokens_keep_what_one_chunk_does(architecture: str, cache_dtype: str, chunk: int) -> None:
    """But for numbers on the border of two levels, which the last bit of a float32 sum decides."""
    tokens, whole, cut = tokens_of(70), Driven(architecture, cache_dtype), Driven(architecture, cache_dtype)
    expected, logits = whole.logits(tokens, 60, 60), cut.logits(tokens, 60, chunk)
    pairs = zip(whole.pools._of_pages, cut.pools._of_pages, strict=True)
    num_different = sum(int((mine != yours).sum()) for mine, yours in pairs)
    num_kept = sum(part[: 70 // 5].numel() for part in whole.pools._of_pages)
    assert num_different <= 0.002 * num_kept
    if num_different == 0:
        torch.testing.assert_close(logits, expected, atol=1e-4, rtol=0)
    assert relative_error(logits, expected) < MOST_ERROR[cache_dtype] / 4


def test_scales_follow_the_size_of_what_is_kept() -> None:
    """Values 2^12 times larger, and an output projection that makes up for it: powers of two change nothing."""
    tokens, driven = tokens_of(60), [Driven("transformer", "auto") for _ in range(2)]
    results = []
    for one, factor in zip(driven, (1.0, 2.0**12), strict=True):
        for block in one.model.model.layers:
            layer = block.attn
            with torch.no_grad():
                layer.Wqkv.weight[-layer.num_groups * layer.head_dim :] *= factor
                layer.out_proj.weight /= factor
        pools = Pools(one.model.config, LIMITS, torch.float32, CPU, "fp8")
        calibrate(one.model, pools)
        pools.tables_LM.copy_(one.pools.tables_LM)
        one.pools, one.forward = pools, Forward(one.model, pools)
        results.append(one.logits(tokens, 50, 50))
    assert torch.equal(*results)


@torch.inference_mode()
def test_scales_leave_room_above_the_largest_number_and_are_those_of_each_head() -> None:
    driven = Driven("transformer", "fp8")
    layer = driven.model.model.layers[0].attn
    first = layer.num_heads * layer.head_dim
    layer.Wqkv.weight[first : first + layer.head_dim] *= 32
    calibrate(driven.model, driven.pools)
    driven.logits(tokens_of(100), 100, 100)
    for pages in driven.pools.pages.values():
        for kept, scales in ((pages.keys, pages.key_scales), (pages.values, pages.value_scales)):
            assert torch.equal(scales, scales.log2().round().exp2())
            largest_G = plain_pages(kept, scales, torch.arange(len(kept)), torch.float32).abs().amax((0, 1, 3))
            assert ((largest_G / scales > 448 / 8 / 4) & (largest_G / scales < 448)).all()
    low, high = driven.pools.pages[0].key_scales.log2().flip(0).tolist()
    assert high - low in (4, 5, 6)


def engine_of(cache_dtype: str, **changes: int) -> Engine:
    limits = replace(LIMITS, **changes)
    return Engine(small_model(), byte_tokenizer(), limits, num_plans_ahead=0, has_graphs=False, cache_dtype=cache_dtype)


KINDS = [
    SamplingParams(temperature=0, max_tokens=40, ignore_eos=True),
    SamplingParams(seed=1, max_tokens=30, n=2, top_p=0.9),
    SamplingParams(temperature=0, max_tokens=30),
    SamplingParams(seed=3, max_tokens=30),
    SamplingParams(temperature=0, max_tokens=40, ignore_eos=True),
]


@pytest.fixture(scope="module", params=QUANTISED)
def known(request: pytest.FixtureRequest) -> tuple[str, Work, Replies]:
    """Replies one after the other."""
    work, replies = work_of(11, KINDS), Replies()
    for name, one in work.items():
        replies |= run(engine_of(request.param), {name: one})
    return request.param, work, replies


def test_replies_are_the_same_in_a_batch_in_chunks_and_after_preemption(known) -> None:
    """Forks copy part-filled pages, prefixes share full ones: levels and scales go along."""
    cache_dtype, work, alone = known
    for changes in ({}, {"max_batch_tokens": 7}, {"num_pages": 24}):
        engine = engine_of(cache_dtype, **changes)
        assert ids_of(run(engine, work)) == ids_of(alone)
        assert (engine.scheduler.counters.num_preemptions > 0) == ("num_pages" in changes)
        assert engine.scheduler.counters.num_forked_tokens > 0


def test_drafts_are_judged_on_it_too(known) -> None:
    cache_dtype, work, alone = known
    engine = Engine(
        small_model(), byte_tokenizer(), replace(LIMITS, max_drafted=4), num_plans_ahead=0, has_graphs=False,
        drafter=Oracle(sequences_of(alone, work), seed=5), cache_dtype=cache_dtype,
    )  # fmt: skip
    assert ids_of(run(engine, work)) == ids_of(alone)
    assert engine.scheduler.counters.num_accepted_tokens > 0


# ------------------------------------------------------------------------------------------------ sizes and refusals


@pytest.mark.parametrize("cache_dtype", CACHE_DTYPES)
def test_memory_is_what_is_counted(cache_dtype: str) -> None:
    config = small_model().config
    pools = Pools(config, LIMITS, torch.bfloat16, CPU, cache_dtype)
    kept = sum(part.numel() * part.element_size() for part in pools._of_pages)
    assert kept == LIMITS.num_pages * LIMITS.page_size * token_bytes(config, torch.bfloat16, cache_dtype)


def test_the_released_size_needs_half_and_a_quarter() -> None:
    config = named_config("phi-4-mini-flash")
    sizes = [token_bytes(config, torch.bfloat16, cache_dtype) for cache_dtype in CACHE_DTYPES]
    assert sizes == [5120, 2560, 1440]


def test_a_smaller_cache_gives_room_for_more_tokens() -> None:
    def num_pages(cache_dtype: str) -> int:
        limits = choose_limits(
            named_config("phi-4-mini-flash"), torch.bfloat16, CPU, context_tokens=262144, max_sequences=16,
            cache_dtype=cache_dtype,
        )  # fmt: skip
        return limits.num_pages

    plain = num_pages("auto")
    assert num_pages("fp8") == pytest.approx(2 * plain, rel=0.05)
    assert num_pages("int4") == pytest.approx(5120 / 1440 * plain, rel=0.05)


def test_an_engine_made_by_name_has_it() -> None:
    llm = LLM(small_model(), tokenizer=byte_tokenizer(), max_model_len=64, max_sequences=2, cache_dtype="int4")
    assert all(pages.keys.dtype == torch.uint8 for pages in llm.engine.runner.pools.pages.values())
    assert all(ring.keys.dtype == torch.float32 for ring in llm.engine.runner.pools.rings.values())
    llm = LLM(small_model(), tokenizer=byte_tokenizer(), max_model_len=64, max_sequences=2, cache_dtype="fp8")
    assert all((pages.key_scales != 1).all() for pages in llm.engine.runner.pools.pages.values())
    with pytest.raises(ValueError, match="cache_dtype='int8': allowed are auto, fp8, int4"):
        LLM(small_model(), tokenizer=byte_tokenizer(), max_model_len=64, cache_dtype="int8")


@pytest.mark.parametrize("cache_dtype", QUANTISED)
def test_a_model_without_pages_has_nothing_to_make_smaller(cache_dtype: str) -> None:
    with pytest.raises(ValueError, match="allowed without a layer of full attention is 'auto'"):
        LLM(small_model("samba"), tokenizer=byte_tokenizer(), max_model_len=64, cache_dtype=cache_dtype)


def test_what_a_gpu_cannot_do_is_refused_before_anything_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu, config = torch.device("cuda"), small_model().config
    with pytest.raises(ValueError, match="allowed on cuda for cached heads of a power of two from 32, not 16"):
        check_cache_dtype("int4", config, gpu)
    check_cache_dtype("int4", named_config("phi-4-mini-flash"), gpu)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (8, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "A100")
    with pytest.raises(ValueError, match=r"compute capability 8\.9 and above, not A100"):
        check_cache_dtype("fp8", config, gpu)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    check_cache_dtype("fp8", config, gpu)
