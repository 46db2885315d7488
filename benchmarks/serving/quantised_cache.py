"""What a cache of 8 or 4 bits changes: logits along the same tokens, greedy replies, and right answers.

    python benchmarks/serving/quantised_cache.py --json results.json  # the model in the box
    python benchmarks/serving/quantised_cache.py --model FOLDER --dtype bfloat16 --problems 48

Prompts are problems of the curriculum's level 3 that nobody has trained on. `logits` compares along the replies that
the plain cache gave, so that one token that differs does not count for all after it: the relative error of their norm,
and the divergence in nats of the next token's distribution.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import torch
import transformers
from torch import Tensor

from sambay import LLM, SamplingParams
from sambay.data.curriculum import FAMILIES, Problem, Split, draw_problem
from sambay.engine.cache_format import CACHE_DTYPES

Tokens = tuple[int, ...]


def problems_of(num_problems: int) -> list[Problem]:
    source = random.Random(0)
    return [
        draw_problem(family, source, 3, Split.TEST) for family in source.sample(list(FAMILIES.values()), num_problems)
    ]


@torch.inference_mode()
def logits_along(llm: LLM, prompt: Tokens, reply: Tokens) -> Tensor:
    """After the prompt and each token of the reply, of one sequence in slot 1 and the first pages."""
    forward, pools, ids = llm.engine.runner.forward, llm.engine.runner.pools, prompt + reply
    pools.place_pages([(1, column, column + 1) for column in range(-(-len(ids) // pools.page_tokens))])
    pools.clear_slots([1])

    def tensor(value: int) -> Tensor:
        return torch.tensor([value], device=forward.device)

    stream = forward.read(prompt, 1, 0, is_sampled=True)
    assert stream is not None
    logits = [forward.after_reading([stream], forward.decoder.rows(tensor(1), tensor(len(prompt) - 1)))]
    for position in range(len(prompt), len(ids)):
        logits.append(forward.decode(tensor(ids[position]), forward.decoder.rows(tensor(1), tensor(position))))
    return torch.cat(logits).float()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", help="a folder; left out: the model in the box")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--problems", type=int, default=24)
    parser.add_argument("--max-tokens", type=int, default=200)
    parser.add_argument("--along", type=int, default=6, help="replies along which logits are compared")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    problems = problems_of(options.problems)
    talks = [[{"role": "user", "content": problem.question}] for problem in problems]
    params = SamplingParams(temperature=0, max_tokens=options.max_tokens)
    plain: list[Tokens] = []
    expected, results = torch.empty(0), []
    for cache_dtype in CACHE_DTYPES:
        llm = LLM(options.model, dtype=options.dtype, max_sequences=12, max_model_len=2048, cache_dtype=cache_dtype)
        outputs = llm.chat(talks, params)
        replies = [output.token_ids for output in outputs]
        plain = plain or replies
        num_right = sum(
            f"\\boxed{{{one.answer}}}" in output.text for one, output in zip(problems, outputs, strict=True)
        )
        pairs = [(output.prompt_token_ids, reply) for output, reply in zip(outputs, plain, strict=True)]
        logits = torch.cat([logits_along(llm, *pair) for pair in pairs[: options.along]])
        expected = logits if cache_dtype == "auto" else expected
        divergence = torch.nn.functional.kl_div(
            logits.log_softmax(-1), expected.log_softmax(-1), reduction="none", log_target=True
        ).sum(-1)
        row = {
            "cache_dtype": cache_dtype, "relative_error": float((logits - expected).norm() / expected.norm()),
            "mean_nats": float(divergence.mean()), "most_nats": float(divergence.max()), "places": len(logits),
            "same_replies": sum(mine == yours for mine, yours in zip(replies, plain, strict=True)), "right": num_right,
        }  # fmt: skip
        results.append(row)
        print(
            f"{cache_dtype:5} logits move by {row['relative_error']:.1e}, {row['mean_nats']:.1e} nats a token and"
            f" {row['most_nats']:.1e} at most over {row['places']}; {row['same_replies']}/{len(problems)} replies the"
            f" same, {num_right} right"
        )
    if options.json:
        head = {"torch": torch.__version__, "dtype": options.dtype, "problems": len(problems)}
        options.json.write_text(json.dumps({**head, "results": results}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
