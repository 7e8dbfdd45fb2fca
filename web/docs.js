// Shows the API's own description; everything it needs comes from this server.
import { showLive } from "./live.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", paint);
paint();

const toLive = location.hash === "#live";
const rest = new Promise((onComplete) => {
  SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#docs",
    deepLinking: !toLive, // or Swagger UI takes it for its own tag of that name
    tryItOutEnabled: true,
    validatorUrl: null,
    onComplete,
  });
});

const live = document.querySelector("#live");
await Promise.all([rest, showLive(live)]);
if (toLive) live.scrollIntoView();
