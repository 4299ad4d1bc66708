// The tab that reveals.
import { attended, fail, parts, post, work } from "./api.js";
import { $, describe, dropZone, list, point, showButton, size } from "./dom.js";

export function startRevealing(models) {
  let stego = null;

  dropZone($("stego-drop"), $("stego"), async (file) => {
    stego = file;
    clear();
    try {
      const { facts, files } = await post("inspect", { file });
      const { copy } = await parts(files, "copy");
      if (stego === file && facts.picture) describe($("stego-drop"), `${facts.width} × ${facts.height}, ${size(file.size)}`, copy);
    } catch (error) {
      if (stego === file) fail($("reveal-error"), error.message);
    }
  });
  showButton($("reveal-show"), $("reveal-phrase"));

  const keyless = () => models.get($("reveal-model").value)?.keyed === false;
  const open = () => { $("reveal-phrase-card").disabled = $("reveal-open").checked || keyless(); };
  $("reveal-open").addEventListener("change", open);
  $("reveal-model").addEventListener("change", open);

  function clear() {
    $("reveal-result").hidden = true;
    $("reveal-empty").hidden = false;
    $("reveal-error").hidden = true;
    $("reveal-check").textContent = "";
    point($("found"), null);
    point($("found-save"), null);
  }

  $("reveal-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    clear();
    const open = $("reveal-open").checked, phrase = $("reveal-phrase").value;
    if (!stego) return refuse("choose the stego image first", $("stego"));
    if (!phrase && !open && !keyless()) return refuse("type the pass phrase", $("reveal-phrase"));
    const fields = { stego, model: $("reveal-model").value, no_pass: open, pass_phrase: open ? "" : phrase };
    const made = await attended("reveal", ["Reading the picture", "Revealing"], async (signal, progress) => {
      const { facts, notes, files } = await work("reveal", fields, signal, progress);
      return { facts, notes, files, blobs: await parts(files, "secret", "seen") };
    });
    if (!made) return;
    const { name } = made.files.secret;
    point($("found-save"), made.blobs.secret, name);
    $("found").hidden = !made.blobs.seen;
    if (made.blobs.seen) point($("found"), made.blobs.seen);
    $("found-told").textContent = made.facts.size ? `${name}, ${made.facts.size.replace("x", "×")}` : `${name}, ${size(made.files.secret.bytes)}`;
    list($("reveal-notes"), made.notes);
    $("reveal-empty").hidden = true;
    $("reveal-result").hidden = false;
    $("reveal-phrase").value = "";
    $("reveal-done").focus();
  });

  function refuse(message, where) {
    fail($("reveal-error"), message);
    where.focus();
  }

  // Nothing found: perhaps the file itself tells why.
  $("reveal-error").addEventListener("failed", async (event) => {
    if (event.detail.kind !== "nothing found") return;
    const { facts } = await post("check", { file: stego }).catch(() => ({}));
    if (facts?.verdict) $("reveal-check").textContent = `What the file itself shows: ${facts.verdict}.`;
  });
}
