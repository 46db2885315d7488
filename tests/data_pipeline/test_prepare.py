"""From texts to shards: every source, any number of workers, interruptions, refusals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from sambay.data import HubDataset, JsonLines, ShardSet, TextFiles, prepare, source_of

from .conftest import documents_of, write_jsonl

TEXTS = [f"document {number} " + "é" * number for number in range(40)]
UNIX_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(files=st.lists(st.lists(UNIX_TEXT, max_size=8), min_size=1, max_size=4), piece_bytes=st.integers(1, 300))
def test_all_documents_come_back_in_order(files, piece_bytes: int, tmp_path_factory, tokenizer) -> None:
    folder = tmp_path_factory.mktemp("x")
    texts = [text for one in files for text in one]
    paths = [write_jsonl(folder / f"{number}.jsonl", one) for number, one in enumerate(files)]
    if not texts:
        with pytest.raises(ValueError, match="hold no document"):
            prepare([JsonLines(tuple(paths))], folder / "out", tokenizer, piece_bytes=piece_bytes)
        return
    shards = prepare([JsonLines(tuple(paths))], folder / "out", tokenizer, piece_bytes=piece_bytes).shards
    shards.verify()
    assert documents_of(shards) == texts
    assert shards.num_tokens == sum(len(text.encode()) + 1 for text in texts)


def test_text_files_are_documents_or_are_divided(tmp_path: Path, tokenizer) -> None:
    for name, text in {"a.txt": "one\r\ntwo\n", "b.md": "", "c.txt": "x<end>y<end>"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    whole = source_of([str(tmp_path / name) for name in ("a.txt", "b.md", "c.txt")])
    assert documents_of(prepare(whole, tmp_path / "whole", tokenizer).shards) == ["one\r\ntwo\n", "", "x<end>y<end>"]
    divided = TextFiles((str(tmp_path / "a.txt"), str(tmp_path / "c.txt")), separator="<end>")
    assert documents_of(prepare([divided], tmp_path / "divided", tokenizer).shards) == ["one\r\ntwo\n", "x", "y"]


def test_hub_datasets_give_the_same_shards_as_their_files(tmp_path: Path, tokenizer, monkeypatch) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "set").mkdir()
    write_jsonl(tmp_path / "set" / "train.jsonl", TEXTS)
    prepared = prepare([HubDataset(str(tmp_path / "set"))], tmp_path / "out", tokenizer, piece_bytes=400)
    assert len(prepared.shards.shards) > 2
    assert documents_of(prepared.shards) == TEXTS
    with pytest.raises(ValueError, match=r"set: text column 'body' expected, found \{'text'"):
        HubDataset(str(tmp_path / "set"), field="body").pieces(400)


def test_text_that_spells_a_special_token_stays_text(tmp_path: Path, tokenizer) -> None:
    path = write_jsonl(tmp_path / "x.jsonl", ["a<|endoftext|>b", "<|user|>", "<|tool|>x<|/tool_call|>"])
    shards = prepare([JsonLines((path,))], tmp_path / "out", tokenizer).shards
    assert documents_of(shards) == ["a<|endoftext|>b", "<|user|>", "<|tool|>x<|/tool_call|>"]
    assert shards.read(0, shards.num_tokens).is_start_T.sum() == 3


def test_what_is_there_is_kept_and_what_is_not_right_is_redone(tmp_path: Path, tokenizer) -> None:
    path = write_jsonl(tmp_path / "x.jsonl", TEXTS)
    out = tmp_path / "out"
    calls: list[tuple[int, int]] = []

    def again() -> tuple[int, int]:
        prepared = prepare([JsonLines((path,))], out, tokenizer, piece_bytes=300, progress=lambda *n: calls.append(n))
        prepared.shards.verify()
        return prepared.num_kept, prepared.num_written

    num_shards = again()[1]
    assert num_shards > 5
    assert calls == [(done, num_shards) for done in range(1, num_shards + 1)]
    before = contents(out)
    assert again() == (num_shards, 0)
    (out / "index.json").unlink()
    (out / "shard-00001.bin").unlink()
    (out / "shard-00002.bin").write_bytes(before["shard-00002.bin"][:-1])  # torn
    (out / "shard-00003.bin").write_bytes(before["shard-00004.bin"])  # whole, but of other texts
    damaged = before["shard-00004.bin"]
    (out / "shard-00004.bin").write_bytes(damaged[:90] + bytes([damaged[90] ^ 1]) + damaged[91:])
    (out / "shard-00005.bin.part").write_bytes(b"left by a killed writer")
    assert again() == (num_shards - 4, 4)
    (out / "shard-00005.bin.part").unlink()
    assert contents(out) == before


def test_changed_texts_and_tokenizers_are_noticed(tmp_path: Path, tokenizer) -> None:
    source = JsonLines((write_jsonl(tmp_path / "x.jsonl", TEXTS),))
    num_shards = prepare([source], tmp_path / "out", tokenizer, piece_bytes=300).num_written
    write_jsonl(tmp_path / "x.jsonl", [*TEXTS[:-1], TEXTS[-1].replace("document", "DOCUMENT")])
    assert prepare([source], tmp_path / "out", tokenizer, piece_bytes=300).num_written == 1
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer, eos_token="<|end|>")
    assert prepare([source], tmp_path / "out", tokenizer, piece_bytes=300).num_written == num_shards


SCRIPT = """
import sys
from sambay.chat import build_byte_tokenizer
from sambay.data import JsonLines, prepare

if __name__ == "__main__":
    path, out = sys.argv[1:]
    prepare([JsonLines((path,))], out, build_byte_tokenizer(), num_workers=2, piece_bytes=20_000)
"""


def test_killed_with_two_workers_and_finished_by_one(tmp_path: Path, tokenizer) -> None:
    """The kill leaves neither half a shard nor a worker; the result is that of one process never interrupted."""
    source = JsonLines((write_jsonl(tmp_path / "x.jsonl", [str(number) * 300 for number in range(6000)]),))
    whole = prepare([source], tmp_path / "whole", tokenizer, piece_bytes=20_000)
    (tmp_path / "script.py").write_text(SCRIPT)
    out = tmp_path / "out"
    command = [sys.executable, str(tmp_path / "script.py"), source.paths[0], str(out)]
    run = subprocess.Popen(command, start_new_session=True)
    wait_for(lambda: len(list(out.glob("shard-*.bin"))) >= 3)
    run.send_signal(signal.SIGKILL)
    run.wait()
    wait_for(lambda: not group_is_alive(run.pid))
    finished = len(list(out.glob("shard-*.bin")))
    assert finished < whole.num_written
    with pytest.raises(ValueError, match=r"index\.json: an index expected, found none"):
        ShardSet.open(out)
    rest = prepare([source], out, tokenizer, piece_bytes=20_000)
    assert (rest.num_kept, rest.num_written) == (finished, whole.num_written - finished)
    for part in out.glob("*.part"):
        part.unlink()  # of shards beyond those that a worker had begun
    assert contents(out) == contents(tmp_path / "whole")


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def group_is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"{", "no JSON object"),
        (b"", "no JSON object"),
        (b'"text"', "no JSON object"),
        (b'{"text": "\xff"}', "no JSON object"),
        (b'{"body": "x"}', "none"),
        (b'{"text": 5}', "one of type int"),
        (b'{"text": null}', "one of type NoneType"),
        (b'{"text": "\\ud800"}', "half of a surrogate pair"),
    ],
)
def test_bad_lines_are_named(line: bytes, found: str, tmp_path: Path, tokenizer) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b'{"text": "fine"}\n' * 4 + line + b"\n")
    with pytest.raises(ValueError, match=rf"bad\.jsonl, line 5: text field 'text' expected, found {found}"):
        prepare([JsonLines((str(path),))], tmp_path / "out", tokenizer, piece_bytes=20)
    assert not list((tmp_path / "out").glob("*.part"))


def test_other_refusals(tmp_path: Path, tokenizer) -> None:
    source = JsonLines((write_jsonl(tmp_path / "x.jsonl", TEXTS),))
    (tmp_path / "latin.txt").write_bytes("naïve".encode("latin-1"))
    latin = TextFiles((str(tmp_path / "latin.txt"),))
    nameless = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer)
    prepare([source], tmp_path / "many", tokenizer, piece_bytes=100)
    for message, call in {
        r"latin\.txt: UTF-8 expected, found byte 0xef at byte 2": lambda: prepare([latin], tmp_path / "a", tokenizer),
        "no eos_token": lambda: prepare([source], tmp_path / "b", nameless),
        r"many holds shard-00001\.bin, but 1 shards": lambda: prepare([source], tmp_path / "many", tokenizer),
        "num_workers=0": lambda: prepare([source], tmp_path / "c", tokenizer, num_workers=0),
        r"absent\.jsonl: a file expected": lambda: JsonLines(("absent.jsonl",)).pieces(5),
        r"x\.csv: a suffix of \.txt, \.md, \.jsonl expected, found '\.csv'": lambda: source_of(["x.csv"]),
        "separator is empty": lambda: TextFiles((), separator=""),
    }.items():
        with pytest.raises(ValueError, match=message):
            call()


def test_a_set_is_opened_only_as_its_index_says(make_set, tmp_path: Path) -> None:
    folder = make_set("web", TEXTS)
    index, shard = folder / "index.json", folder / "shard-00001.bin"
    whole_index, whole_shard = index.read_text(), shard.read_bytes()
    for broken, message in {
        "{": r"index\.json: JSON expected",
        "[]": r"index\.json: keys .* expected, found \[\]",
        whole_index.replace('"end_id"', '"endid"'): r"index\.json: keys .*'end_id'.* expected, found .*'endid'",
        whole_index.replace('"version": 1', '"version": 9'): r"index\.json: version 1 expected, found 9",
        whole_index.replace('"digest": "', '"digest": "0', 2): r"shard-00000\.bin: .* expected by the index, found",
    }.items():
        index.write_text(broken)
        with pytest.raises(ValueError, match=message):
            ShardSet.open(folder)
    index.write_text(whole_index)
    shard.write_bytes((folder / "shard-00000.bin").read_bytes())
    with pytest.raises(ValueError, match=r"shard-00001\.bin: .* expected by the index, found"):
        ShardSet.open(folder)
    shard.unlink()
    with pytest.raises(ValueError, match=r"shard-00001\.bin: a shard expected, found none"):
        ShardSet.open(folder)
    shard.write_bytes(whole_shard[:-3] + b"xyz")
    with pytest.raises(ValueError, match=r"shard-00001\.bin: checksum"):
        ShardSet.open(folder).verify()
