// One message of a conversation on the page, with what can be done to it.
import { element, svg } from "./elements.js";
import { ENDINGS, ReplyView, numbersInWords } from "./reply.js";

const ICONS = {
  edit: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  again: "M20 11a8 8 0 1 0-2.3 5.7M20 5v6h-6",
};

export function iconButton(icon, label, onclick) {
  const drawn = svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: ICONS[icon] }));
  return element("button", { type: "button", class: "icon small", "aria-label": label, title: label, onclick }, drawn);
}

function heading(text) {
  return element("h2", { class: "unseen" }, text);
}

/** A question. `edit(text)` replaces it and what follows. */
export class QuestionNode {
  constructor(message, edit) {
    this.message = message;
    this.edit = edit;
    this.node = element("li", { class: "message question" });
    this.show();
  }

  show() {
    const text = element("div", { class: "bubble" }, this.message.content);
    this.button = iconButton("edit", "Edit this message", () => this.open());
    this.node.replaceChildren(heading("You"), text, element("div", { class: "actions" }, this.button));
  }

  open() {
    const area = element("textarea", { "aria-label": "Edit the message", rows: "3" });
    area.value = this.message.content;
    const close = () => { this.show(); this.button.focus(); };
    const save = () => { if (area.value.trim()) this.edit(area.value.trim()); };
    area.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { event.stopPropagation(); close(); }
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); save(); }
    });
    const cancel = element("button", { type: "button", class: "quiet", onclick: close }, "Cancel");
    const send = element("button", { type: "button", class: "strong", onclick: save }, "Send");
    const row = element("div", { class: "row" }, element("p", { class: "note" }, "What follows it is replaced."), cancel, send);
    this.node.replaceChildren(heading("You"), element("div", { class: "editor" }, area, row));
    area.focus();
  }
}

/** A reply, growing or whole. `again()` asks for another one, `retry()` for the same after an error. */
export class AnswerNode {
  constructor(message, again) {
    this.message = message;
    this.view = new ReplyView();
    this.numbers = element("span", { class: "numbers" });
    this.ending = element("p", { class: "note ending", hidden: true });
    const copy = iconButton("copy", "Copy the answer", () => this.copy(copy));
    this.actions = element("div", { class: "actions" }, iconButton("again", "Another reply", again), copy, this.numbers);
    this.node = element("li", { class: "message answer" }, heading("Reply"), this.view.node, this.ending, this.actions);
  }

  show(isRunning) {
    this.view.show(this.message, isRunning);
    this.actions.hidden = isRunning;
    this.numbers.textContent = numbersInWords(this.message.numbers);
    this.ending.textContent = ENDINGS[this.message.ending] ?? "";
    this.ending.hidden = isRunning || !this.ending.textContent;
    this.node.setAttribute("aria-busy", String(isRunning));
  }

  async copy(button) {
    try {
      await navigator.clipboard.writeText(this.message.content);
      button.setAttribute("aria-label", "Copied");
    } catch {
      button.setAttribute("aria-label", "Copying is not allowed here");
    }
    button.title = button.getAttribute("aria-label");
    setTimeout(() => { button.title = "Copy the answer"; button.setAttribute("aria-label", "Copy the answer"); }, 2000);
  }
}

/** What went wrong, and a way on. */
export function errorNode(text, retry) {
  const button = element("button", { type: "button", class: "quiet", onclick: retry }, "Try again");
  return element("li", { class: "message error" }, element("div", { role: "alert" }, element("p", {}, text)), button);
}
