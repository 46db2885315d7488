"""Everything that `generate` offers, against full passes without a cache."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from transformers import DynamicCache, StaticCache, pipeline

# float32 sums in another order (a step against a pass, a batch against a row), on logits of a few units.
ROUNDING = {"atol": 2e-4, "rtol": 0}
STEPS = 12  # from 9 tokens past the window of 16, so that the ring of every window layer turns


@torch.no_grad()
def log_probabilities(model, ids: Tensor, start: int) -> Tensor:
    """Of tokens ids[start:], each given all before it, by one full pass over one sequence."""
    logits = model(ids[None], use_cache=False).logits[0].float().log_softmax(-1)
    return logits[start - 1 : -1].gather(1, ids[start:, None]).squeeze(1)


@torch.no_grad()
def assert_greedy(model, sequence: Tensor, num_given: int) -> None:
    """Each token after the given ones is the best one by a full pass over all before it."""
    best = model(sequence[None], use_cache=False).logits[0].argmax(-1)
    assert sequence[num_given:].tolist() == best[num_given - 1 : -1].tolist()


def test_greedy_equals_full_passes(model, prompts):
    for prompt in prompts:
        ids = model.generate(prompt[None], max_new_tokens=STEPS, do_sample=False)[0]
        assert len(ids) == len(prompt) + STEPS
        assert_greedy(model, ids, len(prompt))


def test_a_left_padded_batch_equals_each_prompt_alone(model, prompts, padded):
    ids, mask = padded
    batch = model.generate(
        ids,
        attention_mask=mask,
        max_new_tokens=STEPS,
        do_sample=False,
        output_logits=True,
        return_dict_in_generate=True,
    )
    for row, prompt in enumerate(prompts):
        alone = model.generate(
            prompt[None], max_new_tokens=STEPS, do_sample=False, output_logits=True, return_dict_in_generate=True
        )
        assert batch.sequences[row, ids.shape[1] :].tolist() == alone.sequences[0, len(prompt) :].tolist()
        for step in range(STEPS):
            torch.testing.assert_close(batch.logits[step][row], alone.logits[step][0], **ROUNDING)


def test_beam_scores_are_the_log_probabilities_of_the_sequences(model, prompts):
    prompt, width, steps = prompts[1], 3, 10
    beams = model.generate(
        prompt[None], num_beams=width, num_return_sequences=width, max_new_tokens=steps, do_sample=False,
        length_penalty=0.0, output_scores=True, return_dict_in_generate=True,
    )  # fmt: skip
    for sequence, score in zip(beams.sequences, beams.sequences_scores, strict=True):
        expected = log_probabilities(model, sequence, len(prompt)).sum()
        # A sum of 10 log-probabilities, each within ROUNDING.
        torch.testing.assert_close(score, expected, atol=steps * ROUNDING["atol"], rtol=0)
    assert beams.sequences.tolist() == beam_by_full_passes(model, prompt, width, steps).tolist()


@torch.no_grad()
def beam_by_full_passes(model, prompt: Tensor, width: int, steps: int) -> Tensor:
    """Beam search without a cache and without a stop token: the `width` best extensions at every step."""
    beams, scores = prompt[None], torch.zeros(1)
    for _ in range(steps):
        logits = model(beams, use_cache=False).logits[:, -1].log_softmax(-1)
        total = (scores[:, None] + logits).flatten()
        scores, best = total.topk(width)
        tokens = best % logits.shape[1]
        beams = torch.cat([beams[best // logits.shape[1]], tokens[:, None]], dim=1)
    return beams


def test_beams_of_a_left_padded_batch_equal_each_prompt_alone(model, prompts, padded):
    ids, mask = padded
    options = {"num_beams": 3, "max_new_tokens": 6, "do_sample": False}
    batch = model.generate(ids, attention_mask=mask, **options)
    for row, prompt in enumerate(prompts):
        alone = model.generate(prompt[None], **options)
        assert batch[row, ids.shape[1] :].tolist() == alone[0, len(prompt) :].tolist()


def test_sampling_is_seeded_and_its_scores_are_those_of_full_passes(model, prompts):
    prompt, copies, temperature, top_k = prompts[1], 3, 0.7, 20
    options = {
        "do_sample": True, "temperature": temperature, "top_k": top_k, "top_p": 1.0, "max_new_tokens": STEPS,
        "num_return_sequences": copies, "output_scores": True, "return_dict_in_generate": True,
    }  # fmt: skip
    torch.manual_seed(3)
    first = model.generate(prompt[None], **options)
    torch.manual_seed(3)
    again = model.generate(prompt[None], **options)
    torch.manual_seed(4)
    other = model.generate(prompt[None], **options)
    assert first.sequences.tolist() == again.sequences.tolist() != other.sequences.tolist()
    assert len({tuple(row) for row in first.sequences.tolist()}) == copies

    with torch.no_grad():
        logits = model(first.sequences, use_cache=False).logits[:, len(prompt) - 1 : -1]
    for step, scores in enumerate(first.scores):
        kept = scores.isfinite()
        assert kept.sum(1).tolist() == [top_k] * copies
        # Divided by the temperature, so the rounding grows by as much.
        torch.testing.assert_close(
            scores[kept], (logits[:, step] / temperature)[kept], atol=ROUNDING["atol"] / temperature, rtol=0
        )
        assert kept.gather(1, first.sequences[:, len(prompt) + step, None]).all()


def test_a_static_cache_equals_a_dynamic_one(model, prompts, padded):
    options = {"max_new_tokens": STEPS, "do_sample": False, "output_logits": True, "return_dict_in_generate": True}
    ids, mask = padded
    for inputs in ({"input_ids": prompts[0][None]}, {"input_ids": ids, "attention_mask": mask}):
        dynamic = model.generate(**inputs, **options)
        static = model.generate(**inputs, **options, cache_implementation="static", disable_compile=True)
        assert isinstance(static.past_key_values, StaticCache)
        assert static.sequences.tolist() == dynamic.sequences.tolist()
        torch.testing.assert_close(torch.stack(static.logits), torch.stack(dynamic.logits), **ROUNDING)


@pytest.mark.parametrize("cache", ["dynamic", "static"])
def test_a_returned_cache_continues_the_conversation(model, prompts, cache):
    options = {"max_new_tokens": 6, "do_sample": False, "return_dict_in_generate": True}
    past = DynamicCache(config=model.config)
    if cache == "static":
        past = StaticCache(config=model.config, max_cache_len=128)
    options["disable_compile"] = True
    history = prompts[0]
    for turn in (prompts[1], prompts[2], prompts[0][:20]):
        out = model.generate(history[None], past_key_values=past, **options)
        assert out.sequences[0, : len(history)].tolist() == history.tolist()
        assert_greedy(model, out.sequences[0], len(history))
        past = out.past_key_values
        assert past.get_seq_length() == out.sequences.shape[1] - 1  # the last token has not been read yet
        history = torch.cat([out.sequences[0], turn])


def test_the_cache_can_be_chosen_away(model, prompts):
    options = {"max_new_tokens": 8, "do_sample": False}
    with_cache = model.generate(prompts[1][None], **options)
    assert model.generate(prompts[1][None], use_cache=False, **options).tolist() == with_cache.tolist()


def test_speculative_decoding_is_refused(model, make_model, prompts):
    options = {"max_new_tokens": 8, "do_sample": False}
    with pytest.raises(ValueError, match=r"assisted generation is not supported with stateful models"):
        model.generate(prompts[0][None], assistant_model=make_model(seed=2), **options)
    with pytest.raises(ValueError, match=r"assisted generation is not supported with stateful models"):
        model.generate(prompts[0][None], prompt_lookup_num_tokens=3, **options)


def test_continuous_batching_is_refused(model, prompts):
    with pytest.raises(Exception, match=r"linear|stateful|not support"):
        model.generate_batch([prompts[0].tolist()], max_new_tokens=4)


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("steps", [1, 4])
def test_padding_after_the_prompt_is_refused(model, padded, use_cache, steps):
    ids, mask = padded
    with pytest.raises(ValueError, match="padding on the left"):
        model.generate(ids.flip(1), attention_mask=mask.flip(1), max_new_tokens=steps, use_cache=use_cache)


@pytest.mark.parametrize("steps", [1, 4])
def test_padding_inside_the_prompt_is_refused(model, prompts, steps):
    mask = torch.ones(1, len(prompts[0]), dtype=torch.long)
    mask[0, 10:12] = 0
    with pytest.raises(ValueError, match="padding on the left"):
        model.generate(prompts[0][None], attention_mask=mask, max_new_tokens=steps)


def test_hidden_states_of_generate_are_those_of_a_full_pass(model, prompts):
    prompt = prompts[0]
    out = model.generate(
        prompt[None], max_new_tokens=6, do_sample=False, output_hidden_states=True, return_dict_in_generate=True
    )
    with torch.no_grad():
        full = model(out.sequences[:, :-1], output_hidden_states=True).hidden_states
    num_layers = model.config.num_hidden_layers
    assert len(full) == num_layers + 1
    for layer in range(num_layers + 1):
        steps = torch.cat([step[layer] for step in out.hidden_states], dim=1)
        torch.testing.assert_close(steps, full[layer], **ROUNDING)


def expected_visible(length: int, window: int | None) -> Tensor:
    distance = torch.arange(length)[:, None] - torch.arange(length)
    return (distance >= 0) & (distance < (window or length))


def test_attention_weights_are_distributions_over_what_each_layer_may_see(model, prompts):
    model.set_attn_implementation("eager")
    ids = prompts[0][None]
    with torch.no_grad():
        weights = model(ids, output_attentions=True).attentions
    attending = [mixer for mixer in model.config.layers if mixer.is_attention]
    assert len(weights) == len(attending)
    for mixer, weight in zip(attending, weights, strict=True):
        assert weight.shape == (1, model.config.num_attention_heads, ids.shape[1], ids.shape[1])
        torch.testing.assert_close(weight.sum(-1), torch.ones_like(weight[..., 0]))
        visible = expected_visible(ids.shape[1], model.config.sliding_window if mixer.value == "window" else None)
        assert (weight[0, :, ~visible] == 0).all()
        assert (weight[0, :, visible] > 0).all()


def test_attention_weights_of_generate_are_those_of_a_full_pass(model, prompts):
    model.set_attn_implementation("eager")
    out = model.generate(
        prompts[1][None], max_new_tokens=4, do_sample=False, output_attentions=True, return_dict_in_generate=True
    )
    with torch.no_grad():
        full = model(out.sequences[:, :-1], output_attentions=True).attentions
    for layer, expected in enumerate(full):
        for step, weights in enumerate(out.attentions[1:]):
            position = len(prompts[1]) + step
            # 12 tokens, so no window has dropped a key.
            torch.testing.assert_close(
                weights[layer][:, :, 0], expected[:, :, position, : position + 1], atol=1e-5, rtol=0
            )


def test_embeddings_in_the_place_of_ids(model, prompts, padded):
    ids, mask = padded
    embeddings = model.get_input_embeddings()(ids).detach()
    with torch.no_grad():
        logits = model(inputs_embeds=embeddings, attention_mask=mask).logits
        assert torch.equal(logits, model(ids, attention_mask=mask).logits)
    options = {"attention_mask": mask, "max_new_tokens": 8, "do_sample": False}
    new = model.generate(inputs_embeds=embeddings, **options)
    assert new.tolist() == model.generate(ids, **options)[:, ids.shape[1] :].tolist()
    with pytest.raises(ValueError, match="exactly one of input_ids and inputs_embeds"):
        model(ids, inputs_embeds=embeddings)


def test_streamer_and_stopping(model, tokenizer, prompts):
    """A stop token ends a row, the others go on, and what is read at the padding does not disturb them."""
    free = model.generate(prompts[0][None], max_new_tokens=STEPS, do_sample=False)[0, len(prompts[0]) :]
    stop = int(free[5])
    first = free.tolist().index(stop)
    stopped = model.generate(
        prompts[0][None], max_new_tokens=STEPS, do_sample=False, eos_token_id=stop, pad_token_id=256
    )[0, len(prompts[0]) :]
    assert stopped.tolist() == free[: first + 1].tolist()


def test_pipeline_from_a_saved_folder(saved, model, tokenizer):
    texts = ["The sum of 12 and 30 is", "x"]
    generator = pipeline("text-generation", model=str(saved))
    options = {"max_new_tokens": 8, "do_sample": False, "return_full_text": False, "eos_token_id": None}
    alone = [generator(text, **options)[0]["generated_text"] for text in texts]
    batched = [row[0]["generated_text"] for row in generator(texts, batch_size=2, **options)]
    for text, one, two in zip(texts, alone, batched, strict=True):
        ids = torch.tensor(tokenizer.encode(text, add_special_tokens=False))
        sequence = model.generate(ids[None], max_new_tokens=8, do_sample=False)[0]
        assert_greedy(model, sequence, len(ids))
        assert one == two == tokenizer.decode(sequence[len(ids) :], skip_special_tokens=True)
