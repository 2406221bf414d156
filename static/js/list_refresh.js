// A list that the server sends anew keeps what somebody was doing: the focus, the ticked rows, an open form.
import { showTickedCount } from "./row_actions.js";
import { currentRow, rows, selectLastRow, selectRow } from "./row_selection.js";
import { isAnswerAwaited } from "./type_ahead.js";

const FOCUSABLE_PARTS = ["data-select", "data-open", "data-accept", "data-reject"];
let before = null;

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target?.id !== "queue") return;
  const isPoll = event.detail.requestConfig.verb === "get";
  // A poll must not remove an open form or a row with a request under way. new_lead_marker.js counts the leads it brought.
  if (isPoll && (isAnswerAwaited() || document.querySelector("[data-slot] form"))) {
    event.detail.shouldSwap = false;
    return;
  }
  const focused = document.activeElement;
  before = {
    rowId: currentRow()?.id,
    part: FOCUSABLE_PARTS.find((name) => focused?.hasAttribute(name)),
    ticked: new Set([...document.querySelectorAll("[data-select]:checked")].map((box) => box.value)),
    isDecision: event.detail.requestConfig?.verb === "post",
  };
});

// After a decision select the next lead that waits for one; after an undo the lead itself.
function selectNextUndecided(row) {
  if (!row) return selectLastRow();
  if (!row.classList.contains("is-decided")) return row.focus();
  const all = rows();
  const next = all.slice(all.indexOf(row) + 1).find((other) => !other.classList.contains("is-decided"));
  selectRow(all.indexOf(next ?? row));
}

function restore() {
  for (const box of document.querySelectorAll("[data-select]")) box.checked = before.ticked.has(box.value);
  showTickedCount();
  // A form that opened since the list was swapped already has the focus, and keys typed ahead belong to it.
  if (document.activeElement?.closest("[data-slot] form")) {
    before = null;
    return;
  }
  const row = before.rowId && document.getElementById(before.rowId);
  const part = row && before.part && row.querySelector(`[${before.part}]`);
  if (before.isDecision) selectNextUndecided(row);
  else if (row) (part || row).focus({ preventScroll: true });
  before = null;
}

// A form that came back refused gets the focus at the refused field, a new one at its first reason.
function focusForm(slot) {
  const chosen = slot.querySelector("input[type=radio]:checked");
  const note = chosen?.hasAttribute("data-needs-note") && slot.querySelector("textarea");
  const refused = slot.querySelector(".field:has(.errorlist) :is(input, textarea)");
  const start = refused ?? (note && !note.value ? note : chosen);
  (start ?? slot.querySelector("input[type=radio], [autofocus]"))?.focus();
}

document.addEventListener("htmx:afterSettle", (event) => {
  const slot = event.detail.target;
  // htmx fires this for each element that came; by the second one the focus may have gone on within the form.
  const isNewForm = slot?.hasAttribute("data-slot") && !slot.contains(document.activeElement);
  if (isNewForm) focusForm(slot);
  else if (before) restore();
});
