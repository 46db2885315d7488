// The page's frame: which view is shown, the key, and which model is served.
import { startChat } from "./chat.js";
import { announce, byId } from "./elements.js";
import { startSettings } from "./settings.js";
import { getJson, onKeyNeeded } from "./server.js";
import { startTutor } from "./tutor.js";

const VIEWS = { chat: "Chat", tutor: "Tutor" };

let asked = null;

/** The model that is served: {id, max_model_len}. Raises ServerError, and asks again when it is called again. */
function model() {
  asked ??= getJson("v1/models").then((found) => {
    const [card] = found.data;
    byId("model").textContent = card.id;
    byId("context").textContent = ` The model's context holds ${card.max_model_len} tokens, the conversation included.`;
    return card;
  }).catch((error) => {
    asked = null;
    throw error;
  });
  return asked;
}

function showView() {
  const name = location.hash.slice(1) in VIEWS ? location.hash.slice(1) : "chat";
  for (const view of Object.keys(VIEWS)) byId(view).hidden = view !== name;
  for (const link of document.querySelectorAll("nav a[data-view]")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${VIEWS[name]} · sambay`;
  document.body.dataset.view = name;
  byId(name).dispatchEvent(new CustomEvent("shown"));
}

function askForKey(isWrong) {
  const dialog = byId("ask-key");
  byId("ask-key-why").textContent = isWrong ? "The server does not accept this key." : "This server asks for an API key.";
  byId("key").value = "";
  dialog.returnValue = "cancel";
  dialog.showModal();
  byId("key").focus();
  return new Promise((resolve) => {
    const close = () => resolve(dialog.returnValue === "enter" ? byId("key").value.trim() : null);
    dialog.addEventListener("close", close, { once: true });
  });
}

onKeyNeeded(askForKey);
startSettings();
const openInChat = startChat(model);
startTutor(model, openInChat);
window.addEventListener("hashchange", () => {
  showView();
  announce(document.title);
});
// Enter in the key's field means "enter", though the first button of the form is another
byId("key").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  if (byId("key").value.trim()) byId("ask-key").close("enter");
});
showView();
model().catch((error) => announce(error.message));
