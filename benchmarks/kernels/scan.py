"""The selective scan, forward and backward: correct first, then timed, beside mamba-ssm's CUDA kernel where it is
given.

    python benchmarks/kernels/scan.py [--sweep] [--peer FOLDER]

FOLDER is an unpacked mamba-ssm sdist; its CUDA sources are built with torch's extension loader. Times are medians of
CUDA events in milliseconds on fresh random bf16 inputs, state 16, with the skip, the bias and the gate fused, as a
Mamba
layer calls it. `--sweep` times other tilings than the chosen ones.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
from isolated import kernel_module

scan = kernel_module("scan")
reference = kernel_module("reference")
SHAPES = [(1, 8_192, 5_120), (1, 32_768, 5_120), (8, 4_096, 3_968)]
STATES = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--peer", type=Path, help="folder of an unpacked mamba-ssm sdist")
    options = parser.parse_args()
    print(torch.cuda.get_device_name(), "torch", torch.__version__)
    for shape in [(1, 1, 64), (2, 5, 1), (2, 63, 70), (1, 1000, 5_120), (3, 515, 3_968)]:
        check(shape)
    if options.sweep:
        sweep()
    peer = load_peer(options.peer) if options.peer else None
    for shape in SHAPES:
        report(shape, peer)


def inputs(shape: tuple[int, int, int], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """As in a layer: x and gate are halves of one projection, B and C slices of another; decays from slow to fast."""
    batch, length, channels = shape
    device = "cuda"
    both = torch.randn(batch, length, 2 * channels, device=device, dtype=dtype)
    projected = torch.randn(batch, length, 2 * STATES + 160, device=device, dtype=dtype)
    delta_bias = torch.log(torch.expm1(torch.logspace(-3, -1, channels, device=device)))
    return {
        "x_BSE": both[..., :channels],
        "delta_BSE": torch.randn(batch, length, channels, device=device, dtype=dtype),
        "A_EN": -torch.arange(1.0, STATES + 1, device=device) * (0.5 + torch.rand(channels, 1, device=device)),
        "B_BSN": projected[..., 160 : 160 + STATES],
        "C_BSN": projected[..., 160 + STATES :],
        "D_E": torch.randn(channels, device=device),
        "delta_bias_E": delta_bias,
        "gate_BSE": both[..., channels:],
    }


def check(shape: tuple[int, int, int]) -> None:
    """Values and gradients against the float32 twin, with a document boundary, an initial state and the memory."""
    batch, length, channels = shape
    for dtype in (torch.float32, torch.bfloat16):
        given = inputs(shape, dtype)
        given["initial_state_BEN"] = torch.randn(batch, channels, STATES, device="cuda")
        segments = torch.randint(0, 40, (batch, length), device="cuda").div(39, rounding_mode="floor").cumsum(1)
        weights = [torch.randn(s, device="cuda") for s in ((*shape,), (*shape,), (batch, channels, STATES))]
        weights = [weight.bfloat16().float() for weight in weights]  # both sides start equal
        found = values_and_gradients(scan.selective_scan, given, weights, segments)
        exact = {name: tensor.float() for name, tensor in given.items()}
        wanted = values_and_gradients(reference.selective_scan, exact, weights, segments)
        again = values_and_gradients(scan.selective_scan, given, weights, segments)
        errors = {name: relative_error(found[name], wanted[name]) for name in wanted}
        limit = 2e-5 if dtype == torch.float32 else 1e-2
        worst = max(errors, key=errors.__getitem__)
        same = all(torch.equal(found[name], again[name]) for name in found)
        line = f"check {shape} {str(dtype)[6:]}: worst {worst} {errors[worst]:.1e}, repeats bit by bit: {same}"
        print(line, flush=True)
        if not (errors[worst] <= limit and same):
            raise SystemExit(f"wrong: {errors}")


def values_and_gradients(function, given, weights, segments) -> dict[str, torch.Tensor]:
    leaves = {name: tensor.detach().clone().requires_grad_() for name, tensor in given.items()}
    results = function(**leaves, segment_ids_BS=segments, return_memory=True)
    sum((result.float() * weight).sum() for result, weight in zip(results, weights, strict=True)).backward()
    values = dict(zip(("output", "memory", "final"), results, strict=True))
    return {**values, **{f"grad {name}": leaf.grad for name, leaf in leaves.items()}}


def relative_error(found: torch.Tensor, wanted: torch.Tensor) -> float:
    error = ((found.double() - wanted.double()).norm() / wanted.double().norm()).item()
    return error if error == error else float("inf")


def milliseconds(run, repeats: int = 20) -> float:
    for _ in range(3):
        run()
    times = []
    for _ in range(repeats):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        run()
        end.record()
        times.append((start, end))
    torch.cuda.synchronize()
    return sorted(start.elapsed_time(end) for start, end in times)[repeats // 2]


def time_ours(shape) -> tuple[float, float, float]:
    """Forward without and with what the backward pass needs, and the backward pass."""
    given = inputs(shape, torch.bfloat16)
    with torch.no_grad():
        inference = milliseconds(lambda: scan.selective_scan(**given))
    leaves = {name: tensor.detach().requires_grad_() for name, tensor in given.items()}
    training = milliseconds(lambda: scan.selective_scan(**leaves))
    output, _, _ = scan.selective_scan(**leaves)
    grad = torch.randn_like(output)
    backward = milliseconds(lambda: torch.autograd.grad(output, list(leaves.values()), grad, retain_graph=True))
    return inference, training, backward


def report(shape, peer) -> None:
    inference, training, backward = time_ours(shape)
    line = f"{shape}: forward {inference:.3f} (keeping states {training:.3f}), backward {backward:.3f}"
    if peer is not None:
        peer_forward, peer_backward = time_peer(peer, shape)
        line += f"; mamba-ssm {peer_forward:.3f}, {peer_backward:.3f}: "
        line += f"{peer_forward / training:.2f} and {peer_backward / backward:.2f} times as fast"
    print(line, flush=True)


def load_peer(folder: Path):
    """mamba-ssm's selective_scan_cuda, from the sources of its sdist with the sdist's own flags; two minutes on 16
    cores."""
    from torch.utils.cpp_extension import load

    sources = sorted((folder / "csrc" / "selective_scan").glob("*.c*"))
    sources = [str(source) for source in sources if source.suffix in (".cpp", ".cu")]
    cuda = "-O3 -std=c++17 -U__CUDA_NO_HALF_OPERATORS__ -U__CUDA_NO_HALF_CONVERSIONS__ -U__CUDA_NO_BFLOAT16_OPERATORS__"
    cuda += " -U__CUDA_NO_BFLOAT16_CONVERSIONS__ -U__CUDA_NO_BFLOAT162_OPERATORS__ -U__CUDA_NO_BFLOAT162_CONVERSIONS__"
    cuda += " --expt-relaxed-constexpr --expt-extended-lambda --use_fast_math -gencode=arch=compute_90,code=sm_90"
    return load("selective_scan_cuda", sources, extra_cflags=["-O3", "-std=c++17"], extra_cuda_cflags=cuda.split())


def time_peer(peer, shape) -> tuple[float, float]:
    """Its own layout, (B, E, S) with contiguous S: the transposes around it are not counted."""
    given = inputs(shape, torch.bfloat16)
    x, delta, gate = (given[name].transpose(1, 2).contiguous() for name in ("x_BSE", "delta_BSE", "gate_BSE"))
    B, C = (given[name].transpose(1, 2).unsqueeze(1).contiguous() for name in ("B_BSN", "C_BSN"))
    A, D, bias = given["A_EN"].contiguous(), given["D_E"], given["delta_bias_E"]
    forward = partial(peer.fwd, x, delta, A, B, C, D, gate, bias, True)
    out, states, gated = forward()
    ours, _, _ = scan.selective_scan(**given)
    error = relative_error(gated.transpose(1, 2).float(), ours.float())
    if error > 1e-2:
        raise SystemExit(f"the peer differs by {error:.1e}")
    grad, grad_gate = torch.randn_like(out), torch.empty_like(gate)
    backward = partial(peer.bwd, x, delta, A, B, C, D, gate, bias, grad, states, out, grad_gate, True, False)
    return milliseconds(forward), milliseconds(backward)


def sweep() -> None:
    """Each kernel's time for many tilings (tokens, channels, lanes, warps), best first."""
    grid = itertools.product((4, 8, 16), (1, 2, 4, 8), BLOCKS)
    tilings = [(T, E, L, W) for T, L, (E, W) in grid if 16 <= T * E / (2 * W) <= 128 and E * L >= 32 * W]
    for unroll, shape in itertools.product((1, 2), (SHAPES[0], SHAPES[2])):
        rows = {"scan_forward": [], "scan_states": [], "scan_backward": []}
        for tiling in tilings:
            for name, ms in tiling_times(scan.Tiling(*tiling, unroll), shape).items():
                rows[name].append((ms, tiling))
        for name, found in rows.items():
            best = "  ".join(f"{tiling} {ms:.3f}" for ms, tiling in sorted(found)[:9])
            print(f"{name} {shape} unroll {unroll}: {best}", flush=True)


def tiling_times(tiling, shape) -> dict[str, float]:
    chosen = scan.forward_tiling, scan.backward_tilings
    scan.forward_tiling = lambda *_: tiling
    scan.backward_tilings = lambda *_: (tiling, tiling)
    leaves = {name: tensor.detach().requires_grad_() for name, tensor in inputs(shape, torch.bfloat16).items()}

    def run() -> None:
        output, _, _ = scan.selective_scan(**leaves)
        if tiling.tokens <= 8:  # more would not fit the backward pass's registers
            torch.autograd.grad(output, list(leaves.values()), torch.ones_like(output))

    times = kernel_times(run)
    scan.forward_tiling, scan.backward_tilings = chosen
    return {name: ms for name, ms in times.items() if name in ("scan_forward", "scan_states", "scan_backward")}


BLOCKS = ((8, 1), (16, 1), (32, 1), (8, 2), (16, 2), (32, 2), (64, 2), (16, 4), (32, 4), (64, 4))


def kernel_times(run) -> dict[str, float]:
    run()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as trace:
        run()
        run()
        torch.cuda.synchronize()
    return {event.key: event.device_time_total / 2e3 for event in trace.key_averages()}


if __name__ == "__main__":
    main()
