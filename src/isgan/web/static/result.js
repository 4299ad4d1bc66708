// What hiding made: the stego image, the original and their difference, and the secret as it will be received.
import { forPage } from "./api.js";
import { $, element, list, point, residual, sentence } from "./dom.js";

let difference = null;

export function showResult(made, coverSeen) {
  const { facts, files, blobs, notes } = made;
  difference = blobs.residual;
  point($("view-stego"), blobs.stego);
  point($("view-cover"), coverSeen);
  point($("stego-save"), blobs.stego, files.stego.name);
  point($("secret-save"), blobs.secret, files.secret.name);
  point($("view-secret"), blobs.seen ?? null);
  $("view-secret").hidden = !blobs.seen;
  $("hide-facts").replaceChildren(...rows(facts).flatMap(([name, words, number]) => [
    element("dt", {}, name), element("dd", {}, words, ...(number ? [" ", element("small", {}, number)] : [])),
  ]));
  list($("hide-notes"), notes.map((note) => sentence(forPage(note))));
  document.querySelector("input[name=view][value=stego]").checked = true;
  look();
  $("preview").hidden = true;
  $("hide-result").hidden = false;
  $("hide-done").focus();
}

function rows(facts) {
  const decibels = (value) => (value === null ? "" : `PSNR ${value.toFixed(1)} dB`);
  const found = [["Photograph", facts.words.stego, decibels(facts["stego dB"])]];
  if (facts.words.structure) found.push(["Structure", `${sentence(facts.words.structure)}.`, `SSIM ${facts["stego SSIM"].toFixed(4)}`]);
  found.push(["Secret", facts.words.secret, facts["secret dB"] === undefined ? "" : decibels(facts["secret dB"])]);
  if (facts["reduced from"]) found.push(["Size", `Made smaller to fit: ${facts["secret size"]} instead of ${facts["reduced from"]}.`.replaceAll(" x ", " × "), ""]);
  if (facts.changed !== undefined) found.push(["Changed", `${(100 * facts.changed).toFixed(facts.changed < 0.01 ? 2 : 0)} % of the photograph's values, by one step each.`, ""]);
  if (facts.words.risk) found.push(["Risk", facts.words.risk, ""]);
  if (facts["for more"]) found.push(["Better", `For the whole secret without visible loss: ${forPage(facts["for more"].split(" would let")[0])}.`, ""]);
  return found;
}

function look() {
  const view = document.querySelector("input[name=view]:checked").value;
  for (const name of ["stego", "cover", "residual"]) $(`view-${name}`).hidden = name !== view;
  $("gain-field").hidden = view !== "residual";
  if (view === "residual") draw();
}

function draw() {
  const gain = 2 ** $("gain").value;
  $("gain-value").textContent = `× ${gain}`;
  $("gain").setAttribute("aria-valuetext", `${gain} times`);
  if (difference) residual($("view-residual"), difference, gain);
}

for (const input of document.querySelectorAll("input[name=view]")) input.addEventListener("change", look);
$("gain").addEventListener("input", draw);
