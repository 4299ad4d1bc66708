// The tab that hides.
import { attended, fail, forPage, parts, post, work } from "./api.js";
import { $, describe, dropZone, element, sentence, showButton, size } from "./dom.js";
import { Preview } from "./preview.js";
import { showResult } from "./result.js";

export const RISKS = ["low", "medium", "high"];
const AUTOMATIC = 29; // of the quality slider
const QUALITIES = [
  [39, "no difference is visible"], [36, "only the finest detail is a little softer"],
  [33, "small detail is softer"], [0, "clearly recognisable, with visibly less detail"],
];

export function startHiding(models) {
  const state = { cover: null, secret: null, coverCopy: null, coverSeen: null, secretCopy: null, capacity: null, pixels: null };
  const model = () => models.get($("model").value);
  const network = () => model()?.scheme === "neural";
  const preview = new Preview();

  const options = () => ({
    model: $("model").value, risk: RISKS[$("risk").value], quality: Number($("quality").value) === AUTOMATIC || $("exact").checked ? "" : $("quality").value,
    exact: $("exact").checked, gray: $("gray").checked,
  });

  dropZone($("cover-drop"), $("cover"), async (file) => {
    Object.assign(state, { cover: file, coverCopy: null, capacity: null });
    stale();
    measure();
    await lookAtCover();
  });
  dropZone($("secret-drop"), $("secret"), async (file) => {
    Object.assign(state, { secret: file, secretCopy: null, pixels: null });
    stale();
    await lookAtSecret();
  });
  const lookAtCover = () => look(state.cover, "cover", (facts, blobs) => Object.assign(state, { coverCopy: blobs.copy, coverSeen: blobs.reduced }));
  const lookAtSecret = () => look(state.secret, "secret", (facts, blobs) => {
    Object.assign(state, { secretCopy: blobs.copy, pixels: facts.picture ? facts.width * facts.height : null });
  });
  function lookAgain() {
    stale();
    measure();
    if (state.cover) lookAtCover();
    if (state.secret) lookAtSecret();
  }
  showButton($("phrase-show"), $("phrase"), $("again"));
  $("phrase-show").addEventListener("click", () => { $("again-field").hidden = $("phrase").type === "text"; });

  /** What a file is; the newest alone counts. */
  async function look(file, which, found) {
    const told = $(`${which}-told`);
    told.replaceChildren();
    try {
      const { facts, files, notes } = await post("inspect", { file, frame: $("frame").value });
      const blobs = await parts(files, "copy", "reduced");
      if (state[which] !== file) return;
      describe($(`${which}-drop`), facts.picture ? `${facts.width} × ${facts.height}, ${size(file.size)}` : size(file.size), blobs.copy);
      told.append(...notes.map((note) => element("p", { class: "hint" }, sentence(forPage(note)))));
      found(facts, blobs);
      update();
    } catch (error) {
      if (state[which] === file) told.replaceChildren(element("p", { class: "message error" }, sentence(error.message)), ...remedies(error.message));
    }
  }

  /** What the cover takes at each risk. */
  async function measure() {
    const file = state.cover, told = $("risk-told");
    state.capacity = null;
    $("cover-told").querySelector(".measured")?.remove();
    if (!file || network()) return update();
    told.textContent = "Measuring the photograph …";
    try {
      const asked = { cover: file, model: $("model").value, scale: $("scale").value, jpeg_quality: $("jpeg").value,
        frame: $("frame").value, risk: RISKS[$("risk").value] };
      const { facts } = await post("capacity", asked);
      if (state.cover !== file) return;
      state.capacity = facts;
      update();
    } catch (error) {
      if (state.cover !== file) return;
      told.textContent = "";
      const box = element("div", { class: "measured" }, element("p", { class: "message error" }, sentence(error.message)));
      box.append(...remedies(error.message));
      $("cover-told").append(box);
      update();
    }
  }

  /** Buttons for what a message advises. */
  function remedies(message) {
    const made = [];
    const offer = (words, change) => {
      const button = element("button", { type: "button", class: "quiet" }, words);
      button.addEventListener("click", () => { change(); stale(); measure(); });
      made.push(button);
    };
    const scale = message.match(/(0\.\d+) of its size/)?.[1];
    if (scale) {
      offer(`Reduce the photograph to ${scale} of its size`, () => {
        if (![...$("scale").options].some((option) => option.value === scale)) $("scale").append(element("option", { value: scale }, scale));
        $("scale").value = scale;
      });
    }
    if (message.includes("frame 1")) {
      const button = element("button", { type: "button", class: "quiet" }, "Take the first frame");
      button.addEventListener("click", () => { $("frame").value = 1; lookAgain(); });
      made.push(button);
    }
    const risk = message.match(/risk “(medium|high)”/);
    if (risk && RISKS[$("risk").value] !== risk[1]) offer(`Take risk “${risk[1]}”`, () => { $("risk").value = RISKS.indexOf(risk[1]); });
    return made;
  }

  /** After any change: words beside the sliders, and the preview. */
  function update() {
    const risk = RISKS[$("risk").value], room = state.capacity?.risks[risk];
    const shown = sentence(risk);
    $("risk-value").textContent = shown;
    $("risk").setAttribute("aria-valuetext", room ? `${shown}: takes ${size(room.bytes)}` : shown);
    if (room) $("risk-told").textContent = `The photograph takes ${size(room.bytes)}. ${room.words}`;
    const quality = Number($("quality").value), automatic = quality === AUTOMATIC;
    $("quality-value").textContent = automatic ? "Best that fits" : `${quality} dB`;
    const words = automatic ? "as good as the risk allows; where 30 dB do not fit, the picture is made smaller" : QUALITIES.find(([least]) => quality >= least)[1];
    $("quality-told").textContent = `${sentence(words)}.`;
    $("quality").setAttribute("aria-valuetext", automatic ? "Best that fits" : `${quality} decibels: ${words}`);
    $("quality").disabled = $("exact").checked || network();
    $("risk").disabled = network();
    if (network()) $("risk-told").textContent = "This model changes the whole photograph, and takes a picture of its size.";
    $("hide-phrase").disabled = $("open").checked || model()?.keyed === false;
    $("model-told").textContent = model()?.keyed === false ? "No key: anyone with isgan reads what it hides." : "The receiver needs the same.";
    preview.refresh(state, options(), risk);
  }

  function stale() {
    $("hide-result").hidden = true;
    $("preview").hidden = false;
    $("hide-error").hidden = true;
    $("hide-remedies").replaceChildren();
  }
  const change = () => { stale(); update(); };
  for (const id of ["risk", "quality"]) $(id).addEventListener("input", change);
  for (const id of ["exact", "gray", "open"]) $(id).addEventListener("change", change);
  $("frame").addEventListener("change", lookAgain);
  for (const id of ["model", "scale", "jpeg"]) $(id).addEventListener("change", () => { stale(); measure(); });
  $("risk").addEventListener("change", () => { if (state.cover && !state.capacity) measure(); });

  $("hide-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    stale();
    const open = $("open").checked, keyed = model()?.keyed !== false, phrase = $("phrase").value;
    if (!state.cover) return refuse("choose a photograph first", $("cover"));
    if (!state.secret) return refuse("choose a secret first", $("secret"));
    if (keyed && !open && !phrase) return refuse("type a pass phrase", $("phrase"));
    if (keyed && !open && $("phrase").type === "password" && phrase !== $("again").value) return refuse("the two pass phrases differ", $("again"));
    preview.stop();
    const fields = { ...options(), cover: state.cover, secret: state.secret, scale: $("scale").value, jpeg_quality: $("jpeg").value,
      frame: $("frame").value, strip_metadata: $("strip").checked, no_pass: open, pass_phrase: open || !keyed ? "" : phrase };
    const made = await attended("hide", ["Reading the photograph, compressing the secret", "Hiding", "Checking"], async (signal, progress) => {
      const found = await work("hide", fields, signal, progress);
      return { ...found, blobs: await parts(found.files, "stego", "secret", "seen", "residual") };
    });
    if (!made) return;
    for (const id of ["phrase", "again"]) $(id).value = "";
    showResult(made, state.coverSeen);
  });
  $("hide-error").addEventListener("failed", (event) => $("hide-remedies").replaceChildren(...remedies(event.detail.message)));

  function refuse(message, where) {
    fail($("hide-error"), message);
    where.focus();
  }
  update();
}
