// Shows a list of values (one a line in a text area) as chips with suggestions, and a range of seniority as two selects.
const form = document.getElementById("version_form");

function make(tag, attributes, text = "") {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

function read(area) {
  return area.value.split("\n").map((line) => line.trim()).filter(Boolean);
}

function write(area, values) {
  area.value = values.join("\n");
  area.dispatchEvent(new Event("input", { bubbles: true }));
}

function labelOf(line) {
  return line.querySelector('[data-input="field"] select').selectedOptions[0]?.text ?? "";
}

function chips(line, area, offered) {
  const box = make("span", { class: "e-chips" });
  const typing = make("input", { type: "text", autocomplete: "off", placeholder: "add…", "aria-label": `Add a value: ${labelOf(line)}` });
  if (offered) typing.setAttribute("list", offered.id);
  const draw = () => {
    const made = read(area).map((value) => {
      const chip = make("span", { class: "e-chip" }, value);
      const remove = make("button", { type: "button", "aria-label": `Remove ${value}` }, "×");
      remove.addEventListener("click", () => {
        write(area, read(area).filter((other) => other !== value));
        draw();
        typing.focus();
      });
      chip.append(remove);
      return chip;
    });
    box.replaceChildren(...made, typing);
  };
  const take = () => {
    const value = typing.value.trim();
    typing.value = "";
    if (!value) return;
    write(area, [...new Set([...read(area), value])]);
    draw();
    typing.focus();
  };
  // A half-typed value must not reach the form.
  typing.addEventListener("input", (event) => {
    event.stopPropagation();
    if (offered && event.inputType !== "insertText" && [...offered.options].some((option) => option.value === typing.value)) take();
  });
  typing.addEventListener("change", (event) => event.stopPropagation());
  typing.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      take();
    } else if (event.key === "Backspace" && !typing.value) {
      write(area, read(area).slice(0, -1));
      draw();
      typing.focus();
    }
  });
  typing.addEventListener("blur", () => {
    if (!typing.value.trim()) return;
    write(area, [...new Set([...read(area), typing.value.trim()])]);
    typing.value = "";
    draw();
  });
  draw();
  return box;
}

function ranks(line, area, offered, op) {
  const box = make("span", { class: "e-ranks" });
  const wanted = op === "between" ? ["from", "to"] : [""];
  const selects = wanted.map((word, at) => {
    const select = make("select", { "aria-label": `${labelOf(line)} ${word}`.trim() });
    select.append(make("option", { value: "" }, "Choose…"));
    for (const option of offered.options) select.append(make("option", { value: option.value }, option.text));
    select.value = read(area)[at]?.toLowerCase() ?? "";
    select.addEventListener("input", (event) => {
      event.stopPropagation();
      write(area, selects.map((other) => other.value).filter(Boolean));
    });
    select.addEventListener("change", (event) => event.stopPropagation());
    if (word) box.append(`${word} `);
    box.append(select, " ");
    return select;
  });
  return box;
}

form.addEventListener("accord:fitted", (event) => {
  const line = event.target;
  const place = line.querySelector('[data-input="texts"]');
  const area = place.querySelector("textarea");
  const { kind, op } = event.detail;
  const field = line.querySelector('[data-input="field"] select').value;
  const offered = document.getElementById(`values-${field}`);
  place.querySelector(".e-chips, .e-ranks")?.remove();
  area.hidden = !place.hidden;
  place.querySelector("label").hidden = true;
  if (place.hidden) return;
  const isRange = kind === "seniority" && ["at_least", "at_most", "between"].includes(op);
  // Suggestions are whole values, so they do not fit operators that look for words inside a text.
  const whole = ["in", "not_in", "has_any"].includes(op) ? offered : null;
  area.after(isRange ? ranks(line, area, offered, op) : chips(line, area, whole));
});

// editor_row_inputs.js has fitted the rows before this file listened, so fit them once more.
for (const line of form.querySelectorAll("[data-criterion]")) {
  const place = line.querySelector('[data-input="op"] select');
  place.dispatchEvent(new Event("change", { bubbles: true }));
}
