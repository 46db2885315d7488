"""A tiny model whose weights are large enough that a wrong state, mask or position moves its logits by units."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from sambay import SambaYConfig, SambaYForCausalLM, named_config
from sambay.chat import build_byte_tokenizer

MakeModel = Callable[..., SambaYForCausalLM]


def make_tiny_model(seed: int = 1, **overrides) -> SambaYForCausalLM:
    """The tiny size in float32, eval mode, with logits of standard deviation 3; `overrides` are configuration fields.

    Seed 1 is one whose greedy continuations do not fall into a loop.
    """
    config = SambaYConfig.from_dict({**named_config("tiny").to_dict(), **overrides})
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = SambaYForCausalLM(config).eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.ndim == 2 and "A_log" not in name and "embed" not in name:
                    parameter.normal_(std=1.5 * parameter.shape[1] ** -0.5)
                elif name.endswith(("layernorm.weight", "subln.weight", ".D")):
                    parameter.uniform_(0.5, 1.5)
                elif name.endswith("bias") and "dt_proj" not in name:
                    parameter.normal_(std=0.2)
            model.model.embed_tokens.weight.normal_()
            ids = torch.randint(0, 256, (2, 48))
            scale = 3.0 / model(ids).logits.std()
            for parameter in model.model.final_layernorm.parameters():
                parameter.mul_(scale)
    model.generation_config.eos_token_id = None  # lengths are the test's to choose
    return model


@pytest.fixture
def make_model() -> MakeModel:
    return make_tiny_model


@pytest.fixture
def model() -> SambaYForCausalLM:
    return make_tiny_model()


@pytest.fixture
def tokenizer() -> PreTrainedTokenizerFast:
    return build_byte_tokenizer()


@pytest.fixture
def prompts() -> list[Tensor]:
    """Three prompts: longer than the window (16), about half of it, and shorter than the convolution."""
    generator = torch.Generator().manual_seed(7)
    return [torch.randint(0, 256, (length,), generator=generator) for length in (27, 9, 2)]


@pytest.fixture
def padded(prompts: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The prompts as one left-padded batch: ids and mask."""
    return pad_left(prompts)


def pad_left(rows: list[Tensor], pad_id: int = 65) -> tuple[Tensor, Tensor]:
    """Padding is an ordinary id, so that reading it shows."""
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), pad_id)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    for index, row in enumerate(rows):
        ids[index, width - len(row) :] = row
        mask[index, width - len(row) :] = 1
    return ids, mask


@pytest.fixture
def saved(tmp_path: Path, model: SambaYForCausalLM, tokenizer: PreTrainedTokenizerFast) -> Path:
    """A folder with the model and its tokenizer, as save_pretrained writes them."""
    folder = tmp_path / "model"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
