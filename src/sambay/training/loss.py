"""The next-token loss of packed rows, without logits of the whole batch in memory."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from sambay.model.sambay import SambaYForCausalLM

# Letters: B sequences, S positions, T = B * S tokens, D model width, V vocabulary.

IGNORED = -100
HAS_TORCH_LOSS = hasattr(F, "linear_cross_entropy")  # torch 2.13 has it, 2.11 has not


class NextTokenLoss(nn.Module):
    """The model with its loss as one module, so that whoever shards it gathers the head for the loss as well."""

    def __init__(self, model: SambaYForCausalLM, chunk_tokens: int = 1024) -> None:
        super().__init__()
        if model.lm_head.bias is not None:
            raise ValueError("lm_head_bias=True: training allows a head without bias, as in the released model")
        self.model, self.chunk_tokens = model, chunk_tokens

    def forward(self, input_ids: Tensor, targets: Tensor, **packing: Any) -> Tensor:
        """The sum of the losses over positions whose target (B, S), the token after the position, is not IGNORED.

        `packing`: `seq_idx` and `position_ids` of packed documents, as the model takes them.
        """
        hidden_BSD = self.model.model(input_ids=input_ids, use_cache=False, **packing).last_hidden_state
        head = self.model.lm_head
        return linear_cross_entropy(hidden_BSD.flatten(0, 1), head.weight, targets.flatten(), self.chunk_tokens)


def linear_cross_entropy(hidden_TD: Tensor, weight_VD: Tensor, targets_T: Tensor, chunk_tokens: int) -> Tensor:
    """The summed cross-entropy of hidden · weightᵀ, with logits of at most `chunk_tokens` tokens in memory.

    Under autocast the products are in its type; the softmax, the loss and the sum of the weight's gradient are in
    float32 (the released model's training diverged without: arXiv 2507.06607, section 4).
    """
    if torch.is_autocast_enabled(hidden_TD.device.type):
        dtype = torch.get_autocast_dtype(hidden_TD.device.type)
        hidden_TD = hidden_TD.to(dtype)
    # In bfloat16 torch's own rounds the summed loss, and the gradient that comes back to it, to 8 bits.
    if HAS_TORCH_LOSS and hidden_TD.dtype == torch.float32:
        return _torch_loss(hidden_TD, weight_VD, targets_T, chunk_tokens)
    return chunked_loss(hidden_TD, weight_VD, targets_T, chunk_tokens)


def _torch_loss(hidden_TD: Tensor, weight_VD: Tensor, targets_T: Tensor, chunk_tokens: int) -> Tensor:
    options = nn.LinearCrossEntropyOptions(
        batch_chunk_size=min(chunk_tokens, len(targets_T)), chunking_method=None, acc_policy="accurate"
    )
    with torch.autocast(hidden_TD.device.type, enabled=False):  # the types are chosen above
        return F.linear_cross_entropy(
            hidden_TD, weight_VD, targets_T, reduction="sum", ignore_index=IGNORED, options=options
        )


def chunked_loss(hidden_TD: Tensor, weight_VD: Tensor, targets_T: Tensor, chunk_tokens: int) -> Tensor:
    """The same in any type and any torch: each chunk's logits are computed again in the backward pass.

    A float32 weight is rounded to the products' type within each chunk, so that autograd sums the chunks' gradients in
    float32.
    """
    total = hidden_TD.new_zeros((), dtype=torch.float32)
    for hidden, targets in zip(hidden_TD.split(chunk_tokens), targets_T.split(chunk_tokens), strict=True):
        total = total + checkpoint(_one_chunk, hidden, weight_VD, targets, use_reentrant=False)
    return total


def _one_chunk(hidden_TD: Tensor, weight_VD: Tensor, targets_T: Tensor) -> Tensor:
    with torch.autocast(hidden_TD.device.type, enabled=False):
        logits_TV = F.linear(hidden_TD, weight_VD.to(hidden_TD.dtype)).float()
        return F.cross_entropy(logits_TV, targets_T, ignore_index=IGNORED, reduction="sum")
