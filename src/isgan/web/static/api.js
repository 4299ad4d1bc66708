// The HTTP API as the page uses it.
import { $, sentence } from "./dom.js";

let token = "";

export class Failed extends Error {
  constructor(answer) {
    super(forPage(answer.error ?? "the server does not answer: is isgan serve still running?"));
    this.kind = answer.kind;
  }
}

// The terminal's options by their names on this page.
const NAMES = [
  [/, -o NAME\.jpg/g, ""], [/--risk (low|medium|high)/g, "risk “$1”"], [/--scale (0\.\d+)/g, "$1 of its size"], [/--exact/g, "“byte for byte”"],
  [/--frame (\d+)/g, "frame $1"], [/--frame/g, "frame"], [/, or a lower --min-secret-psnr/g, ""], [/--quality/g, "quality"], [/--strip-metadata/g, "“leave out a JPEG's EXIF data”"], [/--no-pass/g, "“no pass phrase”"],
  [/--jpeg-quality/g, "“file to write: JPEG”"], [/--model/g, "model"],
  [/, and see with `isgan check` .*/g, ""], // the page looks itself
  [/give pass_phrase, or isgan\.NO_PASS_PHRASE and anyone with isgan reads the secret/g, "type one"],
];
export const forPage = (text) => NAMES.reduce((said, [option, name]) => said.replace(option, name), text);

export function form(fields) {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== null && value !== undefined && value !== "" && value !== false) made.append(name, value === true ? "true" : value);
  }
  return made;
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failed({});
  }
  if (response.status === 401) {
    await askToken();
    return ask(path, options);
  }
  if (!response.ok) throw new Failed(await response.json().catch(() => ({})));
  return response;
}

let asking = null;
function askToken() {
  asking ??= new Promise((resolve) => {
    const dialog = $("token");
    dialog.addEventListener("close", () => {
      token = $("token-value").value.trim();
      $("token-value").value = "";
      asking = null;
      resolve();
    }, { once: true });
    dialog.showModal();
  });
  return asking;
}

export const get = async (path) => (await ask(path, {})).json();
export const post = async (task, fields, signal) => (await ask(`/api/${task}`, { method: "POST", body: form(fields), signal })).json();

/** Fetches parts of a result, each of which is there once: name -> Blob. */
export async function parts(files, ...names) {
  const there = names.filter((name) => files[name]);
  const blobs = await Promise.all(there.map(async (name) => (await ask(files[name].url, {})).blob()));
  return Object.fromEntries(there.map((name, place) => [name, blobs[place]]));
}

/** A job with progress: a result's facts, notes and files. */
export async function work(task, fields, signal, progress) {
  const response = await ask(`/api/${task}`, { method: "POST", body: form(fields), signal, headers: { Accept: "text/event-stream" } });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { done, value } = await reader.read().catch((error) => { if (error.name === "AbortError") throw error; return { done: true }; });
    if (done) throw new Failed({});
    waiting += value;
    const events = waiting.split("\n\n");
    waiting = events.pop();
    for (const event of events) {
      const [, name, data] = event.match(/^event: (\w+)\ndata: (.*)$/);
      const content = JSON.parse(data);
      if (name === "result") return content;
      if (name === "error") throw new Failed(content);
      progress(content.progress);
    }
  }
}

/** Shows progress, errors and a way to cancel while `job(signal, progress)` runs; what it gives, or null. */
export async function attended(prefix, words, job) {
  const box = $(`${prefix}-progress`), bar = box.querySelector("progress"), said = box.querySelector("p"), button = box.querySelector("button");
  const go = $(`${prefix}-go`), error = $(`${prefix}-error`), stop = new AbortController(), began = performance.now();
  let phase = words[0];
  const tell = () => {
    const seconds = Math.round((performance.now() - began) / 1000);
    said.firstChild ? (said.firstChild.data = phase) : said.append(phase);
    box.dataset.seconds = seconds > 2 ? `${seconds} s` : "";
  };
  const clock = setInterval(tell, 500);
  error.hidden = true;
  error.textContent = "";
  bar.removeAttribute("value");
  tell();
  box.hidden = false;
  go.disabled = true;
  const cancel = () => stop.abort();
  button.addEventListener("click", cancel);
  button.focus();
  try {
    return await job(stop.signal, (share) => {
      bar.value = share;
      phase = words[Math.min(words.length - 1, 1 + Math.floor(share * (words.length - 1)))];
      tell();
    });
  } catch (reason) {
    go.disabled = false; // before it gets the focus
    if (reason.name === "AbortError") {
      fail(error, "Stopped. Nothing was kept.");
      go.focus();
    } else {
      fail(error, reason instanceof Failed ? reason.message : `The page failed: ${reason.message}`);
      error.focus();
      error.dispatchEvent(new CustomEvent("failed", { detail: reason }));
    }
    return null;
  } finally {
    clearInterval(clock);
    button.removeEventListener("click", cancel);
    box.hidden = true;
    go.disabled = false;
  }
}

export function fail(target, message) {
  target.textContent = sentence(message);
  target.hidden = false;
}
