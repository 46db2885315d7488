from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from sambay import cli
from sambay.training import train
from sambay.training.climbing import Climb, Point, climb
from sambay.training.ladder import LadderConfig
from sambay.training.ladder_report import THREE_POINTS, fits_of, markdown, write_report
from sambay.training.loop import Run
from sambay.training.scaling import Fit, ladder_flops
from sambay.training.stopping import StopRequest

ARCHITECTURES = ("transformer", "sambay")
# One batch at depth 4, eight at 8 and 27 at 12: the runs of a ladder in seconds.
LADDER: dict[str, Any] = {
    "architectures": ARCHITECTURES, "depths": (4, 8, 12), "base_tokens": 128 * 64, "warmup_fraction": 0.1,
    "train": {
        "data": "synthetic", "validation_data": "synthetic", "validation_rows": 4,
        "model_overrides": {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "head_dim": 8},
        "sequence_tokens": 32, "batch_tokens": 128, "base_batch_tokens": 128, "base_learning_rate": 3e-3,
        "micro_batch_rows": 4, "precision": "float32", "device": "cpu", "checkpoint_steps": 4,
        "is_progress_shown": False,
    },
}  # fmt: skip


def ladder(folder: Path, **fields: Any) -> LadderConfig:
    return LadderConfig(**{"output": str(folder), **LADDER, **fields})


def learnt(climbed: Climb) -> list[Point]:
    """What does not depend on the machine's speed."""
    return [replace(point, seconds=0.0) for point in climbed.points]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LadderConfig, Climb]]:
    """A ladder of six runs, climbed without a pause."""
    config = ladder(tmp_path_factory.mktemp("ladder"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sambay.training.records.draw", lambda records, path: None)
        yield config, climb(config)


# ------------------------------------------------------------------------------------------- climbing a ladder


def test_each_architecture_has_its_depths_and_their_tokens(whole) -> None:
    config, climbed = whole
    assert climbed.is_finished
    assert [(point.depth, point.architecture) for point in climbed.points] == [
        (depth, name) for depth in (4, 8, 12) for name in ARCHITECTURES
    ]
    for point, rung in zip(climbed.points, config.rungs(), strict=True):
        assert point.tokens == 128 * (point.depth // 4) ** 3  # N of Transformer++ grows as depth³
        assert point.flops == 6 * 14.5 * 128**2 * point.depth**3 * point.tokens
        assert rung.config.warmup_tokens == round(0.1 * point.tokens)
        assert point.skipped_steps == 0
        assert point.seconds > 0


def test_narrowing_divides_all_widths_and_no_number(tmp_path: Path) -> None:
    train = {**LADDER["train"], "model_overrides": {"vocab_size": 64}}
    wide, narrow = (
        ladder(tmp_path, train=train, narrowing=by, base_tokens=None, tokens_per_parameter=0.001).rungs()
        for by in (1, 2)
    )
    for full, half in zip(wide, narrow, strict=True):
        big, small = full.config.model_config(), half.config.model_config()
        for name in ("hidden_size", "intermediate_size", "head_dim"):
            assert getattr(big, name) == 2 * getattr(small, name)
        assert (big.num_attention_heads, big.mixers) == (small.num_attention_heads, small.mixers)
        assert full.config.total_tokens == pytest.approx(4 * half.config.total_tokens, abs=512)
        assert half.flops == 6 * 14.5 * 64**2 * half.depth**3 * half.config.total_tokens
    with pytest.raises(ValueError, match=r"narrowing=7: allowed are divisors of .*_d4's hidden_size"):
        ladder(tmp_path, narrowing=7)


def test_a_point_is_what_the_trainer_measures(whole, tmp_path: Path) -> None:
    config, climbed = whole
    point, rung = climbed.points[3], config.rungs()[3]
    assert rung.config.model == "sambay_d8"
    result = train(replace(rung.config, output=str(tmp_path / "alone")))
    assert result.validation is not None
    assert (point.loss, point.validation_targets) == (result.validation.loss, result.validation.targets)
    model = json.loads((Path(config.output) / "sambay_d8" / "model" / "config.json").read_text())
    assert model["num_hidden_layers"] == 8
    assert not list(Path(config.output).glob("*/step-*")), "checkpoints of finished runs are removed"


def test_all_architectures_see_the_same_rows_in_the_same_order(whole) -> None:
    config, _ = whole
    folders = [Path(config.output) / f"{name}_d12" for name in ARCHITECTURES]
    first, second = (json.loads((folder / "identity.json").read_text()) for folder in folders)
    assert first.pop("model") != second.pop("model")
    assert first == second
    assert first["data"]["train"] == {"kind": "synthetic", "vocab_size": 64, "sequence_tokens": 32, "seed": 3407}
    steps = [(folder / "metrics.jsonl").read_text().splitlines() for folder in folders]
    tokens = [[json.loads(line)["tokens"] for line in lines] for lines in steps]
    assert tokens[0] == tokens[1] == list(range(128, 128 * 28, 128))


def test_a_finished_ladder_is_not_run_again(whole, monkeypatch: pytest.MonkeyPatch) -> None:
    config, climbed = whole
    monkeypatch.setattr(Run, "train", lambda self: pytest.fail("a finished run was run again"))
    assert climb(config) == climbed


@pytest.mark.parametrize("how", ["terminated", "crashed"])
def test_a_ladder_that_was_cut_off_goes_on_as_if_it_had_not_been(
    whole, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, expected = whole
    config = ladder(tmp_path, depths=(4, 8))
    step = Run.step

    def cut_off(self, stop):
        answer = step(self, stop)
        if self.config.model == "sambay_d8" and self.progress.step == 5:  # the last checkpoint is that of step 4
            if how == "crashed":
                raise RuntimeError("power cut")
            os.kill(os.getpid(), signal.SIGTERM)
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(Run, "step", cut_off)
        if how == "crashed":
            with pytest.raises(RuntimeError, match="power cut"):
                climb(config)
        else:
            stopped = climb(config)
            assert (stopped.is_finished, len(stopped.points)) == (False, 3)
    started: list[str] = []
    rest = climb(config, say=started.append)
    assert started == ["run 4 of 4, sambay_d8: 1,024 tokens"]
    assert rest.is_finished
    assert learnt(rest) == learnt(expected)[:4]


def test_it_stops_when_its_time_is_over_and_goes_on(whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, expected = whole
    config = ladder(tmp_path, depths=(8,), architectures=("transformer",))
    stopped = climb(replace(config, max_minutes=1e-9))
    assert stopped == Climb((), 1)
    assert not (tmp_path / "transformer_d8").exists(), "no time was left to begin"
    given: list[float] = []
    with monkeypatch.context() as patch:  # the run is given what is left, which then is over at its first question
        patch.setattr("sambay.training.loop.StopRequest", lambda minutes: (given.append(minutes), StopRequest(1e-9))[1])
        assert not climb(replace(config, max_minutes=2)).is_finished
    assert given == [pytest.approx(2, abs=0.5)]
    assert [path.name for path in (tmp_path / "transformer_d8").glob("step-*")] == ["step-00000001"]
    assert learnt(climb(config)) == [learnt(expected)[2]]


def test_checkpoints_are_kept_on_request(tmp_path: Path) -> None:
    climb(ladder(tmp_path, depths=(4,), architectures=("transformer",), are_checkpoints_kept=True))
    assert [path.name for path in tmp_path.glob("transformer_d4/step-*")] == ["step-00000001"]


@pytest.mark.slow
def test_two_ranks_climb_as_one(whole, tmp_path: Path) -> None:
    _, expected = whole
    recipe = tmp_path / "ladder.json"
    fields = ladder(tmp_path / "runs", depths=(4, 8)).to_dict()
    recipe.write_text(json.dumps({**fields, "train": {**fields["train"], "micro_batch_rows": 1}}))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "sambay"]
    done = subprocess.run(
        [*command, "scale", str(recipe)], env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
        timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("4 of 4 runs, finished") == 1, "one rank alone writes"
    points = json.loads((tmp_path / "runs" / "ladder.json").read_text())["points"]
    losses = [point.loss for point in expected.points[:4]]
    assert [point["loss"] for point in points] == pytest.approx(losses, abs=1e-5)  # float32 sums in another order


# ----------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": 1}, "transformer_d4 was run with seed=3407, which is 1 now"),
        ({"base_learning_rate": 1e-3}, "was run with base_learning_rate=0.003"),
        ({"validation_rows": 5}, "was run with validation_rows=4"),
    ],
)
def test_other_options_in_the_same_folder_are_refused(whole, changed: dict, message: str) -> None:
    config, _ = whole
    with pytest.raises(ValueError, match=message):
        climb(replace(config, train={**config.train, **changed}))


def test_how_a_run_is_computed_may_change(whole) -> None:
    config, climbed = whole
    machine = {"micro_batch_rows": 2, "is_activation_checkpointed": True}
    assert climb(replace(config, train={**config.train, "log_steps": 5}, by_depth={12: machine})) == climbed
    assert [rung.config.micro_batch_rows for rung in replace(config, by_depth={12: machine}).rungs()] == [
        4,
        4,
        4,
        4,
        2,
        2,
    ]


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sambay_d4").mkdir()
    (tmp_path / "sambay_d4" / "letters.txt").write_text("keep me")
    with pytest.raises(ValueError, match="sambay_d4 is not empty and not of a ladder"):
        climb(ladder(tmp_path))


def without(name: str) -> dict[str, Any]:
    return {"train": {key: value for key, value in LADDER["train"].items() if name not in key}}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"depths": (4, 6)}, r"depths=\[4, 6\]: allowed are 4, 8, 12"),
        ({"depths": ()}, r"depths=\[\]: allowed are one or more, all different"),
        ({"architectures": ("sambay", "sambay")}, "all different"),
        ({"architectures": ("mamba",)}, "unknown architecture 'mamba': allowed are transformer"),
        ({"tokens_per_parameter": 1.0}, "exactly one of tokens_per_parameter and base_tokens"),
        ({"base_tokens": None}, "exactly one of tokens_per_parameter and base_tokens"),
        ({"base_tokens": 128}, "depth 4 is given 2 tokens: allowed is a batch, 128, or more"),
        ({"base_tokens": -1}, "base_tokens=-1.0: allowed is a positive number"),
        ({"warmup_fraction": 1.5}, "warmup_tokens=192: allowed is up to total_tokens, 128"),
        ({"max_minutes": 0}, "max_minutes=0.0: allowed is a positive number"),
        ({"train": {**LADDER["train"], "model": "tiny"}}, "train.model: the ladder sets it"),
        ({"train": {**LADDER["train"], "warmup_tokens": 9}}, "train.warmup_tokens: the ladder sets it"),
        ({"train": {**LADDER["train"], "batch_token": 9}}, "train: unknown option 'batch_token'; did you mean"),
        (without("validation"), "validation_data and validation_rows are needed"),
        ({"by_depth": {16: {}}}, r"by_depth=.*allowed are mappings of options for \[4, 8, 12\]"),
        ({"by_depth": {8: {"seed": 1}}}, "by_depth: 8: seed: allowed are micro_batch_rows"),
    ],
)
def test_a_ladder_that_is_none_is_refused_before_anything_runs(tmp_path: Path, fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ladder(tmp_path / "runs", **fields)
    assert not (tmp_path / "runs").exists()


def test_tokens_by_parameter_and_a_fixed_warm_up(tmp_path: Path) -> None:
    fields = {"base_tokens": None, "tokens_per_parameter": 1e-4, "warmup_fraction": None}
    config = ladder(tmp_path, **fields, train={**LADDER["train"], "warmup_tokens": 500})
    tokens = [rung.config.total_tokens for rung in config.rungs()][::2]
    assert tokens == [round(1e-4 * 237_568 * depth**3 / 128) * 128 for depth in (4, 8, 12)]
    assert {rung.config.warmup_tokens for rung in config.rungs()} == {500}


# ------------------------------------------------------------------------------------------------- the report


def published(num_points: int) -> list[Point]:
    """Figure 2 of arXiv 2507.06607 as points of a ladder."""
    losses = {
        "transformer": (2.5621, 2.2440, 2.0505, 1.9164, 1.8172),
        "sambay": (2.5051, 2.2073, 2.0227, 1.8963, 1.7999),
    }
    made = []
    for number, depth in list(enumerate((8, 12, 16, 20, 24)))[:num_points]:
        tokens = round(100e9 * (depth / 16) ** 3)
        for name in losses:
            made.append(Point(name, depth, tokens, ladder_flops(depth, tokens), 1, losses[name][number], 1, 0, 1.0))
    return made


def test_the_tables_of_published_points_have_the_published_constants() -> None:
    text = markdown(published(5), fits_of(published(5)))
    assert "| 16 | 100,000,000,000 | 5.838e+20 | 2.0505 | 2.0227 |" in text
    assert (
        "| transformer | 49.64 (45.7 to 54) | 0.0745 (0.072 to 0.077) | 0.642 (0.588 to 0.691) | 1.00000 | 5 |" in text
    )
    assert "| sambay | 39.79 (32.5 to 49.1) | 0.0694 (0.063 to 0.0758) | 0.585 (0.428 to 0.715) | 1.00000 | 5 |" in text
    assert "95 % profile intervals" in text
    assert THREE_POINTS not in text


def test_three_points_are_said_to_be_too_few_for_an_error_and_two_for_a_fit() -> None:
    three = markdown(published(3), fits_of(published(3)))
    assert THREE_POINTS in three
    assert three.count("| exact | 3 |") == 2
    assert "95 %" not in three
    two = fits_of(published(2))
    assert not any(isinstance(found, Fit) for found in two.values())
    assert "sambay: not fitted: a law of three constants needs three different points or more, not 2." in markdown(
        published(2), two
    )


def test_an_interval_without_an_end_is_shown_as_such() -> None:
    points = [
        replace(point, loss=loss) for point, loss in zip(published(5)[::2], (3.0, 2.5, 2.6, 2.2, 2.3), strict=True)
    ]
    assert "-∞ to" in markdown(points, fits_of(points))


def test_the_report_is_written_and_drawn(whole) -> None:
    config, _ = whole
    climbed = Climb(tuple(published(5)), 12)
    report, table, picture = write_report(config, climbed)
    values = json.loads(report.read_text())
    assert values["is_finished"] is False
    assert values["fits"]["sambay"]["floor"] == pytest.approx(0.585, abs=5e-4)
    assert values["fits"]["sambay"]["intervals"]["floor"] == pytest.approx([0.428, 0.715], abs=5e-4)
    assert Point(**values["points"][0]) == climbed.points[0]
    assert LadderConfig.from_dict(values["config"]) == config
    assert table.read_text() == markdown(climbed.points, fits_of(climbed.points))
    assert picture.read_bytes().startswith(b"\x89PNG")


# ------------------------------------------------------------------------------------------------ the command


def test_the_command_climbs_reports_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = tmp_path / "ladder.json"
    fields = ladder(tmp_path / "runs", depths=(4,)).to_dict()
    recipe.write_text(json.dumps({**fields, "architectures": ["sambay"]}))
    assert cli.main(["scale", str(recipe), "--set", "max_minutes=1e-9"]) == 0
    assert "runs: 0 of 1 runs, stopped and saved: the same command goes on" in capsys.readouterr().out
    assert cli.main(["scale", str(recipe), "--set", "train.log_steps=2"]) == 0
    out = capsys.readouterr().out
    assert "run 1 of 1, sambay_d4: 128 tokens" in out
    assert "not fitted: a law of three constants" in " ".join(out.split())
    assert "runs: 1 of 1 runs, finished" in out
    assert (tmp_path / "runs" / "ladder.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone.yaml"], "gone.yaml"),
        (["list.yaml"], "a mapping of option names"),
        (["torn.yaml"], "YAML or JSON expected"),
        (["empty.yaml"], "empty.yaml: the option 'output' is missing"),
        (["ladder.json", "--set", "depth=[4]"], "did you mean 'depths'"),
        (["ladder.json", "--set", "train.batch_token=4"], "did you mean 'batch_tokens'"),
        (["ladder.json", "--set", "tran.seed=4"], "did you mean 'train'"),
        (["ladder.json", "--set", "train=4"], "train=4.0: allowed is dict"),
        (["ladder.json", "--set", "train.validation_data=null"], "validation_data=None, validation_rows=4"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("list.yaml").write_text("- a\n- b\n")
    Path("torn.yaml").write_text("output: [a\n")
    Path("empty.yaml").write_text("{}\n")
    Path("ladder.json").write_text(json.dumps(ladder(tmp_path / "runs").to_dict()))
    assert cli.main(["scale", *arguments]) == cli.BAD_INPUT
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert len(error.strip().splitlines()) == 1


def test_parameters_are_counted_as_the_model_is_built(whole) -> None:
    config, climbed = whole
    for point in climbed.points[:2]:
        saved = load_file(Path(config.output) / f"{point.architecture}_d4" / "model" / "model.safetensors")
        assert point.num_parameters == sum(weight.numel() for weight in saved.values())  # a tied head has none
