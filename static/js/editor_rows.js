// Adds, moves and numbers the rows of a definition version, and warns before somebody leaves with unsaved changes.
const form = document.getElementById("version_form");
const beside = document.getElementById("beside");

for (const control of form.querySelectorAll("[data-add], [data-move]")) control.hidden = false;

function listOf(prefix) {
  return form.querySelector(`[data-rows="${CSS.escape(prefix)}"]`);
}

// The rows of this list only, not those of lists inside its rows.
function lines(list) {
  return [...list.children].filter((child) => child.matches("[data-line]"));
}

function number(list) {
  lines(list).forEach((line, index) => {
    const position = [...line.querySelectorAll("[data-position]")].find((input) => input.closest("[data-line]") === line);
    if (position) position.value = index;
  });
}

function reportChange(element) {
  element.dispatchEvent(new Event("input", { bubbles: true }));
}

function add(prefix) {
  const list = listOf(prefix);
  const total = form.querySelector(`[name="${CSS.escape(prefix)}-TOTAL_FORMS"]`);
  const blank = form.querySelector(`template[data-empty="${CSS.escape(prefix)}"]`);
  const holder = document.createElement("template");
  // Replaces the number of this list only: the clauses inside a new path keep their own placeholder for later.
  holder.innerHTML = blank.innerHTML.replaceAll(`${prefix}-__prefix__`, `${prefix}-${total.value}`);
  const line = holder.content.firstElementChild;
  for (const control of line.querySelectorAll("[data-add], [data-move]")) control.hidden = false;
  total.value = Number(total.value) + 1;
  list.append(line);
  number(list);
  line.dispatchEvent(new CustomEvent("accord:line", { bubbles: true }));
  const inner = line.querySelector("[data-rows]");
  if (inner) add(inner.dataset.rows);
  return line;
}

function move(line, step) {
  const list = line.parentElement;
  const all = lines(list);
  const other = all[all.indexOf(line) + step];
  if (!other) return false;
  if (step < 0) other.before(line);
  else other.after(line);
  number(list);
  return true;
}

form.addEventListener("click", (event) => {
  const adding = event.target.closest("[data-add]");
  const moving = event.target.closest("[data-move]");
  if (adding) {
    const line = add(adding.dataset.add);
    line.querySelector("select, input:not([type=hidden]):not([type=checkbox])")?.focus();
    reportChange(line);
  } else if (moving) {
    const line = moving.closest("[data-line]");
    if (!move(line, Number(moving.dataset.move))) return;
    moving.focus();
    reportChange(line);
  }
});

// The browser asks before it leaves a page with unsaved changes.
let isTyped = form.querySelector(".errornote") !== null;
let isSaving = false;
const unsaved = form.querySelector("[data-unsaved]");

function show() {
  unsaved.hidden = !isTyped;
}

show();
form.addEventListener("input", () => {
  isTyped = true;
  show();
});
form.addEventListener("submit", () => {
  isSaving = true;
  for (const list of form.querySelectorAll("[data-rows]")) number(list);
});
window.addEventListener("beforeunload", (event) => {
  if (isTyped && !isSaving) event.preventDefault();
});

// The panel compares with the stored version: after an edit and its reverse nothing is unsaved.
document.addEventListener("htmx:afterSwap", () => {
  const panel = document.getElementById("panel");
  if (!panel) return;
  isTyped = panel.dataset.saved === "no";
  show();
});
for (const name of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(name, () => beside.classList.add("is-unreachable"));
}
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) beside.classList.remove("is-unreachable");
});

// A link of the panel scrolls to its row and focuses the row's first field.
document.addEventListener("click", (event) => {
  const link = event.target.closest('#panel a[href^="#"]');
  const row = link && document.getElementById(decodeURIComponent(link.hash.slice(1)));
  if (!row) return;
  event.preventDefault();
  row.scrollIntoView({ block: "center" });
  (row.matches("input, select, textarea") ? row : row.querySelector("select, input:not([type=hidden]), textarea"))?.focus({ preventScroll: true });
});
