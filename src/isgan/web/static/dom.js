// Small helpers. Text is only ever set as text.

export const $ = (id) => document.getElementById(id);

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Shows a blob in an <img> or behind an <a>; what was there before is freed. */
export function point(target, blob, name) {
  const attribute = target.tagName === "A" ? "href" : "src";
  if (target[attribute].startsWith("blob:")) URL.revokeObjectURL(target[attribute]);
  if (blob) target[attribute] = URL.createObjectURL(blob);
  else target.removeAttribute(attribute);
  if (name) target.setAttribute("download", name);
}

export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export function size(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(bytes < 1e4 ? 1 : 0)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Draws a residual, 128 + difference, with the difference multiplied. */
export async function residual(canvas, blob, gain) {
  const image = await createImageBitmap(blob);
  canvas.width = image.width;
  canvas.height = image.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  image.close();
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  for (let place = 0; place < pixels.data.length; place += 4) {
    const value = 128 + gain * (pixels.data[place] - 128); // the array clamps
    pixels.data[place] = pixels.data[place + 1] = pixels.data[place + 2] = value;
  }
  context.putImageData(pixels, 0, 0);
}

/** Called with a file that was chosen or dropped; shows its name and size. */
export function dropZone(zone, input, chosen) {
  const show = (file) => {
    zone.querySelector(".ask").hidden = Boolean(file);
    const card = zone.querySelector(".chosen");
    card.hidden = !file;
    if (file) {
      card.querySelector("strong").textContent = file.name;
      card.querySelector("span").textContent = size(file.size);
      point(card.querySelector("img"), null);
      card.querySelector("img").hidden = true;
    }
    chosen(file);
  };
  input.addEventListener("change", () => input.files.length && show(input.files[0]));
  for (const kind of ["dragenter", "dragover"]) {
    zone.addEventListener(kind, (event) => { event.preventDefault(); zone.classList.add("over"); });
  }
  zone.addEventListener("dragleave", (event) => { if (!zone.contains(event.relatedTarget)) zone.classList.remove("over"); });
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    if (event.dataTransfer.files.length) show(event.dataTransfer.files[0]);
  });
}

/** What is known of a file, under its name, and a small picture. */
export function describe(zone, text, blob) {
  zone.querySelector(".chosen span").textContent = text;
  const image = zone.querySelector(".chosen img");
  image.hidden = !blob;
  if (blob) point(image, blob);
}

/** A button that shows what is typed into password fields. */
export function showButton(button, ...inputs) {
  button.addEventListener("click", () => {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", shown);
    button.textContent = shown ? "Hide" : "Show";
    for (const input of inputs) input.type = shown ? "text" : "password";
  });
}

export function list(target, lines) {
  target.replaceChildren(...lines.map((line) => element("li", {}, line)));
  target.hidden = !lines.length;
}
