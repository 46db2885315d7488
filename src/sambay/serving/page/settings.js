// How replies are asked for: temperature, length, thought. What is left empty is left to the server.
import { byId } from "./elements.js";
import { forgetKey, hasKey } from "./server.js";
import { keep, kept } from "./kept.js";

const NAME = "sambay.settings";
const FIELDS = { temperature: "temperature", "max-tokens": "max_tokens", "max-thought": "max_reasoning_tokens" };

/** The fields of a request. */
export function sampling() {
  return kept(NAME, {}, (found) => Object.values(found).every(Number.isFinite));
}

/** Opens with the button; a value that is not allowed is not taken over. */
export function startSettings() {
  const dialog = byId("settings");
  byId("open-settings").addEventListener("click", () => {
    const values = sampling();
    for (const [id, field] of Object.entries(FIELDS)) byId(id).value = values[field] ?? "";
    byId("forget-key").hidden = !hasKey();
    dialog.showModal();
  });
  dialog.addEventListener("close", () => {
    const inputs = Object.entries(FIELDS).map(([id, field]) => [field, byId(id)]);
    const given = inputs.filter(([, input]) => input.value !== "" && input.validity.valid);
    keep(NAME, Object.fromEntries(given.map(([field, input]) => [field, input.valueAsNumber])));
  });
  byId("forget-key").addEventListener("click", () => {
    forgetKey();
    byId("forget-key").hidden = true;
  });
}
