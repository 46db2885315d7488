"""The tensors behind slots and pages: what every sequence keeps, one set for the whole engine.

Letters: L slots, M pages of a sequence, P pages, S tokens a page, W window, E Mamba channels, N state size,
K convolution width, G key/value heads as cached, C their width. With differential attention a pair of heads is cached
as one: key [k1|k2] and value [v1|v2].

Slot 0 and page 0 belong to nobody: rows that pad a batch write there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sambay.config import FULL, MAMBA, WINDOW, SambaYConfig
from sambay.engine.cache_format import KeysValues, cached_heads, head_bytes, new_cache
from sambay.engine.limits import Limits


@dataclass(frozen=True)
class MambaState:
    """Of one Mamba layer: the inputs before the next token (L, E, K-1), and the scan's state (L, E, N) in float32."""

    tails: Tensor
    states: Tensor


class Pools:
    """All state of all sequences, by layer index. tables_LM: the pages of each slot's sequence, int32.

    cache_dtype: of the pages, one of CACHE_DTYPES; rings are always in the model's type.
    """

    def __init__(
        self, config: SambaYConfig, limits: Limits, dtype: torch.dtype, device: torch.device, cache_dtype: str = "auto"
    ) -> None:
        self.page_tokens, num_slots = limits.page_size, limits.num_slots
        columns = max(1, limits.pages_for(limits.max_length))
        self.tables_LM = torch.zeros(num_slots, columns, dtype=torch.int32, device=device)
        self.mamba: dict[int, MambaState] = {}
        self.rings: dict[int, KeysValues] = {}
        self.pages: dict[int, KeysValues] = {}
        heads, width = cached_heads(config)
        for index, mixer in enumerate(config.layers):
            if mixer is MAMBA:
                channels = config.mamba_inner_size
                tails = torch.zeros(num_slots, channels, config.mamba_d_conv - 1, dtype=dtype, device=device)
                states = torch.zeros(num_slots, channels, config.mamba_d_state, device=device)
                self.mamba[index] = MambaState(tails, states)
            elif mixer is WINDOW:
                shape = (num_slots, window_tokens(config), heads, width)
                self.rings[index] = new_cache(shape, dtype, device)
            elif mixer is FULL:
                shape = (limits.num_pages, limits.page_size, heads, width)
                self.pages[index] = new_cache(shape, dtype, device, cache_dtype)
        mambas, rings = self.mamba.values(), self.rings.values()
        self._of_slots = [part for state in mambas for part in (state.tails, state.states)]
        self._of_slots += [part for ring in rings for part in ring.by_page]
        self._fresh = [part for state in mambas for part in (state.tails, state.states)]
        self._of_pages = [part for pages in self.pages.values() for part in pages.by_page]

    def place_pages(self, entries: Sequence[tuple[int, int, int]]) -> None:
        """Puts pages into the tables: (slot, column, page) each."""
        if entries:
            slots, columns, pages = torch.tensor(entries, device=self.tables_LM.device).unbind(1)
            self.tables_LM[slots, columns] = pages.int()

    def clear_slots(self, slots: Sequence[int]) -> None:
        """For new sequences. Rings keep what is in them: lengths say what counts."""
        for tensor in self._fresh if slots else ():
            tensor[_index(slots, tensor)] = 0

    def copy_slots(self, sources: Sequence[int], targets: Sequence[int]) -> None:
        """Whole slots, all at once: a source may not be another pair's target."""
        _copy(self._of_slots, sources, targets)

    def copy_pages(self, sources: Sequence[int], targets: Sequence[int]) -> None:
        """Whole pages, all at once."""
        _copy(self._of_pages, sources, targets)


def _index(ids: Sequence[int], tensor: Tensor) -> Tensor:
    return torch.tensor(ids, device=tensor.device)


def _copy(tensors: Sequence[Tensor], sources: Sequence[int], targets: Sequence[int]) -> None:
    if not tensors or not sources:
        return
    source, target = _index(sources, tensors[0]), _index(targets, tensors[0])
    for tensor in tensors:
        tensor[target] = tensor[source]


def window_tokens(config: SambaYConfig) -> int:
    """Tokens that a window layer keeps; 0 without one."""
    assert config.sliding_window is None or isinstance(config.sliding_window, int)
    return config.sliding_window or 0


def slot_bytes(config: SambaYConfig, dtype: torch.dtype) -> int:
    """Memory of one slot: 24 MB in bfloat16 at the released size."""
    size, total = torch.empty(0, dtype=dtype).element_size(), 0
    heads, width = cached_heads(config)
    for mixer in config.layers:
        if mixer is MAMBA:
            total += config.mamba_inner_size * ((config.mamba_d_conv - 1) * size + config.mamba_d_state * 4)
        elif mixer is WINDOW:
            total += 2 * window_tokens(config) * heads * width * size
    return total


def token_bytes(config: SambaYConfig, dtype: torch.dtype, cache_dtype: str = "auto") -> int:
    """Memory of one token in the pages. At the released size 5,120 B in bfloat16, 2,560 B in 8 bits, 1,440 B in 4."""
    heads, width = cached_heads(config)
    return sum(2 * heads * head_bytes(width, dtype, cache_dtype) for mixer in config.layers if mixer is FULL)
