// Leads that come while somebody is at work: marked and said when they slide in, counted while a form keeps the list still.
const SHOWN_MS = 10_000;
const arrived = new Map();
const held = document.getElementById("held");
const news = document.getElementById("news");
let before = null;

const rowsIn = (place) => [...place.querySelectorAll("[data-row]")];
const tierOf = (row) => Number(row.querySelector("[data-tier]").dataset.tier);
const nameOf = (row) => row.querySelector("[data-open]").textContent.trim();
const snapshot = () => ({
  known: new Set(rowsIn(document).map((row) => row.id)),
  isCut: Boolean(document.querySelector(".queue-more")),
});

// What only moved up into a list that shows no more than so many was there before.
function fresh(rows, { known, isCut }) {
  const last = isCut ? rows.findLastIndex((row) => known.has(row.id)) : rows.length;
  return rows.filter((row, at) => !known.has(row.id) && at < last);
}

function say(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

function hold(answer) {
  const waiting = fresh(rowsIn(new DOMParser().parseFromString(answer, "text/html")), snapshot());
  const tier = Math.min(...waiting.map(tierOf));
  const one = `1 new lead, tier ${tier}: Esc closes the form and shows it.`;
  const several = `${waiting.length} new leads, the hottest tier ${tier}: Esc closes the form and shows them.`;
  held.dataset.count = waiting.length;
  say(held, waiting.length ? (waiting.length === 1 ? one : several) : "");
}

function mark() {
  const since = Date.now() - SHOWN_MS;
  for (const [id, at] of arrived) if (at <= since) arrived.delete(id);
  for (const row of rowsIn(document)) row.classList.toggle("is-new", arrived.has(row.id));
}

function arrive() {
  const came = fresh(rowsIn(document), before);
  before = null;
  held.dataset.count = 0;
  say(held, "");
  for (const row of came) {
    arrived.set(row.id, Date.now());
    row.classList.add("is-arriving");
  }
  if (came.length) {
    say(news, came.map((row) => `New: ${nameOf(row)}, tier ${tierOf(row)}`).join(". "));
    setTimeout(mark, SHOWN_MS + 50);
  }
  mark();
}

// After keys.js, which says whether the list may move.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target?.id !== "queue") return;
  if (detail.shouldSwap) before = snapshot();
  else if (detail.xhr.status === 200 && document.querySelector("#queue [data-slot] form")) hold(detail.serverResponse);
});
document.addEventListener("htmx:afterSettle", () => before && arrive());
