// Shows the AsyncAPI document below the REST API: messages, their fields, and close codes.

const element = (name, ...children) => {
  const made = document.createElement(name);
  made.append(...children);
  return made;
};
const code = (text) => element("code", text);
const row = (...cells) => element("tr", ...cells.map((cell) => element("td", cell)));
const table = (heads, rows) =>
  element("table", element("tr", ...heads.map((head) => element("th", head))), ...rows);

const nameOf = (reference) => reference.split("/").pop();

function typeOf(shape) {
  if (shape.$ref) return nameOf(shape.$ref);
  if (shape.anyOf) return shape.anyOf.map(typeOf).join(" or ");
  if (shape.items) return `list of ${typeOf(shape.items)}`;
  return shape.enum?.join(" | ") ?? shape.type ?? "any";
}

function messageTable(message, schemas) {
  const schema = schemas[nameOf(message.payload.$ref)];
  const required = schema.required ?? [];
  const fields = Object.entries(schema.properties)
    .filter(([name]) => name !== "type")
    .map(([name, shape]) =>
      row(code(required.includes(name) ? name : `${name}?`), typeOf(shape), shape.description ?? ""),
    );
  const parts = [element("h4", code(message.name)), element("p", message.description)];
  return fields.length ? [...parts, table(["Field", "Type", ""], fields)] : parts;
}

const answer = await fetch("/asyncapi.json");
const { info, operations, components, channels } = await answer.json();
const messagesOf = ({ messages }) => messages.map(({ $ref }) => components.messages[nameOf($ref)]);
const closeCodes = Object.entries(channels.live["x-close-codes"]);

document.querySelector("#live").append(
  element("h2", "Live: ", code(channels.live.address)),
  element("p", info.description),
  ...Object.values(operations).flatMap((operation) => [
    element("h3", operation.summary),
    ...messagesOf(operation).flatMap((message) => messageTable(message, components.schemas)),
  ]),
  element("h3", "Why a socket was closed"),
  table(["Code", "Meaning"], closeCodes.map(([number, reason]) => row(code(number), reason))),
);
