"""How fast the curriculum is drawn and tokenised: of one core, of each family, and of several worker processes.

    python benchmarks/data/curriculum.py [--tokenizer FOLDER] [--workers 8] [--seconds 10]

Without a folder a tokenizer is trained first. Times are of process time, so that other programs on the machine count
less; workers are timed by the clock.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from random import Random

from sambay.chat import ChatTokenizer
from sambay.data.curriculum import FAMILIES, TRAINED_LEVELS, draw_problem
from sambay.data.curriculum.conversation import ConversationEncoder, Turn
from sambay.data.curriculum.dialogues import KINDS, draw_dialogue
from sambay.data.curriculum.rows import CurriculumRows, read_tokenizer
from sambay.data.curriculum.sampling import conversations_of_row, sample_texts
from sambay.data.curriculum.settings import CurriculumConfig
from sambay.data.curriculum.spelling import train_tokenizer


def check(folder: str) -> None:
    """The gate: ids are the released template's, and rows the same from workers."""
    chat, encode = ChatTokenizer.load(folder), ConversationEncoder(read_tokenizer(folder))
    drawn = conversations_of_row(CurriculumConfig(folder, dialogue_fraction=0.5), 1, 0)
    for _ in range(200):
        turns = next(drawn)
        assert encode(turns)[0] == chat.encode_chat([turn.message for turn in turns], add_generation_prompt=False)


def rate_of_conversations(config: CurriculumConfig, seconds: float) -> tuple[float, float, float]:
    """Conversations, replies and tokens a second of one core, without packing."""
    encode, drawn = ConversationEncoder(read_tokenizer(config.tokenizer)), conversations_of_row(config, 2, 0)
    num_conversations = num_replies = num_tokens = 0
    start = time.process_time()
    while time.process_time() - start < seconds:
        turns = next(drawn)
        num_tokens += len(encode(turns)[0])
        num_conversations += 1
        num_replies += sum(turn.role == "assistant" for turn in turns)
    spent = time.process_time() - start
    return num_conversations / spent, num_replies / spent, num_tokens / spent


def rate_of_rows(config: CurriculumConfig, sequence_tokens: int, seconds: float) -> float:
    """Tokens a second of whole rows, by the clock where there are workers."""
    clock = time.perf_counter if config.workers else time.process_time
    rows = CurriculumRows(config, sequence_tokens)
    try:
        rows.rows(0, 16)  # workers take seconds to start
        start, first = clock(), 16
        while clock() - start < seconds:
            rows.rows(first, 16)
            first += 16
        return (first - 16) * sequence_tokens / (clock() - start)
    finally:
        rows.close()


def print_families(folder: str, count: int) -> None:
    """The slowest first: problems a second of one core, tokens of a question and of a reply, by level."""
    encode, table = ConversationEncoder(read_tokenizer(folder)), []
    for name, family in FAMILIES.items():
        random, sizes = Random(name), []
        start = time.process_time()
        for level in TRAINED_LEVELS:
            problems = [draw_problem(family, random, level) for _ in range(count)]
            texts = [(Turn("user", problem.question), Turn("assistant", problem.reply)) for problem in problems]
            sizes.append(sum(len(encode(turns)[0]) for turns in texts) / count)
        table.append((3 * count / (time.process_time() - start), name, sizes))
    for rate, name, sizes in sorted(table):
        print(f"  {name:32} {rate:9,.0f} problems/s   tokens at levels 1 to 3: {', '.join(f'{n:.0f}' for n in sizes)}")
    for kind in KINDS:
        dialogues = [draw_dialogue(Random(index), kind=kind).turns for index in range(count)]
        mean = sum(len(encode(turns)[0]) for turns in dialogues) / count
        print(f"  {kind:32} {mean:.0f} tokens a dialogue")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tokenizer", help="a folder with a tokenizer; default: one is trained")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--sequence-tokens", type=int, default=2048)
    parser.add_argument("--count", type=int, default=100, help="problems of each family and level in the table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.tokenizer or scratch
        if not arguments.tokenizer:
            texts, start = list(sample_texts(20_000)), time.process_time()
            tokenizer = train_tokenizer(texts)
            tokenizer.save_pretrained(Path(folder))
            print(
                f"a tokenizer of {len(tokenizer)} ids, trained in {time.process_time() - start:.1f} s of processor time"
            )
            num_ids = sum(len(tokenizer.encode(text)) for text in texts[:4000])
            print(f"{sum(map(len, texts[:4000])) / num_ids:.2f} characters a token")
        check(folder)
        config = CurriculumConfig(folder)
        for fraction in (0.0, config.dialogue_fraction):
            mixed = CurriculumConfig(folder, dialogue_fraction=fraction)
            conversations, replies, tokens = rate_of_conversations(mixed, arguments.seconds)
            print(f"one core, dialogue_fraction {fraction}: {conversations:,.0f} conversations/s, "
                  f"{replies:,.0f} replies/s, {tokens:,.0f} tokens/s")  # fmt: skip
        rate = rate_of_rows(config, arguments.sequence_tokens, arguments.seconds)
        print(f"one core, rows of {arguments.sequence_tokens}: {rate:,.0f} tokens/s")
        if arguments.workers:
            several = CurriculumConfig(folder, workers=arguments.workers)
            rate = rate_of_rows(several, arguments.sequence_tokens, arguments.seconds)
            print(f"{arguments.workers} workers, rows of {arguments.sequence_tokens}: {rate:,.0f} tokens/s")
        print_families(folder, arguments.count)


if __name__ == "__main__":
    main()
