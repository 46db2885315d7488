import pytest

from sambay.chat import RELEASED_TEMPLATE, training_template

USER = {"role": "user", "content": "Hi"}
CONVERSATION = [
    {"role": "system", "content": "Be brief.", "tools": '[{"name": "add"}]'},
    {"role": "user", "content": " 1+1? "},
    {"role": "assistant", "content": "<think>\nadd\n</think>\n\n2"},
    {"role": "user", "content": "and 2+2?"},
    {"role": "assistant", "content": " \n4 "},
    {"role": "tool_response", "content": "{}"},
    {"role": "assistant", "content": ""},
]


def test_the_template_is_the_released_one(released_config):
    assert released_config["chat_template"] == RELEASED_TEMPLATE


def test_messages_are_rendered_without_line_breaks(chat):
    messages = [USER, {"role": "assistant", "content": "Yes?"}, {"role": "user", "content": " ok "}]
    text = "<|user|>Hi<|end|><|assistant|>Yes?<|end|><|user|> ok <|end|>"
    assert chat.render(messages) == text + "<|assistant|>"
    assert chat.render(messages, add_generation_prompt=False) == text + "<|endoftext|>"


@pytest.mark.parametrize("tools", ['[{"name": "é"}]', [{"name": "é"}]])
def test_tools_follow_the_system_message(chat, tools):
    text = chat.render([{"role": "system", "content": "S", "tools": tools}, USER])
    assert text == ('<|system|>S<|tool|>[{"name": "é"}]<|/tool|><|end|><|user|>Hi<|end|><|assistant|>')
    ids = chat.encode_chat([{"role": "system", "content": "S", "tools": tools}, USER])
    assert ids == chat.encode(text)
    assert chat.encode("<|tool|>")[0] in ids


def test_no_tools_is_a_plain_system_message(byte_chat):
    text = byte_chat.render([{"role": "system", "content": "S", "tools": None}])
    assert text == "<|system|>S<|end|><|assistant|>"


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([], "messages is empty"),
        ("Hi", "must be a list of messages, got str"),
        (USER, "must be a list of messages, got dict"),
        (None, "must be a list of messages, got NoneType"),
        (["Hi"], r"messages\[0\] must be a dict, got str"),
        ([USER, {"content": "Hi"}], r"messages\[1\] has the role None; allowed: system, user"),
        ([{"role": "tool", "content": "Hi"}], "role 'tool'; allowed: .*assistant, tool_response"),
        ([{"role": ["user"], "content": "Hi"}], r"role \['user'\]; allowed"),
        ([{"role": "user"}], r"messages\[0\].content is missing"),
        ([{"role": "user", "content": None}], "content is missing"),
        ([{"role": "user", "content": 3}], "content must be a str, got int"),
        ([{"role": "user", "content": [{"type": "text"}]}], "content must be a str, got list"),
        ([{"role": "user", "content": "a\ud800"}], "lone surrogate at 1"),
        ([{**USER, "name": "Ann"}], "unknown field 'name'; known: role, content, tools"),
        ([{**USER, "tools": "[]"}], "only a system message may have, not user"),
        ([{"role": "system", "content": "", "tools": 3}], "tools must be JSON text or a list"),
        ([{"role": "system", "content": "", "tools": ["a"]}], "tools must be JSON text or a list"),
        ([{"role": "system", "content": "", "tools": [{"a": {1}}]}], "tools cannot be written as JSON"),
    ],
)
def test_what_a_conversation_may_not_hold(byte_chat, messages, reason):
    with pytest.raises(ValueError, match=reason):
        byte_chat.render(messages)
    with pytest.raises(ValueError, match=reason):
        byte_chat.encode_chat(messages)


@pytest.mark.parametrize("add_generation_prompt", [False, True])
def test_the_training_template_renders_the_same_text(chat, add_generation_prompt):
    rendered = chat.tokenizer.apply_chat_template(
        CONVERSATION,
        chat_template=training_template(),
        tokenize=False,
        add_generation_prompt=add_generation_prompt,
    )
    assert rendered == chat.render(CONVERSATION, add_generation_prompt)


def marked_ids(chat, messages):
    encoded = chat.tokenizer.apply_chat_template(
        messages,
        chat_template=training_template(),
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    ids, mask = encoded["input_ids"], encoded["assistant_masks"]
    assert ids == chat.encode(chat.render(messages, add_generation_prompt=False))
    return [index for index, is_marked in zip(ids, mask, strict=True) if is_marked]


def test_the_marks_cover_each_reply_and_its_stop_token(chat):
    replies = ["<think>\nadd\n</think>\n\n2<|end|>", "4 <|end|>", "<|end|>"]
    expected = [index for reply in replies for index in chat.encode(reply)]
    assert marked_ids(chat, CONVERSATION) == expected


def test_nothing_is_marked_without_a_reply(chat):
    assert marked_ids(chat, [USER]) == []


def test_a_marked_template_is_kept_and_a_foreign_one_refused():
    marked = training_template()
    assert training_template(marked) == marked
    with pytest.raises(ValueError, match="only the released chat template"):
        training_template("{{ messages }}")
