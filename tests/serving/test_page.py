"""The page's files: what is served, as what, under which policy, and that they need nothing from elsewhere."""

import re
from html.parser import HTMLParser

import pytest

from sambay.serving.page import FOLDER

TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "woff2": "font/woff2"}
FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.suffix[1:] in TYPES)
OURS = [name for name in FILES if not name.startswith("katex/")]


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.inline = [], []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.found += [given[name] for name in ("src", "href") if name in given and not given[name].startswith("#")]
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)


def _policy(response):
    parts = (part.split() for part in response.headers["content-security-policy"].split(";"))
    return {name: values for name, *values in parts}


def test_the_index_is_served_at_the_root(served):
    response = served.client.get("/")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.content == (FOLDER / "index.html").read_bytes()


@pytest.mark.parametrize("name", FILES)
def test_every_file_has_its_type_and_its_bytes(served, name):
    response = served.client.get(f"/page/{name}")
    assert response.status_code == 200
    assert response.headers["content-type"].split(";")[0] == TYPES[name.rpartition(".")[2]]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.content == (FOLDER / name).read_bytes()


def test_the_policy_lets_the_page_load_from_its_own_server_only(served):
    for path in ("/", "/page/app.js", "/page/icon.svg"):
        policy = _policy(served.client.get(path))
        assert policy["default-src"] == ["'none'"]
        assert policy["require-trusted-types-for"] == ["'script'"]
        allowed = {value for name, values in policy.items() if name.endswith("-src") for value in values}
        assert allowed == {"'none'", "'self'"}
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == ["'none'"]


def test_a_browser_that_has_a_file_is_told_so(served):
    first = served.client.get("/page/app.js")
    assert first.headers["cache-control"] == "no-cache"
    tag = first.headers["etag"]
    for known in (tag, f'"x", W/{tag}'):
        again = served.client.get("/page/app.js", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert served.client.get("/page/app.js", headers={"If-None-Match": '"other"'}).status_code == 200
    assert "max-age" in served.client.get("/page/katex/katex.min.js").headers["cache-control"]


def test_head_gives_the_headers_alone(served):
    response = served.client.head("/")
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["content-length"]) == (FOLDER / "index.html").stat().st_size


@pytest.mark.parametrize(
    "name", ["", "nothing.js", "katex/README.md", "katex", "../page.py", "%2e%2e/page.py", "..%2fapp.py"]
)
def test_nothing_else_is_served(served, name):
    response = served.client.get(f"/page/{name}")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "unknown_url"


def test_the_page_needs_no_key_and_its_calls_do(make_served):
    with make_served(api_keys=("secret-key-1",)) as served:
        for path in ("/", *(f"/page/{name}" for name in OURS)):
            assert served.client.get(path).status_code == 200, path
        for path in ("/v1/models", "/tutor/families", "/tutor/exercise"):
            assert served.client.get(path).status_code == 401, path
        assert served.client.post("/tutor/mark", json={}).status_code == 401
        headers = {"Authorization": "Bearer secret-key-1"}
        assert served.client.get("/tutor/families", headers=headers).status_code == 200


def test_the_page_names_only_files_that_are_there(served):
    links = _Links()
    links.feed((FOLDER / "index.html").read_text(encoding="utf-8"))
    assert links.inline == [], "the policy forbids inline scripts and styles"
    assert "page/app.js" in links.found
    assert {link.removeprefix("page/") for link in links.found} <= set(FILES)
    for name in OURS:
        text = (FOLDER / name).read_text(encoding="utf-8")
        for module in re.findall(r'from "([^"]+)"', text):
            assert module.removeprefix("./") in FILES, f"{name} imports {module}"


@pytest.mark.parametrize("name", OURS)
def test_our_files_reach_nothing_outside_and_read_no_markup(name):
    text = (FOLDER / name).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"(?:https?:)?//[a-z]", text), "an address elsewhere"
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)


@pytest.mark.parametrize("name", OURS)
def test_our_files_own_one_idea_each(name):
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert len(text.splitlines()) < 350
    if name.endswith((".js", ".css")):
        assert re.match(r"// \S|/\* \S", text), "the first line says which idea the file owns"


def test_katex_is_whole_and_small(served):
    css = (FOLDER / "katex" / "katex.min.css").read_text(encoding="utf-8")
    fonts = set(re.findall(r"url\((fonts/[\w-]+\.woff2)\)", css))
    assert len(fonts) == 20
    assert all((FOLDER / "katex" / font).is_file() for font in fonts)
    version = re.search(r'version:"([\d.]+)"', (FOLDER / "katex" / "katex.min.js").read_text(encoding="utf-8"))[1]
    assert f"KaTeX {version}" in (FOLDER / "katex" / "README.md").read_text(encoding="utf-8")
    assert (FOLDER / "katex" / "LICENSE").is_file()
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 1_000_000
