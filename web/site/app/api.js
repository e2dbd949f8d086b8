// What an app asks for over HTTP, above all when it starts.

/** The answer of a route. Throws what the stack says otherwise. */
export async function get(path, token, method = "GET") {
  const answer = await fetch(path, { method, headers: { Authorization: `Bearer ${token}`, Accept: "application/json" } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error.message);
  return body;
}

/** The same for a route that is posted to without a body. */
export function post(path, token) {
  return get(path, token, "POST");
}
