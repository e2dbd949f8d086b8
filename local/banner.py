"""The text that ``make run`` prints when the stack is up: addresses, tokens, a snippet."""

from __future__ import annotations

from collections.abc import Sequence

from functions.products import REGISTRY
from local.settings import FUNCTIONS_LOG, ROOT, Settings
from local.tokens import may_connect, mint
from shared.identity.accounts import Account

SHOWN_ROLES = ("USER", "TELECALLER", "ADMIN")

SNIPPET = """\
(() => {
  const { io } = require("socket.io-client");
  const open = (path, token) => io("$url" + path, { auth: { token } });
  const user = open("/user", "$user");
  const telecaller = open("/telecaller", "$telecaller");
  const ring = () => user.emit("call:initiate", { telecallerId: "$id", callType: "AUDIO" });
  const hangUp = ({ callId }) => user.emit("call:end", { callId });
  user.onAny((event, data) => console.log("user", event, data));
  telecaller.onAny((event, data) => console.log("telecaller", event, data));
  telecaller.on("connect", () => setTimeout(ring, 500));
  telecaller.on("call:incoming", ({ callId }) => telecaller.emit("call:accept", { callId }));
  user.on("call:accepted", (call) => setTimeout(hangUp, 1000, call));
  telecaller.on("call:ended", () => [user, telecaller].forEach((socket) => socket.disconnect()));
})();
"""
"""The snippet to paste into Node. It is one expression, so that the prompt does not print the
sockets. No line begins with a dot, because the prompt takes that for one of its commands."""


def choose(accounts: Sequence[Account]) -> dict[str, Account]:
    """Return the first account of each shown role that may connect."""
    chosen: dict[str, Account] = {}
    for account in accounts:
        if account.role in SHOWN_ROLES and may_connect(account):
            chosen.setdefault(account.role, account)
    return chosen


def render(settings: Settings, accounts: Sequence[Account]) -> str:
    """Return the banner without its last line, which says that the stack is ready."""
    if "jwks_url" in settings.context:
        return "\n".join([*_addresses(settings), "", "  Tokens come from your issuer."])
    chosen = choose(accounts)
    secret = settings.secrets["JWT_SECRET"]
    tokens = {role: mint(account, secret) for role, account in chosen.items()}
    lines = [*_addresses(settings), "", "  Tokens, valid for 24 hours:"]
    lines += [f"  {role:<11}{chosen[role].name}  {token}" for role, token in tokens.items()]
    if "USER" in chosen and "TELECALLER" in chosen:
        values = {
            "$url": settings.url,
            "$telecaller": tokens["TELECALLER"],
            "$user": tokens["USER"],
            "$id": chosen["TELECALLER"].id,
        }
        snippet = SNIPPET
        for name, value in values.items():
            snippet = snippet.replace(name, value)
        node_path = ROOT / "local" / "node_modules"
        lines += ["", f"  A whole call: start  NODE_PATH={node_path} node  and paste", "", snippet]
    return "\n".join(lines)


def _addresses(settings: Settings) -> list[str]:
    return [
        "",
        f"  Demo       {settings.url}/",
        f"  Console    {settings.url}/console",
        f"  Docs       {settings.url}/docs",
        "",
        f"  Socket.IO  {settings.url}/socket.io/  ({' '.join(REGISTRY.namespaces)})",
        f"  WebSocket  {settings.url.replace('http', 'ws', 1)}/ws?namespace=/user",
        f"  HTTP       {settings.url}/health",
        "",
        "  What fails in a function is shown below. All that the functions log:",
        f"  {settings.work / FUNCTIONS_LOG}",
    ]
