// Calls to the server: the key, errors in words, and replies as they stream.

const KEY = "sambay.key";
const UNREACHABLE = "The server cannot be reached. Is it still running, and is this device online?";
const WORDS = {
  queue_full: (error) => `The server is busy: its queue is full. Try again in ${waiting(error.retryAfter)}.`,
  closing: () => "The server is shutting down.",
  engine_failed: () => "The model failed at this reply. Try again.",
  deadline_exceeded: () => "The reply took longer than the server allows, and was ended.",
  context_length_exceeded: (error) =>
    `This conversation no longer fits into the model's context (${error.detail}). Start a new chat or shorten a message.`,
  invalid_api_key: () => "The server needs a valid API key.",
};

/** What went wrong, in words for a person. code: the server's, or "unreachable". */
export class ServerError extends Error {
  constructor(status, code, detail, param = null, retryAfter = null) {
    super("");
    Object.assign(this, { name: "ServerError", status, code, detail, param, retryAfter });
    this.message = WORDS[code]?.(this) ?? detail;
  }
}

function waiting(seconds) {
  const count = Number(seconds) || 1;
  return count === 1 ? "a second" : `${count} seconds`;
}

// ---------------------------------------------------------------------------------------------------- the key

let askForKey = async () => null; // given by the page: resolves to a key, or to null where the person declines
let asking = null; // several calls that are refused at once ask once

export function onKeyNeeded(ask) {
  askForKey = ask;
}

export function hasKey() {
  return keptKey() !== null;
}

export function forgetKey() {
  sessionStorage.removeItem(KEY);
}

function keptKey() {
  return sessionStorage.getItem(KEY);
}

async function newKey(refused) {
  if (keptKey() !== refused) return keptKey(); // another call has asked meanwhile
  asking ??= askForKey(refused !== null).finally(() => { asking = null; });
  const key = await asking;
  if (key !== null) sessionStorage.setItem(KEY, key);
  return key;
}

// ------------------------------------------------------------------------------------------------------ calls

/** The response of a call that went well. Raises ServerError, or an AbortError where `signal` ended it. */
async function call(path, body, signal) {
  for (;;) {
    const key = keptKey();
    const headers = key === null ? {} : { Authorization: `Bearer ${key}` };
    const given = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const response = await reached(fetch(path, { ...given, headers, signal, cache: "no-store" }));
    if (response.ok) return response;
    const error = await errorOf(response);
    if (error.status !== 401 || (await newKey(key)) === null) throw error;
  }
}

async function reached(promise) {
  try {
    return await promise;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError(0, "unreachable", UNREACHABLE);
  }
}

async function errorOf(response) {
  let found = {};
  try {
    found = (await response.json()).error ?? {};
  } catch { /* something between here and the server answered */ }
  const detail = found.message ?? `The server answered ${response.status} ${response.statusText}`.trim();
  return new ServerError(response.status, found.code ?? null, detail, found.param, response.headers.get("Retry-After"));
}

export async function getJson(path, signal) {
  return (await call(path, undefined, signal)).json();
}

export async function postJson(path, body, signal) {
  return (await call(path, body, signal)).json();
}

/** The chunks of a streamed chat completion, each with the usage so far. */
export async function* streamChat(body, signal) {
  const options = { stream: true, stream_options: { include_usage: true, continuous_usage_stats: true } };
  const response = await call("v1/chat/completions", { ...body, ...options }, signal);
  for await (const data of events(response.body.getReader())) {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data);
    if (chunk.error) throw new ServerError(200, chunk.error.code, chunk.error.message, chunk.error.param);
    yield chunk;
  }
  throw new ServerError(200, "cut_off", "The connection was lost before the reply's end.");
}

async function* events(reader) {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reached(reader.read());
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const parts = text.split("\n\n");
      text = parts.pop();
      for (const part of parts) if (part.startsWith("data: ")) yield part.slice(6);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
