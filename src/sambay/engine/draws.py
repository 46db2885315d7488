"""Random draws that depend on a request's seed and on how far its reply is, and on nothing else.

Letters: B rows, V vocabulary, K likeliest tokens kept, R runs of neighbouring ids, U ids a run.

One uniform number a row, a hash of (seed, tokens generated so far), picks a token from the cumulated probabilities.
Noise for each token (Gumbel's way) needs B·V hashes, some twelve passes over int64 (B, V): this needs half as many over
float32. No generator has a state that preempting, batching or speculating could move.

What makes the choice the same in any batch and order: probabilities are kept as whole numbers, so small that a row's
sum stays below 2^51. Sums of those are exact in float64, in whatever order a kernel adds them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

_MAX_SUM_BITS = 51
_RUN_IDS = 128  # divides the released vocabulary (200,064) and the usual small ones, so that nothing is padded
_GOLDEN = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio, odd


def uniforms(seeds: Sequence[int], num_generated: Sequence[int]) -> np.ndarray:
    """One number of [0, 1) a row, float64 with 52 random bits: output `num_generated` of the SplitMix64 generator that
    starts at the mixed seed (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators").

    On the host: a handful of integers a row, which go to the device in one copy.
    """
    golden = np.uint64(_GOLDEN)
    keys = _mixed(np.array(seeds, dtype=np.uint64) + golden)
    counters = np.array(num_generated, dtype=np.uint64) + np.uint64(1)
    return (_mixed(keys + counters * golden) >> np.uint64(12)) * 2.0**-52


def _mixed(bits: np.ndarray) -> np.ndarray:
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def weights(scores_BV: Tensor, temperature_B1: Tensor) -> Tensor:
    """Softmax of scores / temperature as whole numbers in float32, the likeliest token's being `top_weight(V)`.

    At a vocabulary of 200,064 a token 2^34 times less likely than the likeliest has weight 0. Rounding moves less than
    1e-5 of the probability even if all other tokens lie about there; bfloat16 logits leave a hundred times that open.
    """
    shifted_BV = scores_BV - scores_BV.amax(-1, keepdim=True)
    return shifted_BV.div_(temperature_B1).exp_().mul_(top_weight(scores_BV.shape[-1])).round_()


def top_weight(vocab_size: int) -> float:
    """The largest power of two that keeps a row's sum within 2^51."""
    return 2.0 ** (_MAX_SUM_BITS - (vocab_size - 1).bit_length())


def draw_by_id(weights_BV: Tensor, uniforms_B: Tensor) -> Tensor:
    """One id a row, tokens cumulated in order of id: first over runs of ids, then within the run that was met.

    ids   [0, 128) [128, 256) ... | the first run whose cumulated sum passes u · total, and then the first id in it
    """
    num_rows, vocab_size = weights_BV.shape
    if vocab_size % _RUN_IDS:
        weights_BV = pad(weights_BV, (0, -vocab_size % _RUN_IDS))
    runs_BRU = weights_BV.view(num_rows, -1, _RUN_IDS)
    ends_BR = runs_BRU.sum(-1, dtype=torch.float64).cumsum(-1)
    wanted_B1 = (uniforms_B[:, None] * ends_BR[:, -1:]).floor_()
    run_B1 = torch.searchsorted(ends_BR, wanted_B1, right=True)
    starts_BR = pad(ends_BR[:, :-1], (1, 0))
    met_BU = runs_BRU.gather(1, run_B1[:, :, None].expand(-1, 1, _RUN_IDS))[:, 0]
    wanted_B1 -= starts_BR.gather(1, run_B1)
    place_B1 = torch.searchsorted(met_BU.double().cumsum(-1), wanted_B1, right=True)
    return (run_B1 * _RUN_IDS + place_B1)[:, 0]


def draw_likeliest(
    weights_BV: Tensor, uniforms_B: Tensor, top_k_B1: Tensor, top_p_B1: Tensor, min_p_B1: Tensor, max_kept: int
) -> Tensor:
    """One id a row among those that top-k, then top-p, then min-p leave: each keeps a prefix of the likeliest first.

    max_kept: at least every row's top_k, or the vocabulary if a row has none (0), which sorts all of it and takes up to
    25 bytes of memory for each weight. On the CPU, where reading back costs nothing, only what may be kept is sorted.
    """
    totals_B1 = weights_BV.sum(-1, keepdim=True, dtype=torch.float64)
    if max_kept == weights_BV.shape[1] and weights_BV.is_cpu:
        max_kept = max(_most_kept(weights_BV, totals_B1, top_p_B1), int(top_k_B1.max()))
    sorted_BK, ids_BK = _likeliest(weights_BV, max_kept)
    ends_BK = sorted_BK.cumsum(-1, dtype=torch.float64)
    num_sorted = ends_BK.shape[1]
    by_k_B1 = torch.where(top_k_B1 == 0, num_sorted, top_k_B1).clamp(max=num_sorted)
    totals_B1 = torch.where(top_k_B1 == 0, totals_B1, ends_BK.gather(1, by_k_B1 - 1))
    # the token that reaches top_p is still kept
    by_p_B1 = torch.searchsorted(ends_BK, top_p_B1 * totals_B1).clamp_(max=num_sorted - 1) + 1
    by_min_B1 = (sorted_BK >= min_p_B1 * sorted_BK[:, :1]).sum(-1, keepdim=True)
    num_kept_B1 = torch.minimum(torch.minimum(by_k_B1, by_p_B1), by_min_B1)
    wanted_B1 = (uniforms_B[:, None] * ends_BK.gather(1, num_kept_B1 - 1)).floor_()
    return ids_BK.gather(1, torch.searchsorted(ends_BK, wanted_B1, right=True))[:, 0]


def _most_kept(weights_BV: Tensor, totals_B1: Tensor, top_p_B1: Tensor) -> int:
    """No row's top-p keeps more: the tokens from a kept one on hold more than 1 - top_p of the probability, and each of
    them at most what that one has. Waits for the device."""
    vocab_size = weights_BV.shape[1]
    least_B1 = (1 - top_p_B1) * totals_B1 / vocab_size
    return max(int((weights_BV >= least_B1 * (1 - 1e-9)).sum(-1).max()), 1)


def _likeliest(weights_BV: Tensor, num_kept: int) -> tuple[Tensor, Tensor]:
    """Weights and ids, the heaviest first and equal ones in order of id, so that no device decides between them."""
    vocab_size = weights_BV.shape[1]
    if num_kept > vocab_size // 2:
        sorted_BV, ids_BV = torch.sort(weights_BV, stable=True, dim=-1, descending=True)
        return sorted_BV, ids_BV
    # topk promises no order of equal values: the id makes them unequal. Floats >= 0 are ordered as their bits are.
    ids_V = torch.arange(vocab_size, device=weights_BV.device)
    keys_BV = (weights_BV.view(torch.int32).long() << 32) | (vocab_size - 1 - ids_V)
    keys_BK = keys_BV.topk(num_kept, dim=-1).values
    return (keys_BK >> 32).int().view(torch.float32), vocab_size - 1 - (keys_BK & 0xFFFFFFFF)


def num_accepted(token_ids_BJ: Tensor, drafted_BK: Tensor) -> Tensor:
    """How many drafted tokens each sequence keeps; its step yields one token more: token_ids[:, :num_accepted + 1].

    token_ids_BJ (B, 1+K): drawn from the model's logits after 0, 1, ... K of the drafted tokens, each with the uniform
    number of its own position. drafted_BK: padded with -1 where fewer were drafted.

    A draft that is one certain token x is accepted with probability p(x), or else replaced by a token of p without x
    (Leviathan et al. 2023, section 2.3, with a point mass as the draft's distribution). Drawing y from p and accepting
    x if y = x does just that: y = x has probability p(x), and y, given that it is not x, is a token of p without x.
    So the tokens are also the very ones that the same seed gives without speculation, greedy or not.
    """
    is_same_BK = token_ids_BJ[:, :-1] == drafted_BK
    return is_same_BK.long().cumprod(-1).sum(-1)
