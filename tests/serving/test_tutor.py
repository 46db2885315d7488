"""The tutor's routes: what is offered, answers that come only with marks, how they are marked, what is refused."""

import json
import time
from random import Random

import pytest

from sambay.data.curriculum import FAMILIES, Split, draw_problem
from sambay.serving import tutor, tutor_marks
from sambay.serving.tutor_marks import Mark, as_read, mark
from sambay.serving.tutor_topics import OFFERED, TOPICS

EXERCISE = {"family": "linear_equation", "level": 2, "seed": 7}


def _problem(family="linear_equation", level=2, seed=7):
    """What the seed stands for; written out, for a page that was left open must find its exercise again."""
    return draw_problem(FAMILIES[family], Random(f"tutor|{family}|{level}|{seed}"), level, Split.TEST)


def _mark(served, answer, **fields):
    response = served.client.post("/tutor/mark", json={**EXERCISE, **fields, "answer": answer})
    assert response.status_code == 200, response.text
    return response.json()


def _error(response, status=400):
    assert response.status_code == status, (response.status_code, response.text)
    error = response.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    return error


# ------------------------------------------------------------------------------------------------ what is offered


def test_the_families_are_listed_by_topic_each_once(served):
    found = served.client.get("/tutor/families").json()
    assert found["levels"] == [1, 2, 3, 4]
    assert {topic["name"]: tuple(topic["families"]) for topic in found["topics"]} == TOPICS
    names = [name for topic in found["topics"] for name in topic["families"]]
    assert len(names) == len(set(names)) > 80
    assert set(names) <= set(FAMILIES)


@pytest.mark.parametrize("family", sorted(OFFERED))
def test_every_family_has_exercises_of_every_level_whose_answer_is_right_and_not_told(served, family):
    for level in (1, 2, 3, 4):
        query = {"family": family, "level": level, "seed": 3}
        found = served.client.get("/tutor/exercise", params=query).json()
        problem = _problem(family, level, 3)
        assert found.keys() == {"family", "level", "seed", "question", "answer_kind"}
        assert found["question"] == problem.question
        told = {key: found[key] for key in query}
        assert told == query
        marked = _mark(served, problem.answer, **query)
        assert marked == {"mark": "right", "answer": problem.answer, "steps": list(problem.steps)}
        assert _mark(served, "?", **query)["mark"] == "wrong"


def test_seeds_give_different_exercises_and_the_same_seed_the_same(served):
    def asked(seed):
        return served.client.get("/tutor/exercise", params={**EXERCISE, "seed": seed}).json()["question"]

    assert len({asked(seed) for seed in range(20)}) > 15
    assert asked(5) == asked(5)
    assert asked(2**53 - 1)


# ---------------------------------------------------------------------------------------------------------- marks


def test_a_wrong_answer_is_told_the_right_one_and_an_unfinished_one_is_not(served):
    problem = _problem()
    number = int(problem.answer)
    assert _mark(served, f"{number + 1}") == {"mark": "wrong", "answer": problem.answer, "steps": list(problem.steps)}
    assert _mark(served, f"{number + 1} - 1") == {"mark": "unfinished", "answer": None, "steps": None}
    assert _mark(served, f" {number}.0 ")["mark"] == "right"


MARKS = [
    # answer, what is wanted, mark
    ("15", "15", "right"),
    ("15.", "15", "right"),
    ("15 dollars", "15", "right"),
    ("15 km", "15", "right"),
    ("15 m", "15", "right"),
    ("15cm^2", "15", "right"),
    ("15 \\text{ cubic metres}", "15", "right"),
    ("15%", "15", "right"),
    ("f(x) = 15", "15", "right"),
    ("$15", "15", "right"),
    ("x = 15", "15", "right"),
    ("(15)", "15", "right"),
    ("−15", "-15", "right"),
    ("1 000", "1000", "right"),
    ("1,000", "1000", "right"),
    ("16", "15", "wrong"),
    ("15 16", "15", "wrong"),
    ("7 + 8", "15", "unfinished"),
    ("30/2", "15", "unfinished"),
    ("3·5", "15", "unfinished"),
    ("3 × 5", "15", "unfinished"),
    ("3²", "9", "unfinished"),
    ("2^3", "8", "unfinished"),
    ("10-2", "8", "unfinished"),
    ("4/11", "4/11", "right"),
    ("\\frac{4}{11}", "4/11", "right"),
    ("½", "1/2", "right"),
    ("3½", "7/2", "right"),
    ("1 1/3", "4/3", "right"),
    ("0.5", "1/2", "right"),
    ("16/44", "4/11", "unfinished"),
    ("5/11", "4/11", "wrong"),
    ("289pi", "289\\pi", "right"),
    ("289 π", "289\\pi", "right"),
    ("289", "289\\pi", "wrong"),
    ("45x²+17x-6", "45*X**2 + 17*X - 6", "right"),
    ("(9x-2)(5x+3)", "45*X**2 + 17*X - 6", "unfinished"),
    ("45x²+17x-7", "45*X**2 + 17*X - 6", "wrong"),
    ("tuesday", "Tuesday", "right"),
    ("Wednesday", "Tuesday", "wrong"),
    ("8:05", "08:05", "right"),
    ("yes", "yes", "right"),
    ("", "15", "wrong"),
]


@pytest.mark.parametrize(("answer", "wanted", "found"), MARKS)
def test_answers_are_read_kindly_and_marked_strictly(answer, wanted, found):
    assert mark(answer, wanted) is Mark(found), as_read(answer, wanted)


def test_every_offered_answer_is_marked_right_however_it_is_worded():
    """The rules for what is unfinished must not refuse an answer of the curriculum's own."""
    for family in sorted(OFFERED):
        for seed in range(12):
            answer = _problem(family, 1 + seed % 4, seed).answer
            assert mark(answer, answer) is Mark.RIGHT, (family, answer)


# What a computer algebra system takes long over, or for ever: it is not asked.
COSTLY = [
    *("(x+1)^9999", "(x+1)**999", "(x+1)^{50}", "(x^{9999}-1)/(x-1)", "x**99 - 1", "y^9^{99}", "y^{9^{9}}", "2^9999"),
    *("((x+1)^4+1)^4", "(x+1)^n", "(a+b)(c+d)(e+f)", "(x+1)" * 9, "(x+1)^(-99)", "x^x^x", "[x+1]^7", "99999!"),
    *("(x+y+z+w)=9^999\\sin(x)", "z^9^{99}\\sin(x)", "2^(3^(4^5))", "x^{99999}", "x^(1+99)", "\\int x dx"),
]


@pytest.mark.parametrize("answer", COSTLY)
@pytest.mark.parametrize("wanted", ["8", "3*x**2/4 - x + C"])
def test_what_could_take_long_is_compared_by_its_spelling(answer, wanted, monkeypatch):
    monkeypatch.setattr(tutor_marks, "is_right", lambda found, goal: pytest.fail(f"{found} was to be computed"))
    assert mark(answer, wanted) is Mark.WRONG


def test_random_expressions_are_marked_in_time():
    """Whatever is typed, of the kinds that are computed and of others."""
    random = Random(11)
    parts = (
        *("x", "y", "C", "2", "37", "(x+1)", "(x+C)", "^9", "^{20}", "**", "+", "-", "*", "/", "(", ")", "^4", "^{2}"),
        *("\\sqrt{2}", "\\frac{1}{x}", "!", "pi", "9^9", "^x", "=", "x^{20}", "x^{19}"),
    )
    assert mark("2/4", "0.5") is Mark.UNFINISHED  # loads what is needed
    for _ in range(150):
        answer = "".join(random.choice(parts) for _ in range(random.randint(2, 12)))
        begin = time.perf_counter()
        mark(answer, "3*x**2/4 - x + C")
        assert time.perf_counter() - begin < tutor.MARKING_S, answer


def test_marking_that_takes_too_long_is_given_up_and_the_server_answers_meanwhile(make_served, monkeypatch):
    monkeypatch.setattr(tutor, "MARKING_S", 0.2)
    monkeypatch.setattr(tutor, "mark", lambda answer, wanted: time.sleep(0.6) or Mark.WRONG)
    with make_served() as served:
        begin = time.monotonic()
        response = served.client.post("/tutor/mark", json={**EXERCISE, "answer": "1"})
        assert _error(response, 503)["code"] == "marking_timeout"
        assert response.headers["retry-after"]
        assert time.monotonic() - begin < 0.55
        assert served.client.get("/health").status_code == 200


def test_what_is_not_installed_is_named(make_served, monkeypatch):
    def absent(answer, wanted):
        raise ImportError(name="math_verify")

    monkeypatch.setattr(tutor, "mark", absent)
    with make_served() as served:
        error = _error(served.client.post("/tutor/mark", json={**EXERCISE, "answer": "1"}), 501)
        assert "math_verify" in error["message"]


# ---------------------------------------------------------------------------------------------------- wrong input

WRONG = [
    # field, value
    *(("family", value) for value in ("", "wizardry", "coins", "__class__", "../etc")),
    *(("level", value) for value in ("0", "5", "-1", "1.5", "x", "", "9" * 400)),
    *(("seed", value) for value in ("-1", str(2**53), "1.5", "x", "", "9" * 5000)),
]


@pytest.mark.parametrize(("field", "value"), WRONG, ids=lambda value: str(value)[:20])
def test_a_wrong_parameter_is_refused_by_name(served, field, value):
    error = _error(served.client.get("/tutor/exercise", params={**EXERCISE, field: value}))
    assert error["param"] == field
    assert field in error["message"]


def test_parameters_that_are_unknown_missing_or_doubled_are_refused_by_name(served):
    get = served.client.get
    assert _error(get("/tutor/exercise", params={**EXERCISE, "answer": "1"}))["param"] == "answer"
    assert _error(get("/tutor/families", params={"topic": "x"}))["param"] == "topic"
    for field in EXERCISE:
        rest = {name: value for name, value in EXERCISE.items() if name != field}
        error = _error(get("/tutor/exercise", params=rest))
        assert (error["param"], error["code"]) == (field, "missing_required_parameter")
        pairs = [*EXERCISE.items(), (field, EXERCISE[field])]
        assert _error(get("/tutor/exercise", params=pairs))["param"] == field


WRONG_BODIES = [
    *(("family", value) for value in (1, None, [], "wizardry", "\ud800")),
    *(("level", value) for value in (0, 5, "2", 1.5, True, None, 10**400)),
    *(("seed", value) for value in (-1, 2**53, "7", 0.5, None)),
    *(("answer", value) for value in (1, None, [], "", "x" * 101, "\ud800")),
    ("wizard", 1),
]


@pytest.mark.parametrize(("field", "value"), WRONG_BODIES, ids=lambda value: str(value)[:20])
def test_a_wrong_field_is_refused_by_name(served, field, value):
    body = json.dumps({**EXERCISE, "answer": "1", field: value})
    response = served.client.post("/tutor/mark", content=body, headers={"content-type": "application/json"})
    error = _error(response)
    assert error["param"] == field
    assert error["type"] == "invalid_request_error"


def test_openapi_tells_of_the_routes(served):
    paths = served.client.get("/openapi.json").json()["paths"]
    assert {"/tutor/families", "/tutor/exercise", "/tutor/mark"} <= paths.keys()
    parameters = paths["/tutor/exercise"]["get"]["parameters"]
    assert {one["name"]: one["in"] for one in parameters} == dict.fromkeys(EXERCISE, "query")
    body = paths["/tutor/mark"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["required"]) == {*EXERCISE, "answer"}
