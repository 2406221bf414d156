// Refreshes a lead's page when its decision becomes final, and never replaces a form that somebody is filling in.
import { serverNow } from "./lib.js";

// A periodic task makes the decision final a little after the undo seconds end. If that task stands still, stop asking.
const GRACE_S = 2.5;
const RETRY_S = 3;
const MOST_REQUESTS = 40;
const page = () => document.getElementById("handoff-detail");
let requests = 0;
let requestedAt = 0;
let isOutdated = false;

function isChanged(field) {
  if (field.type === "hidden" || field.type === "submit") return false;
  if (field.matches("select")) {
    const first = [...field.options].findIndex((option) => option.defaultSelected);
    return field.selectedIndex !== Math.max(0, first);
  }
  return field.matches("[type=radio], [type=checkbox]") ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;
}

// Somebody is typing, has typed, or has pressed the first of two keys.
function isBusy() {
  const focused = document.activeElement;
  if (page().contains(focused) && focused.matches("input, textarea, select")) return true;
  if (page().querySelector(".is-chosen, [data-slot] form, [data-step][open]")) return true;
  return [...page().querySelectorAll("form :is(input, textarea, select)")].some(isChanged);
}

// Refresh the whole page, or only the state of the handoff while somebody is busy; the rest follows later.
function refresh() {
  isOutdated = isBusy();
  const part = isOutdated ? document.getElementById("decide") : page();
  part.dispatchEvent(new CustomEvent("final"));
}

function tick() {
  const now = serverNow();
  const pending = document.querySelector("#decide [data-settles]");
  if (!pending) {
    if (isOutdated && !isBusy()) refresh();
    return;
  }
  const isDue = now >= Number(pending.dataset.settles) + GRACE_S && now >= requestedAt + RETRY_S;
  if (!isDue || requests >= MOST_REQUESTS) return;
  requests += 1;
  requestedAt = now;
  refresh();
}

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target !== page() || !isBusy()) return;
  detail.shouldSwap = false;
  isOutdated = true;
});

setInterval(tick, 1000);
