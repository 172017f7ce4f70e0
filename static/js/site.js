/*
 * What the pages gain from a script; without it each of them still works.
 *
 * Public pages are the same for everybody, so what differs from reader to reader
 * (theme, logged in or not) is settled here, in the browser.
 */
(() => {
  "use strict";

  const root = document.documentElement;
  const THEMES = ["auto", "light", "dark"];

  // Storage throws where a visitor has forbidden it: the choice then lasts for one page.
  const stored = {
    get(name) {
      try {
        return localStorage.getItem(name);
      } catch {
        return null;
      }
    },
    set(name, value) {
      try {
        localStorage.setItem(name, value);
      } catch {
        return;
      }
    },
  };

  /* --- Theme: kept under the name that the administration uses too --- */

  const knownTheme = (theme) => (THEMES.includes(theme) ? theme : "auto");

  const showTheme = (theme) => {
    if (theme === "auto") {
      delete root.dataset.theme;
    } else {
      root.dataset.theme = theme;
    }
  };

  // A choice saved in the profile reaches each browser once; the button may differ from it afterwards.
  const adoptProfileTheme = () => {
    const saved = root.dataset.profileTheme;
    const seen = stored.get("profile-theme");
    if (!saved || saved === seen) return;
    stored.set("profile-theme", saved);
    // Who never chose in the profile keeps what they chose with the button.
    if (seen || saved !== "auto") {
      stored.set("theme", knownTheme(saved));
    }
  };

  const prepareThemeButton = (button) => {
    let theme = knownTheme(stored.get("theme"));
    const label = () => {
      button.dataset.state = theme;
      button.setAttribute("aria-label", button.dataset[theme]);
      button.title = button.dataset[theme];
    };
    button.addEventListener("click", () => {
      theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
      stored.set("theme", theme);
      showTheme(theme);
      label();
    });
    label();
    button.hidden = false;
  };

  /* --- Logged in or not: a hint, never a permission --- */

  const labelAccountLink = (link) => {
    const isMember = /(?:^|;\s*)member=1(?:;|$)/.test(document.cookie);
    link.querySelector("span").textContent = isMember ? link.dataset.member : link.dataset.guest;
  };

  /* --- Passwords that can be looked at --- */

  const addPasswordButton = (input) => {
    const { showShort, showLong } = input.form.dataset;
    if (!showShort) return;
    const row = document.createElement("div");
    const button = document.createElement("button");
    row.className = "password";
    button.type = "button";
    button.className = "button button--quiet";
    button.textContent = showShort;
    button.setAttribute("aria-label", showLong);
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      const isShown = input.type === "text";
      input.type = isShown ? "password" : "text";
      button.setAttribute("aria-pressed", String(!isShown));
    });
    // A form posted in plain sight would offer the password to the browser's list of past entries.
    input.form.addEventListener("submit", () => {
      input.type = "password";
    });
    input.replaceWith(row);
    row.append(input, button);
  };

  adoptProfileTheme();
  showTheme(knownTheme(stored.get("theme")));
  document.querySelectorAll("[data-theme-button]").forEach(prepareThemeButton);
  document.querySelectorAll("[data-account]").forEach(labelAccountLink);
  document.querySelectorAll("input[type=password]").forEach(addPasswordButton);
  document.querySelector("[aria-invalid=true]")?.focus();
})();
