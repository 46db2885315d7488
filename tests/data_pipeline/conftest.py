"""A tokenizer of bytes, and shards from documents given as text."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from sambay.chat import build_byte_tokenizer
from sambay.data import JsonLines, ShardSet, prepare


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    """Id = byte; 256 ends a document."""
    return build_byte_tokenizer()


def write_jsonl(path: Path, texts: Sequence[str]) -> str:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return str(path)


def documents_of(shards: ShardSet) -> list[str]:
    """The documents back from shards of the byte tokenizer."""
    return [
        bytes(shard.document(index).tolist()).decode()
        for shard in shards.shards
        for index in range(shard.num_documents)
    ]


@pytest.fixture
def make_set(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> Callable[..., Path]:
    """Prepares texts into a folder of shards."""

    def make(name: str, texts: Sequence[str], piece_bytes: int = 200) -> Path:
        source = JsonLines((write_jsonl(tmp_path / f"{name}.jsonl", texts),))
        prepare([source], tmp_path / name, tokenizer, piece_bytes=piece_bytes)
        return tmp_path / name

    return make
