// --- keyboard and theme

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const common = {
    ...Object.fromEntries([["o", "overview"], ["l", "problems"], ["s", "samples"], ["m", "map"]].map(
      ([key, name]) => [key, () => { location.hash = `#/${name}`; }])),
    t: toggleTheme, "/": () => finder.focus(),
    j: () => select(1), k: () => select(-1), Enter: openRow, "?": () => help.showModal(),
  };
  const action = keys[event.key] || common[event.key];
  if (!action || help.open || (event.key === "Enter" && chosen < 0)) return;
  event.preventDefault();
  action();
});

function select(step) {
  const rows = [...page.querySelectorAll("tr[data-href]")];
  if (!rows.length || page.hidden) return;
  if (rows[chosen]) rows[chosen].classList.remove("chosen");
  chosen = Math.min(Math.max(chosen + step, 0), rows.length - 1);
  rows[chosen].classList.add("chosen");
  rows[chosen].scrollIntoView({ block: "nearest" });
}

function openRow() {
  const row = page.querySelectorAll("tr[data-href]")[chosen];
  if (row) location.hash = row.dataset.href;
}

const help = document.getElementById("help");

function toggleTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const root = document.documentElement;
  const now = root.dataset.theme || (dark ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
  try { localStorage.setItem("mtpb-theme", root.dataset.theme); } catch { /* storage may be off */ }
}

try {
  const kept = localStorage.getItem("mtpb-theme");
  if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
} catch { /* storage may be off */ }
document.getElementById("theme").addEventListener("click", toggleTheme);
document.getElementById("keys").addEventListener("click", () => help.showModal());

// --- a run that goes on: the server says when there is more

async function refresh() {
  const state = await (await fetch("state")).text();
  const root = document.documentElement;
  if (state !== root.dataset.live) {
    const fresh = new DOMParser().parseFromString(await (await fetch("page")).text(), "text/html");
    root.dataset.live = fresh.documentElement.dataset.live;
    await takeOver(fresh);
  }
}

// Shows what a newer page has: what was open stays open, what was looked at stays in view.
async function takeOver(fresh) {
  const [x, y] = [window.scrollX, window.scrollY];
  const open = [...overview.querySelectorAll("details[id]")].map((one) => [one.id, one.open]);
  overview.replaceChildren(...document.adoptNode(fresh.getElementById("overview")).children);
  for (const old of document.querySelectorAll("script[type='text/plain']")) old.remove();
  for (const one of fresh.querySelectorAll("script[type='text/plain']")) document.body.append(document.adoptNode(one));
  index = null;
  entries = null;
  chunks.clear();
  equip();
  for (const [id, was] of open) if (document.getElementById(id)) document.getElementById(id).open = was;
  // a page in which somebody chooses or reads with the keyboard is left alone
  if (!page.hidden && !page.contains(document.activeElement)) await route();
  window.scrollTo(x, y);
}

async function follow() {
  let wait = 2000;
  try { await refresh(); } catch { wait = 10000; /* the server has ended, or will be back */ }
  setTimeout(follow, wait);
}

equip();
window.addEventListener("hashchange", route);
route();
if (document.documentElement.dataset.live) setTimeout(follow, 2000);
