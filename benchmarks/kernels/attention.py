"""Differential attention as the model computes it, one FlexAttention call, against FlashAttention-style calls.

    python benchmarks/kernels/attention.py                                                  # one GPU, a minute
    python benchmarks/kernels/attention.py --lengths 48 --window 16 --repeats 3             # a CPU

Released widths: 40 query and 20 key/value heads of 64, one row, bfloat16, causal and with a window. Queries, keys and
values are given as heads of 64; each way makes of them what its calls take, and that is part of its time. All give the
two maps of each pair before they are subtracted:

  ours       one FlexAttention call as in training: keys of width 64 with values [v1|v2] of 128, written twice
  ours wide  one as over a cache: keys [k1|k2] and values [v1|v2] of width 128, queries [q|0] and [0|q]
  flash x4   FlashAttention needs one width for all: each map with each half of the values
  flash x2   one call a map, queries and keys padded to the values' width of 128
  cudnn x2   one call a map, of width 64 with values of 128, where cuDNN takes that

SDPA's FlashAttention has no window; torch's own operator beneath it has, and is what the windowed calls use. The gate
comes first: values and gradients of all against softmax in float32 on fresh random data. TFLOP/s count the products
that are needed, 2 * (64 + 128) a visible pair of query and key and head forward and 2.5 times as many backward. On a
CPU FlexAttention has no backward pass, and neither check nor time.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.attention.flex_attention import flex_attention

sys.path.insert(0, str(Path(__file__).parent))
from timing import device_name, milliseconds, relative_error

from sambay.model import attention as model_attention
from sambay.model.block_masks import causal_blocks

# Letters: S positions, H query heads, G key/value heads, C their width. Tensors are (1, heads, S, width).

HEADS, GROUPS, WIDTH = 40, 20, 64
SCALE = WIDTH**-0.5
LIMIT = 1.5e-2  # relative: probabilities and outputs, and their gradients, are rounded to 2^-9 several times in a row
ON_GPU = torch.cuda.is_available()
Way = Callable[[Tensor, Tensor, Tensor, int | None], tuple[Tensor, Tensor]]


def ours(q: Tensor, k: Tensor, v: Tensor, window: int | None) -> tuple[Tensor, Tensor]:
    return one_call(model_attention.split_block_sparse_attention, q, k, v, window)


def ours_wide(q: Tensor, k: Tensor, v: Tensor, window: int | None) -> tuple[Tensor, Tensor]:
    even, odd = F.pad(q[:, 0::2], (0, WIDTH)), F.pad(q[:, 1::2], (WIDTH, 0))
    return one_call(model_attention.block_sparse_attention, torch.stack([even, odd], dim=2).flatten(1, 2), k, v, window)


def one_call(attend: Callable, q: Tensor, k: Tensor, v: Tensor, window: int | None) -> tuple[Tensor, Tensor]:
    blocks = causal_blocks(q.shape[2], window, None, q.device)
    module = SimpleNamespace(training=q.requires_grad)
    maps_BSHC, _ = attend(module, q, pair(k), pair(v), blocks, SCALE)
    maps = maps_BSHC.transpose(1, 2)
    return maps[:, 0::2], maps[:, 1::2]


def pair(heads: Tensor) -> Tensor:
    """Heads 2p and 2p+1 side by side, laid out as the model's projection lays them out."""
    return heads.transpose(1, 2).unflatten(2, (-1, 2)).flatten(3).transpose(1, 2)


def flash_four(q: Tensor, k: Tensor, v: Tensor, window: int | None) -> tuple[Tensor, Tensor]:
    halves = [v[:, 0::2], v[:, 1::2]]
    maps = [
        torch.cat([flash(q[:, s::2], k[:, s::2], half, window) for half in halves], dim=-1) for s in (0, 1)
    ]  # fmt: skip
    return maps[0], maps[1]


def flash_two(q: Tensor, k: Tensor, v: Tensor, window: int | None) -> tuple[Tensor, Tensor]:
    wide_q, wide_k, values = F.pad(q, (0, WIDTH)), F.pad(k, (0, WIDTH)), pair(v)
    first, second = (flash(wide_q[:, s::2], wide_k[:, s::2], values, window) for s in (0, 1))
    return first, second


def cudnn_two(q: Tensor, k: Tensor, v: Tensor, window: int | None) -> tuple[Tensor, Tensor]:
    if window is not None or not ON_GPU:
        raise RuntimeError("has no window" if ON_GPU else "no CUDA device")
    values = pair(v)
    with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
        first, second = (causal(q[:, s::2], k[:, s::2], values) for s in (0, 1))
    return first, second


def flash(q: Tensor, k: Tensor, v: Tensor, window: int | None) -> Tensor:
    if window is None:
        with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
            return causal(q, k, v)
    if not ON_GPU:  # stands in, to try the script
        return F.scaled_dot_product_attention(
            q, k, v, visible(q.shape[2], window, q.device), scale=SCALE, enable_gqa=True
        )
    length = q.shape[2]
    output = torch.ops.aten._flash_attention_forward(
        *(heads.transpose(1, 2) for heads in (q, k, v)), None, None, length, length, 0.0, True, False, scale=SCALE,
        window_size_left=window - 1, window_size_right=0,
    )[0]  # fmt: skip
    return output.transpose(1, 2)


def causal(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=SCALE, enable_gqa=True)


def visible(length: int, window: int | None, device: torch.device) -> Tensor:
    places = torch.arange(length, device=device)
    distance = places[:, None] - places
    return (distance >= 0) & (distance < (window or length))


def exact(q: Tensor, k: Tensor, v: Tensor, window: int | None) -> tuple[Tensor, Tensor]:
    """As the paper writes it (arXiv 2410.05258, equation 1), in the type of its inputs."""
    mask, maps = visible(q.shape[2], window, q.device), []
    values = torch.cat([v[:, 0::2], v[:, 1::2]], dim=-1).repeat_interleave(HEADS // GROUPS, dim=1)
    for s in (0, 1):
        keys = k[:, s::2].repeat_interleave(HEADS // GROUPS, dim=1)
        scores = (q[:, s::2] @ keys.transpose(2, 3) * SCALE).masked_fill(~mask, float("-inf"))
        maps.append(scores.softmax(-1) @ values)
    return maps[0], maps[1]


WAYS: dict[str, Way] = {
    "ours": ours,
    "ours wide": ours_wide,
    "flash x4": flash_four,
    "flash x2": flash_two,
    "cudnn x2": cudnn_two,
}


def inputs(length: int) -> list[Tensor]:
    """As the projection gives them: heads side by side in memory, seen as (1, heads, S, width)."""
    device = "cuda" if ON_GPU else "cpu"
    fused = torch.randn(1, length, HEADS + 2 * GROUPS, WIDTH, device=device, dtype=torch.bfloat16)
    return [part.transpose(1, 2) for part in fused.split([HEADS, GROUPS, GROUPS], dim=2)]


def has_backward(way: Way) -> bool:
    return ON_GPU or way not in (ours, ours_wide)


def check(way: Way, length: int, window: int | None) -> float:
    given = inputs(length)
    grads = [torch.randn(1, HEADS // 2, length, 2 * WIDTH, device=given[0].device).bfloat16() for _ in range(2)]
    wide, needs_gradients = [part.float() for part in given], has_backward(way)
    found = values_and_gradients(way, given, grads, window, needs_gradients)
    wanted = values_and_gradients(exact, wide, grads, window, needs_gradients)
    worst = max(relative_error(*both) for both in zip(found, wanted, strict=True))
    if not worst <= LIMIT:
        raise SystemExit(f"{way.__name__} at {length} tokens, window {window}, is wrong: {worst:.1e}")
    return worst


def values_and_gradients(way: Way, given: list[Tensor], grads, window, needs_gradients: bool) -> list[Tensor]:
    leaves = [part.detach().requires_grad_(needs_gradients) for part in given]
    maps = way(*leaves, window)
    if not needs_gradients:
        return list(maps)
    total = [gradient.to(part.dtype) for gradient, part in zip(grads, maps, strict=True)]
    return [*(part.detach() for part in maps), *torch.autograd.grad(maps, leaves, total)]


def measure(way: Way, length: int, window: int | None, repeats: int) -> dict[str, float | None]:
    leaves = [part.requires_grad_(has_backward(way)) for part in inputs(length)]
    forward = milliseconds(partial(way, *leaves, window), repeats)
    if not has_backward(way):
        return {"forward_ms": forward, "backward_ms": None}
    maps = way(*leaves, window)
    grads = [torch.randn_like(part) for part in maps]
    backward = milliseconds(partial(torch.autograd.grad, maps, leaves, grads, retain_graph=True), repeats)
    return {"forward_ms": forward, "backward_ms": backward}


def needed_flops(length: int, window: int | None) -> float:
    near = min(window or length, length)
    pairs = near * (near + 1) // 2 + (length - near) * near
    return 2.0 * (WIDTH + 2 * WIDTH) * HEADS * pairs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs="+", default=[4096, 8192, 32768])
    parser.add_argument("--check-lengths", type=int, nargs="+", help="of the gate; 1111 and 2048 on a GPU")
    parser.add_argument("--window", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not ON_GPU:  # where compiling it takes a minute
        model_attention.compile_friendly_flex_attention = plain_flex
    print(device_name(), "torch", torch.__version__)
    rows = []
    for window in (None, options.window):
        ways = usable_ways(options.check_lengths or ([1111, 2048] if ON_GPU else [37]), window)
        for length in options.lengths:
            rows += report(ways, length, window, options.repeats)
    if options.json:
        options.json.write_text(json.dumps({"device": device_name(), "rows": rows}, indent=1) + "\n", encoding="utf-8")


def plain_flex(query: Tensor, key: Tensor, value: Tensor, **options) -> Tensor:
    del options["training"], options["kernel_options"]
    return torch.compile(flex_attention, backend="eager")(query, key, value, **options)


def usable_ways(lengths: list[int], window: int | None) -> dict[str, Way]:
    """Those that run here, each checked. Ours must run and be right; a peer that cannot run is named."""
    usable = {}
    for name, way in WAYS.items():
        try:
            worst = max(check(way, length, window) for length in lengths)
        except RuntimeError as error:
            if way in (ours, ours_wide):
                raise
            print(f"{name}, window {window}: {str(error).splitlines()[0][:100]}", flush=True)
            continue
        print(f"{name}, window {window}: worst error {worst:.1e} (allowed {LIMIT:.1e})", flush=True)
        usable[name] = way
    return usable


def report(ways: dict[str, Way], length: int, window: int | None, repeats: int) -> list[dict]:
    rows = []
    flops = needed_flops(length, window)
    for name, way in ways.items():
        torch._dynamo.reset()  # as in training at one length: a graph of this shape, not of any
        found = measure(way, length, window, repeats)
        rows.append({"way": name, "length": length, "window": window, **found})
        line = f"{length:6} window {window or '-':>5} {name:9} forward {found['forward_ms']:.3f} ms "
        line += f"({flops / found['forward_ms'] / 1e9:.0f} TFLOP/s)"
        if found["backward_ms"] is not None:
            line += f", backward {found['backward_ms']:.3f} ms ({2.5 * flops / found['backward_ms'] / 1e9:.0f} TFLOP/s)"
        print(line, flush=True)
    for part in ("forward_ms", "backward_ms"):
        peers = [row[part] for row in rows if row["way"] not in ("ours", "ours wide") and row[part] is not None]
        if peers and rows[0][part] is not None:
            print(f"{'':21} {part[:-3]}: {min(peers) / rows[0][part]:.2f} times as fast as the best peer", flush=True)
    return rows


if __name__ == "__main__":
    main()
