// The dialog that lists the shortcuts, and its switch that turns them off in this browser.
import { areShortcutsOff, switchShortcuts } from "./lib.js";

export function showShortcuts() {
  document.getElementById("keys")?.showModal();
  document.querySelector("#keys [type=submit]")?.focus();
  return true;
}

for (const box of document.querySelectorAll("[data-keys-switch]")) {
  box.checked = !areShortcutsOff();
  box.addEventListener("change", () => switchShortcuts(box.checked));
}
