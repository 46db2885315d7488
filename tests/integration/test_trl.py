"""TRL's trainers on the tiny size: what their collators pass is computed exactly, and training learns."""

from __future__ import annotations

import pytest
import torch
from datasets import Dataset
from peft import LoraConfig
from torch import Tensor
from transformers import DataCollatorWithFlattening
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from sambay.chat import training_template

# float32 sums in another order, on logits of a few units.
ROUNDING = {"atol": 2e-4, "rtol": 0}
IDS = ("input_ids", "labels")


@pytest.fixture
def tokenizer(tokenizer):
    tokenizer.chat_template = training_template(tokenizer.chat_template)
    return tokenizer


def arguments(cls, folder, **options):
    defaults = {
        "output_dir": str(folder), "per_device_train_batch_size": 2, "max_steps": 1, "learning_rate": 1e-3,
        "logging_steps": 1, "report_to": "none", "use_cpu": True, "bf16": False, "save_strategy": "no",
        "activation_checkpointing": False, "disable_tqdm": True, "seed": 0, "dataloader_pin_memory": False,
    }  # fmt: skip
    return cls(**{**defaults, **options})


def losses(trainer) -> list[float]:
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


# ------------------------------------------------------------------------------------- what collators pass


def mean_of_documents(model, documents: list[Tensor]) -> Tensor:
    """Each document alone, without padding; the mean over all predicted tokens."""
    total, count = torch.zeros(()), 0
    for document in documents:
        logits = model(document[None], use_cache=False).logits[0, :-1]
        total = total + torch.nn.functional.cross_entropy(logits, document[1:], reduction="sum")
        count += len(document) - 1
    return total / count


COLLATORS = {
    "trl": DataCollatorForLanguageModeling(pad_token_id=256, padding_free=True),
    "transformers": DataCollatorWithFlattening(return_seq_idx=True, return_flash_attn_kwargs=True),
    "transformers, positions": DataCollatorWithFlattening(),
}
ROUTES = {
    ("trl", "all"): None,
    ("trl", "seq_idx"): ("seq_idx",),
    ("trl", "cu_seq_lens"): ("cu_seq_lens_q", "cu_seq_lens_k", "max_length_q", "max_length_k"),
    ("trl", "positions"): ("position_ids",),
    ("transformers", "all"): None,
    ("transformers, positions", "all"): None,
}


def packed_batch(prompts: list[Tensor], collator: str, keys: tuple[str, ...] | None) -> dict[str, Tensor]:
    batch = COLLATORS[collator]([{"input_ids": prompt.tolist()} for prompt in prompts])
    assert "attention_mask" not in batch
    return {key: value for key, value in batch.items() if keys is None or key in (*IDS, *keys)}


@pytest.mark.parametrize(("collator", "route"), ROUTES)
def test_packed_documents_equal_separate_ones(model, prompts, collator, route):
    batch = packed_batch(prompts, collator, ROUTES[collator, route])
    loss = model(**batch).loss
    expected = mean_of_documents(model, prompts)
    torch.testing.assert_close(loss, expected, **ROUNDING)
    parameters = list(model.parameters())
    gradients = torch.autograd.grad(loss, parameters)
    for gradient, wanted in zip(gradients, torch.autograd.grad(expected, parameters), strict=True):
        # Sums over tokens in another order; relative to the largest entry.
        torch.testing.assert_close(gradient, wanted, rtol=0, atol=2e-4 * wanted.abs().max().item())


@pytest.mark.parametrize(("collator", "route"), ROUTES)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_nothing_leaks_from_one_document_into_the_next(model, prompts, collator, route, attention):
    model.set_attn_implementation(attention)
    keys = ROUTES[collator, route]
    first, rest = prompts[0], prompts[1:]
    with torch.no_grad():
        logits = model(**packed_batch([first, *rest], collator, keys)).logits
        other = model(**packed_batch([(first + 7) % 256, *rest], collator, keys)).logits
    border = len(first)
    assert (logits[:, :border] - other[:, :border]).abs().max() > 1
    assert torch.equal(logits[:, border:], other[:, border:])


def test_packing_with_padding_to_a_multiple(model, prompts):
    """TRL pads the flattened row with positions that start again: documents of one padding token each."""
    collator = DataCollatorForLanguageModeling(pad_token_id=256, padding_free=True, pad_to_multiple_of=16)
    batch = collator([{"input_ids": prompt.tolist()} for prompt in prompts])
    assert batch["input_ids"].shape[1] % 16 == 0
    assert batch["input_ids"].shape[1] > sum(map(len, prompts))
    torch.testing.assert_close(model(**batch).loss, mean_of_documents(model, prompts), **ROUNDING)


def test_padding_on_the_right_as_trl_collates_is_exact(model, prompts):
    batch = DataCollatorForLanguageModeling(pad_token_id=256)([{"input_ids": p.tolist()} for p in prompts])
    assert batch["attention_mask"][1].tolist() == [1] * 9 + [0] * 18
    torch.testing.assert_close(model(**batch).loss, mean_of_documents(model, prompts), **ROUNDING)


def test_padding_on_both_sides_as_grpo_collates_is_exact(model, prompts):
    ids = torch.full((2, 40), 65)
    mask = torch.zeros(2, 40, dtype=torch.long)
    ids[0, 3:30], mask[0, 3:30] = prompts[0], 1
    ids[1, 18:27], mask[1, 18:27] = prompts[1], 1
    with torch.no_grad():
        logits = model(ids, attention_mask=mask, use_cache=False).logits
        torch.testing.assert_close(logits[0, 3:30], model(prompts[0][None]).logits[0], **ROUNDING)
        torch.testing.assert_close(logits[1, 18:27], model(prompts[1][None]).logits[0], **ROUNDING)
        kept = model(ids, attention_mask=mask, use_cache=False, logits_to_keep=20).logits
    real = mask[:, -20:].bool()
    torch.testing.assert_close(kept[real], logits[:, -20:][real], **ROUNDING)


def test_packing_is_refused_where_it_cannot_be_exact(model, prompts):
    batch = packed_batch(prompts, "trl", None)
    mask = torch.ones_like(batch["input_ids"])
    mask[0, :2] = 0
    with pytest.raises(ValueError, match="cannot be combined with padding"):
        model(**batch, attention_mask=mask)
    with pytest.raises(ValueError, match=r"cu_seq_lens goes from 0 to 38: allowed is from 0 to 76"):
        model(torch.cat([batch["input_ids"]] * 2, 1), cu_seq_lens_q=batch["cu_seq_lens_q"])


# --------------------------------------------------------------------------------------------- trainers


SENTENCES = ["the cat sat on the mat", "a dog", "one two three four five six seven eight", "yes", "no, not at all"] * 4


@pytest.mark.parametrize("is_packed", [False, True])
def test_sft_learns_and_starts_from_the_exact_loss(make_model, tokenizer, tmp_path, is_packed):
    model = make_model()
    options = {"max_steps": 10, "per_device_train_batch_size": 20}
    if is_packed:
        options |= {"packing": True, "packing_strategy": "bfd", "per_device_train_batch_size": 8}
    trainer = SFTTrainer(
        model, arguments(SFTConfig, tmp_path, max_length=64, **options),
        train_dataset=Dataset.from_dict({"text": SENTENCES}), processing_class=tokenizer,
    )  # fmt: skip
    batch = next(iter(trainer.get_train_dataloader()))
    assert ("seq_idx" in batch) == is_packed
    assert ("attention_mask" in batch) != is_packed
    trainer.train()
    # All sentences are in the first batch, with the end of text that the trainer adds.
    documents = [torch.tensor([*tokenizer.encode(text), tokenizer.eos_token_id]) for text in SENTENCES]
    with torch.no_grad():
        expected = mean_of_documents(make_model(), documents).item()
    measured = losses(trainer)
    assert measured[0] == pytest.approx(expected, abs=1e-3)  # logged with four decimals
    assert measured[-1] < 0.7 * measured[0]


def test_sft_on_replies_only_with_adapters_and_checkpointing(make_model, tokenizer, tmp_path):
    conversation = [
        {"role": "user", "content": "What is 2 + 2?"},
        {"role": "assistant", "content": "4"},
        {"role": "user", "content": "And one more?"},
        {"role": "assistant", "content": "It is 5."},
    ]
    model = make_model()
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    trainer = SFTTrainer(
        model,
        arguments(
            SFTConfig, tmp_path, max_steps=6, assistant_only_loss=True, activation_checkpointing=True,
            activation_checkpointing_kwargs={"use_reentrant": False}, learning_rate=1e-2,
        ),
        train_dataset=Dataset.from_dict({"messages": [conversation] * 4}), processing_class=tokenizer,
        peft_config=LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"),
    )  # fmt: skip
    batch = next(iter(trainer.get_train_dataloader()))
    trained = batch["labels"][0][batch["labels"][0] != -100]
    assert tokenizer.decode(trained) == "4<|end|>It is 5.<|end|>"
    trainer.train()
    measured = losses(trainer)
    assert measured[-1] < 0.7 * measured[0]
    for name, parameter in trainer.model.get_base_model().named_parameters():
        if "lora_" not in name:
            assert torch.equal(parameter, before[name.replace(".base_layer", "")]), name


def test_sft_resumed_equals_uninterrupted(make_model, tokenizer, tmp_path):
    def train(folder, resume=None, **options):
        trainer = SFTTrainer(
            make_model(),
            arguments(SFTConfig, folder, max_steps=4, save_strategy="steps", save_steps=2, max_length=64, **options),
            train_dataset=Dataset.from_dict({"text": SENTENCES}), processing_class=tokenizer,
        )  # fmt: skip
        trainer.train(resume_from_checkpoint=resume)
        return trainer

    whole = train(tmp_path / "whole")
    resumed = train(tmp_path / "resumed", resume=str(tmp_path / "whole" / "checkpoint-2"))
    assert losses(resumed) == losses(whole)
    for one, two in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(one, two)


def test_dpo_starts_from_log_2_and_from_exact_log_probabilities(make_model, tokenizer, tmp_path):
    pairs = {
        "prompt": ["Is water wet?", "Say it:"],
        "chosen": [" Yes.", " a rather longer answer than the other one"],
        "rejected": [" No, it is not wet at all.", " x"],
    }
    trainer = DPOTrainer(
        make_model(), ref_model=make_model(),
        args=arguments(DPOConfig, tmp_path, max_steps=4, learning_rate=3e-4),
        train_dataset=Dataset.from_dict(pairs), processing_class=tokenizer,
    )  # fmt: skip
    trainer.train()
    first = trainer.state.log_history[0]
    assert first["loss"] == pytest.approx(0.6931, abs=1e-4)  # policy and reference agree: -log sigmoid(0)
    assert losses(trainer)[-1] < 0.5
    for kind in ("chosen", "rejected"):
        both = zip(pairs["prompt"], pairs[kind], strict=True)
        expected = sum(log_probability(make_model(), tokenizer, *pair) for pair in both)
        # The trainer logs the mean over the batch, with few digits.
        assert first[f"logps/{kind}"] == pytest.approx(expected / 2, rel=1e-3)


@torch.no_grad()
def log_probability(model, tokenizer, prompt: str, completion: str) -> float:
    given, ids = tokenizer.encode(prompt), [*tokenizer.encode(completion), tokenizer.eos_token_id]
    logits = model(torch.tensor([given + ids])).logits[0, len(given) - 1 : -1].log_softmax(-1)
    return logits.gather(1, torch.tensor(ids)[:, None]).sum().item()


@pytest.mark.parametrize("use_lora", [False, True])
def test_grpo_steps_move_finite_weights(make_model, tokenizer, tmp_path, use_lora):
    def oddity(completion_ids, **_):
        return [float(sum(token % 2 for token in ids)) + len(set(ids)) for ids in completion_ids]

    model, prompts = make_model(), ["Count: ", "A much longer prompt, so that the other is padded"] * 2
    trainer = GRPOTrainer(
        model, oddity,
        arguments(
            GRPOConfig, tmp_path, max_steps=2, num_generations=2, max_completion_length=8, num_iterations=2,
            learning_rate=1e-2, per_device_train_batch_size=4,
        ),
        train_dataset=Dataset.from_dict({"prompt": prompts}),
        processing_class=tokenizer,
        peft_config=LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM") if use_lora else None,
    )  # fmt: skip
    before = [parameter.clone() for parameter in trainer.model.parameters() if parameter.requires_grad]
    trainer.train()
    after = [parameter for parameter in trainer.model.parameters() if parameter.requires_grad]
    assert all(parameter.isfinite().all() for parameter in after)
    moved = [not torch.equal(one, two) for one, two in zip(before, after, strict=True)]
    assert any(moved)
    entries = [entry for entry in trainer.state.log_history if "reward_std" in entry]
    assert entries[0]["reward_std"] > 0
