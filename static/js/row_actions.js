// What a key does to the selected row: accept, reject, undo, open. Each function returns whether there was anything to do.
import { currentRow, rememberRow } from "./row_selection.js";

// Without a selected row the whole page is searched, so that the letters also work on a lead's own page.
const scope = () => currentRow() ?? document;

export function press(selector) {
  const target = scope().querySelector(selector);
  target?.click();
  return Boolean(target);
}

// Go on to the first field that the chosen reason opens, or else to the button.
function goOn(form, reason) {
  const next = [...form.querySelectorAll("input[type=date], textarea, button[type=submit]")].find(
    (field) => field.offsetParent && (field.type !== "textarea" || reason.hasAttribute("data-needs-note")),
  );
  next?.focus();
}

// While a reason that asks for a detail is chosen, digits are those of its details, so that a slip is mended by the next one.
function chooseDetail(form, digit) {
  const reason = form?.querySelector("[data-asks-detail]:checked");
  const detail = reason?.closest(".reason-group").querySelector(`[data-detail-digit="${digit}"]`);
  detail?.click();
  if (detail) goOn(form, reason);
  return Boolean(detail);
}

export function chooseReason(digit) {
  const form = scope().querySelector("[data-reasons]");
  if (chooseDetail(form, digit)) return true;
  const reason = form?.querySelector(`[data-digit="${digit}"]`);
  if (!reason) return false;
  reason.click();
  reason.focus();
  if (!reason.hasAttribute("data-asks-detail")) goOn(form, reason);
  return true;
}

export function closeForm() {
  const button = currentRow()?.querySelector("[data-close]") ?? document.querySelector("[data-close]");
  if (!button) return false;
  const slot = button.closest("[data-slot]");
  // On a page of its own the button is a link back.
  if (!slot) {
    button.click();
    return true;
  }
  const row = button.closest("[data-row]");
  slot.replaceChildren();
  row?.focus();
  // The list was not refreshed while the form was open, so ask for it now.
  document.getElementById("queue")?.dispatchEvent(new CustomEvent("refresh"));
  return true;
}

// Undo the selected lead's decision, or else the latest one on the page; its row is selected, because the next key acts on it.
export function undo() {
  if (currentRow()?.querySelector("[data-undo]")) return press("[data-undo]");
  const finalAt = (button) => Number(button.querySelector("[data-final]").dataset.final);
  const latest = [...document.querySelectorAll("[data-undo]")].sort((one, other) => finalAt(other) - finalAt(one))[0];
  latest?.closest("[data-row]")?.focus();
  latest?.click();
  return Boolean(latest);
}

export function acceptTicked() {
  const isAny = Boolean(document.querySelector("[data-select]:checked"));
  if (isAny) document.querySelector("[data-accept-all]")?.click();
  return isAny;
}

export function showTickedCount() {
  const count = document.querySelectorAll("[data-select]:checked").length;
  for (const place of document.querySelectorAll("[data-bulk-count]")) place.textContent = `${count} selected`;
}

// Open the selected lead's page at one of its parts, for example at #attempt to log a call.
export function openLeadAt(part) {
  const link = currentRow()?.querySelector("[data-open]");
  rememberRow(link);
  if (link) location.href = `${link.href}#${part}`;
  return Boolean(link);
}

document.addEventListener("change", (event) => event.target.matches("[data-select]") && showTickedCount());

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-close]") || !event.target.closest("[data-slot]")) return;
  event.preventDefault();
  closeForm();
});
