// Runs once for each part of the answer, in the body of a function with (element, trigger, props).
let votedIn = -1;

// The server tells by it which votes the lists of this page hold already.
const votesSeen = () => Number(document.querySelector("#rounds [data-votes]")?.dataset.votes ?? 0);

// A vote by keyboard keeps its place in the list when the next answer is drawn.
new MutationObserver(() => {
  if (votedIn < 0 || document.activeElement !== document.body) return;
  const rows = element.querySelectorAll(".answer-row");
  rows[Math.min(votedIn, rows.length - 1)]?.querySelector("[data-vote]")?.focus({ preventScroll: true });
}).observe(element, { childList: true, subtree: true });

element.addEventListener("toggle", (event) => {
  const about = event.target.dataset.about;
  if (about && event.target.open) trigger("vote", { item_id: Number(about), vote: "open", seen: votesSeen() });
}, true);

element.addEventListener("click", async (event) => {
  const vote = event.target.closest("[data-vote]");
  if (vote) {
    const pressed = vote.getAttribute("aria-pressed") === "true";
    for (const other of vote.parentElement.querySelectorAll("[data-vote]")) other.setAttribute("aria-pressed", "false");
    vote.setAttribute("aria-pressed", String(!pressed));
    votedIn = event.detail === 0 ? [...element.querySelectorAll(".answer-row")].indexOf(vote.closest(".answer-row")) : -1;
    trigger("vote", { item_id: Number(vote.parentElement.dataset.item), vote: pressed ? "none" : vote.dataset.vote, seen: votesSeen() });
    return;
  }
  const start = event.target.closest("[data-press]");
  if (start) {
    document.getElementById(start.dataset.press)?.click();
    return;
  }
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    const label = copy.textContent;
    let done = true;
    try {
      await navigator.clipboard.writeText(copy.dataset.copy);
    } catch {
      done = copyWithoutClipboard(copy.dataset.copy);
    }
    copy.textContent = done ? "Copied" : "Copying is not allowed here";
    copy.parentElement.querySelector("[role=status]").textContent = copy.textContent;
    setTimeout(() => { copy.textContent = label; }, 1600);
  }
});

// Pages served without https have no clipboard.
const copyWithoutClipboard = (text) => {
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
};
