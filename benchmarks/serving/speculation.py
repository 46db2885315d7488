"""What drafting by look-up gains: tokens a second, and how many drafts stay, on problems of the curriculum.

    python benchmarks/serving/speculation.py --json results.json  # the model in the box
    python benchmarks/serving/speculation.py --model FOLDER --sampled

The gate comes first: in float32 every reply with drafts equals, token for token, the one without. `solve` asks for the
solution of a problem, `again` for the same after the conversation has solved it once: the best case of look-up, a text
that is said twice. With `--sampled` replies are drawn at temperature 0.6, else they are greedy. On a CPU, the rate a
second of its own time is the one that other programs disturb least.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import torch
import transformers

from sambay import LLM, SamplingParams
from sambay.chat import Message
from sambay.data.curriculum import FAMILIES, Split, draw_problem

KINDS = ("solve", "again")


def conversations_of(kind: str, num_problems: int) -> list[list[Message]]:
    """Problems of level 3 that nobody has trained on, of as many families."""
    source = random.Random(0)
    talks: list[list[Message]] = []
    for family in source.sample(list(FAMILIES.values()), num_problems):
        problem = draw_problem(family, source, 3, Split.TEST)
        question: Message = {"role": "user", "content": problem.question}
        reply: Message = {"role": "assistant", "content": problem.reply}
        talks.append([question, reply, question] if kind == "again" else [question])
    return talks


def measured(llm: LLM, talks: list[list[Message]], params: list[SamplingParams]) -> tuple[list[tuple[int, ...]], dict]:
    """The replies' tokens, and rates. tokens_per_step: of a sequence, each of whose steps says one token undrafted."""
    before, began, cpu_began = llm.counters, time.perf_counter(), time.process_time()
    replies = [output.token_ids for output in llm.chat(talks, params)]
    seconds, cpu_seconds, after = time.perf_counter() - began, time.process_time() - cpu_began, llm.counters
    drafted = after.num_drafted_tokens - before.num_drafted_tokens
    accepted = after.num_accepted_tokens - before.num_accepted_tokens
    num_tokens = sum(map(len, replies))
    return replies, {
        "tokens_per_s": num_tokens / seconds, "tokens_per_cpu_s": num_tokens / cpu_seconds, "num_tokens": num_tokens,
        "num_drafted": drafted, "accepted": accepted / drafted if drafted else 0.0,
        "tokens_per_step": num_tokens / (num_tokens - accepted),
    }  # fmt: skip


def compared(options: argparse.Namespace, num_sequences: int, params: list[SamplingParams]) -> Iterator[dict]:
    """A row for each number of drafts and kind, none first. Raises AssertionError where drafts changed a reply."""
    plain: dict[str, list[tuple[int, ...]]] = {}
    for num_drafted in sorted({0, *options.drafted}):
        llm = LLM(
            options.model, dtype=options.dtype, max_sequences=num_sequences, num_drafted=num_drafted,
            has_prefix_cache=False,
        )  # fmt: skip
        for kind in KINDS:
            talks = conversations_of(kind, len(params))
            if torch.cuda.is_available():
                measured(llm, talks, params)  # compiles kernels and captures graphs
            replies, rates = measured(llm, talks, params)
            plain.setdefault(kind, replies)
            num_same = sum(mine == yours for mine, yours in zip(replies, plain[kind], strict=True))
            assert options.dtype != "float32" or num_same == len(replies), "drafts have changed a reply"
            yield {"kind": kind, "sequences": num_sequences, "drafted": num_drafted, "same": num_same, **rates}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", help="a folder; left out: the model in the box")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--drafted", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--sequences", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--problems", type=int, default=8)
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--sampled", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    temperature = 0.6 if options.sampled else 0.0
    params = [
        SamplingParams(temperature=temperature, seed=index, max_tokens=options.max_tokens)
        for index in range(options.problems)
    ]
    results = []
    for num_sequences in options.sequences:
        for row in compared(options, num_sequences, params):
            results.append(row)
            print(
                f"{row['kind']:5} {num_sequences:3} sequences, {row['drafted']:2} drafted: {row['tokens_per_s']:5.0f}"
                f" tokens/s ({row['tokens_per_cpu_s']:5.0f} a second of CPU time), {100 * row['accepted']:3.0f} % of"
                f" {row['num_drafted']:5} drafts stay,"
                f" {row['tokens_per_step']:.2f} tokens a step, {row['same']}/{options.problems} replies equal"
            )
    if options.json:
        is_gpu = torch.cuda.is_available()
        device = torch.cuda.get_device_name() if is_gpu else f"CPU, {torch.get_num_threads()} threads"
        head = {"device": device, "torch": torch.__version__, "dtype": options.dtype, "temperature": temperature}
        options.json.write_text(json.dumps({**head, "results": results}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
