// What asks back about a webhook: its secret, and removing it.

import { post, remove } from "../../api.js";
import { openDialog } from "../../dialogs.js";
import { element } from "../../elements.js";
import { form } from "../../forms.js";
import { formatInstant } from "../../format.js";
import { announce } from "../../notices.js";
import { copied } from "../../secrets.js";

/** Show a secret, once. */
export function showSecret({ secret, old_secret_until: until }) {
  openDialog(
    "The secret of the webhook",
    element("p", {}, "Its messages are signed with this. It is not shown again: copy it now, to where they are received."),
    copied("Secret", secret),
    until && element("p", { class: "hint" }, `The secret before it signs as well until ${formatInstant(until)}.`),
  );
}

export function rotateSecret(webhook, take) {
  const dialog = openDialog(
    "Make a new secret?",
    form(
      {},
      async () => {
        const { secret, ...rotated } = await post(`/webhooks/${webhook.id}/rotate`);
        take(rotated);
        dialog.close();
        showSecret({ ...rotated, secret });
      },
      element("p", {}, "For 24 hours messages are signed with both, so that you can put it where they are received."),
      element("button", { class: "primary" }, "Make a new secret"),
    ),
  );
}

export function removeWebhook(webhook, address) {
  const dialog = openDialog(
    "Remove the webhook?",
    form(
      {},
      async () => {
        await remove(`/webhooks/${webhook.id}`);
        dialog.close();
        announce("The webhook is removed.");
        location.hash = address;
      },
      element("p", {}, `${webhook.url} is told nothing more, and the log goes, too. This cannot be undone; to pause it, switch it off.`),
      element("button", { class: "primary" }, "Remove"),
    ),
  );
}
