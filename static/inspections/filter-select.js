// A search box above a long <select>: <div data-filter-select="id" data-filter-label data-filter-hint>.
// Without JavaScript the div stays empty and the select is used as it is.

/** Lower case without diacritics, đ as d: the same folding as communes.names.search_name. */
function fold(text) {
  return text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").replace(/[đĐ]/g, "d").toLowerCase();
}

function enhance(place) {
  const select = document.getElementById(place.dataset.filterSelect);
  if (!select || select.options.length < 8) return place.remove();
  const all = [...select.options].map((option) => ({
    option,
    group: option.parentElement === select ? null : option.parentElement,
    key: fold(option.text),
  }));
  const id = `${select.id}_filter`;
  const label = document.createElement("label");
  label.className = "form-label";
  label.htmlFor = id;
  label.textContent = place.dataset.filterLabel;
  const hint = document.createElement("p");
  hint.className = "hint";
  hint.id = `${id}_hint`;
  hint.textContent = place.dataset.filterHint;
  const input = document.createElement("input");
  input.className = "form-control";
  input.type = "search";
  input.id = id;
  input.autocomplete = "off";
  input.setAttribute("aria-describedby", hint.id);
  const found = document.createElement("p");
  found.className = "hint mt-1 mb-0";
  found.setAttribute("role", "status");
  place.append(label, hint, input, found);

  input.addEventListener("input", () => {
    const words = fold(input.value).split(/\s+/).filter(Boolean);
    const kept = all.filter(({ option, key }) => !option.value || words.every((word) => key.includes(word)));
    const chosen = select.value;
    const groups = new Map();
    select.replaceChildren();
    for (const { option, group } of kept) {
      if (!group) {
        select.append(option);
        continue;
      }
      if (!groups.has(group)) {
        group.replaceChildren();
        groups.set(group, group);
        select.append(group);
      }
      group.append(option);
    }
    const matches = kept.filter(({ option }) => option.value);
    if (matches.some(({ option }) => option.value === chosen)) select.value = chosen;
    else select.value = words.length && matches.length === 1 ? matches[0].option.value : "";
    found.textContent = words.length ? `${matches.length} kết quả` : "";
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault(), select.focus();
  });
}

document.querySelectorAll("[data-filter-select]").forEach(enhance);
