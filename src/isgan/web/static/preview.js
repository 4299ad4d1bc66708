// What the receiver will get, about, while sliders move: from reduced copies, one request at a time.
import { fail, parts, post } from "./api.js";
import { $, element, point, residual, size } from "./dom.js";

const PAUSE = 250; // ms after the last change
const GAIN = 64;

export class Preview {
  #timer = 0;
  #running = null;
  #asked = "";

  stop() {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.#asked = "";
  }

  refresh(state, options, risk) {
    const { cover, secret, coverCopy, secretCopy, capacity, pixels } = state;
    const asked = [options.model, options.quality, options.exact, options.gray, risk, capacity?.risks[risk].bytes, cover?.name, secret?.name, secret?.size,
      secret?.lastModified, Boolean(coverCopy), Boolean(secretCopy)].join();
    if (asked === this.#asked) return;
    this.stop();
    this.#asked = asked;
    if (!capacity || !coverCopy || !secret || (pixels !== null && !secretCopy)) return this.#empty("");
    const room = capacity.risks[risk].bytes, most = capacity.risks.high.bytes;
    const whole = options.exact || pixels === null;
    if (whole && secret.size > 4 * most) {
      return this.#empty(`The secret has ${size(secret.size)}, and the photograph takes ${size(most)} at most: take a larger photograph.`);
    }
    const { quality, ...others } = options;
    const fields = { ...others, quality: whole ? "" : quality, cover: coverCopy, secret: whole ? secret : secretCopy, room, most, pixels,
      jpeg: capacity.kind === "jpeg" };
    this.#timer = setTimeout(() => this.#show(fields, room), PAUSE);
  }

  async #show(fields, room) {
    this.#running = new AbortController();
    const signal = this.#running.signal;
    $("preview").setAttribute("aria-busy", "true");
    try {
      const { facts, files } = await post("preview", fields, signal);
      const blobs = await parts(files, "secret", "stego", "residual");
      if (signal.aborted) return;
      $("preview").querySelector(".empty").hidden = true;
      $("preview").querySelector(".shown").hidden = false;
      $("preview-secret").parentElement.hidden = !blobs.secret;
      if (blobs.secret) point($("preview-secret"), blobs.secret);
      point($("preview-stego"), blobs.stego);
      await residual($("preview-residual"), blobs.residual, GAIN);
      $("fill").hidden = false;
      $("fill").querySelector("progress").value = Math.min(1, facts.bytes / Math.max(room, 1));
      $("fill-told").textContent = `About ${size(facts.bytes)} of ${size(room)} that this risk allows.`;
      const decibels = facts["secret dB"] ? [" ", element("small", {}, `about ${facts["secret dB"].toFixed(0)} dB`)] : [];
      $("preview-told").replaceChildren(element("dt", {}, "Secret"), element("dd", {}, facts.words.secret, ...decibels),
        element("dt", {}, "Photograph"), element("dd", {}, facts.words.stego));
      $("preview-error").hidden = true;
    } catch (error) {
      if (error.name !== "AbortError" && !signal.aborted) this.#empty(error.message);
    } finally {
      if (!signal.aborted) $("preview").removeAttribute("aria-busy");
    }
  }

  #empty(message) {
    $("preview").removeAttribute("aria-busy");
    $("preview").querySelector(".empty").hidden = Boolean(message);
    $("preview").querySelector(".shown").hidden = true;
    $("fill").hidden = true;
    $("preview-told").replaceChildren();
    $("preview-error").hidden = !message;
    if (message) fail($("preview-error"), message);
  }
}
