// Does what links in letters ask for; their token comes after #, which no server ever sees.

const main = document.querySelector("main");
const says = document.querySelector("#says");

const say = (text) => { says.textContent = text; };

const LETTERS = {
  verify: {
    asks: "Is this e-mail address yours?",
    path: "/auth/verify-email",
    told: ({ complete }) => complete
      ? "The address is confirmed."
      : "Confirmed. The address changes as soon as the other one is confirmed, too.",
  },
  reset: {
    asks: "Choose a new password. You are signed out everywhere, and sign in with it.",
    path: "/auth/password-resets/redeem",
    told: () => "The new password is set. Sign in with it.",
  },
};

async function post(path, body) {
  const answer = await fetch(main.dataset.api + path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  const content = text ? JSON.parse(text) : {};
  if (answer.ok) return content;
  const reasons = (content.errors ?? []).map((error) => error.message);
  throw new Error(reasons.length > 0 ? reasons.join("\n") : content.detail);
}

function answerLetter(form, letter, token) {
  say(letter.asks);
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      say(letter.told(await post(letter.path, { token, ...Object.fromEntries(new FormData(form)) })));
      form.hidden = true;
    } catch (error) {
      say(error.message);
    }
    button.disabled = false;
  });
}

const [action, token] = location.hash.slice(1).split("=");
const letter = Object.hasOwn(LETTERS, action) ? LETTERS[action] : undefined;
const task = /^#\/tasks\/([0-9a-f-]+)$/.exec(location.hash);
if (letter && token) {
  history.replaceState(null, "", location.pathname); // not for whoever looks at the screen
  answerLetter(document.querySelector(`#${action}`), letter, token);
} else if (task) {
  say(`Programs read this task at ${main.dataset.api}/tasks/${task[1]}.`);
}
