// Lists and tables of the Tune tab; in the body of a function with (element, trigger).
element.addEventListener("click", (event) => {
  const result = event.target.closest("[data-result]");
  if (result) trigger("select", { result: result.dataset.result });
  const cell = event.target.closest("[data-cell]");
  if (cell) trigger("use", { cell: Number(cell.dataset.cell) });
});
