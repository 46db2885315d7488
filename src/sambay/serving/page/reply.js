// One reply as it comes: asked for, gathered, counted and shown.
import { element } from "./elements.js";
import { showProse, showThought } from "./prose.js";
import { streamChat } from "./server.js";

/** Streams a reply into `message` ({content, thought, numbers, ending}) and calls `onPart` at each part of it.
 *
 * ending: "stop", "length", "stopped" where `signal` ended it, or "error". Raises ServerError; what came stays.
 */
export async function gather(body, message, signal, onPart) {
  const times = { begin: performance.now(), first: null, last: null };
  try {
    for await (const chunk of streamChat(body, signal)) {
      const [choice] = chunk.choices;
      const delta = choice?.delta ?? {};
      if (choice) times.last = performance.now(); // the last chunk of all, without a choice, is none of the reply
      if (delta.reasoning_content || delta.content) {
        times.first ??= times.last;
        message.thought = (message.thought ?? "") + (delta.reasoning_content ?? "");
        message.content += delta.content ?? "";
      }
      if (choice?.finish_reason) message.ending = choice.finish_reason;
      message.numbers = counted(chunk.usage, times);
      onPart();
    }
  } catch (error) {
    message.ending ??= error.name === "AbortError" ? "stopped" : "error";
    if (error.name !== "AbortError") throw error;
  }
}

function counted(usage, { begin, first, last }) {
  const tokens = usage.completion_tokens;
  return {
    tokens,
    thought: usage.completion_tokens_details.reasoning_tokens,
    prompt: usage.prompt_tokens,
    cached: usage.prompt_tokens_details.cached_tokens,
    firstSeconds: first === null ? null : (first - begin) / 1000,
    rate: first !== null && last > first && tokens > 1 ? ((tokens - 1) * 1000) / (last - first) : null,
  };
}

/** "41 tokens · 210 tokens/s · first after 0.05 s · 96 of 120 prompt tokens from the cache" */
export function numbersInWords(numbers) {
  if (!numbers || numbers.firstSeconds === null) return "";
  const { tokens, rate, firstSeconds, cached, prompt } = numbers;
  const words = [`${tokens} token${tokens === 1 ? "" : "s"}`];
  if (rate) words.push(`${rate.toFixed(rate < 10 ? 1 : 0)} tokens/s`);
  words.push(`first after ${firstSeconds.toFixed(2)} s`, `${cached} of ${prompt} prompt tokens from the cache`);
  return words.join(" · ");
}

/** A thought above an answer. `show(message, isRunning)` may be called as often as parts come. */
export class ReplyView {
  constructor({ isThoughtOpen = false } = {}) {
    this.summary = element("summary");
    this.thought = element("div", { class: "thought-text" });
    this.details = element("details", { class: "thought", hidden: true, open: isThoughtOpen }, this.summary, this.thought);
    this.answer = element("div", { class: "prose" });
    this.waiting = element("p", { class: "waiting", "aria-hidden": "true" }, element("i"), element("i"), element("i"));
    this.node = element("div", { class: "reply" }, this.details, this.answer, this.waiting);
    this.details.addEventListener("toggle", () => this.showThought());
    this.text = "";
  }

  /** Only where it is to be seen: a thought may have tens of thousands of tokens. */
  showThought() {
    if (this.details.open) showThought(this.thought, this.text);
  }

  show(message, isRunning) {
    this.text = (message.thought ?? "").trim();
    this.details.hidden = !this.text;
    this.showThought();
    this.summary.textContent = summaryOf(message, isRunning);
    this.details.classList.toggle("running", isRunning && !message.content);
    showProse(this.answer, message.content);
    this.waiting.hidden = !isRunning || Boolean(this.text || message.content);
  }
}

function summaryOf(message, isRunning) {
  if (isRunning && !message.content) return "Thinking…";
  const tokens = message.numbers?.thought;
  return tokens ? `Thought for ${tokens} tokens` : "Thought";
}

export const ENDINGS = {
  length: "Cut off at the length that was allowed.",
  stopped: "Stopped.",
  error: "Cut off by an error.",
};
