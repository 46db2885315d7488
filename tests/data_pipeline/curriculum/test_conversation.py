from __future__ import annotations

from random import Random

import pytest
from tokenizers import Tokenizer
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

from sambay.chat import ChatTokenizer, build_byte_tokenizer, training_template
from sambay.data.curriculum.conversation import ConversationEncoder, Turn
from sambay.data.curriculum.dialogues import KINDS, draw_dialogue

EXTREMES = (
    (Turn("user", ""), Turn("assistant", "ends in a space ")),
    (
        Turn("system", "Be brief.\n"),
        Turn("user", "é\n\n"),
        Turn("assistant", "<think>\n1\n</think>\n\n日"),
        Turn("user", "7"),
    ),
)


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_those_of_the_released_template(curriculum_tokenizer: PreTrainedTokenizerFast, kind: str) -> None:
    chat = ChatTokenizer(curriculum_tokenizer)
    encode = ConversationEncoder(curriculum_tokenizer.backend_tokenizer)
    drawn = [draw_dialogue(Random(f"{kind} {index}"), kind=kind).turns for index in range(25)]
    for turns in (*drawn, *EXTREMES):
        ids, has_loss = encode(turns)
        assert ids == chat.encode_chat([turn.message for turn in turns], add_generation_prompt=False)
        assert len(has_loss) == len(ids)


def test_a_reply_goes_on_from_the_prompt(curriculum_tokenizer: PreTrainedTokenizerFast) -> None:
    """What the model is trained to write is what follows the prompt that it is given in a chat."""
    chat = ChatTokenizer(curriculum_tokenizer)
    turns = draw_dialogue(Random(3), kind="follow-up").turns
    ids, _ = ConversationEncoder(curriculum_tokenizer.backend_tokenizer)(turns)
    for end in range(1, len(turns), 2):
        prompt = chat.encode_chat([turn.message for turn in turns[:end]])
        assert ids[: len(prompt)] == prompt


def counted(tokenizer: PreTrainedTokenizerFast, turns: tuple[Turn, ...], is_loss_on_replies_only: bool) -> str:
    ids, has_loss = ConversationEncoder(tokenizer.backend_tokenizer, is_loss_on_replies_only)(turns)
    return tokenizer.decode([index for index, counts in zip(ids, has_loss, strict=True) if counts])


def test_what_has_a_loss(curriculum_tokenizer: PreTrainedTokenizerFast) -> None:
    turns = (
        Turn("user", "2+2"),
        Turn("assistant", "5", has_loss=False),
        Turn("user", "check"),
        Turn("assistant", "no: 4"),
    )
    everything = "<|user|>2+2<|end|><|assistant|><|user|>check<|end|><|assistant|>no: 4<|end|><|endoftext|>"
    assert counted(curriculum_tokenizer, turns, False) == everything
    assert counted(curriculum_tokenizer, turns, True) == "no: 4<|end|>"


def test_replies_counted_are_those_of_the_training_template(curriculum_tokenizer: PreTrainedTokenizerFast) -> None:
    encode = ConversationEncoder(curriculum_tokenizer.backend_tokenizer, is_loss_on_replies_only=True)
    template = training_template()
    for index in range(20):
        turns = tuple(Turn(turn.role, turn.text) for turn in draw_dialogue(Random(index)).turns)
        messages = [turn.message for turn in turns]
        rendered = curriculum_tokenizer.apply_chat_template(
            messages, chat_template=template, return_dict=True, return_assistant_tokens_mask=True
        )
        assert encode(turns) == (rendered["input_ids"], [bool(mark) for mark in rendered["assistant_masks"]])


def test_a_tokenizer_without_chat_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the tokenizer has no <\|system\|>"):
        ConversationEncoder(Tokenizer(BPE()))
    ConversationEncoder(build_byte_tokenizer().backend_tokenizer)
