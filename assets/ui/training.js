// The cards of training runs, beside what answer.js does for copying; in the body of a function with (element, trigger).
element.addEventListener("click", (event) => {
  const use = event.target.closest("[data-use]");
  if (use) trigger("use", { run: use.dataset.use });
  const pack = event.target.closest("[data-pack]");
  if (pack) trigger("pack", { run: pack.dataset.pack });
});
