"""The tutor in a browser, and what both views owe to people: keys, labels, contrast, a narrow window, formulas."""

import re
import time
from random import Random

import pytest
from serving.browsing import Opened, chromium

from sambay.data.curriculum import FAMILIES, Split, draw_problem

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


@pytest.fixture
def expect(browser):
    from playwright.sync_api import expect

    return expect


@pytest.fixture
def serve(make_scripted, make_served):
    """A server whose model replies what the list `replies` holds at last."""

    def start(replies):
        return make_served(make_scripted(lambda prompt: replies[-1], 16))

    return start


class Learner:
    """Somebody before the tutor who knows all answers."""

    def __init__(self, opened, expect):
        self.opened, self.page, self.expect = opened, opened.page, expect
        expect(self.page.get_by_label("Your answer")).to_be_visible()

    def problem(self):
        one = self.opened.kept("sambay.exercise")
        random = Random(f"tutor|{one['family']}|{one['level']}|{one['seed']}")
        return draw_problem(FAMILIES[one["family"]], random, one["level"], Split.TEST)

    def level(self):
        return self.problem().level

    def rating(self):
        return float(self.page.locator(".progress dd").first.inner_text())

    def answer(self, text):
        self.page.get_by_label("Your answer").fill(text)
        self.page.keyboard.press("Enter")
        self.expect(self.page.locator(".verdict")).to_be_visible()

    def next(self):
        before = self.opened.kept("sambay.exercise")
        self.page.get_by_role("button", name="Next exercise").click()
        self.expect(self.page.get_by_label("Your answer")).to_be_focused()
        assert self.opened.kept("sambay.exercise") != before


def test_right_answers_raise_the_level_and_wrong_ones_lower_it(browser, expect, serve):
    with serve([]) as served, Opened(browser, served.url, path="/#tutor") as opened:
        learner = Learner(opened, expect)
        opened.page.get_by_label("Topic").select_option("Equations")
        expect(opened.page.get_by_role("heading", name="Equations, level 1")).to_be_visible()
        ratings, levels = [learner.rating()], [learner.level()]
        for _ in range(4):
            learner.answer(learner.problem().answer)
            expect(opened.page.locator(".verdict")).to_have_class("verdict good")
            learner.next()
            ratings.append(learner.rating())
            levels.append(learner.level())
        assert ratings == sorted(set(ratings)), "each right answer raises the rating"
        assert levels == sorted(levels)
        assert levels[-1] > levels[0] == 1
        for _ in range(6):
            learner.answer("-98765")
            expect(opened.page.locator(".verdict")).to_have_class("verdict bad")
            learner.next()
            assert learner.rating() < ratings[-1]
            ratings.append(learner.rating())
        assert learner.level() == 1
        expect(opened.page.get_by_role("img")).to_have_attribute(
            "aria-label", re.compile(r"over the last 10 exercises, 4 of them right: from 1150 to \d+\.")
        )
        assert opened.page.locator(".plot circle").count() == 4
        assert opened.page.locator(".plot path.wrong").count() == 6
        opened.page.reload()
        expect(opened.page.locator(".plot path.wrong")).to_have_count(6)
        opened.page.get_by_role("button", name="Start anew").click()
        opened.page.get_by_role("button", name="Delete", exact=True).click()
        expect(opened.page.locator(".plot path.wrong")).to_have_count(0)


def test_the_first_try_counts_and_another_is_free(browser, expect, serve):
    with serve([]) as served, Opened(browser, served.url, path="/#tutor") as opened:
        learner = Learner(opened, expect)
        opened.page.get_by_label("Topic").select_option("Sequences")
        expect(opened.page.get_by_role("heading", name="Sequences, level 1")).to_be_visible()
        number = int(learner.problem().answer)
        learner.answer(f"{number + 1} - 1")
        expect(opened.page.locator(".verdict")).to_contain_text("not worked out to the end")
        assert learner.rating() == 1150
        learner.answer(str(number + 1))
        expect(opened.page.locator(".verdict")).to_have_class("verdict bad")
        assert str(number) not in opened.page.locator(".verdict").inner_text().replace(str(number + 1), "")
        after = learner.rating()
        assert after < 1150
        opened.page.reload()  # is no way around it
        Learner(opened, expect).answer(str(number + 1))
        opened.page.get_by_role("button", name="Try again").click()
        learner.answer(str(number))
        expect(opened.page.locator(".verdict")).to_contain_text("Right!")
        expect(opened.page.locator(".verdict")).to_contain_text("The first try counted.")
        assert learner.rating() == after


def test_who_does_not_know_is_shown_the_worked_steps(browser, expect, serve):
    with serve([]) as served, Opened(browser, served.url, path="/#tutor") as opened:
        learner = Learner(opened, expect)
        problem = learner.problem()
        opened.page.get_by_role("button", name="I don't know").click()
        expect(opened.page.locator(".verdict")).to_contain_text("let us look at it")
        assert learner.rating() < 1150
        opened.page.get_by_role("button", name="Show the worked steps").click()
        steps = opened.page.locator(".steps .thought-text")
        expect(steps).to_be_visible()
        assert steps.text_content().splitlines()[0] == problem.steps[0]


@pytest.mark.parametrize("is_right", [True, False])
def test_the_model_explains_and_its_answer_is_checked(browser, expect, serve, is_right):
    replies = []
    with serve(replies) as served, Opened(browser, served.url, path="/#tutor") as opened:
        learner = Learner(opened, expect)
        opened.page.get_by_label("Topic").select_option("Arithmetic")
        expect(opened.page.get_by_role("heading", name="Arithmetic, level 1")).to_be_visible()
        problem = learner.problem()
        answer = problem.answer if is_right else "-98765"
        replies.append(f"<think>\nstep one\nstep two\n</think>\n\nThe answer is \\boxed{{{answer}}}.")
        learner.answer("-98765")
        opened.page.get_by_role("button", name="Let the model explain").click()
        part = opened.page.get_by_role("region", name="The model explains")
        expect(part.locator(".thought-text > div")).to_have_text(["step one", "step two"])
        expect(part.locator(".verdict")).to_contain_text("answer is right" if is_right else "answer is wrong")
        worked = opened.page.locator(".steps .thought-text")
        expect(worked).to_be_visible(visible=not is_right)
        (body,) = opened.asked_bodies()
        assert body["messages"][0]["content"].startswith(problem.question)
        opened.page.get_by_role("button", name="Ask more in the chat").click()
        expect(opened.page.locator("li.answer .prose")).to_contain_text("The answer is")
        expect(opened.page.get_by_role("link", name="Chat", exact=True)).to_have_attribute("aria-current", "page")


def test_an_explanation_is_stopped_by_leaving(browser, expect, make_scripted, make_served):
    engine = make_scripted(lambda prompt: "word " * 700, 5)
    plain_step = engine.step
    engine.step = lambda: (time.sleep(0.05), plain_step())[1]  # 35 s in all
    with make_served(engine) as served, Opened(browser, served.url, path="/#tutor") as opened:
        learner = Learner(opened, expect)
        learner.answer("-98765")
        opened.page.get_by_role("button", name="Let the model explain").click()
        expect(opened.page.locator(".explanation .prose")).to_contain_text("word")
        learner.next()
        expect(opened.page.locator(".explanation")).to_have_count(0)
        served.wait_until_idle(3)
        assert served.llm.num_unfinished == 0


def test_what_cannot_be_marked_is_told_in_words(browser, expect, serve):
    with serve([]) as served, Opened(browser, served.url, path="/#tutor", is_failing=True) as opened:
        learner = Learner(opened, expect)
        learner.answer("1" * 101)
        expect(opened.page.locator(".verdict")).to_contain_text("This cannot be marked. answer: ")
        assert learner.rating() == 1150


# --------------------------------------------------------------------------------------------- keys and screens


def test_everything_is_done_by_the_keyboard_alone(browser, expect, serve):
    with serve(["<think>\nhm\n</think>\n\nfine"]) as served, Opened(browser, served.url) as opened:
        page, keys = opened.page, opened.page.keyboard
        expect(page.get_by_label("Message", exact=True)).to_be_focused()
        keys.type("hello")
        keys.press("Shift+Enter")
        keys.type("there")
        keys.press("Enter")
        expect(page.locator("li.question .bubble")).to_have_text("hello\nthere")
        expect(opened.answers()).to_have_count(1)
        expect(page.locator("#announcer")).to_have_text("Reply: fine")
        page.reload()
        expect(opened.answers()).to_have_count(1)
        page.evaluate("document.activeElement.blur()")
        opened.tab_to(role="link", name="Skip to the content")
        keys.press("Enter")
        opened.tab_to(role="button", name="Edit this message")
        summary = page.locator("li.answer summary")
        keys.press("Tab")
        expect(summary).to_be_focused()
        keys.press("Enter")
        expect(page.locator("li.answer .thought-text")).to_be_visible()
        opened.tab_to(role="button", name="Another reply")
        opened.tab_to(role="button", name="Settings")
        keys.press("Enter")
        expect(page.get_by_label("Temperature")).to_be_focused()
        keys.press("Escape")
        expect(page.get_by_role("button", name="Settings")).to_be_focused()
        opened.tab_to(role="link", name="Tutor")
        keys.press("Enter")
        learner = Learner(opened, expect)
        opened.tab_to(role="textbox", name="Your answer")
        for _ in range(2):
            keys.type(learner.problem().answer)
            keys.press("Enter")
            expect(page.get_by_role("button", name="Next exercise")).to_be_focused()
            expect(page.locator("#announcer")).to_contain_text("Right!")
            keys.press("Enter")
            expect(page.get_by_label("Your answer")).to_be_focused()


NAMELESS = """() => {
  const isNamed = (one) => one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.length;
  const all = [...document.querySelectorAll("button, a, input, textarea, select, dialog, summary, [role=img]")];
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  const named = ["aria-describedby", "aria-labelledby", "aria-controls"];
  const lost = [...document.querySelectorAll(named.map((name) => `[${name}]`).join())]
    .flatMap((one) => named.flatMap((name) => (one.getAttribute(name) ?? "").split(" ")))
    .filter((id) => id && !document.getElementById(id));
  return [...all.filter((one) => !isNamed(one) && !one.hasAttribute("aria-labelledby")).map((one) => one.outerHTML),
    ...ids.filter((id, index) => ids.indexOf(id) !== index), ...lost];
}"""


@pytest.mark.parametrize("path", ["/#chat", "/#tutor"])
def test_every_control_has_a_name_and_every_reference_its_place(browser, expect, serve, path):
    with serve(["fine"]) as served, Opened(browser, served.url, path=path) as opened:
        if path == "/#chat":
            opened.ask("hello")
            expect(opened.answers()).to_have_count(1)
        else:
            Learner(opened, expect).answer("-98765")
        assert opened.page.evaluate(NAMELESS) == []
        assert opened.page.locator("html").get_attribute("lang") == "en"


# WCAG 2: 4.5 for text, 3 for the borders of fields
CONTRASTS = [
    *(("--ink", place, 7) for place in ("--paper", "--raised", "--sunken", "--accent-wash", "--bad-wash")),
    *(("--ink-soft", place, 4.5) for place in ("--paper", "--raised", "--sunken")),
    *(("--accent", place, 4.5) for place in ("--paper", "--raised", "--accent-wash")),
    *(("--bad", place, 4.5) for place in ("--paper", "--raised", "--bad-wash")),
    *(
        ("--accent-ink", "--accent", 4.5),
        ("--raised", "--bad", 4.5),
        ("--good", "--sunken", 3),
        ("--edge", "--raised", 3),
    ),
]
COLOUR = """(name) => {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = `var(${name})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found.match(/[\\d.]+/g).slice(0, 3).map(Number);
}"""


def _luminance(colour):
    parts = (value / 255 for value in colour)
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_both_colour_schemes(browser, served, scheme):
    with Opened(browser, served.url, scheme=scheme) as opened:
        paper = opened.page.evaluate(COLOUR, "--paper")
        assert (_luminance(paper) > 0.5) is (scheme == "light")
        for ink, place, least in CONTRASTS:
            dark, light = sorted(_luminance(opened.page.evaluate(COLOUR, name)) for name in (ink, place))
            assert (light + 0.05) / (dark + 0.05) >= least, (ink, place)


def test_the_colours_are_chosen_and_kept(browser, expect, served):
    with Opened(browser, served.url, scheme="dark") as opened:
        button = opened.page.locator("#theme")
        dark = opened.page.evaluate(COLOUR, "--paper")
        button.click()
        expect(button).to_have_attribute("aria-label", "Colours: light. Change to dark")
        assert opened.page.evaluate(COLOUR, "--paper") > dark
        opened.page.reload()
        assert opened.page.locator("html").get_attribute("data-theme") == "light"


@pytest.mark.parametrize("width", [320, 390])
def test_a_narrow_window_shows_all_without_scrolling_sideways(browser, expect, serve, width):
    long = "unbreakable" * 40
    table = "\n".join(["| wide " * 20, "|---" * 20, "| wide " * 20])
    reply = f"{long}\n\n```\n{long}\n```\n\n{table}\n\n\\[ {' + '.join('x^2' for _ in range(60))} \\]\n\n\\boxed{{7}}"
    with serve([reply]) as served, Opened(browser, served.url, width=width, height=700) as opened:
        page = opened.page

        def is_within():
            return page.evaluate("document.documentElement.scrollWidth <= innerWidth && scrollX === 0")

        opened.ask(long)
        expect(opened.answers()).to_have_count(1)
        assert is_within()
        scroll = page.locator("#scroll")
        assert scroll.evaluate("(element) => element.scrollWidth <= element.clientWidth")
        expect(page.locator("#history")).to_be_hidden()
        page.get_by_role("button", name="Conversations").click()
        expect(page.get_by_role("button", name="New chat")).to_be_focused()
        assert is_within()
        page.keyboard.press("Escape")
        expect(page.locator("#history")).to_be_hidden()
        expect(page.get_by_role("button", name="Conversations")).to_be_focused()
        page.get_by_role("button", name="Settings").click()
        assert is_within()
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Tutor").click()
        learner = Learner(opened, expect)
        learner.answer("-98765")
        assert is_within()
        assert page.locator("#tutor").evaluate("(element) => element.scrollWidth <= element.clientWidth")
        for name in ("Next exercise", "Show the worked steps", "Let the model explain"):
            box = page.get_by_role("button", name=name).bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width


# --------------------------------------------------------------------------------------------------- what is set

SHOWN = """async (text) => {
  const { showProse } = await import("/page/prose.js");
  const place = document.createElement("div");
  showProse(place, text);
  for (const set of place.querySelectorAll(".katex")) {
    set.replaceWith(`⟦${set.querySelector("annotation").textContent}⟧`);
  }
  return place.innerHTML;
}"""
PROSE = [
    ("one\ntwo\n\nthree", "<p>one\ntwo</p><p>three</p>"),
    ("**bold** and *soft* and `x*y*z`", "<p><strong>bold</strong> and <em>soft</em> and <code>x*y*z</code></p>"),
    ("3*4*5 and 2**3**4 and a_b_c", "<p>3*4*5 and 2**3**4 and a_b_c</p>"),
    ("3*x* 2 and *4* 5", "<p>3*x* 2 and <em>4</em> 5</p>"),
    ("## Title\ntext", "<h4>Title</h4><p>text</p>"),
    ("- a\n- b\n  - c\n- d", "<ul><li>a</li><li>b<ul><li>c</li></ul></li><li>d</li></ul>"),
    ("Steps:\n1. a\n2. b", '<p>Steps:</p><ol start="1"><li>a</li><li>b</li></ol>'),
    ("The year was\n1984. A good one.", "<p>The year was\n1984. A good one.</p>"),
    ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
    ("```\n1 < 2 **x**\n\n$y$\n```", '<pre tabindex="0"><code>1 &lt; 2 **x**\n\n$y$</code></pre>'),
    ("a\n\n---\n\nb", "<p>a</p><hr><p>b</p>"),
    ("It is $x_1*x_2*x_3$.", '<p>It is <span class="math">⟦x_1*x_2*x_3⟧</span>.</p>'),
    (
        "\\(a\\) and \\boxed{3*x**2}",
        '<p><span class="math">⟦a⟧</span> and <span class="math">⟦\\boxed{3\\,x^{2}}⟧</span></p>',
    ),
    ("\\boxed{\\frac{1}{2}}.", '<p><span class="math">⟦\\boxed{\\frac{1}{2}}⟧</span>.</p>'),
    ("\\boxed{Tuesday}", '<p><span class="math">⟦\\boxed{\\text{Tuesday}}⟧</span></p>'),
    ("\\boxed{14:35", "<p>\\boxed{14:35</p>"),
    ("$5 and $6, or $5-$10", "<p>$5 and $6, or $5-$10</p>"),
    ("$\\nonsense{$", "<p><code>$\\nonsense{$</code></p>"),
    ("**sum $x$**", '<p><strong>sum <span class="math">⟦x⟧</span></strong></p>'),
    (
        "\\[\na\n\n+ b\n\\]",
        '<p><span class="display-math"><span class="katex-display">⟦\na\n\n+ b\n⟧</span></span></p>',
    ),
]


THOUGHT = """async () => {
  const { showThought } = await import("/page/prose.js");
  const place = document.createElement("div");
  showThought(place, "a*b*c\\n\\n# d");
  const [first] = place.children;
  showThought(place, "a*b*c\\n\\n# d\\n\\\\[\\n\\nx");
  return { isKept: place.children[0] === first, lines: [...place.children].map((one) => one.textContent) };
}"""


def test_a_thought_is_shown_as_it_is_written_and_grows_at_its_end(browser, served):
    with Opened(browser, served.url) as opened:
        found = opened.page.evaluate(THOUGHT)
        assert found == {"isKept": True, "lines": ["a*b*c", "\n# d", "\\[\n\nx"]}


def test_prose_and_formulas_are_set(browser, served):
    with Opened(browser, served.url) as opened:
        for text, html in PROSE:
            assert opened.page.evaluate(SHOWN, text) == html, text


RATINGS = """async () => {
  const { LEVELS, expected, learn, levelFor, newLearner, ratingOf, threshold } = await import("/page/rating.js");
  const learner = newLearner();
  const step = (isRight, level = 1) => learn(learner, { topic: "A", family: "f", level, isRight });
  const start = [expected(1300, 3), levelFor(ratingOf(learner, "A")), expected(ratingOf(learner), 1)];
  step(true);
  return { start, first: [ratingOf(learner, "A"), ratingOf(learner), ratingOf(learner, "B")],
    thresholds: [2, 3, 4].map((level) => [levelFor(threshold(level) - 2), levelFor(threshold(level) + 2)]) };
}"""


def test_the_rating_is_elos(browser, served):
    with Opened(browser, served.url) as opened:
        found = opened.page.evaluate(RATINGS)
        even, level, aim = found["start"]
        assert (even, level) == (0.5, 1)
        assert aim == pytest.approx(1 / (1 + 10 ** (-150 / 400)))
        in_topic, overall, elsewhere = found["first"]
        assert in_topic == pytest.approx(1150 + 200 * (1 - aim))
        assert overall == elsewhere == pytest.approx(1150 + 100 * (1 - aim))
        assert found["thresholds"] == [[1, 2], [2, 3], [3, 4]]
