// One-letter shortcuts of every page. They do nothing while somebody types, and those for rows nothing where there are no rows.
import { areShortcutsOff, hasModifier, isTextField } from "./lib.js";
import "./list_refresh.js";
import { acceptTicked, chooseReason, closeForm, openLeadAt, press, undo } from "./row_actions.js";
import { currentRow, leaveSearch, moveSelection, restoreRememberedRow } from "./row_selection.js";
import { showShortcuts } from "./shortcut_help.js";
import { isAnswerAwaited, isRowAction, keepForLater, replayKeys } from "./type_ahead.js";

function focusSearch() {
  const search = document.querySelector("input[type=search]");
  search?.focus();
  return Boolean(search);
}

const actions = {
  j: () => moveSelection(1),
  k: () => moveSelection(-1),
  ArrowDown: () => currentRow() && moveSelection(1),
  ArrowUp: () => currentRow() && moveSelection(-1),
  Enter: () => document.activeElement?.matches("[data-row]") && press("[data-open]"),
  a: () => press("[data-accept]"),
  r: () => press("[data-reject]"),
  u: undo,
  c: () => openLeadAt("attempt"),
  m: () => openLeadAt("meeting"),
  x: () => press("[data-select]"),
  A: acceptTicked,
  "/": focusSearch,
  "?": showShortcuts,
};

const isDigit = (key) => /^[0-9]$/.test(key);
const isKnown = (key) => isDigit(key) || key in actions;
const isForOthers = (event) => hasModifier(event) || Boolean(document.querySelector("dialog[open]"));

function act(key) {
  const result = isDigit(key) ? chooseReason(key) : actions[key]?.();
  return result !== undefined && result !== false;
}

const replay = () => replayKeys((key) => isTextField(document.activeElement) || act(key));

// g, then the first letter of an entry of the navigation: go to that page.
let isGoing = false;

function goToPage(key) {
  if (!isGoing) {
    isGoing = key === "g";
    return isGoing;
  }
  isGoing = false;
  const link = document.querySelector(`[data-go="${CSS.escape(key)}"]`);
  link?.click();
  return Boolean(link);
}

// Runs first (capture): after g, the next letter chooses a page and must not trigger a row action.
document.addEventListener(
  "keydown",
  (event) => {
    if (isForOthers(event) || isTextField(event.target) || areShortcutsOff() || !goToPage(event.key)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  { capture: true },
);

document.addEventListener("keydown", (event) => {
  if (isForOthers(event)) return;
  if (event.key === "Escape" && (closeForm() || leaveSearch(event.target))) return;
  // "?" works while the shortcuts are off: the dialog is where they are switched on again.
  if (isTextField(event.target) || (areShortcutsOff() && event.key !== "?")) return;
  const isEarly = isAnswerAwaited() && isKnown(event.key);
  if (isEarly) keepForLater(event.key);
  if (isEarly || act(event.key)) event.preventDefault();
});

// Registered after list_refresh.js, which has put the focus back by now.
document.addEventListener("htmx:afterSettle", (event) => isRowAction(event.detail) && replay());
// A failed request settles nothing, and the kept keys must not wait for ever.
document.addEventListener("htmx:afterRequest", (event) => event.detail.successful || (isRowAction(event.detail) && replay()));

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// On a phone the navigation scrolls sideways, so show the entry of this page.
document.querySelector(".nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

// The shortcut m of the queue leads here.
const meeting = location.hash === "#meeting" && document.querySelector('[data-step="m"]');
if (meeting) {
  meeting.open = true;
  meeting.querySelector("input:not([type=hidden])")?.focus();
}

document.querySelector("[data-first] input:not([type=hidden])")?.focus();
restoreRememberedRow();
