"""A run that starts from a trained model's weights, as fine-tuning does."""

from __future__ import annotations

from typing import Any

import torch

from sambay.config import SambaYConfig
from sambay.model.sambay import SambaYForCausalLM
from sambay.model.weights import load

# What may differ: ids come from the tokenizer, dropout and the range of fresh weights change no trained weight.
_FREE = {"bos_token_id", "eos_token_id", "pad_token_id", "embd_pdrop", "resid_pdrop", "attention_dropout", "use_cache"}
_FREE |= {"initializer_range", "max_position_embeddings"}


@torch.no_grad()
def start_from(model: SambaYForCausalLM, folder: str) -> None:
    """Copies the weights in a folder into `model`, in float32.

    Raises ValueError for another architecture, its parameterisation's multipliers included, and as `weights.load` does.
    """
    trained = load(folder, dtype=torch.float32)
    for name in SambaYConfig.__annotations__:
        here, there = _plain(getattr(model.config, name, None)), _plain(getattr(trained.config, name, None))
        if name not in _FREE and here != there:
            raise ValueError(f"initial_model={folder!r} has {name}={there!r}, this run {here!r}: allowed are the same")
    model.load_state_dict(trained.state_dict())


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
