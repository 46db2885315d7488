from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from engine.tiny_engines import ARCHITECTURES, LIMITS, small_model
from torch import Tensor

from sambay.engine.forward import Forward
from sambay.engine.pools import Pools

LENGTHS = (1, 5, 9, 23, 40)
NUM_DECODED = 4


class Driven:
    """A model on pools, with sequences in slots 1, 2, ... and pages dealt in no order."""

    def __init__(self, architecture: str, page_size: int = 5) -> None:
        self.model = small_model(architecture)
        limits = replace(LIMITS, page_size=page_size, num_pages=1 + 120 // page_size + len(LENGTHS))
        self.pools = Pools(self.model.config, limits, torch.float32, torch.device("cpu"))
        self.forward = Forward(self.model, self.pools)
        self.sequences = [[random.randrange(320) for _ in range(length)] for length in LENGTHS]
        with torch.inference_mode():
            self.expected = [self.model(torch.tensor([tokens])).logits[0] for tokens in self.sequences]
        free = random.sample(range(1, limits.num_pages), limits.num_pages - 1)
        for index, tokens in enumerate(self.sequences):
            columns = range(-(-len(tokens) // page_size))
            self.pools.place_pages([(index + 1, column, free.pop()) for column in columns])
            self.pools.clear_slots([index + 1])

    def read(self, index: int, end: int, chunk: int) -> Tensor:
        """Logits after the first `end` tokens of a sequence, read so many at a time."""
        tokens, slot, stream = self.sequences[index], index + 1, None
        for start in range(0, end, chunk):
            stop = min(start + chunk, end)
            stream = self.forward.read(tokens[start:stop], slot, start, is_sampled=stop == end)
            assert (stream is None) == (stop < end)
        assert stream is not None
        return self.forward.after_reading([stream], self.rows([slot], [end - 1]))[0]

    def decode(self, indices: list[int], position_of: list[int], num_padding: int = 0) -> Tensor:
        """Logits after one more token of each of these sequences, and rows of nobody."""
        ids = [self.sequences[index][position] for index, position in zip(indices, position_of, strict=True)]
        slots, padding = [index + 1 for index in indices], [0] * num_padding
        return self.forward.decode(torch.tensor(ids + padding), self.rows(slots + padding, position_of + padding))

    def rows(self, slots: list[int], positions: list[int]):
        return self.forward.decoder.rows(torch.tensor(slots), torch.tensor(positions))

    def tensors(self) -> list[Tensor]:
        return [*self.pools._of_slots, *self.pools._of_pages]


def check(logits: Tensor, expected: Tensor) -> None:
    # float32 in another order; the logits are of size 10, and a token left out changes them by more than 0.1
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=0)


def test_an_adapter_is_part_of_the_model() -> None:
    """Products are asked of the layers, never of their weights alone, which hold no adapter."""
    peft = pytest.importorskip("peft")
    model = small_model("sambayda")
    config = peft.LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
    adapted = peft.get_peft_model(model, config).base_model.model.eval()
    pools = Pools(adapted.config, LIMITS, torch.float32, torch.device("cpu"))
    forward, tokens = Forward(adapted, pools), [random.randrange(320) for _ in range(12)]
    pools.place_pages([(1, 0, 3), (1, 1, 5), (1, 2, 2)])
    slots_B, positions_B = torch.tensor([1]), torch.tensor([10])
    with torch.inference_mode():
        expected = adapted(torch.tensor([tokens])).logits[0]
        stream = forward.read(tokens[:11], 1, 0, is_sampled=True)
        check(forward.after_reading([stream], forward.decoder.rows(slots_B, positions_B))[0], expected[10])
        check(
            forward.decode(torch.tensor(tokens[11:]), forward.decoder.rows(slots_B, positions_B + 1))[0], expected[11]
        )


@pytest.mark.parametrize("page_size", [1, 5, 16])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.inference_mode()
def test_chunks_and_then_a_batch_give_the_models_logits(architecture: str, page_size: int) -> None:
    driven = Driven(architecture, page_size)
    num_read = [max(1, length - NUM_DECODED) for length in LENGTHS]
    for index, end in enumerate(num_read):
        chunk = random.choice([1, 2, 3, 8, 50])
        check(driven.read(index, end, chunk), driven.expected[index][end - 1])
    for step in range(NUM_DECODED):
        indices = [index for index, end in enumerate(num_read) if end + step < LENGTHS[index]]
        positions = [num_read[index] + step for index in indices]
        logits_BV = driven.decode(indices, positions)
        for row, (index, position) in enumerate(zip(indices, positions, strict=True)):
            check(logits_BV[row], driven.expected[index][position])


@pytest.mark.parametrize("chunk", [1, 2, 6, 7, 8, 15, 16, 17, 39, 40])
@pytest.mark.parametrize("architecture", ["tiny", "samba", "swayoco", "sambayda"])
@torch.inference_mode()
def test_chunks_of_any_size(architecture: str, chunk: int) -> None:
    driven = Driven(architecture)
    check(driven.read(4, 40, chunk), driven.expected[4][39])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.inference_mode()
def test_a_whole_sequence_token_by_token(architecture: str) -> None:
    driven = Driven(architecture)
    for position in range(LENGTHS[-1]):
        check(driven.decode([4], [position])[0], driven.expected[4][position])


@pytest.mark.parametrize("architecture", ["tiny", "transformer", "samba"])
@torch.inference_mode()
def test_padding_touches_nobody(architecture: str) -> None:
    driven = Driven(architecture)
    driven.read(3, 20, 50)
    driven.read(4, 30, 50)
    before = [tensor.clone() for tensor in driven.tensors()]
    padded_BV = driven.decode([3, 4], [20, 30], num_padding=3)
    assert padded_BV.isfinite().all()
    after = [tensor.clone() for tensor in driven.tensors()]
    for tensor, value in zip(driven.tensors(), before, strict=True):
        tensor.copy_(value)
    check(padded_BV[:2], driven.decode([3, 4], [20, 30]))
    for tensor, value in zip(driven.tensors(), after, strict=True):
        check(tensor[1:], value[1:])  # all but slot 0 and page 0


@torch.inference_mode()
def test_prompts_that_end_together_are_finished_in_one_batch() -> None:
    driven = Driven("sambayda")
    streams = [driven.forward.read(driven.sequences[index], index + 1, 0, is_sampled=True) for index in (1, 3, 4)]
    logits_BV = driven.forward.after_reading(streams, driven.rows([2, 4, 5], [4, 22, 39]))
    for row, index in enumerate((1, 3, 4)):
        check(logits_BV[row], driven.expected[index][-1])
