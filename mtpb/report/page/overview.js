// --- find: tables, figures, runs and problems by their words

const finder = document.getElementById("find");
const found = document.getElementById("found");
const MOST_FOUND = 30;
let entries = null; // everything that can be found, as [kind, label, address]

async function findable() {
  if (entries) return entries;
  index = index || prepared(await unpack("index"));
  const titled = [...overview.querySelectorAll("details.table")].map((one) =>
    ["table", one.querySelector("h3").textContent, link("overview", one.dataset.name)]);
  const drawn = [...overview.querySelectorAll("figure")].map((one) =>
    ["figure", one.querySelector("figcaption").textContent, link("overview", `figure-${one.dataset.name}`)]);
  const runs = (await unpack("runs")).map((run) => ["run", run.name, link("run", run.name)]);
  const problems = index.suites.flatMap((suite) => suite.problems.map((problem) =>
    ["problem", `${suite.label}: ${problem.id} · ${problem.name}`, problemLink(suite, problem)]));
  entries = [...titled, ...drawn, ...runs, ...problems];
  return entries;
}

async function look() {
  const wanted = finder.value.toLowerCase().split(/\s+/).filter(Boolean);
  found.hidden = !wanted.length;
  if (!wanted.length) return;
  const hits = (await findable()).filter(([kind, label, href]) => {
    const text = `${kind} ${label} ${href}`.toLowerCase(); // an address has the name of a table or a figure
    return wanted.every((word) => text.includes(word));
  });
  const more = hits.length - MOST_FOUND;
  found.replaceChildren(
    hits.length ? h("ul", {}, hits.slice(0, MOST_FOUND).map(([kind, label, href]) =>
      h("li", {}, h("a", { href, onclick: unlook }, h("span", { class: "muted" }, kind), ` ${label}`)))) : h("p", {}, "Nothing found."),
    more > 0 ? h("p", { class: "muted note" }, `${more} more`) : "");
}

function unlook() {
  finder.value = "";
  found.hidden = true;
}

finder.addEventListener("input", look);
finder.addEventListener("keydown", (event) => {
  const first = found.querySelector("a");
  if (event.key === "Enter" && first && !found.hidden) { location.hash = first.getAttribute("href"); unlook(); finder.blur(); }
  if (event.key === "Escape") unlook();
});
document.addEventListener("click", (event) => { if (!event.target.closest(".finder")) found.hidden = true; });
