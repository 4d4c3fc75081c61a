// --- copy and save: tables, figures, samples

function save(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // without the permission, or on a server's plain address
    const area = h("textarea", {}, text);
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1500);
}

const action = (label, does) => h("button", { type: "button", onclick: (event) => does(event.currentTarget) }, label);

// What the overview's tables and figures get where there is a script.
function equip() {
  const wide = matchMedia("(min-width: 64rem)").matches;
  document.getElementById("contents").open = wide;
  for (const table of overview.querySelectorAll("details.table")) {
    const name = table.dataset.name;
    const form = async (kind) => (await unpack("tables"))[name][kind];
    table.querySelector("summary").after(h("p", { class: "tools" },
      h("a", { href: link("overview", name) }, "Link"),
      action("Copy", async (button) => copy(await form("md"), button)),
      action("CSV", async () => save(`${name}.csv`, "text/csv", await form("csv")))));
    sortable(table.querySelector("table"));
    if (!wide && !name.startsWith("leaderboard")) table.open = false;
  }
  for (const figure of overview.querySelectorAll("figure")) {
    const name = figure.dataset.name;
    figure.append(h("p", { class: "tools" }, h("a", { href: link("overview", `figure-${name}`) }, "Link"),
      action("SVG", () => save(`${name}.svg`, "image/svg+xml", drawing(figure.querySelector("svg"))))));
  }
}

// The figure as a file of its own, black on white paper whatever the page's theme is.
function drawing(svg) {
  const own = svg.cloneNode(true);
  own.setAttribute("color", "black");
  return new XMLSerializer().serializeToString(own);
}

function sortable(table) {
  for (const [column, head] of [...table.tHead.rows[table.tHead.rows.length - 1].cells].entries()) {
    const label = head.textContent;
    head.replaceChildren(h("button", { type: "button", title: `Sort by ${label}`, onclick: () => sortRows(table, head, column) }, label));
  }
}

function sortRows(table, head, column) {
  const numeric = head.classList.contains("n");
  const down = (head.getAttribute("aria-sort") || (numeric ? "ascending" : "descending")) === "ascending";
  const value = (row) => row.cells[column].textContent;
  const number = (row) => { const n = parseFloat(value(row).replaceAll(",", "").replace("−", "-")); return Number.isNaN(n) ? -Infinity : n; };
  const rows = [...table.tBodies[0].rows].sort((a, b) =>
    (down ? -1 : 1) * (numeric ? number(a) - number(b) || 0 : value(a).localeCompare(value(b), undefined, { numeric: true })));
  for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  table.tBodies[0].replaceChildren(...rows);
}

// --- a sample as data: the lines of samples.jsonl and verdicts.jsonl

function sampleRecord(problem, run, chunk, sample) {
  const turns = sample.turns.filter(([prompt]) => prompt !== null).map(
    ([prompt, text, rest, finish, tokens, line, feedback, whole, finding]) =>
      ({ prompt: chunk.prompts[prompt], completion: whole ? text + rest : rest, text, tokens, finish,
        ...(finding && { finding }), ...(feedback && { feedback }) }));
  const key = { problem: problem.id, case: sample.case, sample: sample.sample };
  const verdict = verdictOf(run, (verdicts(run, problem)[sample.case] || "")[sample.sample] || ".");
  const judged = verdict && { ...key, passed: verdict.passed, status: verdict.status, detail: sample.detail,
    turn: sample.turn, line: sample.line, cpu_s: sample.cpu };
  return { run: run.label, sample: { ...key, turns, program: sample.program }, verdict: judged };
}

function sampleTools(suite, problem, run, chunk, c, s) {
  const sample = sampleIn(chunk, run, c, s);
  if (!sample) return null;
  const json = () => JSON.stringify(sampleRecord(problem, run, chunk, sample), null, 1) + "\n";
  const raw = h("details", { class: "raw" }, h("summary", {}, "JSON"));
  raw.addEventListener("toggle", () => raw.append(code(json(), { quiet: true })), { once: true });
  return h("section", { "aria-label": "The sample as data" }, h("p", { class: "tools" },
    action("Copy link", (button) => copy(location.href, button)),
    action("Copy program", (button) => copy(sample.program, button)),
    action("Copy JSON", (button) => copy(json(), button)),
    action("Save JSON", () => save(`${[suite.name, problem.id, c, s].join("-").replace(/[^\w.-]/g, "_")}.json`, "application/json", json()))), raw);
}
