from __future__ import annotations

import pytest
import torch
from engine.tiny_engines import ARCHITECTURES, small_model

from sambay import SambaYConfig, named_config
from sambay.engine import capacity
from sambay.engine.capacity import choose_limits, free_bytes
from sambay.engine.limits import Limits
from sambay.engine.pools import slot_bytes, token_bytes

CPU, GPU, GIB = torch.device("cpu"), torch.device("cuda"), 1 << 30
RELEASED = named_config("phi-4-mini-flash")


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch):
    """Sets how much memory is free; a GPU is said to be there without one."""

    def set_free(num_bytes: int) -> None:
        monkeypatch.setattr(capacity, "free_bytes", lambda device: num_bytes)

    return set_free


def limits_of(config: SambaYConfig, device: torch.device = CPU, **options) -> Limits:
    return choose_limits(config, torch.bfloat16, device, **{"context_tokens": 4096, **options})


def bytes_of(config: SambaYConfig, limits: Limits) -> int:
    state = limits.num_slots * slot_bytes(config, torch.bfloat16)
    return state + limits.num_pages * limits.page_size * token_bytes(config, torch.bfloat16)


@pytest.mark.parametrize("fraction", [0.5, 0.9, 1.0])
@pytest.mark.parametrize("gib", [5, 10, 20, 70])
def test_the_released_model_fills_what_it_may_and_no_more(free, gib: int, fraction: float) -> None:
    free(gib * GIB)
    usable = gib * GIB * fraction - 3 * GIB
    options = {"context_tokens": 65536, "memory_fraction": fraction}
    if usable < 65536 * 5120:
        with pytest.raises(ValueError, match=r"max_model_len=65536 takes .* MiB are free"):
            limits_of(RELEASED, GPU, **options)
        return
    limits = limits_of(RELEASED, GPU, **options)
    page_bytes = 64 * 5120
    assert usable - page_bytes < bytes_of(RELEASED, limits) <= usable, "a page less than all"
    assert limits.num_slots * slot_bytes(RELEASED, torch.bfloat16) <= max(usable / 2, 4 * 24_197_120)
    assert limits.max_length == limits.max_model_len == 65536
    assert (limits.page_size, limits.max_batch_tokens) == (64, 8192)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_any_architecture_runs_any_number_that_fits(free, architecture: str) -> None:
    config = small_model(architecture).config
    for mib in (1, 2, 4, 16, 200):
        free(mib << 20)
        limits = limits_of(config, max_model_len=100, memory_fraction=1.0)
        assert bytes_of(config, limits) <= mib << 20
        assert limits.needs_snapshots == (architecture != "transformer")
        assert limits.has_pages == (architecture != "samba")
        assert limits.max_length == 100
    assert limits.max_sequences == 64
    assert limits.max_batch_tokens == 512


def test_even_the_least_memory_that_is_said_to_do_does(free) -> None:
    least = 4 * slot_bytes(RELEASED, torch.bfloat16) + (4096 // 32 + 1) * 32 * 5120
    free(least)
    limits = limits_of(RELEASED, memory_fraction=1.0)
    assert (limits.max_sequences, limits.num_slots, limits.num_pages) == (1, 4, 129)
    free(least - 1)
    with pytest.raises(ValueError, match="max_model_len=4096 takes 112 MiB beside the model; 112 MiB are free"):
        limits_of(RELEASED, memory_fraction=1.0)


def test_slots_never_take_the_room_of_one_whole_sequence(free) -> None:
    """Half of the memory for slots would leave too little for the longest sequence."""
    length = 262_144
    free(8 * slot_bytes(RELEASED, torch.bfloat16) + (length // 32 + 1) * 32 * 5120)
    limits = limits_of(RELEASED, context_tokens=length, memory_fraction=1.0)
    assert limits.max_length == length
    assert limits.num_slots == 8


def test_what_is_asked_for_is_what_runs(free) -> None:
    free(4 * GIB)
    limits = limits_of(RELEASED, max_sequences=8, max_batch_tokens=300, max_model_len=777, max_queued=5)
    assert (limits.max_sequences, limits.max_batch_tokens, limits.max_model_len) == (8, 300, 777)
    assert (limits.max_queued, limits.num_slots, limits.has_prefix_cache) == (5, 11, True)
    assert limits_of(RELEASED, max_batch_tokens=5).max_sequences == 5, "no more than one step can serve"
    bare = limits_of(RELEASED, max_sequences=8, has_prefix_cache=False)
    assert (bare.num_slots, bare.has_prefix_cache) == (9, False), "no room for prefixes that nobody keeps"
    assert limits_of(named_config("tiny"), max_sequences=600).max_batch_tokens == 600


def test_pages_that_nobody_could_fill_are_not_made(free) -> None:
    free(GIB * 100)
    config = named_config("tiny")
    limits = limits_of(config, max_model_len=100, max_sequences=4)
    assert (limits.num_slots, limits.num_pages) == (7, 1 + 4 * 6)
    config = small_model("transformer").config  # prefixes need no slots there
    assert limits_of(config, max_model_len=100, max_sequences=4).num_pages == 1 + 4 * 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory_fraction": 0}, "memory_fraction=0: allowed is above 0 and at most 1"),
        ({"memory_fraction": 1.1}, "memory_fraction=1.1: allowed"),
        ({"max_model_len": 1}, "max_model_len=1: allowed is 2 to 4096, the model's context"),
        ({"max_model_len": 4097}, "max_model_len=4097: allowed is 2 to 4096"),
        ({"max_sequences": 0}, "max_sequences=0: allowed is 1 or more"),
        ({"max_batch_tokens": 0}, "max_batch_tokens=0: allowed is 1 or more"),
        ({"max_batch_tokens": 7, "max_sequences": 8}, "max_batch_tokens is 7; allowed: at least 8"),
        ({"max_sequences": 200}, "max_sequences=200: 5,792 MiB of state leave no room for max_model_len=4096"),
        ({"device": torch.device("mps")}, "device 'mps': allowed for the engine are cuda, cpu"),
    ],
)
def test_what_cannot_be_is_refused_by_name(free, options: dict, message: str) -> None:
    free(2 * GIB)
    with pytest.raises(ValueError, match=message):
        limits_of(RELEASED, **options)


def test_too_many_sequences_of_a_model_without_pages(free) -> None:
    config = small_model("samba").config
    free(20 * slot_bytes(config, torch.bfloat16))
    with pytest.raises(ValueError, match=r"max_sequences=30: .* of state leave no room"):
        limits_of(config, max_sequences=30, memory_fraction=1.0)


def test_the_free_memory_of_a_cpu_is_bounded() -> None:
    assert 1 << 20 < free_bytes(CPU) <= 4 * GIB
