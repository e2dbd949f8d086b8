// What an app asks for over HTTP when it starts.

/** The answer of a route. Throws what the stack says otherwise. */
export async function get(path, token) {
  const answer = await fetch(path, { headers: { Authorization: `Bearer ${token}`, Accept: "application/json" } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error.message);
  return body;
}
