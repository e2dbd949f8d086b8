// Compiled, never run: what a team's own client looks like with the generated types.
import { io, type Socket } from "socket.io-client";
import type { ClientToServer, ServerToClient } from "../../docs/contract/events";

const options = { auth: { token: "…" } };
const user: Socket<ServerToClient["/user"], ClientToServer["/user"]> = io("/user", options);
const telecaller: Socket<ServerToClient["/telecaller"], ClientToServer["/telecaller"]> = io(
  "/telecaller",
  options,
);
const admin: Socket<ServerToClient["/admin"], ClientToServer["/admin"]> = io("/admin", options);

user.on("call:ringing", ({ callId, telecaller }) => {
  const name: string = telecaller.name;
  user.emit("call:cancel", { callId });
  return name;
});
user.on("telecaller:presence-changed", ({ telecaller }) => telecaller?.about?.length);
user.on("call:error", ({ message }) => message.trim());
user.emit("call:initiate", { telecallerId: "a", callType: "VIDEO" }, (answer) => {
  if ("error" in answer && typeof answer.error !== "string") answer.error.message.trim();
});
telecaller.on("call:accepted", ({ caller, livekit }) => [caller.name, livekit.url.length]);
telecaller.emit("call:accept", { callId: "a" }, (answer) => answer?.error.message);
admin.on("presence:counts", ({ onlineUsers }) => onlineUsers + 1);
admin.emit("presence:request-counts");

// @ts-expect-error a word that the contract does not know
user.emit("call:initiate", { telecallerId: "a", callType: "FAX" });
// @ts-expect-error a field is missing
user.emit("call:initiate", { callType: "AUDIO" });
// @ts-expect-error a telecaller's event
user.emit("call:accept", { callId: "a" });
// @ts-expect-error a telecaller's event
user.on("call:incoming", () => {});
