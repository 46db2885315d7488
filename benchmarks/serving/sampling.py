"""What choosing the next tokens costs a step, for each kind of parameters, and what it costs the host alone.

    python benchmarks/serving/sampling.py --json results.json            # one GPU
    python benchmarks/serving/sampling.py --rows 1 64 --vocabulary 4096  # a CPU, the default model's vocabulary

The gate comes first: rows of all kinds, in one batch and in another order, get the tokens that each gets alone, and a
hundred thousand draws of one row keep to its softmax. Logits are bfloat16, normal with a deviation of 3, so that top-p
keeps some hundreds of tokens. `softmax` is torch's, of the same logits in float32: a yardstick of what reading them
costs. On a GPU `device` is the time between two events with all steps queued, and `host` what one call takes to return.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1] / "kernels"))
from timing import device_name, milliseconds

from sambay.engine.sampler import Sampler
from sambay.engine.sampling_params import SamplingParams

# Letters: T rows, V vocabulary.

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
KINDS = {
    "greedy": SamplingParams(temperature=0),
    "temperature": SamplingParams(temperature=0.6),
    "min-p": SamplingParams(temperature=0.6, min_p=0.05),
    "top-k 50": SamplingParams(temperature=0.6, top_k=50, top_p=0.95),
    "top-p 0.95": SamplingParams(temperature=0.6, top_p=0.95),
    "penalties": SamplingParams(temperature=0, frequency_penalty=0.5),
    "log-probabilities": SamplingParams(temperature=0, logprobs=5),
}


def logits_of(num_rows: int, vocab_size: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return (torch.randn(num_rows, vocab_size, generator=generator) * 3).to(DEVICE, torch.bfloat16)


def check(vocab_size: int) -> None:
    """Raises AssertionError unless a row's token is its own in any batch, and draws are those of the softmax."""
    sampler, num_rows = Sampler(vocab_size, DEVICE), 5 * len(KINDS)
    logits_TV = logits_of(num_rows, vocab_size)
    for row in range(num_rows):
        sampler.add(row, list(KINDS.values())[row % len(KINDS)], row)
    together = sampler.sample(logits_TV, range(num_rows), [0] * num_rows).token_ids_T
    order = torch.randperm(num_rows, generator=torch.Generator().manual_seed(1))
    for row in range(num_rows):  # counts go back to nothing
        sampler.add(row, list(KINDS.values())[row % len(KINDS)], row)
    mixed = sampler.sample(logits_TV[order], order.tolist(), [0] * num_rows).token_ids_T
    alone = []
    for row in range(num_rows):
        sampler.add(row, list(KINDS.values())[row % len(KINDS)], row)
        alone.append(int(sampler.sample(logits_TV[row : row + 1], [row], [0]).token_ids_T))
    assert together.tolist() == alone, "tokens in a batch differ from those alone"
    assert mixed.tolist() == [alone[row] for row in order], "the order of a batch changes tokens"
    check_draws(num_draws=100_000)


def check_draws(num_draws: int, num_ids: int = 200) -> None:
    sampler, logits_TV = Sampler(num_ids, DEVICE), logits_of(1, num_ids)
    sampler.add("all", SamplingParams(), 7)
    drawn = sampler.sample(logits_TV.expand(num_draws, -1), ["all"] * num_draws, range(num_draws)).token_ids_T
    expected = num_draws * logits_TV[0].double().softmax(-1).cpu()
    is_common = expected > 5
    counts = torch.bincount(drawn.cpu(), minlength=num_ids)
    statistic = float(((counts - expected) ** 2 / expected)[is_common].sum())
    freedom = int(is_common.sum()) - 1
    assert statistic < freedom + 4 * (2 * freedom) ** 0.5, f"chi-squared {statistic:.0f} at {freedom} degrees"


def measured(kind: str, num_rows: int, vocab_size: int, repeats: int) -> dict[str, float]:
    sampler, logits_TV = Sampler(vocab_size, DEVICE), logits_of(num_rows, vocab_size)
    rows = range(num_rows)
    for row in rows:
        sampler.add(row, KINDS[kind], row, prompt_ids=[1, 2, 3])
    places = iter(range(10**9))

    def step() -> None:
        sampler.sample(logits_TV, rows, [next(places)] * num_rows)

    step()
    began = time.perf_counter()
    for _ in range(repeats):
        step()
    host_ms = 1e3 * (time.perf_counter() - began) / repeats
    return {"device_ms": milliseconds(step, repeats, host_ms=3 * host_ms), "host_ms": host_ms}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--vocabulary", type=int, default=200_064)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 16, 64, 256] if DEVICE.type == "cuda" else [1, 8])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    check(min(arguments.vocabulary, 20_000))
    print(f"{device_name()}, torch {torch.__version__}, vocabulary {arguments.vocabulary:,}; the gate passed")
    results = []
    for num_rows in arguments.rows:
        logits_TV = logits_of(num_rows, arguments.vocabulary).float()
        softmax_ms = milliseconds(lambda logits_TV=logits_TV: logits_TV.softmax(-1), arguments.repeats, host_ms=0.1)
        print(f"{num_rows:4} rows: softmax {softmax_ms:.3f} ms")
        for kind in KINDS:
            times = measured(kind, num_rows, arguments.vocabulary, arguments.repeats)
            results.append({"rows": num_rows, "kind": kind, "softmax_ms": softmax_ms, **times})
            print(f"    {kind:18} device {times['device_ms']:8.3f} ms, host {times['host_ms']:7.3f} ms")
    if arguments.json:
        head = {"device": device_name(), "torch": torch.__version__, "vocabulary": arguments.vocabulary}
        arguments.json.write_text(json.dumps({**head, "results": results}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
