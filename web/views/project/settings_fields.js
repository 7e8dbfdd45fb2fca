// The fields of a project, as `sharedForm` takes them: its name, how its time is billed, its rules.

import { element } from "../../elements.js";
import { input, select } from "../../forms.js";

const BILLABLE = [
  ["true", "Billable"],
  ["false", "Not billable"],
];
const STRICTNESS = [
  ["refuse", "Not possible"],
  ["warn", "Possible, with a warning"],
];
const AGENTS_COMPLETING = [
  ["complete", "They complete it"],
  ["propose", "They propose it; a person completes it"],
];

/** How many digits a currency has behind the point. */
function digitsOf(currency) {
  if (!/^[A-Z]{3}$/.test(currency ?? "")) return 2;
  return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
}

const currencyOf = (text) => text.trim().toUpperCase() || null;

export function projectFields() {
  const currency = input("settings.currency", { required: false, maxLength: 3, autocomplete: "off" });
  return {
    name: {
      label: "Name",
      control: input("name", { maxLength: 100, autocomplete: "off" }),
      shown: ({ name }) => name,
    },
    description: {
      label: "Description",
      control: element("textarea", { name: "description", rows: 4 }),
      shown: ({ description }) => description,
    },
    "settings.billable": {
      ...oneOf("settings.billable", "Time", BILLABLE, ({ billable }) => String(billable)),
      hint: "Unless an entry says otherwise",
      sent: (value) => value === "true",
    },
    "settings.hourly_rate_minor": {
      label: "Rate per hour",
      control: input("settings.hourly_rate_minor", { type: "number", min: 0, step: "any", required: false }),
      shown: ({ settings }) => shownRate(settings),
      sent: (value) => (value === "" ? null : Math.round(Number(value) * 10 ** digitsOf(currencyOf(currency.value)))),
    },
    "settings.currency": {
      label: "Currency",
      control: currency,
      hint: "Three letters, like EUR",
      shown: ({ settings }) => settings.currency ?? "",
      sent: currencyOf,
    },
    "settings.completing_blocked": oneOf(
      "settings.completing_blocked",
      "Completing a task that is blocked by an open one",
      STRICTNESS,
      (settings) => settings.completing_blocked,
    ),
    "settings.completing_parent": oneOf(
      "settings.completing_parent",
      "Completing a task that has an open subtask",
      STRICTNESS,
      (settings) => settings.completing_parent,
    ),
    "settings.agents_completing": oneOf(
      "settings.agents_completing",
      "When agents have done a task",
      AGENTS_COMPLETING,
      (settings) => settings.agents_completing,
    ),
  };
}

/** A rate is sent in minor units, which a change of the currency changes as well. */
export function withRate(changes, fields) {
  if (!("settings.currency" in changes)) return changes;
  const { control, sent } = fields["settings.hourly_rate_minor"];
  return { ...changes, "settings.hourly_rate_minor": sent(control.value) };
}

function oneOf(name, label, options, of) {
  const names = Object.fromEntries(options);
  return { label, control: select(name, options), shown: ({ settings }) => of(settings), told: (value) => names[value] };
}

function shownRate({ hourly_rate_minor: minor, currency }) {
  if (minor === null) return "";
  const digits = digitsOf(currency);
  return (minor / 10 ** digits).toFixed(digits);
}
