"""The decode step of a Mamba layer: kernels against their plain twins, and the twins against the model with a cache.

Without a GPU the kernels run in Triton's interpreter (conftest sets TRITON_INTERPRET), at sizes it can bear.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import DynamicCache

pytest.importorskip("triton")

from sambay import SambaYConfig, SambaYForCausalLM, kernels
from sambay.kernels import decode_mamba, fused, reference, reference_decode
from sambay.model.mamba import Mamba

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
gpu = pytest.mark.skipif(DEVICE == "cpu", reason="needs a CUDA device")
# Relative errors of norms, those of the scan: what rounding leaves of the outputs; the states are float32 always.
LIMITS = {torch.float32: 1e-5, torch.bfloat16: 6e-3, torch.float16: 8e-4}


class Layer:
    """Random weights and pools, and a step of tokens as a layer gives them: halves and slices of two projections."""

    def __init__(self, channels: int, states: int, taps: int, num_slots: int, dtype=torch.float32) -> None:
        self.dtype, self.channels, self.num_states = dtype, channels, states
        self.weight, self.bias = self.draw(channels, taps), self.draw(channels)
        self.A = -torch.rand(channels, states, device=DEVICE) * 4
        self.D, self.delta_bias = self.draw(channels), self.draw(channels) - 1
        self.tails = self.draw(num_slots, channels, taps - 1)
        self.states = torch.randn(num_slots, channels, states, device=DEVICE)

    def draw(self, *shape: int) -> Tensor:
        return torch.randn(shape, device=DEVICE).to(self.dtype)

    def tokens(self, batch: int, num_tokens: int) -> dict[str, Tensor]:
        x, gate = self.draw(batch, num_tokens, 2 * self.channels).chunk(2, dim=-1)
        projected = self.draw(batch, num_tokens, 3 + 2 * self.num_states)
        _, B, C = projected.split([3, self.num_states, self.num_states], dim=-1)
        return {"x": x, "gate": gate, "delta": self.draw(batch, num_tokens, self.channels), "B": B, "C": C}

    def step(
        self, operations: ModuleType, tokens: dict[str, Tensor], slots: Tensor, lengths: Tensor | None = None,
        pools: tuple[Tensor, Tensor] | None = None,
    ) -> dict[str, Tensor]:  # fmt: skip
        """The outputs, and the pools afterwards: copies, unless they are given."""
        tails, states = pools or (self.tails.clone(), self.states.clone())
        x = operations.conv_step(tokens["x"], tails, self.weight, self.bias, slots, lengths_B=lengths)
        output, memory = operations.mamba_step(
            tokens["x"], tokens["delta"], self.A, tokens["B"], tokens["C"], self.D, states, slots,
            delta_bias_E=self.delta_bias, gate_BSE=tokens["gate"], lengths_B=lengths, return_memory=True,
        )  # fmt: skip
        return {"x": x, "output": output, "memory": memory, "tails": tails, "states": states}


def slots_of(*slots: int) -> Tensor:
    return torch.tensor(slots, device=DEVICE)


def assert_close(found: Tensor, wanted: Tensor, limit: float, name: str = "") -> None:
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape), name
    error = (found.double() - wanted.double()).norm() / wanted.double().norm().clamp_min(1e-9)
    assert error <= limit, f"{name}: {error:.1e}"  # false for NaN


def assert_same_bits(found: Tensor, wanted: Tensor) -> None:
    assert torch.equal(found.view(torch.uint8), wanted.view(torch.uint8))


def compare(layer: Layer, tokens: dict[str, Tensor], slots: Tensor, lengths: Tensor | None = None) -> None:
    """Every slot that is not asked for is NaN, and stays so to the bit."""
    others = [slot for slot in range(len(layer.states)) if slot not in slots.tolist()]
    layer.tails[others], layer.states[others] = float("nan"), float("nan")
    found = layer.step(decode_mamba, tokens, slots, lengths)
    wanted = layer.step(reference_decode, tokens, slots, lengths)
    for name in ("x", "output", "memory"):
        assert_close(found[name], wanted[name], LIMITS[layer.dtype], name)
    assert_close(found["states"][slots], wanted["states"][slots], LIMITS[torch.float32], "states")
    assert_same_bits(found["tails"], wanted["tails"])
    assert others, "no slot to see whether it is left alone"
    assert_same_bits(found["states"][others], layer.states[others])
    assert_same_bits(found["tails"][others], layer.tails[others])


@pytest.mark.parametrize(
    ("batch", "channels", "states", "taps"),
    [(1, 37, 16, 4), (3, 1, 16, 4), (5, 130, 4, 2), (2, 9, 1, 3), (2, 6, 128, 5), (33, 10, 16, 4), (66, 33, 16, 4)],
)
def test_one_token(batch: int, channels: int, states: int, taps: int) -> None:
    """Blocks that the channels do not fill, more than one block, one to four sequences a program."""
    layer = Layer(channels, states, taps, num_slots=batch + 3)
    compare(layer, layer.tokens(batch, 1), torch.randperm(batch + 2, device=DEVICE)[:batch] + 1)


@pytest.mark.parametrize("taps", [3, 4])  # 3 do not fill a block of 4
def test_what_lies_behind_the_tokens_is_not_read(taps: int) -> None:
    layer = Layer(9, 4, taps, num_slots=5)
    tokens = layer.tokens(2, 2)
    behind = torch.full((2, 3, 9), float("nan"), device=DEVICE)
    behind[:, :2] = tokens["x"]
    compare(layer, tokens | {"x": behind[:, :2]}, slots_of(3, 1), lengths=slots_of(2, 1))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_16_bit_inputs(dtype: torch.dtype) -> None:
    layer = Layer(37, 16, 4, num_slots=6, dtype=dtype)
    compare(layer, layer.tokens(3, 1), slots_of(4, 1, 3))
    compare(layer, layer.tokens(3, 2), slots_of(4, 1, 3), lengths=slots_of(1, 0, 2))


@pytest.mark.parametrize("num_tokens", [2, 3, 8])
def test_drafted_tokens(num_tokens: int) -> None:
    """All tokens' outputs; the pools advance by none, some or all of the tokens."""
    layer = Layer(37, 16, 4, num_slots=8)
    compare(layer, layer.tokens(4, num_tokens), slots_of(7, 2, 4, 1))
    compare(layer, layer.tokens(4, num_tokens), slots_of(7, 2, 4, 1), slots_of(0, 1, num_tokens, num_tokens - 1))


@pytest.mark.parametrize("operations", [decode_mamba, reference_decode])
def test_a_draft_is_read_then_kept_in_part(operations: ModuleType) -> None:
    """Read with lengths of 0, then with those accepted: as if the accepted tokens had come one by one."""
    layer = Layer(37, 16, 4, num_slots=4)
    tokens, slots, accepted = layer.tokens(2, 5), slots_of(3, 1), slots_of(4, 2)
    read = layer.step(operations, tokens, slots, lengths=slots_of(0, 0))
    assert_same_bits(read["states"], layer.states)
    assert_same_bits(read["tails"], layer.tails)
    kept = layer.step(operations, tokens, slots, lengths=accepted)
    for row in range(2):
        pools = layer.tails.clone(), layer.states.clone()
        for s in range(int(accepted[row])):
            token = {name: tensor[row : row + 1, s : s + 1] for name, tensor in tokens.items()}
            single = layer.step(operations, token, slots[row : row + 1], pools=pools)
            for name in ("x", "output", "memory"):
                assert_close(read[name][row : row + 1, s : s + 1], single[name], 1e-6, name)
        assert_close(kept["states"][slots[row]], pools[1][slots[row]], 1e-6)
        assert_same_bits(kept["tails"][slots[row]], pools[0][slots[row]])


@pytest.mark.parametrize("operations", [decode_mamba, reference_decode])
def test_rows_of_padding_share_a_slot_and_disturb_nobody(operations: ModuleType) -> None:
    """As a CUDA graph of 7 rows serves 3 sequences; the padding's numbers are NaN."""
    layer = Layer(37, 16, 4, num_slots=6)
    tokens = layer.tokens(7, 1)
    for tensor in tokens.values():
        tensor[3:] = float("nan")
    padded = layer.step(operations, tokens, slots_of(4, 1, 5, 0, 0, 0, 0))
    wanted = layer.step(operations, {name: t[:3] for name, t in tokens.items()}, slots_of(4, 1, 5))
    for name in ("x", "output", "memory"):
        assert_close(padded[name][:3], wanted[name], 1e-6, name)
    for name in ("tails", "states"):
        assert_close(padded[name][1:], wanted[name][1:], 1e-6, name)


def test_without_what_is_optional() -> None:
    layer = Layer(37, 16, 4, num_slots=4)
    tokens, slots = layer.tokens(2, 1), slots_of(2, 3)
    results = []
    for operations in (decode_mamba, reference_decode):
        tails, states = layer.tails.clone(), layer.states.clone()
        x = operations.conv_step(tokens["x"], tails, layer.weight, None, slots)
        output, memory = operations.mamba_step(
            tokens["x"], tokens["delta"], layer.A, tokens["B"], tokens["C"], layer.D, states, slots
        )
        assert memory is None
        results.append((x, output, states))
    for found, wanted in zip(*results, strict=True):
        assert_close(found, wanted, LIMITS[torch.float32])


def decode_layer(
    operations: ModuleType, layer: Mamba, tails_ZEK: Tensor, states_ZEN: Tensor, slots_B: Tensor, hidden_BSD: Tensor
) -> tuple[Tensor, Tensor | None]:
    """A layer's step as an engine puts it together: the same products and roundings as `Mamba.forward`."""
    x_BSE, gate_BSE = layer.in_proj(hidden_BSD).chunk(2, dim=-1)
    x_BSE = operations.conv_step(x_BSE, tails_ZEK, layer.conv1d.weight.squeeze(1), layer.conv1d.bias, slots_B)
    delta_BSR, B_BSN, C_BSN = layer.x_proj(x_BSE).split(layer.sizes_RNN, dim=-1)
    output_BSE, memory_BSE = operations.mamba_step(
        x_BSE, F.linear(delta_BSR, layer.dt_proj.weight), -torch.exp(layer.A_log.float()), B_BSN, C_BSN, layer.D,
        states_ZEN, slots_B, delta_bias_E=layer.dt_proj.bias, gate_BSE=gate_BSE, return_memory=True,
    )  # fmt: skip
    return layer.out_proj(output_BSE), memory_BSE


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.no_grad()
def test_the_twins_decode_as_the_model_does(
    tiny_model: SambaYForCausalLM, tiny_config: SambaYConfig, dtype: torch.dtype
) -> None:
    """20 tokens of 3 sequences, one by one, beside the layer with transformers' cache: the same, in bfloat16 too."""
    layer, cache = tiny_model.model.layers[0].attn.to(dtype), DynamicCache(config=tiny_config)
    layer.A_log.data = layer.A_log.data.float()
    channels, taps = layer.conv1d.weight.shape[0], layer.conv1d.weight.shape[2]
    tails = torch.full((5, channels, taps - 1), float("nan"), dtype=dtype)
    states = torch.full((5, channels, layer.sizes_RNN[1]), float("nan"))
    slots = torch.tensor([4, 1, 3])
    tails[slots], states[slots] = 0, 0
    for hidden_BSD in torch.randn(20, 3, 1, tiny_config.hidden_size).to(dtype):
        wanted = layer(hidden_BSD, past_key_values=cache, return_memory=True)
        found = decode_layer(reference_decode, layer, tails, states, slots, hidden_BSD)
        for ours, theirs in zip(found, wanted, strict=True):
            assert ours.isfinite().all()
            torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    torch.testing.assert_close(states[slots], cache.get_recurrent_state(0), rtol=0, atol=0)
    assert states[[0, 2]].isnan().all()


def test_wrong_inputs_are_named() -> None:
    layer = Layer(6, 16, 4, num_slots=3)
    tokens, slots = layer.tokens(2, 1), slots_of(1, 2)
    conv = partial(decode_mamba.conv_step, tokens["x"])
    with pytest.raises(ValueError, match=r"tails must have the shape \(3, 6, 3\), got \(3, 6, 4\)"):
        conv(layer.draw(3, 6, 4), layer.weight, None, slots)
    with pytest.raises(ValueError, match=r"tails must be contiguous torch.float32, got torch.bfloat16"):
        conv(layer.tails.bfloat16(), layer.weight, None, slots)
    with pytest.raises(ValueError, match=r"tails must be contiguous torch.float32, got torch.float32 with strides"):
        conv(layer.draw(3, 3, 6).mT, layer.weight, None, slots)
    with pytest.raises(ValueError, match=r"slots must have the shape \(2,\), got \(1,\)"):
        conv(layer.tails, layer.weight, None, slots[:1])
    with pytest.raises(ValueError, match=r"slots must be contiguous int64, got torch.int32"):
        conv(layer.tails, layer.weight, None, slots.int())
    with pytest.raises(ValueError, match="at least 2 taps, got 1"):
        conv(layer.tails, layer.weight[:, :1], None, slots)
    with pytest.raises(ValueError, match=r"x must be \(B, S, E\) with no empty axis, got \(2, 6\)"):
        decode_mamba.conv_step(tokens["x"][:, 0], layer.tails, layer.weight, None, slots)
    step = partial(decode_mamba.mamba_step, tokens["x"], tokens["delta"])
    with pytest.raises(ValueError, match="a power of two up to 128, got 12"):
        step(layer.A[:, :12], tokens["B"], tokens["C"], layer.D, layer.states, slots)
    with pytest.raises(ValueError, match=r"states must be contiguous torch.float32, got torch.float16"):
        step(layer.A, tokens["B"], tokens["C"], layer.D, layer.states.half(), slots)
    with pytest.raises(ValueError, match=r"lengths must have the shape \(2,\), got \(3,\)"):
        step(layer.A, tokens["B"], tokens["C"], layer.D, layer.states, slots, lengths_B=slots_of(1, 1, 1))
    with pytest.raises(ValueError, match=r"B must have the shape \(2, 1, 16\), got \(2, 1, 4\)"):
        step(layer.A, tokens["B"][..., :4], tokens["C"], layer.D, layer.states, slots)


# ------------------------------------------------------------------------------------ the choice by device


@pytest.mark.parametrize(
    ("name", "module"), [("conv_step", decode_mamba), ("mamba_step", decode_mamba), ("gate", fused)]
)
def test_the_engines_operations_take_the_kernel_for_one_token(
    name: str, module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels._load.cache_clear()
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.delenv("SAMBAY_KERNELS", raising=False)
    assert kernels._load(name, module.__name__.rpartition(".")[2]) is getattr(module, name)
    kernels._load.cache_clear()
    monkeypatch.setattr(kernels, "_load", lambda *_: lambda *_, **__: "the kernel's")
    monkeypatch.setattr(kernels, "_loaded", {})
    choice = kernels.decode_gate if name == "gate" else getattr(kernels, name)
    layer = Layer(6, 16, 4, num_slots=3)
    tokens, slots = layer.tokens(2, 1), slots_of(1, 2)
    arguments = {
        "conv_step": (tokens["x"], layer.tails, layer.weight, None, slots),
        "mamba_step": (
            *(tokens["x"], tokens["delta"], layer.A, tokens["B"], tokens["C"], layer.D),
            *(layer.states, slots),
        ),
        "gate": (tokens["x"], tokens["gate"]),
    }[name]
    monkeypatch.setattr(kernels, "_is_on_gpu", lambda _x: True)
    assert choice(*arguments) == "the kernel's"
    monkeypatch.setattr(kernels, "_is_on_gpu", lambda _x: False)
    assert not isinstance(choice(*arguments), str)
    if name == "gate":  # the model's own, and packed tokens
        monkeypatch.setattr(kernels, "_is_on_gpu", lambda _x: True)
        assert not isinstance(kernels.gate(*arguments), str)
        assert kernels.decode_gate(*(tensor[:, 0] for tensor in arguments)) == "the kernel's"


def test_the_gate_of_one_token_reads_strided_views() -> None:
    both = torch.randn(3, 1, 2 * 1500, device=DEVICE)
    memory, gates = both.chunk(2, dim=-1)
    for rows in (slice(0, 3), slice(0, 3, 2), slice(1, 2)):
        found = fused.gate(memory[rows], gates[rows])
        assert_close(found, reference.gate(memory[rows], gates[rows]), 2e-6)


# ---------------------------------------------------------------------------------------------- on a GPU


@pytest.mark.gpu
@gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("batch", [1, 16, 64, 256])
def test_real_sizes(batch: int, dtype: torch.dtype) -> None:
    layer = Layer(5_120, 16, 4, num_slots=batch + 2, dtype=dtype)
    slots = torch.randperm(batch, device=DEVICE) + 1
    compare(layer, layer.tokens(batch, 1), slots)
    compare(layer, layer.tokens(batch, 4), slots, torch.randint(0, 5, (batch,), device=DEVICE))


@pytest.mark.gpu
@gpu
def test_pools_of_more_than_2_to_the_31_elements(no_poison: None) -> None:
    layer = Layer(5_120, 16, 4, num_slots=3, dtype=torch.bfloat16)
    tokens = layer.tokens(1, 1)
    wanted = layer.step(reference_decode, tokens, slots_of(1))
    num_slots = 2**31 // (5_120 * 16) + 2
    states = torch.empty(num_slots, 5_120, 16, device=DEVICE)
    tails = torch.empty(num_slots, 5_120, 3, device=DEVICE, dtype=torch.bfloat16)
    tails[-1], states[-1] = layer.tails[1], layer.states[1]
    found = layer.step(decode_mamba, tokens, slots_of(num_slots - 1), pools=(tails, states))
    assert_close(found["output"], wanted["output"], LIMITS[torch.bfloat16])
    assert_close(states[-1], wanted["states"][1], LIMITS[torch.float32])


@pytest.mark.gpu
@gpu
@pytest.mark.parametrize("operations", [decode_mamba, reference_decode])
def test_a_cuda_graph_follows_slots_and_lengths(operations: ModuleType) -> None:
    """Captured once, replayed for other slots and lengths."""
    layer = Layer(5_120, 16, 4, num_slots=9, dtype=torch.bfloat16)
    tokens, slots, lengths = layer.tokens(4, 3), slots_of(1, 2, 3, 4), slots_of(3, 3, 3, 3)
    pools = layer.tails.clone(), layer.states.clone()
    run: Callable[[], dict] = partial(layer.step, operations, tokens, slots, lengths, pools)
    run()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = run()
    pools[0].copy_(layer.tails), pools[1].copy_(layer.states)
    slots.copy_(slots_of(8, 5, 1, 7)), lengths.copy_(slots_of(0, 1, 2, 3))
    graph.replay()
    wanted = layer.step(reference_decode, tokens, slots, lengths)
    for name, tensor in wanted.items():
        assert_close(found[name], tensor, LIMITS[torch.float32 if name == "states" else torch.bfloat16], name)
