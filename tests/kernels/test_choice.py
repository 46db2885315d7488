"""Which implementation an operation gets: by device, by size, by the user's wish, and inside a compiled graph."""

from __future__ import annotations

import importlib

import pytest
import torch

from sambay import kernels
from sambay.kernels import reference


@pytest.fixture(autouse=True)
def forgets_choices():
    load = kernels._load
    load.cache_clear()
    yield
    load.cache_clear()
    kernels._loaded.clear()


def test_the_cpu_gets_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_has_kernel", lambda *_: pytest.fail("looked for a kernel"))
    x = torch.randn(2, 5, 4)
    assert torch.equal(kernels.gate(x, x), reference.gate(x, x))
    assert torch.equal(kernels.causal_conv(x, torch.ones(4, 3)), reference.causal_conv(x, torch.ones(4, 3)))
    for found, wanted in zip(
        kernels.add_norm(x, x, torch.ones(4), eps=0.1, is_rms=True),
        reference.add_norm(x, x, torch.ones(4), eps=0.1, is_rms=True),
        strict=True,
    ):
        assert torch.equal(found, wanted)


def test_the_users_wish_is_honoured_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setenv("SAMBAY_KERNELS", "reference")
    assert kernels._load("gate", "fused") is None
    kernels._load.cache_clear()
    monkeypatch.setenv("SAMBAY_KERNELS", "fast")
    with pytest.raises(ValueError, match="SAMBAY_KERNELS='fast': allowed are 'auto' and 'reference'"):
        kernels._load("gate", "fused")


def test_with_cuda_and_triton_each_operation_has_its_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("triton.experimental.gluon")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    modules = {"selective_scan": "scan", "causal_conv": "convolution", "gate": "fused", "add_norm": "norm"}
    modules |= {"paged_attention": "paged", "write_cache": "paged"}
    for operation, module in modules.items():
        kernel = kernels._load(operation, module)
        assert kernel is not None
        assert (kernel.__module__, kernel.__name__) == (f"sambay.kernels.{module}", operation)
        assert callable(getattr(kernels, operation))  # importing the module did not hide the operation


def test_a_state_size_that_the_kernel_has_not_stays_plain() -> None:
    delta = torch.zeros(1)
    sizes = [1, 2, 3, 12, 16, 128, 256]
    assert [n for n in sizes if kernels._is_power_of_two_to_128(delta, torch.zeros(4, n))] == [1, 2, 16, 128]


def test_a_norm_that_the_kernel_cannot_serve_stays_plain() -> None:
    pytest.importorskip("triton")
    widest = importlib.import_module("sambay.kernels.norm").MAX_WIDTH
    fits = kernels._is_width_to_6144
    assert fits(None, torch.ones(widest))
    assert fits(torch.ones(2, dtype=torch.bfloat16), torch.ones(3))
    assert not fits(None, torch.ones(widest + 1))
    assert not fits(torch.ones(2, dtype=torch.float64), torch.ones(3))


def test_the_choice_is_a_constant_of_a_compiled_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for a kernel, since the CPU has none: found while the graph is traced, without a break."""

    calls = []

    def stand_in(value: torch.Tensor, gate: torch.Tensor) -> torch.Tensor:
        return value * torch.nn.functional.silu(gate) + 1

    def load(*arguments: str):
        calls.append(arguments)
        return stand_in

    monkeypatch.setattr(kernels, "_load", load)
    monkeypatch.setattr(kernels, "_is_on_gpu", lambda _x: True)
    x = torch.randn(2, 5, 4)
    compiled = torch.compile(kernels.gate, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(x, x), reference.gate(x, x) + 1)
    assert ("gate", "fused") in calls
