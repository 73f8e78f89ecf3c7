// Fast entry: moving through the rows by keyboard, verdicts by digits, base figures by a click, a table
// pasted into a row. Without this script each row is a form with a button of its own.

const ROW = "form.entry-row";
const entryDay = document.querySelector("[data-entry-day]")?.dataset.entryDay ?? "";

/** Rows with something typed since they were drawn. */
const dirty = new WeakSet();

const rows = () => [...document.querySelectorAll(ROW)];
const isRow = (element) => element?.matches?.(ROW) ?? false;
const isText = (element) => element.matches("input:not([type=radio], [type=checkbox]), textarea, select");

// --- Moving -------------------------------------------------------------------------------------

/** Where a row begins: at its result, a yes/no row at its verdicts. */
function firstInput(row) {
  return ['[name="value"]', '[name="verdict"]:checked', '[name="verdict"]'].map((one) => row.querySelector(one)).find(Boolean);
}

function enter(row) {
  const input = firstInput(row);
  if (!input) return;
  input.focus();
  if (input.type !== "radio") input.select();
}

/** Rows being saved after their person moved on: where to bring them back if it fails. */
const leaving = new Map();

function saveAndMove(row, step) {
  const all = rows();
  const next = all[all.indexOf(row) + step];
  if (dirty.has(row) || row.classList.contains("has-error")) {
    leaving.set(row.id, { from: document.activeElement?.id, to: next });
    row.requestSubmit(row.querySelector('.entry-foot button[type="submit"]'));
  }
  if (next) enter(next);
}

document.addEventListener("keydown", (event) => {
  const target = event.target;
  const row = target.closest?.(ROW);
  if (!row || event.isComposing || event.defaultPrevented) return;
  if (event.key === "Enter") {
    const leaves = target.matches("textarea") ? event.ctrlKey : target === row || (target.matches("input") && target.form === row);
    if (!leaves) return;
    event.preventDefault();
    saveAndMove(row, event.shiftKey ? -1 : 1);
    return;
  }
  const digit = event.code.match(/^(?:Digit|Numpad)([1-4])$/)?.[1];
  if (!digit || event.ctrlKey || event.metaKey || event.shiftKey) return;
  // Where digits are typed, the verdict needs Alt; elsewhere in the row the digit is enough.
  if (isText(target) !== event.altKey || (event.altKey && !event.code.startsWith("Digit"))) return;
  event.preventDefault();
  choose(row, Number(digit) - 1);
});

const VERDICTS = ["met", "nearly_met", "not_met", "not_applicable"];

function choose(row, place) {
  const input = row.querySelector(`input[name="verdict"][value="${VERDICTS[place]}"]`);
  if (!input) return;
  input.checked = true;
  input.focus();
  for (const name of ["input", "change"]) input.dispatchEvent(new Event(name, { bubbles: true }));
}

// A click into the row, beside its fields, gives the row itself the keys 1 to 4.
document.addEventListener("click", (event) => {
  const row = event.target.closest?.(ROW);
  if (!row || event.target.closest("input, textarea, select, button, a, label, summary")) return;
  row.tabIndex = -1;
  row.focus({ preventScroll: true });
});

// --- What was typed -----------------------------------------------------------------------------

document.addEventListener("input", (event) => {
  const row = event.target.form;
  if (!isRow(row)) return;
  dirty.add(row);
  if (["value", "part", "whole", "entered_attainment", "verdict"].includes(event.target.name)) moveDay(row);
  if (event.target.name === "whole") compareBase(row);
  if (event.target.name === "effective_on") showDay(row);
});

/** A sent row that gets a new result speaks of the present period, unless its day was chosen. */
function moveDay(row) {
  const day = row.elements.namedItem("effective_on");
  if (row.dataset.sent === undefined || !entryDay || day.value !== day.defaultValue || day.value >= entryDay) return;
  day.value = entryDay;
  showDay(row);
}

function showDay(row) {
  const [year, month, day] = row.elements.namedItem("effective_on").value.split("-");
  row.querySelector("[data-day-shown]").textContent = day ? `: ${day}/${month}/${year}` : "";
}

// --- Saved or refused ---------------------------------------------------------------------------

/** What of a row has the focus while its answer takes its place; several may be on their way. */
const kept = new Map();

document.addEventListener("htmx:beforeSwap", (event) => {
  const row = event.detail.target;
  const active = document.activeElement;
  if (isRow(row) && row.contains(active)) kept.set(row.id, { id: active.id, type: active.type });
});

document.addEventListener("htmx:afterSettle", (event) => {
  const row = event.detail.elt;
  if (!isRow(row)) return;
  dress(row);
  const left = leaving.get(row.id);
  const was = kept.get(row.id);
  leaving.delete(row.id);
  kept.delete(row.id);
  if (row.classList.contains("has-error")) {
    dirty.add(row); // what was refused is drawn anew, and still not saved
    return backTo(row, left);
  }
  if (was && document.activeElement === document.body) giveFocus(row, was);
});

/** The field with the message gets the focus, unless its person is already typing in another row. */
function backTo(row, left) {
  const elsewhere = left?.to && dirty.has(left.to);
  const code = row.querySelector(".code")?.textContent ?? "";
  if (elsewhere) return window.ntm.toast(`Chỉ tiêu ${code} chưa lưu: xem lại chỗ báo lỗi.`, "error");
  const field = row.querySelector("[data-error-summary], .is-invalid") ?? row.querySelector(".field-error")?.closest(".entry-verdict")?.querySelector("input:checked, input");
  field?.focus();
}

function giveFocus(row, was) {
  const same = was.type === "radio" ? row.querySelector('input[name="verdict"]:checked') : was.type === "submit" ? row.querySelector('.entry-foot button[type="submit"]') : document.getElementById(was.id);
  (same ?? firstInput(row))?.focus();
}

for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(name, (event) => {
    const row = event.detail.elt;
    const swapped = [400, 403, 409, 413, 422].includes(event.detail.xhr?.status);
    const left = isRow(row) && !swapped && leaving.get(row.id);
    if (!left) return;
    leaving.delete(row.id);
    if (event.detail.xhr?.status !== 401 && !(left.to && dirty.has(left.to))) document.getElementById(left.from)?.focus();
  });
}

// --- Base figures -------------------------------------------------------------------------------

/** A number as Vietnamese write it, to be compared; NaN for what is none. */
function read(text) {
  const typed = text.replace(/\s/g, "");
  const plain = /^[1-9]\d{0,2}(\.\d{3})+(,\d+)?$/.test(typed) ? typed.replaceAll(".", "") : typed;
  return plain ? Number(plain.replace(",", ".")) : NaN;
}

function compareBase(row) {
  const base = row.querySelector("[data-base]");
  const whole = row.elements.namedItem("whole");
  if (!base || !whole) return;
  const typed = whole.value.trim();
  base.hidden = read(typed) === read(base.dataset.base);
  base.querySelector("[data-base-differs]").hidden = !typed;
}

/** What a freshly drawn row needs of this script. */
function dress(row) {
  const base = row.querySelector("[data-base]");
  if (!base) return;
  row.elements.namedItem("whole").placeholder = base.dataset.base;
  base.querySelector("[data-use-base]").hidden = false;
  compareBase(row);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-use-base]");
  if (!button) return;
  const row = button.closest(ROW);
  const whole = row.elements.namedItem("whole");
  const part = row.elements.namedItem("part");
  whole.value = button.closest("[data-base]").dataset.base;
  whole.dispatchEvent(new Event("input", { bubbles: true }));
  (part.value ? whole : part).focus();
});

// --- Several rows in one step -------------------------------------------------------------------

// Such a step draws rows anew: what is typed and not saved there would be lost.
document.addEventListener("htmx:confirm", (event) => {
  if (!event.detail.elt.matches("form[data-step]") || !rows().some((row) => dirty.has(row))) return;
  event.preventDefault();
  window.ntm.toast("Có dòng đang nhập chưa lưu. Bấm Lưu ở dòng đó trước.", "error");
});

const metButton = document.querySelector("#met-form button");

function countTicks() {
  if (!metButton) return;
  const ticked = document.querySelectorAll('input[name="chosen"]:checked').length;
  metButton.hidden = !ticked;
  metButton.querySelector(".count").textContent = ticked || "";
}
document.addEventListener("change", (event) => {
  if (event.target.name === "chosen") countTicks();
});
document.addEventListener("htmx:afterSettle", countTicks);
document.addEventListener("htmx:oobAfterSwap", (event) => {
  const row = document.getElementById(event.detail.target.id);
  if (isRow(row)) dress(row);
  countTicks();
});

// --- A table pasted into a row --------------------------------------------------------------------

document.addEventListener("paste", (event) => {
  const row = event.target.form;
  const form = document.getElementById("paste-form");
  if (!form || !isRow(row) || !event.target.matches("input")) return;
  const text = event.clipboardData.getData("text/plain").replace(/[\r\n]+$/, "");
  if (!/[\n\t]/.test(text)) return;
  event.preventDefault();
  form.elements.namedItem("text").value = text;
  form.elements.namedItem("start").value = row.id.replace("row-", "");
  form.requestSubmit();
});

for (const row of rows()) dress(row);
countTicks();
const keys = document.getElementById("keys");
if (keys) keys.hidden = false;
