// Shows only those inputs of a row that its field and operator need. Hidden inputs are disabled, so the form does not send them.
const form = document.getElementById("version_form");
const table = JSON.parse(document.getElementById("questions").textContent);
const VALUES = ["low", "high", "texts", "flag", "list"];

function slot(line, name) {
  return line.querySelector(`[data-input="${name}"]`);
}

function control(line, name) {
  return slot(line, name)?.querySelector("select, textarea, input");
}

function take(line, name, isTaken) {
  const place = slot(line, name);
  if (!place) return;
  place.hidden = !isTaken;
  for (const input of place.querySelectorAll("input, select, textarea")) input.disabled = !isTaken;
}

function kindOf(line) {
  const field = control(line, "field").value;
  return field === "own" ? "own" : table.kinds[field];
}

function fit(line) {
  const kind = kindOf(line);
  const fitting = table.inputs[kind] ?? {};
  const op = control(line, "op");
  take(line, "own_field", kind === "own");
  take(line, "op", Boolean(kind));
  for (const option of op.options) option.hidden = option.disabled = option.value !== "" && !(option.value in fitting);
  if (op.selectedOptions[0]?.disabled) op.value = "";
  const taken = fitting[op.value] ?? [];
  carry(line, taken);
  for (const name of VALUES) take(line, name, taken.includes(name));
  // "is known" answers for a missing value itself.
  take(line, "unknown", taken.length > 0 && op.value !== "known");
  line.dataset.op = op.value;
  line.dataset.kind = kind ?? "";
  line.dispatchEvent(new CustomEvent("accord:fitted", { bubbles: true, detail: { kind, op: op.value } }));
}

// Changing "at least 50" into "at most" keeps the 50.
function carry(line, taken) {
  for (const [from, to] of [["low", "high"], ["high", "low"]]) {
    const source = control(line, from);
    const target = control(line, to);
    if (taken.length === 1 && taken[0] === to && !target.value && source.value) target.value = source.value;
  }
}

function clause(line) {
  const isCount = control(line, "axis").value === "";
  for (const name of ["signals", "within_hours_of_each_other", "distinct_assets", "same_asset"]) take(line, name, isCount);
  take(line, "within_days", isCount || control(line, "axis").value === "high_intent");
  const ticked = [...line.querySelectorAll('[data-input="signals"] input:checked')];
  const names = ticked.map((box) => box.closest("label").querySelector("[data-name]").textContent);
  line.querySelector(".e-picked").textContent = names.join(", ") || "choose signals…";
}

function settle(line) {
  if (line.matches("[data-criterion]")) fit(line);
  else if (line.matches("[data-clause]")) clause(line);
}

for (const line of form.querySelectorAll("[data-criterion], [data-clause]")) settle(line);
form.addEventListener("accord:line", (event) => settle(event.target));
form.addEventListener("change", (event) => {
  const line = event.target.closest("[data-line]");
  if (line && event.target.matches("select, input[type=checkbox]")) settle(line);
});
// One list of signals is open at a time, and Escape closes it.
form.addEventListener("keydown", (event) => {
  const open = event.target.closest("details.e-pick[open]");
  if (event.key !== "Escape" || !open) return;
  open.open = false;
  open.querySelector("summary").focus();
});
document.addEventListener("click", (event) => {
  for (const open of form.querySelectorAll("details.e-pick[open]")) if (!open.contains(event.target)) open.open = false;
});
