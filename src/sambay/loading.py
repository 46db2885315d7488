"""A model by name, with its tokenizer, on a device: what every command that runs one begins with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sambay.assets import default_model

if TYPE_CHECKING:
    import torch

    from sambay.chat import ChatTokenizer
    from sambay.model import SambaYForCausalLM

DTYPES = ("bfloat16", "float16", "float32")
DEFAULT_NAME = "default"  # stands for the model that ships with the package


@dataclass(frozen=True)
class Loaded:
    """A model ready to run. context_tokens: what it and its tokenizer allow, the reply included."""

    network: SambaYForCausalLM
    tokenizer: ChatTokenizer
    context_tokens: int


def model_source(name: str | None) -> str:
    """A folder or Hub id as it is; for None or "default" the folder of the packaged model.

    Raises ValueError if that model is asked for and this version ships none.
    """
    return str(default_model()) if name in (None, DEFAULT_NAME) else str(name)


def load_model(source: str, dtype: str | None = None, device: str | None = None) -> Loaded:
    """Raises ValueError for a wrong dtype or device, then as `weights.load` and `ChatTokenizer.load` do, and for a
    tokenizer with more ids than the model has; the cheap checks come before gigabytes are read."""
    from sambay.chat import ChatTokenizer
    from sambay.model.weights import load, read_config

    target, weights_dtype = device_named(device), None if dtype is None else dtype_named(dtype)
    config = read_config(source)
    tokenizer = ChatTokenizer.load(source)
    if tokenizer.num_ids > config.vocab_size:
        raise ValueError(f"{source}: the tokenizer has {tokenizer.num_ids} ids, the model only {config.vocab_size}")
    network = load(source, dtype=weights_dtype, device=target)
    context_tokens = min(network.config.max_position_embeddings, tokenizer.tokenizer.model_max_length)
    return Loaded(network, tokenizer, context_tokens)


def dtype_named(name: str) -> torch.dtype:
    """Raises ValueError for a name that is not in DTYPES."""
    import torch

    if name not in DTYPES:
        raise ValueError(f"dtype {name!r}: allowed are {', '.join(DTYPES)}")
    return getattr(torch, name)


def device_named(name: str | None) -> torch.device:
    """The device of that name; for None a GPU if there is one, else the CPU. Raises ValueError if it is not here."""
    import torch

    kinds: dict[str, Any] = {
        "cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(),
    }  # fmt: skip
    if name is None:
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if kinds[kind]))
    allowed = ", ".join(kind for kind, is_here in kinds.items() if is_here)
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"device {name!r}: allowed here are {allowed}") from None
    count = torch.cuda.device_count() if device.type == "cuda" else 1
    if not kinds.get(device.type, False) or (device.index or 0) >= count:
        raise ValueError(f"device {name!r}: allowed here are {allowed}")
    return device
