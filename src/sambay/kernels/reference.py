"""The operations in plain PyTorch: the oracle of every kernel, and the path of last resort on any device.

Arithmetic is float32 inside (float64 for float64 inputs), whatever the inputs' type. Every operation is differentiable.

Letters: B sequences, S positions, T keys, E inner channels, N state size, K convolution width, H query heads,
G key/value heads, C head width, F gated width, D model width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Tokens that one program of the scan walks one after the other. Longer walks mean fewer, larger vector operations.
_WALK = 16
# Elements of state that one step of the walk touches: enough to pay for a call, few enough to stay in the cache.
_STEP_ELEMENTS = 1 << 16


def selective_scan(
    x_BSE: Tensor,
    delta_BSE: Tensor,
    A_EN: Tensor,
    B_BSN: Tensor,
    C_BSN: Tensor,
    D_E: Tensor,
    *,
    delta_bias_E: Tensor | None = None,
    gate_BSE: Tensor | None = None,
    initial_state_BEN: Tensor | None = None,
    segment_ids_BS: Tensor | None = None,
    return_memory: bool = False,
) -> tuple[Tensor, Tensor | None, Tensor]:
    """The selective state-space recurrence of Mamba (arXiv 2312.00752, equation 2 with algorithm 2).

    With d = softplus(delta + delta_bias): h_t = exp(d_t A) h_{t-1} + d_t B_t x_t, memory_t = C_t·h_t + D x_t, and
    output_t = memory_t * silu(gate_t). The state restarts from zero where `segment_ids_BS` changes; the first token
    continues `initial_state_BEN`.

    Returns (output_BSE, memory_BSE or None, final_state_BEN): output and memory in x's type, the state in float32.
    The working memory is bounded by a tile of tokens, not by S.
    """
    dtype = _wide(x_BSE.dtype)
    x = x_BSE.to(dtype)
    delta = delta_BSE.to(dtype) if delta_bias_E is None else delta_BSE.to(dtype) + delta_bias_E.to(dtype)
    delta = F.softplus(delta)
    A, B, C = A_EN.to(dtype), B_BSN.to(dtype), C_BSN.to(dtype)
    batch, length, channels = x.shape
    state = initial_state_BEN
    if state is None:
        state = x.new_zeros(batch, channels, A.shape[1])
    if length == 1:
        states, final = _one_token(x, delta, A, B, C, state.to(dtype))
    else:
        resets = None if segment_ids_BS is None else document_starts(segment_ids_BS)
        states, final, _ = _scan(x, delta, A.t().contiguous(), B, C, state.to(dtype).transpose(1, 2), resets)
        final = final.transpose(1, 2)
    memory = states + D_E.to(dtype) * x
    output = memory if gate_BSE is None else memory * F.silu(gate_BSE.to(dtype))
    return output.to(x_BSE.dtype), memory.to(x_BSE.dtype) if return_memory else None, final


def document_starts(segment_ids_BS: Tensor) -> Tensor:
    """True where a token's document differs from the previous token's; never at the first token."""
    changed = segment_ids_BS[:, 1:] != segment_ids_BS[:, :-1]
    return F.pad(changed, (1, 0), value=False)


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


def _one_token(x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    decay_BEN = torch.exp(delta[:, 0, :, None] * A)
    final = decay_BEN * state + (delta * x)[:, 0, :, None] * B[:, 0, None, :]
    with _full_precision(x):
        return (final @ C[:, 0, :, None]).transpose(1, 2), final


def _full_precision(tensor: Tensor) -> torch.autocast:
    """Autocast would round the products of the recurrence to bfloat16."""
    return torch.autocast(tensor.device.type, enabled=False)


# The recurrence proper. A sequence is cut into tiles of n*L tokens, a tile into n runs of L tokens:
#
#   tile   [i*n*L, (i+1)*n*L)           one after the other, carrying the state
#   run    [(i*n + j)*L, ...+L)         the n runs of a tile walk in step, each from a zero state
#
# After the walk, the state that enters each run is carried over and added, decayed: h += (decay so far) * entering.
# States are (B, S, N, E) here: the channels, innermost, fill whole vector registers, and C·h is a matrix product.
# Custom operators keep torch.compile from unrolling the walk, and FLOP counters and graphs see one node.


@torch.library.custom_op("sambay::selective_scan", mutates_args=())
def _scan(
    x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor, resets: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns (C·h of every token, the last state, the state before every tile (tiles, B, N, E)); A is (N, E)."""
    tile = _tile_tokens(A.numel())
    state, entering, outputs = state.clone(memory_format=torch.contiguous_format), [], []
    memory = x.new_empty(2, x.shape[0], min(tile, x.shape[1]), *A.shape)
    for start in range(0, x.shape[1], tile):
        entering.append(state)
        part = slice(start, start + tile)
        decay, drive = _decay_and_drive(x, delta, A, B, resets, part, memory)
        states_BSNE = _walk(decay, drive, state)
        with _full_precision(x):
            outputs.append((C[:, part, None, :] @ states_BSNE).squeeze(2))
        state = states_BSNE[:, -1].clone()
    return torch.cat(outputs, dim=1), state, torch.stack(entering)


@_scan.register_fake
def _(x, delta, A, B, C, state, resets):
    tiles = -(-x.shape[1] // _tile_tokens(A.numel()))
    return torch.empty_like(x), state.new_empty(state.shape), state.new_empty(tiles, *state.shape)


def _save_for_backward(ctx, inputs, output) -> None:
    x, delta, A, B, C, _, resets = inputs
    ctx.save_for_backward(x, delta, A, B, C, output[2], resets)


def _scan_grad(ctx, grad_output, grad_final, _grad_entering):
    with _full_precision(grad_output):
        return *_scan_backward(*ctx.saved_tensors, grad_output, grad_final), None


@torch.library.custom_op("sambay::selective_scan_backward", mutates_args=())
def _scan_backward(
    x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, entering: Tensor, resets: Tensor | None,
    grad_output: Tensor, grad_final: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of x, delta, A, B, C and the initial state; the states of a tile are computed again.

    With g_t the gradient of h_t: g_t = C_t grad_t + decay_{t+1} g_{t+1}, the same recurrence backwards.
    """
    tile = _tile_tokens(A.numel())
    grads = [torch.empty_like(tensor) for tensor in (x, delta, B, C)]
    grad_A, carried = torch.zeros_like(A), grad_final.clone(memory_format=torch.contiguous_format)
    memory = x.new_empty(2, x.shape[0], min(tile, x.shape[1]), *A.shape)
    for index in reversed(range(entering.shape[0])):
        part = slice(index * tile, (index + 1) * tile)
        decay, drive = _decay_and_drive(x, delta, A, B, resets, part, memory)
        states = _walk(decay.clone(), drive.clone(), entering[index])
        pull = C[:, part, :, None] * grad_output[:, part, None, :]
        g = _walk_back(decay, pull, carried)
        carried = decay[:, 0] * g[:, 0]
        kept = states - drive  # decay_t h_{t-1}
        for whole, piece in zip(
            grads, _tile_gradients(g, kept, states, x, delta, A, B, grad_output, part), strict=True
        ):
            whole[:, part] = piece
        grad_A += torch.einsum("bsne,bse->ne", g * kept, delta[:, part])
    grad_x, grad_delta, grad_B, grad_C = grads
    return grad_x, grad_delta, grad_A, grad_B, grad_C, carried


@_scan_backward.register_fake
def _(x, delta, A, B, C, entering, resets, grad_output, grad_final):
    return tuple(torch.empty_like(tensor) for tensor in (x, delta, A, B, C, entering[0]))


torch.library.register_autograd("sambay::selective_scan", _scan_grad, setup_context=_save_for_backward)


def _tile_gradients(g, kept, states, x, delta, A, B, grad_output, part: slice) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    x, delta, B = x[:, part], delta[:, part], B[:, part]
    grad_product = (B[:, :, None, :] @ g).squeeze(2)  # gradient of delta * x
    grad_delta = grad_product * x + torch.einsum("bsne,ne->bse", g * kept, A)
    grad_B = (g @ (delta * x)[..., None]).squeeze(-1)
    grad_C = (states @ grad_output[:, part, :, None]).squeeze(-1)
    return grad_product * delta, grad_delta, grad_B, grad_C


def _tile_tokens(step_elements: int) -> int:
    return _WALK * min(max(_STEP_ELEMENTS // step_elements, 1), 32)


def _decay_and_drive(x, delta, A, B, resets: Tensor | None, part: slice, memory: Tensor) -> tuple[Tensor, Tensor]:
    """exp(delta A), zero where a document starts, and delta B x of the tokens `part`, in `memory` (2, B, S, N, E)."""
    x, delta, B = x[:, part], delta[:, part], B[:, part]
    decay, drive = memory[:, :, : x.shape[1]]
    torch.mul(delta[:, :, None, :], A, out=decay).exp_()
    if resets is not None:
        decay.masked_fill_(resets[:, part, None, None], 0)
    torch.mul((delta * x)[:, :, None, :], B[..., None], out=drive)
    return decay, drive


def _walk(decay_BSNE: Tensor, drive_BSNE: Tensor, state_BNE: Tensor) -> Tensor:
    """All states of h_t = decay_t h_{t-1} + drive_t, with h_{-1} = `state_BNE`; uses both inputs as its memory."""
    runs, rest = divmod(decay_BSNE.shape[1], _WALK)
    if runs <= 1 or rest:
        return _walk_one_run(decay_BSNE, drive_BSNE, state_BNE)
    decay, states = decay_BSNE.unflatten(1, (runs, _WALK)), drive_BSNE.unflatten(1, (runs, _WALK))
    for step in range(1, _WALK):
        states[:, :, step].addcmul_(decay[:, :, step], states[:, :, step - 1])
        decay[:, :, step].mul_(decay[:, :, step - 1])
    entering = [state_BNE]
    for run in range(runs - 1):
        entering.append(torch.addcmul(states[:, run, -1], decay[:, run, -1], entering[-1]))
    states.addcmul_(decay, torch.stack(entering, dim=1)[:, :, None])
    return drive_BSNE


def _walk_one_run(decay_BSNE: Tensor, drive_BSNE: Tensor, state_BNE: Tensor) -> Tensor:
    previous = state_BNE
    for step in range(drive_BSNE.shape[1]):
        previous = drive_BSNE[:, step].addcmul_(decay_BSNE[:, step], previous)
    return drive_BSNE


def _walk_back(decay_BSNE: Tensor, pull_BSNE: Tensor, carried_BNE: Tensor) -> Tensor:
    """All g_t = pull_t + decay_{t+1} g_{t+1}, where `carried_BNE` stands for the last product: the walk, reversed."""
    shifted = torch.cat([torch.ones_like(decay_BSNE[:, :1]), decay_BSNE[:, 1:].flip(1)], dim=1)
    return _walk(shifted, pull_BSNE.flip(1), carried_BNE).flip(1)


def causal_conv(
    x_BSE: Tensor,
    weight_EK: Tensor,
    bias_E: Tensor | None = None,
    *,
    tail_BEK: Tensor | None = None,
    segment_ids_BS: Tensor | None = None,
) -> Tensor:
    """Depthwise causal convolution, then SiLU: silu(bias + sum_k weight[:, k] x[t - (K-1) + k]), in x's type.

    `tail_BEK` (B, E, K-1) holds the inputs before the first token, zeros if absent. No term crosses a document
    border of `segment_ids_BS`; the tail counts to the first document.
    """
    dtype = _wide(x_BSE.dtype)
    batch, length, channels = x_BSE.shape
    before = weight_EK.shape[1] - 1
    tail = x_BSE.new_zeros(batch, before, channels) if tail_BEK is None else tail_BEK.transpose(1, 2).to(x_BSE.dtype)
    inputs = torch.cat([tail, x_BSE], dim=1).to(dtype)
    weight_KE = weight_EK.to(dtype).t()
    ids: Tensor | None = None
    if segment_ids_BS is not None:
        ids = torch.cat([segment_ids_BS[:, :1].expand(-1, before), segment_ids_BS], dim=1)
    total = inputs[:, before:] * weight_KE[before]
    for k in range(before):
        term = inputs[:, k : k + length] * weight_KE[k]
        if ids is not None:
            term = term.masked_fill(ids[:, k : k + length].ne(ids[:, before:]).unsqueeze(-1), 0)
        total = total + term
    if bias_E is not None:
        total = total + bias_E.to(dtype)
    return F.silu(total).to(x_BSE.dtype)


def gate(value: Tensor, gate: Tensor) -> Tensor:
    """value * silu(gate), elementwise: the gated memory unit (arXiv 2507.06607, equation 1) and SwiGLU alike."""
    dtype = _wide(value.dtype)
    return (value.to(dtype) * F.silu(gate.to(dtype))).to(value.dtype)


def add_norm(
    hidden: Tensor,
    update: Tensor | None,
    weight_D: Tensor,
    bias_D: Tensor | None = None,
    *,
    eps: float,
    is_rms: bool,
    scale: float = 1.0,
    dtype: torch.dtype | None = None,
) -> tuple[Tensor, Tensor]:
    """The stream hidden + scale * update (hidden itself without an update), and its norm over the last axis.

    Layer norm (arXiv 1607.06450) or, with `is_rms`, root-mean-square norm (arXiv 1910.07467). The norm's input is first
    rounded to the weight's type, its result to `dtype`; None leaves the weight's.
    """
    if is_rms and bias_D is not None:
        raise ValueError("bias must be None with is_rms: the root-mean-square norm has none")
    stream = hidden if update is None else torch.add(hidden, update, alpha=scale)
    rounded, shape = stream.to(weight_D.dtype), weight_D.shape
    if is_rms:
        normed = F.rms_norm(rounded, shape, weight_D, eps)
    else:
        normed = F.layer_norm(rounded, shape, weight_D, bias_D, eps)
    return stream, normed if dtype is None else normed.to(dtype)


def differential_combine(
    maps_BSHC: Tensor, lambda_: Tensor, weight_C: Tensor, lambda_init: float, eps: float
) -> Tensor:
    """(1 - lambda_init) RMSNorm(map of even heads - lambda * map of odd heads) (arXiv 2410.05258, equations 1 to 3).

    `maps_BSHC` holds one attention output per query head, over values of twice the head width (B, S, H, 2C).
    Returns (B, S, H/2 * 2C) in the same type.
    """
    dtype = _wide(maps_BSHC.dtype)
    even, odd = maps_BSHC.unflatten(2, (-1, 2)).to(dtype).unbind(3)
    difference = even - lambda_.to(dtype) * odd
    normed = difference * torch.rsqrt(difference.square().mean(-1, keepdim=True) + eps)
    return (normed * weight_C.to(dtype) * (1 - lambda_init)).to(maps_BSHC.dtype).flatten(2)


def differential_attention(
    queries_BSHC: Tensor, keys_BTGC: Tensor, values_BTGC: Tensor, visible_BST: Tensor, lambda_: Tensor,
    weight_C: Tensor, lambda_init: float, eps: float,
) -> Tensor:  # fmt: skip
    """Differential attention as the paper writes it (arXiv 2410.05258): two softmax maps, four products.

    Even and odd heads are the two maps; query head j of a map reads key head j // (H/G) of that map, and both value
    heads of the pair, side by side. `visible_BST` is True where a query may see a key. Returns (B, S, H*C).
    """
    q, k, v = (tensor.to(_wide(tensor.dtype)).transpose(1, 2) for tensor in (queries_BSHC, keys_BTGC, values_BTGC))
    repeats = q.shape[1] // k.shape[1]
    v1, v2 = (v[:, s::2].repeat_interleave(repeats, dim=1) for s in (0, 1))
    maps = []
    for s in (0, 1):
        scores = q[:, s::2] @ k[:, s::2].repeat_interleave(repeats, dim=1).transpose(2, 3) * q.shape[-1] ** -0.5
        weights = scores.masked_fill(~visible_BST[:, None], float("-inf")).softmax(-1)
        maps.append(torch.cat([weights @ v1, weights @ v2], dim=-1))
    maps_BSHC = torch.stack(maps, dim=2).flatten(1, 2).transpose(1, 2)
    return differential_combine(maps_BSHC, lambda_, weight_C, lambda_init, eps).to(queries_BSHC.dtype)
