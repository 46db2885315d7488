// What stays in this browser: conversations, settings, the learner. Nothing of it is sent but with a message.

const CHAT = "sambay.chat.";
const OLDEST_FIRST = (one, other) => one.updated - other.updated;

/** What is kept under a name, or `otherwise` where nothing is, or nothing that `isGood` accepts. */
export function kept(name, otherwise, isGood = () => true) {
  try {
    const found = JSON.parse(localStorage.getItem(name));
    return found !== null && isGood(found) ? found : otherwise;
  } catch {
    return otherwise;
  }
}

/** Whether it could be kept. Where the space is used up, the oldest conversations make room. */
export function keep(name, value) {
  const text = JSON.stringify(value);
  for (;;) {
    try {
      localStorage.setItem(name, text);
      return true;
    } catch {
      const oldest = conversations().filter((one) => CHAT + one.id !== name).sort(OLDEST_FIRST)[0];
      if (!oldest) return false;
      forget(CHAT + oldest.id);
    }
  }
}

export function forget(name) {
  try {
    localStorage.removeItem(name);
  } catch { /* then nothing was kept */ }
}

// ---------------------------------------------------------------------------------------------- conversations
// {id, updated, messages: [{role, content, thought, numbers, ending}]}

/** All of them, the latest first. */
export function conversations() {
  const found = [];
  for (let index = 0; index < localStorage.length; index++) {
    const name = localStorage.key(index);
    const one = name.startsWith(CHAT) ? kept(name, null, isConversation) : null;
    if (one) found.push(one);
  }
  return found.sort(OLDEST_FIRST).reverse();
}

function isConversation(one) {
  const isMessage = (message) => ["user", "assistant"].includes(message?.role) && typeof message.content === "string";
  return typeof one.id === "string" && Array.isArray(one.messages) && one.messages.every(isMessage);
}

export function newConversation() {
  return { id: `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`, updated: 0, messages: [] };
}

export function keepConversation(one) {
  one.updated = Date.now();
  return keep(CHAT + one.id, one);
}

export function forgetConversation(id) {
  forget(CHAT + id);
}

export function titleOf(one) {
  const first = one.messages.find((message) => message.role === "user")?.content.trim() ?? "";
  return first.length > 60 ? `${first.slice(0, 59)}…` : first || "Empty";
}
