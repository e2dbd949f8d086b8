// Compiled, never run: what a team's own client looks like with the generated types.
import { io, type Socket } from "socket.io-client";
import type {
  BackendEvent,
  BusEvents,
  CallsIncoming,
  ChatIncoming,
  ClientToServer,
  HttpRoutes,
  ServerToClient,
} from "../../docs/contract/events";

type Client<Namespace extends keyof ServerToClient> = Socket<ServerToClient[Namespace], ClientToServer[Namespace]>;

const options = { auth: { token: "…" } };
const user: Client<"/user"> = io("/user", options);
const telecaller: Client<"/telecaller"> = io("/telecaller", options);
const admin: Client<"/admin"> = io("/admin", options);
const chat: Client<"/"> = io("/", options);
const customer: Client<"/customer"> = io("/customer", options);
const partner: Client<"/partner"> = io("/partner", options);

// What a Lambda function behind a rule receives.
const bill = ({ id, data }: BusEvents["call.ended"]) => [id, data.coins / data.durationSeconds];
const count = ({ data }: BusEvents["message.sent"]) =>
  data.product === "chat" ? data.channelId : data.recipientId;
export { bill, count };

// What is right.

user.on("call:ringing", ({ callId, telecaller }) => {
  const name: string = telecaller.name;
  user.emit("call:cancel", { callId });
  return name;
});
user.on("telecaller:presence-changed", ({ telecaller }) => telecaller?.about?.length);
user.on("telecaller:presence-changed", ({ presence }) => presence === "ON_CALL");
user.on("call:error", ({ message }) => message.trim());
user.emit("call:initiate", { telecallerId: "a", callType: "VIDEO" }, (answer) => {
  if ("error" in answer) answer.error.message.trim();
  else answer.callId.trim();
});
telecaller.on("call:accepted", ({ caller, livekit }) => [caller.name, livekit.url.length]);
telecaller.on("call:incoming", (call) => ring(call));
telecaller.emit("call:accept", { callId: "a" }, (answer) => answer?.error.message);
admin.on("presence:counts", ({ onlineUsers }) => onlineUsers + 1);
admin.emit("presence:request-counts");
admin.on("booking:updated", ({ status }) => status === "ON_THE_WAY");
admin.on("partner:registered", (partner) => partner.whatever);
chat.on("chat:error", (text) => text.trim());
chat.on("call:incoming", (call) => answer(call));
chat.on("user_left", ({ reason }) => reason === "disconnect");
chat.emit("join_channel", 1);
chat.emit("chat:send_message", { channelId: "1", message: "Hello", messageType: "gif" });
partner.emit("booking:status_update", { bookingId: "b", status: "COMPLETED" });
partner.on("earnings:updated", ({ partnerId, today }) => [partnerId.trim(), today]);
partner.on("notification:new", ({ accountId, title }) => [accountId.trim(), title]);

function ring({ caller, callType }: CallsIncoming): string {
  return callType === "AUDIO" ? caller.name : "";
}

function answer({ fromName, callType }: ChatIncoming): string {
  return callType === "audio" ? fromName : "";
}

const wanted: HttpRoutes["GET /telecallers"]["query"] = { presence: "ONLINE", limit: 20 };
declare const page: HttpRoutes["GET /telecallers"]["answer"];
const free: string[] = page.items.filter(({ presence }) => presence === "ONLINE").map(({ name }) => name);
declare const calls: HttpRoutes["GET /calls"]["answer"];
const running: boolean = calls.items[0].endedAt === null;
const told: HttpRoutes["POST /events"]["body"] = { type: "booking.assigned", data: { bookingId: "b", partnerId: "p" } };
const earned: BackendEvent = { type: "earnings.updated", data: { partnerId: "p", today: 12 } };
const arrived: BackendEvent = {
  type: "booking.updated",
  data: { bookingId: "b", status: "ARRIVED", happenedAt: "2026-01-19T10:34:12Z" },
};
export { arrived, earned, free, running, told, wanted };

// What is wrong: each line must fail.

// @ts-expect-error a word that the contract does not know
user.emit("call:initiate", { telecallerId: "a", callType: "FAX" });
// @ts-expect-error a field is missing
user.emit("call:initiate", { callType: "AUDIO" });
// @ts-expect-error a telecaller's event
user.emit("call:accept", { callId: "a" });
// @ts-expect-error a telecaller's event
user.on("call:incoming", () => {});
// @ts-expect-error a presence that is never sent
user.on("telecaller:presence-changed", ({ presence }) => presence === "AWAY");
// @ts-expect-error the answer may be an error
user.emit("call:initiate", { telecallerId: "a", callType: "AUDIO" }, (answer) => answer.callId);
// @ts-expect-error the details are there only if the telecaller is online
user.on("telecaller:presence-changed", ({ telecaller }) => telecaller.name);
// @ts-expect-error the chat's types of calls are in small letters
chat.emit("call:invite", { targetUserId: "a", callType: "AUDIO", offer: {} });
// @ts-expect-error a type of message that there is not
chat.emit("chat:send_message", { channelId: 1, message: "Hello", messageType: "video" });
// @ts-expect-error the errors of chat are bare text
chat.on("chat:error", ({ message }) => message);
// @ts-expect-error a status that there is not
chat.emit("presence:set_status", "invisible");
// @ts-expect-error a reason that is never sent
chat.on("user_left", ({ reason }) => reason === "kicked");
// @ts-expect-error a type of message that is never sent
chat.on("chat:new_message", ({ messageType }) => messageType === "video");
// @ts-expect-error a status that a partner may not set
partner.emit("booking:status_update", { bookingId: "b", status: "CANCELLED" });
// @ts-expect-error a status that there is not
customer.on("booking:status_updated", ({ status }) => status === "DONE");
// @ts-expect-error what is passed on may be anything
partner.on("earnings:updated", ({ today }) => today.toFixed());
// @ts-expect-error a telecaller's call is no chat call
chat.on("call:incoming", (call) => ring(call));
// @ts-expect-error a presence that there is not
export const nobody: HttpRoutes["GET /telecallers"]["query"] = { presence: "AWAY" };
// @ts-expect-error a status that no booking has
export const none: HttpRoutes["GET /bookings"]["query"] = { status: "DONE" };
// @ts-expect-error a field that a backend must post is missing
export const incomplete: BackendEvent = { type: "earnings.updated", data: { today: 12 } };
// @ts-expect-error accounts are found by their names
export const everybody: HttpRoutes["GET /accounts"]["query"] = { limit: 20 };
// @ts-expect-error a time that is none
export const undated: BackendEvent = { type: "booking.assigned", data: { bookingId: "b", partnerId: "p", happenedAt: true } };
// @ts-expect-error a type that there is not
export const unknown: BackendEvent = { type: "booking.lost", data: { bookingId: "b" } };
