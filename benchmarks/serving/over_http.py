"""Tokens a second through HTTP beside the engine's own, with the same prompts on the same machine.

    python benchmarks/serving/over_http.py                    # the model in the box, 64 streams
    python benchmarks/serving/over_http.py --model FOLDER --streams 16 --whole --json results.json

The engine runs in this process, `sambay serve` in a second one, and a client that does no more than to read in a third.
Each round asks new questions, so no prompt is in a cache; who is first changes with the round. The gate: replies
through HTTP have the engine's number of tokens and its text, but for one in ten at most (a step that holds other
sequences adds floats in another order). A client on the same cores takes time that a client elsewhere would not, so the
table has the CPU seconds of each process, and the second share compares the engine's with the server's. `others` are
the CPU seconds of all other programs during the round: where they are more than a few tenths, its times mean little,
and with several threads (OMP_NUM_THREADS holds for both sides) its CPU seconds neither, since threads that wait burn
time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_PATH = "/v1/chat/completions"
_HEAD = (
    "    tokens a second        CPU seconds                                first\n"
    "  engine     http  share   engine  server  client  others  share  token s   same   reads"
)
_LINE = (
    "{engine_tokens_per_s:8.0f} {http_tokens_per_s:8.0f} {share:6.2f} {engine_cpu_s:8.2f} {server_cpu_s:7.2f} "
    "{client_cpu_s:7.2f} {others_cpu_s:7.2f} {cpu_share:6.2f} {first_s:8.2f}  {num_same}/{streams} {num_reads:7}"
)

# ------------------------------------------------------------------------------------------------- the client


async def _answer(host: str, port: int, body: dict[str, Any]) -> dict[str, Any]:
    """One request on a connection of its own; the reply's bytes are only looked at once all are there."""
    reader, writer = await asyncio.open_connection(host, port, limit=1 << 22)
    raw = json.dumps(body).encode()
    head = f"POST {_PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw)
    began, parts, first_s = time.perf_counter(), [], 0.0
    while part := await reader.read(1 << 16):
        first_s = first_s or time.perf_counter() - began
        parts.append(part)
    writer.close()
    reply = b"".join(parts)
    status, _, content = reply.partition(b"\r\n\r\n")
    if b" 200 " not in status.partition(b"\r\n")[0]:
        raise SystemExit(f"the server answered {reply[:300]!r}")
    content = _unchunked(content) if b"transfer-encoding: chunked" in status.lower() else content
    text, num_tokens = _read(content, body["stream"])
    return {"text": text, "num_tokens": num_tokens, "first_s": first_s, "num_reads": len(parts)}


def _unchunked(raw: bytes) -> bytes:
    parts = []
    while raw:
        size, _, raw = raw.partition(b"\r\n")
        parts.append(raw[: int(size, 16)])
        raw = raw[int(size, 16) + 2 :]
    return b"".join(parts)


def _read(content: bytes, is_streamed: bool) -> tuple[str, int]:
    if not is_streamed:
        reply = json.loads(content)
        return _text_of(reply["choices"][0]["message"]), reply["usage"]["completion_tokens"]
    events = [json.loads(line[6:]) for line in content.split(b"\n") if line.startswith(b"data: {")]
    text = "".join(_text_of(choice["delta"]) for event in events for choice in event["choices"])
    return text, events[-1]["usage"]["completion_tokens"]


def _text_of(message: dict[str, Any]) -> str:
    return (message.get("reasoning_content") or "") + (message.get("content") or "")


def client() -> None:
    """Bodies and an address on stdin, what came back on stdout."""
    asked = json.load(sys.stdin)
    address = urlsplit(asked["url"])

    async def all_at_once() -> list[dict[str, Any]]:
        return await asyncio.gather(*(_answer(address.hostname, address.port, body) for body in asked["bodies"]))

    began = time.perf_counter()
    replies = asyncio.run(all_at_once())
    seconds = time.perf_counter() - began
    json.dump({"replies": replies, "seconds": seconds, "cpu_s": time.process_time()}, sys.stdout)


# -------------------------------------------------------------------------------------------------- the two sides


class Server:
    """`sambay serve` in a process of its own."""

    def __init__(self, arguments: Sequence[str]) -> None:
        command = [sys.executable, "-m", "sambay", "serve", *arguments, "--port", "0", "--name", "served"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        line = next(line for line in self.process.stderr if " at http" in line)
        self.url = line.split()[-1]
        self._drain = subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=subprocess.DEVNULL)

    def cpu_s(self) -> float:
        """Seconds of user and system time since its start (Linux)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def answer(self, bodies: list[dict[str, Any]]) -> dict[str, Any]:
        before = self.cpu_s()
        asked = json.dumps({"url": self.url, "bodies": bodies})
        command = [sys.executable, __file__, "--client"]
        found = json.loads(subprocess.run(command, input=asked, stdout=subprocess.PIPE, text=True, check=True).stdout)
        return {**found, "server_cpu_s": self.cpu_s() - before}

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        self._drain.wait(10)


def engine_answer(llm: Any, questions: Sequence[str], num_tokens: int) -> dict[str, Any]:
    from sambay import SamplingParams

    params = SamplingParams(temperature=0, max_tokens=num_tokens, ignore_eos=True)
    talks = [[{"role": "user", "content": question}] for question in questions]
    began, cpu_began = time.perf_counter(), time.process_time()
    outputs = llm.chat(talks, params)
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    return {"texts": [output.text for output in outputs], "seconds": seconds, "cpu_s": cpu_s,
            "num_tokens": sum(len(output.token_ids) for output in outputs)}  # fmt: skip


def questions_of(source: random.Random, num: int) -> list[str]:
    """Problems of the curriculum that nobody has trained on."""
    from sambay.data.curriculum import FAMILIES, Split, draw_problem

    families = list(FAMILIES.values())
    return [draw_problem(source.choice(families), source, 2, Split.TEST).question for _ in range(num)]


def a_round(
    llm: Any, server: Server, source: random.Random, options: argparse.Namespace, is_server_first: bool
) -> dict[str, Any]:
    """Raises SystemExit where replies are not the engine's."""
    questions, busy_before = questions_of(source, options.streams), busy_s()
    fields: dict[str, Any] = {"model": "served", "temperature": 0, "max_tokens": options.tokens, "ignore_eos": True}
    fields |= {"stream": False} if options.whole else {"stream": True, "stream_options": {"include_usage": True}}
    bodies = [{**fields, "messages": [{"role": "user", "content": question}]} for question in questions]
    if is_server_first:
        http, own = server.answer(bodies), engine_answer(llm, questions, options.tokens)
    else:
        own, http = engine_answer(llm, questions, options.tokens), server.answer(bodies)
    replies, others_s = http["replies"], busy_s() - busy_before - own["cpu_s"] - http["server_cpu_s"] - http["cpu_s"]
    num_tokens = sum(reply["num_tokens"] for reply in replies)
    if num_tokens != own["num_tokens"]:
        raise SystemExit(f"wrong: {num_tokens} tokens through HTTP, {own['num_tokens']} of the engine")
    num_same = sum(plain(text) == plain(reply["text"]) for text, reply in zip(own["texts"], replies, strict=True))
    if num_same < 0.9 * options.streams:
        raise SystemExit(f"wrong: {num_same} of {options.streams} replies are the engine's")
    row = {
        "engine_tokens_per_s": num_tokens / own["seconds"], "http_tokens_per_s": num_tokens / http["seconds"],
        "engine_cpu_s": own["cpu_s"], "server_cpu_s": http["server_cpu_s"], "client_cpu_s": http["cpu_s"],
        "first_s": statistics.median(reply["first_s"] for reply in replies), "num_same": num_same,
        "num_reads": sum(reply["num_reads"] for reply in replies), "num_tokens": num_tokens,
        "others_cpu_s": max(others_s, 0.0),
    }  # fmt: skip
    return {**row, "share": row["http_tokens_per_s"] / row["engine_tokens_per_s"],
            "cpu_share": own["cpu_s"] / http["server_cpu_s"]}  # fmt: skip


def busy_s() -> float:
    """CPU seconds of all programs since the machine was started (Linux)."""
    user, nice, system, _, _, irq, softirq, *_ = map(int, Path("/proc/stat").read_text().split()[1:11])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def plain(text: str) -> str:
    """Without what tells a thought from an answer, which the server takes out."""
    return text.replace("<think>", "").replace("</think>", "").replace("\n", "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a folder; default: the model in the box")
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=128, help="of each reply")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--whole", action="store_true", help="replies in one piece instead of streamed")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    from sambay import LLM

    fitting = {"max_sequences": options.streams, "memory_fraction": 0.3}
    llm = LLM(options.model, **fitting)
    arguments = [options.model] if options.model else []
    server = Server([*arguments, "--max-sequences", str(options.streams), "--memory-fraction", "0.3"])
    source, rows = random.Random(0), []
    try:
        a_round(llm, server, source, argparse.Namespace(**{**vars(options), "tokens": 8}), False)
        print(_HEAD)
        for number in range(options.rounds):
            rows.append(a_round(llm, server, source, options, bool(number % 2)))
            print(_LINE.format(**rows[-1], streams=options.streams), flush=True)
    finally:
        server.close()
    print(f"median share {statistics.median(row['share'] for row in rows):.2f}, "
          f"of CPU {statistics.median(row['cpu_share'] for row in rows):.2f}")  # fmt: skip
    if options.json is not None:
        options.json.write_text(json.dumps({"rows": rows, "streams": options.streams}, indent=1))


if __name__ == "__main__":
    client() if sys.argv[1:] == ["--client"] else main()
