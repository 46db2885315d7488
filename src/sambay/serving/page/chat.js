// The chat: a conversation, what is written into it, and the reply under way.
import { announce, byId, element } from "./elements.js";
import { History } from "./history.js";
import { conversations, keepConversation, newConversation } from "./kept.js";
import { AnswerNode, QuestionNode, errorNode } from "./message.js";
import { gather, numbersInWords } from "./reply.js";
import { sampling } from "./settings.js";

const SHOWN = "sambay.shown"; // of this tab, so that loading the page again loses nothing
const SAMPLES = [
  "What is 347 + 586?",
  "Solve 3x + 4 = 19 for x.",
  "What is 3/4 + 1/6?",
  "Differentiate 4x^3 - 2x + 7.",
];

class Chat {
  constructor(model) {
    this.model = model;
    this.conversation = conversations().find((one) => one.id === sessionStorage.getItem(SHOWN)) ?? newConversation();
    this.stopper = null; // of the reply under way
    this.history = new History({ open: (one) => this.open(one), begin: () => this.open(newConversation()) });
    this.listen();
    this.open(this.conversation);
  }

  // ---------------------------------------------------------------------------------------- what is shown

  open(conversation) {
    this.stop();
    this.conversation = conversation;
    sessionStorage.setItem(SHOWN, conversation.id);
    this.render();
    this.history.show(conversation.id);
    this.scrollDown();
    this.focus();
  }

  render() {
    const { messages } = this.conversation;
    byId("welcome").hidden = messages.length > 0;
    byId("messages").replaceChildren(...messages.map((message, index) => this.nodeOf(message, index).node));
    byId("live").textContent = "";
  }

  nodeOf(message, index) {
    if (message.role === "user") return new QuestionNode(message, (text) => this.edit(index, text));
    const node = new AnswerNode(message, () => this.replyFrom(index));
    node.show(false);
    return node;
  }

  scrollDown() {
    const place = byId("scroll");
    place.scrollTop = place.scrollHeight;
  }

  /** Where there is a keyboard; on a phone it would open one over half of the page. */
  focus() {
    if (!byId("chat").hidden && matchMedia("(hover: hover)").matches) byId("prompt").focus();
  }

  get isAtEnd() {
    const place = byId("scroll");
    return place.scrollHeight - place.scrollTop - place.clientHeight < 60;
  }

  // ------------------------------------------------------------------------------------------ what is done

  send(text) {
    this.stop();
    this.conversation.messages.push({ role: "user", content: text });
    return this.replyFrom(this.conversation.messages.length);
  }

  edit(index, text) {
    this.stop();
    this.conversation.messages.splice(index, Infinity, { role: "user", content: text });
    return this.replyFrom(index + 1);
  }

  stop() {
    this.stopper?.abort();
  }

  /** Asks for the message at `index` anew; what was there and behind it is replaced. */
  async replyFrom(index) {
    this.stop();
    const { conversation } = this;
    const [before] = conversation.messages.splice(index, Infinity);
    const stopper = new AbortController();
    this.stopper = stopper;
    const message = { role: "assistant", content: "" };
    const body = { messages: conversation.messages.map(asSent), ...sampling() };
    this.keep(); // as it is to be found where nothing comes of the reply
    conversation.messages.push(message);
    this.render();
    const node = new AnswerNode(message, () => this.replyFrom(index));
    byId("messages").lastElementChild.replaceWith(node.node);
    this.setRunning(true);
    node.show(true);
    this.scrollDown();
    announce("Thinking");
    const draw = this.painter(node, message, conversation);
    let failure = null;
    try {
      body.model = (await this.model()).id;
      await gather(body, message, stopper.signal, draw);
    } catch (error) {
      failure = error;
    }
    this.finish({ conversation, message, node, stopper, failure, before, index });
  }

  /** At most one drawing a frame, however many parts come. */
  painter(node, message, conversation) {
    let isAsked = false;
    return () => {
      if (isAsked) return;
      isAsked = true;
      requestAnimationFrame(() => {
        isAsked = false;
        if (message.ending || this.conversation !== conversation) return;
        const isAtEnd = this.isAtEnd;
        node.show(true);
        byId("live").textContent = numbersInWords(message.numbers);
        if (isAtEnd) this.scrollDown();
      });
    };
  }

  finish({ conversation, message, node, stopper, failure, before, index }) {
    const isEmpty = !message.content && !message.thought;
    message.ending ??= failure ? "error" : "stop";
    if (isEmpty) conversation.messages = conversation.messages.filter((one) => one !== message);
    keepConversation(conversation);
    if (this.stopper === stopper) {
      this.stopper = null;
      this.setRunning(false);
    }
    if (this.conversation !== conversation) return;
    const isAtEnd = this.isAtEnd;
    node.show(false);
    if (isEmpty) node.node.remove();
    byId("live").textContent = "";
    if (failure) byId("messages").append(errorNode(failure.message, () => this.replyFrom(index)));
    else this.tell(message, before);
    if (isAtEnd) this.scrollDown();
    this.history.show(conversation.id);
  }

  tell(message, before) {
    if (message.ending === "stopped") announce("Stopped");
    else announce(`Reply: ${message.content}`);
    if (before && before.content === message.content && before.ending === message.ending && message.content) {
      byId("live").textContent = "The same reply again. A temperature of 0.6 or more, in the settings, varies it.";
    }
  }

  keep() {
    if (!keepConversation(this.conversation)) announce("This browser's storage is full: the conversation is not kept.");
    this.history.show(this.conversation.id);
  }

  /** The page is left while a reply comes: what there is of it stays. */
  keepPart() {
    const last = this.conversation.messages.at(-1);
    if (!this.stopper || !last?.content && !last?.thought) return;
    last.ending = "stopped";
    keepConversation(this.conversation);
  }

  setRunning(isRunning) {
    const hadFocus = document.activeElement === byId(isRunning ? "send" : "stop");
    byId("send").hidden = isRunning;
    byId("stop").hidden = !isRunning;
    if (hadFocus) byId(isRunning ? "stop" : "prompt").focus(); // a hidden button would lose it
  }

  // ------------------------------------------------------------------------------------------ what is heard

  listen() {
    const prompt = byId("prompt");
    const fit = () => {
      prompt.style.height = "auto";
      prompt.style.height = `${Math.min(prompt.scrollHeight, 240)}px`;
    };
    const submit = () => {
      const text = prompt.value.trim();
      if (!text || this.stopper) return;
      prompt.value = "";
      fit();
      this.send(text);
    };
    prompt.addEventListener("input", fit);
    prompt.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      submit();
    });
    byId("composer").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
    byId("chat").addEventListener("shown", () => this.focus(), { once: true });
    window.addEventListener("pagehide", () => this.keepPart());
    byId("stop").addEventListener("click", () => this.stop());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.stopper && !document.querySelector("dialog[open]")) this.stop();
    });
    const buttons = SAMPLES.map((text) =>
      element("li", {}, element("button", { type: "button", class: "quiet", onclick: () => this.send(text) }, text)));
    byId("samples").replaceChildren(...buttons);
  }
}

/** A thought goes back as the model wrote it, so that the next turn finds its prefix in the server's cache. */
function asSent({ role, content, thought }) {
  return role === "assistant" && thought ? { role, content, reasoning_content: thought } : { role, content };
}

/** model(): a promise of the served model. Returns a function that opens a conversation in the chat. */
export function startChat(model) {
  const chat = new Chat(model);
  return (conversation) => {
    chat.open(conversation);
    chat.keep();
  };
}
