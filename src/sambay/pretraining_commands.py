"""The commands of pre-training: `sambay prepare`, `train` and `scale`. What they need is imported when they run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated

import typer


def prepare(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of shards to write, or to go on with.")],
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="FILE...", show_default=False, help="Files: .txt, .md or .jsonl.")
    ] = None,
    hub: Annotated[str | None, typer.Option(show_default=False, help="A Hub dataset in place of files.")] = None,
    split: Annotated[str, typer.Option(help="The split of the Hub dataset.")] = "train",
    field: Annotated[str, typer.Option(help="The field that holds the text, of JSON lines or a dataset.")] = "text",
    tokenizer: Annotated[
        str | None, typer.Option(show_default=False, help="A folder or Hub id. Default: the tokenizer of bytes.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that tokenise.")] = 1,
) -> None:
    """Tokenise texts into packed shards with checksums; a second run keeps what a killed one finished."""
    from sambay.chat import ChatTokenizer, build_byte_tokenizer
    from sambay.data import HubDataset, source_of
    from sambay.data import prepare as write_shards

    if bool(texts) == (hub is not None):
        raise ValueError("give either files or --hub DATASET")
    sources = source_of(texts, field) if texts else [HubDataset(str(hub), field=field, split=split)]
    spelling = build_byte_tokenizer() if tokenizer is None else ChatTokenizer.load(tokenizer).tokenizer
    done = write_shards(sources, folder, spelling, num_workers=workers)
    print(f"{folder}: {done.num_written} shards written, {done.num_kept} kept, {done.shards.num_tokens:,} tokens")


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML or JSON file of options.")],
    options: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="OPTION=VALUE", show_default=False, help="In place of the file's; repeatable."),
    ] = None,
) -> None:
    """Pre-train by CONFIG; the same command goes on where an earlier one was stopped."""
    from sambay.training import TrainConfig
    from sambay.training import train as run
    from sambay.training.config import CURRICULUM

    settings = TrainConfig.from_file(config, dict(_option(text) for text in options or []))
    result = run(settings)
    if result.is_finished and settings.data == CURRICULUM:
        _bring_chat_tokenizer(settings.curriculum["tokenizer"], result.output / "model")
    elif result.is_finished and settings.data is not None:
        _bring_tokenizer(Path(settings.data), result.output / "model")
    state = "finished" if result.is_finished else "stopped and saved: the same command goes on"
    print(f"{result.output}: {state}")


def scale(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML or JSON file: a ladder of runs.")],
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="OPTION=VALUE", show_default=False,
            help="In place of the file's, as in max_minutes=8 or train.seed=1; repeatable.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Train several architectures at several depths, fit L = A D^-b + C and draw it; the same command goes on."""
    from rich.console import Console

    from sambay.training.climbing import climb, is_first_rank
    from sambay.training.ladder import LadderConfig
    from sambay.training.ladder_report import fits_of, on_terminal, write_report

    settings = LadderConfig.from_file(config, dict(_option(text) for text in options or []))
    climbed = climb(settings, say=lambda text: print(text, flush=True) if is_first_rank() else None)
    if not is_first_rank():
        return
    if climbed.points:
        Console(highlight=False).print(on_terminal(climbed.points, fits_of(climbed.points)))
        print(", ".join(map(str, write_report(settings, climbed))))
    state = "finished" if climbed.is_finished else "stopped and saved: the same command goes on"
    print(f"{settings.output}: {len(climbed.points)} of {climbed.num_runs} runs, {state}")


def _bring_tokenizer(shards: Path, model: Path) -> None:
    """The shards' tokenizer beside the trained weights, so that the folder can be talked to."""
    if (shards / "tokenizer.json").is_file() and model.is_dir():
        shutil.copy2(shards / "tokenizer.json", model / "tokenizer.json")


def _bring_chat_tokenizer(tokenizer: str, model: Path) -> None:
    """The curriculum's tokenizer with its template beside the trained weights, and its ids in their configuration."""
    from transformers import GenerationConfig

    from sambay.chat import ChatTokenizer

    chat = ChatTokenizer.load(tokenizer)
    chat.tokenizer.save_pretrained(model)
    ids = {name: getattr(chat.tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    (model / "config.json").write_text(json.dumps({**config, **ids}, indent=2) + "\n", encoding="utf-8")
    GenerationConfig(**{**ids, "eos_token_id": list(chat.stop_ids)}).save_pretrained(model)


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError(f"--set {text!r}: allowed is OPTION=VALUE")
    return name, value
