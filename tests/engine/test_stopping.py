from __future__ import annotations

import pytest

from sambay.chat import ChatTokenizer, build_byte_tokenizer
from sambay.engine.sampling_params import SamplingParams
from sambay.engine.stopping import Finish, Stopper

CHAT = ChatTokenizer(build_byte_tokenizer())
END = CHAT.stop_ids[0]  # <|end|>


def follow(token_ids, room: int = 1000, grammar_end: int | None = None, **params) -> tuple[list[str], Finish | None]:
    """The pieces of text until the end, and what ended the reply."""
    checked = SamplingParams(**params)
    stopper = Stopper(checked, CHAT.decoder(not checked.skip_special_tokens), CHAT.stop_ids, room)
    pieces = []
    for token_id in token_ids:
        pieces.append(stopper.feed(token_id, is_grammar_finished=stopper.num_tokens + 1 == grammar_end))
        if stopper.finish is not None:
            assert stopper.num_tokens == len(pieces)
            break
    return pieces, stopper.finish


def text_of(token_ids, **params) -> tuple[str, Finish | None]:
    pieces, finish = follow(token_ids, **params)
    return "".join(pieces), finish


def ids(text: str) -> list[int]:
    return list(text.encode())


def test_text_comes_as_it_is_certain_and_nothing_ends_it() -> None:
    assert follow(ids("héy")) == (["h", "", "é", "y"], None)
    assert follow(ids("a\nb"), stop="\n\n") == (["a", "", "\nb"], None)


def test_the_tokenizer_s_stop_id_ends_a_reply_unless_ignored() -> None:
    assert text_of([*ids("ab"), END, *ids("c")]) == ("ab", Finish("stop"))
    assert text_of([*ids("ab"), END, *ids("c")], ignore_eos=True) == ("abc", None)
    shown = text_of([*ids("ab"), END, *ids("c")], ignore_eos=True, skip_special_tokens=False)
    assert shown == ("ab<|end|>c", None)


def test_a_stop_id_of_one_s_own_is_named_and_its_text_cut_off() -> None:
    assert text_of(ids("abcd"), stop_token_ids=[99]) == ("ab", Finish("stop", 99))
    assert text_of(ids("abcd"), stop_token_ids=[99], include_stop_str_in_output=True) == ("abc", Finish("stop", 99))
    assert text_of([*ids("ab"), END], ignore_eos=True, stop_token_ids=[END]) == ("ab", Finish("stop", END))


def test_a_stop_string_is_cut_off_or_kept() -> None:
    assert text_of(ids("one. two"), stop=["wo", ". "]) == ("one", Finish("stop", ". "))
    assert text_of(ids("one. two"), stop=". ", include_stop_str_in_output=True) == ("one. ", Finish("stop", ". "))


def test_the_most_tokens_cut_a_reply_off() -> None:
    assert text_of(ids("abcdef"), max_tokens=3) == ("abc", Finish("length"))
    assert text_of(ids("abcdef"), max_tokens=5, room=2) == ("ab", Finish("length"))
    assert text_of(ids("abcdef"), room=4) == ("abcd", Finish("length"))


def test_what_is_held_back_comes_with_the_end() -> None:
    assert text_of(ids("ab\n"), max_tokens=3, stop="\n\n") == ("ab\n", Finish("length"))
    assert text_of([*ids("ab\n"), END], stop="\n\n") == ("ab\n", Finish("stop"))
    assert text_of(ids("hé")[:2], max_tokens=2) == ("h\ufffd", Finish("length"))
    # a match that waits for a longer one is settled by the end
    assert text_of(ids("ab"), max_tokens=2, stop=["b", "bc"]) == ("a", Finish("stop", "b"))
    assert text_of([*ids("ab"), END], stop=["b", "bc"], include_stop_str_in_output=True) == ("ab", Finish("stop", "b"))
    # ... and a stop id after it then has no part in the text
    kept = text_of(ids("abz"), stop=["b", "bc"], stop_token_ids=[122], include_stop_str_in_output=True)
    assert kept == ("ab", Finish("stop", "b"))


def test_nothing_ends_the_first_tokens_of_a_minimum() -> None:
    text = ids("a.b.c.")
    assert text_of(text, min_tokens=2, stop=".") == ("a.b", Finish("stop", "."))
    assert text_of([*text, END], min_tokens=3, stop=".b") == ("a.b.c.", Finish("stop"))
    assert text_of(ids("aba"), min_tokens=1, stop_token_ids=[97]) == ("ab", Finish("stop", 97))


def test_a_grammar_s_end_ends_the_reply() -> None:
    assert text_of(ids("{}x"), grammar_end=2) == ("{}", Finish("stop"))
    assert text_of(ids("{}x"), grammar_end=2, stop="}") == ("{", Finish("stop", "}"))


def test_a_reply_that_ended_takes_no_more() -> None:
    stopper = Stopper(SamplingParams(max_tokens=1), CHAT.decoder(), CHAT.stop_ids, 5)
    stopper.feed(97)
    with pytest.raises(AssertionError, match="ended"):
        stopper.feed(98)


def test_closing_from_outside_gives_the_rest() -> None:
    stopper = Stopper(SamplingParams(stop="bcd"), CHAT.decoder(), CHAT.stop_ids, 5)
    assert [stopper.feed(byte) for byte in b"abc"] == ["a", "", ""]
    assert stopper.close(Finish("length")) == "bc"
