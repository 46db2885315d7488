"""stream_options.continuous_usage_stats: each chunk says what has been used so far, and nothing else changes."""

import time

import pytest

CHAT = ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]})
TEXT = ("/v1/completions", {"prompt": "hi"})
USAGE = {"include_usage": True}


@pytest.mark.parametrize(("path", "asked"), [CHAT, TEXT], ids=["chat", "text"])
def test_each_chunk_counts_and_the_last_one_agrees(make_scripted, make_served, path, asked):
    asked = {"model": "tiny", "max_tokens": 60, **asked}
    engine = make_scripted(lambda prompt: "<think>\nfour\n</think>\n\n" + "bytes " * 5, 3)
    plain_step = engine.step
    engine.step = lambda: (time.sleep(0.05), plain_step())[1]  # else all of it is one chunk
    with make_served(engine) as served:
        plain = served.events(path, {**asked, "stream_options": USAGE})
        counted = served.events(path, {**asked, "stream_options": {**USAGE, "continuous_usage_stats": True}})
    *parts, last = counted
    assert last["choices"] == []
    assert last["usage"] == plain[-1]["usage"] == parts[-1]["usage"]
    numbers = [one["usage"]["completion_tokens"] for one in parts]
    *earlier, last_number = numbers
    assert earlier == sorted(set(earlier)), "each part has brought tokens"
    assert earlier[-1] <= last_number
    assert len(earlier) > 5
    assert all(one["usage"]["prompt_tokens"] == last["usage"]["prompt_tokens"] for one in parts)

    def texts(events):
        found = (one["choices"][0] for one in events if one["choices"])
        deltas = (choice.get("delta", choice) for choice in found)
        return "".join(one.get(name) or "" for one in deltas for name in ("reasoning_content", "content", "text"))

    assert texts(counted) == texts(plain) != ""


@pytest.mark.parametrize(("path", "asked"), [CHAT, TEXT], ids=["chat", "text"])
def test_it_needs_the_usage_to_be_asked_for(served, path, asked):
    body = {"model": "tiny", **asked, "stream": True, "stream_options": {"continuous_usage_stats": True}}
    response = served.client.post(path, json=body)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "stream_options.continuous_usage_stats"
