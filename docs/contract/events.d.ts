// Made by `make contract` from the table of events; not to be edited.
//
//   import { io, type Socket } from "socket.io-client";
//   import type { ClientToServer, ServerToClient } from "./events";
//
//   const user: Socket<ServerToClient["/user"], ClientToServer["/user"]> =
//     io("https://…/user", { auth: { token } });

/** The call to accept. `answer`: the callee's WebRTC answer; it is passed on unchanged. `targetUserId`: the other party; it may be absent. */
export interface Accept {
  callId: string;
  answer: unknown;
  targetUserId?: string | null;
}

/** The user's call, which the telecaller has accepted. `livekit`: what the user's client needs to join the LiveKit room. */
export interface AcceptedByTelecaller {
  callId: string;
  livekit: Credentials;
}

/** The user as whom the connection is authenticated. `role`: the role in the user's token. */
export interface Authenticated {
  userId: string;
  displayName: string;
  role: string;
}

/** A new booking, for admins who monitor bookings. `scheduledAt`: ISO 8601. `amount`: the price. */
export interface BookingCreated {
  bookingId: string;
  bookingNumber: string;
  customerId: string;
  service: string;
  scheduledAt: string;
  address: string;
  amount: number;
  status: string;
}

/** A booking that has changed, for admins who monitor bookings. `partnerId`: the partner who has the booking, or null. `updatedAt`: ISO 8601. */
export interface BookingUpdated {
  bookingId: string;
  status: string;
  partnerId: string | null;
  updatedAt: string;
}

/** A notice for all authenticated users. `priority`: `high`, `normal` or `low`. `from`: the sender's display name. `broadcastAt`: ISO 8601. */
export interface BroadcastReceived {
  message: string;
  priority: string;
  from: string;
  broadcastAt: string;
  broadcastId: string;
}

/** Why an event about a call was refused. `message`: a text to show. */
export interface CallError {
  message: string;
}

/** The booking to cancel. `reason`: up to 1,000 characters for the partner, or null. */
export interface Cancel {
  bookingId: string;
  reason?: string | null;
}

/** A WebRTC ICE candidate for the other party of a call. `candidate`: it is passed on unchanged. */
export interface Candidate {
  targetUserId: string;
  candidate: unknown;
}

/** A WebRTC ICE candidate of the other party of a call. `from`: the id of the other party. `candidate`: as the other party sent it. */
export interface CandidateReceived {
  from: string;
  candidate: unknown;
}

/** Changes of a channel to announce. `changes`: the new values by field, in any form; they are passed on unchanged. */
export interface ChannelUpdate {
  channelId: string | number;
  changes: Record<string, unknown>;
}

/** Changes of a channel that the client has joined. `changes`: the new values by field, as the sender gave them. `updatedBy`, `updaterName`: the id and the display name of the sender. `updatedAt`: ISO 8601. */
export interface ChannelUpdated {
  channelId: string | number;
  changes: Record<string, unknown>;
  updatedBy: string;
  updaterName: string;
  updatedAt: string;
}

/** How many people are online, for admins. Each person counts once, not each connection. `timestamp`: ISO 8601, UTC, with milliseconds. */
export interface Counts {
  onlineUsers: number;
  onlineTelecallers: number;
  timestamp: string;
}

/** What a client needs to join the LiveKit room of a call. `token`: a LiveKit access token, valid for at most 2 hours. `url`: the LiveKit server. `roomName`: the LiveKit room, which is named like the call. */
export interface Credentials {
  token: string;
  url: string;
  roomName: string;
}

/** A partner's earnings; further fields are passed on as the backend gave them. `partnerId`: the partner who receives the event. */
export interface Earnings {
  partnerId: string;
}

/** The payload of `error` and `call:error`. */
export interface Error {
  message: string;
}

/** Why something was refused. */
export interface Failure {
  message: string;
}

/** A file that a user has uploaded to a channel that the client has joined. `messageId`: as the sender gave it, or null. `uploadedBy`, `uploaderName`: the id and the display name of the sender. `fileSize`: bytes. `uploadedAt`: ISO 8601. */
export interface FileNotification {
  messageId: string | number | null;
  channelId: string | number;
  uploadedBy: string;
  uploaderName: string;
  fileName: string;
  fileSize: number;
  fileType: string;
  uploadedAt: string;
}

/** A file that the user has uploaded elsewhere. `fileName`, `fileType`: 1 to 1,024 characters. `fileSize`: bytes, 0 or more. `messageId`: the message that the file belongs to; it is passed on unchanged. */
export interface FileUploaded {
  channelId: string | number;
  fileName: string;
  fileSize: number;
  fileType: string;
  messageId?: string | number | null;
}

/** A call to a telecaller. `telecallerId`: the telecaller's account id. `callType`: `AUDIO` or `VIDEO`. */
export interface Initiate {
  telecallerId: string;
  callType: "AUDIO" | "VIDEO";
}

/** The call that has begun to ring. `callId`: 24 hex digits. */
export interface Initiated {
  callId: string;
}

/** A call to another user. `targetUserId`: the user to call. `callType`: `audio` or `video`. `offer`: the caller's WebRTC offer; it is passed on unchanged. */
export interface Invite {
  targetUserId: string;
  callType: "audio" | "video";
  offer: unknown;
}

/** The call that has begun to ring. */
export interface Invited {
  callId: string;
}

/** Where a partner is. `latitude`: degrees, -90 to 90. `longitude`: degrees, -180 to 180. */
export interface Location {
  latitude: number;
  longitude: number;
}

/** How far the user has read a channel. `messageId`: this message and all older ones are read; null means the whole channel. */
export interface MessageRead {
  channelId: string | number;
  messageId?: string | null;
}

/** A message from the other party. `bookingId`: the booking that the message is about, or null. `createdAt`: ISO 8601. */
export interface MessageReceived {
  id: string;
  senderId: string;
  message: string;
  bookingId: string | null;
  createdAt: string;
}

/** The confirmation that a message was stored and sent. `id`: the message's id. `createdAt`: ISO 8601. */
export interface MessageSent {
  id: string;
  createdAt: string;
}

/** A call that was not answered in time, or not before the other person's last connection closed. */
export interface Missed {
  callId: string;
}

/** A message in a channel that the client has joined. `id`: 24 hex digits; the ids of a channel's messages sort in the order of arrival. `messageType`: `text`, `file`, `image`, `gif` or `ticket_link`. `replyToId`: the id of the message that this one replies to, or null. `timestamp`: when the message arrived, ISO 8601. */
export interface NewMessage {
  id: string;
  channelId: string | number;
  userId: string;
  userDisplayName: string;
  message: string;
  messageType: string;
  replyToId: string | null;
  timestamp: string;
}

/** A booking that is offered to the partner, to accept or reject. `scheduledAt`: ISO 8601. `amount`: the price. */
export interface NewRequest {
  bookingId: string;
  bookingNumber: string;
  service: string;
  scheduledAt: string;
  address: string;
  amount: number;
}

/** A notification; further fields are passed on as the backend gave them. `accountId`: the customer or partner who receives the event. */
export interface Notification {
  accountId: string;
}

/** A user who is connected. `status`: `online`, `away`, `busy` or `offline`. `connectionCount`: how many connections (tabs) the user has. */
export interface OnlineUser {
  userId: string;
  status: string;
  connectionCount: number;
}

/** The partner who has been assigned to a customer's booking. */
export interface PartnerAssigned {
  bookingId: string;
  partner: PartnerDetails;
}

/** A partner as a customer sees them. `_id`: the partner's account id. `profile`, `about`: from the partner's account, or null. */
export interface PartnerDetails {
  _id: string;
  name: string;
  profile: string | null;
  about: string | null;
}

/** Where the partner of a tracked booking is. `location`: in degrees. `timestamp`: when the location arrived, ISO 8601. */
export interface PartnerLocation {
  bookingId: string;
  location: Location;
  timestamp: string;
}

/** The other person of a call. `_id`: their account id. `profile`: from their account, or null. */
export interface Party {
  _id: string;
  name: string;
  profile: string | null;
}

/** The new presence of a telecaller, for all users. `presence`: `ONLINE`, `OFFLINE` or `ON_CALL`. `telecaller`: the details of the telecaller if `presence` is `ONLINE`, else null. */
export interface PresenceChanged {
  telecallerId: string;
  presence: string;
  telecaller: TelecallerDetails | null;
}

/** The status of a user, in short. `status`: `online`, `away`, `busy` or `offline`. `connectionCount`: how many connections (tabs) the user has. */
export interface PresenceUpdate {
  userId: string;
  status: string;
  connectionCount: number;
}

/** The status of a user, with what they say about it. `status`: `online`, `away`, `busy` or `offline`. `statusMessage`, `customStatus`: texts of the user, or null. `timestamp`: ISO 8601. `reason`: `disconnect` if the user's last tab has closed, else `status_change`. */
export interface PresenceUpdated {
  userId: string;
  userDisplayName: string;
  status: string;
  statusMessage: string | null;
  customStatus: string | null;
  timestamp: string;
  reason: string;
}

/** How far another user has read a channel. `messageId`: they have read this message and all older ones; null means the whole channel. `readAt`: ISO 8601. */
export interface ReadReceipt {
  userId: string;
  userDisplayName: string;
  channelId: string | number;
  messageId: string | null;
  readAt: string;
}

/** What an acknowledgement carries if the event was refused. */
export interface Refused {
  error: Failure;
}

/** A partner who has registered; all fields are passed on as the backend gave them. */
export interface Registered {
}

/** The booking to reject. `reason`: up to 1,000 characters, or null. */
export interface Reject {
  bookingId: string;
  reason?: string | null;
}

/** The user's call, which rings at the telecaller. */
export interface Ringing {
  callId: string;
  telecaller: Party;
}

/** A message to the other party. `recipientId`: the account id of the recipient. `message`: 1 to 8,000 Unicode code points. `bookingId`: the booking that the message is about, or null. */
export interface Send {
  recipientId: string;
  message: string;
  bookingId?: string | null;
}

/** A message to send to a channel. `message`: 1 to 8,000 Unicode code points. `messageType`: `text` (the default), `file`, `image`, `gif` or `ticket_link`. `replyToId`: the id of the message that this one replies to, or null. */
export interface SendMessage {
  channelId: string | number;
  message: string;
  messageType?: "file" | "gif" | "image" | "text" | "ticket_link";
  replyToId?: string | null;
}

/** The numbers of bookings, for admins. `byStatus`: the number of all bookings, by status. `active`: the number of bookings that a partner has accepted and that are not over. `today`: how many were `created`, `completed` and `cancelled` on this UTC day. `timestamp`: ISO 8601. */
export interface Stats {
  byStatus: Record<string, number>;
  active: number;
  today: Record<string, number>;
  timestamp: string;
}

/** The state of a booking, in the order in which a booking goes through them. `COMPLETED` and `CANCELLED` are final. */
export type Status = "ARRIVED" | "CANCELLED" | "COMPLETED" | "IN_PROGRESS" | "ON_THE_WAY" | "PARTNER_ACCEPTED" | "PARTNER_ASSIGNED" | "PENDING";

/** The new status of a booking. `status`: `ON_THE_WAY`, `ARRIVED`, `IN_PROGRESS` or `COMPLETED`. */
export interface StatusUpdate {
  bookingId: string;
  status: Status;
}

/** The new status of a customer's booking. `status`: `PENDING`, `PARTNER_ASSIGNED`, `PARTNER_ACCEPTED`, `ON_THE_WAY`, `ARRIVED`, `IN_PROGRESS`, `COMPLETED` or `CANCELLED`. `message`: a text about the status to show to the customer. */
export interface StatusUpdated {
  bookingId: string;
  status: string;
  message: string;
}

/** Identity documents (KYC) of a partner; all fields are passed on as the backend gave them. */
export interface Submitted {
}

/** A notice for all authenticated users. `message`: 1 to 8,000 Unicode code points. `priority`: `high`, `normal` (the default) or `low`. */
export interface SystemBroadcast {
  message: string;
  priority?: "high" | "low" | "normal";
}

/** A telecaller as users see them. `_id`: the telecaller's account id. `profile`, `language`, `about`: from the telecaller's account, or null. */
export interface TelecallerDetails {
  _id: string;
  name: string;
  profile: string | null;
  language: string | null;
  about: string | null;
}

/** The user's status and what they say about it. `status`: `online`, `away`, `busy` or `offline`. `statusMessage`, `customStatus`: up to 1,024 characters; null or absent clears the text. */
export interface UpdatePresence {
  status: "away" | "busy" | "offline" | "online";
  statusMessage?: string | null;
  customStatus?: string | null;
}

/** Another user who has joined a channel with their first tab. `userRole`: the role in the user's token. `joinedAt`: ISO 8601. */
export interface UserJoined {
  userId: string;
  userDisplayName: string;
  userRole: string;
  channelId: string | number;
  joinedAt: string;
}

/** Another user whose last tab has left a channel. `leftAt`: ISO 8601. `reason`: `leave` if the user left the channel, `disconnect` if the connection ended. */
export interface UserLeft {
  userId: string;
  userDisplayName: string;
  channelId: string | number;
  leftAt: string;
  reason: string;
}

/** Whether another user is typing in a channel that the client has joined. */
export interface UserTyping {
  userId: string;
  userDisplayName: string;
  isTyping: boolean;
}

/** A booking that the partner no longer has: it was cancelled or assigned to another partner. `reason`: a text, or null. `cancelledAt`: ISO 8601. */
export interface BookingsCancelled {
  bookingId: string;
  reason: string | null;
  cancelledAt: string;
}

/** Whether the other party is typing. `userId`: the account id of the other party. */
export interface BookingsTyping {
  userId: string;
  typing: boolean;
}

/** The call that this device of the telecaller has accepted. `callType`: `AUDIO` or `VIDEO`. `livekit`: what the telecaller's client needs to join the LiveKit room. */
export interface CallsAccepted {
  callId: string;
  callType: string;
  caller: Party;
  livekit: Credentials;
}

/** The call to accept, reject, cancel or end. `callId`: 24 hex digits. */
export interface CallsCallRef {
  callId: string;
}

/** A call that no longer rings at this device: it was cancelled, or another device of the telecaller has accepted or rejected it. */
export interface CallsCancelled {
  callId: string;
}

/** An accepted call that has ended, or a call that the user has cancelled on another device. */
export interface CallsEnded {
  callId: string;
}

/** A call to the telecaller that rings. `callType`: `AUDIO` or `VIDEO`. `caller`: the user who calls. */
export interface CallsIncoming {
  callId: string;
  callType: string;
  caller: Party;
}

/** The user's call, which the telecaller has rejected. */
export interface CallsRejected {
  callId: string;
}

/** The caller's call, which the callee has accepted. `answer`: the callee's WebRTC answer, unchanged. */
export interface ChatAccepted {
  callId: string;
  answer: unknown;
}

/** The call to reject or to end. `targetUserId`: the other party; it may be absent. */
export interface ChatCallRef {
  callId: string;
  targetUserId?: string | null;
}

/** A call that is over for this tab: stop ringing, or hang up. */
export interface ChatEnded {
  callId: string;
}

/** A call to the user that rings. `from`, `fromName`: the id and the display name of the caller. `callType`: `audio` or `video`. `offer`: the caller's WebRTC offer, unchanged. */
export interface ChatIncoming {
  callId: string;
  from: string;
  fromName: string;
  callType: string;
  offer: unknown;
}

/** The caller's call, which the callee has rejected. */
export interface ChatRejected {
  callId: string;
}

/** Whether the user is typing in a channel. `isTyping`: true when the user begins to type, false when they stop. */
export interface ChatTyping {
  channelId: string | number;
  isTyping: boolean;
}

/** What clients send, by namespace. */
export interface ClientToServer {
  "/user": {
    /** Call a telecaller. The telecaller's devices receive `call:incoming`; the user's devices receive `call:ringing` if the call still rings then. If the call is not answered in time, both receive `call:missed`. If no device of the telecaller can be reached, the call is refused. */
    "call:initiate": (data: Initiate, acknowledge?: (answer: Initiated | Refused) => void) => void;
    /** Cancel a call that still rings. The telecaller's devices receive `call:cancelled`; the user's other devices receive `call:ended`. */
    "call:cancel": (data: CallsCallRef, acknowledge?: (answer: null | Refused) => void) => void;
    /** End an answered call; the user and the telecaller may both do so. All other devices of both receive `call:ended`. */
    "call:end": (data: CallsCallRef, acknowledge?: (answer: null | Refused) => void) => void;
  };
  "/telecaller": {
    /** Accept a call that rings. The telecaller's device that accepts and all of the user's devices receive `call:accepted`, with credentials for the call's LiveKit room; the telecaller's other devices receive `call:cancelled`. */
    "call:accept": (data: CallsCallRef, acknowledge?: (answer: null | Refused) => void) => void;
    /** Reject a call that rings. The user's devices receive `call:rejected`; the telecaller's other devices receive `call:cancelled`. */
    "call:reject": (data: CallsCallRef, acknowledge?: (answer: null | Refused) => void) => void;
    /** End an answered call; the user and the telecaller may both do so. All other devices of both receive `call:ended`. */
    "call:end": (data: CallsCallRef, acknowledge?: (answer: null | Refused) => void) => void;
  };
  "/": {
    /** Set the user's status and its texts. All authenticated users, the sender too, receive `presence_updated` and `presence:update`. */
    "update_presence": (data: UpdatePresence, acknowledge?: (answer: null | Refused) => void) => void;
    /** Set the user's status, which is the payload itself: `online`, `away`, `busy` or `offline`. Its texts stay as they are. All authenticated users, the sender too, receive `presence_updated` and `presence:update`. */
    "presence:set_status": (data: "away" | "busy" | "offline" | "online", acknowledge?: (answer: null | Refused) => void) => void;
    /** Get the users who are online, with their status and number of connections, in the acknowledgement. The list has as many users as a message of 128 KB can hold: about 1,600 if their ids have 24 characters. */
    "presence:get_online_users": (acknowledge?: (answer: Array<OnlineUser> | Refused) => void) => void;
    /** Authenticate the connection with a token, which is the payload itself. The client receives `authenticated`, also if it authenticates again as the same user. If the user has been announced as offline, all authenticated users receive `presence_updated` and `presence:update`. */
    "authenticate": (data: unknown, acknowledge?: (answer: null | Refused) => void) => void;
    /** Call another user. The acknowledgement carries the call's id. Every tab of the other user receives `call:incoming`. If the call is not answered in time (30 seconds by default), the tabs of both parties receive `call:ended`. */
    "call:invite": (data: Invite, acknowledge?: (answer: Invited | Refused) => void) => void;
    /** Accept a call that rings. The tab that called receives `call:accepted` with the answer; the accepting user's other tabs receive `call:ended`. */
    "call:accept": (data: Accept, acknowledge?: (answer: null | Refused) => void) => void;
    /** Reject a call that rings. The tab that called receives `call:rejected`; the rejecting user's other tabs receive `call:ended`. */
    "call:reject": (data: ChatCallRef, acknowledge?: (answer: null | Refused) => void) => void;
    /** End a call, from either side, whether it still rings or has been accepted. The other party receives `call:ended`, and so do the user's other tabs that ring or have the call. */
    "call:end": (data: ChatCallRef, acknowledge?: (answer: null | Refused) => void) => void;
    /** Send an ICE candidate to the other party of a call, whether it still rings or has been accepted. The tab of the other party that has the call, or every tab that rings, receives `call:ice_candidate`. Clients can use a candidate only after `call:incoming` or `call:accepted`: one that comes before is sent after it. */
    "call:ice_candidate": (data: Candidate, acknowledge?: (answer: null | Refused) => void) => void;
    /** Join a channel with this tab. The payload is the channel's id; joining twice is no error. If it is the user's first tab in the channel, the channel's other users receive `user_joined`. */
    "join_channel": (data: string | number, acknowledge?: (answer: null | Refused) => void) => void;
    /** Leave a channel with this tab. The payload is the channel's id; leaving a channel that is not joined is no error. If it was the user's last tab in the channel, the channel's other users receive `user_left`. */
    "leave_channel": (data: string | number, acknowledge?: (answer: null | Refused) => void) => void;
    /** Send a message to a channel that the user has joined with any tab. Everyone in the channel, the sender's own tabs too, receives `chat:new_message`. The message is stored. */
    "chat:send_message": (data: SendMessage, acknowledge?: (answer: null | Refused) => void) => void;
    /** Mark a message and all older ones as read, or the whole channel. If the user had not read as far before, the channel's other users receive `message_read_receipt`. */
    "message_read": (data: MessageRead, acknowledge?: (answer: null | Refused) => void) => void;
    /** Show that the user is typing in a channel, or has stopped. The channel's other users receive `chat:user_typing`. */
    "chat:typing": (data: ChatTyping, acknowledge?: (answer: null | Refused) => void) => void;
    /** Announce an uploaded file to a channel that the user has joined. Everyone in the channel, the sender's own tabs too, receives `file_upload_notification`. */
    "file_uploaded": (data: FileUploaded, acknowledge?: (answer: null | Refused) => void) => void;
    /** Announce changes of a channel that the user has joined. Everyone in the channel, the sender's own tabs too, receives `channel_updated`. The channel itself stays as it is: the team's backend changes it. */
    "channel_updated": (data: ChannelUpdate, acknowledge?: (answer: null | Refused) => void) => void;
    /** Send a notice to all users. Every authenticated user, the sender too, receives `system_broadcast_received`. */
    "system_broadcast": (data: SystemBroadcast, acknowledge?: (answer: null | Refused) => void) => void;
  };
  "/customer": {
    /** Send a message to the other party. All connections of the recipient receive `message:received`; the sending connection receives `message:sent`, whose data the acknowledgement carries too. With a `bookingId`, both must be its parties; without one, they must share a booking that is not over. The message is stored. */
    "message:send": (data: Send, acknowledge?: (answer: MessageSent | Refused) => void) => void;
    /** Mark a message as read, as its recipient. The payload is the message's id. Marking it again keeps the first time. No client receives an event. */
    "message:mark_read": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
    /** Show the other party that the user is typing. The payload is the recipient's account id. All connections of the recipient receive `typing:indicator`. The two must share a booking that is not over. */
    "typing:start": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
    /** Show the other party that the user has stopped typing. The payload is the recipient's account id. All connections of the recipient receive `typing:indicator`. The two must share a booking that is not over. */
    "typing:stop": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
    /** Cancel a booking, which is possible until it is `IN_PROGRESS`. The customer receives `booking:status_updated` on all connections; the partner, if one is assigned, receives `booking:cancelled`; admins who monitor receive `booking:updated`. */
    "booking:cancel": (data: Cancel, acknowledge?: (answer: null | Refused) => void) => void;
    /** Track a booking with this connection. The payload is the booking's id. The connection receives `partner:location_update` from when the partner accepts the booking until it is over. */
    "booking:track": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
    /** Stop tracking a booking with this connection. The payload is the booking's id. The connection no longer receives `partner:location_update` for it. */
    "booking:untrack": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
  };
  "/partner": {
    /** Update where the partner is. The connections that track one of the partner's bookings receive `partner:location_update`, from when the booking is accepted until it is over. A location that arrives after a newer one is dropped. */
    "location:update": (data: Location, acknowledge?: (answer: null | Refused) => void) => void;
    /** Send a message to the other party. All connections of the recipient receive `message:received`; the sending connection receives `message:sent`, whose data the acknowledgement carries too. With a `bookingId`, both must be its parties; without one, they must share a booking that is not over. The message is stored. */
    "message:send": (data: Send, acknowledge?: (answer: MessageSent | Refused) => void) => void;
    /** Mark a message as read, as its recipient. The payload is the message's id. Marking it again keeps the first time. No client receives an event. */
    "message:mark_read": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
    /** Show the other party that the user is typing. The payload is the recipient's account id. All connections of the recipient receive `typing:indicator`. The two must share a booking that is not over. */
    "typing:start": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
    /** Show the other party that the user has stopped typing. The payload is the recipient's account id. All connections of the recipient receive `typing:indicator`. The two must share a booking that is not over. */
    "typing:stop": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
    /** Accept a booking that is offered to the partner. The payload is the booking's id. The customer receives `booking:status_updated`, and from now on can track the partner's location; admins who monitor receive `booking:updated`. */
    "booking:accept": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
    /** Reject a booking that is offered to the partner. It is `PENDING` again, so that the backend can assign another partner. The customer receives `booking:status_updated`; admins who monitor receive `booking:updated`. */
    "booking:reject": (data: Reject, acknowledge?: (answer: null | Refused) => void) => void;
    /** Set how far the partner is with a booking they have accepted. Statuses may be skipped, but never go back; the same status again changes nothing. The customer receives `booking:status_updated`; admins who monitor receive `booking:updated`. */
    "booking:status_update": (data: StatusUpdate, acknowledge?: (answer: null | Refused) => void) => void;
  };
  "/admin": {
    /** Ask how many users and telecallers are online. The connection that asks receives `presence:counts`. */
    "presence:request-counts": (acknowledge?: (answer: null | Refused) => void) => void;
    /** Request the numbers of bookings. The connection receives `dashboard:stats_update`. */
    "request:stats": (acknowledge?: (answer: null | Refused) => void) => void;
    /** Monitor all bookings with this connection, from now on; asking again changes nothing. The connection receives `booking:created`, `booking:updated`, `partner:registered`, `kyc:submitted` and, at most once a second, `dashboard:stats_update`. */
    "monitor:bookings": (acknowledge?: (answer: null | Refused) => void) => void;
    /** Mark a message as read, as its recipient. The payload is the message's id. Marking it again keeps the first time. No client receives an event. */
    "message:mark_read": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
    /** Show the other party that the user is typing. The payload is the recipient's account id. All connections of the recipient receive `typing:indicator`. The two must share a booking that is not over. */
    "typing:start": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
    /** Show the other party that the user has stopped typing. The payload is the recipient's account id. All connections of the recipient receive `typing:indicator`. The two must share a booking that is not over. */
    "typing:stop": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
  };
}

/** What clients receive, by namespace. */
export interface ServerToClient {
  "/user": {
    /** The user's call, which rings at the telecaller. */
    "call:ringing": (data: Ringing) => void;
    /** The user's call, which the telecaller has accepted. */
    "call:accepted": (data: AcceptedByTelecaller) => void;
    /** The user's call, which the telecaller has rejected. */
    "call:rejected": (data: CallsRejected) => void;
    /** A call that was not answered in time, or not before the other person's last connection closed. */
    "call:missed": (data: Missed) => void;
    /** An accepted call that has ended, or a call that the user has cancelled on another device. */
    "call:ended": (data: CallsEnded) => void;
    /** Why an event about a call was refused. */
    "call:error": (data: CallError) => void;
    /** The new presence of a telecaller, for all users. */
    "telecaller:presence-changed": (data: PresenceChanged) => void;
    /** Why something was refused. */
    "error": (data: Error) => void;
  };
  "/telecaller": {
    /** A call to the telecaller that rings. */
    "call:incoming": (data: CallsIncoming) => void;
    /** The call that this device of the telecaller has accepted. */
    "call:accepted": (data: CallsAccepted) => void;
    /** A call that no longer rings at this device: it was cancelled, or another device of the telecaller has accepted or rejected it. */
    "call:cancelled": (data: CallsCancelled) => void;
    /** A call that was not answered in time, or not before the other person's last connection closed. */
    "call:missed": (data: Missed) => void;
    /** An accepted call that has ended, or a call that the user has cancelled on another device. */
    "call:ended": (data: CallsEnded) => void;
    /** Why something was refused. */
    "error": (data: Error) => void;
  };
  "/": {
    /** The user as whom the connection is authenticated. */
    "authenticated": (data: Authenticated) => void;
    /** A message in a channel that the client has joined. */
    "chat:new_message": (data: NewMessage) => void;
    /** How far another user has read a channel. */
    "message_read_receipt": (data: ReadReceipt) => void;
    /** Another user who has joined a channel with their first tab. */
    "user_joined": (data: UserJoined) => void;
    /** Another user whose last tab has left a channel. */
    "user_left": (data: UserLeft) => void;
    /** Whether another user is typing in a channel that the client has joined. */
    "chat:user_typing": (data: UserTyping) => void;
    /** The status of a user, with what they say about it. */
    "presence_updated": (data: PresenceUpdated) => void;
    /** The status of a user, in short. */
    "presence:update": (data: PresenceUpdate) => void;
    /** A notice for all authenticated users. */
    "system_broadcast_received": (data: BroadcastReceived) => void;
    /** Changes of a channel that the client has joined. */
    "channel_updated": (data: ChannelUpdated) => void;
    /** A file that a user has uploaded to a channel that the client has joined. */
    "file_upload_notification": (data: FileNotification) => void;
    /** A call to the user that rings. */
    "call:incoming": (data: ChatIncoming) => void;
    /** The caller's call, which the callee has accepted. */
    "call:accepted": (data: ChatAccepted) => void;
    /** The caller's call, which the callee has rejected. */
    "call:rejected": (data: ChatRejected) => void;
    /** A call that is over for this tab: stop ringing, or hang up. */
    "call:ended": (data: ChatEnded) => void;
    /** A WebRTC ICE candidate of the other party of a call. */
    "call:ice_candidate": (data: CandidateReceived) => void;
    /** Why something was refused, as bare text. */
    "presence:error": (data: string) => void;
    /** Why something was refused, as bare text. */
    "auth:error": (data: string) => void;
    /** Why something was refused, as bare text. */
    "chat:error": (data: string) => void;
    /** Why something was refused, as bare text. */
    "broadcast:error": (data: string) => void;
  };
  "/customer": {
    /** The new status of a customer's booking. */
    "booking:status_updated": (data: StatusUpdated) => void;
    /** The partner who has been assigned to a customer's booking. */
    "partner:assigned": (data: PartnerAssigned) => void;
    /** Where the partner of a tracked booking is. */
    "partner:location_update": (data: PartnerLocation) => void;
    /** A message from the other party. */
    "message:received": (data: MessageReceived) => void;
    /** The confirmation that a message was stored and sent. */
    "message:sent": (data: MessageSent) => void;
    /** Whether the other party is typing. */
    "typing:indicator": (data: BookingsTyping) => void;
    /** A notification; further fields are passed on as the backend gave them. */
    "notification:new": (data: Notification) => void;
    /** Why something was refused. */
    "error": (data: Error) => void;
  };
  "/partner": {
    /** A booking that is offered to the partner, to accept or reject. */
    "booking:new_request": (data: NewRequest) => void;
    /** A booking that the partner no longer has: it was cancelled or assigned to another partner. */
    "booking:cancelled": (data: BookingsCancelled) => void;
    /** A message from the other party. */
    "message:received": (data: MessageReceived) => void;
    /** The confirmation that a message was stored and sent. */
    "message:sent": (data: MessageSent) => void;
    /** Whether the other party is typing. */
    "typing:indicator": (data: BookingsTyping) => void;
    /** A partner's earnings; further fields are passed on as the backend gave them. */
    "earnings:updated": (data: Earnings) => void;
    /** A notification; further fields are passed on as the backend gave them. */
    "notification:new": (data: Notification) => void;
    /** Why something was refused. */
    "error": (data: Error) => void;
  };
  "/admin": {
    /** How many people are online, for admins. Each person counts once, not each connection. */
    "presence:counts": (data: Counts) => void;
    /** A new booking, for admins who monitor bookings. */
    "booking:created": (data: BookingCreated) => void;
    /** A booking that has changed, for admins who monitor bookings. */
    "booking:updated": (data: BookingUpdated) => void;
    /** The numbers of bookings, for admins. */
    "dashboard:stats_update": (data: Stats) => void;
    /** A partner who has registered; all fields are passed on as the backend gave them. */
    "partner:registered": (data: Registered) => void;
    /** Identity documents (KYC) of a partner; all fields are passed on as the backend gave them. */
    "kyc:submitted": (data: Submitted) => void;
    /** Why something was refused. */
    "error": (data: Error) => void;
  };
}
