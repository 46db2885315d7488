import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from sambay.chat import build_byte_tokenizer, build_released_tokenizer

TEXTS = [
    "",
    "Hello, world! It's HelloWorld's DON'T they'LL camelCaseXMLParser",
    "0 1 12 123 1234 12345678901234567890 3.14159 1e-10 ½ ² Ⅷ ٣٤",
    "   leading\t\ttabs \n\n\n newlines\r\n\r\n trailing   ",
    "def f(x):\n    return {'a': [x ** 2 for x in range(10)]}  # //////\n\n\n",
    "naïve café résumé Ångström ﬁ ẞ İstanbul e\u0301\u0302",
    "你好，世界。こんにちは 안녕하세요 สวัสดี नमस्ते مرحبا שלום Здравствуйте",
    "👩‍👩‍👧‍👦 👩🏽‍🚀 🇫🇷🇩🇪 ❤️ 🏴\U000e0067\U000e0062\U000e007f",
    "∀x∈ℝ: ⌈x⌉ = −⌊−x⌋, α ∧ ¬β, $\\frac{1}{2}$ \\boxed{42}",
    "\x00\x01\x7f\ufeff\u200b\u2028\u00a0end \ufffd",
    "a" * 300 + " " * 100 + "=" * 77 + "\n" * 33 + "ab" * 50,
]


@pytest.fixture(scope="module")
def tiktoken_o200k(tokenizer_ranks):
    """OpenAI's own o200k_base: its pattern and its check of the file, with our copy of the ranks."""
    tiktoken = pytest.importorskip("tiktoken")
    from tiktoken.load import load_tiktoken_bpe
    from tiktoken_ext import openai_public

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            openai_public,
            "load_tiktoken_bpe",
            lambda url, expected_hash: load_tiktoken_bpe(str(tokenizer_ranks), expected_hash),
        )
        return tiktoken.Encoding(**openai_public.o200k_base())


@pytest.fixture(scope="module")
def released_added_tokens(released_config):
    return {int(index): fields for index, fields in released_config["added_tokens_decoder"].items()}


def fields_of(token):
    names = ("content", "lstrip", "normalized", "rstrip", "single_word", "special")
    return {name: getattr(token, name) for name in names}


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:12]))
def test_the_released_vocabulary_agrees_with_tiktoken(released_chat, tiktoken_o200k, text):
    ids = released_chat.encode(text)
    assert ids == tiktoken_o200k.encode(text, disallowed_special=())
    assert released_chat.decode(ids) == text


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=12), st.text("aAbB1 \n\t'-.", max_size=24)), max_size=4))
def test_the_released_vocabulary_agrees_with_tiktoken_on_any_text(released_chat, tiktoken_o200k, parts):
    text = "".join(parts).replace("<|", "<")  # control tokens are ours, not those of tiktoken
    assert released_chat.encode(text) == tiktoken_o200k.encode(text, disallowed_special=())


def test_the_released_special_tokens_have_their_ids_and_flags(released_chat, released_added_tokens):
    built = released_chat.tokenizer.backend_tokenizer.get_added_tokens_decoder()
    assert {index: fields_of(token) for index, token in built.items()} == released_added_tokens
    for index, fields in released_added_tokens.items():
        assert released_chat.encode(fields["content"]) == [index]
    tokenizer = released_chat.tokenizer
    assert [tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id] == [199999] * 3
    assert tokenizer.model_max_length == 65536


def test_the_released_vocabulary_has_a_token_for_every_rank_and_no_other(released_chat, released_added_tokens):
    ids = sorted(released_chat.tokenizer.get_vocab().values())
    assert ids == [*range(199998), *sorted(released_added_tokens)]


def test_the_released_vocabulary_survives_saving(released_chat, loaded_chat):
    built = released_chat.tokenizer.backend_tokenizer.get_added_tokens_decoder()
    again = loaded_chat.tokenizer.backend_tokenizer.get_added_tokens_decoder()
    assert {i: fields_of(t) for i, t in again.items()} == {i: fields_of(t) for i, t in built.items()}
    for text in [*TEXTS, "<|user|>  Hi<|end|><|assistant|><|tool_call|> []"]:
        assert loaded_chat.encode(text) == released_chat.encode(text)


def test_other_ranks_are_refused(released_files, tmp_path):
    (tmp_path / "ranks").write_bytes(b"YQ== 0\n")
    with pytest.raises(ValueError, match=r"has SHA-256 .*, o200k_base has 446a9538"):
        build_released_tokenizer(tmp_path / "ranks", released_files / "tokenizer_config.json")


def test_the_byte_vocabulary_is_the_bytes_and_the_chat_tokens(byte_chat, released_added_tokens):
    assert byte_chat.num_ids == 268
    assert byte_chat.encode("a12 é\n") == list("a12 é\n".encode())
    built = byte_chat.tokenizer.backend_tokenizer.get_added_tokens_decoder()
    assert [fields_of(built[index]) for index in sorted(built)] == [
        fields for _, fields in sorted(released_added_tokens.items())
    ]
    assert sorted(built) == list(range(256, 268))


def test_the_byte_vocabulary_survives_saving(byte_chat, tmp_path):
    byte_chat.tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    messages = [{"role": "user", "content": "é 12"}]
    ids = loaded.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    assert ids == byte_chat.encode_chat(messages)
    assert loaded.chat_control_tokens == byte_chat.tokenizer.chat_control_tokens


def test_the_byte_vocabulary_is_written_the_same_each_time(tmp_path):
    for name in ("one", "two"):
        build_byte_tokenizer().save_pretrained(tmp_path / name)
    files = sorted(file.name for file in (tmp_path / "one").iterdir())
    assert "tokenizer.json" in files
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
