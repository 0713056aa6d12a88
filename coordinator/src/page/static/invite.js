// Turns the invite in the address into a session. Nothing happens before the button is pressed: programs that look
// through links before people do use nothing up.

import { Refused, SessionOver, call } from "./api.js";

const invite = location.hash.slice(1);
const enter = document.getElementById("enter");
const trouble = document.getElementById("trouble");

// Out of the address line, and out of what the browser remembers.
history.replaceState(null, "", "/invite");

if (invite === "") {
  enter.disabled = true;
  trouble.textContent = "The link is not whole: copy all of it, also what follows the sign #.";
}

enter.addEventListener("click", async () => {
  enter.disabled = true;
  trouble.textContent = "";
  try {
    await call("POST", "/session", { invite });
    location.replace("/");
  } catch (error) {
    enter.disabled = error instanceof SessionOver;
    trouble.textContent = sentence(
      error instanceof Refused || error instanceof SessionOver
        ? error.message
        : "The coordinator cannot be reached now; try again in a moment",
    );
  }
});

function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
