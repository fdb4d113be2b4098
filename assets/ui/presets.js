// Runs once for each preset row, in the body of a function with (element, trigger, props, server, upload, watch).
// A person's own presets are in this browser's localStorage and nowhere else. What is found there may be anything:
// it is shown by textContent only, checked by the server before it is used, and never written over unread.
const root = element.querySelector(".presets");
const find = (selector) => root.querySelector(selector);
const select = find(".presets-select");
const about = find(".presets-about");
const naming = find(".presets-naming");
const bringing = find(".presets-bringing");
const nameField = naming.querySelector("input");
const textField = bringing.querySelector("textarea");
const fileField = bringing.querySelector("input");
const spoken = find(".presets-status [role=status]");
const undoButton = find("[data-do=undo]");
const { key: KEY, own: OWN } = root.dataset;
const MOST = Number(root.dataset.most);
const LONGEST = Number(root.dataset.longest);
const MOST_TEXT = Number(root.dataset.text);
const GROUPS = ["choice", "generation", "prompt", "resolution", "decoding"];
const shipped = JSON.parse(root.dataset.shipped);

let entries = []; // as they are in the storage, those that cannot be read among them
let broken = null; // what was in the storage, where it is no list of presets
let chosen = ""; // the option that was set last
let lastSerial = 0;
let undo = null;
let renaming = false;
let present = props.present; // the panel's settings, as a preset has them
let resting = null; // set while somebody goes through the list
let isAsked = false; // a preset was asked for and has not come yet

const say = (text, wayBack = null) => {
  spoken.textContent = text;
  undo = wayBack;
  undoButton.hidden = wayBack === null;
};
const fold = (name) => name.trim().toLowerCase();
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isPreset = (entry) => isObject(entry) && typeof entry.name === "string" && nameProblem(entry.name) === "" &&
  GROUPS.every((group) => entry[group] === undefined || isObject(entry[group]));
const mine = () => entries.filter(isPreset).slice(0, MOST);
const optionOf = (preset) => (shipped.includes(preset) ? "shipped:" : "mine:") + preset.name;
const presetOf = (option) => [...shipped, ...mine()].find((preset) => optionOf(preset) === option);
const named = (name) => mine().find((preset) => fold(preset.name) === fold(name));
const isShipped = (name) => [...shipped.map((preset) => preset.name), OWN].some((other) => fold(other) === fold(name));

function nameProblem(name) {
  const trimmed = name.trim();
  if (!trimmed) return "Give it a name.";
  if ([...trimmed].length > LONGEST) return `A name has at most ${LONGEST} characters.`;
  return /[\p{C}\p{Zl}\p{Zp}]/u.test(trimmed) ? "The name has characters that cannot be shown." : "";
}

// ---- the browser's storage ----

const read = () => {
  broken = null;
  entries = [];
  let text = null;
  try {
    text = localStorage.getItem(KEY);
  } catch {
    return "This browser keeps nothing for this page, so presets can only be exported.";
  }
  if (text === null) return "";
  try {
    const kept = JSON.parse(text);
    if (kept.version !== 1 || !Array.isArray(kept.presets)) throw new Error("not ours");
    entries = kept.presets;
  } catch {
    broken = text;
    return "What this browser keeps as presets cannot be read. It is left as it is, and set aside when you save.";
  }
  const unread = entries.length - mine().length;
  return unread ? `${unread} of ${entries.length} presets in this browser cannot be read. They are left as they are.` : "";
};

// False where the browser refuses; then nothing has changed.
const write = (changed) => {
  try {
    if (broken !== null) localStorage.setItem(`${KEY}.unread.${Date.now()}`, broken);
    localStorage.setItem(KEY, JSON.stringify({ version: 1, presets: changed }));
  } catch {
    say("This browser could not keep it: its storage is full or closed. Export writes it to a file instead.");
    return false;
  }
  broken = null;
  entries = changed;
  window.dispatchEvent(new CustomEvent(KEY, { detail: root }));
  return true;
};

const changeTo = (changed, text) => {
  const before = entries;
  if (!write(changed)) return false;
  say(text, () => { if (write(before)) say("It is as it was."); draw(); });
  return true;
};

// ---- what is shown ----

const same = (one, other) => {
  if (!isObject(one) || !isObject(other)) return JSON.stringify(one) === JSON.stringify(other);
  return Object.keys(one).every((name) => same(one[name], other[name]));
};

const isPresent = (preset) => {
  const keeps = Array.isArray(preset.keeps) ? preset.keeps : [];
  return GROUPS.every((group) => {
    if (keeps.includes(group) || preset[group] === undefined) return true;
    const asked = Object.entries(preset[group]).filter(([name]) => !keeps.includes(name));
    return asked.every(([name, value]) => same(value, present[group][name]));
  });
};

const makeOption = (preset) => {
  const option = document.createElement("option");
  option.value = optionOf(preset);
  option.textContent = preset.name;
  return option;
};

const makeGroup = (label, presets) => {
  const group = document.createElement("optgroup");
  group.label = label;
  group.append(...presets.map(makeOption));
  return group;
};

const mark = () => {
  if (resting !== null || isAsked) return;
  const fitting = isObject(present) ? [...shipped, ...mine()].filter(isPresent) : [];
  const now = fitting.find((preset) => optionOf(preset) === chosen) ?? fitting.at(-1);
  select.value = now ? optionOf(now) : "";
  about.textContent = !now ? "They are no preset: Save gives them a name."
    : now.about ?? "Yours, kept in this browser alone.";
  const isMine = now !== undefined && !shipped.includes(now);
  for (const what of ["rename", "delete"]) {
    const button = find(`[data-do=${what}]`);
    button.setAttribute("aria-disabled", String(!isMine));
    button.title = isMine ? "" : "Only of a preset of yours that is set.";
  }
};

const draw = () => {
  const none = document.createElement("option");
  none.value = "";
  none.textContent = OWN;
  const own = mine();
  select.replaceChildren(none, makeGroup("Shipped", shipped), ...(own.length ? [makeGroup("Yours", own)] : []));
  mark();
};

// ---- what can be done ----

const open = (form, field) => {
  const isOpen = !form.hidden;
  close();
  if (isOpen) return;
  form.hidden = false;
  say("");
  field.focus();
  field.select();
  find(`[data-do=${form === bringing ? "import" : renaming ? "rename" : "save"}]`).setAttribute("aria-expanded", "true");
};

const close = () => {
  const button = find("[aria-expanded=true]");
  const wasInside = naming.contains(document.activeElement) || bringing.contains(document.activeElement);
  naming.hidden = bringing.hidden = true;
  button?.setAttribute("aria-expanded", "false");
  if (wasInside) button?.focus();
};

const openNaming = (isRenaming) => {
  renaming = isRenaming;
  const preset = presetOf(select.value);
  const isMine = preset && !shipped.includes(preset);
  nameField.value = isMine ? preset.name : "";
  naming.querySelector("[type=submit]").textContent = isRenaming ? "Rename" : "Save";
  open(naming, nameField);
};

const exportPreset = () => {
  const preset = presetOf(select.value) ?? present;
  if (!isObject(preset)) return say("A setting has a value that cannot be, so there is nothing to export.");
  const { about: _, ...plain } = preset;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(plain, null, 2) + "\n"], { type: "application/json" }));
  const slug = preset.name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "");
  link.download = `${slug || "preset"}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  say(`“${preset.name}” was exported. From the command line: recommend --preset ${link.download}`);
};

const deletePreset = () => {
  const preset = presetOf(select.value);
  if (changeTo(entries.filter((entry) => entry !== preset), `“${preset.name}” was deleted.`)) draw();
};

const rename = (name) => {
  const preset = presetOf(select.value);
  const other = named(name);
  if (other && other !== preset) return say("Another preset of yours has this name.");
  const renamed = { ...preset, name: name.trim() };
  if (!changeTo(entries.map((entry) => (entry === preset ? renamed : entry)), `“${preset.name}” is “${renamed.name}” now.`)) return;
  chosen = optionOf(renamed);
  draw();
  close();
};

const keep = (preset, text, isNow) => {
  const old = named(preset.name);
  if (!old && mine().length >= MOST) return say(`This browser keeps ${MOST} presets. Delete one first.`);
  const changed = old ? entries.map((entry) => (entry === old ? preset : entry)) : [...entries, preset];
  if (!changeTo(changed, old ? `${text} It took the place of the one of this name.` : text)) return;
  if (isNow) {
    chosen = optionOf(preset);
    present = preset;
  }
  draw();
  close();
};

// An imported preset takes nobody's place.
const freeName = (name) => {
  const taken = (wanted) => isShipped(wanted) || named(wanted);
  if (!taken(name)) return name;
  for (let number = 2; ; number += 1) {
    const wanted = `${[...name].slice(0, LONGEST - 4).join("").trim()} ${number}`;
    if (!taken(wanted)) return wanted;
  }
};

const actions = {
  save: () => openNaming(false),
  rename: () => openNaming(true),
  delete: deletePreset,
  export: exportPreset,
  import: () => open(bringing, textField),
  restore: () => trigger("restore", {}),
  cancel: close,
  undo: () => { find("[data-do=save]").focus(); undo?.(); },
};

root.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (!button) return;
  if (button.getAttribute("aria-disabled") === "true") return say(button.title);
  actions[button.dataset.do]();
});

naming.addEventListener("submit", (event) => {
  event.preventDefault();
  const name = nameField.value;
  const problem = nameProblem(name) || (isShipped(name) ? "A shipped preset has this name." : "");
  if (problem) return say(problem);
  if (renaming) return rename(name);
  trigger("save", { name: name.trim() });
});

bringing.addEventListener("submit", (event) => {
  event.preventDefault();
  trigger("bring", { text: textField.value.slice(0, MOST_TEXT + 1) });
});

fileField.addEventListener("change", async () => {
  const [file] = fileField.files;
  fileField.value = "";
  if (!file) return;
  if (file.size > 4 * MOST_TEXT) return say("The file is too large for a preset.");
  textField.value = await file.text();
  trigger("bring", { text: textField.value.slice(0, MOST_TEXT + 1) });
});

root.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !(naming.hidden && bringing.hidden)) close();
});

// Arrow keys on a closed list change it step by step: the one where they rest is set.
select.addEventListener("change", () => {
  clearTimeout(resting);
  resting = null;
  const preset = presetOf(select.value);
  if (!preset) return mark();
  about.textContent = preset.about ?? "";
  resting = setTimeout(() => {
    resting = null;
    isAsked = true;
    chosen = optionOf(preset);
    trigger("pick", shipped.includes(preset) ? { name: preset.name } : { preset: JSON.stringify(preset) });
  }, 250);
});

watch("present", () => {
  present = props.present;
  mark();
});

watch("value", () => {
  const answer = props.value;
  if (!isObject(answer) || answer.serial === lastSerial || answer.serial === undefined) return;
  lastSerial = answer.serial;
  isAsked = false;
  if (answer.did === "saved" || answer.did === "brought") {
    const name = answer.did === "saved" ? answer.preset.name : freeName(answer.preset.name);
    textField.value = "";
    return keep({ ...answer.preset, name }, answer.text.replace(answer.preset.name, () => name), answer.did === "saved");
  }
  if (answer.did === "wrong") chosen = "";
  else present = answer.preset;
  say(answer.text);
  mark();
});

const readAgain = () => {
  const problem = read();
  if (problem) say(problem);
  draw();
};
window.addEventListener("storage", (event) => { if (event.key === KEY || event.key === null) readAgain(); });
window.addEventListener(KEY, (event) => { if (event.detail !== root) readAgain(); });
readAgain();
