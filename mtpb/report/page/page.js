"use strict";
// Everything shown comes from models and data files: text goes into the page as text nodes only,
// never as markup. Data lie compressed in inert script elements and are unpacked when needed.

const GLYPHS = {
  passed: "✓", wrong_answer: "≠", no_output: "∅", syntax_error: "S", exception: "E",
  timeout: "T", memory: "M", blocked: "B", sandbox_error: "!", truncated: "…", no_code: "∅",
};
const FINISHES = {
  stop: "ended by the stop rule", length: "out of tokens", eos: "ended by the model",
  context: "context full", unknown: "",
};
const page = document.getElementById("page");
const overview = document.getElementById("overview");
let index = null;
let chosen = -1; // row that the keyboard has selected
let keys = {}; // what keys do on this page

// --- elements and data

function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined));
  return element;
}

async function unpack(id) {
  const bytes = fromBase85(document.getElementById(id).textContent);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return JSON.parse(await new Response(stream).text());
}

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_`{|}~";

// Five letters are four bytes; a shorter rest is one byte less than it has letters.
function fromBase85(text) {
  const values = new Uint8Array(128);
  [...DIGITS].forEach((letter, value) => { values[letter.charCodeAt(0)] = value; });
  const groups = Math.ceil(text.length / 5);
  const view = new DataView(new ArrayBuffer(4 * groups));
  for (let group = 0; group < groups; group += 1) {
    let number = 0;
    for (let i = 5 * group; i < 5 * group + 5; i += 1) {
      number = 85 * number + (i < text.length ? values[text.charCodeAt(i)] : 84);
    }
    view.setUint32(4 * group, number);
  }
  return new Uint8Array(view.buffer, 0, Math.floor((text.length * 4) / 5));
}

const chunks = new Map();

async function conversations(problem) {
  const id = problem.chunk;
  if (!chunks.has(id)) {
    if (chunks.size >= 8) chunks.delete(chunks.keys().next().value);
    chunks.set(id, await unpack(id));
  }
  return chunks.get(id);
}

const readings = new Map(); // what letters mean; there are few

function verdictOf(run, letter) {
  if (!readings.has(letter)) readings.set(letter, reading(letter));
  return readings.get(letter);
}

function reading(letter) {
  if (letter === ".") return null;
  const code = letter.charCodeAt(0) - 48;
  const status = index.statuses[code % 16];
  const official = Math.floor(code / 16) % 2 === 1;
  const strict = Math.floor(code / 32) % 2 === 1;
  const verified = code >= 64;
  return { status, official, strict, verified, passed: status === "passed" };
}

function verdicts(run, problem) {
  return run.verdicts[problem.number] || [];
}

function rate(run, problem) {
  const cases = verdicts(run, problem).map((letters) => {
    const known = [...letters].map((l) => verdictOf(run, l)).filter((v) => v && v.status !== "sandbox_error");
    return known.length ? known.filter((v) => v.passed).length / known.length : null;
  }).filter((value) => value !== null);
  return cases.length ? cases.reduce((a, b) => a + b) / cases.length : null;
}

// The turn that fails, from 0; null where it is not known.
function turnOf(run, problem, c, s) {
  const letter = run.turns ? (run.turns[problem.number][c] || "")[s] : undefined;
  return letter === undefined || letter < "0" ? null : letter.charCodeAt(0) - 48;
}

const percent = (value) => (value === null ? "–" : (100 * value).toFixed(0));
const words = (name) => name.replaceAll("_", " ");

// --- addresses

const link = (...parts) => "#/" + parts.map((part) => encodeURIComponent(part)).join("/");
const problemLink = (suite, problem) => link("problem", suite.name, problem.id);
const sampleLink = (suite, problem, run, c, s) => link("sample", suite.name, problem.id, run.label, c, s);
const compareLink = (suite, problem, a, b, c, s) =>
  link("compare", suite.name, problem.id, a.label, b.label, c, s);

function find(list, test, what) {
  const found = list.find(test);
  if (!found) throw new Error(`there is no ${what} in this report`);
  return found;
}
const suiteOf = (name) => find(index.suites, (suite) => suite.name === name, `suite ${name}`);
const problemOf = (suite, id) => find(suite.problems, (p) => p.id === id, `problem ${id}`);
const runOf = (suite, label) => find(suite.runs, (run) => run.label === label, `run ${label}`);

async function route() {
  const [path, query] = location.hash.slice(1).split("?");
  chosen = -1;
  keys = {};
  try {
    const parts = path.split("/").filter(Boolean).map(decodeURIComponent);
    const [kind, ...rest] = parts.length ? parts : ["overview"];
    if (kind === "overview") return showOverview(rest[0]);
    index = index || prepared(await unpack("index"));
    const build = { problems: problemsPage, problem: problemPage, sample: samplePage, compare: comparePage,
      samples: samplesPage, map: mapPage, run: runPage }[kind];
    if (!build) throw new Error("there is no such page");
    show(await build(new URLSearchParams(query || ""), ...rest));
  } catch (error) {
    show([h("h1", {}, "Not found"), h("p", {}, String(error.message)), h("a", { href: "#/overview" }, "Overview")]);
  }
}

function prepared(raw) {
  for (const suite of raw.suites) {
    suite.runs = raw.runs.filter((run) => run.suite === suite.name);
    suite.problems.forEach((problem, number) => { problem.number = number; });
  }
  raw.keywords = new Set(raw.keywords);
  raw.builtins = new Set(raw.builtins);
  return raw;
}

function show(content) {
  overview.hidden = true;
  page.hidden = false;
  page.replaceChildren(...content.flat(2).filter(Boolean));
  const heading = page.querySelector("h1");
  document.title = heading ? `${heading.textContent} · mtpb` : "mtpb";
  window.scrollTo(0, 0);
  mark();
}

function showOverview(name) {
  page.hidden = true;
  overview.hidden = false;
  document.title = "mtpb report";
  const target = name && document.getElementById(`at-${name}`);
  if (target) unfold(target); else window.scrollTo(0, 0);
  mark();
}

// Opens a table, a figure or a section, and whatever it is folded in, and goes there.
function unfold(target) {
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  target.scrollIntoView();
  const summary = target.querySelector("summary");
  if (summary) summary.focus({ preventScroll: true });
}

const PAGES = { run: "overview", problem: "problems", sample: "samples", compare: "samples" };

function mark() {
  const kind = location.hash.split(/[/?]/)[1] || "overview";
  for (const a of document.querySelectorAll("header nav a")) {
    const here = a.dataset.page === (PAGES[kind] || kind);
    if (here) a.setAttribute("aria-current", "page"); else a.removeAttribute("aria-current");
  }
}

// --- problems

function problemsPage(query) {
  const state = Object.fromEntries(query);
  const body = h("div", { class: "scroll list", tabindex: "0", role: "region", "aria-label": "Problems" });
  const count = h("span", { class: "muted", role: "status" });
  const update = updating("problems", state, () => fill());
  const suite = () => suiteChosen(state);
  const filters = h("form", { class: "filters", onsubmit: (event) => event.preventDefault() });
  const fill = () => {
    refill(filters, problemFilters(suite(), state, update));
    const rows = filtered(suite(), state);
    count.textContent = `${rows.length} of ${suite().problems.length} problems`;
    body.replaceChildren(rows.length ? problemTable(suite(), rows, state, update) : nothingFits(() => {
      search.value = "";
      update({ model: "", category: "", status: "", q: "" });
    }));
    chosen = -1;
  };
  const search = h("input", {
    type: "search", id: "search", placeholder: "Search id or name ( / )", "aria-label": "Search problems",
    value: state.q || "", oninput: (event) => update({ q: event.target.value }),
  });
  fill();
  keys = { "/": () => search.focus() };
  return [h("h1", {}, "Problems"), h("div", { class: "bar" }, filters, search, count), body, legend(),
    hints(["/", "search"], ["j k Enter", "choose a problem"])];
}

// New choices in place of old ones; the focus stays on the one of the same name.
function refill(filters, choices) {
  const name = document.activeElement && filters.contains(document.activeElement) && document.activeElement.name;
  filters.replaceChildren(...choices);
  if (name) filters.querySelector(`[name="${name}"]`)?.focus();
}

// Changes what a list shows, and its address with it.
const updating = (name, state, fill) => (change) => {
  Object.assign(state, change);
  for (const key of Object.keys(state)) if (!state[key]) delete state[key];
  const text = new URLSearchParams(state).toString();
  history.replaceState(null, "", `#/${name}` + (text ? "?" + text : ""));
  fill();
};

const suiteChosen = (state) => index.suites.find((one) => one.name === state.suite) || index.suites[0];

const nothingFits = (clear) => h("p", { class: "empty" }, "No problem fits these filters. ",
  h("button", { type: "button", onclick: clear }, "Show all"));

// Where there is a keyboard: the page's own keys.
const hints = (...told) => h("p", { class: "hints muted note" },
  [...told, ["?", "all keys"]].map(([keys, what]) =>
    h("span", {}, keys.split(" ").map((key) => h("kbd", {}, key)), ` ${what}`)));

// A choice of values, each with how many there are if `counts` has them.
const picking = (state, update) => (key, label, values, any, counts) => h("label", {}, h("span", {}, label),
  h("select", { name: key, onchange: (event) => update({ [key]: event.target.value }) },
    any === null ? null : h("option", { value: "" }, any),
    values.map((value) => h("option", { value, selected: state[key] === String(value) },
      counts ? `${words(String(value))} (${counts.get(value)})` : words(String(value))))));

const suitePicker = (suite, update) => h("label", {}, h("span", {}, "Suite"),
  h("select", { name: "suite", onchange: (e) => update({ suite: e.target.value, model: "", category: "", status: "", turn: "" }) },
    index.suites.map((s) => h("option", { value: s.name, selected: s === suite }, s.label))));

// The statuses that samples of these runs have, in the order of all.
function occurring(suite, runs) {
  const letters = new Set(runs.flatMap((run) => run.verdicts.flatMap((cases) => cases.flatMap((text) => [...new Set(text)]))));
  const found = new Set([...letters].map((letter) => verdictOf(null, letter)).filter(Boolean).map((v) => v.status));
  return index.statuses.filter((status) => found.has(status));
}

function problemFilters(suite, state, update) {
  const categories = [...new Set(suite.problems.map((problem) => problem.category))].sort();
  const models = suite.runs.map((run) => run.label);
  const pick = picking(state, update);
  return [
    suitePicker(suite, update),
    pick("model", "Model", models, "all models"),
    pick("category", "Category", categories, "all categories"),
    pick("status", "Status", occurring(suite, shownRuns(suite, state)), "any status"),
  ];
}

function filtered(suite, state) {
  const wanted = (state.q || "").toLowerCase();
  const runs = shownRuns(suite, state);
  const rows = suite.problems.filter((problem) =>
    (!state.category || problem.category === state.category) &&
    (!wanted || `${problem.id} ${problem.name}`.toLowerCase().includes(wanted)) &&
    (!state.status || runs.some((run) => hasStatus(run, problem, state.status))));
  const value = sorter(suite, state.sort || "id");
  const sign = state.down ? -1 : 1;
  return rows.sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    return sign * (typeof x === "string" ? x.localeCompare(y) : x - y) || a.number - b.number;
  });
}

const shownRuns = (suite, state) => suite.runs.filter((run) => !state.model || run.label === state.model);

function hasStatus(run, problem, status) {
  return verdicts(run, problem).some((letters) =>
    [...letters].some((letter) => letter !== "." && verdictOf(run, letter).status === status));
}

function sorter(suite, sort) {
  const run = suite.runs.find((one) => one.label === sort);
  if (run) return (problem) => rate(run, problem) ?? -1;
  return { name: (p) => p.name, category: (p) => p.category, turns: (p) => p.turns }[sort] || ((p) => p.number);
}

function problemTable(suite, rows, state, update) {
  const runs = shownRuns(suite, state);
  const sort = state.sort || "id";
  const head = (key, label, kind) => h("th", {
    class: kind, scope: "col", "aria-sort": sort === key ? (state.down ? "descending" : "ascending") : null,
  }, h("button", {
    type: "button", title: `Sort by ${label}`,
    onclick: () => update({ sort: key === "id" ? "" : key, down: sort === key && !state.down ? "1" : "" }),
  }, label));
  return h("table", { class: "problems" },
    h("thead", {}, h("tr", {}, head("id", "id"), head("name", "name"), head("category", "category", "wide"),
      head("turns", "turns", "n wide"), runs.map((run) => head(run.label, run.label, "n run")))),
    h("tbody", {}, rows.map((problem) => problemRow(suite, problem, runs))));
}

function problemRow(suite, problem, runs) {
  const href = problemLink(suite, problem);
  return h("tr", { "data-href": href },
    h("td", {}, h("a", { href }, problem.id)),
    h("td", { class: "name" }, problem.name, faulty(problem)),
    h("td", { class: "wide" }, problem.category), h("td", { class: "n wide" }, String(problem.turns)),
    runs.map((run) => {
      const value = rate(run, problem);
      return h("td", { class: "n rate", style: `--rate:${value === null ? 0 : value}` }, h("span", {}, percent(value) + run.mark));
    }));
}

const faulty = (problem) => problem.cases.some((c) => c.errata.length)
  ? h("abbr", { class: "badge", title: "The benchmark itself has a known fault here" }, "fault") : null;

function legend() {
  return h("p", { class: "legend muted" }, index.statuses.map((status) =>
    h("span", {}, h("i", { class: `sq ${status}` }, GLYPHS[status]), ` ${words(status)}`)));
}

// --- one problem

async function problemPage(query, suiteName, id) {
  const suite = suiteOf(suiteName);
  const problem = problemOf(suite, id);
  const chunk = await conversations(problem);
  neighbours(suite, problem, (other) => problemLink(suite, other));
  const cases = problem.cases.map((one, number) => number);
  return [
    crumbs(suite, problem),
    h("h1", {}, `${problem.id} · ${problem.name}`, faulty(problem)),
    h("p", { class: "muted" }, [problem.category, `${problem.turns} turn${problem.turns === 1 ? "" : "s"}`,
      problem.difficulty].filter(Boolean).join(" · ")),
    question(suite, problem, chunk),
    h("h2", {}, "Samples"),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Samples" }, h("table", { class: "matrix cards" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "model"), h("th", { class: "n", scope: "col" }, "%"),
        cases.map((c) => h("th", { scope: "col" }, suite.tests ? "samples" : `case ${c}`)))),
      h("tbody", {}, suite.runs.map((run) => h("tr", {},
        h("th", { scope: "row" }, run.label), h("td", { class: "n", "data-label": "%" }, percent(rate(run, problem)) + run.mark),
        cases.map((c) => h("td", { "data-label": suite.tests ? "" : `case ${c}` }, h("div", { class: "squares" }, squares(suite, problem, run, c))))))))),
    legend(),
    problem.cases.some((c) => c.expected !== null) ? caseTable(problem) : null,
    hints(["] [", "next, previous problem"], ["u", "back to the list"]),
  ];
}

function squares(suite, problem, run, c, current) {
  const letters = verdicts(run, problem)[c] || "";
  return [...letters].map((letter, s) => {
    const verdict = verdictOf(run, letter);
    if (!verdict) return null;
    const name = words(verdict.status);
    const attributes = {
      class: `sq ${verdict.status}`, title: `case ${c}, sample ${s}: ${name}`,
      "aria-label": `case ${c}, sample ${s}: ${name}`, "aria-current": s === current ? "true" : null,
    };
    if (!embedded(run, problem, c, s)) {
      return h("i", { ...attributes, title: `${attributes.title}, not in this page` }, GLYPHS[verdict.status]);
    }
    return h("a", { ...attributes, href: sampleLink(suite, problem, run, c, s) }, GLYPHS[verdict.status]);
  });
}

function question(suite, problem, chunk) {
  const samples = Object.values(chunk.runs).flat();
  const longest = samples.reduce((a, b) => (a && a.turns.length >= b.turns.length ? a : b), null);
  if (!longest) return null;
  const again = longest.turns.findIndex((turn) => turn[6]); // where a further attempt begins
  const first = again < 0 ? longest.turns : longest.turns.slice(0, again);
  const prompts = first.map(([prompt]) => (prompt === null ? "" : chunk.prompts[prompt]));
  if (suite.tests) return code(prompts[0]);
  return [
    h("ol", { class: "prompts" }, prompts.map((prompt) => h("li", {}, visible(prompt)))),
    problem.cases.length > 1 ? h("p", { class: "muted note" }, `as asked in case ${longest.case}`) : null,
  ];
}

function caseTable(problem) {
  const faults = problem.cases.some((one) => one.errata.length);
  return h("section", {}, h("h2", {}, "Cases"), h("div", { class: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", { class: "n" }, "case"), h("th", {}, "expected"),
      faults ? h("th", {}, "known faults") : null)),
    h("tbody", {}, problem.cases.map((one, c) => h("tr", {}, h("td", { class: "n" }, String(c)),
      h("td", {}, h("code", {}, visible(one.expected))),
      faults ? h("td", {}, one.errata.map(words).join(", ")) : null))))));
}

function crumbs(suite, problem, extra) {
  return h("nav", { class: "crumbs", "aria-label": "Where you are" },
    h("a", { href: "#/problems?suite=" + encodeURIComponent(suite.name) }, suite.label), " / ",
    extra ? h("a", { href: problemLink(suite, problem) }, problem.id) : problem.id,
    extra ? [" / ", extra] : null);
}

function neighbours(suite, problem, address) {
  const go = (step) => () => {
    const other = suite.problems[problem.number + step];
    if (other) location.hash = address(other);
  };
  keys["["] = go(-1);
  keys["]"] = go(1);
  keys.u = () => { location.hash = "#/problems?suite=" + encodeURIComponent(suite.name); };
}

// --- one sample, and two side by side

async function samplePage(query, suiteName, id, label, caseText, sampleText) {
  const suite = suiteOf(suiteName);
  const problem = problemOf(suite, id);
  const run = runOf(suite, label);
  const [c, s] = [Number(caseText), Number(sampleText)];
  const chunk = await conversations(problem);
  const partner = partnerOf(suite, run);
  sampleKeys(suite, problem, run, c, s, (r, cc, ss) => sampleLink(suite, problem, r, cc, ss));
  if (partner) keys.c = () => { location.hash = compareLink(suite, problem, run, partner, c, s); };
  return [
    crumbs(suite, problem, `${label}, ${place(suite, c, s)}`),
    h("h1", {}, `${problem.id} · ${problem.name}`, faulty(problem)),
    h("div", { class: "bar" },
      picker("Model", suite.runs, run, (other) => sampleLink(suite, problem, other, c, s)),
      casePicker(suite, problem, c, (other) => sampleLink(suite, problem, run, other, 0)),
      partner ? h("a", { class: "button", href: compareLink(suite, problem, run, partner, c, s) }, "Compare ( c )") : null),
    h("div", { class: "squares strip" }, squares(suite, problem, run, c, s)),
    conversation(suite, problem, run, chunk, c, s),
    sampleTools(suite, problem, run, chunk, c, s),
    hints(["n p", "next, previous sample"], ["] [", "problem"], ["c", "compare"], ["u", "up"]),
  ];
}

// The run to compare with at first: the last other model, asked the same way if there is one.
function partnerOf(suite, run) {
  const others = suite.runs.filter((one) => one !== run).reverse();
  const alike = (one) => one.model !== run.model && one.format === run.format && one.temperature === run.temperature;
  return others.find(alike) || others[0];
}

async function comparePage(query, suiteName, id, labelA, labelB, caseText, sampleText) {
  const suite = suiteOf(suiteName);
  const problem = problemOf(suite, id);
  const [a, b] = [runOf(suite, labelA), runOf(suite, labelB)];
  const [c, s] = [Number(caseText), Number(sampleText)];
  const chunk = await conversations(problem);
  const address = (x, y) => (cc, ss) => compareLink(suite, problem, x, y, cc, ss);
  sampleKeys(suite, problem, a, c, s, (run, cc, ss) => address(run, b)(cc, ss));
  const side = (run, other) => h("div", { class: "side" },
    picker("Model", suite.runs, run, other),
    h("div", { class: "squares strip" }, squares(suite, problem, run, c, s)),
    conversation(suite, problem, run, chunk, c, s));
  return [
    crumbs(suite, problem, `compared, ${place(suite, c, s)}`),
    h("h1", {}, `${problem.id} · ${problem.name}`, faulty(problem)),
    h("div", { class: "bar" }, casePicker(suite, problem, c, (other) => address(a, b)(other, 0)),
      h("span", { class: "steps" },
        h("a", { class: "button", href: address(a, b)(c, Math.max(s - 1, 0)) }, "‹ previous"), ` sample ${s} `,
        h("a", { class: "button", href: address(a, b)(c, Math.min(s + 1, samplesIn(a, problem, c) - 1)) }, "next ›"))),
    h("div", { class: "sides" },
      side(a, (run) => address(run, b)(c, s)), side(b, (run) => address(a, run)(c, s))),
    hints(["n p", "next, previous sample"], ["] [", "problem"], ["u", "up"]),
  ];
}

const place = (suite, c, s) => (suite.tests ? `sample ${s}` : `case ${c}, sample ${s}`);

function picker(label, runs, current, address) {
  return h("label", {}, h("span", {}, label), h("select", {
    onchange: (event) => { location.hash = address(runs[Number(event.target.value)]); },
  }, runs.map((run, i) => h("option", { value: i, selected: run === current }, run.label))));
}

function casePicker(suite, problem, c, address) {
  if (problem.cases.length < 2) return null;
  return h("label", {}, h("span", {}, "Case"), h("select", {
    onchange: (event) => { location.hash = address(Number(event.target.value)); },
  }, problem.cases.map((one, i) => h("option", { value: i, selected: i === c }, String(i)))));
}

// Of each run and problem the first samples are in the page: all cases' first, then their second.
const embedded = (run, problem, c, s) => s * problem.cases.length + c < run.embedded;

const samplesIn = (run, problem, c) =>
  [...(verdicts(run, problem)[c] || "")].filter((letter, s) => embedded(run, problem, c, s)).length;

function sampleKeys(suite, problem, run, c, s, address) {
  const move = (cc, ss) => () => { location.hash = address(run, cc, ss); };
  neighbours(suite, problem, (other) => problemLink(suite, other));
  if (s + 1 < samplesIn(run, problem, c)) keys.n = move(c, s + 1);
  else if (c + 1 < problem.cases.length) keys.n = move(c + 1, 0);
  if (s > 0) keys.p = move(c, s - 1);
  else if (c > 0) keys.p = move(c - 1, 0);
  [keys.ArrowRight, keys.ArrowLeft] = [keys.n, keys.p];
  keys.u = () => { location.hash = problemLink(suite, problem); };
}

const sampleIn = (chunk, run, c, s) =>
  (chunk.runs[run.number] || []).find((one) => one.case === c && one.sample === s);

function conversation(suite, problem, run, chunk, c, s) {
  const sample = sampleIn(chunk, run, c, s);
  if (!sample) return h("p", { class: "muted" }, `This run has no sample ${s} of case ${c}, or it is not in this page.`);
  const letter = (verdicts(run, problem)[c] || "")[s] || ".";
  return h("div", { class: "conversation" }, outcome(suite, problem, run, sample, verdictOf(run, letter)),
    sample.turns.map((turn, number) => turnView(suite, chunk, sample, turn, number)));
}

function outcome(suite, problem, run, sample, verdict) {
  if (!verdict) return h("p", { class: "muted" }, "Not judged yet.");
  const chip = (name, passed) => h("span", { class: `chip ${passed ? "yes" : "no"}` }, `${name} ${passed ? "✓" : "✗"}`);
  const one = problem.cases[sample.case];
  return h("div", { class: "outcome" },
    h("p", {}, h("i", { class: `sq ${verdict.status}` }, GLYPHS[verdict.status]), " ", h("strong", {}, words(verdict.status)),
      suite.tests ? null : suite.scorers.map((name) => chip(name, verdict[name])),
      h("span", { class: "muted" }, ` judged by ${run.scorer}, ${sample.cpu} s`)),
    h("dl", {},
      one.expected === null ? null : [h("dt", {}, "expected"), h("dd", {}, h("code", {}, visible(one.expected)))],
      one.mended ? [h("dt", {}, "verified"), h("dd", {}, visible(one.mended))] : null,
      sample.detail ? [h("dt", {}, verdict.passed ? "note" : "actual"), h("dd", {}, h("code", {}, visible(sample.detail)))] : null,
      one.errata.length ? [h("dt", {}, "known fault"), h("dd", {}, one.errata.map(words).join(", "))] : null));
}

function turnView(suite, chunk, sample, [prompt, text, rest, finish, tokens, line, feedback, whole], number) {
  const cut = rest.replace(/^\n+/, "").trimEnd();
  const failed = sample.turn === number;
  const facts = [prompt === null ? "program" : `turn ${number + 1}`, tokens ? `${tokens} token${tokens === 1 ? "" : "s"}` : "", FINISHES[finish] || ""];
  const asked = prompt === null ? "" : chunk.prompts[prompt];
  const shown = { failing: sample.line, detail: sample.detail, first: line };
  return h("article", { class: failed ? "turn failed" : "turn", id: `turn-${number + 1}` },
    h("header", { class: "muted" }, facts.filter(Boolean).join(" · "), failed ? h("span", { class: "chip no" }, "fails here") : null),
    feedback ? h("p", { class: "prompt" }, visible(feedback)) : null,
    suite.tests || prompt === null ? null : h("p", { class: "prompt" }, visible(asked)),
    suite.tests ? code(asked + text, { ...shown, first: 1, given: asked.length }) : code(text, shown),
    cut ? cutView(cut, whole ? "cut away by the stop rule" : "the whole answer") : null);
}

function cutView(cut, what) {
  if (cut.length < 40 && !cut.includes("\n")) return h("p", { class: "cut muted note" }, `${what}: `, h("code", {}, visible(cut)));
  return h("details", { class: "cut", open: cut.length < 800 }, h("summary", {}, what), code(cut, { quiet: true }));
}

// --- code

const TOKENS = [
  ["c", /#[^\n]*/y],
  ["s", /[rbfuRBFU]{0,2}(?:"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$))/y],
  ["s", /[rbfuRBFU]{0,2}(?:"(?:\\[^\n]|[^"\\\n])*"?|'(?:\\[^\n]|[^'\\\n])*'?)/y],
  ["m", /(?:0[xXbBoO][\da-fA-F_]+|\d[\d_]*\.?[\d_]*(?:[eE][+-]?\d+)?[jJ]?)/y],
  ["nd", /@[\p{L}_][\p{L}\p{N}_.]*/uy],
  ["n", /[\p{L}_][\p{L}\p{N}_]*/uy],
  ["", /[\s]+|[^]/uy],
];

function* tokens(text) {
  let at = 0;
  let before = "";
  while (at < text.length) {
    for (const [kind, pattern] of TOKENS) {
      pattern.lastIndex = at;
      const found = pattern.exec(text);
      if (!found || !found[0]) continue;
      yield [kind === "n" ? nameKind(found[0], before) : kind, found[0]];
      if (found[0].trim()) before = found[0];
      at = pattern.lastIndex;
      break;
    }
  }
}

function nameKind(name, before) {
  if (index.keywords.has(name)) return "k";
  if (before === "def") return "nf";
  if (before === "class") return "nc";
  return before !== "." && index.builtins.has(name) ? "nb" : "";
}

// Letters that hide or reorder others are shown by name.
const ODD = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/u;

function visible(text) {
  if (!ODD.test(text)) return text;
  return text.split(new RegExp(`(${ODD.source})`, "u")).filter(Boolean).map((piece) => {
    if (!ODD.test(piece)) return piece;
    const point = piece.codePointAt(0);
    const shown = point < 0x20 ? String.fromCodePoint(0x2400 + point) : `U+${point.toString(16).toUpperCase().padStart(4, "0")}`;
    return h("span", { class: "odd" }, shown);
  });
}

// `given` letters at the start are the prompt's; `first` is the number of the first line.
function code(text, { quiet = false, failing = null, detail = "", first = 1, given = 0 } = {}) {
  const lines = [[]];
  let at = 0;
  for (const [kind, token] of tokens(text.replace(/\n$/, ""))) {
    const classes = [kind, at < given ? "given" : ""].filter(Boolean).join(" ");
    token.split("\n").forEach((piece, i) => {
      if (i) lines.push([]);
      if (piece) lines[lines.length - 1].push(classes ? h("span", { class: classes }, visible(piece)) : visible(piece));
    });
    at += token.length;
  }
  // blank lines at the end are left out, unless one is the failing line
  while (lines.length > 1 && !lines[lines.length - 1].length && first + lines.length - 1 !== failing) lines.pop();
  const rows = lines.map((pieces, i) => [
    h("span", { class: i + first === failing ? "line failing" : "line" }, pieces, "\n"),
    i + first === failing && detail ? h("span", { class: "why" }, visible(detail), "\n") : null,
  ]);
  return h("pre", { class: quiet ? "code quiet" : "code", tabindex: "0" },
    h("code", { style: `counter-reset: line ${first - 1}` }, rows));
}
