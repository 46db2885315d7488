// Light, dark, or the system's: set before anything is drawn, which is why this is no module.
"use strict";
(function () {
  const NAME = "sambay.theme";
  const NEXT = { auto: "light", light: "dark", dark: "auto" };
  const SAID = { auto: "as the system has it", light: "light", dark: "dark" };

  function current() {
    try {
      const kept = localStorage.getItem(NAME);
      return kept in NEXT ? kept : "auto";
    } catch {
      return "auto";
    }
  }

  function show(theme) {
    document.documentElement.dataset.theme = theme;
    const button = document.getElementById("theme");
    if (button) {
      button.setAttribute("aria-label", `Colours: ${SAID[theme]}. Change to ${SAID[NEXT[theme]]}`);
      button.title = `Colours: ${SAID[theme]}`;
    }
  }

  show(current());
  document.addEventListener("DOMContentLoaded", () => {
    show(current());
    document.getElementById("theme").addEventListener("click", () => {
      const theme = NEXT[document.documentElement.dataset.theme];
      show(theme);
      try {
        localStorage.setItem(NAME, theme);
      } catch { /* it holds for this visit */ }
    });
  });
})();
