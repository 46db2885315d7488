"""A replayed CUDA graph gives the logits of the step that it recorded, for any batch."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from engine.tiny_engines import LIMITS, byte_tokenizer, check_nothing_is_left, fitting, small_model

from sambay.engine.engine import Engine
from sambay.engine.graphs import SIZES, DecodeGraphs
from sambay.engine.sampling_params import SamplingParams

NEEDS_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.mark.parametrize("max_batch", [1, 2, 5, 8, 64, 250, 256, 300])
def test_every_batch_has_a_size_that_is_not_much_larger(max_batch: int) -> None:
    graphs = DecodeGraphs(lambda columns_B3: columns_B3, max_batch, torch.device("cpu"))
    largest = min(max_batch, SIZES[-1])
    for batch in range(1, largest + 1):
        size = next(size for size in graphs.sizes if size >= batch)
        assert size <= largest
        assert size < 1.5 * batch
        assert batch < 64 or size < 1.2 * batch
    assert list(graphs.sizes) == sorted(graphs.sizes)


def test_what_is_larger_than_every_graph_is_run_as_it_is() -> None:
    graphs = DecodeGraphs(lambda columns_B3: columns_B3 + 1, 300, torch.device("cpu"))
    columns_B3 = torch.zeros(257, 3, dtype=torch.int64)
    assert torch.equal(graphs(columns_B3), columns_B3 + 1)


@pytest.mark.gpu
@NEEDS_CUDA
@torch.inference_mode()
def test_replayed_rows_are_those_of_the_step_itself() -> None:
    """A step with state, in batches that grow and shrink, so that a stale row or a padded one would show."""
    state_L = torch.zeros(40, device="cuda")

    def step(columns_B3: torch.Tensor) -> torch.Tensor:
        slots_B, positions_B, ids_B = columns_B3.unbind(1)
        state_L[slots_B] = state_L[slots_B] + ids_B
        return torch.stack([state_L[slots_B], positions_B * 2.0], dim=1)

    graphs, expected_L = DecodeGraphs(step, 32, torch.device("cuda")), torch.zeros(40)
    for batch in (5, 1, 17, 32, 7, 6, 17):
        slots = torch.randperm(39)[:batch] + 1
        columns_B3 = torch.stack([slots, torch.arange(batch) + 3, torch.randint(1, 9, (batch,))], dim=1)
        expected_L[slots] += columns_B3[:, 2]
        output_B2 = graphs(columns_B3.cuda()).cpu()
        assert torch.equal(output_B2, torch.stack([expected_L[slots], columns_B3[:, 1] * 2.0], dim=1))
    assert torch.equal(state_L[1:].cpu(), expected_L[1:])
    assert set(graphs._graphs) == {6, 1, 24, 32, 8}


@pytest.mark.gpu
@NEEDS_CUDA
@pytest.mark.parametrize("architecture", ["tiny", "transformer", "samba", "sambayda"])
def test_an_engine_with_graphs_says_what_one_without_says(architecture: str) -> None:
    """With too little memory, prefixes and plans ahead, so that batches change at every step."""
    model, tokenizer = small_model(architecture).cuda(), byte_tokenizer()
    prompts = [[(7 * place + step) % 256 for step in range(3 + 9 * place)] for place in range(7)]
    wide = SamplingParams(temperature=2, seed=3, n=2, max_tokens=20, ignore_eos=True)
    greedy = SamplingParams(temperature=0, max_tokens=24, ignore_eos=True)
    found = []
    for has_graphs, ahead in ((False, 0), (True, 0), (True, 1)):
        limits = fitting(replace(LIMITS, num_pages=20), model)
        engine = Engine(model, tokenizer, limits, num_plans_ahead=ahead, has_graphs=has_graphs)
        for place, prompt in enumerate(prompts):
            engine.add(str(place), prompt, wide if place % 2 else greedy)
        replies: dict[tuple[str, int], list[int]] = {}
        while engine.has_work:
            for delta in engine.step():
                replies.setdefault((delta.request_id, delta.sample), []).extend(delta.token_ids)
        check_nothing_is_left(engine, ahead)
        found.append(replies)
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 10
