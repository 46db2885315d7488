"""The plain operations against formulas written out token by token, and their gradients."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sambay.kernels import reference


def scan_token_by_token(x, delta, A, B, C, D, delta_bias, gate, state, segments) -> tuple[Tensor, Tensor, Tensor]:
    """The definition, one token after the other."""
    delta, memories = F.softplus(delta + delta_bias), []
    for t in range(x.shape[1]):
        if t and segments is not None:
            state = torch.where((segments[:, t] != segments[:, t - 1])[:, None, None], 0.0, state)
        state = torch.exp(delta[:, t, :, None] * A) * state + (delta * x)[:, t, :, None] * B[:, t, None, :]
        memories.append((state * C[:, t, None, :]).sum(-1) + D * x[:, t])
    memory = torch.stack(memories, dim=1)
    return memory * F.silu(gate), memory, state


def scan_inputs(length: int, channels: int = 6, states: int = 4, dtype=torch.float64) -> dict[str, Tensor]:
    batch, generator = 2, torch.Generator().manual_seed(length)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    return {
        "x": random(batch, length, channels), "delta": random(batch, length, channels),
        "A": -torch.exp(random(channels, states)), "B": random(batch, length, states),
        "C": random(batch, length, states), "D": random(channels), "delta_bias": random(channels),
        "gate": random(batch, length, channels), "state": random(batch, channels, states),
    }  # fmt: skip


def scan(x, delta, A, B, C, D, delta_bias, gate, state, segments):
    return reference.selective_scan(
        x, delta, A, B, C, D, delta_bias_E=delta_bias, gate_BSE=gate, initial_state_BEN=state,
        segment_ids_BS=segments, return_memory=True,
    )  # fmt: skip


def random_segments(length: int) -> Tensor:
    return (torch.rand(2, length, generator=torch.Generator().manual_seed(1)) < 0.2).int().cumsum(1)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("length", [1, 2, 15, 16, 17, 48, 50, 200])
def test_scan_equals_its_definition(length: int, packed: bool) -> None:
    inputs = scan_inputs(length)
    segments = random_segments(length) if packed else None
    for ours, wanted in zip(
        scan(**inputs, segments=segments), scan_token_by_token(**inputs, segments=segments), strict=True
    ):
        # float64: only the order of the sums differs
        torch.testing.assert_close(ours, wanted, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("length", [1, 5, 70])
def test_scan_gradients_are_the_definitions(length: int, packed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "_STEP_ELEMENTS", 2 * 6 * 4)  # tiles of two runs, so that tiles and runs both join
    segments = random_segments(length) if packed else None
    inputs = {name: tensor.requires_grad_() for name, tensor in scan_inputs(length).items()}
    weights = [torch.randn_like(out) for out in scan(**inputs, segments=segments)]

    def gradients(function) -> tuple[Tensor, ...]:
        total = sum((out * w).sum() for out, w in zip(function(**inputs, segments=segments), weights, strict=True))
        return torch.autograd.grad(total, list(inputs.values()))

    for name, ours, wanted in zip(inputs, gradients(scan), gradients(scan_token_by_token), strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-9, atol=1e-9, msg=lambda text, n=name: f"{n}: {text}")


def test_scan_continues_where_it_stopped() -> None:
    inputs = scan_inputs(90)
    whole, _, final = scan(**inputs, segments=None)
    pieces, state = [], inputs["state"]
    for start, end in [(0, 1), (1, 40), (40, 41), (41, 90)]:
        piece = {k: v[:, start:end] if k in ("x", "delta", "B", "C", "gate") else v for k, v in inputs.items()}
        out, _, state = scan(**{**piece, "state": state}, segments=None)
        pieces.append(out)
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(state, final, rtol=1e-11, atol=1e-11)


def test_scan_keeps_a_float32_state_for_bfloat16_inputs() -> None:
    inputs = scan_inputs(64, dtype=torch.bfloat16)
    wide = {name: tensor.float() for name, tensor in inputs.items()}
    output, memory, final = scan(**inputs, segments=None)
    wanted, wanted_memory, wanted_final = scan_token_by_token(**wide, segments=None)
    assert (output.dtype, memory.dtype, final.dtype) == (torch.bfloat16, torch.bfloat16, torch.float32)
    # one rounding to bfloat16 (8 bits) at the end; none in the state
    torch.testing.assert_close(output.float(), wanted, rtol=2**-8, atol=1e-5)
    torch.testing.assert_close(memory.float(), wanted_memory, rtol=2**-8, atol=1e-5)
    torch.testing.assert_close(final, wanted_final, rtol=1e-4, atol=1e-5)


def test_scan_is_exact_under_autocast() -> None:
    inputs = scan_inputs(40, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = scan(**inputs, segments=None)
    for ours, wanted in zip(inside, scan(**inputs, segments=None), strict=True):
        assert torch.equal(ours, wanted)


def test_scan_survives_torch_compile_as_one_node() -> None:
    inputs = scan_inputs(40, dtype=torch.float32)
    compiled = torch.compile(scan, fullgraph=True, backend="aot_eager")
    for ours, wanted in zip(compiled(**inputs, segments=None), scan(**inputs, segments=None), strict=True):
        torch.testing.assert_close(ours, wanted)


@pytest.mark.parametrize(("channels", "length", "factor"), [(256, 4096, 5.0), (5120, 512, 1.0)])
def test_scan_is_faster_than_a_loop_over_tokens(
    channels: int, length: int, factor: float, no_poison: None, one_thread: None
) -> None:
    """The loop is the usual one: everything that does not depend on the state is computed for all tokens at once."""
    inputs = scan_inputs(length, channels, 16, torch.float32)
    x, delta, A, B, C, D = (
        inputs[name][:1] if inputs[name].ndim == 3 else inputs[name] for name in ("x", "delta", "A", "B", "C", "D")
    )
    delta = delta - 3

    def loop() -> Tensor:
        step = F.softplus(delta)
        decay, drive = torch.exp(step[..., None] * A), (step * x)[..., None] * B[:, :, None, :]
        state, outputs = x.new_zeros(1, channels, 16), []
        for t in range(length):
            state = decay[:, t] * state + drive[:, t]
            outputs.append(torch.einsum("ben,bn->be", state, C[:, t]))
        return torch.stack(outputs, dim=1) + D * x

    def ours() -> Tensor:
        return reference.selective_scan(x, delta, A, B, C, D)[0]

    torch.testing.assert_close(ours(), loop(), rtol=1e-4, atol=1e-4)
    times: dict[str, list[float]] = {"loop": [], "ours": []}
    for _ in range(9):
        for name, function in (("loop", loop), ("ours", ours)):
            start = time.thread_time()  # of this thread alone: other work on the machine does not count
            function()
            times[name].append(time.thread_time() - start)
    assert min(times["loop"]) >= factor * min(times["ours"]), times


@pytest.fixture
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_scan_memory_does_not_grow_with_length(no_poison: None) -> None:
    def largest_allocation(length: int) -> int:
        inputs = scan_inputs(length, 64, 16, torch.float32)
        with torch.profiler.profile(profile_memory=True) as profile, torch.no_grad():
            scan(**inputs, segments=None)
        return max(event.nbytes() for event in _memory_events(profile))

    assert largest_allocation(8192) == largest_allocation(1024) > 0


def _memory_events(profile):
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]" and event.nbytes() > 0:
            yield event


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("length", [1, 3, 20])
def test_causal_conv_equals_its_definition(length: int, packed: bool, bias: bool) -> None:
    batch, channels, width = 2, 5, 4
    x, weight = torch.randn(batch, length, channels), torch.randn(channels, width)
    tail, bias_E = torch.randn(batch, channels, width - 1), torch.randn(channels) if bias else None
    segments = random_segments(length) if packed else torch.zeros(batch, length, dtype=torch.int32)
    ours = reference.causal_conv(x, weight, bias_E, tail_BEK=tail, segment_ids_BS=segments if packed else None)
    history = torch.cat([tail.transpose(1, 2), x], dim=1)
    ids = torch.cat([segments[:, :1].expand(-1, width - 1), segments], dim=1)
    for b in range(batch):
        for t in range(length):
            total = torch.zeros(channels) if bias_E is None else bias_E.clone()
            for k in range(width):
                if ids[b, t + k] == segments[b, t]:
                    total += weight[:, k] * history[b, t + k]
            torch.testing.assert_close(ours[b, t], F.silu(total), rtol=1e-5, atol=1e-6)  # float32 sums of four


def test_causal_conv_equals_torchs_convolution() -> None:
    x, weight, bias = torch.randn(2, 30, 7), torch.randn(7, 4), torch.randn(7)
    wanted = F.silu(F.conv1d(x.transpose(1, 2), weight[:, None], bias, padding=3, groups=7)[..., :30]).transpose(1, 2)
    torch.testing.assert_close(reference.causal_conv(x, weight, bias), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("packed", [False, True])
def test_causal_conv_and_gate_gradients(packed: bool) -> None:
    x, weight, bias, tail = (
        torch.randn(*s, dtype=torch.float64, requires_grad=True) for s in [(2, 9, 3), (3, 4), (3,), (2, 3, 3)]
    )
    segments = random_segments(9) if packed else None
    assert torch.autograd.gradcheck(
        lambda *inputs: reference.causal_conv(*inputs[:3], tail_BEK=inputs[3], segment_ids_BS=segments),
        (x, weight, bias, tail),
    )
    assert torch.autograd.gradcheck(reference.gate, (x, torch.randn_like(x, requires_grad=True)))


def test_gate_is_value_times_silu() -> None:
    value, gate = torch.randn(3, 5), torch.randn(3, 5)
    torch.testing.assert_close(reference.gate(value, gate), value * gate * torch.sigmoid(gate))


def test_differential_attention_by_hand() -> None:
    """One query, two keys, one pair of heads: numbers that fit on paper."""
    queries = torch.tensor([[[[1.0], [2.0]]]])  # two heads of width 1
    keys = torch.tensor([[[[0.0], [0.0]], [[1.0], [1.0]]]])
    values = torch.tensor([[[[1.0], [3.0]], [[5.0], [7.0]]]])
    first, second = torch.softmax(torch.tensor([0.0, 1.0]), 0), torch.softmax(torch.tensor([0.0, 2.0]), 0)
    pairs = torch.tensor([[1.0, 3.0], [5.0, 7.0]])
    difference = first @ pairs - 0.5 * (second @ pairs)
    wanted = 0.8 * difference / torch.sqrt((difference**2).mean() + 1e-5) * torch.tensor([2.0, 3.0])
    ours = reference.differential_attention(
        queries,
        keys,
        values,
        torch.ones(1, 1, 2, dtype=torch.bool),
        torch.tensor(0.5),
        torch.tensor([2.0, 3.0]),
        0.2,
        1e-5,
    )
    torch.testing.assert_close(ours.flatten(), wanted)


def test_differential_attention_gradients() -> None:
    sizes = [(1, 3, 4, 2), (1, 5, 2, 2), (1, 5, 2, 2)]
    q, k, v = (torch.randn(*size, dtype=torch.float64, requires_grad=True) for size in sizes)
    weight, lambda_ = (
        torch.randn(4, dtype=torch.float64, requires_grad=True),
        torch.tensor(0.4, dtype=torch.float64, requires_grad=True),
    )
    visible = torch.ones(1, 3, 5, dtype=torch.bool).tril(2)
    assert torch.autograd.gradcheck(
        lambda *inputs: reference.differential_attention(*inputs[:3], visible, *inputs[3:], 0.3, 1e-5),
        (q, k, v, lambda_, weight),
    )
