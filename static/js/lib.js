// Shared by several scripts of the pages. Importing this file changes nothing on a page.
const SHORTCUTS_OFF = "accord.keys.off";
const clockOffset = Number(document.body.dataset.now) * 1000 - Date.now();

// Seconds since 1970 by the server's clock: the clock of somebody's computer may be wrong.
export const serverNow = () => (Date.now() + clockOffset) / 1000;

// Letters belong to the field while somebody types in one. Buttons, radios and checkboxes take no letters.
export const isTextField = (target) =>
  target.matches("input:not([type=radio]):not([type=checkbox]):not([type=submit]), textarea, select, [contenteditable]");

// Keys with these belong to the browser.
export const hasModifier = (event) => event.ctrlKey || event.metaKey || event.altKey;

// One setting for each browser, not for each person: it depends on the keyboard and on assistive software.
export const areShortcutsOff = () => localStorage.getItem(SHORTCUTS_OFF) === "1";

export function switchShortcuts(isOn) {
  if (isOn) localStorage.removeItem(SHORTCUTS_OFF);
  else localStorage.setItem(SHORTCUTS_OFF, "1");
}

// A live region is read out at each change, so the same text is not written again.
export function announce(region, text) {
  if (region.textContent !== text) region.textContent = text;
}
