// Every action is confirmed in a dialog, which also asks for the reason. The browser keeps the
// focus inside, closes it with Escape, and returns the focus.

import { ask } from "./admin.js";
import { button, h } from "./dom.js";

/**
 * Ask whether to do something, and do it: `path` is where it is posted. Resolves to the answer, or
 * to null if it was not done. What goes wrong is said in the dialog, which stays open.
 */
export function confirmed({ title, text, action, path, kind = "stop" }) {
  return new Promise((resolve) => {
    const reason = h("input", { id: "reason", maxlength: "500", autocomplete: "off" });
    const problem = h("p", { class: "problem", role: "alert" });
    const go = h("button", { class: kind }, action);
    const form = h("form", { method: "dialog" },
      h("h2", { id: "confirm-title" }, title), h("p", { id: "confirm-text" }, text),
      h("label", { for: "reason" }, "Reason ", h("span", { class: "note" }, "optional, for the audit log")), reason, problem,
      h("div", { class: "actions" }, button("Keep as it is", "quiet", () => dialog.close()), go));
    const dialog = h("dialog", { class: "card", "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text" }, form);
    let done = null;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      go.disabled = true;
      problem.textContent = "";
      try {
        done = await ask(path, reason.value.trim() ? { reason: reason.value.trim() } : {});
        dialog.close();
      } catch (error) {
        problem.textContent = error.message;
        go.disabled = false;
      }
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(done);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
