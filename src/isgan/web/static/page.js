// Tabs, the list of models, and the two forms.
import { get } from "./api.js";
import { $, element } from "./dom.js";
import { startHiding } from "./hide.js";
import { startRevealing } from "./reveal.js";

const tabs = [...document.querySelectorAll("[role=tab]")];

function select(tab, focus) {
  for (const other of tabs) {
    const here = other === tab;
    other.setAttribute("aria-selected", here);
    other.tabIndex = here ? 0 : -1;
    $(other.getAttribute("aria-controls")).hidden = !here;
  }
  if (focus) tab.focus();
}

for (const [place, tab] of tabs.entries()) {
  tab.addEventListener("click", () => select(tab));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) select(tabs[(place + step + tabs.length) % tabs.length], true);
    if (event.key === "Home" || event.key === "End") select(tabs[event.key === "Home" ? 0 : tabs.length - 1], true);
  });
}

// A file that misses its zone must not replace the page.
for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());

const models = new Map();
startHiding(models);
startRevealing(models);

for (const model of await get("/api/models")) {
  models.set(model.name, model);
  for (const menu of [$("model"), $("reveal-model")]) {
    const words = model.default ? " (usual)" : model.missing ? " (not installed)" : model.keyed ? "" : " (no key)";
    const option = element("option", { value: model.name }, model.name + words);
    option.disabled = Boolean(model.missing);
    const there = [...menu.options].find((other) => other.value === model.name);
    if (there) there.replaceWith(option);
    else menu.append(option);
    if (model.default) menu.value = model.name;
  }
}
