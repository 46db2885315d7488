"""The architecture as data: one tuple of mixers, and the widths around it."""

from __future__ import annotations

import difflib
import re
from dataclasses import fields
from enum import Enum
from typing import Any

from huggingface_hub.dataclasses import strict
from transformers import GenerationConfig, PreTrainedConfig


class Mixer(str, Enum):
    """What mixes the tokens of one layer, and so what that layer keeps per sequence."""

    MAMBA = "mamba"  # fixed state: convolution tail and scan state
    WINDOW = "window"  # fixed state: keys and values of the last `sliding_window` tokens
    FULL = "full"  # grows: keys and values of every token
    MEMORY = "memory"  # nothing: gates the last Mamba layer's output of the same token
    CROSS = "cross"  # nothing: reads the last FULL layer's keys and values

    @property
    def is_attention(self) -> bool:
        return self in (Mixer.WINDOW, Mixer.FULL, Mixer.CROSS)

    @property
    def is_cross_decoder(self) -> bool:
        return self in (Mixer.MEMORY, Mixer.CROSS)


MAMBA, WINDOW, FULL, MEMORY, CROSS = Mixer
Mixers = tuple[Mixer, ...]

# The names under which transformers' caches and masks know the mixers.
LAYER_TYPES = {
    MAMBA: "linear_attention",
    MEMORY: "linear_attention",
    WINDOW: "sliding_attention",
    FULL: "full_attention",
    CROSS: "full_attention",
}


def sambay_mixers(num_layers: int) -> Mixers:
    """SambaY (arXiv 2507.06607, section 2): Samba as self-decoder, one full-attention layer, memory and cross layers.

    Raises ValueError unless `num_layers` is a positive multiple of 4.
    """
    half = half_depth(num_layers)
    return (MAMBA, WINDOW) * (half // 2) + (MAMBA, FULL) + (MEMORY, CROSS) * (half // 2 - 1)


def half_depth(num_layers: int) -> int:
    """Half the layers. Raises ValueError unless `num_layers` is a positive multiple of 4."""
    if num_layers < 4 or num_layers % 4:
        raise ValueError(f"num_hidden_layers={num_layers}: this layer pattern needs a positive multiple of 4")
    return num_layers // 2


@strict
class SambaYConfig(PreTrainedConfig):
    r"""A decoder of the SambaY family. The defaults are the released Phi-4-mini-flash (3.8B parameters).

    Reads the released `config.json` as it is. A key that is unknown, or a value that cannot be honoured, raises
    ValueError naming the key and what is allowed.

    Args:
        mixers: one name per layer, of "mamba", "window", "full", "memory", "cross"; derived from the depth by
            `sambay_mixers` when absent.
        attention_type: "differential" (arXiv 2410.05258) or "softmax".
        norm_type: "layernorm" (weight and bias) or "rmsnorm".
        rope_theta: base of the rotary position embedding; None for no position encoding.
        attention_bias: whether `Wqkv` and the attention's `out_proj` have biases.
        head_dim: width of one attention head; `hidden_size / num_attention_heads` when absent.
        sliding_window: tokens a window layer sees, the token itself included; an int, or the released code's list of
            one entry per layer (the same int on every window layer, null elsewhere).
        mamba_dt_rank: "auto" is `ceil(hidden_size / 16)`.
        logits_multiplier: factor of the final norm's output, and so of the logits.
        residual_multiplier: factor of what each mixer and each MLP adds to the residual stream.
        attention_multiplier: factor of the attention scores; `head_dim ** -0.5` when absent. These three are 1, 1 and
            absent in the released model; `sambay.training.parameterisation` sets them.
        mb_per_layer: the released files' period of Mamba layers; only 2 exists.
    """

    model_type = "phi4flash"
    keys_to_ignore_at_inference = ("past_key_values",)

    vocab_size: int = 200064
    hidden_size: int = 2560
    intermediate_size: int = 10240
    num_hidden_layers: int = 32
    num_attention_heads: int = 40
    num_key_value_heads: int = 20
    head_dim: int | None = None
    mixers: list[str] | tuple[str, ...] | None = None
    attention_type: str = "differential"
    attention_bias: bool = True
    attention_dropout: float | int = 0.0
    embd_pdrop: float | int = 0.0
    resid_pdrop: float | int = 0.0
    norm_type: str = "layernorm"
    layer_norm_eps: float = 1e-5
    rope_theta: float | int | None = None
    sliding_window: int | list[int | None] | tuple[int | None, ...] | None = 512
    hidden_act: str = "silu"
    mlp_bias: bool = False
    lm_head_bias: bool = False
    mamba_d_state: int = 16
    mamba_d_conv: int = 4
    mamba_expand: int = 2
    mamba_dt_rank: int | str = "auto"
    mamba_conv_bias: bool = True
    mamba_proj_bias: bool = False
    mb_per_layer: int = 2
    max_position_embeddings: int = 262144
    initializer_range: float = 0.02
    logits_multiplier: float | int = 1.0
    residual_multiplier: float | int = 1.0
    attention_multiplier: float | int | None = None
    use_cache: bool = True
    tie_word_embeddings: bool = True
    bos_token_id: int | None = 199999
    eos_token_id: int | list[int] | None = 199999
    pad_token_id: int | None = 199999

    def __post_init__(self, **kwargs: Any) -> None:
        kwargs.pop("auto_map", None)  # names code files that this package replaces
        # The released file asks for flash_attention_2: a wish about one machine, not about the architecture.
        kwargs.pop("_attn_implementation", None)
        derived = {key: kwargs.pop(key) for key in ("layer_types", "kv_sharing_modes") if key in kwargs}
        _refuse_unknown_keys(kwargs)
        if self.mixers is None:
            self.mixers = [mixer.value for mixer in sambay_mixers(self.num_hidden_layers)]
        self.mixers = [getattr(mixer, "value", mixer) for mixer in self.mixers]
        self.head_dim = self.head_dim or self.hidden_size // max(self.num_attention_heads, 1)
        if self.mamba_dt_rank == "auto":
            self.mamba_dt_rank = -(-self.hidden_size // 16)
        _check_choices(self)
        _check_mixers(self)
        self.sliding_window = _single_window(self.sliding_window, self.layers)
        _check_heads(self)
        _check_sizes(self)
        self.auto_map: dict[str, str] = {}  # TRL reads it from the instance
        super().__post_init__(**kwargs)
        for key, value in derived.items():
            if value is not None and list(value) != getattr(self, key):
                raise ValueError(f"{key}={value} contradicts mixers, which give {getattr(self, key)}")

    @property
    def layers(self) -> Mixers:
        """The mixers as enum members, first layer first."""
        return tuple(Mixer(name) for name in self.mixers or ())

    @property
    def layer_types(self) -> list[str]:
        """The same layers in the words of transformers' caches and masks."""
        return [LAYER_TYPES[mixer] for mixer in self.layers]

    @property
    def kv_sharing_modes(self) -> list[str | None]:
        """Per layer: "store" if a later layer reads what it makes, "reuse" if it reads, None otherwise."""
        stores = {source for source in map(self.source_layer, range(len(self.layers))) if source is not None}
        return [
            "reuse" if mixer.is_cross_decoder else "store" if index in stores else None
            for index, mixer in enumerate(self.layers)
        ]

    def source_layer(self, index: int) -> int | None:
        """The layer whose memory (MEMORY) or keys and values (CROSS) layer `index` reads, or None."""
        wanted = {MEMORY: MAMBA, CROSS: FULL}.get(self.layers[index])
        return next((i for i in range(index - 1, -1, -1) if self.layers[i] is wanted), None) if wanted else None

    @property
    def num_self_decoder_layers(self) -> int:
        """Layers that must see every token: all before the trailing run of memory and cross layers."""
        cross = 0
        for mixer in reversed(self.layers):
            if not mixer.is_cross_decoder:
                break
            cross += 1
        return len(self.layers) - cross

    @property
    def is_differential(self) -> bool:
        return self.attention_type == "differential"

    @property
    def mamba_inner_size(self) -> int:
        """Channels E of a Mamba layer, and of the memory."""
        return self.mamba_expand * self.hidden_size


def _refuse_unknown_keys(kwargs: dict[str, Any]) -> None:
    known = {field.name for field in fields(SambaYConfig)} | _TRANSFORMERS_KEYS | set(_generation_keys())
    for key in kwargs:
        if key not in known and not key.startswith("_"):
            close = difflib.get_close_matches(key, known, n=1)
            allowed = ", ".join(sorted(SambaYConfig.__annotations__))
            hint = f"did you mean {close[0]!r}?" if close else f"allowed besides transformers' own are {allowed}"
            raise ValueError(f"unknown key {key!r} in the configuration; {hint}")


def _generation_keys() -> list[str]:
    return list(GenerationConfig._get_default_generation_params())


# Keys that transformers, PEFT or TRL write into any configuration and that PreTrainedConfig itself handles.
_TRANSFORMERS_KEYS = {
    "attn_implementation",
    "experts_implementation",
    "model_type",
    "name_or_path",
    "num_labels",
    "output_attentions",
    "per_layer_config",
    "quantization_config",
    "tie_last_hidden_states",
    "torch_dtype",
}


def _check_choices(config: SambaYConfig) -> None:
    allowed: dict[str, tuple[Any, ...]] = {
        "attention_type": ("differential", "softmax"),
        "norm_type": ("layernorm", "rmsnorm"),
        "hidden_act": ("silu",),
        "mb_per_layer": (2,),
    }
    for key, choices in allowed.items():
        if getattr(config, key) not in choices:
            wanted = " or ".join(map(repr, choices))
            raise ValueError(f"{key}={getattr(config, key)!r} is not supported: allowed is {wanted}")
    for key in ("attention_dropout", "embd_pdrop", "resid_pdrop"):
        if not 0 <= getattr(config, key) < 1:
            raise ValueError(f"{key}={getattr(config, key)}: allowed is a probability from 0 up to, not including, 1")


def _check_mixers(config: SambaYConfig) -> None:
    names = [mixer.value for mixer in Mixer]
    for index, name in enumerate(config.mixers or ()):
        if name not in names:
            raise ValueError(f"mixers[{index}]={name!r}: allowed are {', '.join(names)}")
    if len(config.layers) != config.num_hidden_layers or not config.layers:
        raise ValueError(
            f"mixers has {len(config.layers)} entries, but num_hidden_layers={config.num_hidden_layers}; "
            "they must agree and be at least 1"
        )
    for index, mixer in enumerate(config.layers):
        if mixer.is_cross_decoder and config.source_layer(index) is None:
            source = "mamba" if mixer is MEMORY else "full"
            raise ValueError(f"mixers[{index}]={mixer.value!r} needs an earlier {source!r} layer to read from")
    if WINDOW not in config.layers and FULL not in config.layers:
        raise ValueError(
            "mixers: allowed is a list with at least one window or full layer, whose cache counts positions"
        )
    kinds = "".join("c" if mixer.is_cross_decoder else "s" for mixer in config.layers)
    if not re.fullmatch("s+c*", kinds):
        raise ValueError("mixers: memory and cross layers must come after all mamba, window and full layers")


def _single_window(window: int | list | tuple | None, layers: Mixers) -> int | None:
    """The window as one int: the released configuration class writes one entry per layer."""
    if isinstance(window, list | tuple):
        if len(window) != len(layers):
            raise ValueError(f"sliding_window has {len(window)} entries for {len(layers)} layers")
        sizes = {size for size, mixer in zip(window, layers, strict=True) if mixer is WINDOW}
        stray = [i for i, mixer in enumerate(layers) if mixer is not WINDOW and window[i] is not None]
        if stray or len(sizes) > 1:
            raise ValueError(f"sliding_window={list(window)}: allowed is one int on all window layers, null elsewhere")
        window = sizes.pop() if sizes else None
    if window is not None and window < 1:
        raise ValueError(f"sliding_window={window}: allowed is a positive number of tokens")
    if window is None and WINDOW in layers:
        raise ValueError("sliding_window=None, but mixers has window layers: allowed is a positive number of tokens")
    return window


def _check_heads(config: SambaYConfig) -> None:
    heads, groups = config.num_attention_heads, config.num_key_value_heads
    if groups < 1 or heads % groups:
        raise ValueError(f"num_key_value_heads={groups} must divide num_attention_heads={heads}")
    if config.is_differential and groups % 2 and any(mixer.is_attention for mixer in config.layers):
        raise ValueError(f"num_key_value_heads={groups}: differential attention pairs heads, so it must be even")
    if config.rope_theta is not None and int(config.head_dim or 0) % 2:
        raise ValueError(f"head_dim={config.head_dim} must be even with rope_theta={config.rope_theta}")
    if config.rope_theta is not None and config.rope_theta <= 0:
        raise ValueError(f"rope_theta={config.rope_theta}: allowed is a positive number, or null for no positions")


def _check_sizes(config: SambaYConfig) -> None:
    for key in (
        "vocab_size", "hidden_size", "intermediate_size", "head_dim", "mamba_d_state", "mamba_expand",
        "mamba_dt_rank", "max_position_embeddings",
    ):  # fmt: skip
        value = getattr(config, key)
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{key}={value!r}: allowed is a positive int")
    for key in ("logits_multiplier", "residual_multiplier", "attention_multiplier"):
        multiplier = getattr(config, key)
        if multiplier is not None and not multiplier > 0:
            raise ValueError(f"{key}={multiplier}: allowed is a positive number")
    if config.mamba_d_conv < 2:
        raise ValueError(f"mamba_d_conv={config.mamba_d_conv}: allowed is 2 or more")
