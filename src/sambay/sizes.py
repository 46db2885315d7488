"""The named sizes: the released model, the paper's scaling family and its peers, and a tiny one for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sambay.config import CROSS, FULL, MAMBA, WINDOW, Mixers, SambaYConfig, half_depth, sambay_mixers


def samba_yoco_mixers(num_layers: int) -> Mixers:
    """Samba+YOCO: SambaY with cross attention in place of the gated memory units."""
    half = half_depth(num_layers)
    return (MAMBA, WINDOW) * (half // 2) + (MAMBA, FULL) + (CROSS,) * (half - 2)


def swa_yoco_mixers(num_layers: int) -> Mixers:
    """SWA+YOCO: windows, one full-attention layer, cross attention to it."""
    half = half_depth(num_layers)
    return (WINDOW,) * (half + 1) + (FULL,) + (CROSS,) * (half - 2)


def samba_mixers(num_layers: int) -> Mixers:
    """Samba: Mamba and window attention in turn. Raises ValueError unless `num_layers` is a multiple of 4."""
    return (MAMBA, WINDOW) * half_depth(num_layers)


def transformer_mixers(num_layers: int) -> Mixers:
    """Transformer++: full attention in every layer."""
    return (FULL,) * num_layers


def transformer_ls_mixers(num_layers: int) -> Mixers:
    """TransformerLS: three window layers to one full layer."""
    return ((WINDOW, WINDOW, WINDOW, FULL) * num_layers)[:num_layers]


_TRANSFORMER_PLUS: dict[str, Any] = {
    "attention_type": "softmax", "attention_bias": False, "norm_type": "rmsnorm", "rope_theta": 10000.0,
}  # fmt: skip
_NO_POSITIONS: dict[str, Any] = {**_TRANSFORMER_PLUS, "rope_theta": None}
# Differential attention pairs heads: twice as many of half the width, as in the released model, same parameters.
_DIFFERENTIAL: dict[str, Any] = {**_NO_POSITIONS, "attention_type": "differential"}

# name: aspect ratio (arXiv 2507.06607, table 7: width / depth), layer pattern, window, the fields that differ
_FAMILY: dict[str, tuple[int, Callable[[int], Mixers], int | None, dict[str, Any]]] = {
    "transformer": (128, transformer_mixers, None, _TRANSFORMER_PLUS),
    "transformerls": (128, transformer_ls_mixers, 128, _TRANSFORMER_PLUS),
    "samba": (122, samba_mixers, 2048, _TRANSFORMER_PLUS),
    "swayoco": (130, swa_yoco_mixers, 128, _TRANSFORMER_PLUS),
    "sambayoco": (126, samba_yoco_mixers, 128, _NO_POSITIONS),
    "sambay": (124, sambay_mixers, 128, _NO_POSITIONS),
    "sambayda": (124, sambay_mixers, 128, _DIFFERENTIAL),
}
FAMILY_DEPTHS = (4, 8, 12, 16, 20, 24)
# name: the fields that differ from the released model's
_OTHER_SIZES: dict[str, dict[str, Any]] = {
    "phi-4-mini-flash": {},
    # A Transformer++ with the widths of Phi-4-mini: the architecture's peer in every comparison.
    "phi-4-mini-size": {
        "mixers": transformer_mixers(32), "hidden_size": 3072, "intermediate_size": 8192, "num_attention_heads": 24,
        "num_key_value_heads": 8, "sliding_window": None, "max_position_embeddings": 131072, **_TRANSFORMER_PLUS,
    },
    # For tests: every mixer, a window shorter than the tests' prompts, the byte tokenizer's vocabulary.
    "tiny": {
        "vocab_size": 320, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 8,
        "num_attention_heads": 8, "num_key_value_heads": 4, "sliding_window": 16, "mamba_d_state": 8,
        "max_position_embeddings": 4096, "bos_token_id": 256, "eos_token_id": 256, "pad_token_id": 256,
    },
}  # fmt: skip


def family_config(architecture: str, depth: int, **overrides: Any) -> SambaYConfig:
    """A model of the paper's scaling family (section 3.1, appendix C): all sizes follow from the depth.

    Width is the architecture's aspect ratio times `depth`, attention is `depth` heads of 128 with a quarter as many
    key/value heads, the MLP is 4 times as wide, the vocabulary 32,000.

    Raises ValueError for an unknown architecture or a depth that is not a multiple of 4.
    """
    if architecture not in _FAMILY:
        raise ValueError(f"unknown architecture {architecture!r}: allowed are {', '.join(_FAMILY)}")
    if depth < 4 or depth % 4:
        raise ValueError(f"depth={depth}: allowed are positive multiples of 4")
    aspect_ratio, pattern, window, options = _FAMILY[architecture]
    split = 2 if options["attention_type"] == "differential" else 1
    sizes: dict[str, Any] = {
        "mixers": pattern(depth), "num_hidden_layers": depth, "hidden_size": aspect_ratio * depth,
        "intermediate_size": 4 * aspect_ratio * depth, "num_attention_heads": split * depth,
        "num_key_value_heads": split * depth // 4, "head_dim": 128 // split, "sliding_window": window,
        "vocab_size": 32000, "max_position_embeddings": 32768, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
    }  # fmt: skip
    return SambaYConfig(**{**sizes, **options, **overrides})


def size_names() -> list[str]:
    """Every name that `named_config` knows."""
    return [*_OTHER_SIZES, *(f"{name}_d{depth}" for name in _FAMILY for depth in FAMILY_DEPTHS)]


def named_config(name: str, **overrides: Any) -> SambaYConfig:
    """The configuration of a named size, such as "phi-4-mini-flash", "sambay_d16" or "tiny".

    `overrides` are fields of SambaYConfig in place of the size's own; what follows from others, such as
    `mamba_dt_rank`, follows from them. Raises ValueError for an unknown name, listing the known ones.
    """
    if name in _OTHER_SIZES:
        return SambaYConfig(**{**_OTHER_SIZES[name], **overrides})
    if name not in size_names():
        raise ValueError(f"unknown size {name!r}: allowed are {', '.join(size_names())}")
    architecture, depth = name.rsplit("_d", 1)
    return family_config(architecture, int(depth), **overrides)
