from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from transformers import initialization

from sambay import SambaYForCausalLM
from sambay.data import ShardSet
from sambay.data.curriculum import FAMILIES
from sambay.training import TrainConfig
from sambay.training.ladder import LadderConfig
from sambay.training.parameterisation import learning_rate, training_tokens, with_multipliers
from sambay.training.scaling import transformer_parameters

RECIPES = Path(__file__).resolve().parent.parent.parent / "recipes"

# name: rows a batch, peak learning rate, parameters, and fields as published (arXiv 2507.06607, table 7, section 4)
PUBLISHED: dict[str, tuple[int, float, int, dict[str, Any]]] = {
    "pretrain_sambay_1b": (512, 4e-4, 1_065_800_000, {
        "sequence_tokens": 4096, "batch_tokens": 2**21, "warmup_tokens": 10**9, "weight_decay": 0.1, "clip_norm": 1.0,
        "seed": 3407, "beta1": 0.9, "beta2": 0.95, "eps": 1e-8,
    }),
    "long_context_32k": (64, 4e-4, 1_065_800_000, {
        "sequence_tokens": 32768, "total_tokens": 40 * 10**9, "are_documents_separate": True, "batch_tokens": 2**21,
    }),
    "phi4_mini_flash": (1024, 5e-4, 3_852_562_944, {
        "sequence_tokens": 8192, "batch_tokens": 8_388_608, "total_tokens": 5 * 10**12,
        "warmup_tokens": 3000 * 8_388_608, "weight_decay": 0.1,
    }),
}  # fmt: skip


def num_parameters(config: TrainConfig) -> int:
    with torch.device("meta"), initialization.no_init_weights():
        model = SambaYForCausalLM(with_multipliers(config.model_config(), config.parameterisation, config.base_depth))
    model.tie_weights()
    return sum(parameter.numel() for parameter in model.parameters())


def peak_rate(config: TrainConfig) -> float:
    if not config.is_learning_rate_scaled:
        return config.base_learning_rate
    depth = config.model_config().num_hidden_layers
    return learning_rate(config.parameterisation, depth, config.batch_tokens, config.base_learning_rate,
                         config.base_depth, config.base_batch_tokens)  # fmt: skip


@pytest.fixture(scope="module")
def corpus_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("offline_corpus", RECIPES / "offline_corpus.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_recipe_is_tested() -> None:
    others = {"pretrain_tiny", "scaling_ladder", "default_model", "default_model_finetune", "default_model_further"}
    assert {path.stem for path in RECIPES.glob("*.yaml")} == {*PUBLISHED, *others}
    TrainConfig.from_file(RECIPES / "pretrain_tiny.yaml")


def test_the_default_model_is_one_model_in_both_stages_and_fits_the_box() -> None:
    names = ("default_model", "default_model_finetune", "default_model_further")
    stages = [TrainConfig.from_file(RECIPES / f"{name}.yaml") for name in names]
    assert len({str(stage.model_config().to_dict()) for stage in stages}) == 1
    assert (RECIPES.parent / stages[2].initial_model / "config.json").exists()
    assert set(stages[2].curriculum["family_weights"]) <= set(FAMILIES)
    assert stages[1].initial_model == f"{stages[0].output}/model"
    assert num_parameters(stages[0]) == 20_871_120  # at most 24 million: docs/default_model.md
    assert [stage.batch_rows % stage.micro_batch_rows for stage in stages] == [0, 0, 0]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_recipe_holds_the_published_numbers_and_its_model_builds(name: str) -> None:
    rows, rate, parameters, fields = PUBLISHED[name]
    config = TrainConfig.from_file(RECIPES / f"{name}.yaml")
    assert {key: getattr(config, key) for key in fields} == fields
    assert config.batch_rows == rows
    assert rows % config.micro_batch_rows == 0
    assert peak_rate(config) == pytest.approx(rate)
    assert num_parameters(config) == pytest.approx(parameters, rel=1e-4)
    assert config.model_config().tie_word_embeddings


def test_the_tokens_of_the_1b_recipe_follow_from_the_rule() -> None:
    config = TrainConfig.from_file(RECIPES / "pretrain_sambay_1b.yaml")
    closed_form = 16**3 * (14.5 * 124**2 + 144 * 124)  # of SambaY: section 3.1
    tokens = training_tokens(round(closed_form), transformer_parameters(16))
    assert abs(config.total_tokens - tokens) <= config.batch_tokens / 2
    assert config.total_tokens % config.batch_tokens == 0
    assert f"{config.total_tokens / 1e9:.1f}" == "101.4"  # as table 7 prints it


def test_the_window_of_the_long_recipe_is_the_paper_s_best() -> None:
    assert TrainConfig.from_file(RECIPES / "long_context_32k.yaml").model_config().sliding_window == 256


def test_the_ladder_recipe_is_four_architectures_at_three_sizes() -> None:
    config = LadderConfig.from_file(RECIPES / "scaling_ladder.yaml")
    rungs = config.rungs()
    assert {rung.architecture for rung in rungs} == {"transformer", "sambayoco", "sambay", "sambayda"}
    tokens = {rung.depth: round(rung.config.total_tokens / 1e6, 1) for rung in rungs}
    assert tokens == {4: 1.5, 8: 12.2, 12: 41.1}  # as the file says
    for rung in rungs:
        assert rung.config.batch_rows % rung.config.micro_batch_rows == 0
        assert rung.config.model_config().vocab_size == 4096
    sizes = {rung.architecture: num_parameters(rung.config) for rung in rungs if rung.depth == 4}
    assert max(sizes.values()) < 1.1 * min(sizes.values()), "the family is sized to be alike"


def test_the_offline_corpus_is_split_by_text_and_the_same_each_time(corpus_script: ModuleType, tmp_path: Path) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    for number in range(300):
        (texts / f"{number}.py").write_text(f"value_{number} = {number}\n" * 20)
        (texts / f"copy_{number}.md").write_text(f"value_{number} = {number}\n" * 20)
    (texts / "short.txt").write_text("too short")
    (texts / "latin.txt").write_bytes(b"\xe9" * 300)
    made = [corpus_script.write_corpus(tmp_path / name, [texts], 10**6, 300, 1) for name in ("one", "two")]
    for part in ("train", "validation"):
        one, two = (ShardSet.open(tmp_path / name / part) for name in ("one", "two"))
        assert one.identity == two.identity
        assert one.num_ids <= 300
        assert one.end_id == 0
    documents = [sum(shard.header.num_documents for shard in part.shards.shards) for part in made[0]]
    assert sum(documents) == 300, "copies are dropped, and what is too short or no UTF-8"
    assert 0 < documents[1] < 20, "about one of fifty"
    with pytest.raises(ValueError, match="0 texts: too few"):
        corpus_script.write_corpus(tmp_path / "none", [tmp_path / "nowhere"], 10**6, 300, 1)
