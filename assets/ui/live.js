// The switch "Live"; in the body of a function with (element, trigger). Tells and is told by events of the document:
// "recommend-moved" when a control changed, with what it decides, "run-ended" when a run has, "live-on" when the switch is turned on.
const KEY = "live";
const rest = Number(element.querySelector(".live").dataset.rest);
const button = element.querySelector("[role=switch]");
let timer = null;
let asked = false;

// Storage is refused in some private windows; the switch then lives as long as the page.
const remembered = () => { try { return sessionStorage.getItem(KEY) === "on"; } catch { return false; } };
const remember = (on) => { try { sessionStorage.setItem(KEY, on ? "on" : "off"); } catch { /* kept by the page alone */ } };

const isOn = () => button.getAttribute("aria-checked") === "true";
const isRunning = () => asked || document.querySelector("#answer [data-phase=busy]") !== null;

const turn = (on) => {
  button.setAttribute("aria-checked", String(on));
  if (on) document.dispatchEvent(new Event("live-on"));
  else wait(null);
};

const wait = (milliseconds) => {
  clearTimeout(timer);
  timer = milliseconds === null ? null : setTimeout(run, milliseconds);
  // Nobody need look at the answer of a run that the next one follows.
  button.toggleAttribute("data-next", timer !== null);
};

const run = () => {
  if (isRunning()) {
    // The older run is stopped; one that is still in the queue cannot be yet.
    document.getElementById("stop")?.click();
    wait(50);
    return;
  }
  wait(null);
  asked = true;
  trigger("submit");
};

button.addEventListener("click", () => { turn(!isOn()); remember(isOn()); });
document.addEventListener("recommend-moved", (event) => { if (isOn() && event.detail === "shape") wait(rest); });
document.addEventListener("run-ended", () => { asked = false; });
if (remembered()) turn(true);
