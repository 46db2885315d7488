"""Attention of one new token a sequence over cached pages, beside the time that its bytes take at 3.0 TB/s.

    python benchmarks/kernels/paged_attention.py                     # one GPU, under a minute
    TRITON_INTERPRET=1 python benchmarks/kernels/paged_attention.py --size tiny    # a CPU: the script's logic alone

The released model's full layer: 40 query heads of 64, 10 cached pairs of width 128, bfloat16, differential; pages of 64
tokens, scattered. Correct first, on fresh random data against the plain twin, all splits and page sizes; then CUDA
graphs of whole calls (both kernels), in milliseconds of the median. Every graph holds enough calls, over different
pages, that no call finds its keys in the second-level cache. `capacity` is what the page table's width admits: the
programs follow from it, not from the lengths. Sequences marked `mixed` have lengths spread evenly from 1 to twice the
mean.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent))
from isolated import kernel_module
from timing import device_name, milliseconds, relative_error

kernel, twin = kernel_module("paged"), kernel_module("reference_paged")

BYTES_PER_MS = 3.0e9
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
LIMIT = 6e-3  # relative, of norms: the weights' and the result's rounding to bfloat16
STORED = {16: torch.bfloat16, 8: torch.float8_e4m3fn, 4: torch.uint8}
CACHE_BYTES = 100 << 20  # twice the second-level cache: calls of one graph together touch at least this


class Shape(NamedTuple):
    num_heads: int
    num_groups: int
    width: int
    page_tokens: int


class Load(NamedTuple):
    batch: int
    context: int
    capacity: int
    is_mixed: bool = False


SHAPES = {"released": Shape(40, 10, 128, 64), "tiny": Shape(8, 2, 32, 16)}
CONTEXTS = (2_048, 18_432, 34_816)
LOADS = {
    "released": [
        *(Load(batch, context, 34_816) for batch in (1, 16, 64, 256) for context in CONTEXTS),
        Load(1, 65_536, 262_144), Load(1, 262_144, 262_144), Load(1, 2_048, 262_144), Load(64, 18_432, 262_144),
        Load(16, 18_432, 65_536, is_mixed=True), Load(64, 18_432, 65_536, is_mixed=True),
        Load(256, 9_216, 34_816, is_mixed=True),
    ],
    "tiny": [Load(1, 70, 200), Load(3, 90, 200, is_mixed=True)],
}  # fmt: skip
RINGS = {"released": [Load(batch, 512, 512) for batch in (1, 16, 64, 256)], "tiny": [Load(2, 48, 48)]}


def pairing(shape: Shape):
    weight = (1 + 0.3 * torch.randn(shape.width, device=DEVICE)).bfloat16()
    return twin.Pairing(torch.tensor(0.4, device=DEVICE), weight, 0.7, 1e-5)


def lengths_of(load: Load) -> list[int]:
    if not load.is_mixed:
        return [load.context] * load.batch
    return [max(1, round(2 * load.context * (row + 0.5) / load.batch)) for row in torch.randperm(load.batch).tolist()]


def pools_of(num_pages: int, shape: Shape, bits: int) -> dict[str, Tensor]:
    """Keys and values of all pages, and their scales, by the kernel's names."""
    size = (num_pages, shape.page_tokens, shape.num_groups, shape.width // 2 if bits == 4 else shape.width)
    pools = {}
    for name in ("key", "value"):
        pool = torch.empty(size, dtype=STORED[bits], device=DEVICE)
        for pages in pool.split(4096):  # random numbers of all of them at once would be large
            if bits == 4:
                pages.random_(256)
            else:  # float8 has no random numbers
                pages.copy_(torch.randn(pages.shape, device=DEVICE, dtype=torch.bfloat16))
        pools[f"{name}s_PSGC"] = pool
        if bits == 8:
            pools[f"{name}_scales"] = torch.full((shape.num_groups,), 0.7, device=DEVICE)
        if bits == 4:
            scale = 0.1 + 0.2 * torch.rand(*size[:3], 2, 1, device=DEVICE).half()
            pools[f"{name}_scales"] = torch.cat([scale, -7 * scale], dim=-1)
    return pools


def as_rings(pools: dict[str, Tensor], window: int) -> dict[str, Tensor]:
    """The same memory in pages of a window."""
    rings = dict(pools)
    for name, pool in pools.items():
        if pool.ndim > 1:
            size = window * pool[0, 0].numel()
            rings[name] = pool.flatten()[: pool.numel() // size * size].view(-1, window, *pool.shape[2:])
    return rings


def call(load: Load, shape: Shape, pools: dict[str, Tensor], pages: Tensor) -> dict:
    """Arguments over the given pages (at least what the lengths need), in their order."""
    lengths = lengths_of(load)
    table = torch.zeros(load.batch, -(-load.capacity // shape.page_tokens), dtype=torch.int32)
    used = 0
    for row, length in enumerate(lengths):
        needed = -(-length // shape.page_tokens)
        table[row, :needed] = pages[used : used + needed]
        used += needed
    head_width = shape.width // 2
    return pools | {
        "queries_BHC": torch.randn(load.batch, shape.num_heads, head_width, device=DEVICE).bfloat16(),
        "page_table_BM": table.to(DEVICE), "lengths_B": torch.tensor(lengths, dtype=torch.int32, device=DEVICE),
        "scale": head_width**-0.5, "pairing": pairing(shape),
    }  # fmt: skip


def num_pages_of(load: Load, page_tokens: int) -> int:
    return sum(-(-length // page_tokens) for length in lengths_of(load))


# ------------------------------------------------------------------------------------------------- correctness


def check(shape: Shape, bits: int) -> float:
    """The worst error of any sequence; stops the script where it is beyond what rounding leaves."""
    worst = 0.0
    for page_tokens, load in ((16, Load(5, 300, 640, is_mixed=True)), (64, Load(3, 700, 1_408, is_mixed=True)),
                              (512, Load(4, 200, 512, is_mixed=True))):  # fmt: skip
        shape = shape._replace(page_tokens=page_tokens)
        num_pages = num_pages_of(load, page_tokens) + 3
        given = call(load, shape, pools_of(num_pages, shape, bits), torch.randperm(num_pages))
        wanted = twin.paged_attention(**(given | {"queries_BHC": given["queries_BHC"].double()}))
        for num_splits in (None, 1, 2, 7):
            found = kernel.paged_attention(**given, num_splits=num_splits)
            worst = max(worst, *(relative_error(*rows) for rows in zip(found, wanted, strict=True)))
    if not worst <= LIMIT:
        raise SystemExit(f"wrong, {bits} bits: relative error {worst:.1e}")
    return worst


# ------------------------------------------------------------------------------------------------------- times


def graph_of(run: Callable[[], object]) -> Callable[[], None]:
    if DEVICE == "cpu":
        return run  # type: ignore[return-value]
    run()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


def measure(load: Load, shape: Shape, bits: int, pools: dict[str, Tensor], repeats: int) -> dict:
    """Median time of one call, and what it is made of."""
    tokens = sum(lengths_of(load))
    num_bytes = tokens * shape.num_groups * 2 * (shape.width * bits // 8 + (8 if bits == 4 else 0))
    num_calls = max(2, min(32, -(-CACHE_BYTES // num_bytes))) if DEVICE == "cuda" else 1
    needed, available = num_pages_of(load, shape.page_tokens), len(pools["keys_PSGC"])
    calls = []
    for index in range(num_calls):
        order = torch.randperm(available)  # a ring's pages are few: a call may meet another's again
        start = index * needed % max(1, available - needed + 1)
        pages = order[:needed] if needed * num_calls > available else torch.arange(start, start + needed)
        calls.append(call(load, shape, pools, pages[torch.randperm(needed)]))

    def run() -> None:
        for arguments in calls:
            kernel.paged_attention(**arguments)

    time_ms, floor_ms = milliseconds(graph_of(run), repeats) / num_calls, num_bytes / BYTES_PER_MS
    processors = torch.cuda.get_device_properties(0).multi_processor_count if DEVICE == "cuda" else 1
    splits = kernel.default_splits(load.batch, shape.num_groups, load.capacity, processors)
    return {
        **load._asdict(), "page_tokens": shape.page_tokens, "bits": bits, "splits": splits, "ms": time_ms,
        "floor_ms": floor_ms, "ratio": time_ms / floor_ms,
    }  # fmt: skip


def measure_writing(batch: int, shape: Shape, bits: int, pools: dict[str, Tensor], repeats: int) -> dict:
    new = [torch.randn(batch, shape.num_groups, shape.width, device=DEVICE).bfloat16() for _ in range(2)]
    num_rows = len(pools["keys_PSGC"]) * shape.page_tokens
    rows = torch.randperm(num_rows)[:batch].to(DEVICE)
    write = partial(kernel.write_cache, *new, rows_B=rows, **pools)
    num_calls = 20 if DEVICE == "cuda" else 1
    time_ms = milliseconds(graph_of(lambda: [write() for _ in range(num_calls)]), repeats) / num_calls
    return {"batch": batch, "bits": bits, "write_ms": time_ms}


def report(row: dict) -> dict:
    if "write_ms" in row:
        print(f"write_cache, {row['bits']:2} bits, batch {row['batch']:3}: {row['write_ms']:.4f} ms")
    else:
        kind = "ring" if row["page_tokens"] >= row["capacity"] else "mixed" if row["is_mixed"] else ""
        print(f"{row['bits']:4} {row['batch']:5} {row['context']:8} {row['capacity']:8} {row['splits']:6} {kind:5} "
              f"{row['ms']:9.4f} {row['floor_ms']:9.4f} {row['ratio']:6.2f}", flush=True)  # fmt: skip
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=list(SHAPES), default="released")
    parser.add_argument("--bits", type=int, nargs="+", choices=list(STORED), default=list(STORED))
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.manual_seed(torch.seed() % 2**32)
    shape, rows = SHAPES[options.size], []
    print(device_name(), "torch", torch.__version__)
    for bits in options.bits:
        print(f"correct, {bits} bits: relative error {check(shape, bits):.1e}")
    print("bits batch  context capacity splits             ms     floor  ratio")
    for bits in options.bits:
        largest = max(num_pages_of(load, shape.page_tokens) for load in LOADS[options.size])
        pools, window = pools_of(largest + 1, shape, bits), RINGS[options.size][0].capacity
        rows += [report(measure(load, shape, bits, pools, options.repeats)) for load in LOADS[options.size]]
        rows += [report(measure_writing(b, shape, bits, pools, options.repeats)) for b in (1, 64)]
        rings, shape_of_rings = as_rings(pools, window), shape._replace(page_tokens=window)
        rows += [report(measure(load, shape_of_rings, bits, rings, options.repeats)) for load in RINGS[options.size]]
        del pools, rings
    if options.json:
        result = {"device": device_name(), "torch": torch.__version__, "rows": rows}
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
