"""The two ways to run a model: what they say they measured is what they ran, and both compute the same."""

from __future__ import annotations

import pytest
import torch

from sambay.benchmarking import in_engine
from sambay.benchmarking.contender import DoesNotFitError, at_marks, marks
from sambay.benchmarking.correctness import check_engine
from sambay.benchmarking.in_engine import InEngine
from sambay.benchmarking.in_transformers import InTransformers
from sambay.benchmarking.models import Subject, phi3_twin
from sambay.benchmarking.settings import Grid
from sambay.engine.engine import Engine
from sambay.engine.pools import slot_bytes, token_bytes

PATHS = [InEngine, InTransformers]


@pytest.fixture(params=[0, 1], ids=["sambay", "transformer"])
def subject(request: pytest.FixtureRequest, subjects: list[Subject]) -> Subject:
    return subjects[request.param]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int]]:
    """Of each step of any engine: sequences that decode, tokens read in chunks, and the longest sequence."""
    steps = []
    plain = in_engine.Engine._start

    def start(self: Engine, plan):
        decodes, chunks = plan.segments[: plan.num_decodes], plan.segments[plan.num_decodes :]
        longest = max((one.start + len(one.token_ids) for one in plan.segments), default=0)
        steps.append((len(decodes), sum(len(one.token_ids) for one in chunks), longest))
        return plain(self, plan)

    monkeypatch.setattr(Engine, "_start", start)
    return steps


def test_the_engine_decodes_as_many_as_it_says_behind_the_context(subject: Subject, seen: list) -> None:
    values = InEngine("x", subject, seed=0).decode(batch=3, context=400, steps=10)
    assert values["ms"] > 0
    assert [step[:2] for step in seen[-14:]] == [(3, 0)] * 14, "nothing else happens while steps are timed, and before"
    assert sum(read for _, read, _ in seen) == 3 * 400
    lengths = [longest for *_, longest in seen[-10:]]
    assert 400 < lengths[0] <= 400 + 16
    assert lengths == list(range(lengths[0], lengths[0] + 10))
    assert 400 + 5 < values["mean_context"] <= lengths[-1]


def test_memory_of_a_sequence(subject: Subject) -> None:
    config, dtype = subject.network.config, subject.network.dtype
    exact = slot_bytes(config, dtype) + 40 * token_bytes(config, dtype)
    of_a_page = 32 * token_bytes(config, dtype)
    in_pages = InEngine("x", subject, seed=0).prefill(40)["state_bytes"]
    assert in_pages == exact + 2 * of_a_page - 40 * token_bytes(config, dtype), "two pages for 40 tokens"
    in_cache = InTransformers("x", subject, seed=0).prefill(40)["state_bytes"]
    assert in_cache == pytest.approx(exact, rel=0.35), "transformers keeps a window's keys as it sees fit"


def test_a_transformers_cache_is_all_keys_and_values(subjects: list[Subject]) -> None:
    config = subjects[1].network.config
    wanted = 40 * config.num_hidden_layers * 2 * config.num_key_value_heads * int(config.head_dim or 0) * 4
    assert InTransformers("x", subjects[1], seed=0).prefill(40)["state_bytes"] == wanted


@pytest.mark.parametrize("path", PATHS)
def test_one_stream_is_followed(subject: Subject, path) -> None:
    values = path("x", subject, seed=0).latency(8, 40, most_s=60.0)
    assert values["tokens"] == [16, 32, 40]
    assert 0 < values["seconds"][0] < values["seconds"][1] < values["seconds"][2]
    cut = path("x", subject, seed=0).latency(8, 2000, most_s=0.05)
    assert 0.05 <= cut["seconds"][-1] < 1.0 or cut["tokens"][-1] < 2000


def test_marks() -> None:
    assert marks(16) == [16]
    assert marks(100) == [16, 32, 64, 100]
    assert at_marks([16, 32, 100], [float(n) for n in range(1, 51)]) == {"tokens": [16, 32], "seconds": [16, 32]}
    assert at_marks([16, 32], [1.0, 2.0]) == {"tokens": [2], "seconds": [2.0]}


def test_clients_in_the_engine(subject: Subject) -> None:
    grid = Grid(concurrency=(3,), contexts=(8,), prompt_tokens=20, generation_tokens=12, steps=4)
    values = InEngine("x", subject, seed=0).serving(3, grid)
    assert sorted(values["generation_tokens"]) == [9, 12, 15]
    assert len(values["latencies_s"]) == 3
    assert values["preemptions"] == 0
    assert values["queries_per_s"] == pytest.approx(3 / values["latency_s"])


def test_the_transformers_loop_says_what_generate_says(subject: Subject) -> None:
    contender = InTransformers("x", subject, seed=0)
    prompt = contender.prompt(30)
    ids_B1, cache = contender._read([prompt])
    ours = [int(ids_B1)]
    for _ in range(5):
        ids_B1 = contender._step(ids_B1, cache)
        ours.append(int(ids_B1))
    ids_BS = torch.tensor([prompt])
    theirs = subject.network.generate(
        ids_BS, attention_mask=torch.ones_like(ids_BS), max_new_tokens=6, do_sample=False, eos_token_id=None,
        pad_token_id=0,
    )  # fmt: skip
    assert ours == theirs[0, 30:].tolist()


@pytest.mark.parametrize("cache_dtype", ["auto", "fp8", "int4"])
def test_the_engine_is_checked_before_it_is_timed(subject: Subject, cache_dtype: str) -> None:
    reference = InTransformers("x", subject, seed=0)
    assert check_engine(InEngine("x", subject, 0, cache_dtype), reference) < (1e-4 if cache_dtype == "auto" else 0.2)


def test_an_engine_that_says_something_else_is_not_timed(subjects: list[Subject]) -> None:
    reference = InTransformers("x", subjects[1], seed=0)
    reference.model = phi3_twin(subjects[1].network)
    reference.model.model.layers[3].self_attn.scaling *= 30
    with pytest.raises(RuntimeError, match=r"wrong: the engine is .* away from transformers .* allowed: 0.001"):
        check_engine(InEngine("the engine", subjects[1], 0), reference)


@pytest.mark.parametrize("path", PATHS)
def test_what_does_not_fit_says_so(subject: Subject, path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("contender", "in_engine"):
        monkeypatch.setattr(f"sambay.benchmarking.{module}.free_bytes", lambda _: 100_000, raising=False)
    monkeypatch.setattr("sambay.engine.capacity.free_bytes", lambda _: 100_000)
    with pytest.raises(DoesNotFitError, match=r"GiB of state|MiB beside the model"):
        path("x", subject, seed=0).decode(batch=4, context=300, steps=4)
    with pytest.raises(DoesNotFitError):
        path("x", subject, seed=0).prefill(2000)
