// Shows the AsyncAPI document below the REST API: messages, their fields, and close codes.

const element = (name, ...children) => {
  const made = document.createElement(name);
  made.append(...children);
  return made;
};
const code = (text) => element("code", text);
const row = (...cells) => element("tr", ...cells.map((cell) => element("td", ...[cell].flat())));
const table = (heads, rows) =>
  element(
    "table",
    element("thead", element("tr", ...heads.map((head) => element("th", head)))),
    element("tbody", ...rows),
  );

// What stands between backticks is code.
const prose = (text) => text.split("`").map((part, i) => (i % 2 ? code(part) : part));
const paragraphs = (text) => text.split("\n\n").map((part) => element("p", ...prose(part)));

const nameOf = ({ $ref }) => $ref.split("/").pop();

function typeOf(shape, schemas) {
  if (shape.$ref) {
    const target = schemas[nameOf(shape)];
    return target.properties ? nameOf(shape) : typeOf(target, schemas);
  }
  if (shape.anyOf) return shape.anyOf.map((each) => typeOf(each, schemas)).join(" or ");
  if (shape.items) return `list of ${typeOf(shape.items, schemas)}`;
  if (shape.const) return JSON.stringify(shape.const);
  return shape.enum?.join(" | ") ?? shape.format ?? shape.type ?? "any";
}

function fieldTable({ properties, required = [] }, schemas) {
  const fields = Object.entries(properties).map(([name, shape]) =>
    row(
      code(required.includes(name) ? name : `${name}?`),
      typeOf(shape, schemas),
      prose(shape.description ?? ""),
    ),
  );
  return table(["Field", "Type", "Meaning"], fields);
}

const described = (name, description, schema, schemas) => [
  element("h4", code(name)),
  ...paragraphs(description),
  fieldTable(schema, schemas),
];

export async function showLive(section) {
  const answer = await fetch("/asyncapi.json");
  const { info, operations, components, channels } = await answer.json();
  const { messages, schemas } = components;
  const parts = Object.entries(schemas).filter(([name, { properties }]) => properties && !messages[name]);
  const closeCodes = Object.entries(channels.live["x-close-codes"]);

  section.append(
    element("h2", "Live: ", code(channels.live.address)),
    ...paragraphs(info.description),
    ...Object.values(operations).flatMap((operation) => [
      element("h3", operation.summary),
      ...operation.messages
        .map((reference) => messages[nameOf(reference)])
        .flatMap(({ name, description, payload }) =>
          described(name, description, schemas[nameOf(payload)], schemas),
        ),
    ]),
    element("h3", "What they are made of"),
    ...parts.flatMap(([name, schema]) => described(name, schema.description, schema, schemas)),
    element("h3", "Why a socket was closed"),
    table(["Code", "Meaning"], closeCodes.map(([number, reason]) => row(code(number), prose(reason)))),
  );
}
