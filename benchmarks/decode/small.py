"""How fast the default model's size talks on a CPU: the first token, tokens/s of one stream and of a batch.

    python benchmarks/decode/small.py [--threads 2] [--profile]

Random weights: speed does not depend on what is said. Batches are checked to say what each stream says alone.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import time

import torch

from sambay import LLM, SambaYForCausalLM
from sambay.chat import ChatTokenizer, build_byte_tokenizer
from sambay.engine.completer import EngineCompleter
from sambay.generation import Sampling, stream
from sambay.sizes import family_config

PROMPT = "Tom has 12 apples, buys 5 bags of 8 apples each and gives away 9. How many has he?"
NUM_TOKENS, NUM_REPEATS, BATCH = 100, 3, 64


def model_of(dtype: torch.dtype) -> SambaYForCausalLM:
    torch.manual_seed(0)
    config = family_config(
        "sambayda", 12, vocab_size=4096, hidden_size=336, intermediate_size=1120, num_attention_heads=12,
        num_key_value_heads=6, head_dim=32, sliding_window=128, max_position_embeddings=4096,
        bos_token_id=256, eos_token_id=256, pad_token_id=256,
    )  # fmt: skip
    return SambaYForCausalLM._from_config(config, dtype=dtype).eval()


def one_stream(model: SambaYForCausalLM, ids: list[int], num_tokens: int = NUM_TOKENS) -> tuple[float, float]:
    """Seconds to the first token, and tokens a second after it."""
    began = time.perf_counter()
    reply = stream(model, ids, Sampling(max_new_tokens=num_tokens))
    next(reply)
    first = time.perf_counter()
    rest = sum(1 for _ in reply)
    return first - began, rest / (time.perf_counter() - first)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--profile", action="store_true", help="where the time of one stream goes, in float32")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    tokenizer = ChatTokenizer(build_byte_tokenizer())
    talk = [{"role": "user", "content": PROMPT}]
    ids = tokenizer.encode_chat(talk)
    for dtype in (torch.float32, torch.bfloat16):
        model = model_of(dtype)
        alone = list(stream(model, ids, Sampling(max_new_tokens=16)))
        completer = EngineCompleter(LLM(model, tokenizer=tokenizer, max_sequences=BATCH))
        if dtype is torch.float32:
            (reply,) = completer.complete([talk], max_new_tokens=16)
            assert reply.text == tokenizer.decode(alone), "a batch says something else than a stream"
        first, speed = min((one_stream(model, ids) for _ in range(NUM_REPEATS)), key=lambda pair: -pair[1])
        began = time.perf_counter()
        replies = completer.complete([talk] * BATCH, max_new_tokens=NUM_TOKENS)
        together = sum(reply.num_tokens for reply in replies) / (time.perf_counter() - began)
        num = sum(parameter.numel() for parameter in model.parameters())
        print(f"{num:,} parameters, {dtype}, {options.threads} threads: first token, of {len(ids)} read, after "
              f"{1000 * first:.0f} ms, then {speed:.0f} tokens/s; {BATCH} together {together:.0f}")  # fmt: skip
        if options.profile and dtype is torch.float32:
            with cProfile.Profile() as profile:
                one_stream(model, ids)
            pstats.Stats(profile).sort_stats("tottime").print_stats(22)


if __name__ == "__main__":
    main()
