"""Decoding on a CPU: SambaY against a Phi-3-architecture model of as many parameters, in turn, in one run.

    python benchmarks/decode/cpu.py --contexts 32 4096 --steps 8 --json results.json

Weights and caches are random; both models run through transformers in bfloat16 (3.85 billion parameters, 7.7 GB each).
The correctness gate comes first: SambaY token by token through a cache must equal one pass, at a tiny size.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import statistics
import subprocess
import time
from pathlib import Path

import torch
import transformers
from torch import nn
from transformers import DynamicCache, Phi3Config, Phi3ForCausalLM, PreTrainedModel

from sambay import SambaYForCausalLM, named_config
from sambay.config import FULL, MAMBA, WINDOW


def phi3_config() -> Phi3Config:
    """Phi-4-mini's widths: 3.84 billion parameters."""
    return Phi3Config(
        vocab_size=200064, hidden_size=3072, intermediate_size=8192, num_hidden_layers=32, num_attention_heads=24,
        num_key_value_heads=8, tie_word_embeddings=True, max_position_embeddings=131072, pad_token_id=0,
        original_max_position_embeddings=131072, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip


def random_model(kind: type[PreTrainedModel], config, dtype: torch.dtype) -> PreTrainedModel:
    """Weights drawn from a block of a million normal numbers: values do not matter, zeros and denormals would."""
    with torch.device("meta"):
        model = kind._from_config(config, dtype=dtype)
    model.to_empty(device="cpu")
    block = 0.02 * torch.randn(1 << 20)
    with torch.no_grad():
        for weight in model.parameters():
            flat = weight.view(-1)
            for start in range(0, flat.numel(), block.numel()):
                piece = flat[start : start + block.numel()]
                piece.copy_(block[: piece.numel()])
        for module in model.modules():
            if isinstance(module, nn.LayerNorm) or "RMSNorm" in type(module).__name__:
                module.weight.fill_(1)
        for name, buffer in model.named_buffers():
            if name.endswith("inv_freq"):
                buffer.copy_(10000.0 ** -(torch.arange(buffer.numel()) / buffer.numel()))
    model.tie_weights()
    return model.eval()


def filled_cache(model: PreTrainedModel, context_tokens: int, dtype: torch.dtype) -> DynamicCache:
    """A cache as after `context_tokens` tokens, with random content."""
    config, cache = model.config, DynamicCache(config=model.config)
    if not isinstance(model, SambaYForCausalLM):
        shape = (1, config.num_key_value_heads, context_tokens, config.hidden_size // config.num_attention_heads)
        for index in range(config.num_hidden_layers):
            cache.update(torch.randn(shape, dtype=dtype), torch.randn(shape, dtype=dtype), index)
        return cache
    inner, states = config.mamba_inner_size, config.mamba_d_state
    pair = (1, config.num_key_value_heads // 2, context_tokens, 2 * int(config.head_dim or 0))
    for index, mixer in enumerate(config.layers):
        if mixer is MAMBA:
            cache.update_conv_state(torch.randn(1, inner, config.mamba_d_conv - 1, dtype=dtype), index)
            cache.update_recurrent_state(torch.randn(1, inner, states), index)
        elif mixer in (WINDOW, FULL):
            cache.update(torch.randn(pair, dtype=dtype), torch.randn(pair, dtype=dtype), index)
    return cache


def step_seconds(model: PreTrainedModel, cache: DynamicCache, steps: int) -> list[float]:
    token, seconds = torch.tensor([[7]]), []
    with torch.inference_mode():
        for _ in range(steps):
            start = time.perf_counter()
            token = model(token, past_key_values=cache, use_cache=True).logits[:, -1:].argmax(-1)
            seconds.append(time.perf_counter() - start)
    return seconds


def check() -> None:
    model = SambaYForCausalLM(named_config("tiny")).eval()
    ids, cache = torch.randint(3, 300, (1, 40)), DynamicCache(config=model.config)
    with torch.inference_mode():
        steps = [model(ids[:, t : t + 1], past_key_values=cache).logits for t in range(40)]
        torch.testing.assert_close(torch.cat(steps, dim=1), model(ids, use_cache=False).logits, rtol=1e-4, atol=1e-4)
    print("correct: token by token equals one pass")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contexts", type=int, nargs="+", default=[32, 4096], help="tokens in the cache")
    parser.add_argument("--steps", type=int, default=6, help="tokens per round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds in which the models take turns")
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    dtype = getattr(torch, options.dtype)
    check()
    models = {
        "SambaY (phi-4-mini-flash)": random_model(SambaYForCausalLM, named_config("phi-4-mini-flash"), dtype),
        "Phi-3 architecture": random_model(Phi3ForCausalLM, phi3_config(), dtype),
    }
    rows = []
    for context in options.contexts:
        seconds: dict[str, list[float]] = {name: [] for name in models}
        caches = {name: filled_cache(model, context, dtype) for name, model in models.items()}
        for _ in range(options.rounds):
            for name, model in models.items():
                seconds[name] += step_seconds(model, caches[name], options.steps)
        for name, model in models.items():
            parameters = sum(weight.numel() for weight in model.parameters())
            rows.append({
                "model": name, "parameters": parameters, "context": context,
                "tokens_per_s_median": 1 / statistics.median(seconds[name]),
                "tokens_per_s_best": 1 / min(seconds[name]),
            })  # fmt: skip
            print(
                f"{name:28} {parameters / 1e9:.3f}B  context {context:6}  "
                f"{rows[-1]['tokens_per_s_median']:.2f} tokens/s (median)  {rows[-1]['tokens_per_s_best']:.2f} (best)"
            )
        del caches
        gc.collect()
    machine = {
        "cpu": cpu_name(), "threads": torch.get_num_threads(), "torch": torch.__version__,
        "transformers": transformers.__version__, "python": platform.python_version(), "commit": commit(),
    }  # fmt: skip
    print(machine)
    if options.json:
        options.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1))


def cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def commit() -> str:
    run = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return run.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
