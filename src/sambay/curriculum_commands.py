"""The command `sambay curriculum`: look at the problems and dialogues that are trained, or train their tokenizer."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sambay.data.curriculum import Split
    from sambay.data.curriculum.conversation import Conversation

_TOKENIZER_TEXTS = 100_000  # conversations: more give the same words


def curriculum(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME...", show_default=False, help="Families and kinds of dialogues. Default: of all."),
    ] = None,
    level: Annotated[int | None, typer.Option(show_default=False, help="1 to 3; 4 with --test. Default: any.")] = None,
    count: Annotated[int, typer.Option(help="How many, of each name or of all together.")] = 3,
    seed: Annotated[int, typer.Option(help="The same seed draws the same.")] = 0,
    is_test: Annotated[bool, typer.Option("--test", help="Draw what is never trained.")] = False,
    is_wording_held_out: Annotated[
        bool, typer.Option("--held-out-wordings", help="In wordings that are never trained; needs --test.")
    ] = False,
    is_list: Annotated[bool, typer.Option("--list", help="Print the names.")] = False,
    tokenizer: Annotated[
        Path | None, typer.Option(metavar="DIR", show_default=False, help="Train the tokenizer into this folder.")
    ] = None,
    vocabulary: Annotated[
        int | None, typer.Option(show_default=False, help="The most ids of the tokenizer. Default: 4096.")
    ] = None,
) -> None:
    """Print problems and dialogues of the synthetic curriculum, or train its tokenizer with --tokenizer DIR."""
    from sambay.data.curriculum import FAMILIES, Split
    from sambay.data.curriculum.dialogues import KINDS

    if count < 1:
        raise ValueError(f"--count {count}: allowed is 1 or more")
    if (tokenizer is not None or is_list) and (names or level or is_test or is_wording_held_out):
        raise ValueError("--tokenizer and --list draw nothing: give them without names, --level, --test and wordings")
    if vocabulary is not None and tokenizer is None:
        raise ValueError("--vocabulary is the tokenizer's: it needs --tokenizer DIR")
    if tokenizer is not None:
        _train_tokenizer(tokenizer, vocabulary or 4096, seed)
        return
    if is_list:
        print(*(f"{name}" for name in FAMILIES), *(f"{kind} (dialogue)" for kind in KINDS), sep="\n")
        return
    unknown = sorted(set(names or []) - set(FAMILIES) - set(KINDS))
    if unknown:
        raise ValueError(f"no family or kind of dialogue is called {', '.join(unknown)}: --list prints the names")
    split = Split.TEST if is_test else Split.TRAIN
    anything = Random(seed).choices((*FAMILIES, *KINDS), k=count)
    for place, name in enumerate(names or anything):
        for index in range(count) if names else (place,):
            _show(name, _drawn(name, level, Random(f"{seed} {name} {index}"), split, is_wording_held_out))


def _drawn(name: str, level: int | None, random: Random, split: Split, is_wording_held_out: bool) -> Conversation:
    from sambay.data.curriculum import FAMILIES, HARDER_LEVEL, TRAINED_LEVELS, draw_problem
    from sambay.data.curriculum.conversation import Turn
    from sambay.data.curriculum.dialogues import draw_dialogue

    if name in FAMILIES:
        level = random.choice(TRAINED_LEVELS) if level is None else level
        problem = draw_problem(FAMILIES[name], random, level, split, is_wording_held_out=is_wording_held_out)
        return Turn("user", problem.question), Turn("assistant", problem.reply)
    if level not in (None, *TRAINED_LEVELS):
        raise ValueError(f"--level {level}: {name} has levels 1 to {HARDER_LEVEL - 1}")
    weights = [float(level in (None, one)) for one in TRAINED_LEVELS]
    return draw_dialogue(random, split, weights, kind=name, is_wording_held_out=is_wording_held_out).turns


def _show(name: str, conversation: Conversation) -> None:
    print(f"--- {name}")
    for turn in conversation:
        print(f"[{turn.role}{'' if turn.has_loss else ', not learnt'}] {turn.text}")
    print()


def _train_tokenizer(folder: Path, vocabulary: int, seed: int) -> None:
    from sambay.data.curriculum.sampling import sample_texts
    from sambay.data.curriculum.spelling import train_tokenizer

    trained = train_tokenizer(sample_texts(_TOKENIZER_TEXTS, seed), vocabulary)
    trained.save_pretrained(folder)
    texts = list(sample_texts(2_000, seed + 1))
    num_ids = sum(len(trained.encode(text)) for text in texts)
    print(f"{folder}: {len(trained):,} ids, {sum(map(len, texts)) / num_ids:.2f} characters a token")
