// Runs once for each picker, in the body of a function with (element, trigger, props, server, upload, watch).
// All text of people and of the catalogue is set by textContent, never as markup.
const root = element.querySelector(".picker");
const list = root.querySelector(".picker-list");
const field = root.querySelector("input");
const hitsBox = root.querySelector(".picker-hits");
const spoken = root.querySelector("[role=status]");
const most = Number(root.dataset.max);
const label = root.dataset.label;

let entries = [];
let hits = [];
let active = -1;
let asked = 0;
let timer = null;

const make = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};

const say = (text) => { spoken.textContent = text; };

const sameEntry = (a, b) => (a.item_id !== null ? a.item_id === b.item_id : b.item_id === null && a.text === b.text);

const commit = () => {
  props.value = entries.map((entry) => ({ item_id: entry.item_id, text: entry.text }));
  trigger("change");
};

// ---- the chosen movies ----

const iconButton = (className, path, name, press) => {
  const button = make("button", `picker-icon ${className}`);
  button.type = "button";
  button.setAttribute("aria-label", name);
  button.title = name;
  button.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}"/></svg>`;
  button.addEventListener("click", press);
  return button;
};

const render = () => {
  list.replaceChildren(...entries.map((entry, index) => {
    const row = make("li", entry.item_id === null ? "chip is-typed" : "chip");
    const grip = iconButton("grip", "M6 3.5h.01M10 3.5h.01M6 8h.01M10 8h.01M6 12.5h.01M10 12.5h.01",
      `Move ${entry.text}, ${index + 1} of ${entries.length}: drag, or use the arrow keys`, () => {});
    grip.addEventListener("keydown", (event) => onGripKey(event, index));
    grip.addEventListener("pointerdown", (event) => startDrag(event, index));
    const name = make("span", "chip-name");
    const found = /^(.*) (\(\d{4}\))$/s.exec(entry.text);
    if (entry.item_id !== null && found) {
      name.append(make("span", "", found[1]), make("span", "chip-year", ` ${found[2]}`));
    } else {
      name.textContent = entry.text;
    }
    name.title = entry.text;
    row.append(grip, make("span", "chip-rank", String(index + 1)), name);
    if (entry.item_id === null) row.append(make("span", "chip-note", "not in catalogue"));
    const up = iconButton("move", "M8 12.5v-9M4.5 7 8 3.5 11.5 7", `Move ${entry.text} up`, () => move(index, index - 1, "up"));
    const down = iconButton("move", "M8 3.5v9M4.5 9 8 12.5 11.5 9", `Move ${entry.text} down`, () => move(index, index + 1, "down"));
    up.disabled = index === 0;
    down.disabled = index === entries.length - 1;
    row.append(up, down, iconButton("remove", "M4.5 4.5l7 7M11.5 4.5l-7 7", `Remove ${entry.text}`, () => remove(index)));
    return row;
  }));
  list.hidden = entries.length === 0;
};

const move = (from, to, focus) => {
  if (to < 0 || to >= entries.length) return;
  entries.splice(to, 0, entries.splice(from, 1)[0]);
  render();
  say(`${entries[to].text} is now ${to + 1} of ${entries.length}`);
  const row = list.children[to];
  const wanted = focus === "up" ? row.querySelectorAll(".move")[0] : focus === "down" ? row.querySelectorAll(".move")[1] : null;
  (wanted && !wanted.disabled ? wanted : row.querySelector(".grip")).focus();
  commit();
};

const remove = (index) => {
  const [gone] = entries.splice(index, 1);
  render();
  say(`${gone.text} removed`);
  const next = list.children[Math.min(index, entries.length - 1)];
  (next ? next.querySelector(".remove") : field).focus();
  commit();
};

const add = (entry) => {
  closeHits();
  field.value = "";
  if (entries.some((known) => sameEntry(known, entry))) {
    say(`${entry.text} is already in the list`);
    const row = list.children[entries.findIndex((known) => sameEntry(known, entry))];
    row.classList.add("is-known");
    setTimeout(() => row.classList.remove("is-known"), 700);
    return;
  }
  if (entries.length >= most) {
    say(`The list is full: ${most} movies`);
    showMessage(`The list is full: at most ${most} movies. Remove one first.`);
    return;
  }
  entries.push(entry);
  render();
  list.lastElementChild.scrollIntoView({ block: "nearest" });
  say(`${entry.text} added, ${entries.length} of at most ${most}`);
  commit();
};

const onGripKey = (event, index) => {
  const step = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[event.key];
  if (step) {
    event.preventDefault();
    move(index, index + step);
  } else if (event.key === "Delete" || event.key === "Backspace") {
    event.preventDefault();
    remove(index);
  }
};

// Pointer events serve mouse, pen and touch; HTML drag and drop does not work on touch screens.
const startDrag = (event, index) => {
  if (event.button !== 0) return;
  event.preventDefault();
  const row = list.children[index];
  row.querySelector(".grip").focus();
  row.classList.add("is-dragged");
  let at = index;
  const onMove = (moved) => {
    const rows = [...list.children];
    const over = rows.findIndex((other) => {
      const box = other.getBoundingClientRect();
      return moved.clientY >= box.top && moved.clientY <= box.bottom;
    });
    if (over === -1 || over === at) return;
    list.insertBefore(row, over > at ? rows[over].nextSibling : rows[over]);
    at = over;
  };
  const onEnd = () => {
    window.removeEventListener("pointermove", onMove);
    window.removeEventListener("pointerup", onEnd);
    window.removeEventListener("pointercancel", onEnd);
    row.classList.remove("is-dragged");
    if (at !== index) move(index, at);
  };
  window.addEventListener("pointermove", onMove);
  window.addEventListener("pointerup", onEnd);
  window.addEventListener("pointercancel", onEnd);
};

// ---- the search ----

const closeHits = () => {
  clearTimeout(timer);
  asked += 1;
  hits = [];
  active = -1;
  hitsBox.hidden = true;
  hitsBox.replaceChildren();
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
};

const activate = (index) => {
  active = index;
  [...hitsBox.querySelectorAll("[role=option]")].forEach((option, at) => {
    option.setAttribute("aria-selected", String(at === index));
    if (at === index) {
      field.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    }
  });
  if (index === -1) field.removeAttribute("aria-activedescendant");
};

const showMessage = (text) => {
  hitsBox.replaceChildren(make("li", "picker-message", text));
  hitsBox.hidden = false;
  field.setAttribute("aria-expanded", "true");
};

const option = (index, entry, ...parts) => {
  const item = make("li", "hit");
  item.setAttribute("role", "option");
  item.id = `${hitsBox.id}-${index}`;
  item.setAttribute("aria-selected", "false");
  item.append(...parts);
  // pointerdown, not click: the field must not lose the focus first.
  item.addEventListener("pointerdown", (event) => { event.preventDefault(); });
  item.addEventListener("click", () => { add(entry); field.focus(); });
  item.addEventListener("pointermove", () => { if (active !== index) activate(index); });
  return item;
};

const showHits = (found, query) => {
  hits = found.map((hit) => ({ item_id: hit.item_id, text: hit.year === null ? hit.title : `${hit.title} (${hit.year})` }));
  const options = found.map((hit, index) => {
    const line = make("span", "hit-name");
    line.append(make("span", "hit-title", hit.title));
    if (hit.year !== null) line.append(make("span", "hit-year", String(hit.year)));
    const also = hit.matched_name && hit.matched_name !== hit.title ? `${hit.matched_name} · ` : "";
    return option(index, hits[index], line, make("span", "hit-genres", also + hit.genres.join(", ")));
  });
  const typed = { item_id: null, text: query };
  hits.push(typed);
  const line = make("span", "hit-name");
  line.append(make("span", "hit-title", `Add “${query}” as typed`));
  const free = option(hits.length - 1, typed, line, make("span", "hit-genres", "Not looked up: the model reads your words"));
  free.classList.add("hit-free");
  hitsBox.replaceChildren(...options, free);
  hitsBox.hidden = false;
  field.setAttribute("aria-expanded", "true");
  say(found.length ? `${found.length} movies found` : "No movie found; Enter adds the title as typed");
  activate(0);
};

const search = async (query) => {
  const mine = ++asked;
  try {
    const found = await server.search_titles(query);
    if (mine === asked && field.value.trim() === query) showHits(Array.isArray(found) ? found : [], query);
  } catch {
    if (mine === asked) showMessage("The search did not answer. Check the connection and type again.");
  }
};

field.addEventListener("input", () => {
  clearTimeout(timer);
  const query = field.value.trim();
  if (!query) { closeHits(); return; }
  timer = setTimeout(() => search(query), 90);
});

field.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const query = field.value.trim();
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (hitsBox.hidden && query) search(query);
    else if (hits.length) activate((active + (event.key === "ArrowDown" ? 1 : -1) + hits.length) % hits.length);
  } else if (event.key === "Enter") {
    event.preventDefault();
    if (hits.length && active >= 0) add(hits[active]);
    else if (query) addTyped(query);
    else trigger("submit");
  } else if (event.key === "Escape") {
    if (!hitsBox.hidden) { event.preventDefault(); closeHits(); }
    else field.value = "";
  } else if (event.key === "Backspace" && !field.value && entries.length) {
    remove(entries.length - 1);
    field.focus();
  }
});

// Enter pressed before the hits came: what was typed may still be a title of the catalogue.
const addTyped = async (query) => {
  const mine = ++asked;
  clearTimeout(timer);
  let found = [];
  try { found = await server.search_titles(query); } catch { /* offline: keep the words */ }
  if (mine !== asked) return;
  const first = found[0];
  const shown = first && (first.year === null ? first.title : `${first.title} (${first.year})`);
  const named = first && [first.title, first.matched_name, shown].some((name) => name && name.toLowerCase() === query.toLowerCase());
  add(named ? { item_id: first.item_id, text: shown } : { item_id: null, text: query });
};

field.addEventListener("blur", () => { setTimeout(() => { if (document.activeElement !== field) closeHits(); }, 120); });

const take = () => {
  const value = Array.isArray(props.value) ? props.value : [];
  if (JSON.stringify(value) === JSON.stringify(entries)) return;
  entries = value.map((entry) => ({ item_id: entry.item_id, text: String(entry.text) }));
  render();
};

watch("value", take);
take();
render();
