"""A corpus without a network: the Python sources and documents of this installation, as token shards.

    python recipes/offline_corpus.py data/offline_corpus

writes DIR/train and DIR/validation, for `recipes/scaling_ladder.yaml`. The same installation gives the same bytes.
Files are told apart by the hash of their text, which drops copies and chooses what is held out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from sambay.data import Prepared, prepare, source_of

SUFFIXES = (".py", ".rst", ".md", ".txt")
END = "<|endoftext|>"
MIN_BYTES, MAX_BYTES = 200, 500_000  # shorter files say nothing, longer ones are tables
HELD_OUT = 50  # one file of so many


def installed_roots() -> list[Path]:
    """The standard library and the installed packages."""
    return [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib")]


def texts_of(roots: Iterable[Path], max_bytes: int) -> dict[str, str]:
    """Different texts by the hash of their bytes, in the order of the hashes, up to `max_bytes` of them."""
    paths = {path for root in roots for suffix in SUFFIXES for path in root.rglob(f"*{suffix}") if path.is_file()}
    found: dict[str, str] = {}
    for path in paths:
        data = path.read_bytes()
        if MIN_BYTES <= len(data) <= MAX_BYTES:
            try:
                found[hashlib.sha256(data).hexdigest()] = data.decode("utf-8")
            except UnicodeDecodeError:
                continue
    return dict(_first(sorted(found.items()), max_bytes))


def _first(texts: Iterable[tuple[str, str]], max_bytes: int) -> Iterator[tuple[str, str]]:
    total = 0
    for digest, text in texts:
        total += len(text.encode())
        if total > max_bytes:
            return
        yield digest, text


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE of exactly `vocab_size` ids at most, id 0 ending documents."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END)


def write_corpus(folder: Path, roots: Iterable[Path], max_bytes: int, vocab_size: int, workers: int) -> list[Prepared]:
    """Shards of both parts in `folder`. Raises ValueError if there is no text for either."""
    texts = texts_of(roots, max_bytes)
    parts: dict[str, list[str]] = {"train": [], "validation": []}
    for digest, text in texts.items():
        parts["validation" if int(digest[:8], 16) % HELD_OUT == 0 else "train"].append(text)
    if not all(parts.values()):
        raise ValueError(f"{len(texts)} texts: too few for a part to train on and one to validate on")
    every_tenth = parts["train"][::10]  # enough for the pairs that matter, and no text of the other part
    tokenizer = train_tokenizer(every_tenth, vocab_size)
    return [_prepare_part(folder, name, part, tokenizer, workers) for name, part in parts.items()]


def _prepare_part(
    folder: Path, name: str, texts: list[str], tokenizer: PreTrainedTokenizerFast, workers: int
) -> Prepared:
    folder.mkdir(parents=True, exist_ok=True)
    lines = folder / f"{name}.jsonl"
    with lines.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text}) + "\n" for text in texts)
    try:
        return prepare(source_of([str(lines)]), folder / name, tokenizer, num_workers=workers)
    finally:
        lines.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folder", type=Path, help="where to write the folders train and validation")
    parser.add_argument("--max-megabytes", type=int, default=90, help="of text, both parts together")
    parser.add_argument("--vocab-size", type=int, default=4096)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    done = write_corpus(given.folder, installed_roots(), given.max_megabytes * 10**6, given.vocab_size, given.workers)
    for name, part in zip(("train", "validation"), done, strict=True):
        print(f"{given.folder / name}: {part.shards.num_tokens:,} tokens in {len(part.shards.shards)} shards")


if __name__ == "__main__":
    main()
