from __future__ import annotations

import json
from pathlib import Path

import pytest

from sambay.training import TrainConfig, train
from sambay.training.config import Precision
from sambay.training.parameterisation import Parameterisation

MINIMUM = {"output": "run", "data": "synthetic"}


def test_yaml_and_json_and_overrides(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(
        "output: run\ndata: synthetic\nbase_learning_rate: 1e-3\nclip_norm: null\nparameterisation: mup++\n"
    )
    config = TrainConfig.from_file(path, {"seed": "7", "is_compiled": "true", "model_overrides": "{hidden_size: 32}"})
    assert (config.base_learning_rate, config.clip_norm, config.seed, config.is_compiled) == (1e-3, None, 7, True)
    assert config.parameterisation is Parameterisation.MUPP
    assert config.model_config().hidden_size == 32
    again = tmp_path / "run.json"
    again.write_text(json.dumps(config.to_dict()))
    assert TrainConfig.from_file(again) == config


def test_the_output_s_name_may_look_like_a_number() -> None:
    assert TrainConfig.from_dict({**MINIMUM, "output": "2024"}).output == "2024"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"learning_rate": 1}, "unknown option 'learning_rate'; did you mean 'base_learning_rate'"),
        ({"zzz": 1}, "unknown option 'zzz'; allowed are"),
        ({"precision": "float16"}, "precision='float16': allowed are float32, bfloat16"),
        ({"seed": 1.5}, "seed=1.5: allowed is int"),
        ({"seed": True}, "seed=True: allowed is int"),
        ({"seed": "many"}, "seed='many': allowed is int"),
        ({"is_compiled": 1}, "is_compiled=1: allowed is bool"),
        ({"seed": -1}, "seed=-1: allowed is 0 or more"),
        ({"beta1": 1.0}, "beta1=1.0: allowed is from 0"),
        ({"decay_fraction": 2}, "decay_fraction=2.0: allowed is from 0 to 1"),
        ({"clip_norm": 0}, "clip_norm=0.0: allowed is a positive number or null"),
        ({"trackers": ["wandb"]}, "trackers='wandb': allowed are tensorboard and trackio"),
        ({"batch_tokens": 5000}, "batch_tokens=5000: allowed are multiples of sequence_tokens, 4096"),
        ({"ramp_tokens": 10}, "ramp_start_batch_tokens=0: with ramp_tokens it is allowed"),
        ({"warmup_tokens": 10**9}, "warmup_tokens=1000000000: allowed is up to total_tokens"),
        ({"data": None}, "exactly one of data"),
        ({"data_sets": [{"name": "a", "path": "b"}]}, "exactly one of data"),
    ],
)
def test_what_is_not_allowed_is_named(changed: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainConfig.from_dict({**MINIMUM, **changed})


def test_an_output_folder_is_required() -> None:
    with pytest.raises(ValueError, match="'output' is missing"):
        TrainConfig.from_dict({"data": "synthetic"})


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("- 1\n")
    with pytest.raises(ValueError, match=r"run\.yaml: allowed is a mapping"):
        TrainConfig.from_file(path)


def test_an_unknown_model_and_a_field_that_is_none_of_the_model_s(small_run) -> None:
    with pytest.raises(ValueError, match="unknown size 'huge'"):
        train(small_run(model="huge"))
    with pytest.raises(ValueError, match="unknown key 'width'"):
        train(small_run(model_overrides={"width": 3}))


def test_the_defaults_are_the_published_scaling_run_s() -> None:
    config = TrainConfig.from_dict(MINIMUM)
    assert (config.beta1, config.beta2, config.eps, config.weight_decay, config.clip_norm) == (0.9, 0.95, 1e-8, 0.1, 1)
    assert (config.seed, config.sequence_tokens, config.precision) == (3407, 4096, Precision.BFLOAT16)


RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("path", [path for path in RECIPES if path.stem != "scaling_ladder"], ids=lambda p: p.stem)
def test_every_recipe_is_a_valid_configuration(path: Path) -> None:
    config = TrainConfig.from_file(path)
    assert config.model_config().num_hidden_layers >= 4
