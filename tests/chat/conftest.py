"""Both vocabularies: single bytes, and the released one where its ranks are at hand."""

import json
import shutil

import pytest

from sambay.chat import ChatTokenizer, build_byte_tokenizer, build_released_tokenizer


@pytest.fixture(scope="session")
def released_files(reference_dir):
    return reference_dir / "phi4_mini_flash"


@pytest.fixture(scope="session")
def released_config(released_files):
    return json.loads((released_files / "tokenizer_config.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def byte_chat():
    return ChatTokenizer(build_byte_tokenizer())


@pytest.fixture(scope="session")
def released_chat(tokenizer_ranks, released_files):
    tokenizer = build_released_tokenizer(tokenizer_ranks, released_files / "tokenizer_config.json")
    return ChatTokenizer(tokenizer)


@pytest.fixture(scope="session")
def released_folder(released_chat, released_files, tmp_path_factory):
    """A folder as released: our tokenizer.json beside the released JSON files."""
    folder = tmp_path_factory.mktemp("released")
    released_chat.tokenizer.save_pretrained(folder)
    (folder / "chat_template.jinja").unlink()
    for file in released_files.glob("*.json"):
        shutil.copyfile(file, folder / file.name)
    return folder


@pytest.fixture(scope="session")
def loaded_chat(released_folder):
    return ChatTokenizer.load(released_folder)


@pytest.fixture(scope="session", params=["byte_chat", "released_chat"])
def chat(request):
    return request.getfixturevalue(request.param)
