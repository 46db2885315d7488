"""A decode step of the engine at several batches and contexts beside the floor of its bytes; prompts beside the FLOPs.

    python benchmarks/serving/decode.py [--model phi-4-mini-flash] [--batches 1 16 64 256] [--contexts 2048 18432 34816]

Random weights, states and caches of that size, bfloat16, on a GPU in a CUDA graph. First the gate: the graph's logits
are those of the same step without one, and the step's logits after a short prompt are the model's own. The floor: every
weight once, the caches read and the states read and written, at 3.0 TB/s. A batch whose caches do not fit is left out.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor
from transformers import initialization

from sambay.config import CROSS, FULL, MAMBA, WINDOW, SambaYConfig
from sambay.engine.forward import Forward
from sambay.engine.graphs import DecodeGraphs
from sambay.engine.limits import Limits
from sambay.engine.pools import Pools, slot_bytes, token_bytes
from sambay.model.sambay import SambaYForCausalLM
from sambay.sizes import named_config

BYTES_PER_MS = 3.0e9
FLOPS_PER_MS = 774e9  # a large product's on one H100
PAGE = 64
_LEFT_BYTES = 4 << 30
_GATE = 2e-2  # relative, of logits in bfloat16 of two ways to compute them


def build(name: str, device: torch.device, dtype: torch.dtype) -> SambaYForCausalLM:
    """A model of that size with random weights, made on the device."""
    config = named_config(name)
    config._attn_implementation = "sdpa"
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device), initialization.no_init_weights():
            model = SambaYForCausalLM(config).eval()
    finally:
        torch.set_default_dtype(before)
    model.tie_weights()
    generator = torch.Generator(device=device).manual_seed(0)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if key.endswith("A_log"):
                states = torch.arange(1, parameter.shape[1] + 1, dtype=torch.float32, device=device)
                parameter.copy_(states.log().expand_as(parameter))
            elif "norm" in key or "subln" in key or key.endswith(".D"):
                parameter.fill_(0.0 if key.endswith("bias") else 1.0)
            elif key.endswith("dt_proj.bias"):
                parameter.fill_(-4.6)
            else:
                parameter.normal_(0.0, 0.02, generator=generator)
    return model


def pools_of(model: SambaYForCausalLM, batch: int, context: int) -> Pools:
    """Pools of `batch` sequences of `context` tokens, filled at random; slot i has pages of its own."""
    pages_each = -(-(context + 1) // PAGE)
    limits = Limits(
        page_size=PAGE, num_slots=batch + 1, num_pages=1 + batch * pages_each, max_model_len=pages_each * PAGE,
        max_sequences=batch, max_batch_tokens=8192,
    )  # fmt: skip
    weight = model.model.embed_tokens.weight
    pools = Pools(model.config, limits, weight.dtype, weight.device)
    for cache in (*pools.rings.values(), *pools.pages.values()):
        cache.keys.normal_()
        cache.values.normal_()
    for state in pools.mamba.values():
        state.tails.normal_()
        state.states.normal_()
    pages = torch.randperm(batch * pages_each, device=weight.device).add_(1).int().view(batch, pages_each)
    pools.tables_LM[1:] = pages[:, : pools.tables_LM.shape[1]]
    return pools


def floor_ms(config: SambaYConfig, num_weights: int, batch: int, context: int) -> float:
    """Weights once (the tied head is the embedding), caches read by every layer that reads one, states both ways."""
    a_token = token_bytes(config, torch.bfloat16) // max(1, config.layers.count(FULL))
    readers = config.layers.count(FULL) + config.layers.count(CROSS)
    window = min(context, int(config.sliding_window or 0)) if WINDOW in config.layers else 0  # type: ignore[arg-type]
    state = config.layers.count(MAMBA) * config.mamba_inner_size * config.mamba_d_state * 4 * 2
    each = readers * context * a_token + config.layers.count(WINDOW) * window * a_token + state
    return (2 * num_weights + batch * each) / BYTES_PER_MS


def gate(model: SambaYForCausalLM) -> None:
    """Raises SystemExit unless a prompt of 96 tokens and one more through the pools give the model's own logits."""
    pools, device = pools_of(model, 2, 128), model.device
    forward = Forward(model, pools)
    ids = torch.randint(model.config.vocab_size, (97,), device=device)
    pools.clear_slots([1])
    stream = forward.read(ids[:96].tolist(), 1, 0, True)
    assert stream is not None
    slots, positions = torch.tensor([1], device=device), torch.tensor([95], device=device)
    first = forward.after_reading([stream], forward.decoder.rows(slots, positions))
    second = forward.decode(ids[96:], forward.decoder.rows(slots, positions + 1))
    wanted = model(ids[None]).logits[0, 95:].float()
    error = ((torch.cat([first, second]).float() - wanted).norm() / wanted.norm()).item()
    if not error < _GATE:
        raise SystemExit(f"wrong: the engine's logits are {error:.2g} away from the model's, allowed {_GATE}")
    print(f"correct: prompt and step within {error:.2g} of the model's own logits")


def step_ms(model: SambaYForCausalLM, batch: int, context: int, repeats: int) -> float:
    """Median time of a decode step in a CUDA graph; its logits are checked against a step without one."""
    device = model.device
    forward = Forward(model, pools_of(model, batch, context))

    def step(columns_B3: Tensor) -> Tensor:
        slots_B, positions_B, ids_B = columns_B3.unbind(1)
        return forward.decode(ids_B, forward.decoder.rows(slots_B, positions_B))

    columns = torch.empty(batch, 3, dtype=torch.int64, device=device)
    columns[:, 0] = torch.arange(1, batch + 1, device=device)
    columns[:, 1], columns[:, 2] = context - 1, 7
    if device.type != "cuda":
        return _clock_ms(lambda: step(columns), repeats)
    graphs = DecodeGraphs(step, batch, device)
    kept = [(state.tails.clone(), state.states.clone()) for state in forward.pools.mamba.values()]
    plain = step(columns).float()
    for state, (tails, states) in zip(forward.pools.mamba.values(), kept, strict=True):
        state.tails.copy_(tails)
        state.states.copy_(states)
    error = ((graphs(columns).float() - plain).norm() / plain.norm()).item()
    if not error < _GATE:
        raise SystemExit(f"wrong: the graph's logits are {error:.2g} away from the plain step's, allowed {_GATE}")
    events = [torch.cuda.Event(enable_timing=True) for _ in range(repeats + 1)]
    events[0].record()
    for event in events[1:]:
        graphs(columns)
        event.record()
    torch.cuda.synchronize()
    times = sorted(first.elapsed_time(second) for first, second in pairwise(events))
    return times[repeats // 2]


def prompt_ms(model: SambaYForCausalLM, length: int) -> float:
    """Time to read a prompt of so many tokens and to have its next token's logits, the second time."""
    forward, device = Forward(model, pools_of(model, 1, length)), model.device
    ids = torch.randint(model.config.vocab_size, (length,)).tolist()
    slots, positions = torch.tensor([1], device=device), torch.tensor([length - 1], device=device)

    def read() -> Tensor:
        forward.pools.clear_slots([1])
        stream = None
        for start in range(0, length, 8192):
            chunk = ids[start : start + 8192]
            stream = forward.read(chunk, 1, start, start + len(chunk) == length)
        assert stream is not None
        return forward.after_reading([stream], forward.decoder.rows(slots, positions))

    read()
    return _clock_ms(read, 2)


def prompt_flops(config: SambaYConfig, model: SambaYForCausalLM, length: int) -> float:
    """Products of the self-decoder's weights for every token, and of its attention; the rest is one token's."""
    own = sum(
        parameter.numel()
        for block in model.model.layers[: config.num_self_decoder_layers]
        for parameter in block.parameters()
        if parameter.ndim == 2
    )
    window = min(length, int(config.sliding_window or 0)) if WINDOW in config.layers else 0  # type: ignore[arg-type]
    attention = 4 * config.layers.count(WINDOW) * window * config.num_attention_heads * int(config.head_dim or 0) * 1.5
    if config.num_self_decoder_layers == config.num_hidden_layers:
        attention += 2 * config.layers.count(FULL) * length * config.num_attention_heads * int(config.head_dim or 0)
    return length * (2 * own + attention)


def _clock_ms(run, repeats: int) -> float:
    import time

    times = []
    for _ in range(repeats):
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        began = time.perf_counter()
        run()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(1e3 * (time.perf_counter() - began))
    return min(times)


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="phi-4-mini-flash")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16, 64, 256])
    parser.add_argument("--contexts", type=int, nargs="+", default=[2048, 18432, 34816])
    parser.add_argument("--prompts", type=int, nargs="*", default=[2048, 32768])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    print(
        torch.cuda.get_device_name() if device.type == "cuda" else "CPU: times mean nothing", "torch", torch.__version__
    )
    model = build(options.model, device, dtype)
    config, num_weights = model.config, sum(parameter.numel() for parameter in model.parameters())
    gate(model)
    rows: list[dict] = []
    print(f"{'batch':>5} {'context':>8} {'ms':>8} {'floor':>8} {'times':>6} {'tokens/s':>9}")
    for batch in options.batches:
        for context in options.contexts:
            needed = batch * (slot_bytes(config, dtype) + (context + PAGE) * token_bytes(config, dtype)) + _LEFT_BYTES
            if device.type == "cuda":
                torch.cuda.empty_cache()
                if needed > torch.cuda.mem_get_info()[0]:
                    print(f"{batch:5} {context:8}   does not fit")
                    continue
            ms, floor = step_ms(model, batch, context, options.repeats), floor_ms(config, num_weights, batch, context)
            rows.append({"batch": batch, "context": context, "ms": ms, "floor_ms": floor})
            print(
                f"{batch:5} {context:8} {ms:8.3f} {floor:8.3f} {ms / floor:6.2f} {1e3 * batch / ms:9,.0f}", flush=True
            )
    for length in options.prompts:
        ms, flops = prompt_ms(model, length), prompt_flops(config, model, length)
        rows.append({"prompt": length, "ms": ms, "flops": flops})
        share = flops / ms / FLOPS_PER_MS
        print(
            f"prompt of {length}: {ms:.1f} ms, {1e3 * length / ms:,.0f} tokens/s, {100 * share:.0f} % of 774 TFLOP/s",
            flush=True,
        )
    if options.json is not None:
        options.json.write_text(json.dumps({"model": options.model, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
