// The selected row of a list is the one that holds the focus: j and k move it, and coming back to the queue restores it.
const LEFT_ROW = "accord.queue.left";
let lastIndex = 0;

export const rows = () => [...document.querySelectorAll("[data-row]")];
export const currentRow = () => document.activeElement?.closest("[data-row]");

export function selectRow(index) {
  const all = rows();
  if (!all.length) return;
  lastIndex = Math.max(0, Math.min(index, all.length - 1));
  all[lastIndex].focus();
  all[lastIndex].scrollIntoView({ block: "nearest" });
}

// The place in the list outlives its row, which may leave the list with a decision.
export const selectLastRow = () => selectRow(lastIndex);

export function moveSelection(step) {
  const index = rows().indexOf(currentRow());
  selectRow(index < 0 ? 0 : index + step);
}

export function rememberRow(link) {
  const row = link?.closest("#queue [data-row]");
  if (row) sessionStorage.setItem(LEFT_ROW, row.id);
}

export function restoreRememberedRow() {
  if (!document.getElementById("queue")) return;
  const row = document.getElementById(sessionStorage.getItem(LEFT_ROW) ?? "");
  sessionStorage.removeItem(LEFT_ROW);
  if (row) selectRow(rows().indexOf(row));
  // After a search the first hit is the lead that was looked for.
  else if (document.querySelector("input[type=search]")?.value) selectRow(0);
}

// Escape in the search field goes to the hits and leaves the text as it is.
export function leaveSearch(target) {
  if (!target.matches("input[type=search]") || !rows().length) return false;
  selectLastRow();
  return true;
}

document.addEventListener("focusin", () => {
  const index = rows().indexOf(currentRow());
  if (index >= 0) lastIndex = index;
});

document.addEventListener("click", (event) => rememberRow(event.target.closest("[data-open]")));
