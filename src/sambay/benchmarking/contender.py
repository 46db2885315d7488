"""What every way to run a model is asked: to read a prompt, to decode many sequences, to follow one that grows."""

from __future__ import annotations

import random
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch

from sambay.benchmarking.clock import Clock
from sambay.benchmarking.models import Subject
from sambay.engine.capacity import free_bytes
from sambay.engine.pools import slot_bytes, token_bytes

Values = dict[str, float | list[float]]  # what one measurement gave, by name with its unit


class DoesNotFitError(Exception):
    """A setting needs more memory than is free; the message says what was missing."""


class Contender(ABC):
    """One model on one path. label: its name in every table. Where memory is too small, all raise DoesNotFitError."""

    def __init__(self, label: str, subject: Subject, seed: int) -> None:
        self.label, self.subject = label, subject
        self.device: torch.device = subject.network.device
        self.clock = Clock(self.device)
        self._draws = random.Random(f"{seed}/prompts")

    @abstractmethod
    def prefill(self, context: int) -> Values:
        """`ms` to read a prompt of so many tokens until its next token is there, what it then holds, `state_bytes`,
        and on a GPU `peak_bytes` of all tensors."""

    @abstractmethod
    def decode(self, batch: int, context: int, steps: int) -> Values:
        """`ms` of a step of `batch` sequences behind so many tokens, the mean of `steps` in a row, `mean_context` then,
        and on a GPU by how many bytes the use of memory rose in these steps, `growth_bytes`."""

    @abstractmethod
    def latency(self, prompt_tokens: int, generation_tokens: int, most_s: float) -> Values:
        """The `seconds` after which one stream has written its first `tokens`, at powers of two and at the end, as far
        as it comes in about `most_s`."""

    def prompt(self, num_tokens: int) -> list[int]:
        """New random ids, so that no two prompts have a beginning in common."""
        return self._draws.choices(range(self.subject.network.config.vocab_size), k=num_tokens)

    @property
    def warm_up_tokens(self) -> int:
        """How much to read at most before what is timed. A GPU's kernels are chosen by length: as much as that."""
        return sys.maxsize if self.device.type == "cuda" else 256

    def check_memory(self, batch: int, length: int, cache_dtype: str = "auto") -> None:
        """Raises DoesNotFitError if the states of `batch` sequences of `length` tokens exceed what is free."""
        config, dtype = self.subject.network.config, self.subject.network.dtype
        needed = batch * (slot_bytes(config, dtype) + length * token_bytes(config, dtype, cache_dtype))
        free = free_bytes(self.device)
        if needed > free:
            raise DoesNotFitError(f"{needed / 2**30:.1f} GiB of state, {free / 2**30:.1f} GiB are free")


def marks(generation_tokens: int) -> list[int]:
    """The lengths at which a growing stream's time is noted: powers of two from 16, and the last."""
    powers = [2**power for power in range(4, 40) if 2**power < generation_tokens]
    return [*powers, generation_tokens]


def at_marks(wanted: Sequence[int], seconds: Sequence[float]) -> Values:
    """The times at which so many tokens were there; seconds[i]: of token i + 1."""
    reached = [mark for mark in wanted if mark <= len(seconds)]
    if not reached and seconds:
        reached = [len(seconds)]
    return {"tokens": [float(mark) for mark in reached], "seconds": [seconds[mark - 1] for mark in reached]}
