// Passkeys: what the API and the browser tell each other (WebAuthn), and why it did not come off.

import { Problem } from "./api.js";

/** Whether there are passkeys in this browser at all; without a secure connection there are none. */
export const knowsPasskeys = () => Boolean(globalThis.PublicKeyCredential && navigator.credentials);

/** Make a passkey by the options of the API; returns what the API takes. */
export const makePasskey = (options) =>
  ask(() => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON?.(options) ?? creationOptions(options);
    return navigator.credentials.create({ publicKey });
  });

/** Let a passkey sign what the options of the API ask; returns what the API takes. */
export const usePasskey = (options) =>
  ask(() => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON?.(options) ?? requestOptions(options);
    return navigator.credentials.get({ publicKey });
  });

async function ask(work) {
  if (!knowsPasskeys()) throw new Problem({ code: "no_passkeys", detail: whyNone() });
  try {
    const credential = await work();
    return credential.toJSON?.() ?? toJson(credential);
  } catch (error) {
    throw new Problem({ code: "passkey_failed", detail: whyNot(error) });
  }
}

/** Say why the browser has no passkeys here, and what to do. */
export const whyNone = () =>
  isSecureContext
    ? "This browser knows no passkeys; take another one, or another way to sign in."
    : "Passkeys take a secure connection; open this page by an address that begins with https.";

function whyNot({ name, message }) {
  switch (name) {
    case "NotAllowedError":
    case "AbortError":
      return "No passkey was chosen, or it took too long. Try again, or take another way.";
    case "InvalidStateError":
      return "This device holds a passkey of yours already; take another device for one more.";
    case "SecurityError":
      return `Passkeys do not work at this address. ${elsewhere()}`;
    case "NotSupportedError":
      return "This device makes no passkey of a kind that works here; take another one.";
    default:
      return `The browser could not use the passkey (${message}). Try again, or take another way.`;
  }
}

// Browsers take no number for a name; that of this machine is known.
const elsewhere = () =>
  /^(127[.]|\[::1\])/.test(location.hostname)
    ? `Open the page as ${location.protocol}//localhost${location.port && `:${location.port}`}.`
    : "Open the page by the name that the service was given.";

// What browsers do by themselves since 2023 to 2025, for those that do not.

const creationOptions = (options) => ({
  ...options,
  challenge: toBytes(options.challenge),
  user: { ...options.user, id: toBytes(options.user.id) },
  excludeCredentials: (options.excludeCredentials ?? []).map(withBytes),
});

const requestOptions = (options) => ({
  ...options,
  challenge: toBytes(options.challenge),
  allowCredentials: (options.allowCredentials ?? []).map(withBytes),
});

const withBytes = (credential) => ({ ...credential, id: toBytes(credential.id) });

function toJson({ id, rawId, type, response }) {
  const parts = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const given = parts.filter((part) => response[part]).map((part) => [part, toText(response[part])]);
  return { id, rawId: toText(rawId), type, response: Object.fromEntries(given) };
}

const toBytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
