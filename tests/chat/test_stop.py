import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sambay.chat import StopStrings

few_letters = st.text("ab\n", max_size=16)
stop_lists = st.lists(st.text("ab\n", min_size=1, max_size=5), max_size=4)


def streamed(stops, pieces):
    finder = StopStrings(stops)
    text = "".join([finder.feed(piece) for piece in pieces] + [finder.flush()])
    return text, finder.matched


def naive(stops, text):
    """The match that starts first, and of those the longest, found in the whole text."""
    matches = [(text.find(stop), -len(stop), stop) for stop in stops if stop in text]
    if not matches:
        return text, None
    start, _, stop = min(matches)
    return text[:start], stop


@settings(max_examples=300, deadline=None)
@given(stop_lists, st.lists(few_letters, max_size=6))
def test_any_chunking_finds_what_the_whole_text_has(stops, pieces):
    assert streamed(stops, pieces) == naive(stops, "".join(pieces))


@settings(max_examples=150, deadline=None)
@given(stop_lists, few_letters)
def test_nothing_is_held_back_that_cannot_begin_a_stop_string(stops, text):
    finder, emitted = StopStrings(stops), ""
    for end, char in enumerate(text, start=1):
        emitted += finder.feed(char)
        if any(stop in text[:end] for stop in stops):
            break
        held = text[len(emitted) : end]
        assert emitted == text[: len(emitted)]
        assert not held or any(stop.startswith(held) for stop in stops)


def test_a_stop_string_is_found_across_pieces():
    finder = StopStrings(["\nUser:"])
    assert [finder.feed(piece) for piece in ("Hello", "\nUs", "er", ": hi")] == ["Hello", "", "", ""]
    assert finder.matched == "\nUser:"


def test_a_partial_match_that_fails_is_given_out():
    finder = StopStrings("END")
    assert [finder.feed(piece) for piece in ("aEN", "Eb", "EN")] == ["a", "ENEb", ""]
    assert finder.flush() == "EN"
    assert finder.matched is None


def test_an_earlier_start_wins_even_if_it_ends_later():
    assert streamed(["bc", "abcd"], ["xabc", "d"]) == ("x", "abcd")
    assert streamed(["bc", "abcd"], ["xabc", "e"]) == ("xa", "bc")


def test_of_equal_starts_the_longest_wins():
    assert streamed(["ab", "abc"], ["xab", "c"]) == ("x", "abc")
    assert streamed(["ab", "abc"], ["xab", "d"]) == ("x", "ab")
    assert streamed(["ab", "abc"], ["xab"]) == ("x", "ab")


def test_text_after_the_match_is_dropped():
    finder = StopStrings(["."])
    assert finder.feed("one. two") == "one"
    assert finder.feed(" three.") == ""
    assert finder.flush() == ""


def test_without_stop_strings_text_passes():
    assert streamed([], ["a", "", "b"]) == ("ab", None)


@pytest.mark.parametrize("stops", ["", [""], ["a", ""]])
def test_an_empty_stop_string_is_refused(stops):
    with pytest.raises(ValueError, match="non-empty str, got ''"):
        StopStrings(stops)
