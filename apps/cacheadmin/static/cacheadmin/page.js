/* What the cache page does better with a script; all of it works without. */
(function () {
  "use strict";

  const PACE = 1000;

  function filled(words, values) {
    return words.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
  }

  function element(name, text, attributes) {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    Object.entries(attributes || {}).forEach(([key, value]) => made.setAttribute(key, value));
    return made;
  }

  function post(address, form) {
    return fetch(address, {
      method: "POST",
      body: new FormData(form),
      headers: { Accept: "application/json" },
      credentials: "same-origin",
    }).then((answer) => answer.json().then((found) => ({ ...found, status: answer.status })));
  }

  /* --- What goes on is asked for again and again until it is over, but never from a hidden tab --- */

  /* heard(now) shows an answer and returns the pause after it; missed(failures) says whether to go on. */
  function watch(place, heard, missed) {
    let timer = 0;
    let failures = 0;

    function later(pause) {
      clearTimeout(timer);
      timer = setTimeout(ask, pause);
    }

    function ask() {
      clearTimeout(timer);
      if (document.hidden) return;
      fetch(place.dataset.address, { headers: { Accept: "application/json" }, credentials: "same-origin" })
        .then((answer) => answer.json())
        .then((now) => {
          failures = 0;
          const pause = heard(now);
          place.dataset.running = now.over ? "" : "1";
          if (!now.over) later(pause);
        })
        .catch(() => {
          failures += 1;
          if (missed(failures)) later(5 * PACE);
        });
    }

    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && place.dataset.running) ask();
    });
    return { ask, later };
  }

  /* --- Testing a connection: its steps in place --- */

  function labelOf(name) {
    const found = document.querySelector(`[data-labels] [data-name="${CSS.escape(name)}"]`);
    return found ? found.textContent : name;
  }

  function rows(result, words) {
    const table = element("table");
    const head = element("tr");
    [words.step, words.outcome].forEach((name) => head.append(element("th", name, { scope: "col" })));
    head.append(element("th", words.time, { scope: "col", class: "cacheadmin-number" }));
    table.append(element("thead"), element("tbody"));
    table.tHead.append(head);
    result.steps.forEach((step) => {
      const row = element("tr");
      const said = element("td");
      said.append(element("span", step.ok ? "✓ " : "✗ ", { "aria-hidden": "true" }), step.message);
      row.append(element("th", labelOf(step.name), { scope: "row" }), said);
      row.append(element("td", `${step.ms} ms`, { class: "cacheadmin-number" }));
      table.tBodies[0].append(row);
    });
    return table;
  }

  function showTest(place, result) {
    const title = result.ok ? place.dataset.works : place.dataset.fails;
    const version = result.ok ? ` — ${result.engine} ${result.version}, ${result.memory}` : "";
    const scroll = element("div", "", { class: "cacheadmin-scroll" });
    scroll.append(rows(result, place.dataset));
    place.className = result.ok ? "cacheadmin-status is-working" : "cacheadmin-status is-degraded";
    place.replaceChildren(element("h3", `${result.ok ? "●" : "▲"} ${title}${version}`), scroll);
  }

  document.querySelectorAll("form[data-tests]").forEach((form) => {
    const place = form.querySelector("[data-result]");
    form.addEventListener("submit", (event) => {
      const button = event.submitter;
      if (!button || !button.hasAttribute("formaction") || form.dataset.busy) return;
      event.preventDefault();
      form.dataset.busy = "1";
      place.className = "";
      place.textContent = place.dataset.busy;
      post(button.formAction, form)
        .then((result) => showTest(place, result))
        .catch(() => { place.textContent = place.dataset.lost; })
        .finally(() => { delete form.dataset.busy; });
    });
  });

  /* --- Warming up: begun in place, watched about once a second --- */

  document.querySelectorAll("[data-progress]").forEach((place) => {
    const bar = place.querySelector("progress");
    const said = place.querySelector("[role=status]");
    const form = document.querySelector("form[data-warmup]");

    function show(now) {
      bar.hidden = now.over;
      if (now.count) { bar.max = now.count; bar.value = now.done; } else { bar.removeAttribute("value"); }
      const values = { ...now, count: now.count === null ? "?" : now.count };
      said.textContent = filled(now.over ? place.dataset.wordsOver : place.dataset.wordsRunning, values);
    }

    const watching = watch(
      place,
      (now) => { if (now.known) show(now); return PACE; },
      () => { said.textContent = place.dataset.wordsLost; return true; },
    );
    if (place.dataset.running) watching.ask();
    if (!form) return;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (place.dataset.running) return;
      place.dataset.running = "1";
      const data = form.querySelector("[name=wait]") || element("input", "", { type: "hidden", name: "wait", value: "0" });
      form.append(data);
      post(form.action, form)
        .then((now) => {
          if (now.error) {
            said.textContent = now.error;
            // Another one runs already: it is watched instead.
            place.dataset.running = now.status === 409 ? "1" : "";
            if (place.dataset.running) watching.later(PACE);
            return;
          }
          show(now);
          place.dataset.running = now.over ? "" : "1";
          if (!now.over) watching.later(PACE / 2);
        })
        .catch(() => { place.dataset.running = ""; said.textContent = place.dataset.wordsLost; });
    });
  });

  /* --- After a change: who follows, watched about once a second --- */

  document.querySelectorAll("[data-following]").forEach((place) => {
    const counter = document.querySelector("[data-in-step]");

    function say(words) {
      // What is the same is not said again.
      if (place.textContent.trim() !== words) place.textContent = words;
    }

    function show(now) {
      const hasChanged = now.engine !== place.dataset.engine;
      say([now.words, hasChanged ? place.dataset.wordsChanged : ""].filter(Boolean).join(" "));
      if (counter && now.workers) counter.textContent = filled(place.dataset.wordsOf, now);
    }

    const watching = watch(
      place,
      (now) => { show(now); return now.in_step < now.workers ? PACE : 3 * PACE; },
      (failures) => failures < 5,
    );
    if (place.dataset.running) watching.later(PACE);
  });

  /* --- The chart: drawn from the table, in the colours of the administration --- */

  function numbers(table) {
    return [...table.tBodies[0].rows].map((row) => {
      const cells = [...row.cells].slice(1, 4).map((cell) => {
        const data = cell.querySelector("data");
        return data ? Number(data.value) : null;
      });
      return { label: row.cells[0].textContent.trim(), values: cells, events: row.cells[4].textContent.trim() };
    });
  }

  function colour(name) {
    // A variable may say light-dark(…), which a canvas does not understand: what comes of it does.
    const probe = element("span");
    probe.style.color = `var(${name})`;
    document.querySelector(".cacheadmin").append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  function settings(table) {
    const found = numbers(table);
    const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
    const text = colour("--body-fg");
    const line = (index, tint, axis) => ({
      label: names[index], data: found.map((row) => row.values[index - 1]), borderColor: tint, backgroundColor: tint,
      yAxisID: axis, pointRadius: 0, borderWidth: 2, tension: 0.2, spanGaps: false,
    });
    const marks = {
      label: names[4], yAxisID: "y", showLine: false, pointStyle: "triangle", pointRadius: 6,
      borderColor: text, backgroundColor: text, data: found.map((row) => (row.events ? 0 : null)),
    };
    const rate = { ...line(1, colour("--cacheadmin-rate"), "y"), borderWidth: 3, pointRadius: found.length > 24 ? 0 : 2 };
    return {
      type: "line",
      data: {
        labels: found.map((row) => row.label),
        datasets: [rate, { ...line(2, colour("--cacheadmin-hits"), "y2"), borderDash: [6, 3] },
          { ...line(3, colour("--cacheadmin-misses"), "y2"), borderDash: [2, 3] }, marks],
      },
      options: {
        animation: false, responsive: true, maintainAspectRatio: false, color: text,
        interaction: { mode: "index", intersect: false },
        scales: {
          x: { ticks: { color: text, autoSkipPadding: 24, maxTicksLimit: 7, maxRotation: 0 }, grid: { color: colour("--hairline-color") } },
          y: { min: 0, max: 100, ticks: { color: text, callback: (value) => `${value} %` }, grid: { color: colour("--hairline-color") } },
          y2: { min: 0, position: "right", ticks: { color: text, precision: 0 }, grid: { drawOnChartArea: false } },
        },
        plugins: {
          legend: { labels: { color: text, usePointStyle: true } },
          tooltip: { callbacks: { label: (one) => (one.datasetIndex === 3 ? found[one.dataIndex].events : undefined) } },
        },
      },
    };
  }

  document.querySelectorAll("[data-chart]").forEach((place) => {
    const table = document.querySelector("table[data-hours]");
    if (!table || !window.Chart) return;
    let chart = null;
    function draw() {
      if (chart) chart.destroy();
      chart = new window.Chart(place.querySelector("canvas"), settings(table));
    }
    place.hidden = false;
    draw();
    new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  });

  /* --- Measuring takes a known time, and leads to a page of its own --- */

  document.querySelectorAll("form[data-measures]").forEach((form) => {
    const bar = form.querySelector("progress");
    const said = form.querySelector("[role=status]");
    form.addEventListener("submit", (event) => {
      if (form.dataset.busy) { event.preventDefault(); return; }
      form.dataset.busy = "1";
      bar.max = Number(form.dataset.measures) * 1000;
      bar.value = 0;
      bar.hidden = false;
      said.textContent = said.dataset.words;
      setInterval(() => { bar.value += 250; }, 250);
    });
    // Whoever comes back by the browser's button finds it as it was.
    window.addEventListener("pageshow", (event) => { if (event.persisted) window.location.reload(); });
  });

  /* --- Copying --- */

  document.querySelectorAll("[data-copy]").forEach((place) => {
    const button = place.querySelector("button");
    if (!button || !navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      navigator.clipboard.writeText(place.querySelector("pre").textContent)
        .then(() => { place.querySelector("[role=status]").textContent = button.dataset.done; });
    });
  });
})();
