// Making an API token, for oneself or for an agent.

import { getAll, post, Problem } from "../../api.js";
import { openDialog } from "../../dialogs.js";
import { element } from "../../elements.js";
import { field, form, input, select } from "../../forms.js";
import { chosenScopes, scopeFields } from "./scopes.js";

const DAYS = [
  ["7", "A week"],
  ["30", "30 days"],
  ["90", "90 days"],
  ["366", "A year"],
];

/** Ask what the token is for and make it at `path`; `made` gets it. */
export async function askForToken({ path, title, chosen, made }) {
  const projects = await getAll("/projects");
  const names = projects.map(({ id, name }) => [id, name]);
  const dialog = openDialog(
    title,
    form(
      {},
      async (values) => {
        const token = await post(path, bodyOf(values));
        dialog.close();
        made(token);
      },
      field("Name", input("name", { maxLength: 100, autocomplete: "off" }), "What it is for."),
      scopeFields(chosen),
      field("Only in", select("project_id", [["", "All projects"], ...names])),
      field("Works for", select("expires_in_days", DAYS, "90")),
      field(
        "Only from these addresses",
        input("networks", { required: false, autocomplete: "off", spellcheck: false, placeholder: "203.0.113.0/24" }),
        "Networks with commas between them; from everywhere when there are none.",
      ),
      element("button", { class: "primary" }, "Make the token"),
    ),
  );
  dialog.querySelector("input").focus();
}

function bodyOf(values) {
  const scopes = chosenScopes(values);
  if (scopes.length === 0) throw new Problem({ detail: "Choose at least one thing that the token may do." });
  return {
    name: values.name,
    scopes,
    expires_in_days: Number(values.expires_in_days),
    project_id: values.project_id || null,
    networks: values.networks.split(/[\s,]+/).filter(Boolean),
  };
}
