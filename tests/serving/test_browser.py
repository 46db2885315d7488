"""The chat in a browser: conversations, stopping, errors, what is sent and what is kept."""

import json
import re
import time

import pytest
from serving.browsing import Opened, chromium

from sambay.engine.llm import LLM

pytestmark = pytest.mark.slow

NUMBERS = re.compile(r"\d+ tokens · [\d.]+ tokens/s · first after [\d.]+ s · \d+ of \d+ prompt tokens from the cache")
THOUGHT = "<think>\n2+2: so 4\n</think>\n\n"


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


@pytest.fixture
def expect(browser):
    from playwright.sync_api import expect

    return expect


@pytest.fixture
def scripted(make_scripted, make_served):
    """A server whose replies are `script(prompt)`, some bytes each `seconds`."""

    def serve(script, seconds=0.0, num_bytes=8, **options):
        engine = make_scripted(script, num_bytes)
        plain = engine.step

        def step():
            time.sleep(seconds)
            return plain()

        engine.step = step
        return make_served(engine, **options)

    return serve


def _last_question(prompt):
    return prompt.rpartition("<|user|>")[2].partition("<|end|>")[0]


def test_a_conversation_with_the_model_in_the_box(browser, expect, make_served):
    with (
        make_served(LLM().engine, model_name="sambay", defaults={"temperature": 0.0}) as served,
        Opened(browser, served.url) as opened,
    ):
        page = opened.page
        expect(page.locator("#model")).to_have_text("sambay")
        expect(page.get_by_role("heading", name="What shall we work out?")).to_be_visible()
        opened.ask("What is 347 + 586?")
        expect(opened.answers()).to_have_count(1)
        expect(page.locator("li.answer .katex-mathml annotation")).to_have_text("\\boxed{933}")
        summary = page.locator("summary", has_text="Thought for")
        assert not page.locator(".thought-text").is_visible(), "the thought is folded"
        summary.click()
        expect(page.locator(".thought-text")).to_contain_text("so 933")
        expect(page.locator("li.answer .numbers")).to_have_text(
            re.compile(
                r"^\d+ tokens · [\d.]+ tokens/s · first after [\d.]+ s · \d+ of \d+ prompt tokens from the cache$"
            )
        )
        opened.ask("Now double it.")
        expect(opened.answers()).to_have_count(2)
        expect(page.locator("li.answer .katex-mathml annotation").last).to_have_text("\\boxed{1866}")
        page.reload()
        expect(opened.answers()).to_have_count(2)
        expect(page.locator("li.answer .katex-mathml annotation").first).to_have_text("\\boxed{933}")
        first, second = opened.asked_bodies()
        assert first["messages"] == [{"role": "user", "content": "What is 347 + 586?"}]
        assert [one["role"] for one in second["messages"]] == ["user", "assistant", "user"]
        assert "so 933" in second["messages"][1]["reasoning_content"], "so that the next turn finds its prefix"


@pytest.mark.parametrize("how", ["button", "escape"])
def test_a_reply_is_stopped_and_what_came_of_it_stays(browser, expect, scripted, how):
    with (
        scripted(lambda prompt: THOUGHT + "word " * 600, seconds=0.05, num_bytes=10) as served,
        Opened(browser, served.url) as opened,
    ):
        opened.ask("go on")
        expect(opened.page.locator("li.answer .prose")).to_contain_text("word word word")
        expect(opened.page.locator("#live")).to_contain_text("tokens/s")
        stop = opened.page.get_by_role("button", name="Stop the reply")
        if how == "button":
            stop.click()
        else:
            opened.page.keyboard.press("Escape")
        expect(opened.page.get_by_text("Stopped.", exact=True)).to_be_visible()
        expect(opened.answers()).to_have_count(1)
        expect(stop).to_be_hidden()
        expect(opened.page.get_by_label("Message", exact=True)).to_be_focused()
        served.wait_until_idle(5)
        assert served.llm.num_unfinished == 0, "the server goes on for nobody"
        length = len(opened.page.locator("li.answer .prose").inner_text())
        assert 0 < length < 3000
        opened.ask("again")
        expect(opened.page.locator("li.answer .prose").last).to_contain_text("word")
        opened.page.keyboard.press("Escape")
        expect(opened.answers()).to_have_count(2)


def test_what_came_of_a_reply_stays_where_the_page_is_left(browser, expect, scripted):
    with (
        scripted(lambda prompt: THOUGHT + "word " * 600, seconds=0.05, num_bytes=10) as served,
        Opened(browser, served.url) as opened,
    ):
        opened.ask("go on")
        expect(opened.page.locator("li.answer .prose")).to_contain_text("word word word")
        opened.page.reload()
        expect(opened.page.locator("li.answer .prose")).to_contain_text("word word word")
        expect(opened.page.locator(".ending")).to_be_visible()
        expect(opened.page.get_by_role("button", name="Stop the reply")).to_be_hidden()


def test_a_full_queue_is_told_in_words_and_tried_again(browser, expect, make_scripted, make_served):
    engine = make_scripted(lambda prompt: "x" * 3000 if "long" in prompt else "short reply")
    engine.limits.max_sequences = 1
    plain = engine.step
    engine.step = lambda: (time.sleep(0.01), plain())[1]
    with (
        make_served(engine, max_queued=0, retry_after_s=3) as served,
        Opened(browser, served.url, is_failing=True) as opened,
    ):
        body = {"model": "tiny", "messages": [{"role": "user", "content": "long"}], "stream": True}
        with served.client.stream("POST", "/v1/chat/completions", json=body) as held:
            lines = held.iter_lines()  # without a name it would be closed, and the request with it
            next(lines)
            opened.ask("me too")
            alert = opened.page.get_by_role("alert")
            expect(alert).to_have_text("The server is busy: its queue is full. Try again in 3 seconds.")
        served.wait_until_idle(5)
        opened.page.get_by_role("button", name="Try again").click()
        expect(opened.page.locator("li.answer .prose")).to_have_text("short reply")
        expect(alert).to_have_count(0)


def test_a_server_that_is_gone_is_told_in_words_and_nothing_is_lost(browser, expect, scripted):
    server = scripted(lambda prompt: "fine")
    with server as served:
        opened = Opened(browser, served.url, is_failing=True)
        opened.ask("first")
        expect(opened.answers()).to_have_count(1)
    with opened:
        opened.ask("second")
        expect(opened.page.get_by_role("alert")).to_contain_text("cannot be reached")
        expect(opened.page.locator("li.question")).to_have_count(2)
        kept = opened.page.evaluate("Object.entries(localStorage).find(([name]) => name.startsWith('sambay.chat.'))[1]")
        assert [one["content"] for one in json.loads(kept)["messages"]] == ["first", "fine", "second"]


def test_a_conversation_that_is_too_long_is_told_in_words(browser, expect, scripted):
    with scripted(lambda prompt: "fine") as served, Opened(browser, served.url, is_failing=True) as opened:
        opened.ask("x" * 5000)
        expect(opened.page.get_by_role("alert")).to_contain_text("no longer fits into the model's context")


def test_another_reply_takes_the_place_of_one_and_the_same_one_is_named(browser, expect, scripted):
    replies = iter(["first reply", "second reply", "second reply"])
    with scripted(lambda prompt: next(replies)) as served, Opened(browser, served.url) as opened:
        opened.ask("say something")
        prose = opened.page.locator("li.answer .prose")
        expect(prose).to_have_text("first reply")
        opened.page.get_by_role("button", name="Another reply").click()
        expect(prose).to_have_text("second reply")
        expect(opened.page.locator("li.message")).to_have_count(2)
        expect(opened.page.locator("#live")).to_be_empty()
        opened.page.get_by_role("button", name="Another reply").click()
        expect(opened.page.locator("#live")).to_contain_text("The same reply again")
        one, two, three = opened.asked_bodies()
        assert one["messages"] == two["messages"] == three["messages"] == [{"role": "user", "content": "say something"}]


def test_an_edited_message_replaces_what_follows(browser, expect, scripted):
    with scripted(lambda prompt: f"you said {_last_question(prompt)}") as served, Opened(browser, served.url) as opened:
        for text in ("one", "two"):
            opened.ask(text)
            expect(opened.page.locator("li.answer .prose").last).to_have_text(f"you said {text}")
        opened.page.locator("li.question").first.hover()
        opened.page.get_by_role("button", name="Edit this message").first.click()
        area = opened.page.get_by_label("Edit the message")
        expect(area).to_be_focused()
        expect(area).to_have_value("one")
        opened.page.keyboard.press("Escape")
        expect(opened.page.locator("li.message")).to_have_count(4)
        opened.page.keyboard.press("Enter")  # the focus is on the button again
        area.fill("three")
        area.press("Enter")
        expect(opened.page.locator("li.answer .prose")).to_have_text("you said three")
        expect(opened.page.locator("li.message")).to_have_count(2)
        assert opened.asked_bodies()[-1]["messages"] == [{"role": "user", "content": "three"}]


def test_temperature_and_lengths_are_sent_and_kept(browser, expect, scripted):
    with (
        scripted(lambda prompt: THOUGHT + "a reply of more than ten bytes") as served,
        Opened(browser, served.url) as opened,
    ):
        opened.ask("before")
        expect(opened.answers()).to_have_count(1)
        opened.page.get_by_role("button", name="Settings").click()
        opened.page.get_by_label("Temperature").fill("0.7")
        opened.page.get_by_label("Length").fill("40")
        opened.page.get_by_label("Thought", exact=True).fill("5")
        opened.page.get_by_role("button", name="Done").click()
        opened.page.reload()
        opened.ask("after")
        expect(opened.page.get_by_text("Cut off at the length that was allowed.")).to_be_visible()
        before, after = opened.asked_bodies()
        assert not {"temperature", "max_tokens", "max_reasoning_tokens"} & before.keys()
        given = {"temperature": 0.7, "max_tokens": 40, "max_reasoning_tokens": 5}
        assert {name: after[name] for name in given} == given


def test_the_key_is_asked_for_and_kept_in_this_tab_only(browser, expect, scripted):
    with (
        scripted(lambda prompt: "welcome", api_keys=("secret-key-1",)) as served,
        Opened(browser, served.url, is_failing=True) as opened,
    ):
        dialog = opened.page.get_by_role("dialog", name="API key")
        field = dialog.get_by_label("Key", exact=True)
        expect(field).to_be_focused()
        field.fill("secret-key-2")
        field.press("Enter")
        expect(dialog).to_contain_text("does not accept this key")
        field.fill("secret-key-1")
        dialog.get_by_role("button", name="Enter").click()
        expect(opened.page.locator("#model")).to_have_text("tiny")
        opened.ask("hello")
        expect(opened.page.locator("li.answer .prose")).to_have_text("welcome")
        assert opened.page.evaluate("sessionStorage.getItem('sambay.key')") == "secret-key-1"
        assert "secret-key-1" not in opened.page.evaluate("JSON.stringify(localStorage)")
        with Opened(browser, served.url, is_failing=True) as opened:
            opened.page.get_by_role("button", name="Cancel").click()
            opened.ask("hello")
            opened.page.get_by_role("button", name="Cancel").click()
            expect(opened.page.get_by_role("alert")).to_have_text("The server needs a valid API key.")


def test_markup_in_a_reply_stays_text(browser, expect, scripted):
    reply = (
        '<img src=x onerror="document.title=1"><script>document.title=2</script> <b>bold</b> [a](javascript:alert(1))'
    )
    with scripted(lambda prompt: reply) as served, Opened(browser, served.url) as opened:
        opened.ask('<img src=x onerror="document.title=3">')
        expect(opened.answers()).to_have_count(1)
        expect(opened.page.locator("li.answer .prose")).to_have_text(reply)
        assert opened.page.locator("li.message :is(img, script, b, a)").count() == 0
        assert opened.page.title() == "Chat · sambay"


def test_conversations_are_opened_deleted_and_cleared(browser, expect, scripted):
    with scripted(lambda prompt: f"you said {_last_question(prompt)}") as served, Opened(browser, served.url) as opened:
        page = opened.page
        for text in ("alpha", "beta", "gamma"):
            opened.ask(text)
            expect(page.locator("li.answer .prose")).to_have_text(f"you said {text}")
            page.get_by_role("button", name="New chat").click()
            expect(page.locator("li.message")).to_have_count(0)
        titles = page.locator("#conversations .title")
        expect(titles).to_have_text(["gamma", "beta", "alpha"])
        page.get_by_role("button", name="alpha", exact=True).click()
        expect(page.locator("li.answer .prose")).to_have_text("you said alpha")
        page.get_by_role("button", name="Delete “alpha”").click()
        page.get_by_role("button", name="Keep").click()
        expect(titles).to_have_count(3)
        page.get_by_role("button", name="Delete “alpha”").click()
        page.get_by_role("button", name="Delete", exact=True).click()
        expect(titles).to_have_text(["gamma", "beta"])
        expect(page.locator("li.message")).to_have_count(0)
        page.get_by_role("button", name="Delete all").click()
        page.get_by_role("button", name="Delete", exact=True).click()
        expect(titles).to_have_count(0)
        assert page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('sambay.chat.'))") == []
