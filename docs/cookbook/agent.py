"""An agent's loop through OpenAI's protocol: `sambay serve` beside it, the official client, and two tools.

    pip install 'sambay[serve]' openai
    python docs/cookbook/agent.py                  # starts a server of its own
    python docs/cookbook/agent.py http://HOST/v1   # uses one that runs

Tools are offered and called in the released chat format, which the server translates. The model in the box has never
seen a tool: it calls none, and a question with tools beside it puzzles it, as the output shows. The loop is made for a
model that was taught to call them: name one in MODEL.
"""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from openai import OpenAI

MODEL = "default"  # a folder or a Hub id; "default" is the model in the box
MOST_ROUNDS = 5


def multiply(a: float, b: float) -> float:
    return a * b


def days_in_month(month: str) -> int:
    return {"february": 28, "april": 30, "june": 30, "september": 30, "november": 30}.get(month.casefold(), 31)


FUNCTIONS = {"multiply": multiply, "days_in_month": days_in_month}
NUMBER = {"type": "number"}


def tool(name: str, description: str, **properties: dict) -> dict:
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


TOOLS = [
    tool("multiply", "The product of two numbers.", a=NUMBER, b=NUMBER),
    tool("days_in_month", "How many days a month has in a common year.", month={"type": "string"}),
]


def run_agent(client: OpenAI, question: str, tools: list[dict]) -> list[dict]:
    """The whole conversation: the question, calls and their results as often as the model calls, and its answer."""
    name = client.models.list().data[0].id
    offered = {"tools": tools} if tools else {}
    messages: list[dict] = [{"role": "user", "content": question}]
    for _ in range(MOST_ROUNDS):
        reply = client.chat.completions.create(model=name, messages=messages, temperature=0, max_tokens=1000, **offered)
        message = reply.choices[0].message
        messages.append(
            message.model_dump(exclude_none=True)
        )  # with its reasoning_content: the server's cache knows it
        if not message.tool_calls:
            return messages
        for call in message.tool_calls:
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result_of(call.function)})
    raise RuntimeError(f"no answer after {MOST_ROUNDS} rounds")


def result_of(function) -> str:
    """What goes back to the model: the result as JSON, or what was wrong with the call, so that it can mend it."""
    try:
        return json.dumps(FUNCTIONS[function.name](**json.loads(function.arguments)))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return json.dumps({"error": str(error)})


@contextmanager
def server(model: str) -> Iterator[str]:
    """`sambay serve` on a free port, ready to answer; its base URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "sambay", "serve", model, "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # its log: one line of JSON a request
    try:
        while not is_ready(f"http://127.0.0.1:{port}/health"):
            if process.poll() is not None:
                raise RuntimeError(f"the server ended with {process.returncode}: run {' '.join(command)} to see why")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()  # SIGTERM: replies under way may end
        process.wait()


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def show(messages: list[dict]) -> None:
    for message in messages:
        for call in message.get("tool_calls", ()):
            print(f"{message['role']} calls {call['function']['name']}({call['function']['arguments']})")
        if message.get("content"):
            print(f"{message['role']}: {message['content'].strip()}")


def main(url: str) -> None:
    client = OpenAI(base_url=url, api_key="unused")
    for tools in (TOOLS, []):
        print(f"--- with {len(tools)} tools")
        show(run_agent(client, "What is 47 * 13?", tools))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with server(MODEL) as url:
            main(url)
