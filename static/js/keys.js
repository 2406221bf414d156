// One-letter keys for lists of rows. Silent while someone types, and where there are no rows.
const rows = () => [...document.querySelectorAll("[data-row]")];
const current = () => document.activeElement?.closest("[data-row]");
let place = 0;

function select(index) {
  const all = rows();
  if (!all.length) return;
  place = Math.max(0, Math.min(index, all.length - 1));
  all[place].focus();
  all[place].scrollIntoView({ block: "nearest" });
}

function move(step) {
  const at = rows().indexOf(current());
  select(at < 0 ? 0 : at + step);
}

function press(selector) {
  const target = (current() ?? document).querySelector(selector);
  target?.click();
  return Boolean(target);
}

function pick(digit) {
  const form = (current() ?? document).querySelector("[data-reasons]");
  const radio = form?.querySelector(`[data-digit="${digit}"]`);
  if (!radio) return false;
  radio.click();
  radio.focus();
  // The first field that this reason opens, else the button.
  const next = [...form.querySelectorAll("input[type=date], textarea, button[type=submit]")].find(
    (field) => field.offsetParent && (field.type !== "textarea" || radio.hasAttribute("data-needs-note")),
  );
  next?.focus();
  return true;
}

function close() {
  const opened = current()?.querySelector("[data-close]") ?? document.querySelector("[data-close]");
  if (!opened) return false;
  const row = opened.closest("[data-row]");
  opened.closest("[data-slot]")?.replaceChildren();
  row?.focus();
  // What came while the form kept the list still.
  document.getElementById("queue")?.dispatchEvent(new CustomEvent("refresh"));
  return true;
}

// The lead's own, else the latest decision on the page; its lead is the one the next key speaks of.
function undo() {
  if (current()?.querySelector("[data-undo]")) return press("[data-undo]");
  const final = (button) => Number(button.querySelector("[data-final]").dataset.final);
  const latest = [...document.querySelectorAll("[data-undo]")].sort((one, other) => final(other) - final(one))[0];
  latest?.closest("[data-row]")?.focus();
  latest?.click();
  return Boolean(latest);
}

function acceptSelected() {
  const isAny = Boolean(document.querySelector("[data-select]:checked"));
  if (isAny) document.querySelector("[data-accept-all]")?.click();
  return isAny;
}

// Who comes back to the queue stands where they left it.
const LEFT = "accord.queue.left";

function remember(link) {
  const row = link?.closest("#queue [data-row]");
  if (row) sessionStorage.setItem(LEFT, row.id);
}

function comeBack() {
  if (!document.getElementById("queue")) return;
  const row = document.getElementById(sessionStorage.getItem(LEFT) ?? "");
  sessionStorage.removeItem(LEFT);
  if (row) select(rows().indexOf(row));
  // Who searched means what was found.
  else if (document.querySelector("input[type=search]")?.value) select(0);
}

// From the queue to a part of the lead's page.
function go(part) {
  const link = current()?.querySelector("[data-open]");
  remember(link);
  if (link) location.href = `${link.href}#${part}`;
  return Boolean(link);
}

// From the search back to what it found, the text as it is.
function leaveSearch(target) {
  if (!target.matches("input[type=search]") || !rows().length) return false;
  select(place);
  return true;
}

// g and a letter: to another page.
let isGoing = false;

function goes(event) {
  if (!isGoing) {
    isGoing = event.key === "g";
    return isGoing;
  }
  isGoing = false;
  const link = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
  link?.click();
  return Boolean(link);
}

const actions = {
  j: () => move(1),
  k: () => move(-1),
  ArrowDown: () => current() && move(1),
  ArrowUp: () => current() && move(-1),
  Enter: () => document.activeElement?.matches("[data-row]") && press("[data-open]"),
  a: () => press("[data-accept]"),
  r: () => press("[data-reject]"),
  u: undo,
  c: () => go("attempt"),
  m: () => go("meeting"),
  x: () => press("[data-select]"),
  A: acceptSelected,
  "/": () => {
    const search = document.querySelector("input[type=search]");
    search?.focus();
    return Boolean(search);
  },
  "?": () => {
    document.getElementById("keys")?.showModal();
    document.querySelector("#keys [type=submit]")?.focus();
    return true;
  },
};

// A person may switch the letters off; "?" stays, to switch them on again.
const OFF = "accord.keys.off";
const isOff = () => localStorage.getItem(OFF) === "1";

for (const box of document.querySelectorAll("[data-keys-switch]")) {
  box.checked = !isOff();
  box.addEventListener("change", () => (box.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")));
}

// On a phone the navigation scrolls; begin where one is.
document.querySelector(".nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

function typing(target) {
  return target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]");
}

const isForOthers = (event) =>
  event.ctrlKey || event.metaKey || event.altKey || Boolean(document.querySelector("dialog[open]"));
const isKnown = (key) => /^[0-9]$/.test(key) || key in actions;

function act(key) {
  const done = /^[0-9]$/.test(key) ? pick(key) : actions[key]?.();
  return done !== undefined && done !== false;
}

// What is typed while the server answers waits for its answer: no key falls on a list that is about to be replaced.
let isWaiting = false;
let ahead = [];

// A decision, or the form for one; the polls of the list and of the bell are none.
const isDeed = ({ requestConfig, target }) => requestConfig?.verb === "post" || Boolean(target?.hasAttribute("data-slot"));

document.addEventListener("htmx:beforeSend", (event) => {
  if (event.detail.elt.closest("#queue, #decide")) isWaiting ||= isDeed(event.detail);
});

function answered() {
  if (!isWaiting) return;
  isWaiting = false;
  const keys = ahead;
  ahead = [];
  for (const key of keys) {
    if (isWaiting) ahead.push(key);
    else if (!typing(document.activeElement)) act(key);
  }
}

// Before all others: the second letter of a pair belongs to nobody else.
document.addEventListener(
  "keydown",
  (event) => {
    if (isForOthers(event) || typing(event.target) || isOff() || !goes(event)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  { capture: true },
);

document.addEventListener("keydown", (event) => {
  if (isForOthers(event)) return;
  if (event.key === "Escape" && (close() || leaveSearch(event.target))) return;
  if (typing(event.target) || (isOff() && event.key !== "?")) return;
  const waits = isWaiting && isKnown(event.key);
  if (waits) ahead.push(event.key);
  if (waits || act(event.key)) event.preventDefault();
});

document.addEventListener("htmx:afterRequest", (event) => event.detail.successful || (isDeed(event.detail) && answered()));

document.addEventListener("focusin", () => {
  const at = rows().indexOf(current());
  if (at >= 0) place = at;
});

document.addEventListener("click", (event) => {
  remember(event.target.closest("[data-open]"));
  if (event.target.closest("[data-close]") && event.target.closest("[data-slot]")) {
    event.preventDefault();
    close();
  }
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// What the list takes with it when it is replaced: the focus, the selection.
let kept = null;

function count() {
  const selected = document.querySelectorAll("[data-select]:checked").length;
  for (const place of document.querySelectorAll("[data-bulk-count]")) place.textContent = `${selected} selected`;
}

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target?.id !== "queue") return;
  // No poll pulls an open form away from under somebody's fingers, nor what is being done; arrivals.js counts what it brought.
  if (event.detail.requestConfig.verb === "get" && (isWaiting || document.querySelector("[data-slot] form"))) {
    event.detail.shouldSwap = false;
    return;
  }
  const focused = document.activeElement;
  kept = {
    row: current()?.id,
    part: ["data-select", "data-open", "data-accept", "data-reject"].find((name) => focused?.hasAttribute(name)),
    selected: new Set([...document.querySelectorAll("[data-select]:checked")].map((box) => box.value)),
    isDeed: event.detail.requestConfig?.verb === "post",
  };
});

function restore() {
  for (const box of document.querySelectorAll("[data-select]")) box.checked = kept.selected.has(box.value);
  count();
  const row = kept.row && document.getElementById(kept.row);
  if (kept.isDeed) goOn(row);
  else if (row) (kept.part ? (row.querySelector(`[${kept.part}]`) ?? row) : row).focus({ preventScroll: true });
  kept = null;
}

// After a decision the next lead that waits for one; after an undo the lead itself.
function goOn(row) {
  if (!row) return select(place);
  if (!row.classList.contains("is-decided")) return row.focus();
  const all = rows();
  const next = all.slice(all.indexOf(row) + 1).find((one) => !one.classList.contains("is-decided"));
  select(all.indexOf(next ?? row));
}

document.addEventListener("change", (event) => event.target.matches("[data-select]") && count());

// A form that came back refused begins at what it asks for, else at the reason that was chosen.
function begin(slot) {
  const chosen = slot.querySelector("input[type=radio]:checked");
  const note = chosen?.hasAttribute("data-needs-note") && slot.querySelector("textarea");
  const asked = slot.querySelector(".field:has(.errorlist) :is(input, textarea)");
  (asked ?? (note && !note.value ? note : chosen) ?? slot.querySelector("input[type=radio], [autofocus]"))?.focus();
}

document.addEventListener("htmx:afterSettle", (event) => {
  const slot = event.detail.target;
  // Said once for each element that came: the focus may have gone on.
  const isNew = slot?.hasAttribute("data-slot") && !slot.contains(document.activeElement);
  if (isNew) begin(slot);
  else if (kept) restore();
  if (isDeed(event.detail)) answered();
});

// Arrived by m.
const meeting = location.hash === "#meeting" && document.querySelector('[data-step="m"]');
if (meeting) {
  meeting.open = true;
  meeting.querySelector("input:not([type=hidden])")?.focus();
}

document.querySelector("[data-first] input:not([type=hidden])")?.focus();
comeBack();
