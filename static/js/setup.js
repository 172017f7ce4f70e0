/*
 * What the setup gains from a script: tests that answer in place, a password that is looked at while it
 * is typed, a progress that can be watched. Without it, each of these is a page.
 */
(() => {
  "use strict";

  const form = document.querySelector("[data-setup]");

  const post = (url, body, headers) =>
    fetch(url, { method: "POST", body, headers, credentials: "same-origin" });

  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  /* --- Tests in place --- */

  const select = (engine) => {
    const radio = form.querySelector(`[name=engine][value=${engine}]`);
    if (radio) radio.checked = true;
  };

  const test = async (button) => {
    const result = document.getElementById(button.dataset.test);
    const buttons = form.querySelectorAll("button");
    buttons.forEach((one) => (one.disabled = true));
    result.setAttribute("aria-busy", "true");
    try {
      const answer = await post(button.formAction, new FormData(form), { "X-Fragment": "1" });
      if (answer.redirected) {
        location.reload();
        return;
      }
      const words = await answer.text();
      if (answer.ok) {
        const page = new DOMParser().parseFromString(words, "text/html");
        result.replaceChildren(...page.body.childNodes);
      } else {
        const page = new DOMParser().parseFromString(words, "text/html");
        const reason = page.querySelector("main p:not(.trouble__code)");
        result.textContent = reason ? reason.textContent : form.dataset.failed;
      }
      const outcome = result.querySelector("[data-engine]");
      if (outcome) select(outcome.dataset.engine);
    } catch {
      result.textContent = form.dataset.failed;
    } finally {
      result.removeAttribute("aria-busy");
      buttons.forEach((one) => (one.disabled = false));
      if (button.isConnected) button.focus();
      else result.querySelector("button")?.focus();
    }
  };

  form?.addEventListener("click", (event) => {
    const button = event.target.closest("[data-test]");
    if (!button) return;
    event.preventDefault();
    test(button);
  });

  /* --- A list to copy --- */

  document.querySelectorAll("[data-copy]").forEach((button) => {
    const text = document.getElementById(button.dataset.copy);
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text.value);
      button.textContent = text.dataset.copied;
    });
  });

  /* --- The time zone of whoever sets up, unless one was chosen --- */

  const zones = document.querySelector("select[name=time_zone][data-guess]");
  if (zones) {
    const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const option = [...zones.options].find((one) => one.value === here);
    if (option) option.selected = true;
  }

  /* --- How good a password is --- */

  const watchPassword = () => {
    const strength = document.querySelector("[data-strength]");
    const words = strength.dataset.words.split("|");
    const bar = strength.querySelector(".strength__bar");
    const rules = strength.querySelector(".strength__rules");
    const usual = [...rules.children];
    let turn = 0;

    const show = (score, messages, typed) => {
      bar.hidden = !typed;
      strength.querySelector("meter").value = score;
      strength.querySelector(".strength__word").textContent = words[score];
      const items = messages.map((message) => {
        const item = document.createElement("li");
        item.textContent = message;
        return item;
      });
      rules.replaceChildren(...(typed ? items : usual));
    };

    const look = async () => {
      const mine = ++turn;
      await pause(250);
      if (mine !== turn) return;
      const body = new FormData(form);
      const typed = body.get("admin_password");
      if (!typed) {
        show(0, [], "");
        return;
      }
      try {
        const answer = await post(form.dataset.checkPassword, body, { Accept: "application/json" });
        if (!answer.ok || mine !== turn) return;
        const { score, messages } = await answer.json();
        show(score, messages, typed);
      } catch {
        bar.hidden = true;
      }
    };

    form.addEventListener("input", (event) => {
      if (["admin_password", "admin_username", "admin_email"].includes(event.target.name)) look();
    });
  };
  if (form?.dataset.checkPassword) watchPassword();

  /* --- The installation, watched --- */

  const list = document.querySelector("[data-working-list]");

  const showActions = ({ actions, count, failure }) => {
    const items = actions.map((words, index) => {
      const isLast = index === actions.length - 1;
      const state = !isLast ? "done" : failure ? "failed" : "now";
      const item = document.createElement("li");
      const mark = document.createElement("span");
      item.className = `actions__one actions__one--${state}`;
      mark.setAttribute("aria-hidden", "true");
      mark.textContent = { done: "✓", failed: "✗", now: "…" }[state];
      item.append(mark, ` ${words}${isLast && count ? ` (${count})` : ""}`);
      return item;
    });
    const shown = document.createElement("ol");
    shown.className = "actions";
    shown.append(...items);
    if (list.textContent.trim() !== shown.textContent.trim()) list.replaceChildren(shown);
  };

  const generationOf = async (url) => {
    try {
      const answer = await fetch(url, { cache: "no-store", headers: { Accept: "application/json" } });
      const { installed, generation } = await answer.json();
      return installed ? generation : -1;
    } catch {
      return -1;
    }
  };

  const install = async () => {
    const button = form.querySelector(".setup__foot .button");
    const before = await generationOf(form.dataset.ready);
    let isOver = false;
    const body = new FormData(form);
    form.querySelectorAll("button").forEach((one) => (one.disabled = true));
    document.querySelectorAll("[data-trouble]").forEach((one) => one.remove());
    button.textContent = form.dataset.working;
    const watch = async () => {
      while (!isOver) {
        try {
          const answer = await fetch(form.dataset.progress, { headers: { Accept: "application/json" } });
          if (answer.ok && !isOver) showActions(await answer.json());
        } catch {
          /* The answer to the installation itself will tell. */
        }
        await pause(400);
      }
    };
    watch();
    try {
      const answer = await post(form.action, body, {});
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      isOver = true;
      if (page.querySelector("[data-done]")) {
        showDone(page);
        return;
      }
      if (answer.ok) {
        // What failed, and why, is kept: the page says it.
        location.reload();
        return;
      }
    } catch {
      /* The connection was cut; whether the site is there, it says itself. */
    }
    isOver = true;
    for (let turn = 0; turn < 60; turn += 1) {
      if ((await generationOf(form.dataset.ready)) > before) {
        location.assign(form.dataset.home);
        return;
      }
      await pause(1000);
    }
    location.reload();
  };

  const showDone = (page) => {
    document.title = page.title;
    document.querySelector(".languages")?.remove();
    document.querySelector("main").replaceWith(page.querySelector("main"));
    window.scrollTo(0, 0);
    document.querySelector("main").focus();
    waitForSite();
  };

  /* --- The site, awaited --- */

  const waitForSite = async () => {
    const page = document.querySelector("[data-done]");
    const wanted = Number(page.dataset.done);
    const state = page.querySelector("[data-state]");
    let inARow = 0;
    // Workers are replaced one by one: some answers in a row come from new ones only.
    while (inARow < 6) {
      inARow = (await generationOf(page.dataset.ready)) >= wanted ? inARow + 1 : 0;
      await pause(inARow ? 150 : 700);
    }
    state.textContent = page.dataset.live;
    page.classList.add("done--live");
    page.querySelectorAll(".command").forEach((one) => one.remove());
  };

  if (document.querySelector("[data-done]")) waitForSite();
  if (form?.dataset.progress) {
    form.addEventListener("submit", (event) => {
      if (event.submitter?.name === "back") return;
      event.preventDefault();
      install();
    });
  }

  document.querySelector("[data-trouble]")?.focus();
})();
