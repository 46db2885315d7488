// One exercise on the page: the question, the learner's answer, its mark, and the ways on.
import { announce, element } from "./elements.js";
import { Explanation } from "./explanation.js";
import { answerNode, withFormulas } from "./mathematics.js";
import { postJson } from "./server.js";

const KINDS = {
  integer: "a whole number", decimal: "a decimal number", fraction: "a fraction in lowest terms", "yes or no": "yes or no",
  word: "one word", time: "a time or a duration, with colons",
};
const GIVEN_UP = "?"; // no exercise's answer

export class ExerciseCard {
  /** onMarked(isRight) is called once, with the first mark; next() asks for another exercise. */
  constructor(exercise, { title, model, onMarked, next, discuss, isMarked = false }) {
    Object.assign(this, { exercise, model, onMarked, next, discuss, isMarked });
    this.marked = null; // the last mark that told the answer
    const kind = KINDS[exercise.answer_kind];
    this.input = element("input", {
      id: "answer", type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", enterkeyhint: "done",
      "aria-describedby": "answer-kind question",
    });
    this.checkButton = element("button", { type: "submit", class: "strong" }, "Check");
    this.giveUpButton = element("button", { type: "button", class: "quiet", onclick: () => this.mark(GIVEN_UP) }, "I don't know");
    this.form = element("form", { class: "answering", onsubmit: (event) => { event.preventDefault(); this.submit(); } },
      element("p", {}, element("label", { for: "answer" }, "Your answer"), " ",
        element("span", { class: "note", id: "answer-kind" }, kind ?? "")),
      element("div", { class: "line" }, this.input, this.checkButton, this.giveUpButton));
    this.verdict = element("p", { class: "verdict", hidden: true, tabindex: "-1" });
    this.ways = element("div", { class: "row ways", hidden: true });
    this.steps = element("details", { class: "steps", hidden: true });
    this.more = element("div");
    this.node = element("article", { class: "card", "aria-labelledby": "exercise-title" },
      element("h2", { id: "exercise-title" }, title),
      element("div", { class: "question-text", id: "question" }, withFormulas(exercise.question)),
      this.form, this.verdict, this.ways, this.steps, this.more);
  }

  close() {
    this.explanation?.stop();
  }

  submit() {
    const answer = this.input.value.trim();
    if (answer) this.mark(answer);
  }

  async mark(answer) {
    const { family, level, seed } = this.exercise;
    this.setBusy(true);
    try {
      this.show(await postJson("tutor/mark", { family, level, seed, answer }), answer);
    } catch (error) {
      this.tell("bad", error.param === "answer" ? `This cannot be marked. ${error.message}` : error.message);
      this.setBusy(false);
      this.input.focus();
    }
  }

  setBusy(isBusy) {
    this.checkButton.disabled = this.giveUpButton.disabled = isBusy;
  }

  // ------------------------------------------------------------------------------------------------- its mark

  show(marked, answer) {
    this.setBusy(false);
    if (marked.mark === "unfinished") {
      this.tell("half", "That is equal to the answer, but not worked out to the end. One more step.");
      this.input.select();
      return;
    }
    const isRight = marked.mark === "right";
    const isFirst = !this.isMarked;
    this.marked = marked;
    this.isMarked = true;
    this.form.hidden = true;
    const note = isFirst ? this.onMarked(isRight) : "";
    if (isRight) this.tell("good", "Right! ", answerNode(marked.answer), isFirst ? ` ${note}` : " The first try counted.");
    else if (answer === GIVEN_UP) this.tell("bad", `Then let us look at it. ${note}`);
    else this.tell("bad", "Not quite: ", element("q", {}, answer), ` is not it. ${note}`);
    this.fillSteps();
    this.showWays(isRight, answer === GIVEN_UP);
  }

  fillSteps() {
    const text = element("div", { class: "thought-text" }, withFormulas(this.marked.steps.join("\n")));
    const last = element("p", {}, "The answer is ", answerNode(this.marked.answer), ".");
    this.steps.replaceChildren(element("summary", {}, "Worked steps"), text, last);
  }

  showWays(isRight, hasGivenUp) {
    const next = button("strong", "Next exercise", () => this.next());
    const again = button("quiet", "Try again", () => this.tryAgain());
    const steps = button("quiet", "Show the worked steps", () => this.openSteps());
    const explain = button("quiet", "Let the model explain", () => this.explain());
    this.ways.replaceChildren(...(isRight || hasGivenUp ? [] : [again]), steps, explain, next);
    this.ways.hidden = false;
    (isRight ? next : hasGivenUp ? steps : again).focus();
  }

  tryAgain() {
    this.form.hidden = false;
    this.verdict.hidden = this.ways.hidden = true;
    this.input.value = "";
    this.input.focus();
  }

  openSteps() {
    this.steps.hidden = false;
    this.steps.open = true;
    this.ways.querySelectorAll("button").forEach((one) => {
      if (["Show the worked steps", "Try again"].includes(one.textContent)) one.remove();
    });
    this.steps.querySelector("summary").focus();
    this.steps.scrollIntoView({ block: "nearest" });
    announce(`Worked steps. ${this.marked.steps.join(". ")}`);
  }

  explain() {
    this.explanation?.stop();
    this.explanation = new Explanation(this.exercise, this.model, { onWrong: () => this.openSteps(), discuss: this.discuss });
    this.more.replaceChildren(this.explanation.node);
    this.ways.querySelectorAll("button").forEach((one) => {
      if (["Let the model explain", "Try again"].includes(one.textContent)) one.remove();
    });
    this.explanation.stopButton.focus();
    return this.explanation.run();
  }

  tell(kind, ...parts) {
    this.verdict.className = `verdict ${kind}`;
    this.verdict.replaceChildren(...parts);
    this.verdict.hidden = false;
    announce(parts.map((part) => part.textContent ?? part).join(""));
  }
}

function button(kind, text, onclick) {
  return element("button", { type: "button", class: kind, onclick }, text);
}
