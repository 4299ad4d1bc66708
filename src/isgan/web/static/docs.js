// The description of the API, from /openapi.json, with nothing from outside.
import { element, sentence } from "./dom.js";

const api = await (await fetch("/openapi.json")).json();
const main = document.getElementById("main");

function fields(schema) {
  const rows = Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const kinds = (field.anyOf ?? [field]).map((kind) => kind.format ?? kind.enum?.join(" | ") ?? kind.const ?? kind.type);
    const kind = kinds.filter((one) => one && one !== "null").join(" or ");
    const preset = field.default ?? null;
    const needed = schema.required?.includes(name) ? "required" : preset === null ? "" : `default ${preset}`;
    return element("tr", {}, element("th", { scope: "row" }, element("code", {}, name)), element("td", {}, kind), element("td", {}, needed),
      element("td", {}, sentence(field.description ?? "")));
  });
  const head = element("tr", {}, ...["Field", "Type", "", "Meaning"].map((text) => element("th", { scope: "col" }, text)));
  return element("div", { class: "scroll" }, element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
}

/** Text with `code` in it. */
const marked = (text) => text.split("`").map((part, place) => (place % 2 ? element("code", {}, part) : part));

main.append(...api.info.description.split("\n\n").map((text) => element("p", {}, ...marked(text))));
for (const [path, methods] of Object.entries(api.paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    const schema = operation.requestBody?.content["multipart/form-data"].schema;
    const answers = Object.entries(operation.responses).map(([status, answer]) => {
      const kinds = Object.keys(answer.content ?? {}).join(", ");
      return element("li", {}, element("code", {}, status), ` ${answer.description}${status === "200" && kinds ? ` (${kinds})` : ""}`);
    });
    main.append(element("section", { class: "card" },
      element("h2", {}, element("code", {}, `${method.toUpperCase()} ${path}`)),
      element("p", {}, operation.summary ?? ""),
      ...(schema ? [fields(schema)] : []),
      element("details", {}, element("summary", {}, "Answers"), element("ul", {}, ...answers))));
  }
}
