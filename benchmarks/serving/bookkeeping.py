"""What the engine's bookkeeping costs the host a step: `plan` and `commit` of sequences that all decode.

    python benchmarks/serving/bookkeeping.py --json results.json

The gate comes first: every plan holds one token of every sequence, and all invariants hold. Times are of the one thread
that runs, so other processes count only by the caches and clock that they cost. The longest step is that of a page's
end, where all sequences, of the same length here, take a page and a snapshot at once.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from pathlib import Path

from sambay.engine.limits import Limits
from sambay.engine.request import Request
from sambay.engine.scheduler import Scheduler

PAGE_SIZE = 64


def decoding_scheduler(num_sequences: int, num_prompt: int, num_steps: int, needs_snapshots: bool) -> Scheduler:
    """A scheduler whose sequences are all through with their prompts, one plan ahead of the results."""
    max_length = num_prompt + num_steps + 100
    limits = Limits(
        page_size=PAGE_SIZE,
        num_slots=2 * num_sequences + 1,
        num_pages=num_sequences * (max_length // PAGE_SIZE + 2) + 1,
        max_model_len=max_length,
        max_sequences=num_sequences,
        max_batch_tokens=num_sequences * num_prompt,
        needs_snapshots=needs_snapshots,
    )
    scheduler = Scheduler(limits)
    for index in range(num_sequences):
        scheduler.add(Request(str(index), [(index * 7 + place * place) % 199_000 for place in range(num_prompt)]))
    while (plan := scheduler.plan()).num_decodes < num_sequences:
        scheduler.commit(plan, [[5]] * sum(segment.is_sampled for segment in plan.segments))
    scheduler.commit(plan, [[5]] * num_sequences)
    scheduler.check_invariants()
    return scheduler


def microseconds(num_sequences: int, num_prompt: int, num_steps: int, needs_snapshots: bool) -> dict[str, float]:
    """Median and longest of plan, commit, and both."""
    scheduler = decoding_scheduler(num_sequences, num_prompt, num_steps, needs_snapshots)
    results, planning, committing = [[5]] * num_sequences, [], []
    ahead = scheduler.plan()
    for _ in range(num_steps):
        start = time.thread_time_ns()
        plan = scheduler.plan()
        middle = time.thread_time_ns()
        scheduler.commit(ahead, results)
        planning.append((middle - start) / 1e3)
        committing.append((time.thread_time_ns() - middle) / 1e3)
        assert plan.num_decodes == num_sequences
        ahead = plan
    scheduler.check_invariants()
    both = [first + second for first, second in zip(planning, committing, strict=True)]
    return {
        "plan_median": statistics.median(planning),
        "commit_median": statistics.median(committing),
        "both_median": statistics.median(both),
        "both_mean": statistics.fmean(both),
        "both_longest": max(both),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, nargs="+", default=[1, 16, 64, 256])
    parser.add_argument("--prompts", type=int, nargs="+", default=[2048, 32_768])
    parser.add_argument("--steps", type=int, default=640)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = []
    print("sequences  prompt  state in  |  us: plan  commit  both  mean  longest")
    for num_sequences in arguments.sequences:
        for num_prompt in arguments.prompts:
            for needs_snapshots in (True, False):
                times = microseconds(num_sequences, num_prompt, arguments.steps, needs_snapshots)
                state = "slots+pages" if needs_snapshots else "pages"
                print(
                    f"{num_sequences:9} {num_prompt:7} {state:>11}  |", *(f"{value:7.0f}" for value in times.values())
                )
                rows.append({"num_sequences": num_sequences, "num_prompt": num_prompt, "state": state, **times})
    if arguments.json:
        machine = {"python": platform.python_version(), "processor": platform.processor() or platform.machine()}
        arguments.json.write_text(json.dumps({"machine": machine, "microseconds": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
