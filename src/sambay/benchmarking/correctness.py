"""Before anything is timed: the engine says what transformers says of the same weights."""

from __future__ import annotations

import torch

from sambay.benchmarking.in_engine import InEngine
from sambay.benchmarking.in_transformers import InTransformers
from sambay.engine.llm import LLM
from sambay.engine.sampling_params import SamplingParams

_PROMPT_TOKENS, _REPLY_TOKENS = 48, 12
# Of log-probabilities of the likeliest tokens, which a wrong state makes unlikely by several units. Both ways round to
# 16 bits, transformers' Phi-3 its residual stream, too; caches of 8 and 4 bits change more.
_TOLERANCES = {torch.float32: 1e-3, torch.bfloat16: 0.5, torch.float16: 0.1}
_TOLERANCE_OF_SMALL_CACHES = 1.0


def check_engine(engine: InEngine, reference: InTransformers) -> float:
    """The largest difference of the log-probabilities of a greedy reply's tokens between two ways to run one model.

    Raises RuntimeError where it is more than rounding explains: then no time is worth reporting.
    """
    network, context = engine.subject.network, engine.subject.context_tokens
    num_prompt = min(_PROMPT_TOKENS, context - _REPLY_TOKENS)
    llm = LLM(
        network, tokenizer=engine.subject.tokenizer, max_sequences=1, max_model_len=num_prompt + _REPLY_TOKENS,
        cache_dtype=engine.cache_dtype,
    )  # fmt: skip
    prompt = engine.prompt(num_prompt)
    params = SamplingParams(temperature=0, max_tokens=_REPLY_TOKENS, ignore_eos=True, logprobs=0)
    reply = llm.generate([prompt], params)[0].outputs[0]
    assert reply.logprobs is not None
    theirs = reference.logprobs_after([*prompt, *reply.token_ids[:-1]], len(reply.token_ids))
    ours = torch.tensor([token.logprob for token in reply.logprobs])
    chosen = theirs.cpu()[torch.arange(len(ours)), torch.tensor(reply.token_ids)]
    difference = float((ours - chosen).abs().max())
    allowed = _TOLERANCES[network.dtype] if engine.cache_dtype == "auto" else _TOLERANCE_OF_SMALL_CACHES
    if not difference <= allowed:
        raise RuntimeError(
            f"wrong: {engine.label} is {difference:.3g} away from transformers in log-probabilities; allowed: {allowed}"
        )
    return difference
