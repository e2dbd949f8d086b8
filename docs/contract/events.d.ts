// Made by `make contract` from the table of events; not to be edited.
//
//   import { io, type Socket } from "socket.io-client";
//   import type { ClientToServer, ServerToClient } from "./events";
//
//   const user: Socket<ServerToClient["/user"], ClientToServer["/user"]> =
//     io("https://…/user", { transports: ["websocket"], auth: { token } });

export interface Accept {
  callId: string;
  answer: unknown;
  targetUserId?: string | null;
}

/** The telecaller has accepted the call. */
export interface AcceptedByTelecaller {
  callId: string;
  livekit: Credentials;
}

export interface Authenticated {
  userId: string;
  displayName: string;
  role: string;
}

/** To monitoring admins. */
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

/** To monitoring admins. */
export interface BookingUpdated {
  bookingId: string;
  status: string;
  partnerId: string | null;
  updatedAt: string;
}

/** `from`: the sender's display name. */
export interface BroadcastReceived {
  message: string;
  priority: string;
  from: string;
  broadcastAt: string;
  broadcastId: string;
}

/** Why an event of a call was refused. */
export interface CallError {
  message: string;
}

export interface Cancel {
  bookingId: string;
  reason?: string | null;
}

export interface Candidate {
  targetUserId: string;
  candidate: unknown;
}

export interface CandidateReceived {
  from: string;
  candidate: unknown;
}

export interface ChannelUpdate {
  channelId: string | number;
  changes: Record<string, unknown>;
}

export interface ChannelUpdated {
  channelId: string | number;
  changes: Record<string, unknown>;
  updatedBy: string;
  updaterName: string;
  updatedAt: string;
}

/** How many persons are online. A person with several connections counts once. `timestamp` is in ISO 8601, in UTC, with milliseconds. */
export interface Counts {
  onlineUsers: number;
  onlineTelecallers: number;
  timestamp: string;
}

/** What a client needs to join the call's LiveKit room. */
export interface Credentials {
  token: string;
  url: string;
  roomName: string;
}

/** `earnings.updated`. */
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

/** `file_size` in bytes. `message_id` comes back as it was given. */
export interface FileUploaded {
  channelId: string | number;
  fileName: string;
  fileSize: number;
  fileType: string;
  messageId?: string | number | null;
}

/** Which telecaller to call, and how. */
export interface Initiate {
  telecallerId: string;
  callType: "AUDIO" | "VIDEO";
}

/** The id of the call that has been started. */
export interface Initiated {
  callId: string;
}

export interface Invite {
  targetUserId: string;
  callType: "audio" | "video";
  offer: unknown;
}

export interface Invited {
  callId: string;
}

/** Degrees. JSON has no number that is not finite. */
export interface Location {
  latitude: number;
  longitude: number;
}

/** `message_id`: this one and all older ones; None for the whole channel. */
export interface MessageRead {
  channelId: string | number;
  messageId?: string | null;
}

export interface MessageReceived {
  id: string;
  senderId: string;
  message: string;
  bookingId: string | null;
  createdAt: string;
}

export interface MessageSent {
  id: string;
  createdAt: string;
}

/** The call was not answered, or one of its persons left while it rang. */
export interface Missed {
  callId: string;
}

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

export interface NewRequest {
  bookingId: string;
  bookingNumber: string;
  service: string;
  scheduledAt: string;
  address: string;
  amount: number;
}

/** `notification.created`. */
export interface Notification {
  accountId: string;
}

export interface OnlineUser {
  userId: string;
  status: string;
  connectionCount: number;
}

export interface PartnerAssigned {
  bookingId: string;
  partner: PartnerDetails;
}

export interface PartnerDetails {
  _id: string;
  name: string;
  profile: string | null;
  about: string | null;
}

export interface PartnerLocation {
  bookingId: string;
  location: Location;
  timestamp: string;
}

/** The other person in a call. */
export interface Party {
  _id: string;
  name: string;
  profile: string | null;
}

/** A telecaller's presence has changed. `presence` is `ONLINE`, `OFFLINE` or `ON_CALL`; `telecaller` comes with `ONLINE` only. */
export interface PresenceChanged {
  telecallerId: string;
  presence: string;
  telecaller: TelecallerDetails | null;
}

export interface PresenceUpdate {
  userId: string;
  status: string;
  connectionCount: number;
}

/** `reason`: `status_change` or `disconnect`. */
export interface PresenceUpdated {
  userId: string;
  userDisplayName: string;
  status: string;
  statusMessage: string | null;
  customStatus: string | null;
  timestamp: string;
  reason: string;
}

export interface ReadReceipt {
  userId: string;
  userDisplayName: string;
  channelId: string | number;
  messageId: string | null;
  readAt: string;
}

/** What an acknowledgement carries when the event was refused. */
export interface Refused {
  error: Failure;
}

/** `partner.registered`. */
export interface Registered {
}

export interface Reject {
  bookingId: string;
  reason?: string | null;
}

/** The call rings on the telecaller's devices. */
export interface Ringing {
  callId: string;
  telecaller: Party;
}

/** `message`: up to 8,000 Unicode code points. */
export interface Send {
  recipientId: string;
  message: string;
  bookingId?: string | null;
}

export interface SendMessage {
  channelId: string | number;
  message: string;
  messageType?: "file" | "gif" | "image" | "text" | "ticket_link";
  replyToId?: string | null;
}

/** `by_status`: bookings there are, by status. `active`: those a partner is on. `today` (UTC): what has been `created`, `completed` and `cancelled`. */
export interface Stats {
  byStatus: Record<string, number>;
  active: number;
  today: Record<string, number>;
  timestamp: string;
}

export type Status = "ARRIVED" | "CANCELLED" | "COMPLETED" | "IN_PROGRESS" | "ON_THE_WAY" | "PARTNER_ACCEPTED" | "PARTNER_ASSIGNED" | "PENDING";

export interface StatusUpdate {
  bookingId: string;
  status: Status;
}

export interface StatusUpdated {
  bookingId: string;
  status: string;
  message: string;
}

/** `kyc.submitted`. */
export interface Submitted {
}

export interface SystemBroadcast {
  message: string;
  priority?: "high" | "low" | "normal";
}

/** What users see of a telecaller. */
export interface TelecallerDetails {
  _id: string;
  name: string;
  profile: string | null;
  language: string | null;
  about: string | null;
}

export interface UpdatePresence {
  status: "away" | "busy" | "offline" | "online";
  statusMessage?: string | null;
  customStatus?: string | null;
}

export interface UserJoined {
  userId: string;
  userDisplayName: string;
  userRole: string;
  channelId: string | number;
  joinedAt: string;
}

/** `reason`: `disconnect` or `leave`. */
export interface UserLeft {
  userId: string;
  userDisplayName: string;
  channelId: string | number;
  leftAt: string;
  reason: string;
}

export interface UserTyping {
  userId: string;
  userDisplayName: string;
  isTyping: boolean;
}

/** To the partner. */
export interface BookingsCancelled {
  bookingId: string;
  reason: string | null;
  cancelledAt: string;
}

export interface BookingsTyping {
  userId: string;
  typing: boolean;
}

/** This device has accepted the call. Only this device receives the event. */
export interface CallsAccepted {
  callId: string;
  callType: string;
  caller: Party;
  livekit: Credentials;
}

/** Which call the event is about. */
export interface CallsCallRef {
  callId: string;
}

/** The call no longer rings on this device: it was cancelled, or handled on another device. */
export interface CallsCancelled {
  callId: string;
}

/** The call is over. */
export interface CallsEnded {
  callId: string;
}

/** A user calls. */
export interface CallsIncoming {
  callId: string;
  callType: string;
  caller: Party;
}

/** The telecaller has rejected the call. */
export interface CallsRejected {
  callId: string;
}

export interface ChatAccepted {
  callId: string;
  answer: unknown;
}

export interface ChatCallRef {
  callId: string;
  targetUserId?: string | null;
}

export interface ChatEnded {
  callId: string;
}

export interface ChatIncoming {
  callId: string;
  from: string;
  fromName: string;
  callType: string;
  offer: unknown;
}

export interface ChatRejected {
  callId: string;
}

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
  "/admin": {
    /** Ask how many users and telecallers are online. The connection that asks receives `presence:counts`. */
    "presence:request-counts": (acknowledge?: (answer: null | Refused) => void) => void;
    /** Answer the asker. */
    "request:stats": (acknowledge?: (answer: null | Refused) => void) => void;
    /** Send this connection what happens to all bookings, from now on. Any number of times. */
    "monitor:bookings": (acknowledge?: (answer: null | Refused) => void) => void;
    /** The recipient has read it; the first time is kept. */
    "message:mark_read": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
    /** Tell the recipient that somebody writes. */
    "typing:start": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
    /** Tell the recipient that nobody writes any more. */
    "typing:stop": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
  };
  "/": {
    "update_presence": (data: UpdatePresence, acknowledge?: (answer: null | Refused) => void) => void;
    /** What the person said of it stays as it is. */
    "presence:set_status": (data: "away" | "busy" | "offline" | "online", acknowledge?: (answer: null | Refused) => void) => void;
    /** Everybody who is there, as the acknowledgement: as many as one message of 128 KB holds, which is some 1,600 people with ids of 24 characters. */
    "presence:get_online_users": (acknowledge?: (answer: Array<OnlineUser> | Refused) => void) => void;
    /** Make the session the token's. Again, as the same person: the same answer again. */
    "authenticate": (data: unknown, acknowledge?: (answer: null | Refused) => void) => void;
    /** Ring every tab of the other person. */
    "call:invite": (data: Invite, acknowledge?: (answer: Invited | Refused) => void) => void;
    /** The caller gets the answer; the accepter's other tabs stop ringing. */
    "call:accept": (data: Accept, acknowledge?: (answer: null | Refused) => void) => void;
    "call:reject": (data: ChatCallRef, acknowledge?: (answer: null | Refused) => void) => void;
    /** Hang up, from either side, whether it still rings or not. */
    "call:end": (data: ChatCallRef, acknowledge?: (answer: null | Refused) => void) => void;
    /** To the other party of whatever calls there are with them, ringing or not. */
    "call:ice_candidate": (data: Candidate, acknowledge?: (answer: null | Refused) => void) => void;
    /** The first tab is announced to the people who are there; joining twice is no error. */
    "join_channel": (data: string | number, acknowledge?: (answer: null | Refused) => void) => void;
    /** Leaving what was not joined is no error. */
    "leave_channel": (data: string | number, acknowledge?: (answer: null | Refused) => void) => void;
    /** Stored, then on its way to everybody in the channel, the sender's own tabs too. */
    "chat:send_message": (data: SendMessage, acknowledge?: (answer: null | Refused) => void) => void;
    /** The others are told when this one has read further than before. */
    "message_read": (data: MessageRead, acknowledge?: (answer: null | Refused) => void) => void;
    /** A frame that comes late tells nothing. */
    "chat:typing": (data: ChatTyping, acknowledge?: (answer: null | Refused) => void) => void;
    "file_uploaded": (data: FileUploaded, acknowledge?: (answer: null | Refused) => void) => void;
    /** Tells of changes; the channel itself is changed by the team's own system. */
    "channel_updated": (data: ChannelUpdate, acknowledge?: (answer: null | Refused) => void) => void;
    /** To everybody who has authenticated. */
    "system_broadcast": (data: SystemBroadcast, acknowledge?: (answer: null | Refused) => void) => void;
  };
  "/customer": {
    /** Store a message and hand it to all connections of the recipient. */
    "message:send": (data: Send, acknowledge?: (answer: MessageSent | Refused) => void) => void;
    /** The recipient has read it; the first time is kept. */
    "message:mark_read": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
    /** Tell the recipient that somebody writes. */
    "typing:start": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
    /** Tell the recipient that nobody writes any more. */
    "typing:stop": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
    /** Possible until the work has begun. */
    "booking:cancel": (data: Cancel, acknowledge?: (answer: null | Refused) => void) => void;
    /** Send this connection where the partner is, while they are on the booking. */
    "booking:track": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
    /** Send it no more. */
    "booking:untrack": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
  };
  "/partner": {
    /** One write; nothing else happens unless somebody tracks. A location that arrived before the last one is dropped. */
    "location:update": (data: Location, acknowledge?: (answer: null | Refused) => void) => void;
    /** Store a message and hand it to all connections of the recipient. */
    "message:send": (data: Send, acknowledge?: (answer: MessageSent | Refused) => void) => void;
    /** The recipient has read it; the first time is kept. */
    "message:mark_read": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
    /** Tell the recipient that somebody writes. */
    "typing:start": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
    /** Tell the recipient that nobody writes any more. */
    "typing:stop": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
    /** The partner takes it on; from now on they can be tracked. */
    "booking:accept": (data: string, acknowledge?: (answer: null | Refused) => void) => void;
    /** It is nobody's again; the backend assigns somebody else. */
    "booking:reject": (data: Reject, acknowledge?: (answer: null | Refused) => void) => void;
    /** Forward only. One that needs what was sent just before, and has overtaken it, waits for it a moment: frames of one connection run in any order. */
    "booking:status_update": (data: StatusUpdate, acknowledge?: (answer: null | Refused) => void) => void;
  };
}

/** What clients receive, by namespace. */
export interface ServerToClient {
  "/user": {
    /** The call rings on the telecaller's devices. */
    "call:ringing": (data: Ringing) => void;
    /** The telecaller has accepted the call. */
    "call:accepted": (data: AcceptedByTelecaller) => void;
    /** The telecaller has rejected the call. */
    "call:rejected": (data: CallsRejected) => void;
    /** The call was not answered, or one of its persons left while it rang. */
    "call:missed": (data: Missed) => void;
    /** The call is over. */
    "call:ended": (data: CallsEnded) => void;
    /** Why an event of a call was refused. */
    "call:error": (data: CallError) => void;
    /** A telecaller's presence has changed. `presence` is `ONLINE`, `OFFLINE` or `ON_CALL`; `telecaller` comes with `ONLINE` only. */
    "telecaller:presence-changed": (data: PresenceChanged) => void;
    /** Why something was refused. */
    "error": (data: Error) => void;
  };
  "/telecaller": {
    /** A user calls. */
    "call:incoming": (data: CallsIncoming) => void;
    /** This device has accepted the call. Only this device receives the event. */
    "call:accepted": (data: CallsAccepted) => void;
    /** The call no longer rings on this device: it was cancelled, or handled on another device. */
    "call:cancelled": (data: CallsCancelled) => void;
    /** The call was not answered, or one of its persons left while it rang. */
    "call:missed": (data: Missed) => void;
    /** The call is over. */
    "call:ended": (data: CallsEnded) => void;
    /** Why something was refused. */
    "error": (data: Error) => void;
  };
  "/admin": {
    /** How many persons are online. A person with several connections counts once. `timestamp` is in ISO 8601, in UTC, with milliseconds. */
    "presence:counts": (data: Counts) => void;
    /** To monitoring admins. */
    "booking:created": (data: BookingCreated) => void;
    /** To monitoring admins. */
    "booking:updated": (data: BookingUpdated) => void;
    /** `by_status`: bookings there are, by status. `active`: those a partner is on. `today` (UTC): what has been `created`, `completed` and `cancelled`. */
    "dashboard:stats_update": (data: Stats) => void;
    /** `partner.registered`. */
    "partner:registered": (data: Registered) => void;
    /** `kyc.submitted`. */
    "kyc:submitted": (data: Submitted) => void;
    /** Why something was refused. */
    "error": (data: Error) => void;
  };
  "/": {
    "authenticated": (data: Authenticated) => void;
    "chat:new_message": (data: NewMessage) => void;
    "message_read_receipt": (data: ReadReceipt) => void;
    "user_joined": (data: UserJoined) => void;
    /** `reason`: `disconnect` or `leave`. */
    "user_left": (data: UserLeft) => void;
    "chat:user_typing": (data: UserTyping) => void;
    /** `reason`: `status_change` or `disconnect`. */
    "presence_updated": (data: PresenceUpdated) => void;
    "presence:update": (data: PresenceUpdate) => void;
    /** `from`: the sender's display name. */
    "system_broadcast_received": (data: BroadcastReceived) => void;
    "channel_updated": (data: ChannelUpdated) => void;
    "file_upload_notification": (data: FileNotification) => void;
    "call:incoming": (data: ChatIncoming) => void;
    "call:accepted": (data: ChatAccepted) => void;
    "call:rejected": (data: ChatRejected) => void;
    "call:ended": (data: ChatEnded) => void;
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
    "booking:status_updated": (data: StatusUpdated) => void;
    "partner:assigned": (data: PartnerAssigned) => void;
    "partner:location_update": (data: PartnerLocation) => void;
    "message:received": (data: MessageReceived) => void;
    "message:sent": (data: MessageSent) => void;
    "typing:indicator": (data: BookingsTyping) => void;
    /** `notification.created`. */
    "notification:new": (data: Notification) => void;
    /** Why something was refused. */
    "error": (data: Error) => void;
  };
  "/partner": {
    "booking:new_request": (data: NewRequest) => void;
    /** To the partner. */
    "booking:cancelled": (data: BookingsCancelled) => void;
    "message:received": (data: MessageReceived) => void;
    "message:sent": (data: MessageSent) => void;
    "typing:indicator": (data: BookingsTyping) => void;
    /** `earnings.updated`. */
    "earnings:updated": (data: Earnings) => void;
    /** `notification.created`. */
    "notification:new": (data: Notification) => void;
    /** Why something was refused. */
    "error": (data: Error) => void;
  };
}
