"""The selective scan's kernels against a loop over tokens in float64: values, gradients, boundaries, strides.

Without a GPU the kernels run in Triton's interpreter (conftest sets TRITON_INTERPRET), at sizes it can bear.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor

pytest.importorskip("triton")

from sambay.kernels import reference
from sambay.kernels.scan import selective_scan

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# What rounding leaves: of the results for 16-bit inputs; in float32, of sums over all tokens (the gradient of A).
gpu = pytest.mark.skipif(DEVICE == "cpu", reason="needs a CUDA device")
LIMITS = {torch.float32: 1e-5, torch.bfloat16: 6e-3, torch.float16: 8e-4}


def scan_by_loop(x, delta, A, B, C, D, *, delta_bias=None, gate=None, initial_state=None, segment_ids=None):
    """Definition, token by token, in float64: (output, memory, final state)."""
    batch, length, channels = x.shape
    step = torch.nn.functional.softplus(delta + (0 if delta_bias is None else delta_bias))
    state = x.new_zeros(batch, channels, A.shape[1]) if initial_state is None else initial_state
    memory = []
    for t in range(length):
        if segment_ids is not None and t > 0:
            state = state * (segment_ids[:, t] == segment_ids[:, t - 1])[:, None, None]
        state = torch.exp(step[:, t, :, None] * A) * state + (step * x)[:, t, :, None] * B[:, t, None, :]
        memory.append((state * C[:, t, None, :]).sum(-1) + D * x[:, t])
    memory = torch.stack(memory, dim=1)
    output = memory if gate is None else memory * torch.nn.functional.silu(gate)
    return output, memory, state


def make_leaves(batch: int, length: int, channels: int, states: int, dtype: torch.dtype) -> dict[str, Tensor]:
    """As a layer holds them: x and gate in one projection, B and C in another."""
    shapes = {
        "both": (batch, length, 2 * channels),
        "delta": (batch, length, channels),
        "projected": (batch, length, 3 + 2 * states),
    }
    leaves = {name: torch.randn(shape, dtype=dtype) for name, shape in shapes.items()}
    leaves |= {"A": -torch.rand(channels, states) * 4, "D": torch.randn(channels), "bias": torch.randn(channels) - 1}
    leaves |= {"state": torch.randn(batch, channels, states)}
    return {name: leaf.to(DEVICE).requires_grad_() for name, leaf in leaves.items()}


def call(function: Callable, leaves: dict[str, Tensor], options: set[str], segment_ids: Tensor | None) -> tuple:
    x, gate = leaves["both"].chunk(2, dim=-1)
    states = leaves["A"].shape[1]
    _, B, C = leaves["projected"].split([3, states, states], dim=-1)
    names = {
        "delta_bias_E": leaves["bias"] if "bias" in options else None,
        "gate_BSE": gate if "gate" in options else None,
        "initial_state_BEN": leaves["state"] if "state" in options else None,
        "segment_ids_BS": segment_ids,
    }
    if function is scan_by_loop:
        names = {name.rsplit("_", 1)[0]: value for name, value in names.items()}
    else:
        names["return_memory"] = "memory" in options
    return function(x, leaves["delta"], leaves["A"], B, C, leaves["D"], **names)


def results(function: Callable, leaves: dict[str, Tensor], options: set[str], segments, weights) -> dict[str, Tensor]:
    leaves = {name: leaf.detach().clone().requires_grad_() for name, leaf in leaves.items()}
    output, memory, final = call(function, leaves, options, segments)
    values = {"output": output, "final": final} | ({"memory": memory} if "memory" in options else {})
    sum((value * weights[name]).sum() for name, value in values.items()).backward()
    grads = {f"grad of {name}": leaf.grad for name, leaf in leaves.items() if leaf.grad is not None}
    return {name: value.detach() for name, value in (values | grads).items()}


def compare(batch, length, channels, states, dtype=torch.float32, options=("gate", "bias"), segments=None) -> None:
    leaves = make_leaves(batch, length, channels, states, dtype)
    weights = {name: torch.randn(batch, length, channels, device=DEVICE) for name in ("output", "memory")}
    weights["final"] = torch.randn(batch, channels, states, device=DEVICE)
    found = results(selective_scan, leaves, set(options), segments, weights)
    exact = {name: leaf.double() for name, leaf in leaves.items()}
    oracle = scan_by_loop if length <= 300 else reference.selective_scan
    wanted = results(oracle, exact, set(options), segments, weights)
    assert found.keys() == wanted.keys()
    for name, value in found.items():
        # A gradient may be exactly zero (of A for one token): then the rounding of its terms, of size one, is what
        # is left.
        error = (value.double() - wanted[name]).norm() / wanted[name].norm().clamp_min(0.1)
        assert error <= LIMITS[dtype], f"{name}: {error:.1e}"


ALL = ("gate", "bias", "state", "memory")


@pytest.mark.parametrize("length", [1, 7, 9, 17])
def test_lengths(length: int) -> None:
    compare(1, length, 6, 4)


@pytest.mark.parametrize("states", [1, 2, 8, 16, 32])
def test_state_sizes(states: int) -> None:
    compare(1, 6, 3, states)


@pytest.mark.parametrize("options", [(), ("gate",), ("state",), ("memory",), ("gate", "memory"), ALL])
def test_every_optional_input(options: tuple[str, ...]) -> None:
    compare(2, 5, 5, 4, options=options)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_16_bit_inputs(dtype: torch.dtype) -> None:
    compare(2, 9, 20, 8, dtype, options=ALL)


def test_a_document_boundary_at_every_kind_of_place() -> None:
    """In a tile, at a tile's edge, twice in a row; the first token still continues the given state."""
    segments = torch.tensor([[0, 0, 0, 1, 2, 2, 2, 2, 3, 3, 3], [5, 5, 5, 5, 4, 4, 4, 4, 4, 4, 9]], device=DEVICE)
    compare(2, 11, 6, 4, options=ALL, segments=segments)


def test_packed_documents_equal_separate_ones() -> None:
    leaves = {name: leaf.detach() for name, leaf in make_leaves(1, 12, 5, 4, torch.float32).items()}
    ends = [0, 3, 4, 9, 12]
    segments = torch.cat([torch.full((1, b - a), i) for i, (a, b) in enumerate(pairwise(ends))], dim=1).to(DEVICE)
    packed, _, final = call(selective_scan, leaves, {"gate"}, segments)
    pieces = []
    for a, b in pairwise(ends):
        piece = {n: leaf[:, a:b] if n in ("both", "delta", "projected") else leaf for n, leaf in leaves.items()}
        output, _, last = call(selective_scan, piece, {"gate"}, None)
        pieces.append(output)
    torch.testing.assert_close(packed, torch.cat(pieces, dim=1), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(final, last, rtol=1e-6, atol=1e-6)


def test_continuing_equals_the_whole() -> None:
    leaves = {name: leaf.detach() for name, leaf in make_leaves(2, 11, 5, 4, torch.float32).items()}
    whole, _, final = call(selective_scan, leaves, {"gate", "state"}, None)
    parts, state = [], leaves["state"]
    for a, b in [(0, 1), (1, 8), (8, 11)]:
        piece = {n: leaf[:, a:b] if n in ("both", "delta", "projected") else leaf for n, leaf in leaves.items()}
        output, _, state = call(selective_scan, piece | {"state": state}, {"gate", "state"}, None)
        parts.append(output)
    torch.testing.assert_close(whole, torch.cat(parts, dim=1), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(final, state, rtol=1e-6, atol=1e-6)


def test_the_same_inputs_give_the_same_bits() -> None:
    leaves = make_leaves(2, 9, 6, 4, torch.float32)
    weights = {name: torch.randn(2, 9, 6, device=DEVICE) for name in ("output", "memory")}
    weights["final"] = torch.randn(2, 6, 4, device=DEVICE)
    one, two = (results(selective_scan, leaves, set(ALL), None, weights) for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_small_steps_keep_their_relative_precision() -> None:
    """softplus(-12) is 6e-6: a logarithm of 1 + 6e-6 would keep one digit of it."""
    leaves = {name: leaf.detach() for name, leaf in make_leaves(1, 4, 3, 2, torch.float32).items()}
    leaves["delta"].fill_(-12.0)
    leaves["D"].zero_()
    found, _, _ = call(selective_scan, leaves, set(), None)
    wanted, _, _ = call(scan_by_loop, {name: leaf.double() for name, leaf in leaves.items()}, set(), None)
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"B_BSN": (1, 4, 3)}, r"B must have the shape \(1, 4, 4\), got \(1, 4, 3\)"),
        ({"D_E": (7,)}, r"D must have the shape \(6,\)"),
        ({"A_EN": (6, 3), "B_BSN": (1, 4, 3), "C_BSN": (1, 4, 3)}, "power of two up to 128, got 3"),
        ({"A_EN": (5, 4)}, r"A must be \(E, N\) with E = 6"),
        ({"x_BSE": (4, 6)}, r"x must be \(B, S, E\)"),
    ],
)
def test_wrong_shapes_are_named(change: dict, message: str) -> None:
    shapes = {"x_BSE": (1, 4, 6), "delta_BSE": (1, 4, 6), "A_EN": (6, 4), "D_E": (6,)}
    shapes |= {"B_BSN": (1, 4, 4), "C_BSN": (1, 4, 4)}
    with pytest.raises(ValueError, match=message):
        selective_scan(**{name: torch.zeros(shape, device=DEVICE) for name, shape in (shapes | change).items()})


@pytest.mark.gpu
@gpu
@pytest.mark.parametrize("shape", [(1, 63, 5_120), (2, 65, 200), (1, 1_000, 4_099), (9, 515, 3_968)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_real_sizes(shape: tuple[int, int, int], dtype: torch.dtype) -> None:
    batch, length, channels = shape
    segments = torch.randint(0, 40, (batch, length), device=DEVICE).div(39, rounding_mode="floor").cumsum(1)
    compare(batch, length, channels, 16, dtype, options=ALL, segments=segments)
    compare(batch, length, channels, 16, dtype)


@pytest.mark.gpu
@gpu
@pytest.mark.parametrize("states", [1, 4, 64, 128])
def test_real_sizes_of_the_state(states: int) -> None:
    compare(1, 300, 520, states, options=ALL)
