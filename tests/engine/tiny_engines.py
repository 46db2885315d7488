"""Small models of every architecture, engines with pools of any size over them, and what must hold when all is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from conftest import spread_out

from sambay import SambaYForCausalLM, named_config
from sambay.chat import ChatTokenizer, build_byte_tokenizer
from sambay.config import FULL, MAMBA, WINDOW
from sambay.engine.engine import Engine
from sambay.engine.limits import Limits
from sambay.engine.llm import LLM
from sambay.sizes import family_config

ARCHITECTURES = ("tiny", "transformer", "transformerls", "samba", "swayoco", "sambayoco", "sambay", "sambayda")

# Pages of five tokens and a window of 16: neither a power of two nor a part of the other.
LIMITS = Limits(page_size=5, num_slots=11, num_pages=80, max_model_len=120, max_sequences=6, max_batch_tokens=40)


def small_model(architecture: str = "tiny", seed: int = 0) -> SambaYForCausalLM:
    """In float32; the byte tokenizer's vocabulary, windows of 16 ("tiny") or 7 tokens."""
    torch.manual_seed(seed)
    if architecture == "tiny":
        return spread_out(SambaYForCausalLM(named_config("tiny")))
    split = 2 if architecture == "sambayda" else 1
    has_window = architecture != "transformer"
    config = family_config(
        architecture, 4, hidden_size=64, intermediate_size=96, num_attention_heads=4 * split,
        num_key_value_heads=2 * split, head_dim=16 // split, vocab_size=320, max_position_embeddings=4096,
        **({"sliding_window": 7} if has_window else {}),
    )  # fmt: skip
    return spread_out(SambaYForCausalLM(config))


def byte_tokenizer() -> ChatTokenizer:
    return ChatTokenizer(build_byte_tokenizer())


def fitting(limits: Limits, model: SambaYForCausalLM) -> Limits:
    """Without pages for a model that has no layer to fill them, without snapshots for one that has nothing else."""
    layers = set(model.config.layers)
    num_pages = limits.num_pages if FULL in layers else 0
    return replace(limits, num_pages=num_pages, needs_snapshots=bool(layers & {MAMBA, WINDOW}))


def engine_of(model: SambaYForCausalLM, tokenizer: ChatTokenizer, limits: Limits = LIMITS, ahead: int = 0) -> Engine:
    return Engine(model, tokenizer, fitting(limits, model), num_plans_ahead=ahead, has_graphs=False)


def llm_of(model: SambaYForCausalLM, tokenizer: ChatTokenizer, limits: Limits = LIMITS, ahead: int = 0) -> LLM:
    """An LLM whose pools have the sizes of the test instead of those that fit the machine."""
    llm = LLM(model, tokenizer=tokenizer, max_model_len=limits.max_model_len, max_sequences=1)
    llm.engine = engine_of(model, tokenizer, limits, ahead)
    return llm


def greedy_reply(model: SambaYForCausalLM, prompt: Sequence[int], num_tokens: int, stop_ids: Sequence[int]) -> list:
    """What transformers' own loop says."""
    ids_BS = torch.tensor([list(prompt)])
    with torch.inference_mode():
        grown_BS = model.generate(
            ids_BS, attention_mask=torch.ones_like(ids_BS), max_new_tokens=num_tokens, do_sample=False,
            eos_token_id=list(stop_ids) or None, pad_token_id=0,
        )  # fmt: skip
    return grown_BS[0, len(prompt) :].tolist()


def check_nothing_is_left(engine: Engine, num_spent: int = 0) -> None:
    """All requests are over: what they held is free, and nothing remembers them. num_spent: plans that may be out."""
    assert len(engine._out) <= num_spent
    while engine.has_work:
        assert engine.step() == []
    scheduler, sampler = engine.scheduler, engine.sampler
    scheduler.check_invariants()
    assert (scheduler.num_running, scheduler.num_waiting, scheduler.num_plans_out) == (0, 0, 0)
    assert (engine._replies, sampler._requests, sampler._counts.places) == ({}, {}, {})
    scheduler.clear_prefixes()
    residents, limits = scheduler._residents, engine.limits
    assert residents.slots.num_free == limits.num_slots - 1, "a slot is lost"
    assert residents.pages.num_free == max(limits.num_pages - 1, 0), "a page is lost"
