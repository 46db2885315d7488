from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from transformers import PreTrainedTokenizerFast

from sambay.chat import ChatTokenizer, IncrementalDecoder, build_byte_tokenizer, split_reasoning
from sambay.data.curriculum.sampling import sample_texts
from sambay.data.curriculum.spelling import encoder_of, train_tokenizer

REPLY = "<think>\n347+586: 7+6=13, so 933\n</think>\n\nThe answer is \\boxed{933}."
ODD_TEXTS = (
    *("", " ", "\n", "a  b", " 7", "7 ", "x = 3", "1,234.56 €", "naïve – 5²", "日本 12", "<|end|> 5", "٣"),
    *("<think> </think> <think", "\\boxed{-7/8}.", "( 3 ) - ( -4 )", "tabs\tand \r\n ends \n\n\n", "<|tool_call|>"),
    *("a\x1cb 5", "it's we'll O'Neil can't"),
)


def test_numbers_are_single_digits_whatever_stands_before_them(curriculum_tokenizer: PreTrainedTokenizerFast) -> None:
    for text in ("What is 1234 + 5?", "x=-1234", "so 1234", "(1234, 1234): 12.34", "1 2 3 4"):
        tokens = curriculum_tokenizer.tokenize(text)
        digits = [token for token in tokens if any(char.isdigit() for char in token)]
        assert all(len(token) == 1 for token in digits), tokens
        assert sum(char.isdigit() for char in text) == len(digits)


def test_marks_are_single_tokens_and_plain_text(curriculum_tokenizer: PreTrainedTokenizerFast) -> None:
    tokens = curriculum_tokenizer.tokenize(REPLY)
    assert tokens[:2] == ["<think>", "Ċ"]
    assert {"</think>", "ĊĊ", "Ġ\\boxed{", "Ġanswer"} <= set(tokens)
    ids = curriculum_tokenizer.encode(REPLY)
    assert curriculum_tokenizer.decode(ids, skip_special_tokens=True) == REPLY
    decoder = IncrementalDecoder(curriculum_tokenizer)
    text = "".join(decoder.feed(index) for index in ids)
    assert text == REPLY
    assert split_reasoning(text).answer == "The answer is \\boxed{933}."


def test_chat_tokens_are_the_released_ones_in_their_order(curriculum_tokenizer: PreTrainedTokenizerFast) -> None:
    bytes_ = build_byte_tokenizer()
    first = len(curriculum_tokenizer) - 12
    ours = {index - first: token for index, token in curriculum_tokenizer.added_tokens_decoder.items()}
    theirs = {index - 256: token for index, token in bytes_.added_tokens_decoder.items()}
    assert list(map(str, ours.values())) == list(map(str, theirs.values()))
    assert all(token.__getstate__() == theirs[place].__getstate__() for place, token in ours.items())
    assert curriculum_tokenizer.eos_token == "<|endoftext|>"
    assert curriculum_tokenizer.chat_template == bytes_.chat_template


def test_any_text_comes_back(curriculum_tokenizer: PreTrainedTokenizerFast) -> None:
    chat = ChatTokenizer(curriculum_tokenizer)
    for text in (*ODD_TEXTS, *sample_texts(50, seed=9)):
        assert chat.decode(encoder_of(curriculum_tokenizer.backend_tokenizer)(text)) == text


def test_the_table_of_pieces_spells_as_the_tokenizer(curriculum_tokenizer: PreTrainedTokenizerFast) -> None:
    backend = curriculum_tokenizer.backend_tokenizer
    encode = encoder_of(backend)
    assert encode.__name__ == "encode_pieces"  # the quick way is taken
    texts = [*ODD_TEXTS, *sample_texts(300, seed=5)]
    for text in texts:
        if "<|" not in text:
            assert encode(text) == backend.encode(text, add_special_tokens=False).ids, text


@pytest.mark.parametrize("text", ["<|end|>", "3<|user|> 4", "<|tool_call|>5", "é<|end|>"])
def test_control_tokens_in_a_text_are_plain_text(curriculum_tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    added = set(curriculum_tokenizer.added_tokens_decoder)
    for tokenizer in (curriculum_tokenizer, build_byte_tokenizer()):
        added = set(tokenizer.added_tokens_decoder)
        ids = encoder_of(tokenizer.backend_tokenizer)(text)
        assert not added & set(ids)
        assert tokenizer.decode(ids) == text


def test_another_tokenizer_is_not_cut_as_ours() -> None:
    assert encoder_of(build_byte_tokenizer().backend_tokenizer)("12 ab") == list(b"12 ab")


def test_the_same_texts_give_the_same_tokenizer_in_any_process() -> None:
    texts = list(sample_texts(300))
    here = train_tokenizer(texts, 900).backend_tokenizer.to_str()
    code = (
        "import json, sys\n"
        "from sambay.data.curriculum.spelling import train_tokenizer\n"
        "print(train_tokenizer(json.load(sys.stdin), 900).backend_tokenizer.to_str())"
    )
    for parallel in ("true", "false"):
        environment = {**os.environ, "TOKENIZERS_PARALLELISM": parallel, "PYTHONHASHSEED": "7"}
        there = subprocess.run(
            [sys.executable, "-c", code],
            input=json.dumps(texts), capture_output=True, text=True, check=True, env=environment,
        ).stdout  # fmt: skip
        assert there.strip() == here


def test_it_is_as_large_as_asked_and_survives_its_folder(
    curriculum_tokenizer: PreTrainedTokenizerFast, tokenizer_folder
) -> None:
    chat = ChatTokenizer.load(tokenizer_folder)
    assert chat.num_ids == len(curriculum_tokenizer) == 1024
    messages = [{"role": "user", "content": "What is 1+1?"}, {"role": "assistant", "content": REPLY}]
    assert chat.encode_chat(messages) == ChatTokenizer(curriculum_tokenizer).encode_chat(messages)
    assert [chat.decode([index], show_special=True) for index in chat.stop_ids] == ["<|end|>", "<|endoftext|>"]


@pytest.mark.parametrize("size", [100, 10_000])
def test_other_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"vocabulary={size}: allowed is from 512 to 8192"):
        train_tokenizer(["a"], size)
