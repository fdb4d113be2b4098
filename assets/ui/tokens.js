// The tokens of an answer; in the body of a function with (element, trigger, props, server, upload, watch).
// All text of a model is set by textContent, never as markup.
const card = element.querySelector("details");
const message = element.querySelector(".tokens-message");
const body = element.querySelector(".tokens-body");
const line = element.querySelector(".tokens-text");
const pop = element.querySelector(".tokens-pop");
let tokens = [];
let shown = -1;
let pinned = false;
let timer = null;

const make = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};

const percent = (share) => {
  if (share === 0) return "0 %";
  if (share < 0.0001) return "<0.01 %";
  return `${(100 * share).toFixed(share < 0.01 ? 2 : 1)} %`;
};

// A blank at either end and line ends are seen; what adds nothing yet is a part of a character.
const visible = (text) => (text === "" ? "\ufffd" : text.replaceAll("\n", "↵").replace(/^ | $/g, "␣"));

// ---- asking ----

const phase = () => document.querySelector("#answer [data-phase]")?.dataset.phase;
const isLive = () => document.querySelector("#live [role=switch][aria-checked=true]") !== null;
const runFollows = () => document.querySelector("#live [data-next]") !== null;

const ask = (milliseconds) => {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (!card.open || phase() === "busy" || runFollows()) return;
    if (document.querySelector("#answer .compare")) say("Two answers were compared; ask for one to see its tokens.");
    else trigger("look");
  }, milliseconds);
};

const say = (text) => {
  close();
  tokens = [];
  message.textContent = text;
  body.hidden = true;
};

// ---- drawing ----

const render = () => {
  const value = props.value ?? {};
  if (!Array.isArray(value.tokens)) { say(value.message ?? ""); return; }
  const focused = line.contains(document.activeElement);
  const at = shown;
  const wasPinned = pinned;
  close();
  tokens = value.tokens;
  message.textContent = "";
  body.hidden = false;
  element.querySelector(".tokens-summary").textContent = value.summary;
  line.replaceChildren(...tokens.flatMap((token, index) => {
    const button = make("button", `tok is-${token.step}${token.is_cut ? " is-cut" : ""}`, token.text.replaceAll("\n", "↵") || "·");
    button.type = "button";
    button.tabIndex = -1;
    button.dataset.index = String(index);
    button.setAttribute("aria-label", `${visible(token.text)}: ${percent(token.before)} before, ${percent(token.after)} after`);
    return token.text.includes("\n") ? [button, make("br")] : [button];
  }));
  const first = node(Math.min(Math.max(at, 0), tokens.length - 1));
  if (first) first.tabIndex = 0;
  if (at >= 0 && at < tokens.length) {
    open(at);
    pinned = wasPinned;
    if (focused) node(at).focus({ preventScroll: true });
  }
};

const node = (index) => line.querySelectorAll(".tok")[index];

const column = (name, title, list, written, share) => {
  const part = make("section", `col-${name}`);
  const rows = make("ol");
  const all = list.some((one) => one.is_written) ? list : [...list, written];
  for (const one of all) {
    const row = make("li", [one.is_written ? "is-written" : "", one.is_cut ? "is-cut" : ""].join(" "));
    const bar = make("span", "bar");
    const fill = make("i");
    fill.style.width = `${100 * one[share]}%`;
    bar.append(fill);
    row.append(make("span", "what", visible(one.text)), bar, make("span", "chance", percent(one[share])));
    if (one.marks.length) row.append(make("span", "mark", one.marks.join(", ")));
    rows.append(row);
  }
  part.append(make("h3", "", title), rows);
  return part;
};

const open = (index) => {
  const token = tokens[index];
  const at = node(index);
  if (!token || !at) return;
  if (shown !== index) close();
  shown = index;
  at.classList.add("is-shown");
  at.setAttribute("aria-describedby", pop.id);
  const head = make("p", "pop-head");
  head.append(make("b", "", visible(token.text)), make("span", "", token.told));
  const both = make("div", "pop-columns");
  both.append(
    column("before", "Before the sliders", token.likeliest_before, token, "before"),
    column("after", "After", token.likeliest_after, token, "after"),
  );
  pop.replaceChildren(head, both);
  pop.hidden = false;
  place(at);
};

const place = (at) => {
  const box = body.getBoundingClientRect();
  const own = at.getBoundingClientRect();
  const most = Math.max(box.width - pop.offsetWidth - 12, 12);
  pop.style.left = `${Math.min(Math.max(own.left - box.left - 16, 12), most)}px`;
  pop.style.top = `${own.bottom - box.top + 6}px`;
};

const close = () => {
  if (shown >= 0) {
    node(shown)?.classList.remove("is-shown");
    node(shown)?.removeAttribute("aria-describedby");
  }
  shown = -1;
  pinned = false;
  pop.hidden = true;
};

// ---- pointer, touch and keyboard ----

const indexOf = (target) => {
  const found = target.closest?.(".tok[data-index]");
  return found ? Number(found.dataset.index) : -1;
};

line.addEventListener("pointerover", (event) => {
  const index = indexOf(event.target);
  if (index >= 0 && !pinned && event.pointerType !== "touch") open(index);
});
body.addEventListener("pointerleave", () => {
  if (!pinned && !line.contains(document.activeElement)) close();
});
line.addEventListener("click", (event) => {
  const index = indexOf(event.target);
  if (index < 0) return;
  const again = pinned && shown === index;
  if (again) { close(); return; }
  open(index);
  pinned = true;
  pop.scrollIntoView({ block: "nearest" });
});
line.addEventListener("focusin", (event) => {
  const index = indexOf(event.target);
  if (index < 0) return;
  for (const other of line.querySelectorAll(".tok[tabindex='0']")) other.tabIndex = -1;
  event.target.tabIndex = 0;
  if (shown !== index) open(index);
});
line.addEventListener("focusout", (event) => {
  if (!line.contains(event.relatedTarget) && !pinned) close();
});
line.addEventListener("keydown", (event) => {
  const index = indexOf(event.target);
  const to = { ArrowRight: index + 1, ArrowDown: index + 1, ArrowLeft: index - 1, ArrowUp: index - 1, Home: 0, End: tokens.length - 1 }[event.key];
  if (event.key === "Escape") close();
  if (index < 0 || to === undefined) return;
  event.preventDefault();
  pinned = false;
  node(Math.min(Math.max(to, 0), tokens.length - 1)).focus();
});
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && shown >= 0) close(); });
document.addEventListener("pointerdown", (event) => { if (pinned && !body.contains(event.target)) close(); });

// ---- what the page tells ----

card.addEventListener("toggle", () => { if (card.open) ask(0); });
document.addEventListener("live-on", () => { card.open = true; });
document.addEventListener("run-ended", () => ask(30));
document.addEventListener("recommend-moved", (event) => { if (tokens.length && !isLive() && event.detail === "shape") ask(120); });
// An answer on its way makes the tokens those of another, and another data set takes the answer away.
const look = () => {
  card.classList.toggle("is-stale", phase() === "busy");
  if (phase() === "empty" && tokens.length) say("");
};
const answer = document.getElementById("answer");
if (answer) new MutationObserver(look).observe(answer, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-phase"] });

watch("value", render);
render();
