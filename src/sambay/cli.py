"""The command `sambay`: one function a command. What a command needs is imported when it runs."""

from __future__ import annotations

import json
import os
import shlex
import sys
import tempfile
import traceback
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from sambay import (
    __version__,
    benchmark_commands,
    curriculum_commands,
    evaluation_commands,
    packing_commands,
    pretraining_commands,
    serving_commands,
)
from sambay.assets import has_default_model
from sambay.loading import DTYPES, dtype_named, load_model, model_source

if TYPE_CHECKING:
    from sambay.chat import ChatTokenizer
    from sambay.generation import Conversation, Sampling
    from sambay.loading import Loaded

BAD_INPUT, INTERRUPTED = 2, 130  # exit codes
DEMO_QUESTIONS = (
    "What is 347 + 586?",
    "Solve 3x + 7 = 25 for x.",
    "Anna has 24 stickers. She gives 9 to Ben. Then she buys 3 packs of 6 stickers each. How many stickers does she"
    " have now?",
)
HELP = "/reset forgets the conversation, /exit leaves, /help shows this. Ctrl-C stops a reply, or leaves at the prompt."

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    help="SambaY models (Phi-4-mini-flash) on this machine. MODEL is a folder or a Hugging Face Hub id.",
)

Model = Annotated[
    str | None,
    typer.Argument(metavar="MODEL", show_default=False, help="A folder or a Hub id. Default: the model that ships."),
]
MaxNewTokens = Annotated[int, typer.Option(help="The longest reply, in tokens.")]
Temperature = Annotated[
    float | None, typer.Option(show_default=False, help="0: the likeliest token. Default: the checkpoint's, or 0.")
]
TopK = Annotated[int | None, typer.Option(show_default=False, help="Draw from the k likeliest tokens; 0 is off.")]
TopP = Annotated[
    float | None, typer.Option(show_default=False, help="Draw from the likeliest tokens that hold this probability.")
]
Seed = Annotated[int | None, typer.Option(show_default=False, help="Makes the draws the same each time.")]
System = Annotated[str | None, typer.Option(show_default=False, help="A system message that opens the conversation.")]
Dtype = Annotated[str | None, typer.Option(show_default=False, help=f"{', '.join(DTYPES)}; default: the checkpoint's.")]
Device = Annotated[str | None, typer.Option(show_default=False, help="cpu, cuda, cuda:1, mps; default: a GPU if any.")]
ShowThinking = Annotated[bool, typer.Option("--show-thinking/--hide-thinking", help="Print <think>…</think> parts.")]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    A user's mistake is one line on stderr and exit code 2. With SAMBAY_TRACEBACK=1 the traceback precedes it.
    """
    for pipe in (sys.stdout, sys.stderr):
        if hasattr(pipe, "reconfigure"):
            pipe.reconfigure(errors="replace")  # a terminal that cannot show a character is no reason to fail
    try:
        return app(arguments, prog_name="sambay", standalone_mode=False) or 0
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except (ValueError, OSError, RuntimeError) as error:
        return _report(error, str(error))
    except Exception as error:
        if not hasattr(error, "format_message"):  # typer's usage errors have one; anything else is a bug of ours
            raise
        return _report(error, error.format_message())


def _report(error: Exception, message: str) -> int:
    if os.environ.get("SAMBAY_TRACEBACK", "0") not in ("", "0"):
        traceback.print_exception(error)
    print(f"error: {' '.join(message.split()) or type(error).__name__}", file=sys.stderr)
    return BAD_INPUT


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        print(f"sambay {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback has printed it
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())
        return
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


# --- Commands --------------------------------------------------------------------------------------------------------


@app.command()
def info(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A folder, a Hub id or a named size.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the same as JSON.")] = False,
) -> None:
    """Draw the layers of MODEL, and say what it costs and what fits in the memory here. Reads no weights."""
    from sambay.info import describe, show

    described = describe(model)
    if as_json:
        print(json.dumps(described.as_dict(), indent=2))
    else:
        show(described, Console(highlight=False))


@app.command()
def generate(
    prompt: Annotated[str, typer.Option("--prompt", "-p", show_default=False, help="The prompt; - reads stdin.")],
    model: Model = None,
    max_new_tokens: MaxNewTokens = 2048,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    seed: Seed = None,
    stop: Annotated[
        list[str] | None, typer.Option(show_default=False, help="Stop before this text; may be given several times.")
    ] = None,
    system: System = None,
    raw: Annotated[bool, typer.Option("--raw", help="Continue the prompt as it is, without a template.")] = False,
    show_thinking: ShowThinking = True,
    dtype: Dtype = None,
    device: Device = None,
) -> None:
    """Print what MODEL replies to a prompt, as it is written."""
    from sambay.generation import stream
    from sambay.terminal import ReplyWriter

    text = sys.stdin.read() if prompt == "-" else prompt
    if not (text if raw else text.strip()):
        raise ValueError("the prompt is empty")
    if raw and system is not None:
        raise ValueError("--system needs the chat template, which --raw leaves out: give only one of the two")
    if "" in (stop or []):
        raise ValueError("--stop is empty: give the text to stop before")
    sampling, loaded = _load(model, dtype, device, max_new_tokens, temperature, top_k, top_p, seed)
    tokenizer, context_tokens = loaded.tokenizer, loaded.context_tokens
    messages = _messages(system, text)
    ids = tokenizer.encode(text) if raw else tokenizer.encode_chat(messages)
    if len(ids) >= context_tokens:
        raise ValueError(f"the prompt has {len(ids)} tokens; the context holds {context_tokens}, the reply included")
    num_left = context_tokens - len(ids)
    sampling = replace(sampling, max_new_tokens=min(sampling.max_new_tokens, num_left))
    with closing(stream(loaded.network, ids, sampling)) as reply:
        writer = ReplyWriter(tokenizer, text if raw else tokenizer.render(messages), show_thinking, stop or [])
        is_finished = writer.write(reply)
    if not is_finished:
        _say_why_cut(sampling.max_new_tokens, num_left - sampling.max_new_tokens)


@app.command()
def chat(
    model: Model = None,
    max_new_tokens: MaxNewTokens = 2048,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    seed: Seed = None,
    system: System = None,
    show_thinking: ShowThinking = True,
    dtype: Dtype = None,
    device: Device = None,
) -> None:
    """Talk with MODEL. It keeps its state between turns and reads only what is new."""
    from sambay.generation import Conversation
    from sambay.terminal import user_lines

    sampling, loaded = _load(model, dtype, device, max_new_tokens, temperature, top_k, top_p, seed)
    conversation = Conversation(loaded.network, loaded.tokenizer, sampling, loaded.context_tokens, system)
    if sys.stdin.isatty():
        print(HELP)
    for line in user_lines():
        if line == "/exit":
            return
        if line == "/reset":
            conversation.reset()
        elif line == "/help":
            print(HELP)
        elif line.startswith("/") and len(line.split()) == 1:
            print(f"no command {line}; {HELP}", file=sys.stderr)
        elif line:
            _take_turn(conversation, line, show_thinking)


def _take_turn(conversation: Conversation, text: str, show_thinking: bool) -> None:
    from sambay.generation import ContextFullError
    from sambay.terminal import ReplyWriter, interrupts

    with interrupts() as is_interrupted, closing(conversation.reply(text, is_interrupted)) as reply:
        try:
            prompt = conversation.tokenizer.render(_messages(None, text))
            is_finished = ReplyWriter(conversation.tokenizer, prompt, show_thinking).write(reply)
        except ContextFullError as error:
            print(f"{error}: /reset starts again", file=sys.stderr)
            return
        except KeyboardInterrupt:  # the second Ctrl-C during one reply
            print("\n(stopped)", file=sys.stderr)
            return
        if is_interrupted():
            print("(stopped)", file=sys.stderr)
        elif not is_finished:
            _say_why_cut(conversation.sampling.max_new_tokens, conversation.num_tokens_left)


def _say_why_cut(max_new_tokens: int, num_tokens_left: int) -> None:
    if num_tokens_left <= 0:
        print("(stopped: the context is full)", file=sys.stderr)
    else:
        print(f"(stopped after {max_new_tokens} tokens: --max-new-tokens allows more)", file=sys.stderr)


@app.command()
def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A named size: tiny, sambay_d8, phi-4-mini-flash, …")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to write.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same weights.")] = 0,
    dtype: Annotated[str, typer.Option(help=", ".join(DTYPES))] = "bfloat16",
    tokenizer: Annotated[
        str | None,
        typer.Option(show_default=False, help="Copy the tokenizer of this folder or Hub id. Default: one of bytes."),
    ] = None,
    ranks: Annotated[
        Path | None,
        typer.Option(show_default=False, help="o200k_base.tiktoken, to build what --tokenizer only configures."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write into a folder that is not empty.")] = False,
) -> None:
    """Write a checkpoint of a named size with random weights: config, tokenizer and all."""
    from sambay.sizes import named_config

    vocab_size = named_config(name).vocab_size
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; DIR is a folder to write")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise ValueError(f"{folder} is not empty: --force writes into it all the same")
    if not 0 <= seed < 2**63:
        raise ValueError(f"seed={seed}: allowed is from 0 to 2**63 - 1")
    if ranks is not None and tokenizer is None:
        raise ValueError("--ranks needs --tokenizer, the folder with the tokenizer_config.json that goes with them")
    _write_checkpoint(name, folder, seed, dtype_named(dtype), _tokenizer_for(vocab_size, tokenizer, ranks))
    print(f"{folder}: {name} with random weights, {dtype}, seed {seed}")
    if tokenizer is None and vocab_size > 512:
        print(f"its tokenizer is one of bytes, for 268 of the model's {vocab_size:,} ids: --tokenizer takes another")


app.command()(pretraining_commands.prepare)
app.command()(pretraining_commands.train)
app.command()(curriculum_commands.curriculum)
app.command()(pretraining_commands.scale)
app.command("eval")(evaluation_commands.evaluate)
app.command()(packing_commands.pack)
app.command()(serving_commands.serve)
app.command()(benchmark_commands.bench)


@app.command()
def demo() -> None:
    """Ask the model that ships three questions; where none does, show the commands on a tiny random one."""
    if has_default_model():
        for question in DEMO_QUESTIONS:
            _show_command(["generate", "-p", question])
        return
    with tempfile.TemporaryDirectory(prefix="sambay-") as scratch:
        folder = str(Path(scratch, "tiny"))
        print("No model ships with this version, so here is a tiny one with random weights: its text means nothing.\n")
        drawn = ["--temperature", "1", "--seed", "0"]
        for command in (
            ["init", "tiny", folder],
            ["info", folder],
            ["generate", folder, "-p", "Why is the sky blue?", "--max-new-tokens", "40"],
            ["generate", folder, "--raw", "-p", "2 + 2 =", "--max-new-tokens", "40", *drawn],
        ):
            _show_command(command)


def _show_command(command: list[str]) -> None:
    print(f"$ sambay {shlex.join(command)}", flush=True)
    app(command, prog_name="sambay", standalone_mode=False)
    print()


# --- Loading ---------------------------------------------------------------------------------------------------------


def _load(
    model: str | None, dtype: str | None, device: str | None, max_new_tokens: int, temperature: float | None,
    top_k: int | None, top_p: float | None, seed: int | None,
) -> tuple[Sampling, Loaded]:  # fmt: skip
    """The cheap checks first: a mistyped option should not cost the time to read gigabytes."""
    from sambay.generation import Sampling, unapplied

    given: dict[str, Any] = {
        "max_new_tokens": max_new_tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed,
    }  # fmt: skip
    Sampling(**{"temperature": 1.0, **{name: value for name, value in given.items() if value is not None}})
    loaded = load_model(model_source(model), dtype, device)
    config = loaded.network.generation_config
    sampling = Sampling.of_checkpoint(config, stop_ids=loaded.tokenizer.stop_ids, **given)
    for name, value in unapplied(config).items():
        print(f"note: the checkpoint asks for {name}={value}, which this command does not apply", file=sys.stderr)
    return sampling, loaded


def _messages(system: str | None, text: str) -> list[dict[str, str]]:
    opening = [] if system is None else [{"role": "system", "content": system}]
    return [*opening, {"role": "user", "content": text}]


def _tokenizer_for(vocab_size: int, source: str | None, ranks: Path | None) -> ChatTokenizer:
    from sambay.chat import ChatTokenizer, build_byte_tokenizer, build_released_tokenizer

    if source is None:
        tokenizer = ChatTokenizer(build_byte_tokenizer())
    elif ranks is None:
        tokenizer = ChatTokenizer.load(source)
    else:
        tokenizer = ChatTokenizer(build_released_tokenizer(ranks, Path(source, "tokenizer_config.json")))
    if tokenizer.num_ids > vocab_size:
        raise ValueError(f"the tokenizer of {source} has {tokenizer.num_ids} ids, the model only {vocab_size}")
    return tokenizer


def _write_checkpoint(name: str, folder: Path, seed: int, dtype: Any, tokenizer: ChatTokenizer) -> None:
    from transformers import GenerationConfig

    from sambay.model.weights import write_random

    config = write_random(name, folder, seed=seed, dtype=dtype).config
    tokenizer.tokenizer.save_pretrained(folder)
    # The ids that begin, end and pad are those of the tokenizer that lies beside them.
    ids = {key: getattr(tokenizer.tokenizer, key) for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    for key, value in ids.items():
        setattr(config, key, value)
    config.save_pretrained(folder)
    GenerationConfig(**{**ids, "eos_token_id": list(tokenizer.stop_ids)}).save_pretrained(folder)
