// Marks and announces the leads that a refresh adds to the queue; while an open form stops the refresh, it counts them instead.
import { announce } from "./lib.js";

const MARKED_MS = 10_000;
const markedSince = new Map();
const waitingNote = document.getElementById("new-leads-waiting");
const shownNote = document.getElementById("new-leads-shown");
let before = null;

const rowsIn = (root) => [...root.querySelectorAll("[data-row]")];
const tierOf = (row) => Number(row.querySelector("[data-tier]").dataset.tier);
const nameOf = (row) => row.querySelector("[data-open]").textContent.trim();
const snapshot = () => ({
  known: new Set(rowsIn(document).map((row) => row.id)),
  isCut: Boolean(document.querySelector(".queue-more")),
});

// A queue that is cut shows its first rows only. Rows below the last known one have just moved up, so they are not new.
function newRows(rows, { known, isCut }) {
  const last = isCut ? rows.findLastIndex((row) => known.has(row.id)) : rows.length;
  return rows.filter((row, index) => !known.has(row.id) && index < last);
}

function countWaiting(answer) {
  const waiting = newRows(rowsIn(new DOMParser().parseFromString(answer, "text/html")), snapshot());
  const tier = Math.min(...waiting.map(tierOf));
  const one = `1 new lead, tier ${tier}: Esc closes the form and shows it.`;
  const several = `${waiting.length} new leads, the hottest tier ${tier}: Esc closes the form and shows them.`;
  waitingNote.dataset.count = waiting.length;
  announce(waitingNote, waiting.length ? (waiting.length === 1 ? one : several) : "");
}

function mark() {
  const oldest = Date.now() - MARKED_MS;
  for (const [id, since] of markedSince) if (since <= oldest) markedSince.delete(id);
  for (const row of rowsIn(document)) row.classList.toggle("is-new", markedSince.has(row.id));
}

function markNewRows() {
  const added = newRows(rowsIn(document), before);
  before = null;
  waitingNote.dataset.count = 0;
  announce(waitingNote, "");
  for (const row of added) {
    markedSince.set(row.id, Date.now());
    row.classList.add("is-arriving");
  }
  if (added.length) {
    announce(shownNote, added.map((row) => `New: ${nameOf(row)}, tier ${tierOf(row)}`).join(". "));
    setTimeout(mark, MARKED_MS + 50);
  }
  mark();
}

// Registered after list_refresh.js, which decides whether the list may be replaced.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target?.id !== "queue") return;
  if (detail.shouldSwap) before = snapshot();
  else if (detail.xhr.status === 200 && document.querySelector("#queue [data-slot] form")) countWaiting(detail.serverResponse);
});
document.addEventListener("htmx:afterSettle", () => before && markNewRows());
