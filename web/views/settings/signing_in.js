// How one signs in: password, authenticator app, passkeys, accounts elsewhere.

import { get, getAll } from "../../api.js";
import { element, fill } from "../../elements.js";
import { attemptQuietly } from "../../notices.js";
import { settingsPlaces } from "../../subplaces.js";
import { appPart } from "./authenticator_app.js";
import { identitiesPart } from "./identities.js";
import { passkeysPart } from "./passkeys.js";
import { passwordPart } from "./password.js";
import { recoveryPart } from "./recovery_codes.js";
import { showOnce } from "./shown_once.js";

export function signingInView(session) {
  const once = element("div");
  const parts = element("div");
  const context = { session, changed };
  void load();
  const node = element(
    "main",
    { id: "main", class: "wide" },
    element("h1", { tabIndex: -1 }, "Signing in"),
    settingsPlaces("#/settings/signing-in"),
    once,
    passwordPart(session),
    parts,
  );
  return { node };

  function load() {
    return attemptQuietly(async () => {
      const [factors, passkeys, identities, providers] = await Promise.all([
        get("/users/me/second-factors"),
        getAll("/users/me/passkeys"),
        getAll("/users/me/identities"),
        get("/auth/providers"),
      ]);
      fill(
        parts,
        passkeysPart(context, passkeys),
        appPart(context, factors),
        recoveryPart(context, factors),
        identitiesPart(context, identities, providers),
      );
    });
  }

  /** Show what is true now, and turn to what was changed, or to new recovery codes. */
  async function changed(titleId, codes = []) {
    await load();
    const turn = () => document.getElementById(titleId)?.focus();
    if (codes.length === 0) {
      turn();
      return;
    }
    showOnce(once, {
      title: "Your recovery codes",
      text: "They are shown only now. Keep them where you find them without your device: each signs you in once.",
      lines: codes,
      file: "stint-recovery-codes.txt",
      kept: turn,
    });
  }
}
