// What a cell stands for, in words, while the pointer rests on it: "1. Quy hoạch: Đạt". Written into each of
// four thousand cells it would be a third of the page.
const table = document.querySelector(".area-matrix");
table?.addEventListener("mouseover", (event) => {
  const link = event.target.closest("td.cell a");
  if (!link || link.title) return;
  const head = table.tHead.rows[0].cells[link.closest("td").cellIndex];
  const [name, number] = [".criterion-name", ".criterion-number"].map((part) => head.querySelector(part).textContent);
  link.title = `${number}. ${name}: ${link.getAttribute("aria-label")}`;
});
