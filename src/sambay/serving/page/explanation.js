// The model explains an exercise: asked as anybody would ask it, and its answer marked as anybody's.
import { announce, element } from "./elements.js";
import { ReplyView, gather } from "./reply.js";
import { postJson } from "./server.js";
import { sampling } from "./settings.js";

const REQUEST = "Please reason step by step, and put your final answer within \\boxed{}.";

/** What the last box of a reply holds; null where there is none, or it never closes. */
export function lastBox(text) {
  const start = text.lastIndexOf("\\boxed{");
  if (start < 0) return null;
  let depth = 1;
  for (let index = start + 7; index < text.length; index++) {
    depth += { "{": 1, "}": -1 }[text[index]] ?? 0;
    if (depth === 0) return text.slice(start + 7, index).trim();
  }
  return null;
}

export class Explanation {
  /** exercise: {family, level, seed, question}; model(): a promise of the served model. */
  constructor(exercise, model, { onWrong, discuss }) {
    Object.assign(this, { exercise, model, onWrong, discuss });
    this.stopper = new AbortController();
    this.message = { role: "assistant", content: "" };
    this.view = new ReplyView({ isThoughtOpen: true });
    this.verdict = element("p", { class: "verdict note", hidden: true });
    this.stopButton = element("button", { type: "button", class: "quiet", onclick: () => this.stop() }, "Stop");
    this.chatButton = element("button", { type: "button", class: "quiet", hidden: true, onclick: () => this.toChat() }, "Ask more in the chat");
    const title = element("h3", {}, "The model explains");
    this.node = element("section", { class: "explanation", "aria-label": "The model explains" },
      title, this.view.node, this.verdict, element("div", { class: "row" }, this.stopButton, this.chatButton));
  }

  stop() {
    this.stopper.abort();
  }

  get question() {
    return `${this.exercise.question}\n\n${REQUEST}`;
  }

  async run() {
    this.view.show(this.message, true);
    announce("The model explains");
    let isAsked = false;
    const draw = () => {
      if (isAsked) return;
      isAsked = true;
      requestAnimationFrame(() => { isAsked = false; if (!this.message.ending) this.view.show(this.message, true); });
    };
    try {
      const body = { model: (await this.model()).id, messages: [{ role: "user", content: this.question }], ...sampling() };
      await gather(body, this.message, this.stopper.signal, draw);
      this.view.show(this.message, false);
      if (this.message.ending !== "stopped") await this.check();
    } catch (error) {
      this.message.ending = "error";
      this.tell("bad", error.message);
      this.onWrong();
    }
    this.view.show(this.message, false);
    const hadFocus = document.activeElement === this.stopButton;
    this.stopButton.hidden = true;
    this.chatButton.hidden = !this.message.content;
    if (hadFocus && this.message.content) this.chatButton.focus();
  }

  /** A small model is wrong at times, which a learner must not have to find out. */
  async check() {
    const answer = lastBox(this.message.content);
    const { family, level, seed } = this.exercise;
    let isRight = false;
    if (answer) {
      const marked = await postJson("tutor/mark", { family, level, seed, answer }, this.stopper.signal).catch((error) => {
        if (error.status === 400) return { mark: "wrong" }; // such as a box too long to be marked
        throw error;
      });
      isRight = marked.mark !== "wrong";
    }
    if (isRight) this.tell("good", "Checked: the model's answer is right.");
    else this.tell("bad", `${answer ? "Checked: the model's answer is wrong." : "The model came to no answer."} The worked steps are right.`);
    if (!isRight) this.onWrong();
    announce(`${this.message.thought ?? ""} ${this.message.content} ${this.verdict.textContent}`);
  }

  tell(kind, text) {
    this.verdict.className = `verdict note ${kind}`;
    this.verdict.textContent = text;
    this.verdict.hidden = false;
  }

  toChat() {
    const question = { role: "user", content: this.question };
    this.discuss([question, this.message]);
  }
}
