// The page at /docs: reads /openapi.json, and lets each of its operations be tried. Everything it shows is text.

const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

/** A field for a parameter. */
const field = ({ name, in: place, description = "", schema = {}, example }) => {
  const choices = schema.enum ?? schema.anyOf?.map((one) => one.const).filter((one) => one !== undefined);
  const input = choices?.length
    ? make(
        "select",
        {},
        make("option", { value: "", textContent: "" }),
        ...choices.map((one) => make("option", { value: one, textContent: one })),
      )
    : make("input", { placeholder: schema.default === undefined ? "" : String(schema.default) });
  input.name = name;
  input.dataset.place = place;
  if (example !== undefined && place === "path") input.value = example;
  return make("label", {}, `${name} `, input, make("small", { textContent: ` ${description}` }));
};

/** What would be asked, as a URL relative to this page's server. */
const urlOf = (path, form) => {
  let filled = path;
  const query = new URLSearchParams();
  for (const input of form.querySelectorAll("[data-place]")) {
    if (input.dataset.place === "path") filled = filled.replace(`{${input.name}}`, encodeURIComponent(input.value));
    else if (input.value !== "") query.set(input.name, input.value);
  }
  const text = query.toString();
  return new URL(`.${filled}${text && `?${text}`}`, document.baseURI);
};

const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

const curlOf = (method, url, body) =>
  ["curl", ...(method === "GET" ? [] : ["-X", method]), ...(body ? ["--json", quote(body)] : []), quote(url.href)].join(
    " ",
  );

/** Asks, and shows the answer as it comes: one that follows a log does not end. */
const ask = async (method, url, body, signal, show) => {
  const token = document.getElementById("token").value;
  const response = await fetch(url, {
    method,
    signal,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body && { "content-type": "application/json" }),
    },
    ...(body && { body }),
  });
  let text = `${response.status} ${response.statusText}\n`;
  for (const name of ["location", "x-next-cursor", "retry-after"])
    if (response.headers.has(name)) text += `${name}: ${response.headers.get(name)}\n`;
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let content = "";
  for (let next = await reader?.read(); next && !next.done; next = await reader.read()) {
    content = (content + next.value).slice(-200_000);
    show(`${text}\n${content}`);
  }
  try {
    content = JSON.stringify(JSON.parse(content), null, 2);
  } catch {
    // Not one piece of JSON: as it is.
  }
  show(`${text}\n${content}`);
};

const operation = (
  path,
  method,
  { summary = "", description = "", parameters = [], requestBody, responses, ...rest },
) => {
  const form = make("form");
  const examples = Object.values(requestBody?.content["application/json"].examples ?? {});
  const body =
    requestBody && make("textarea", { value: examples[0] ? JSON.stringify(examples[0].value, null, 2) : "" });
  const curl = make("pre");
  const answer = make("pre", { hidden: true });
  const refresh = () => (curl.textContent = curlOf(method, urlOf(path, form), body?.value));
  let control;
  form.append(
    ...(description ? [make("p", { textContent: description })] : []),
    ...parameters.map(field),
    ...(body ? [make("label", {}, "body ", body)] : []),
    make("button", { textContent: "try it" }),
    curl,
    answer,
    make("p", {
      textContent: Object.entries(responses)
        .map(([status, one]) => `${status}: ${one.description}`)
        .join("; "),
    }),
  );
  form.addEventListener("input", refresh);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    control?.abort();
    control = new AbortController();
    const { signal } = control;
    answer.hidden = false;
    answer.textContent = "…";
    ask(method, urlOf(path, form), body?.value, signal, (text) => (answer.textContent = text)).catch((error) => {
      if (!signal.aborted) answer.textContent = String(error);
    });
  });
  const details = make(
    "details",
    {},
    make(
      "summary",
      {},
      make("b", { textContent: method }),
      ` ${path} `,
      make("small", { textContent: `${summary}${rest["x-scope"] ? ` (${rest["x-scope"]})` : ""}` }),
    ),
    form,
  );
  // A log that is followed ends with its page of the form.
  details.addEventListener("toggle", () => (details.open ? refresh() : control?.abort()));
  return details;
};

const main = document.getElementById("operations");
try {
  const { info, paths } = await (await fetch(new URL("openapi.json", document.baseURI))).json();
  document.getElementById("about").textContent = `${info.version}. ${info.description}`;
  main.replaceChildren(
    ...Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, one]) => operation(path, method.toUpperCase(), one)),
    ),
  );
} catch (error) {
  main.textContent = `openapi.json could not be read: ${error}`;
}
