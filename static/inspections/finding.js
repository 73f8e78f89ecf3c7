// The finding form: of the indicators, offers those of the chosen criterion. Their names begin
// with the code, "5.2 …", whose first number is the criterion's.

const criterion = document.getElementById("id_criterion");
const indicator = document.getElementById("id_indicator");
const all = [...(indicator?.options ?? [])];

function update() {
  const number = criterion.selectedOptions[0]?.text.match(/^\d+/)?.[0];
  const chosen = indicator.value;
  indicator.replaceChildren(
    ...all.filter((option) => !option.value || option.text.match(/^\d+/)?.[0] === number || !/^\d/.test(option.text)),
  );
  indicator.value = [...indicator.options].some((option) => option.value === chosen) ? chosen : "";
}

if (criterion && indicator) {
  criterion.addEventListener("change", update);
  update();
}
