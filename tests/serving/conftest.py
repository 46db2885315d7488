"""A tiny model behind a real server on loopback, and the engine's books looked into after each test."""

import json
import threading
import time
from types import SimpleNamespace

import httpx
import pytest
import torch
import uvicorn
from conftest import spread_out

from sambay import SambaYForCausalLM, named_config
from sambay.chat import ChatTokenizer, build_byte_tokenizer
from sambay.engine.async_llm import AsyncLLM
from sambay.engine.engine import Delta
from sambay.engine.llm import LLM
from sambay.engine.stopping import Stopper
from sambay.serving import ServerOptions, create_app, listen


def tiny_engine(**limits):
    """An engine with a random tiny model whose replies are text: bytes that are no ASCII cannot be drawn."""
    torch.manual_seed(0)
    config = named_config("tiny")
    network = spread_out(SambaYForCausalLM(config))
    limits = {"max_sequences": 8, "max_batch_tokens": 256, "memory_fraction": 0.5, **limits}
    return LLM(network, tokenizer=ChatTokenizer(build_byte_tokenizer()), **limits).engine


class Served:
    """A server in a thread. Leaving it checks that nothing is left over."""

    def __init__(self, engine, max_queued=64, **options):
        self.llm = AsyncLLM(engine, max_queued)
        self.options = ServerOptions(**{"model_name": "tiny", "drain_s": 5.0, **options})
        app = create_app(self.llm, self.options)
        # connections are kept longer than clients keep them, as `serve` does: none is closed under a request
        config = uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=5, timeout_keep_alive=30)
        self.server = uvicorn.Server(config)
        socket = listen("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [socket]}, daemon=True)

    def __enter__(self):
        self.thread.start()
        self.client = httpx.Client(base_url=self.url, timeout=60)
        while not self.server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.client.close()
        self.wait_until_idle()
        self.check_all_is_free()
        self.server.should_exit = True
        self.thread.join(30)
        assert not self.thread.is_alive(), "the server did not end"

    def wait_until_idle(self, seconds=10):
        end = time.monotonic() + seconds
        while (self.llm.num_unfinished or self.llm.engine.has_work) and time.monotonic() < end:
            time.sleep(0.01)

    def check_all_is_free(self):
        assert self.llm.num_unfinished == 0
        assert not self.llm._streams
        assert not self.llm.engine._replies
        if isinstance(self.llm.engine, ScriptedEngine):
            return
        scheduler = self.llm.engine.scheduler
        scheduler.check_invariants()
        assert (scheduler.num_running, scheduler.num_waiting) == (0, 0)
        assert scheduler.num_free_pages == scheduler.limits.num_pages - 1

    def events(self, path, body):
        """The data of a streamed reply's events, "[DONE]" last."""
        found = []
        with self.client.stream("POST", path, json={"stream": True, **body}) as response:
            assert response.status_code == 200, response.read()
            assert response.headers["content-type"].startswith("text/event-stream")
            for line in response.iter_lines():
                if line:
                    assert line.startswith("data: "), line
                    found.append(line.removeprefix("data: "))
        assert found[-1] == "[DONE]"
        return [json.loads(one) for one in found[:-1]]

    def chat(self, text="hello", **fields):
        body = {"model": "tiny", "messages": [{"role": "user", "content": text}], "max_tokens": 8, **fields}
        return self.client.post("/v1/chat/completions", json=body)


class ScriptedEngine:
    """An engine whose replies are written beforehand: the text of `script(prompt)`, some bytes a step."""

    def __init__(self, script, num_bytes=1):
        self.num_bytes = num_bytes
        self.tokenizer = ChatTokenizer(build_byte_tokenizer())
        self.limits = SimpleNamespace(max_sequences=8, max_length=4096, num_pages=0)
        self.script, self.prompts, self.params, self._replies = script, [], [], {}

    def add(self, request_id, token_ids, params):
        self.prompts.append(list(token_ids))
        self.params.append(params)
        text = self.script(self.tokenizer.decode(token_ids, show_special=True))
        ids = [*self.tokenizer.encode(text), self.tokenizer.stop_ids[0]]
        for sample in range(params.n):
            decoder = self.tokenizer.decoder(not params.skip_special_tokens)
            stopper = Stopper(params, decoder, self.tokenizer.stop_ids, 4096 - len(token_ids))
            self._replies[request_id, sample] = (iter(ids), stopper)

    def cancel(self, request_id):
        for key in [key for key in self._replies if key[0] == request_id]:
            del self._replies[key]

    @property
    def has_work(self):
        return bool(self._replies)

    def step(self):
        deltas = []
        for (request_id, sample), (ids, stopper) in list(self._replies.items()):
            text, taken = "", []
            while len(taken) < self.num_bytes and not stopper.finish:
                taken.append(next(ids))
                text += stopper.feed(taken[-1])
            deltas.append(Delta(request_id, sample, text, tuple(taken), None, stopper.finish))
            if stopper.finish:
                del self._replies[request_id, sample]
        return deltas


@pytest.fixture
def make_scripted():
    """An engine that replies what a function of the prompt says."""
    return ScriptedEngine


@pytest.fixture(scope="package")
def served():
    with Served(tiny_engine()) as one:
        yield one


@pytest.fixture(autouse=True)
def nothing_is_left(request):
    """After each test that used the shared server."""
    yield
    if "served" in request.fixturenames:
        one = request.getfixturevalue("served")
        one.wait_until_idle()
        one.check_all_is_free()


@pytest.fixture
def make_engine():
    return tiny_engine


@pytest.fixture
def make_served():
    """A server of the test's own: `with make_served(api_keys=(...)) as served`."""
    return lambda engine=None, **options: Served(engine or tiny_engine(), **options)
