// The routes of the console. The cookie says who asks.

const AWAY = "The stack does not answer.";

/** What the stack has answered instead of what was asked for. `status` 0: nothing at all. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** The answer of a route: GET, or POST if there is a `body`. Throws `Refused`. */
export async function ask(path, body) {
  const given = body === undefined ? {}
    : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, given).catch(() => null);
  if (!answer) throw new Refused(0, AWAY);
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, found.error?.message ?? `The stack answers ${answer.status}.`);
  return found;
}

/** The same, with null for what does not exist. */
export async function find(path) {
  try {
    return await ask(path);
  } catch (error) {
    if (error.status === 404 || error.status === 400) return null;
    throw error;
  }
}

/** A path with an id and with the parts of a query that are given. */
export function path(template, id = "", query = {}) {
  const given = Object.entries(query).filter(([, value]) => value);
  const behind = given.length ? `?${new URLSearchParams(given)}` : "";
  return template.replace("{id}", encodeURIComponent(id)) + behind;
}
