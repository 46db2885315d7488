"""How many sequences and tokens fit: the limits of an engine from the memory that a device has left."""

from __future__ import annotations

import os

import torch

from sambay.config import SambaYConfig
from sambay.engine.cache_format import check_cache_dtype
from sambay.engine.limits import Limits
from sambay.engine.pools import slot_bytes, token_bytes, window_tokens

_PAGE_TOKENS = {"cuda": 64, "cpu": 32}
_MOST_CPU_BYTES = 4 << 30  # of state, whatever the machine has: more would be paged out or missed by others
_MOST_DRAFTED = 31  # tokens of a step and sequence
_GPU_WORKSPACE_BYTES = 3 << 30  # activations of a step, sampling, CUDA graphs


def choose_limits(
    config: SambaYConfig, dtype: torch.dtype, device: torch.device, *, context_tokens: int,
    max_model_len: int | None = None, max_sequences: int | None = None, max_batch_tokens: int | None = None,
    memory_fraction: float = 0.9, has_prefix_cache: bool = True, max_queued: int | None = None,
    num_drafted: int = 0, cache_dtype: str = "auto",
) -> Limits:  # fmt: skip
    """Limits that use `memory_fraction` of what is free on the device beside the model, which is there already.

    A quarter as many slots again as sequences are kept for prefixes, and all remaining memory becomes pages.
    Raises ValueError for values that are not allowed, and where not even one sequence of `max_model_len` tokens fits.
    """
    if not 0 < memory_fraction <= 1:
        raise ValueError(f"memory_fraction={memory_fraction}: allowed is above 0 and at most 1")
    length = context_tokens if max_model_len is None else max_model_len
    if not 2 <= length <= context_tokens:
        raise ValueError(f"max_model_len={max_model_len}: allowed is 2 to {context_tokens}, the model's context")
    for name, value in {"max_sequences": max_sequences, "max_batch_tokens": max_batch_tokens}.items():
        if value is not None and value < 1:
            raise ValueError(f"{name}={value}: allowed is 1 or more")
    if device.type not in _PAGE_TOKENS:
        raise ValueError(f"device {str(device)!r}: allowed for the engine are {', '.join(_PAGE_TOKENS)}")
    check_cache_dtype(cache_dtype, config, device)
    _check_drafts(num_drafted, config, max_sequences or 1, max_batch_tokens)
    is_gpu = device.type == "cuda"
    wanted = max_sequences or min(256 if is_gpu else 64, (max_batch_tokens or 8192) // (1 + num_drafted))
    free = free_bytes(device) * memory_fraction - (_GPU_WORKSPACE_BYTES if is_gpu else 0)
    of_slot, of_page = slot_bytes(config, dtype), token_bytes(config, dtype, cache_dtype) * _PAGE_TOKENS[device.type]
    pages_each = -(-length // _PAGE_TOKENS[device.type]) if of_page else 0
    has_snapshots = has_prefix_cache and of_slot > 0
    of_pages_each = (pages_each + 1) * of_page  # with page 0
    least = _num_slots(1, has_snapshots) * of_slot + of_pages_each
    if free < least:
        raise ValueError(
            f"max_model_len={length} takes {least / 2**20:,.0f} MiB beside the model; {max(free, 0) / 2**20:,.0f} MiB"
            " are free: a smaller one may fit"
        )
    num_sequences = wanted
    if max_sequences is None:  # at most half of the memory for slots
        for_slots = min(free / 2, free - of_pages_each)
        fitting = (n for n in range(wanted, 1, -1) if _num_slots(n, has_snapshots) * of_slot <= for_slots)
        num_sequences = next(fitting, 1)
    num_slots = _num_slots(num_sequences, has_snapshots)
    left = free - num_slots * of_slot
    if left < of_pages_each:
        raise ValueError(
            f"max_sequences={num_sequences}: {num_slots * of_slot / 2**20:,.0f} MiB of state leave no room for"
            f" max_model_len={length} tokens in {free / 2**20:,.0f} MiB: allowed is less of either"
        )
    num_pages = 0
    if of_page:
        is_free = has_prefix_cache and not has_snapshots  # prefixes are pages alone, and not bounded by slots
        most = 1 + pages_each * (2 * num_sequences if is_free else num_slots - 1)  # more is hardly ever used
        num_pages = int(min(most, left // of_page))
    batch_tokens = max_batch_tokens or max(8192 if is_gpu else 512, num_sequences * (1 + num_drafted))
    return Limits(
        page_size=_PAGE_TOKENS[device.type], num_slots=num_slots, num_pages=num_pages, max_model_len=length,
        max_sequences=num_sequences, max_batch_tokens=batch_tokens,
        max_queued=max_queued, needs_snapshots=of_slot > 0, has_prefix_cache=has_prefix_cache, max_drafted=num_drafted,
    )  # fmt: skip


def _num_slots(num_sequences: int, has_snapshots: bool) -> int:
    """Slot 0, one for each sequence, and those of prefixes."""
    return 1 + num_sequences + (max(2, num_sequences // 4) if has_snapshots else 0)


def _check_drafts(num_drafted: int, config: SambaYConfig, max_sequences: int, max_batch_tokens: int | None) -> None:
    window = window_tokens(config)
    most = min(_MOST_DRAFTED, window - 1) if window else _MOST_DRAFTED  # a ring takes up all that a step may keep
    if not 0 <= num_drafted <= most:
        raise ValueError(f"num_drafted={num_drafted}: allowed is 0 to {most}")
    least = max_sequences * (1 + num_drafted)
    if num_drafted and max_batch_tokens is not None and max_batch_tokens < least:
        raise ValueError(
            f"max_batch_tokens={max_batch_tokens}: allowed with num_drafted={num_drafted} is {least} or more"
        )


def free_bytes(device: torch.device) -> int:
    """Memory that is free on a GPU; of a CPU's machine at most 4 GiB of it."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        return torch.cuda.mem_get_info(device)[0]
    free = _MOST_CPU_BYTES
    if hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        free = min(free, os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return free
