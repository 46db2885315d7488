import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import pre_tokenizers

from sambay.chat import IncrementalDecoder, TokenBytes
from sambay.chat.decoding import byte_alphabet


def pieces_of(decoder, ids):
    return [decoder.feed(index) for index in ids] + [decoder.flush()]


def chunks(ids, cuts):
    """Cut ids at the given positions, in any order and maybe repeated."""
    ends = [0, *sorted(cut % (len(ids) + 1) for cut in cuts), len(ids)]
    return [ids[start:end] for start, end in itertools.pairwise(ends)]


def test_the_byte_alphabet_is_the_one_of_tokenizers():
    assert sorted(byte_alphabet()) == sorted(pre_tokenizers.ByteLevel.alphabet())
    assert byte_alphabet()[ord("A")] == "A"
    assert byte_alphabet()[ord(" ")] == "Ġ"


def test_a_character_comes_out_whole_with_its_last_byte(byte_chat):
    assert pieces_of(byte_chat.decoder(), "a€b".encode()) == ["a", "", "", "€", "b", ""]


def test_a_character_spread_over_released_tokens_comes_out_whole(released_chat):
    text = "👩‍🚀"
    ids = released_chat.encode(text)
    pieces = pieces_of(released_chat.decoder(), ids)
    assert "" in pieces[:-1]  # at least one token ends within a character
    assert "".join(pieces) == text
    assert "\ufffd" not in "".join(pieces)


def test_an_invalid_byte_is_replaced_at_once(byte_chat):
    assert byte_chat.decoder().feed(0xFF) == "\ufffd"


def test_a_character_cut_off_is_replaced_by_the_byte_that_cuts_it(byte_chat):
    assert pieces_of(byte_chat.decoder(), b"\xe2\x82A") == ["", "", "\ufffdA", ""]


def test_a_character_cut_off_at_the_end_is_replaced_by_the_flush(byte_chat):
    assert pieces_of(byte_chat.decoder(), b"\xe2\x82") == ["", "", "\ufffd"]


def test_special_tokens_are_skipped_or_shown(chat):
    (end,) = chat.encode("<|end|>")
    (call,) = chat.encode("<|tool_call|>")
    ids = [*chat.encode("hi"), end, call]
    assert "".join(pieces_of(chat.decoder(), ids)) == "hi<|tool_call|>"
    assert "".join(pieces_of(chat.decoder(show_special=True), ids)) == "hi<|end|><|tool_call|>"


def test_unused_ids_have_no_text(released_chat):
    assert released_chat.decoder().feed([199998, 200000, 200063]) == ""


@pytest.mark.parametrize("show_special", [False, True])
@settings(max_examples=80, deadline=None)
@given(st.data())
def test_pieces_join_to_the_whole_text(chat, show_special, data):
    any_id = st.integers(0, chat.num_ids + 20)
    single_byte = st.integers(0, 255)
    special = st.sampled_from(chat.stop_ids)
    ids = data.draw(st.lists(st.one_of(any_id, single_byte, special), max_size=24))
    parts = chunks(ids, data.draw(st.lists(st.integers(0, 24), max_size=8)))
    assert [index for part in parts for index in part] == ids
    decoder = chat.decoder(show_special)
    text = "".join(decoder.feed(part) for part in parts) + decoder.flush()
    assert text == chat.decode(ids, show_special)


@settings(max_examples=60, deadline=None)
@given(st.text().filter(lambda text: "<|" not in text))
def test_text_survives_encoding_and_decoding_token_by_token(chat, text):
    decoded = "".join(pieces_of(chat.decoder(show_special=True), chat.encode(text)))
    assert decoded == text


def test_a_token_is_looked_at_once(byte_chat):
    class Counting(TokenBytes):
        num_lookups = 0

        def __getitem__(self, index):
            self.num_lookups += 1
            return super().__getitem__(index)

    table = Counting(byte_chat.tokenizer)
    decoder = IncrementalDecoder(table)
    for byte in "é".encode() * 500:
        decoder.feed(byte)
    assert table.num_lookups == 1000


def test_an_added_token_outside_the_byte_alphabet_is_its_own_text():
    from sambay.chat import build_byte_tokenizer

    tokenizer = build_byte_tokenizer()
    tokenizer.add_tokens(["two words"])
    ids = tokenizer.backend_tokenizer.encode("a two words").ids
    assert "".join(pieces_of(IncrementalDecoder(tokenizer), ids)) == "a two words"
    assert len(ids) == 3


def test_a_vocabulary_that_is_not_byte_level_is_refused():
    from tokenizers import Tokenizer, decoders
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(WordLevel({"a": 0}, unk_token="a"))
    words.decoder = decoders.WordPiece()
    with pytest.raises(ValueError, match="must be ByteLevel"):
        TokenBytes(PreTrainedTokenizerFast(tokenizer_object=words))
