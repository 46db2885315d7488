// One reply as it comes: asked for, gathered, counted and shown.
import { element } from "./elements.js";
import { showProse, showThought } from "./prose.js";
import { streamChat } from "./server.js";

/** Streams a reply into `message` ({content, thought, numbers, ending}) and calls `onPart` at each part of it.
 *
 * ending: "stop", "length", "stopped" where `signal` ended it, or "error". Raises ServerError; what came stays.
 */
export async function gather(body, message, signal, onPart) {
  const begin = performance.now();
  let first = null;
  let numParts = 0; // a part holds a token, or several where the client or the machine is slow
  try {
    for await (const chunk of streamChat(body, signal)) {
      const [choice] = chunk.choices;
      const delta = choice?.delta ?? {};
      const now = performance.now();
      if (delta.reasoning_content || delta.content) {
        first ??= now;
        numParts += 1;
        message.thought = (message.thought ?? "") + (delta.reasoning_content ?? "");
        message.content += delta.content ?? "";
      }
      if (choice?.finish_reason) message.ending = choice.finish_reason;
      message.numbers = counted(chunk.usage, message.numbers, begin, first, now, numParts);
      onPart();
    }
  } catch (error) {
    message.ending ??= error.name === "AbortError" ? "stopped" : "error";
    if (error.name !== "AbortError") throw error;
  }
}

function counted(usage, before, begin, first, now, numParts) {
  const tokens = usage?.completion_tokens ?? numParts;
  const isWhole = Boolean(usage);
  if (isWhole && before) now = begin + before.end; // the usage comes a little after the last token
  const seconds = first === null ? 0 : (now - first) / 1000;
  return {
    tokens,
    isWhole,
    end: now - begin,
    firstSeconds: first === null ? null : (first - begin) / 1000,
    rate: seconds > 0 && tokens > 1 ? (tokens - 1) / seconds : null,
    thought: usage?.completion_tokens_details?.reasoning_tokens ?? null,
    prompt: usage?.prompt_tokens ?? null,
    cached: usage?.prompt_tokens_details?.cached_tokens ?? null,
  };
}

/** "41 tokens · 210 tokens/s · first after 0.05 s · 96 of 120 prompt tokens from the cache" */
export function numbersInWords(numbers) {
  if (!numbers || numbers.firstSeconds === null) return "";
  const about = numbers.isWhole ? "" : "≈ ";
  const words = [`${about}${numbers.tokens} token${numbers.tokens === 1 ? "" : "s"}`];
  if (numbers.rate) words.push(`${about}${numbers.rate.toFixed(numbers.rate < 10 ? 1 : 0)} tokens/s`);
  words.push(`first after ${numbers.firstSeconds.toFixed(2)} s`);
  if (numbers.cached !== null) words.push(`${numbers.cached} of ${numbers.prompt} prompt tokens from the cache`);
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
