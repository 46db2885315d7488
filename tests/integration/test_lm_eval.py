"""lm-eval's own model class around ours: log-likelihoods by hand, in batches of different lengths."""

from __future__ import annotations

import pytest
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

PAIRS = [
    ("The sum of two and two", " is four"),
    ("x", "y"),
    ("A longer context, so that the rows of one batch have very different lengths:", " z"),
    ("", "no context at all"),
    ("Is it?", " A continuation that is longer than its own context by far"),
]
# Each of a sum of up to 60 log-probabilities carries the rounding of float32 logits of a few units (about 1e-5).
ROUNDING = 1e-3


def requests(kind: str, arguments: list) -> list[Instance]:
    return [Instance(request_type=kind, doc={}, arguments=one, idx=i) for i, one in enumerate(arguments)]


@pytest.fixture
def evaluated(model, tokenizer) -> HFLM:
    return HFLM(pretrained=model, tokenizer=tokenizer, batch_size=3, max_length=256)


def by_hand(model, context: list[int], continuation: list[int]) -> tuple[float, bool]:
    ids = torch.tensor([context + continuation])
    with torch.no_grad():
        logits = model(ids, use_cache=False).logits[0, len(context) - 1 : -1].log_softmax(-1)
    target = torch.tensor(continuation)
    total = logits.gather(1, target[:, None]).sum().item()
    return total, bool((logits.argmax(-1) == target).all())


def test_log_likelihoods_are_those_of_full_passes(evaluated, model, tokenizer):
    answers = evaluated.loglikelihood(requests("loglikelihood", PAIRS), disable_tqdm=True)
    for (context, continuation), (value, is_greedy) in zip(PAIRS, answers, strict=True):
        context_ids = tokenizer.encode(context, add_special_tokens=False) or [tokenizer.bos_token_id]
        ids = tokenizer.encode(continuation, add_special_tokens=False)
        expected, expected_greedy = by_hand(model, context_ids, ids)
        assert value == pytest.approx(expected, abs=ROUNDING)
        assert is_greedy == expected_greedy


def test_rolling_log_likelihood_is_that_of_a_full_pass(evaluated, model, tokenizer):
    texts = [("Every token counts here.",), ("Short.",)]
    answers = evaluated.loglikelihood_rolling(requests("loglikelihood_rolling", texts), disable_tqdm=True)
    for (text,), value in zip(texts, answers, strict=True):
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert value == pytest.approx(by_hand(model, [tokenizer.bos_token_id], ids)[0], abs=ROUNDING)


def test_generate_until_in_a_batch_equals_each_alone(evaluated, model, tokenizer):
    contexts = ["One, two, three,", "The letter a", "A longer context to pad the others against, on the left"]
    options = {"until": ["\x00\x00\x00"], "max_gen_toks": 6, "do_sample": False}
    arguments = [(context, options) for context in contexts]
    answers = evaluated.generate_until(requests("generate_until", arguments), disable_tqdm=True)
    for context, answer in zip(contexts, answers, strict=True):
        ids = torch.tensor([tokenizer.encode(context, add_special_tokens=False)])
        new = model.generate(ids, max_new_tokens=6, do_sample=False)[0, ids.shape[1] :]
        assert answer == tokenizer.decode(new, skip_special_tokens=True)
