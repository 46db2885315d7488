from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from sambay import SambaYForCausalLM
from sambay.training import loss as training_loss
from sambay.training.batches import SyntheticRows
from sambay.training.loss import HAS_TORCH_LOSS, NextTokenLoss, chunked_loss, linear_cross_entropy

# T tokens, D width, V vocabulary
SIZES = [(40, 24, 100), (7, 24, 100), (1, 8, 50)]


def inputs(T: int, D: int, V: int) -> tuple[Tensor, Tensor, Tensor]:
    hidden = torch.randn(T, D, requires_grad=True)
    weight = torch.randn(V, D, requires_grad=True)
    targets = torch.randint(0, V, (T,))
    targets[::3] = -100
    return hidden, weight, targets


@pytest.fixture(params=[pytest.param(True, marks=pytest.mark.skipif(not HAS_TORCH_LOSS, reason="newer torch")), False])
def use_torch(request, monkeypatch) -> bool:
    monkeypatch.setattr(training_loss, "HAS_TORCH_LOSS", request.param)
    return request.param


@pytest.mark.parametrize("sizes", SIZES)
def test_value_and_gradients(use_torch: bool, sizes) -> None:
    hidden, weight, targets = inputs(*sizes)
    expected = F.cross_entropy(hidden @ weight.T, targets, ignore_index=-100, reduction="sum")
    wanted = torch.autograd.grad(expected, (hidden, weight))
    loss = linear_cross_entropy(hidden, weight, targets, chunk_tokens=8)
    torch.testing.assert_close(loss, expected)
    for found, gradient in zip(torch.autograd.grad(loss, (hidden, weight)), wanted, strict=True):
        torch.testing.assert_close(found, gradient, rtol=1e-4, atol=1e-5)  # float32 sums over chunks


def test_autocast_rounds_the_products_alone(use_torch: bool) -> None:
    hidden, weight, targets = inputs(40, 24, 100)
    rounded = [x.detach().bfloat16().float().requires_grad_() for x in (hidden, weight)]
    expected = F.cross_entropy(rounded[0] @ rounded[1].T, targets, ignore_index=-100, reduction="sum")
    wanted = torch.autograd.grad(expected, rounded)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = linear_cross_entropy(hidden, weight, targets, chunk_tokens=8)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, expected, rtol=4e-3, atol=0)  # logits rounded to 2^-9
    assert loss != loss.bfloat16().float(), "the sum itself is rounded"
    whole = torch.autograd.grad(loss, (hidden, weight))
    for found, gradient in zip(whole, wanted, strict=True):
        assert found.dtype == torch.float32
        assert (found - gradient).norm() < 2e-2 * gradient.norm()


class Largest(TorchDispatchMode):
    """Notes the largest tensor that any operation makes."""

    num_elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else (result,):
            if isinstance(tensor, Tensor):
                self.num_elements = max(self.num_elements, tensor.numel())
        return result


def test_no_logits_of_the_whole_batch() -> None:
    hidden, weight, targets = inputs(512, 8, 300)
    with Largest() as largest:
        chunked_loss(hidden, weight, targets, chunk_tokens=32).backward()
    assert largest.num_elements == 32 * 300


@pytest.mark.skipif(not HAS_TORCH_LOSS, reason="newer torch")
def test_no_logits_of_the_whole_batch_in_torch_s_own(no_poison) -> None:
    hidden, weight, targets = inputs(4096, 8, 3000)
    with torch.profiler.profile(profile_memory=True) as profile:
        linear_cross_entropy(hidden, weight, targets, chunk_tokens=32).backward()
    allocated = max(event.self_cpu_memory_usage for event in profile.events())
    assert 0 < allocated < 4 * 4096 * 3000 / 4


def test_no_target_at_all_is_a_loss_of_zero(use_torch: bool) -> None:
    hidden, weight, targets = inputs(8, 8, 50)
    loss = linear_cross_entropy(hidden, weight, targets.fill_(-100), chunk_tokens=4)
    loss.backward()
    assert loss == 0
    assert not hidden.grad.any()
    assert not weight.grad.any()


def test_the_loss_is_the_model_s_own_without_labels_across_documents(tiny_model) -> None:
    rows = SyntheticRows(320, 32, seed=0).rows(0, 3)
    packing = {key: rows[key] for key in ("seq_idx", "position_ids")}
    total = NextTokenLoss(tiny_model, chunk_tokens=16)(rows["input_ids"], rows["labels"], **packing)
    logits = tiny_model(rows["input_ids"], use_cache=False, **packing).logits
    expected = F.cross_entropy(logits.flatten(0, 1), rows["labels"].flatten(), reduction="sum")
    torch.testing.assert_close(total, expected)
    crossing = rows["seq_idx"][:, 1:] != rows["seq_idx"][:, :-1]
    assert (rows["labels"][:, :-1][crossing] == -100).all()
    assert int(crossing.sum()) == 3


def test_a_head_with_a_bias_is_refused(tiny_config) -> None:
    tiny_config.lm_head_bias = True
    with pytest.raises(ValueError, match="lm_head_bias"):
        NextTokenLoss(SambaYForCausalLM(tiny_config))
