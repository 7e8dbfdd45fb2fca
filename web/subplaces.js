// The parts of a place that has several views, as links in a row.

import { element } from "./elements.js";

/** `links` are [address, name]; the one at `here` is marked. */
export const subplaces = (label, links, here) =>
  element(
    "nav",
    { class: "subplaces", "aria-label": label },
    links.map(([href, name]) => element("a", { href, "aria-current": href === here && "page" }, name)),
  );

export const projectPlaces = (projectId, here) => {
  const board = `#/projects/${projectId}`;
  const links = [
    [board, "Board"],
    [`${board}/members`, "Members"],
    [`${board}/webhooks`, "Webhooks"],
    [`${board}/settings`, "About"],
  ];
  return subplaces("Parts of the project", links, here);
};

export const settingsPlaces = (here) => {
  const links = [
    ["#/settings", "Profile"],
    ["#/settings/signing-in", "Signing in"],
    ["#/settings/sessions", "Sessions"],
    ["#/settings/tokens", "Tokens"],
    ["#/settings/agents", "Agents"],
    ["#/import", "Import and export"],
  ];
  return subplaces("Parts of the settings", links, here);
};
