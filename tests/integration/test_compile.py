"""torch.compile of the whole graph: no breaks, one compilation for all steps, the values of eager."""

from __future__ import annotations

import shutil

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend
from transformers import StaticCache

# Fused operations round at other places; logits are a few units.
ROUNDING = {"atol": 2e-4, "rtol": 0}
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="Inductor on the CPU needs g++")


@pytest.fixture(autouse=True)
def fresh_dynamo():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def check_decode(model, prompt, backend) -> None:
    """Prefill eagerly, then 14 compiled steps, from 9 tokens across the window of 16, against a full pass.

    transformers counts a static window's tokens in a Python int, so dynamo compiles three graphs: for the first count,
    for any count, and for a full window. What must not happen is a graph for every step.
    """
    length, window, steps = len(prompt), model.config.sliding_window, 14
    ids = torch.cat([prompt, torch.arange(steps) + 40])[None]
    counter = CompileCounterWithBackend(backend)
    step = torch.compile(model, fullgraph=True, backend=counter)
    cache = StaticCache(config=model.config, max_cache_len=64)
    graphs = {}
    with torch.no_grad():
        expected = model(ids, use_cache=False).logits
        model(ids[:, :length], past_key_values=cache)
        for position in range(length, length + steps):
            logits = step(ids[:, position : position + 1], past_key_values=cache).logits
            torch.testing.assert_close(logits[:, -1], expected[:, position], **ROUNDING)
            graphs[position] = counter.frame_count
    assert graphs[window - 1] == graphs[length + 1] <= 2
    assert graphs[length + steps - 1] == graphs[window + 1] <= 3


def test_static_cache_decoding_does_not_compile_every_step(make_model, prompts):
    mixers = ["mamba", "window", "mamba", "full", "memory", "cross"]  # one of each, for speed
    model = make_model(mixers=mixers, num_hidden_layers=len(mixers), layer_types=None, kv_sharing_modes=None)
    check_decode(model, prompts[1], "eager")


def test_full_forward_is_one_graph(model, prompts):
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(model, fullgraph=True, backend=counter)
    ids = prompts[0][None]
    with torch.no_grad():
        torch.testing.assert_close(compiled(ids, use_cache=False).logits, model(ids).logits, **ROUNDING)
    assert counter.frame_count == 1


def test_full_forward_with_padding_is_one_graph(model, padded):
    ids, mask = padded
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    with torch.no_grad():
        expected = model(ids, attention_mask=mask).logits[mask.bool()]
        logits = compiled(ids, attention_mask=mask, use_cache=False).logits[mask.bool()]
    torch.testing.assert_close(logits, expected, **ROUNDING)


def test_packed_documents_stay_apart_in_a_compiled_graph(model, prompts):
    ids = torch.cat(prompts)[None]
    positions = torch.cat([torch.arange(len(prompt)) for prompt in prompts])[None]
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    with torch.no_grad():
        logits = compiled(ids, position_ids=positions, use_cache=False).logits[0].split([len(p) for p in prompts])
        for part, prompt in zip(logits, prompts, strict=True):
            torch.testing.assert_close(part, model(prompt[None]).logits[0], **ROUNDING)


def test_training_step_is_one_graph(model, prompts):
    ids = prompts[1][None]
    model(ids, labels=ids, use_cache=False).loss.backward()
    expected = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    counter = CompileCounterWithBackend("aot_eager")
    torch.compile(model, fullgraph=True, backend=counter)(ids, labels=ids, use_cache=False).loss.backward()
    assert counter.frame_count == 1
    for name, parameter in model.named_parameters():
        # The same operations in an order of the compiler's.
        torch.testing.assert_close(parameter.grad, expected[name], rtol=1e-3, atol=1e-5)


@pytest.mark.slow
@needs_compiler
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch._inductor.*")
def test_inductor_forward_and_decoding(model, prompts):
    compiled = torch.compile(model, fullgraph=True)
    ids = prompts[0][None]
    with torch.no_grad():
        torch.testing.assert_close(compiled(ids, use_cache=False).logits, model(ids).logits, **ROUNDING)
    check_decode(model, prompts[1], "inductor")


@pytest.mark.slow
@needs_compiler
@pytest.mark.timeout(900)
def test_generate_with_a_compiled_static_cache(model, padded):
    ids, mask = padded
    options = {"attention_mask": mask, "max_new_tokens": 12, "do_sample": False}
    expected = model.generate(ids, **options)
    model.forward = torch.compile(model.forward, fullgraph=True)
    static = model.generate(ids, **options, cache_implementation="static")
    assert static.tolist() == expected.tolist()
