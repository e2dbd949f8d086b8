// Signing in and out. The token goes into a cookie that this page's scripts cannot read.

import { h } from "./dom.js";
import { loadPeople } from "./people.js";

async function messageOf(answer) {
  try {
    return (await answer.json()).error.message;
  } catch {
    return `The stack answers ${answer.status}.`;
  }
}

/** Sign in; resolves to what went wrong, or to "". */
async function signIn(token) {
  try {
    const answer = await fetch("/session", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }),
    });
    return answer.ok ? "" : await messageOf(answer);
  } catch {
    return "The stack does not answer.";
  }
}

export async function signOut() {
  await fetch("/session", { method: "DELETE" }).catch(() => {});
}

/** The form, with one click for the demo's admin where there is one. */
export function signInForm(ondone, why = "") {
  const problem = h("p", { class: "problem", role: "alert" }, why);
  const input = h("input", {
    type: "password", id: "token", name: "token", autocomplete: "off", spellcheck: "false", required: true, placeholder: "eyJhbGciOi…",
  });
  const send = async (token) => {
    problem.textContent = await signIn(token);
    if (!problem.textContent) ondone();
  };
  const demo = h("div", { class: "actions" });
  const form = h("form", { class: "card sign-in", onsubmit: (event) => (event.preventDefault(), send(input.value.trim())) },
    h("h2", {}, "Sign in"), h("p", { class: "note" }, "With a token whose role is ADMIN. It is kept in a cookie that scripts cannot read, until you close the browser."),
    h("label", { for: "token" }, "Token"), input, h("div", { class: "actions" }, h("button", { class: "go" }, "Sign in")),
    problem, demo);
  loadPeople().then(({ people }) => {
    for (const { name, token } of people.filter(({ role }) => role === "ADMIN").slice(0, 1)) {
      demo.append(h("button", { type: "button", class: "go soft", onclick: () => send(token) }, `Sign in as ${name} (demo)`));
    }
  });
  return form;
}
