from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from sambay.data.curriculum.sampling import sample_texts
from sambay.data.curriculum.settings import CurriculumConfig
from sambay.data.curriculum.spelling import train_tokenizer


@pytest.fixture(scope="session")
def curriculum_tokenizer() -> PreTrainedTokenizerFast:
    """A small one of the curriculum's own kind."""
    return train_tokenizer(sample_texts(400, seed=0), 1024)


@pytest.fixture(scope="session")
def tokenizer_folder(curriculum_tokenizer: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    curriculum_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def settings(tokenizer_folder: Path) -> Callable[..., CurriculumConfig]:
    """The options with this tokenizer, with fields replaced."""

    def make(**fields: Any) -> CurriculumConfig:
        return CurriculumConfig.from_dict({"tokenizer": str(tokenizer_folder), **fields})

    return make
