// A decision becomes final while its page is open: the page then asks how it stands, never over what somebody types.
const offset = Number(document.body.dataset.now) * 1000 - Date.now();
// The beat makes it final a little later than the seconds run; a beat that stands still is not asked for ever.
const GRACE_S = 2.5;
const AGAIN_S = 3;
const ASKED_AT_MOST = 40;
const page = () => document.getElementById("case");
let asked = 0;
let askedAt = 0;
let isBehind = false;

function isChanged(field) {
  if (field.type === "hidden" || field.type === "submit") return false;
  if (field.matches("select")) {
    const first = [...field.options].findIndex((option) => option.defaultSelected);
    return field.selectedIndex !== Math.max(0, first);
  }
  return field.matches("[type=radio], [type=checkbox]") ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;
}

// Somebody types here, has typed, or has taken the first of two keys.
function isBusy() {
  const focused = document.activeElement;
  if (page().contains(focused) && focused.matches("input, textarea, select")) return true;
  if (page().querySelector(".is-armed, [data-slot] form, [data-step][open]")) return true;
  return [...page().querySelectorAll("form :is(input, textarea, select)")].some(isChanged);
}

// All of it; or while somebody is busy how it stands alone, and all of it later.
function ask() {
  isBehind = isBusy();
  const place = isBehind ? document.getElementById("decide") : page();
  place.dispatchEvent(new CustomEvent("final"));
}

function tick() {
  const now = (Date.now() + offset) / 1000;
  const pending = document.querySelector("#decide [data-settles]");
  if (!pending) {
    if (isBehind && !isBusy()) ask();
    return;
  }
  const isDue = now >= Number(pending.dataset.settles) + GRACE_S && now >= askedAt + AGAIN_S;
  if (!isDue || asked >= ASKED_AT_MOST) return;
  asked += 1;
  askedAt = now;
  ask();
}

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target !== page() || !isBusy()) return;
  detail.shouldSwap = false;
  isBehind = true;
});

setInterval(tick, 1000);
