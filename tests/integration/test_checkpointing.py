"""Gradient checkpointing: the same loss and the same gradients for less memory."""

from __future__ import annotations

import pytest
import torch


def loss_and_gradients(model, ids, **inputs):
    model.zero_grad()
    loss = model(ids, labels=ids, use_cache=False, **inputs).loss
    loss.backward()
    return loss.detach(), {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("is_packed", [False, True])
def test_losses_and_gradients_are_the_same(model, prompts, is_packed):
    ids = torch.cat(prompts)[None]
    inputs = {}
    if is_packed:
        inputs["position_ids"] = torch.cat([torch.arange(len(prompt)) for prompt in prompts])[None]
    model.train()
    expected_loss, expected = loss_and_gradients(model, ids, **inputs)
    for use_reentrant in (False, True):
        model.activation_checkpointing_enable({"use_reentrant": use_reentrant})
        if use_reentrant:
            model.enable_input_require_grads()
        calls = count_calls(model)
        loss, gradients = loss_and_gradients(model, ids, **inputs)
        assert calls == [2] * model.config.num_hidden_layers  # forward and again in backward
        assert torch.equal(loss, expected_loss)
        for name, gradient in gradients.items():
            assert gradient.abs().max() > 0, name
            # The same operations on the same numbers, accumulated in another order.
            torch.testing.assert_close(
                gradient, expected[name], rtol=1e-4, atol=1e-6, msg=lambda m, n=name: f"{n}: {m}"
            )
        model.activation_checkpointing_disable()


def count_calls(model) -> list[int]:
    calls = [0] * len(model.model.layers)
    for index, layer in enumerate(model.model.layers):

        def count(*_, index=index):
            calls[index] += 1

        layer.mlp.fc1.register_forward_pre_hook(count)
    return calls


def test_a_cache_is_not_filled_twice(model, prompts):
    """With use_cache on, the second pass in backward would continue the states of the first."""
    ids = prompts[0][None]
    model.train()
    _, expected = loss_and_gradients(model, ids)
    model.activation_checkpointing_enable({"use_reentrant": False})
    model.zero_grad()
    model(ids, labels=ids, use_cache=True).loss.backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name], rtol=1e-4, atol=1e-6)
