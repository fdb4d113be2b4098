// Runs once for the strip of rounds, in the body of a function with (element, trigger, props).
element.addEventListener("click", (event) => {
  const way = event.target.closest("[data-rounds]")?.dataset.rounds;
  if (way === "undo") trigger("undo");
  if (way === "restart") trigger("restart");
});
