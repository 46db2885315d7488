"""The models that are compared: with random weights made where they run, or loaded; and a Transformer of equal size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import Phi3Config, Phi3ForCausalLM

from sambay.chat import ChatTokenizer, build_byte_tokenizer
from sambay.config import FULL, SambaYConfig
from sambay.loading import DEFAULT_NAME, device_named, dtype_named, load_model, model_source
from sambay.model.sambay import SambaYForCausalLM
from sambay.sizes import named_config, size_names, transformer_mixers

RELEASED, RELEASED_PEER = "phi-4-mini-flash", "phi-4-mini-size"
EQUAL, NONE = "equal", "none"  # names of peers besides models
_DEVICES = ("cpu", "cuda")
_MLP_STEP = 8  # widths of MLPs are multiples of it

# Our parameter names in those of Phi3ForCausalLM, whose rows lie in the same order.
_PHI3_NAMES = {
    "final_layernorm": "norm", ".attn.Wqkv.": ".self_attn.qkv_proj.", ".attn.out_proj.": ".self_attn.o_proj.",
    ".mlp.fc1.": ".mlp.gate_up_proj.", ".mlp.fc2.": ".mlp.down_proj.",
}  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """A model that is measured. context_tokens: its longest sequence, the reply included."""

    name: str
    network: SambaYForCausalLM
    tokenizer: ChatTokenizer
    context_tokens: int

    @property
    def num_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.network.parameters())


def open_subjects(model: str | None, peer: str, device: str | None, dtype: str | None, seed: int) -> list[Subject]:
    """The model and, unless `peer` is "none", its peer, in one type on one device.

    model: a named size (random weights), a folder or a Hub id; None: the model that ships. peer: such a name too, or
    "equal", the Transformer++ of as many parameters. dtype None: bfloat16 on a GPU, else the checkpoint's, or float32
    for random weights. Raises ValueError for what is not known, before anything large is made.
    """
    target = device_named(device if device is not None else "cuda" if torch.cuda.is_available() else "cpu")
    if target.type not in _DEVICES:
        raise ValueError(f"device {device!r}: allowed for the engine are {', '.join(_DEVICES)}")
    if dtype is not None:
        dtype_named(dtype)
    chosen = dtype or ("bfloat16" if target.type == "cuda" else None)
    first = _open(DEFAULT_NAME if model is None else model, target, chosen, seed)
    if peer == NONE:
        return [first]
    own = str(first.network.dtype).removeprefix("torch.")
    if peer == EQUAL:
        name, config = equal_transformer(first.network.config)
        network = random_model(config, target, dtype_named(own), seed)
        return [first, Subject(name, network, first.tokenizer, config.max_position_embeddings)]
    return [first, _open(peer, target, own, seed)]


def _open(name: str, device: torch.device, dtype: str | None, seed: int) -> Subject:
    if name in size_names() and not Path(name).is_dir():
        config = named_config(name)
        network = random_model(config, device, dtype_named(dtype or "float32"), seed)
        return Subject(name, network, ChatTokenizer(build_byte_tokenizer()), config.max_position_embeddings)
    try:
        loaded = load_model(model_source(name), dtype, str(device))
    except ValueError as error:
        if "/" in name or Path(name).exists() or name == DEFAULT_NAME:
            raise
        raise ValueError(f"{error}; nor is it a named size: {', '.join(size_names())}") from error
    short = Path(name).resolve().name if Path(name).is_dir() else name
    return Subject(short, loaded.network, loaded.tokenizer, loaded.context_tokens)


def random_model(config: SambaYConfig, device: torch.device, dtype: torch.dtype, seed: int) -> SambaYForCausalLM:
    """A model with fresh weights, made on its device in its type: nothing passes through another memory."""
    with torch.device("meta"):
        model: SambaYForCausalLM = SambaYForCausalLM._from_config(config, dtype=dtype)
    model.to_empty(device=device)
    model.tie_weights()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), torch.no_grad():
        torch.manual_seed(seed)
        for module in reversed(list(model.modules())):  # a layer after its parts, whose biases it sets anew
            model._init_weights(module)
    return model.eval()


def equal_transformer(config: SambaYConfig) -> tuple[str, SambaYConfig]:
    """A Transformer++ of the same depth, width, vocabulary and, by the width of its MLPs, number of parameters.

    Beside the released size stands Phi-4-mini's shape. Halves of differential heads become whole heads.
    """
    released = named_config(RELEASED)
    if all(
        getattr(config, key) == getattr(released, key) for key in ("num_hidden_layers", "hidden_size", "vocab_size")
    ):
        return RELEASED_PEER, named_config(RELEASED_PEER)
    halves = 2 if config.is_differential else 1

    def with_mlp(width: int) -> SambaYConfig:
        return SambaYConfig(
            mixers=transformer_mixers(config.num_hidden_layers), num_hidden_layers=config.num_hidden_layers,
            hidden_size=config.hidden_size, intermediate_size=width, vocab_size=config.vocab_size,
            num_attention_heads=config.num_attention_heads // halves,
            num_key_value_heads=config.num_key_value_heads // halves, head_dim=int(config.head_dim or 0) * halves,
            attention_type="softmax", attention_bias=False, norm_type="rmsnorm", rope_theta=10000.0,
            sliding_window=None, max_position_embeddings=config.max_position_embeddings,
            bos_token_id=config.bos_token_id, eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id,
        )  # fmt: skip

    of_step = 3 * config.hidden_size * config.num_hidden_layers * _MLP_STEP
    missing = num_parameters(config) - num_parameters(with_mlp(_MLP_STEP))
    return "transformer++", with_mlp(_MLP_STEP * max(1, 1 + round(missing / of_step)))


def num_parameters(config: SambaYConfig) -> int:
    """Of a model of this configuration; nothing is allocated."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in SambaYForCausalLM(config).parameters())


def is_plain_transformer(config: SambaYConfig) -> bool:
    """Whether transformers' own Phi-3 classes have this architecture."""
    has_own_scale = config.attention_multiplier not in (None, int(config.head_dim or 0) ** -0.5)
    multipliers = (config.logits_multiplier, config.residual_multiplier)
    return (
        set(config.layers) == {FULL} and config.attention_type == "softmax" and config.norm_type == "rmsnorm"
        and config.rope_theta is not None and not config.attention_bias and not config.mlp_bias
        and not config.lm_head_bias and multipliers == (1, 1) and not has_own_scale
    )  # fmt: skip


def phi3_twin(model: SambaYForCausalLM) -> Phi3ForCausalLM:
    """A plain Transformer++ as transformers' Phi3ForCausalLM: the same tensors, not copies, and so the same logits."""
    config = model.config
    assert is_plain_transformer(config), "only a plain Transformer++ has a twin"
    twin_config = Phi3Config(
        vocab_size=config.vocab_size, hidden_size=config.hidden_size, intermediate_size=config.intermediate_size,
        num_hidden_layers=config.num_hidden_layers, num_attention_heads=config.num_attention_heads,
        num_key_value_heads=config.num_key_value_heads, rms_norm_eps=config.layer_norm_eps,
        max_position_embeddings=config.max_position_embeddings, tie_word_embeddings=config.tie_word_embeddings,
        original_max_position_embeddings=config.max_position_embeddings, pad_token_id=config.pad_token_id,
        rope_parameters={"rope_type": "default", "rope_theta": float(config.rope_theta or 0)},
        bos_token_id=config.bos_token_id, eos_token_id=config.eos_token_id,
    )  # fmt: skip
    twin_config.head_dim = config.head_dim  # no field of theirs, but what their layers go by
    with torch.device("meta"):
        twin: Phi3ForCausalLM = Phi3ForCausalLM._from_config(twin_config, dtype=model.dtype)
    weights = {}
    for name, tensor in model.state_dict().items():
        for ours, theirs in _PHI3_NAMES.items():
            name = name.replace(ours, theirs)
        weights[name] = tensor
    twin.load_state_dict(weights, assign=True)
    twin.tie_weights()
    rotary = twin.model.rotary_emb
    inverse, _ = rotary.compute_default_rope_parameters(twin_config, model.device)  # buffers are no weights
    rotary.inv_freq, rotary.original_inv_freq = inverse, inverse.clone()
    return twin.eval()
