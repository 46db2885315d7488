import json
import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
import typer.main

from sambay.cli import app
from sambay.serving import ServerOptions

ROOT = Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
SERVE = typer.main.get_command(app).commands["serve"]
DEFAULTS = {parameter.name: parameter.default for parameter in SERVE.params}


def read(name):
    return (DEPLOY / name).read_text(encoding="utf-8")


def options_of(arguments):
    """What `sambay serve` takes these arguments for. Raises click's error for one that it does not know."""
    return SERVE.make_context("serve", list(arguments)).params


def instructions(name="Containerfile"):
    """(instruction, rest) of a container file, lines joined."""
    lines = [line for line in read(name).replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in lines]


def value_of(instruction):
    found = [rest for name, rest in instructions() if name == instruction]
    assert len(found) == 1, (instruction, found)
    return found[0]


def unit():
    """The settings of the systemd unit, each once."""
    pairs = [line.split("=", 1) for line in read("sambay.service").splitlines() if re.match(r"[A-Z]\w*=", line)]
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


# -------------------------------------------------------------------------------------- what needs nothing installed


def test_an_unknown_option_would_be_noticed():
    with pytest.raises(Exception, match="No such option"):
        options_of(["--drain-second", "3"])


def test_the_container_starts_a_server_that_exists():
    program, command, *arguments = json.loads(value_of("ENTRYPOINT"))
    assert (program, command) == ("sambay", "serve")
    options = options_of(arguments)
    assert options["host"] == "0.0.0.0"
    assert value_of("EXPOSE") == str(options["port"])
    assert f"http://127.0.0.1:{options['port']}/health" in value_of("HEALTHCHECK")
    check = json.loads(value_of("HEALTHCHECK").partition(" CMD ")[2])
    compile(check[2], "the health check", "exec")
    assert value_of("USER") != "root"


def test_the_container_is_made_of_what_is_there():
    copied = [source for name, rest in instructions() if name == "COPY" for source in rest.split()[:-1]]
    assert all((ROOT / source).exists() for source in copied)
    ignored = read("Containerfile.dockerignore").splitlines()
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == {
        source.removeprefix("./") for source in copied
    }
    assert {"README.md", "LICENSE", "pyproject.toml", "src"} <= set(copied), "building the package reads them"
    installed = next(rest for name, rest in instructions() if name == "RUN" and "[" in rest)
    extras = re.search(r"'\.\[(.*)\]'", installed)[1].split(",")
    assert set(extras) <= set(re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE))
    assert "serve" in extras


def test_the_unit_starts_a_server_that_exists_and_lets_it_end():
    program, command, *arguments = shlex.split(unit()["ExecStart"])
    assert (Path(program).name, command) == ("sambay", "serve")
    options = options_of(arguments)
    assert options["host"] == "127.0.0.1"
    assert float(unit()["TimeoutStopSec"]) >= options["drain_seconds"] + 10
    assert not unit()["EnvironmentFile"].startswith("-"), "without its key it must not start"


def test_every_option_of_the_page_is_one():
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    commands = re.findall(r"sambay serve( [^`\n|;#]+)", page)
    taken = [options_of(shlex.split(arguments)) for arguments in commands if " --" in arguments]
    assert taken
    known = {option for parameter in SERVE.params for option in parameter.opts}
    others = {"--build-arg", "--enable", "--format", "--init", "--memory", "--now", "--rm", "--stop-timeout"}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page))
    assert named <= known | others, named - known - others
    for name, default in (("max_seconds", 600), ("max_body_mib", 8), ("drain_seconds", 30)):
        assert DEFAULTS[name] == default
        assert f"`--{name.replace('_', '-')}` ({default})" in page


def test_the_proxies_allow_what_the_server_does():
    nginx, caddy = read("nginx.conf"), read("Caddyfile")
    for found in (re.search(r"client_max_body_size (\d+)m;", nginx), re.search(r"max_size (\d+)MiB", caddy)):
        assert int(found[1]) == DEFAULTS["max_body_mib"] == ServerOptions(model_name="x").max_body_bytes / 2**20
    for found in (
        re.search(r"proxy_read_timeout (\d+)s", nginx),
        re.search(r"response_header_timeout (\d+)s", caddy),
    ):
        assert int(found[1]) > DEFAULTS["max_seconds"]
    kept_s = int(re.search(r"timeout_keep_alive=(\d+)", (ROOT / "src/sambay/serving/server.py").read_text())[1])
    for found in (re.search(r"keepalive_timeout (\d+)s", nginx), re.search(r"keepalive (\d+)s", caddy)):
        assert int(found[1]) < kept_s, "the server would close a connection while the proxy sends on it"
    for text in (nginx, caddy):
        assert f"127.0.0.1:{DEFAULTS['port']}" in text


# ------------------------------------------------------------------------------------------ what some machines have


def test_systemd_reads_the_unit(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    there = tmp_path / "sambay.service"
    there.write_text(read("sambay.service").replace("/opt/sambay/bin/sambay", sys.executable), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", there], capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "sambay.service" in line]  # of other units it may complain
    assert ours == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of localhost, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key.pem", "-out",
         folder / "cert.pem", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / "cert.pem", folder / "key.pem"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def nginx_command(folder, upstream, port, certificate):
    text = read("nginx.conf").replace("127.0.0.1:8000", upstream).replace("model.example.org", "localhost")
    text = text.replace("listen 443", f"listen 127.0.0.1:{port}").replace(
        "listen 80", f"listen 127.0.0.1:{free_port()}"
    )
    for name, path in zip(("certificate    ", "certificate_key"), certificate, strict=True):
        text = re.sub(rf"ssl_{name} \S+;", f"ssl_{name} {path};", text)
    paths = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;" if os.geteuid() == 0 else ""
    whole = (
        f"daemon off; {user} pid {folder}/pid; error_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off; client_body_temp_path {folder}/body; {paths}\n{text}\n}}\n"
    )
    (folder / "nginx.conf").write_text(whole, encoding="utf-8")
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddy_command(folder, upstream, port, certificate):
    text = read("Caddyfile").replace("127.0.0.1:8000", upstream)
    tls = f"https://localhost:{port} {{\n\tbind 127.0.0.1\n\ttls {certificate[0]} {certificate[1]}\n"
    text = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + text.replace("model.example.org {\n", tls)
    (folder / "Caddyfile").write_text(text, encoding="utf-8")
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


@pytest.mark.slow
@pytest.mark.parametrize("proxy", ["nginx", "caddy"])
class TestBehindAProxy:
    """The files as they are in deploy/, but for names, ports and the certificate, before a real server."""

    @pytest.fixture
    def served(self):
        from serving.conftest import ScriptedEngine, Served

        class Engine(ScriptedEngine):
            """Stops after some steps until `gate` is set; then it takes its time."""

            gate = threading.Event()
            num_steps = 0

            def step(self):
                self.num_steps += 1
                if self.num_steps > 20:
                    assert self.gate.wait(30), "the proxy held back what the client was to see first"
                    time.sleep(0.005)
                return super().step()

        with Served(Engine(lambda prompt: "a" * 3000)) as one:
            yield one
            one.llm.engine.gate.set()

    @pytest.fixture
    def client(self, proxy, served, certificate, tmp_path):
        if not shutil.which(proxy):
            pytest.skip(f"{proxy} is not installed")
        port = free_port()
        make = {"nginx": nginx_command, "caddy": caddy_command}[proxy]
        environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
        command = make(tmp_path, served.url.removeprefix("http://"), port, certificate)
        with (tmp_path / "output").open("w") as output:
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        context = ssl.create_default_context(cafile=certificate[0])
        try:
            with httpx.Client(base_url=f"https://localhost:{port}", verify=context, timeout=20) as one:
                self.wait_until_up(one, process, tmp_path / "output")
                yield one
        finally:
            process.terminate()
            process.wait(20)

    @staticmethod
    def wait_until_up(client, process, output):
        for _ in range(200):
            assert process.poll() is None, output.read_text()
            try:
                assert client.get("/health").json() == {"status": "ok"}
                return
            except httpx.ConnectError:
                time.sleep(0.05)
        raise AssertionError(output.read_text())

    def ask(self, **fields):
        return {"model": "tiny", "messages": [{"role": "user", "content": "x"}], "stream": True, **fields}

    def test_a_streamed_reply_comes_in_pieces(self, client, served):
        served.llm.engine.gate.clear()
        with client.stream("POST", "/v1/chat/completions", json=self.ask(max_tokens=60)) as response:
            assert response.status_code == 200
            assert response.headers["x-request-id"].startswith("req-")
            lines = response.iter_lines()
            assert next(line for line in lines if '"content":"a' in line)
            served.llm.engine.gate.set()  # only now: who waits for the whole reply waits for ever
            assert list(lines)[-2] == "data: [DONE]"

    @pytest.mark.parametrize("is_streamed", [True, False])
    def test_a_client_that_hangs_up_is_cancelled(self, client, served, is_streamed):
        served.llm.engine.gate.set()
        before = served.llm.num_cancelled
        body = self.ask(max_tokens=2900, stream=is_streamed)  # takes more than 14 s
        if is_streamed:
            with client.stream("POST", "/v1/chat/completions", json=body) as response:
                next(response.iter_lines())
        else:
            with pytest.raises(httpx.ReadTimeout):  # and with it the connection is closed
                client.post("/v1/chat/completions", json=body, timeout=1)
        served.wait_until_idle(5)
        assert served.llm.num_cancelled == before + 1
        assert served.llm.num_unfinished == 0

    def test_large_requests_pass_and_larger_ones_do_not(self, client, served):
        served.llm.engine.gate.set()
        large = client.post("/tokenize", json={"prompt": "a" * 7_000_000})
        assert large.status_code in (200, 400), "nginx alone would refuse beyond 1 MiB"
        assert large.headers["x-request-id"].startswith("req-"), "it is the server that answers"
        assert client.post("/tokenize", json={"prompt": "a" * 9_000_000}).status_code == 413

    def test_metrics_are_not_for_everybody(self, client, served):
        for path in ("/metrics", "//metrics", "/%6detrics", "/metrics?x=1"):
            refused = client.get(client.base_url.copy_with(raw_path=path.encode()))
            assert refused.status_code == 403, path
            assert "x-request-id" not in refused.headers, "it is the proxy that answers"
