// The planning form: shows only what the choices made so far ask for. The server checks the same.

function show(element, visible) {
  element.hidden = !visible;
  for (const input of element.querySelectorAll("input")) input.disabled = !visible;
}

function update() {
  for (const element of document.querySelectorAll("[data-when]")) {
    show(element, document.getElementById(element.dataset.when)?.value === element.dataset.is);
  }
  const chosen = document.querySelector('input[name="criteria_set"]:checked')?.value;
  if (!chosen) return;
  for (const set of document.querySelectorAll("[data-set]")) {
    if (!set.parentElement.hidden) show(set, set.dataset.set === chosen);
  }
}

document.addEventListener("change", update);
update();
