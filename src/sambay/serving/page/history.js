// The list of conversations: opened, begun, deleted. On a narrow window it lies over the chat.
import { byId, element, isSure } from "./elements.js";
import { conversations, forgetConversation, titleOf } from "./kept.js";

export class History {
  /** open(conversation) shows one; begin() an empty one. */
  constructor({ open, begin }) {
    this.open = open;
    this.begin = begin;
    this.shownId = null;
    byId("new-chat").addEventListener("click", () => { this.fold(); begin(); });
    byId("clear-all").addEventListener("click", () => this.clear());
    byId("open-history").addEventListener("click", () => this.fold(!this.isOpen));
    byId("history").addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.isOpen) {
        this.fold();
        byId("open-history").focus();
      }
    });
    document.addEventListener("click", (event) => {
      if (this.isOpen && !event.target.closest("#history, #open-history, dialog")) this.fold();
    });
  }

  get isOpen() {
    return byId("history").classList.contains("open");
  }

  fold(isOpen = false) {
    byId("history").classList.toggle("open", isOpen);
    byId("open-history").setAttribute("aria-expanded", String(isOpen));
    if (isOpen) byId("new-chat").focus();
  }

  show(shownId) {
    this.shownId = shownId;
    const all = conversations();
    byId("conversations").replaceChildren(...all.map((one) => this.item(one)));
    byId("clear-all").hidden = all.length === 0;
  }

  item(one) {
    const title = titleOf(one);
    const open = element("button", { type: "button", class: "title", onclick: () => { this.fold(); this.open(one); } }, title);
    if (one.id === this.shownId) open.setAttribute("aria-current", "true");
    const label = `Delete “${title}”`;
    const remove = element("button", { type: "button", class: "icon small", "aria-label": label, title: "Delete" }, "×");
    remove.addEventListener("click", () => this.remove(one));
    return element("li", {}, open, remove);
  }

  async remove(one) {
    if (!(await isSure(`Delete “${titleOf(one)}”?`))) return;
    forgetConversation(one.id);
    if (one.id === this.shownId) this.begin();
    else this.show(this.shownId);
    byId("new-chat").focus();
  }

  async clear() {
    const all = conversations();
    if (!(await isSure(`Delete ${all.length === 1 ? "the conversation" : `all ${all.length} conversations`}?`))) return;
    all.forEach((one) => forgetConversation(one.id));
    this.begin();
  }
}
