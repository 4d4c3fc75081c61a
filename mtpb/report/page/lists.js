// --- samples by finding

const MOST_ROWS = 200;

function* samplesOf(suite, state) {
  for (const problem of suite.problems) {
    if (state.category && problem.category !== state.category) continue;
    for (const run of shownRuns(suite, state)) {
      for (const [c, letters] of verdicts(run, problem).entries()) {
        for (let s = 0; s < letters.length; s += 1) {
          const verdict = verdictOf(run, letters[s]);
          if (verdict) yield { problem, run, c, s, status: verdict.status, turn: turnOf(run, problem, c, s) };
        }
      }
    }
  }
}

// How many samples have each finding, and fail in each turn; and those that are asked for.
function sifted(suite, state) {
  const [statuses, turns, rows] = [new Map(), new Map(), []];
  const add = (counts, value) => counts.set(value, (counts.get(value) || 0) + 1);
  const fits = (one) => !state.status || one.status === state.status || (state.status === "failed" && one.status !== "passed");
  for (const one of samplesOf(suite, state)) {
    const turn = one.turn === null ? null : one.turn + 1;
    const inTurn = !state.turn || String(turn) === state.turn;
    if (inTurn) add(statuses, one.status);
    if (inTurn && one.status !== "passed") add(statuses, "failed");
    if (fits(one) && turn !== null) add(turns, turn);
    if (fits(one) && inTurn) rows.push(one);
  }
  return { statuses, turns, rows };
}

function samplesPage(query) {
  const state = Object.fromEntries(query);
  const body = h("div", { class: "scroll list", tabindex: "0", role: "region", "aria-label": "Samples" });
  const count = h("span", { class: "muted", role: "status" });
  const filters = h("form", { class: "filters", onsubmit: (event) => event.preventDefault() });
  const update = updating("samples", state, () => fill());
  const fill = () => {
    const suite = suiteChosen(state);
    const { statuses, turns, rows } = sifted(suite, state);
    refill(filters, sampleFilters(suite, state, update, statuses, turns));
    count.textContent = `${rows.length.toLocaleString("en")} sample${rows.length === 1 ? "" : "s"}`;
    body.replaceChildren(rows.length ? sampleTable(suite, rows) : h("p", { class: "empty" }, "No sample fits these filters. ",
      h("button", { type: "button", onclick: () => update({ model: "", category: "", status: "", turn: "" }) }, "Show all")));
    chosen = -1;
  };
  fill();
  return [h("h1", {}, "Samples"), h("div", { class: "bar" }, filters, count), body,
    hints(["j k Enter", "choose a sample"])];
}

function sampleFilters(suite, state, update, statuses, turns) {
  const pick = picking(state, update);
  // what is chosen stays among the choices, even where nothing has it now
  const kept = (values, value) => (value && !values.map(String).includes(value) ? [...values, value] : values);
  const counted = (counts, value) => new Map([[value, 0], [Number(value), 0], ...counts]);
  const found = ["failed", ...index.statuses].filter((status) => statuses.get(status));
  const failing = [...turns.keys()].sort((a, b) => a - b);
  const categories = [...new Set(suite.problems.map((problem) => problem.category))].sort();
  return [
    suitePicker(suite, update),
    pick("model", "Model", suite.runs.map((run) => run.label), "all models"),
    pick("status", "Finding", kept(found, state.status), "any finding", counted(statuses, state.status)),
    failing.length || state.turn
      ? pick("turn", "Fails in turn", kept(failing, state.turn), "any turn", counted(turns, state.turn)) : null,
    pick("category", "Category", categories, "all categories"),
  ].filter(Boolean);
}

function sampleTable(suite, rows) {
  const body = h("tbody");
  const more = h("button", { type: "button" });
  const extend = () => {
    const next = rows.slice(body.rows.length, body.rows.length + MOST_ROWS);
    body.append(...next.map((one) => sampleRow(suite, one)));
    more.textContent = `${(rows.length - body.rows.length).toLocaleString("en")} more`;
    more.hidden = body.rows.length >= rows.length;
  };
  more.addEventListener("click", extend);
  extend();
  const turns = suite.runs.some((run) => run.turns);
  return [h("table", { class: "samples cards" },
    h("thead", {}, h("tr", {}, ["problem", "sample", "model", "finding", turns ? "fails in turn" : null].map((name) =>
      name && h("th", { scope: "col" }, name)))), body), more].reduce((box, one) => { box.append(one); return box; }, h("div"));
}

function sampleRow(suite, { problem, run, c, s, status, turn }) {
  const here = embedded(run, problem, c, s);
  const href = here ? sampleLink(suite, problem, run, c, s) : null;
  return h("tr", { "data-href": href },
    h("td", { class: "name" }, `${problem.id} · ${problem.name}`),
    h("td", { "data-label": "sample" }, here ? h("a", { href }, place(suite, c, s)) : `${place(suite, c, s)}, not in this page`),
    h("td", { "data-label": "model" }, run.label),
    h("td", { "data-label": "finding" }, h("i", { class: `sq ${status}`, "aria-hidden": "true" }, GLYPHS[status]), ` ${words(status)}`),
    suite.runs.some((one) => one.turns) ? h("td", { class: "n", "data-label": "fails in turn" }, turn === null ? "" : String(turn + 1)) : null);
}

// --- heat map: problems × runs

const ORDERS = {
  hardest: (rates) => average(rates),
  disputed: (rates) => -spread(rates),
  suite: () => 0,
};
const average = (values) => (values.length ? values.reduce((a, b) => a + b) / values.length : 2);
const spread = (values) => Math.sqrt(average(values.map((value) => (value - average(values)) ** 2)));

function mapPage(query) {
  const state = Object.fromEntries(query);
  const box = h("div");
  const filters = h("form", { class: "filters", onsubmit: (event) => event.preventDefault() });
  const update = updating("map", state, () => fill());
  const fill = () => {
    const suite = suiteChosen(state);
    refill(filters, [suitePicker(suite, update), h("label", {}, h("span", {}, "Order"),
      h("select", { name: "order", onchange: (event) => update({ order: event.target.value }) },
        [["hardest", "hardest first"], ["disputed", "most disputed first"], ["suite", "as in the suite"]].map(([value, label]) =>
          h("option", { value, selected: (state.order || "hardest") === value }, label))))]);
    box.replaceChildren(heatMap(suite, ORDERS[state.order] || ORDERS.hardest));
    chosen = -1;
  };
  fill();
  return [h("h1", {}, "Heat map"),
    h("p", { class: "muted" }, "Pass rates in percent, a row for each problem and a column for each run. Disputed: the runs' rates differ most (standard deviation)."),
    h("div", { class: "bar" }, filters), box];
}

function heatMap(suite, order) {
  const rows = suite.problems.map((problem) => {
    const rates = suite.runs.map((run) => rate(run, problem));
    return { problem, rates, at: order(rates.filter((value) => value !== null)), all: rates.filter((value) => value !== null) };
  }).sort((a, b) => a.at - b.at || a.problem.number - b.problem.number);
  const cell = (value, mark = "") => h("td", { class: "heat", style: `--rate:${value ?? 0}` }, percent(value) + mark);
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Heat map" }, h("table", { class: "map" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "problem"), h("th", { scope: "col" }, h("span", {}, "all runs")),
      suite.runs.map((run) => h("th", { scope: "col" }, h("span", {}, run.label))))),
    h("tbody", {}, rows.map(({ problem, rates, all }) => h("tr", { "data-href": problemLink(suite, problem) },
      h("th", { scope: "row" }, h("a", { href: problemLink(suite, problem) }, problem.id), h("span", { class: "wide muted" }, ` ${problem.name}`), faulty(problem)),
      h("td", { class: "n" }, percent(all.length ? average(all) : null)),
      rates.map((value, number) => cell(value, suite.runs[number].mark)))))));
}

// --- one run: what it was made with

async function runPage(query, name) {
  const run = find(await unpack("runs"), (one) => one.name === name, `run ${name}`);
  const json = () => JSON.stringify(run.manifest, null, 1) + "\n";
  return [
    h("h1", {}, run.name),
    h("p", { class: "muted" }, run.source),
    h("p", { class: "tools" }, action("Copy link", (button) => copy(location.href, button)),
      action("Save JSON", () => save("manifest.json", "application/json", json())),
      run.config ? action("Save config.yaml", () => save("config.yaml", "application/yaml", run.config)) : null),
    Object.entries(run.manifest).filter(([, value]) => value !== null).map(([name, value]) => facts(name, value)),
    run.config ? h("section", {}, h("h2", {}, "config.yaml"), h("pre", { class: "code", tabindex: "0" }, h("code", {}, visible(run.config)))) : null,
  ];
}

// A section of the manifest: its keys and values, one level deep.
function facts(name, value) {
  const isPlain = value === null || typeof value !== "object" || Array.isArray(value);
  const shown = (one) => h("dd", {}, visible(typeof one === "string" ? one : Array.isArray(one) ? one.join(" ") : JSON.stringify(one)));
  if (isPlain) return h("dl", { class: "facts" }, h("dt", {}, words(name)), shown(value));
  const known = Object.entries(value).filter(([, one]) => one !== null);
  if (!known.length) return null;
  return h("section", {}, h("h2", {}, words(name)),
    h("dl", { class: "facts" }, known.map(([key, one]) => [h("dt", {}, key), shown(one)])));
}
