"""How keys and values are kept: rings in the model's type, pages in the model's type, in 8 bits or in 4.

    auto    the model's type
    fp8     float8_e4m3fn times a scale for each head of each layer, fixed before the first request (`calibration.py`)
    int4    4 bits, with a scale and a zero for each half of a head of each token (`kernels/four_bits.py`)

Letters: P pages, S tokens a page, W window, L slots, G key/value heads as cached, C their width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sambay.config import FULL, SambaYConfig
from sambay.kernels.reference_paged import FP8

CACHE_DTYPES = ("auto", "fp8", "int4")
_FP8_CAPABILITY = (8, 9)  # Ada: the first GPUs whose kernels read it
_LEAST_4BIT_WIDTH = 32  # of the kernel


@dataclass(frozen=True)
class KeysValues:
    """Keys and values of one layer: (P, S, G, C) in pages, or rings (L, W, G, C), where position t is row t mod W.

    Pages of 8 bits have scales (G,) float32, those of 4 bits are (P, S, G, C/2) uint8 with scales (P, S, G, 2, 2)
    float16.
    """

    keys: Tensor
    values: Tensor
    key_scales: Tensor | None = None
    value_scales: Tensor | None = None

    @property
    def scales(self) -> dict[str, Tensor | None]:
        """As the kernels take them."""
        return {"key_scales": self.key_scales, "value_scales": self.value_scales}

    @property
    def by_page(self) -> list[Tensor]:
        """All tensors whose first axis is pages, or slots."""
        parts = [self.keys, self.values]
        parts += [scales for scales in (self.key_scales, self.value_scales) if scales is not None and scales.ndim > 1]
        return [part.view(torch.uint8) if part.dtype == FP8 else part for part in parts]  # which has no indexed writing


def new_cache(
    shape: tuple[int, int, int, int], dtype: torch.dtype, device: torch.device, cache_dtype: str = "auto"
) -> KeysValues:
    """An empty cache of `shape` (P, S, G, C). The scales of one of 8 bits are 1."""
    if cache_dtype == "int4":
        packed, scales = (*shape[:3], shape[3] // 2), (*shape[:3], 2, 2)
        parts = [torch.zeros(packed, dtype=torch.uint8, device=device) for _ in range(2)]
        return KeysValues(*parts, *(torch.zeros(scales, dtype=torch.float16, device=device) for _ in range(2)))
    # Zeros and not whatever is there: a masked key that is NaN would still spoil a sum.
    kept = torch.uint8 if cache_dtype == "fp8" else dtype
    keys, values = (torch.zeros(shape, device=device, dtype=kept) for _ in range(2))
    if cache_dtype == "fp8":
        return KeysValues(keys.view(FP8), values.view(FP8), *(torch.ones(shape[2], device=device) for _ in range(2)))
    return KeysValues(keys, values)


def cached_heads(config: SambaYConfig) -> tuple[int, int]:
    """Number and width of a layer's key/value heads as they are cached."""
    width = int(config.head_dim or 0)
    if config.is_differential:
        return config.num_key_value_heads // 2, 2 * width
    return config.num_key_value_heads, width


def head_bytes(width: int, dtype: torch.dtype, cache_dtype: str) -> int:
    """Memory of one cached head of one token in the pages."""
    return {"auto": width * dtype.itemsize, "fp8": width, "int4": width // 2 + 8}[cache_dtype]


def check_cache_dtype(cache_dtype: str, config: SambaYConfig, device: torch.device) -> None:
    """Raises ValueError for an unknown format, and for one that this model or device cannot have, saying why."""
    if cache_dtype not in CACHE_DTYPES:
        raise ValueError(f"cache_dtype={cache_dtype!r}: allowed are {', '.join(CACHE_DTYPES)}")
    if cache_dtype == "auto":
        return
    if FULL not in config.layers:
        raise ValueError(f"cache_dtype={cache_dtype!r}: allowed without a layer of full attention is 'auto'")
    width = cached_heads(config)[1]
    is_gpu = device.type == "cuda"
    is_power = width & (width - 1) == 0
    if cache_dtype == "int4" and (width % 2 or (is_gpu and not (is_power and width >= _LEAST_4BIT_WIDTH))):
        wanted = f"a power of two from {_LEAST_4BIT_WIDTH}" if is_gpu else "even"
        raise ValueError(f"cache_dtype='int4': allowed on {device.type} for cached heads of {wanted}, not {width}")
    if cache_dtype == "fp8" and is_gpu and torch.cuda.get_device_capability(device) < _FP8_CAPABILITY:
        found = torch.cuda.get_device_name(device)
        raise ValueError(f"cache_dtype='fp8': allowed on GPUs of compute capability 8.9 and above, not {found}")
