from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from sambay.data.curriculum import FAMILIES, rows
from sambay.data.curriculum.conversation import ConversationEncoder
from sambay.data.curriculum.row_workers import RowWorkers
from sambay.data.curriculum.rows import CurriculumRows
from sambay.data.curriculum.sampling import conversations_of_row
from sambay.data.curriculum.settings import CurriculumConfig

Settings = Callable[..., CurriculumConfig]


def equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_a_row_holds_its_conversations_from_the_first_token_on(
    settings: Settings, curriculum_tokenizer: PreTrainedTokenizerFast
) -> None:
    config, size = settings(dialogue_fraction=0.5), 2048  # several conversations, also where some are long
    made = CurriculumRows(config, size, seed=3).rows(7, 1)
    encode = ConversationEncoder(curriculum_tokenizer.backend_tokenizer)
    ids, labels, number, place = [], [], [], []
    for count, turns in enumerate(conversations_of_row(config, 3, 7)):
        more, has_loss = encode(turns)
        labels += [new if counts else -100 for new, counts in zip(more[1:], has_loss[1:], strict=True)] + [-100]
        ids, number, place = ids + more, number + [count] * len(more), place + list(range(len(more)))
        if len(ids) > size:
            break
    assert count > 2
    assert made["input_ids"].tolist() == [ids[:size]]
    assert made["labels"].tolist() == [labels[:size]]
    assert made["seq_idx"].tolist() == [number[:size]]
    assert made["position_ids"].tolist() == [place[:size]]
    assert {key: value.dtype for key, value in made.items()} == {
        "input_ids": torch.int64, "labels": torch.int64, "seq_idx": torch.int32, "position_ids": torch.int64,
    }  # fmt: skip


def test_documents_may_be_read_on(settings: Settings) -> None:
    made = CurriculumRows(settings(), 256, keeps_documents=False).rows(0, 2)
    assert set(made) == {"input_ids", "labels"}
    labels, following = made["labels"][:, :-1], made["input_ids"][:, 1:]
    assert torch.equal(labels[labels != -100], following[labels != -100])


def test_losses_on_replies_only_are_those_tokens_of_the_same_rows(
    settings: Settings, curriculum_tokenizer: PreTrainedTokenizerFast
) -> None:
    everything = CurriculumRows(settings(), 512).rows(0, 4)
    replies = CurriculumRows(settings(is_loss_on_replies_only=True), 512).rows(0, 4)
    assert torch.equal(everything["input_ids"], replies["input_ids"])
    counts = replies["labels"] != -100
    assert torch.equal(everything["labels"][counts], replies["labels"][counts])
    assert 0.3 < counts.float().mean() < 0.9
    user, assistant = curriculum_tokenizer.convert_tokens_to_ids(["<|user|>", "<|assistant|>"])
    assert not {user, assistant} & set(replies["labels"].unique().tolist())


def test_rows_are_their_number_s_whatever_was_asked_before(settings: Settings) -> None:
    one, other = CurriculumRows(settings(), 128, seed=5), CurriculumRows(settings(), 128, seed=5)
    together = one.rows(0, 6)
    for first, count in ((4, 2), (0, 1), (1, 3)):
        found = other.rows(first, count)
        assert equal(found, {key: value[first : first + count] for key, value in together.items()})
    assert not equal(one.rows(0, 1), one.rows(1, 1))
    assert not equal(one.rows(0, 1), CurriculumRows(settings(), 128, seed=6).rows(0, 1))


def test_workers_make_the_same_rows(settings: Settings) -> None:
    here, there = CurriculumRows(settings(), 128), CurriculumRows(settings(workers=2), 128)
    try:
        for first, count in ((0, 3), (3, 3), (6, 3), (100, 2), (40, 1), (43, 1), (46, 2), (46, 2)):
            assert equal(here.rows(first, count), there.rows(first, count)), first
    finally:
        there.close()


class Counting:
    """In place of what makes rows in a worker: the numbers themselves."""

    def rows(self, first: int, count: int) -> list[int]:
        return list(range(first, first + count))


@pytest.mark.parametrize("stride", [4, 12])
def test_what_is_asked_next_was_made_ahead(stride: int) -> None:
    workers = RowWorkers(Counting(), 1, sequence_tokens=1 << 13)  # two rows a task
    try:
        assert workers.rows(0, 4) == [0, 1, 2, 3]
        assert workers.rows(stride, 4) == list(range(stride, stride + 4))
        assert set(workers._made) >= {(2 * stride, 2), (2 * stride + 2, 2), (3 * stride, 2)}
        assert len(workers._made) <= 6
        assert workers.rows(7, 1) == [7]
        assert (2 * stride, 2) not in workers._made
    finally:
        workers.close()


def test_an_error_in_a_worker_is_raised() -> None:
    workers = RowWorkers(_Failing(), 1, 128)
    try:
        with pytest.raises(ZeroDivisionError):
            workers.rows(0, 1)
    finally:
        workers.close()


class _Failing(Counting):
    def rows(self, first: int, count: int) -> list[int]:
        return [1 // 0]


def families_drawn(config: CurriculumConfig, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    from sambay.data.curriculum import sampling

    drawn = []
    real = sampling.draw_problem

    def watched(family: Any, random: Any, level: int, *rest: Any) -> Any:
        drawn.append((family.name, level))
        return real(family, random, level, *rest)

    monkeypatch.setattr(sampling, "draw_problem", watched)
    conversations = conversations_of_row(config, 0, 0)
    for _ in range(600):
        next(conversations)
    return drawn


def test_families_and_levels_are_drawn_by_their_weights(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = dict.fromkeys(FAMILIES, 0) | {"addition": 1, "subtraction": 3}
    config = settings(family_weights=weights, level_weights=[0, 1, 3], dialogue_fraction=0.0)
    drawn = families_drawn(config, monkeypatch)
    assert {family for family, _ in drawn} == {"addition", "subtraction"}
    assert 0.7 < sum(family == "subtraction" for family, _ in drawn) / 600 < 0.8
    assert {level for _, level in drawn} == {2, 3}
    assert 0.7 < sum(level == 3 for _, level in drawn) / 600 < 0.8


def test_the_dialogues_fraction(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = families_drawn(settings(dialogue_fraction=0.25), monkeypatch)
    assert 0.7 < len(drawn) / 600 < 0.8


def test_levels_move_over_the_rows(settings: Settings) -> None:
    config = settings(level_weights=[1, 0, 0], final_level_weights=[0, 1, 1], schedule_rows=100)
    assert config.level_weights_at(0) == (1, 0, 0)
    assert config.level_weights_at(25) == (0.75, 0.25, 0.25)
    assert config.level_weights_at(100) == config.level_weights_at(10**6) == (0, 1, 1)


# --- What a resumed run must find again ------------------------------------------------------------------------------


def test_the_description_tells_what_changes_rows(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    described = CurriculumRows(settings(), 128).describe()
    assert CurriculumRows(settings(workers=2), 128).describe() == described
    for changed in ({"dialogue_fraction": 0.5}, {"level_weights": [1, 2, 3]}, {"is_loss_on_replies_only": True},
                    {"family_weights": {"addition": 2}}, {"split": "test"}):  # fmt: skip
        assert CurriculumRows(settings(**changed), 128).describe() != described
    assert CurriculumRows(settings(), 64).describe() != described
    assert CurriculumRows(settings(), 128, seed=1).describe() != described
    assert CurriculumRows(settings(), 128, keeps_documents=False).describe() != described
    monkeypatch.setattr(rows, "VERSION", rows.VERSION + 1)
    assert CurriculumRows(settings(), 128).describe() != described


def test_a_changed_family_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    described = CurriculumRows(settings(), 128).describe()
    family = FAMILIES["addition"]
    changed = replace(family, draw=lambda random, level: replace(family.draw(random, level), closing="So {answer}."))
    monkeypatch.setitem(FAMILIES, "addition", changed)
    now = CurriculumRows(settings(), 128).describe()
    assert [name for name in FAMILIES if now["families"][name] != described["families"][name]] == ["addition"]
    monkeypatch.setitem(
        FAMILIES, "addition", replace(family, wordings=(*family.wordings, "Sum {a} and {b}, will you?"))
    )
    assert CurriculumRows(settings(), 128).describe()["families"] != described["families"]


# --- Options ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"worker": 3}, r"unknown keys \['worker'\]; allowed are tokenizer, workers"),
        ({"workers": -1}, "workers=-1.* allowed is 0 or more"),
        ({"workers": 1.5}, "workers=1.5: allowed is int"),
        ({"workers": True}, "workers=True: allowed is int"),
        ({"is_loss_on_replies_only": 1}, "is_loss_on_replies_only=1: allowed is bool"),
        ({"level_weights": [1, 1]}, r"level_weights=\[1, 1\]: allowed are 3 numbers"),
        ({"level_weights": [0, 0, 0]}, "level_weights"),
        ({"level_weights": [1, 1, -1]}, "level_weights"),
        ({"level_weights": 1}, "level_weights=1"),
        ({"final_level_weights": [1, 1, 1]}, "both final_level_weights and schedule_rows"),
        ({"schedule_rows": 3}, "both final_level_weights and schedule_rows"),
        ({"dialogue_fraction": 1.1}, "dialogue_fraction=1.1: allowed is from 0 to 1"),
        ({"dialogue_fraction": "much"}, "dialogue_fraction='much'"),
        ({"family_weights": {"knitting": 1}}, r"family_weights has \['knitting'\]; allowed are .*addition"),
        ({"family_weights": {"addition": -1}}, "family_weights={'addition': -1}"),
        ({"family_weights": dict.fromkeys(FAMILIES, 0)}, "family_weights=all 0"),
        ({"split": "both"}, "split='both': allowed are train, test"),
        ({"tokenizer": 3}, "tokenizer=3: allowed is str"),
    ],
)
def test_what_is_not_allowed_is_named(settings: Settings, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settings(**changed)


def test_a_tokenizer_is_needed(tmp_path) -> None:
    with pytest.raises(ValueError, match="the key 'tokenizer'"):
        CurriculumConfig.from_dict({})
    with pytest.raises(ValueError, match=r"allowed is a folder with a tokenizer\.json"):
        CurriculumRows(CurriculumConfig(str(tmp_path)), 128)
