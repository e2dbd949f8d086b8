// Made by `make contract` from the tables of events and routes; not to be edited.
//
//   import { io, type Socket } from "socket.io-client";
//   import type { ClientToServer, HttpRoutes, ServerToClient } from "./events";
//
//   const user: Socket<ServerToClient["/user"], ClientToServer["/user"]> =
//     io("https://…/user", { auth: { token } });
//   const answer: HttpRoutes["GET /telecallers"]["answer"] = await (await fetch(…)).json();

/** What every backend event may say. `happenedAt`: when it happened, ISO 8601 with a time zone, or milliseconds since 1970; not in the future. Left out, it is the time of the request. Whatever arrives last, the newest event counts. */
export interface Dated {
  happenedAt?: string | number | null;
}

/** An account. permissions: what the person may do in chat. If they are listed, even with an empty list, those of the token do not count. coins: the balance in coins. rates: coins per started minute. */
export interface Account {
  _id: string;
  role: string;
  name: string;
  profile?: string | null;
  language?: string | null;
  about?: string | null;
  accountStatus?: "ACTIVE" | "SUSPENDED";
  approvalStatus?: "APPROVED" | "PENDING" | "REJECTED";
  permissions?: Array<string> | null;
  coins?: number;
  rates?: Record<string, number>;
}

/** `data.happenedAt`, optional: when it happened, ISO 8601 with a time zone, or milliseconds since 1970; not in the future. Left out, it is the time of the request. Whatever arrives last, the newest event counts. */
export interface AccountUpsertedEvent {
  type: "account.upserted";
  data: Account & Dated;
}

/** How many devices of a person are connected to a namespace. */
export interface AccountsDevices {
  namespace: string;
  devices: number;
}

/** A page of accounts in the order of their names. `coins` are those that the team's system has reported. */
export interface AccountsFoundAccounts {
  items: Array<Account>;
  cursor: string | null;
}

/** The namespaces to which a person is connected. Empty if the person is offline. */
export interface AccountsSessions {
  items: Array<AccountsDevices>;
}

export type Acknowledged = null | Refused;

/** What an admin says about an action. `reason`: why it is done, for the audit log. */
export interface Action {
  reason?: string | null;
}

/** What an admin has done. `action`: `call.end`, `account.suspend`, `account.activate`, `account.approve` or `account.reject`. `subjectId`: the call or the account that it was done to. `from`, `to`: its status before and after. `outcome`: `UNCHANGED` if both are the same, because the subject had this status already. `reason`: what the admin has written about it. */
export interface AdminAuditEntry {
  id: string;
  at: string;
  adminId: string;
  adminName: string;
  action: string;
  subjectId: string;
  from: string;
  to: string;
  outcome: "DONE" | "UNCHANGED";
  reason: string | null;
}

/** A page of actions, newest first. */
export interface AdminAuditLog {
  items: Array<AdminAuditEntry>;
  cursor: string | null;
}

/** Work of the stack, as SQS estimates it. `waiting`: the messages that wait; `inFlight`: those that are being handled, or wait for their next attempt. Both are null for a function that has no queue. `deadLetters`: the messages or events that have failed for good. */
export interface AdminQueue {
  name: string;
  waiting: number | null;
  inFlight: number | null;
  deadLetters: number;
}

/** All work of the stack that may wait or fail. */
export interface AdminQueues {
  items: Array<AdminQueue>;
  timestamp: string;
}

/** `token`: an admin's token. */
export interface AdminSignIn {
  token: string;
}

/** The admin who has signed in. */
export interface AdminSignedIn {
  accountId: string;
  name: string;
}

/** Distinct people, and their connections. Exact within seconds. */
export interface AdminStats {
  onlineUsers: number;
  onlineTelecallers: number;
  telecallersOnCall: number;
  connections: number;
  calls: CallsCallNumbers;
  lastHour: CallsLastHour;
  chat: ChatNumbers;
  bookings: BookingsBookingNumbers;
  timestamp: string;
}

/** `accepted`: how many events will be handled. */
export interface BackendAcceptedEvents {
  accepted: number;
}

export type BackendEvent = ChannelUpsertedEvent | BookingCreatedEvent | BookingAssignedEvent | BookingUpdatedEvent | EarningsUpdatedEvent | NotificationCreatedEvent | PartnerRegisteredEvent | KycSubmittedEvent | AccountUpsertedEvent;

export interface BackendEvents {
  events: Array<BackendEvent>;
}

/** `data.happenedAt`, optional: when it happened, ISO 8601 with a time zone, or milliseconds since 1970; not in the future. Left out, it is the time of the request. Whatever arrives last, the newest event counts. */
export interface BookingAssignedEvent {
  type: "booking.assigned";
  data: BookingsAssigned & Dated;
}

/** `data.happenedAt`, optional: when it happened, ISO 8601 with a time zone, or milliseconds since 1970; not in the future. Left out, it is the time of the request. Whatever arrives last, the newest event counts. */
export interface BookingCreatedEvent {
  type: "booking.created";
  data: BookingsCreated & Dated;
}

/** `data.happenedAt`, optional: when it happened, ISO 8601 with a time zone, or milliseconds since 1970; not in the future. Left out, it is the time of the request. Whatever arrives last, the newest event counts. */
export interface BookingUpdatedEvent {
  type: "booking.updated";
  data: BookingsUpdated & Dated;
}

/** A page of bookings, newest first. */
export interface Bookings {
  items: Array<BookingsBookingDetails>;
  cursor: string | null;
}

/** A partner to whom a booking is offered. */
export interface BookingsAssigned {
  bookingId: string;
  partnerId: string;
}

export type BookingsBookingAccept = string;

/** A new booking, for admins who monitor bookings. `scheduledAt`: ISO 8601. `amount`: the price. */
export interface BookingsBookingCreated {
  bookingId: string;
  bookingNumber: string;
  customerId: string;
  service: string;
  scheduledAt: string;
  address: string;
  amount: number;
  status: "PENDING" | "PARTNER_ASSIGNED" | "PARTNER_ACCEPTED" | "ON_THE_WAY" | "ARRIVED" | "IN_PROGRESS" | "COMPLETED" | "CANCELLED";
}

/** A booking as its parties see it. Times are ISO 8601. `partnerId`: null if no partner has it. `reason`: why it was cancelled, null if it was not or if no reason was given. */
export interface BookingsBookingDetails {
  bookingId: string;
  bookingNumber: string;
  customerId: string;
  partnerId: string | null;
  service: string;
  scheduledAt: string;
  address: string;
  amount: number;
  status: BookingsStatus;
  reason: string | null;
  createdAt: string;
  updatedAt: string;
}

/** A message between a customer and a partner. `bookingId`: the booking that the message is about, or null. */
export interface BookingsBookingMessage {
  product: "bookings";
  messageId: string;
  senderId: string;
  recipientId: string;
  bookingId: string | null;
}

/** The `detail` of `message.sent` on the bus. */
export interface BookingsBookingMessageDetail {
  id: string;
  time: string;
  sequence: string;
  data: BookingsBookingMessage;
}

/** `byStatus`: how many bookings there are. `active`: those a partner is on. `today`: what has been `created`, `completed` and `cancelled` today (UTC). */
export interface BookingsBookingNumbers {
  byStatus: Record<string, number>;
  active: number;
  today: Record<string, number>;
}

export type BookingsBookingTrack = string;

export type BookingsBookingUntrack = string;

/** A booking that has changed, for admins who monitor bookings. `partnerId`: the partner who has the booking, or null. `updatedAt`: ISO 8601. */
export interface BookingsBookingUpdated {
  bookingId: string;
  status: "PENDING" | "PARTNER_ASSIGNED" | "PARTNER_ACCEPTED" | "ON_THE_WAY" | "ARRIVED" | "IN_PROGRESS" | "COMPLETED" | "CANCELLED";
  partnerId: string | null;
  updatedAt: string;
}

/** The booking to cancel. `reason`: up to 1,000 characters for the partner, or null. */
export interface BookingsCancel {
  bookingId: string;
  reason?: string | null;
}

/** A booking that the partner no longer has: it was cancelled or assigned to another partner. `reason`: a text, or null. `cancelledAt`: ISO 8601. */
export interface BookingsCancelled {
  bookingId: string;
  reason: string | null;
  cancelledAt: string;
}

/** A booking that has changed. `previousStatus`: the status before; the same as `status` if something else has changed. */
export interface BookingsChangedBooking {
  bookingId: string;
  bookingNumber: string;
  customerId: string;
  partnerId: string | null;
  service: string;
  scheduledAt: string;
  amount: number;
  status: "PENDING" | "PARTNER_ASSIGNED" | "PARTNER_ACCEPTED" | "ON_THE_WAY" | "ARRIVED" | "IN_PROGRESS" | "COMPLETED" | "CANCELLED";
  previousStatus: "PENDING" | "PARTNER_ASSIGNED" | "PARTNER_ACCEPTED" | "ON_THE_WAY" | "ARRIVED" | "IN_PROGRESS" | "COMPLETED" | "CANCELLED";
}

/** The `detail` of `booking.updated` on the bus. */
export interface BookingsChangedBookingDetail {
  id: string;
  time: string;
  sequence: string;
  data: BookingsChangedBooking;
}

/** A new booking, which is `PENDING`. `scheduledAt`: ISO 8601. `amount`: the price, 0 or more. */
export interface BookingsCreated {
  bookingId: string;
  bookingNumber: string;
  customerId: string;
  service: string;
  scheduledAt: string;
  address: string;
  amount: number;
}

/** A new booking. */
export interface BookingsCreatedBooking {
  bookingId: string;
  bookingNumber: string;
  customerId: string;
  partnerId: string | null;
  service: string;
  scheduledAt: string;
  amount: number;
  status: "PENDING" | "PARTNER_ASSIGNED" | "PARTNER_ACCEPTED" | "ON_THE_WAY" | "ARRIVED" | "IN_PROGRESS" | "COMPLETED" | "CANCELLED";
}

/** The `detail` of `booking.created` on the bus. */
export interface BookingsCreatedBookingDetail {
  id: string;
  time: string;
  sequence: string;
  data: BookingsCreatedBooking;
}

/** A partner's earnings; further fields are passed on as the backend gave them. `partnerId`: the partner who receives the event. */
export interface BookingsEarnings {
  partnerId: string;
  [field: string]: unknown;
}

/** Where a partner is. `latitude`: degrees, -90 to 90. `longitude`: degrees, -180 to 180. */
export interface BookingsLocation {
  latitude: number;
  longitude: number;
}

export type BookingsMessageMarkRead = string;

/** A message from the other party. `bookingId`: the booking that the message is about, or null. `createdAt`: ISO 8601. */
export interface BookingsMessageReceived {
  id: string;
  senderId: string;
  message: string;
  bookingId: string | null;
  createdAt: string;
}

/** The confirmation that a message was stored and sent. `id`: the message's id. `createdAt`: ISO 8601. */
export interface BookingsMessageSent {
  id: string;
  createdAt: string;
}

export type BookingsMessageSentOrRefused = BookingsMessageSent | Refused;

/** A booking that is offered to the partner, to accept or reject. `scheduledAt`: ISO 8601. `amount`: the price. */
export interface BookingsNewRequest {
  bookingId: string;
  bookingNumber: string;
  service: string;
  scheduledAt: string;
  address: string;
  amount: number;
}

/** A notification; further fields are passed on as the backend gave them. `accountId`: the customer or partner who receives the event. */
export interface BookingsNotification {
  accountId: string;
  [field: string]: unknown;
}

/** The partner who has been assigned to a customer's booking. */
export interface BookingsPartnerAssigned {
  bookingId: string;
  partner: BookingsPartnerDetails;
}

/** A partner as a customer sees them. `_id`: the partner's account id. `profile`, `about`: from the partner's account, or null. */
export interface BookingsPartnerDetails {
  _id: string;
  name: string;
  profile: string | null;
  about: string | null;
}

/** Where the partner of a tracked booking is. `location`: in degrees. `timestamp`: when the location arrived, ISO 8601. */
export interface BookingsPartnerLocation {
  bookingId: string;
  location: BookingsLocation;
  timestamp: string;
}

/** A partner who has registered; all fields are passed on as the backend gave them. */
export interface BookingsRegistered {
  [field: string]: unknown;
}

/** The booking to reject. `reason`: up to 1,000 characters, or null. */
export interface BookingsReject {
  bookingId: string;
  reason?: string | null;
}

/** A message to the other party. `recipientId`: the account id of the recipient. `message`: 1 to 8,000 Unicode code points. `bookingId`: the booking that the message is about, or null. */
export interface BookingsSend {
  recipientId: string;
  message: string;
  bookingId?: string | null;
}

/** The numbers of bookings, for admins. `byStatus`: the number of all bookings, by status. `active`: the number of bookings that a partner has accepted and that are not over. `today`: how many were `created`, `completed` and `cancelled` on this UTC day. `timestamp`: ISO 8601. */
export interface BookingsStats {
  byStatus: Record<string, number>;
  active: number;
  today: Record<string, number>;
  timestamp: string;
}

/** The state of a booking, in the order in which a booking goes through them. `COMPLETED` and `CANCELLED` are final. */
export type BookingsStatus = "ARRIVED" | "CANCELLED" | "COMPLETED" | "IN_PROGRESS" | "ON_THE_WAY" | "PARTNER_ACCEPTED" | "PARTNER_ASSIGNED" | "PENDING";

/** The new status of a booking. `status`: `ON_THE_WAY`, `ARRIVED`, `IN_PROGRESS` or `COMPLETED`. */
export interface BookingsStatusUpdate {
  bookingId: string;
  status: "ON_THE_WAY" | "ARRIVED" | "IN_PROGRESS" | "COMPLETED";
}

/** The new status of a customer's booking. `status`: `PENDING`, `PARTNER_ASSIGNED`, `PARTNER_ACCEPTED`, `ON_THE_WAY`, `ARRIVED`, `IN_PROGRESS`, `COMPLETED` or `CANCELLED`. `message`: a text about the status to show to the customer. */
export interface BookingsStatusUpdated {
  bookingId: string;
  status: "PENDING" | "PARTNER_ASSIGNED" | "PARTNER_ACCEPTED" | "ON_THE_WAY" | "ARRIVED" | "IN_PROGRESS" | "COMPLETED" | "CANCELLED";
  message: string;
}

/** Identity documents (KYC) of a partner; all fields are passed on as the backend gave them. */
export interface BookingsSubmitted {
  [field: string]: unknown;
}

/** Whether the other party is typing. `userId`: the account id of the other party. */
export interface BookingsTyping {
  userId: string;
  typing: boolean;
}

export type BookingsTypingStart = string;

export type BookingsTypingStop = string;

/** What has changed about a booking; other fields are absent or null. `status`: any status but `PARTNER_ASSIGNED`, for which the backend sends `booking.assigned`. `reason`: why the booking is `CANCELLED`. `scheduledAt`: ISO 8601. `amount`: the price, 0 or more. */
export interface BookingsUpdated {
  bookingId: string;
  status?: "ON_THE_WAY" | "ARRIVED" | "IN_PROGRESS" | "COMPLETED" | "PENDING" | "PARTNER_ACCEPTED" | "CANCELLED" | null;
  reason?: string | null;
  bookingNumber?: string | null;
  service?: string | null;
  scheduledAt?: string | null;
  address?: string | null;
  amount?: number | null;
}

/** A call that has been answered. `acceptedAt`: when, ISO 8601. */
export interface CallAnswered {
  product: "calls" | "chat";
  callId: string;
  callType: "AUDIO" | "VIDEO" | "audio" | "video";
  userId: string;
  telecallerId: string;
  startedAt: string;
  acceptedAt: string;
}

/** The `detail` of `call.answered` on the bus. */
export interface CallAnsweredDetail {
  id: string;
  time: string;
  sequence: string;
  data: CallAnswered;
}

/** A call that ended before it was answered: the caller or an admin has cancelled it, or the devices of the person who was called turned out to be gone. */
export interface CallCancelled {
  product: "calls" | "chat";
  callId: string;
  callType: "AUDIO" | "VIDEO" | "audio" | "video";
  userId: string;
  telecallerId: string;
  startedAt: string;
  endedAt: string;
  endedBy: string | null;
}

/** The `detail` of `call.cancelled` on the bus. */
export interface CallCancelledDetail {
  id: string;
  time: string;
  sequence: string;
  data: CallCancelled;
}

/** A call that was answered and is over. `acceptedAt`, `endedAt`: ISO 8601. `durationSeconds`: whole seconds since it was answered. `coins`: what the user has paid. `endedBy`: the person who ended it, or null if no person did. `reason`: `BALANCE` if a prepaid call has used up its coins, otherwise null. */
export interface CallEnded {
  product: "calls" | "chat";
  callId: string;
  callType: "AUDIO" | "VIDEO" | "audio" | "video";
  userId: string;
  telecallerId: string;
  startedAt: string;
  acceptedAt: string;
  endedAt: string;
  durationSeconds: number;
  coins: number;
  endedBy: string | null;
  reason: "BALANCE" | null;
}

/** The `detail` of `call.ended` on the bus. */
export interface CallEndedDetail {
  id: string;
  time: string;
  sequence: string;
  data: CallEnded;
}

/** A call that was not answered in time, or not before a party's last connection closed. */
export interface CallMissed {
  product: "calls" | "chat";
  callId: string;
  callType: "AUDIO" | "VIDEO" | "audio" | "video";
  userId: string;
  telecallerId: string;
  startedAt: string;
  endedAt: string;
  endedBy: string | null;
}

/** The `detail` of `call.missed` on the bus. */
export interface CallMissedDetail {
  id: string;
  time: string;
  sequence: string;
  data: CallMissed;
}

/** A call that the person who was called has rejected. */
export interface CallRejected {
  product: "calls" | "chat";
  callId: string;
  callType: "AUDIO" | "VIDEO" | "audio" | "video";
  userId: string;
  telecallerId: string;
  startedAt: string;
  endedAt: string;
  endedBy: string | null;
}

/** The `detail` of `call.rejected` on the bus. */
export interface CallRejectedDetail {
  id: string;
  time: string;
  sequence: string;
  data: CallRejected;
}

/** A call that has begun to ring. */
export interface CallRinging {
  product: "calls" | "chat";
  callId: string;
  callType: "AUDIO" | "VIDEO" | "audio" | "video";
  userId: string;
  telecallerId: string;
  startedAt: string;
}

/** The `detail` of `call.ringing` on the bus. */
export interface CallRingingDetail {
  id: string;
  time: string;
  sequence: string;
  data: CallRinging;
}

/** A page of calls, newest first. The first page begins with the calls that ring or go on. */
export interface Calls {
  items: Array<CallsCall>;
  cursor: string | null;
}

/** The call that this device of the telecaller has accepted. `callType`: `AUDIO` or `VIDEO`. `livekit`: what the telecaller's client needs to join the LiveKit room. */
export interface CallsAccepted {
  callId: string;
  callType: "AUDIO" | "VIDEO";
  caller: CallsParty;
  livekit: CallsCredentials;
}

/** The user's call, which the telecaller has accepted. `livekit`: what the user's client needs to join the LiveKit room. */
export interface CallsAcceptedByTelecaller {
  callId: string;
  livekit: CallsCredentials;
}

/** A call as admins see it. `userName`, `telecallerName`: from the accounts, or null. `ringSeconds`: how long it rang. */
export interface CallsAdminCall {
  callId: string;
  product: "calls" | "chat";
  callType: "AUDIO" | "VIDEO" | "audio" | "video";
  status: "RINGING" | "ACCEPTED" | "REJECTED" | "CANCELLED" | "MISSED" | "COMPLETED";
  userId: string;
  telecallerId: string;
  startedAt: string;
  acceptedAt: string | null;
  endedAt: string | null;
  durationSeconds: number;
  coins: number;
  attendance?: CallsAttendance;
  userName: string | null;
  telecallerName: string | null;
  ringSeconds: number;
}

/** A page of calls, newest first. */
export interface CallsAdminCalls {
  items: Array<CallsAdminCall>;
  cursor: string | null;
}

/** When the parties of a call were in its LiveKit room. Times are ISO 8601, or null. Left: at the end of the latest stay; null while it lasts. */
export interface CallsAttendance {
  userJoinedAt: string | null;
  userLeftAt: string | null;
  telecallerJoinedAt: string | null;
  telecallerLeftAt: string | null;
}

/** A prepaid call that ends soon, unless the user buys coins. `secondsLeft`: the seconds until then. */
export interface CallsBalanceLow {
  callId: string;
  secondsLeft: number;
}

/** A call. `product`: the product that the call belongs to. `status`: `RINGING`, `ACCEPTED`, or how the call has ended. Times are ISO 8601; `acceptedAt` is null if the call was not accepted, `endedAt` if it is not over. `durationSeconds`: since it was accepted. `coins`: what the user has paid. `attendance`: only if LiveKit has reported of the call. */
export interface CallsCall {
  callId: string;
  product: "calls" | "chat";
  callType: "AUDIO" | "VIDEO" | "audio" | "video";
  status: "RINGING" | "ACCEPTED" | "REJECTED" | "CANCELLED" | "MISSED" | "COMPLETED";
  userId: string;
  telecallerId: string;
  startedAt: string;
  acceptedAt: string | null;
  endedAt: string | null;
  durationSeconds: number;
  coins: number;
  attendance?: CallsAttendance;
}

/** Why an event about a call was refused. `message`: a text to show. */
export interface CallsCallError {
  message: string;
}

/** The calls that ring now, the calls that are answered now, and by outcome the calls that have ended today (UTC). */
export interface CallsCallNumbers {
  ringing: number;
  accepted: number;
  completedToday: number;
  missedToday: number;
  rejectedToday: number;
  cancelledToday: number;
}

/** The call to accept, reject, cancel or end. `callId`: 24 hex digits. */
export interface CallsCallRef {
  callId: string;
}

/** `hour`: the last 60 minutes. `day`: today (UTC). `week`: today and the six days before. `days`: the days of the week one by one, today last. */
export interface CallsCallStats {
  hour: CallsPeriod;
  day: CallsPeriod;
  week: CallsPeriod;
  days: Array<CallsPeriod>;
  timestamp: string;
}

/** A call that no longer rings at this device: it was cancelled, or another device of the telecaller has accepted or rejected it. */
export interface CallsCancelled {
  callId: string;
}

/** How many people are online, for admins. Each person counts once, not each connection. `timestamp`: ISO 8601, UTC, with milliseconds. */
export interface CallsCounts {
  onlineUsers: number;
  onlineTelecallers: number;
  timestamp: string;
}

/** What a client needs to join the LiveKit room of a call. `token`: a LiveKit access token, valid for at most 2 hours. `url`: the LiveKit server. `roomName`: the LiveKit room, which is named like the call. */
export interface CallsCredentials {
  token: string;
  url: string;
  roomName: string;
}

/** An accepted call that has ended, or a call that the user has cancelled on another device. `reason`: only if the call was prepaid and the user has no coins left for it. */
export interface CallsEnded {
  callId: string;
  reason?: "BALANCE";
}

/** A call to the telecaller that rings. `callType`: `AUDIO` or `VIDEO`. `caller`: the user who calls. */
export interface CallsIncoming {
  callId: string;
  callType: "AUDIO" | "VIDEO";
  caller: CallsParty;
}

/** A call to a telecaller. `telecallerId`: the telecaller's account id. `callType`: `AUDIO` or `VIDEO`. */
export interface CallsInitiate {
  telecallerId: string;
  callType: "AUDIO" | "VIDEO";
}

/** The call that has begun to ring. `callId`: 24 hex digits. */
export interface CallsInitiated {
  callId: string;
}

export type CallsInitiatedOrRefused = CallsInitiated | Refused;

/** How many calls have ended, by minute and outcome: 60 numbers each, the current minute last. `until`: the beginning of the current minute. */
export interface CallsLastHour {
  until: string;
  completed: Array<number>;
  missed: Array<number>;
  rejected: Array<number>;
  cancelled: Array<number>;
}

/** A telecaller who may be called. `presence` is what users have been told: `ONLINE`, `OFFLINE` or `ON_CALL`. A telecaller whose phone rings is `ONLINE`. */
export interface CallsListedTelecaller {
  _id: string;
  name: string;
  profile: string | null;
  language: string | null;
  about: string | null;
  presence: "OFFLINE" | "ONLINE" | "ON_CALL";
}

/** A call that was not answered in time, or not before the other person's last connection closed. */
export interface CallsMissed {
  callId: string;
}

/** The other person of a call. `_id`: their account id. `profile`: from their account, or null. */
export interface CallsParty {
  _id: string;
  name: string;
  profile: string | null;
}

/** The calls that have ended in a period, which begins at `since`. `answerRate`: the share of answered calls, between 0 and 1. `medianRingSeconds`, `averageSeconds`: how long the answered calls rang, and how long they lasted. The three are null if there are no such calls. `coins`: what users have paid. */
export interface CallsPeriod {
  since: string;
  calls: number;
  answered: number;
  missed: number;
  rejected: number;
  cancelled: number;
  answerRate: number | null;
  medianRingSeconds: number | null;
  averageSeconds: number | null;
  coins: number;
}

/** The new presence of a telecaller, for all users, or for those who watch. `presence`: `ONLINE`, `OFFLINE` or `ON_CALL`. `telecaller`: the details of the telecaller if `presence` is `ONLINE`, else null. */
export interface CallsPresenceChanged {
  telecallerId: string;
  presence: "ONLINE" | "OFFLINE" | "ON_CALL";
  telecaller: CallsTelecallerDetails | null;
}

/** The user's call, which the telecaller has rejected. */
export interface CallsRejected {
  callId: string;
}

/** The user's call, which rings at the telecaller. */
export interface CallsRinging {
  callId: string;
  telecaller: CallsParty;
}

/** A telecaller as users see them. `_id`: the telecaller's account id. `profile`, `language`, `about`: from the telecaller's account, or null. */
export interface CallsTelecallerDetails {
  _id: string;
  name: string;
  profile: string | null;
  language: string | null;
  about: string | null;
}

/** A telecaller whose presence has changed, as users see it. `presence`: `ONLINE`, `OFFLINE` or `ON_CALL`. While a call rings, it stays `ONLINE`. */
export interface CallsTelecallerPresence {
  product: "calls";
  telecallerId: string;
  presence: "OFFLINE" | "ONLINE" | "ON_CALL";
}

/** The `detail` of `presence.changed` on the bus. */
export interface CallsTelecallerPresenceDetail {
  id: string;
  time: string;
  sequence: string;
  data: CallsTelecallerPresence;
}

/** A page of telecallers, the greatest id first: ids that begin with the time make it the newest first. */
export interface CallsTelecallers {
  items: Array<CallsListedTelecaller>;
  cursor: string | null;
}

/** `data.happenedAt`, optional: when it happened, ISO 8601 with a time zone, or milliseconds since 1970; not in the future. Left out, it is the time of the request. Whatever arrives last, the newest event counts. */
export interface ChannelUpsertedEvent {
  type: "channel.upserted";
  data: ChatChannelUpserted & Dated;
}

/** The call to accept. `answer`: the callee's WebRTC answer; it is passed on unchanged. `targetUserId`: the other party; it may be absent. */
export interface ChatAccept {
  callId: string;
  answer: unknown;
  targetUserId?: string | null;
}

/** The caller's call, which the callee has accepted. `answer`: the callee's WebRTC answer, unchanged. */
export interface ChatAccepted {
  callId: string;
  answer: unknown;
}

export type ChatAuthenticate = unknown;

/** The user as whom the connection is authenticated. `role`: the role in the user's token. */
export interface ChatAuthenticated {
  userId: string;
  displayName: string;
  role: string;
}

/** A notice for all authenticated users. `priority`: `high`, `normal` or `low`. `from`: the sender's display name. `broadcastAt`: ISO 8601. */
export interface ChatBroadcastReceived {
  message: string;
  priority: "high" | "normal" | "low";
  from: string;
  broadcastAt: string;
  broadcastId: string;
}

/** The call to reject or to end. `targetUserId`: the other party; it may be absent. */
export interface ChatCallRef {
  callId: string;
  targetUserId?: string | null;
}

/** A WebRTC ICE candidate for the other party of a call. `candidate`: it is passed on unchanged. */
export interface ChatCandidate {
  targetUserId: string;
  candidate: unknown;
}

/** A WebRTC ICE candidate of the other party of a call. `from`: the id of the other party. `candidate`: as the other party sent it. */
export interface ChatCandidateReceived {
  from: string;
  candidate: unknown;
}

/** A message that has been sent to a channel. `channelId`: as text, also if clients write it as a number. `replyToId`: the id of the message that this one replies to, or null. */
export interface ChatChannelMessage {
  product: "chat";
  messageId: string;
  channelId: string;
  senderId: string;
  messageType: "file" | "gif" | "image" | "text" | "ticket_link";
  replyToId: string | null;
}

/** The `detail` of `message.sent` on the bus. */
export interface ChatChannelMessageDetail {
  id: string;
  time: string;
  sequence: string;
  data: ChatChannelMessage;
}

/** Changes of a channel to announce. `changes`: the new values by field, in any form; they are passed on unchanged. */
export interface ChatChannelUpdate {
  channelId: string | number;
  changes: Record<string, unknown>;
}

/** Changes of a channel that the client has joined. `changes`: the new values by field, as the sender gave them. `updatedBy`, `updaterName`: the id and the display name of the sender. `updatedAt`: ISO 8601. */
export interface ChatChannelUpdated {
  channelId: string | number;
  changes: Record<string, unknown>;
  updatedBy: string;
  updaterName: string;
  updatedAt: string;
}

/** A channel that a team's backend has created or changed. `private`: true if only `members` may join the channel. `members`: the ids of these users; they are ignored unless `private` is true. */
export interface ChatChannelUpserted {
  channelId: string | number;
  name: string;
  description?: string | null;
  private?: boolean;
  members?: Array<string>;
}

/** A page of channels, newest first. */
export interface ChatChannels {
  items: Array<ChatListedChannel>;
  cursor: string | null;
}

/** A call that is over for this tab: stop ringing, or hang up. */
export interface ChatEnded {
  callId: string;
}

/** A file that a user has uploaded to a channel that the client has joined. `messageId`: as the sender gave it, or null. `uploadedBy`, `uploaderName`: the id and the display name of the sender. `fileSize`: bytes. `uploadedAt`: ISO 8601. */
export interface ChatFileNotification {
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
export interface ChatFileUploaded {
  channelId: string | number;
  fileName: string;
  fileSize: number;
  fileType: string;
  messageId?: string | number | null;
}

/** A call to the user that rings. `from`, `fromName`: the id and the display name of the caller. `callType`: `audio` or `video`. `offer`: the caller's WebRTC offer, unchanged. */
export interface ChatIncoming {
  callId: string;
  from: string;
  fromName: string;
  callType: "audio" | "video";
  offer: unknown;
}

/** A call to another user. `targetUserId`: the user to call. `callType`: `audio` or `video`. `offer`: the caller's WebRTC offer; it is passed on unchanged. */
export interface ChatInvite {
  targetUserId: string;
  callType: "audio" | "video";
  offer: unknown;
}

/** The call that has begun to ring. */
export interface ChatInvited {
  callId: string;
}

export type ChatInvitedOrRefused = ChatInvited | Refused;

export type ChatJoinChannel = string | number;

export type ChatLeaveChannel = string | number;

/** A channel that the person who asks may join. `private`: only its members may. `unread`: how many messages of others the person has not read, up to 100. `lastMessage`: the newest message, or null if there is none. */
export interface ChatListedChannel {
  channelId: string | number;
  name: string;
  description: string | null;
  private: boolean;
  unread: number;
  lastMessage: ChatNewMessage | null;
}

/** How far the user has read a channel. `messageId`: this message and all older ones are read; null means the whole channel. */
export interface ChatMessageRead {
  channelId: string | number;
  messageId?: string | null;
}

/** A page of messages, newest first. `unread`: how many messages of the channel the asking person has not read. */
export interface ChatMessages {
  items: Array<ChatReadMessage>;
  cursor: string | null;
  unread: number;
}

/** A message in a channel that the client has joined. `id`: 24 hex digits; the ids of a channel's messages sort in the order of arrival. `messageType`: `text`, `file`, `image`, `gif` or `ticket_link`. `replyToId`: the id of the message that this one replies to, or null. `timestamp`: when the message arrived, ISO 8601. */
export interface ChatNewMessage {
  id: string;
  channelId: string | number;
  userId: string;
  userDisplayName: string;
  message: string;
  messageType: "text" | "file" | "image" | "gif" | "ticket_link";
  replyToId: string | null;
  timestamp: string;
}

/** `online`: how many people are in chat. `messagesToday`, `callsToday`: how many messages have been sent and how many calls have begun today (UTC). */
export interface ChatNumbers {
  online: number;
  messagesToday: number;
  callsToday: number;
}

/** A user who is connected. `status`: `online`, `away`, `busy` or `offline`. `connectionCount`: how many connections (tabs) the user has. */
export interface ChatOnlineUser {
  userId: string;
  status: "online" | "away" | "busy" | "offline";
  connectionCount: number;
}

export type ChatOnlineUserListOrRefused = Array<ChatOnlineUser> | Refused;

export type ChatPresenceSetStatus = "away" | "busy" | "offline" | "online";

/** The status of a user, in short. `status`: `online`, `away`, `busy` or `offline`. `connectionCount`: how many connections (tabs) the user has. */
export interface ChatPresenceUpdate {
  userId: string;
  status: "online" | "away" | "busy" | "offline";
  connectionCount: number;
}

/** The status of a user, with what they say about it. `status`: `online`, `away`, `busy` or `offline`. `statusMessage`, `customStatus`: texts of the user, or null. `timestamp`: ISO 8601. `reason`: `disconnect` if the user's last tab has closed, else `status_change`. */
export interface ChatPresenceUpdated {
  userId: string;
  userDisplayName: string;
  status: "online" | "away" | "busy" | "offline";
  statusMessage: string | null;
  customStatus: string | null;
  timestamp: string;
  reason: "status_change" | "disconnect";
}

/** A message as it was delivered. `readBy`: how many others have read it. */
export interface ChatReadMessage {
  id: string;
  channelId: string | number;
  userId: string;
  userDisplayName: string;
  message: string;
  messageType: "text" | "file" | "image" | "gif" | "ticket_link";
  replyToId: string | null;
  timestamp: string;
  readBy: number;
}

/** How far another user has read a channel. `messageId`: they have read this message and all older ones; null means the whole channel. `readAt`: ISO 8601. */
export interface ChatReadReceipt {
  userId: string;
  userDisplayName: string;
  channelId: string | number;
  messageId: string | null;
  readAt: string;
}

/** The caller's call, which the callee has rejected. */
export interface ChatRejected {
  callId: string;
}

/** A message to send to a channel. `message`: 1 to 8,000 Unicode code points. `messageType`: `text` (the default), `file`, `image`, `gif` or `ticket_link`. `replyToId`: the id of the message that this one replies to, or null. */
export interface ChatSendMessage {
  channelId: string | number;
  message: string;
  messageType?: "file" | "gif" | "image" | "text" | "ticket_link";
  replyToId?: string | null;
}

/** A notice for all authenticated users. `message`: 1 to 8,000 Unicode code points. `priority`: `high`, `normal` (the default) or `low`. */
export interface ChatSystemBroadcast {
  message: string;
  priority?: "high" | "low" | "normal";
}

/** Whether the user is typing in a channel. `isTyping`: true when the user begins to type, false when they stop. */
export interface ChatTyping {
  channelId: string | number;
  isTyping: boolean;
}

/** The user's status and what they say about it. `status`: `online`, `away`, `busy` or `offline`. `statusMessage`, `customStatus`: up to 1,024 characters; null or absent clears the text. */
export interface ChatUpdatePresence {
  status: "away" | "busy" | "offline" | "online";
  statusMessage?: string | null;
  customStatus?: string | null;
}

/** Another user who has joined a channel with their first tab. `userRole`: the role in the user's token. `joinedAt`: ISO 8601. */
export interface ChatUserJoined {
  userId: string;
  userDisplayName: string;
  userRole: string;
  channelId: string | number;
  joinedAt: string;
}

/** Another user whose last tab has left a channel. `leftAt`: ISO 8601. `reason`: `leave` if the user left the channel, `disconnect` if the connection ended. */
export interface ChatUserLeft {
  userId: string;
  userDisplayName: string;
  channelId: string | number;
  leftAt: string;
  reason: "leave" | "disconnect";
}

/** A user of chat whose status has changed, or who has come back or gone. `status`: `online`, `away`, `busy` or `offline`. `reason`: `disconnect` if the user's last tab has closed, otherwise `status_change`. */
export interface ChatUserPresence {
  product: "chat";
  userId: string;
  status: "away" | "busy" | "offline" | "online";
  reason: "disconnect" | "status_change";
}

/** The `detail` of `presence.changed` on the bus. */
export interface ChatUserPresenceDetail {
  id: string;
  time: string;
  sequence: string;
  data: ChatUserPresence;
}

/** Whether another user is typing in a channel that the client has joined. */
export interface ChatUserTyping {
  userId: string;
  userDisplayName: string;
  isTyping: boolean;
}

/** `data.happenedAt`, optional: when it happened, ISO 8601 with a time zone, or milliseconds since 1970; not in the future. Left out, it is the time of the request. Whatever arrives last, the newest event counts. */
export interface EarningsUpdatedEvent {
  type: "earnings.updated";
  data: BookingsEarnings & Dated;
}

/** The payload of `error` and `call:error`. */
export interface Error {
  message: string;
}

export type ErrorText = string;

/** Why something was refused. */
export interface Failure {
  message: string;
}

/** The answer of a stack that runs. */
export interface HttpHealth {
  status: "ok";
}

/** `data.happenedAt`, optional: when it happened, ISO 8601 with a time zone, or milliseconds since 1970; not in the future. Left out, it is the time of the request. Whatever arrives last, the newest event counts. */
export interface KycSubmittedEvent {
  type: "kyc.submitted";
  data: BookingsSubmitted & Dated;
}

/** `data.happenedAt`, optional: when it happened, ISO 8601 with a time zone, or milliseconds since 1970; not in the future. Left out, it is the time of the request. Whatever arrives last, the newest event counts. */
export interface NotificationCreatedEvent {
  type: "notification.created";
  data: BookingsNotification & Dated;
}

/** `data.happenedAt`, optional: when it happened, ISO 8601 with a time zone, or milliseconds since 1970; not in the future. Left out, it is the time of the request. Whatever arrives last, the newest event counts. */
export interface PartnerRegisteredEvent {
  type: "partner.registered";
  data: BookingsRegistered & Dated;
}

/** A device to register. `platform`: `APNS` and `APNS_VOIP` are Apple's, `FCM` is Google's. `token`: the token that the platform has given to the app. */
export interface PushNewDevice {
  platform: "APNS" | "APNS_VOIP" | "FCM";
  token: string;
}

/** A device of the person who asks. `deviceId`: names the device in `DELETE /devices/{id}`. `registeredAt`: ISO 8601. */
export interface PushRegisteredDevice {
  deviceId: string;
  platform: string;
  registeredAt: string;
}

/** The devices of the person who asks, the newest first. */
export interface PushRegisteredDevices {
  items: Array<PushRegisteredDevice>;
}

/** What an acknowledgement carries if the event was refused. */
export interface Refused {
  error: Failure;
}

/** What clients send, by namespace. */
export interface ClientToServer {
  "/user": {
    /** Call a telecaller. The telecaller's devices receive `call:incoming`; the user's devices receive `call:ringing` if the call still rings then. If the call is not answered in time, both receive `call:missed`. If no device of the telecaller can be reached, the call is refused, unless it waits for one that is woken by a push. */
    "call:initiate": (data: CallsInitiate, acknowledge?: (answer: CallsInitiatedOrRefused) => void) => void;
    /** Watch the telecallers with this connection, while the app shows their list. If the stack announces presence only to those who watch (`presence_audience`), the connection receives `telecaller:presence-changed` from now on, until it stops watching or ends; a connection that comes back has to watch again. Read `GET /telecallers` after the acknowledgement. Watching twice is no error. */
    "telecallers:watch": (acknowledge?: (answer: Acknowledged) => void) => void;
    /** Stop watching the telecallers with this connection, when the app no longer shows their list. Unwatching without watching is no error. */
    "telecallers:unwatch": (acknowledge?: (answer: Acknowledged) => void) => void;
    /** Cancel a call that still rings. The telecaller's devices receive `call:cancelled`; the user's other devices receive `call:ended`. */
    "call:cancel": (data: CallsCallRef, acknowledge?: (answer: Acknowledged) => void) => void;
    /** End an answered call; the user and the telecaller may both do so. All other devices of both receive `call:ended`. */
    "call:end": (data: CallsCallRef, acknowledge?: (answer: Acknowledged) => void) => void;
  };
  "/telecaller": {
    /** Accept a call that rings. The telecaller's device that accepts and all of the user's devices receive `call:accepted`, with credentials for the call's LiveKit room; the telecaller's other devices receive `call:cancelled`. */
    "call:accept": (data: CallsCallRef, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Reject a call that rings. The user's devices receive `call:rejected`; the telecaller's other devices receive `call:cancelled`. */
    "call:reject": (data: CallsCallRef, acknowledge?: (answer: Acknowledged) => void) => void;
    /** End an answered call; the user and the telecaller may both do so. All other devices of both receive `call:ended`. */
    "call:end": (data: CallsCallRef, acknowledge?: (answer: Acknowledged) => void) => void;
  };
  "/": {
    /** Set the user's status and its texts. All authenticated users, the sender too, receive `presence_updated` and `presence:update`. */
    "update_presence": (data: ChatUpdatePresence, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Set the user's status, which is the payload itself: `online`, `away`, `busy` or `offline`. Its texts stay as they are. All authenticated users, the sender too, receive `presence_updated` and `presence:update`. */
    "presence:set_status": (data: ChatPresenceSetStatus, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Get the users who are online, with their status and number of connections, in the acknowledgement. The list has as many users as a message of 128 KB can hold: about 1,600 if their ids have 24 characters. */
    "presence:get_online_users": (acknowledge?: (answer: ChatOnlineUserListOrRefused) => void) => void;
    /** Authenticate the connection with a token, which is the payload itself. The client receives `authenticated`, also if it authenticates again as the same user. If the user has been announced as offline, all authenticated users receive `presence_updated` and `presence:update`. */
    "authenticate": (data: ChatAuthenticate, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Call another user. The acknowledgement carries the call's id. Every tab of the other user receives `call:incoming`. If the call is not answered in time (30 seconds by default), the tabs of both parties receive `call:ended`. */
    "call:invite": (data: ChatInvite, acknowledge?: (answer: ChatInvitedOrRefused) => void) => void;
    /** Accept a call that rings. The tab that called receives `call:accepted` with the answer; the accepting user's other tabs receive `call:ended`. */
    "call:accept": (data: ChatAccept, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Reject a call that rings. The tab that called receives `call:rejected`; the rejecting user's other tabs receive `call:ended`. */
    "call:reject": (data: ChatCallRef, acknowledge?: (answer: Acknowledged) => void) => void;
    /** End a call, from either side, whether it still rings or has been accepted. The other party receives `call:ended`, and so do the user's other tabs that ring or have the call. */
    "call:end": (data: ChatCallRef, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Send an ICE candidate to the other party of a call, whether it still rings or has been accepted. The tab of the other party that has the call, or every tab that rings, receives `call:ice_candidate`. Clients can use a candidate only after `call:incoming` or `call:accepted`: one that comes before is sent after it. */
    "call:ice_candidate": (data: ChatCandidate, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Join a channel with this tab. The payload is the channel's id; joining twice is no error. A private channel is answered to those who are no members as if it did not exist. If it is the user's first tab in the channel, the channel's other users receive `user_joined`. */
    "join_channel": (data: ChatJoinChannel, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Leave a channel with this tab. The payload is the channel's id; leaving a channel that is not joined is no error. If it was the user's last tab in the channel, the channel's other users receive `user_left`. */
    "leave_channel": (data: ChatLeaveChannel, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Send a message to a channel that the user has joined with any tab. Everyone in the channel, the sender's own tabs too, receives `chat:new_message`. The message is stored. */
    "chat:send_message": (data: ChatSendMessage, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Mark a message and all older ones as read, or the whole channel. If the user had not read as far before, the channel's other users receive `message_read_receipt`. */
    "message_read": (data: ChatMessageRead, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Show that the user is typing in a channel, or has stopped. The channel's other users receive `chat:user_typing`, once a second at most, and the last state always. */
    "chat:typing": (data: ChatTyping, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Announce an uploaded file to a channel that the user has joined. Everyone in the channel, the sender's own tabs too, receives `file_upload_notification`. */
    "file_uploaded": (data: ChatFileUploaded, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Announce changes of a channel that the user has joined. Everyone in the channel, the sender's own tabs too, receives `channel_updated`. The channel itself stays as it is: the team's backend changes it. */
    "channel_updated": (data: ChatChannelUpdate, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Send a notice to all users. Every authenticated user, the sender too, receives `system_broadcast_received`. */
    "system_broadcast": (data: ChatSystemBroadcast, acknowledge?: (answer: Acknowledged) => void) => void;
  };
  "/customer": {
    /** Send a message to the other party. All connections of the recipient receive `message:received`; the sending connection receives `message:sent`, whose data the acknowledgement carries too. With a `bookingId`, both must be its parties; without one, they must share a booking that is not over. The message is stored. */
    "message:send": (data: BookingsSend, acknowledge?: (answer: BookingsMessageSentOrRefused) => void) => void;
    /** Mark a message as read, as its recipient. The payload is the message's id. Marking it again keeps the first time. No client receives an event. */
    "message:mark_read": (data: BookingsMessageMarkRead, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Show the other party that the user is typing. The payload is the recipient's account id. All connections of the recipient receive `typing:indicator`. The two must share a booking that is not over. */
    "typing:start": (data: BookingsTypingStart, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Show the other party that the user has stopped typing. The payload is the recipient's account id. All connections of the recipient receive `typing:indicator`. The two must share a booking that is not over. */
    "typing:stop": (data: BookingsTypingStop, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Cancel a booking, which is possible until it is `IN_PROGRESS`. The customer receives `booking:status_updated` on all connections; the partner, if one is assigned, receives `booking:cancelled`; admins who monitor receive `booking:updated`. */
    "booking:cancel": (data: BookingsCancel, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Track a booking with this connection. The payload is the booking's id. The connection receives `partner:location_update` from when the partner accepts the booking until it is over. */
    "booking:track": (data: BookingsBookingTrack, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Stop tracking a booking with this connection. The payload is the booking's id. The connection no longer receives `partner:location_update` for it. */
    "booking:untrack": (data: BookingsBookingUntrack, acknowledge?: (answer: Acknowledged) => void) => void;
  };
  "/partner": {
    /** Update where the partner is. The connections that track one of the partner's bookings receive `partner:location_update`, from when the booking is accepted until it is over. A location that arrives after a newer one is dropped. */
    "location:update": (data: BookingsLocation, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Send a message to the other party. All connections of the recipient receive `message:received`; the sending connection receives `message:sent`, whose data the acknowledgement carries too. With a `bookingId`, both must be its parties; without one, they must share a booking that is not over. The message is stored. */
    "message:send": (data: BookingsSend, acknowledge?: (answer: BookingsMessageSentOrRefused) => void) => void;
    /** Mark a message as read, as its recipient. The payload is the message's id. Marking it again keeps the first time. No client receives an event. */
    "message:mark_read": (data: BookingsMessageMarkRead, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Show the other party that the user is typing. The payload is the recipient's account id. All connections of the recipient receive `typing:indicator`. The two must share a booking that is not over. */
    "typing:start": (data: BookingsTypingStart, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Show the other party that the user has stopped typing. The payload is the recipient's account id. All connections of the recipient receive `typing:indicator`. The two must share a booking that is not over. */
    "typing:stop": (data: BookingsTypingStop, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Accept a booking that is offered to the partner. The payload is the booking's id. The customer receives `booking:status_updated`, and from now on can track the partner's location; admins who monitor receive `booking:updated`. */
    "booking:accept": (data: BookingsBookingAccept, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Reject a booking that is offered to the partner. It is `PENDING` again, so that the backend can assign another partner. The customer receives `booking:status_updated`; admins who monitor receive `booking:updated`. */
    "booking:reject": (data: BookingsReject, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Set how far the partner is with a booking they have accepted. Statuses may be skipped, but never go back; the same status again changes nothing. The customer receives `booking:status_updated`; admins who monitor receive `booking:updated`. */
    "booking:status_update": (data: BookingsStatusUpdate, acknowledge?: (answer: Acknowledged) => void) => void;
  };
  "/admin": {
    /** Ask how many users and telecallers are online. The connection that asks receives `presence:counts`. */
    "presence:request-counts": (acknowledge?: (answer: Acknowledged) => void) => void;
    /** Request the numbers of bookings. The connection receives `dashboard:stats_update`. */
    "request:stats": (acknowledge?: (answer: Acknowledged) => void) => void;
    /** Monitor all bookings with this connection, from now on; asking again changes nothing. The connection receives `booking:created`, `booking:updated`, `partner:registered`, `kyc:submitted` and, at most once a second, `dashboard:stats_update`. */
    "monitor:bookings": (acknowledge?: (answer: Acknowledged) => void) => void;
    /** Mark a message as read, as its recipient. The payload is the message's id. Marking it again keeps the first time. No client receives an event. */
    "message:mark_read": (data: BookingsMessageMarkRead, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Show the other party that the user is typing. The payload is the recipient's account id. All connections of the recipient receive `typing:indicator`. The two must share a booking that is not over. */
    "typing:start": (data: BookingsTypingStart, acknowledge?: (answer: Acknowledged) => void) => void;
    /** Show the other party that the user has stopped typing. The payload is the recipient's account id. All connections of the recipient receive `typing:indicator`. The two must share a booking that is not over. */
    "typing:stop": (data: BookingsTypingStop, acknowledge?: (answer: Acknowledged) => void) => void;
  };
}

/** What clients receive, by namespace. */
export interface ServerToClient {
  "/user": {
    /** The user's call, which rings at the telecaller. */
    "call:ringing": (data: CallsRinging) => void;
    /** The user's call, which the telecaller has accepted. */
    "call:accepted": (data: CallsAcceptedByTelecaller) => void;
    /** The user's call, which the telecaller has rejected. */
    "call:rejected": (data: CallsRejected) => void;
    /** A call that was not answered in time, or not before the other person's last connection closed. */
    "call:missed": (data: CallsMissed) => void;
    /** An accepted call that has ended, or a call that the user has cancelled on another device. */
    "call:ended": (data: CallsEnded) => void;
    /** A prepaid call that ends soon, unless the user buys coins. */
    "call:balance-low": (data: CallsBalanceLow) => void;
    /** Why an event about a call was refused. */
    "call:error": (data: CallsCallError) => void;
    /** The new presence of a telecaller, for all users, or for those who watch. */
    "telecaller:presence-changed": (data: CallsPresenceChanged) => void;
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
    "call:missed": (data: CallsMissed) => void;
    /** An accepted call that has ended, or a call that the user has cancelled on another device. */
    "call:ended": (data: CallsEnded) => void;
    /** Why something was refused. */
    "error": (data: Error) => void;
  };
  "/": {
    /** The user as whom the connection is authenticated. */
    "authenticated": (data: ChatAuthenticated) => void;
    /** A message in a channel that the client has joined. */
    "chat:new_message": (data: ChatNewMessage) => void;
    /** How far another user has read a channel. */
    "message_read_receipt": (data: ChatReadReceipt) => void;
    /** Another user who has joined a channel with their first tab. */
    "user_joined": (data: ChatUserJoined) => void;
    /** Another user whose last tab has left a channel. */
    "user_left": (data: ChatUserLeft) => void;
    /** Whether another user is typing in a channel that the client has joined. */
    "chat:user_typing": (data: ChatUserTyping) => void;
    /** The status of a user, with what they say about it. */
    "presence_updated": (data: ChatPresenceUpdated) => void;
    /** The status of a user, in short. */
    "presence:update": (data: ChatPresenceUpdate) => void;
    /** A notice for all authenticated users. */
    "system_broadcast_received": (data: ChatBroadcastReceived) => void;
    /** Changes of a channel that the client has joined. */
    "channel_updated": (data: ChatChannelUpdated) => void;
    /** A file that a user has uploaded to a channel that the client has joined. */
    "file_upload_notification": (data: ChatFileNotification) => void;
    /** A call to the user that rings. */
    "call:incoming": (data: ChatIncoming) => void;
    /** The caller's call, which the callee has accepted. */
    "call:accepted": (data: ChatAccepted) => void;
    /** The caller's call, which the callee has rejected. */
    "call:rejected": (data: ChatRejected) => void;
    /** A call that is over for this tab: stop ringing, or hang up. */
    "call:ended": (data: ChatEnded) => void;
    /** A WebRTC ICE candidate of the other party of a call. */
    "call:ice_candidate": (data: ChatCandidateReceived) => void;
    /** Why something was refused, as bare text. */
    "presence:error": (data: ErrorText) => void;
    /** Why something was refused, as bare text. */
    "auth:error": (data: ErrorText) => void;
    /** Why something was refused, as bare text. */
    "chat:error": (data: ErrorText) => void;
    /** Why something was refused, as bare text. */
    "broadcast:error": (data: ErrorText) => void;
  };
  "/customer": {
    /** The new status of a customer's booking. */
    "booking:status_updated": (data: BookingsStatusUpdated) => void;
    /** The partner who has been assigned to a customer's booking. */
    "partner:assigned": (data: BookingsPartnerAssigned) => void;
    /** Where the partner of a tracked booking is. */
    "partner:location_update": (data: BookingsPartnerLocation) => void;
    /** A message from the other party. */
    "message:received": (data: BookingsMessageReceived) => void;
    /** The confirmation that a message was stored and sent. */
    "message:sent": (data: BookingsMessageSent) => void;
    /** Whether the other party is typing. */
    "typing:indicator": (data: BookingsTyping) => void;
    /** A notification; further fields are passed on as the backend gave them. */
    "notification:new": (data: BookingsNotification) => void;
    /** Why something was refused. */
    "error": (data: Error) => void;
  };
  "/partner": {
    /** A booking that is offered to the partner, to accept or reject. */
    "booking:new_request": (data: BookingsNewRequest) => void;
    /** A booking that the partner no longer has: it was cancelled or assigned to another partner. */
    "booking:cancelled": (data: BookingsCancelled) => void;
    /** A message from the other party. */
    "message:received": (data: BookingsMessageReceived) => void;
    /** The confirmation that a message was stored and sent. */
    "message:sent": (data: BookingsMessageSent) => void;
    /** Whether the other party is typing. */
    "typing:indicator": (data: BookingsTyping) => void;
    /** A partner's earnings; further fields are passed on as the backend gave them. */
    "earnings:updated": (data: BookingsEarnings) => void;
    /** A notification; further fields are passed on as the backend gave them. */
    "notification:new": (data: BookingsNotification) => void;
    /** Why something was refused. */
    "error": (data: Error) => void;
  };
  "/admin": {
    /** How many people are online, for admins. Each person counts once, not each connection. */
    "presence:counts": (data: CallsCounts) => void;
    /** A new booking, for admins who monitor bookings. */
    "booking:created": (data: BookingsBookingCreated) => void;
    /** A booking that has changed, for admins who monitor bookings. */
    "booking:updated": (data: BookingsBookingUpdated) => void;
    /** The numbers of bookings, for admins. */
    "dashboard:stats_update": (data: BookingsStats) => void;
    /** A partner who has registered; all fields are passed on as the backend gave them. */
    "partner:registered": (data: BookingsRegistered) => void;
    /** Identity documents (KYC) of a partner; all fields are passed on as the backend gave them. */
    "kyc:submitted": (data: BookingsSubmitted) => void;
    /** Why something was refused. */
    "error": (data: Error) => void;
  };
}

/** What the stack puts on its EventBridge bus: `detail`, by `detail-type`. */
export interface BusEvents {
  "booking.created": BookingsCreatedBookingDetail;
  "booking.updated": BookingsChangedBookingDetail;
  "call.answered": CallAnsweredDetail;
  "call.cancelled": CallCancelledDetail;
  "call.ended": CallEndedDetail;
  "call.missed": CallMissedDetail;
  "call.rejected": CallRejectedDetail;
  "call.ringing": CallRingingDetail;
  "message.sent": ChatChannelMessageDetail | BookingsBookingMessageDetail;
  "presence.changed": CallsTelecallerPresenceDetail | ChatUserPresenceDetail;
}

/** What the HTTP routes take and answer. */
export interface HttpRoutes {
  /** Return the calls of the person who asks: those that ring or go on, and then those that are over, newest first. An admin may ask for another person's calls with `userId`. */
  "GET /calls": {
    query: { limit?: number; cursor?: string; userId?: string };
    answer: Calls;
  };
  /** Return the calls of all people that are over, newest first. With `userId`, return the calls that `GET /calls` returns, those that ring or go on too. */
  "GET /admin/calls": {
    query: { limit?: number; cursor?: string; product?: "calls" | "chat"; userId?: string };
    answer: CallsAdminCalls;
  };
  /** Return the calls of a product that ring or go on, the newest first. A call that has just begun or ended may be a second late. A page may be short although another page follows. */
  "GET /admin/calls/running": {
    query: { limit?: number; cursor?: string; product?: "calls" | "chat" };
    answer: CallsAdminCalls;
  };
  /** Return a call, for its parties and for admins. A call of other people is answered like one that does not exist. */
  "GET /calls/{id}": {
    path: { id: string };
    answer: CallsCall;
  };
  /** End a call. An answered call between a user and a telecaller is charged for as always. All devices of both parties receive `call:ended`; a telecaller's devices on which it rings receive `call:cancelled`. A call that is over is answered as it is. */
  "POST /calls/{id}/end": {
    path: { id: string };
    body?: Action;
    answer: CallsCall;
  };
  /** Return new credentials for the LiveKit room of one's own call that has been answered and goes on, for an app that has lost those of `call:accepted`. LiveKit lets one device of a person be in the room: the last one that joins. */
  "POST /calls/{id}/credentials": {
    path: { id: string };
    answer: CallsCredentials;
  };
  /** Take a report of LiveKit, signed with the stack's LiveKit key. Only with the setting `livekit_webhooks`. A call whose room both have left ends. LiveKit repeats a report that is answered with 503. */
  "POST /livekit/webhook": {
    answer: undefined;
  };
  /** Return how many calls were answered, after which time, how long they lasted and what they earned: in the last hour, today and in the last seven days. */
  "GET /admin/calls/stats": {
    answer: CallsCallStats;
  };
  /** Return the approved and active telecallers, for users and admins, with the presence that was announced last. With `presence`, a page may be short although another page follows. */
  "GET /telecallers": {
    query: { limit?: number; cursor?: string; presence?: "OFFLINE" | "ONLINE" | "ON_CALL" };
    answer: CallsTelecallers;
  };
  /** Return the public channels, and the private ones whose member the person who asks is, newest first. */
  "GET /channels": {
    query: { limit?: number; cursor?: string };
    answer: ChatChannels;
  };
  /** Return the messages of a channel, newest first, for the people who may join it. For other people, a channel that exists is answered like one that does not. A channel whose id has a `?` cannot be asked for. */
  "GET /channels/{id}/messages": {
    path: { id: string };
    query: { limit?: number; cursor?: string; replyToId?: string };
    answer: ChatMessages;
  };
  /** Return the bookings of the customer or the partner who asks, newest first. With `status`, a page looks at up to 100 bookings, and so may be short although another page follows. */
  "GET /bookings": {
    query: { limit?: number; cursor?: string; status?: "ARRIVED" | "CANCELLED" | "COMPLETED" | "IN_PROGRESS" | "ON_THE_WAY" | "PARTNER_ACCEPTED" | "PARTNER_ASSIGNED" | "PENDING" };
    answer: Bookings;
  };
  /** Return a booking, for its customer, its partner and admins. For other people, a booking that exists is answered like one that does not. */
  "GET /bookings/{id}": {
    path: { id: string };
    answer: BookingsBookingDetails;
  };
  /** Return the accounts whose names begin with a text, suspended ones too. */
  "GET /accounts": {
    query: { limit?: number; cursor?: string; name: string };
    answer: AccountsFoundAccounts;
  };
  /** Return where a person is connected now, with how many devices. */
  "GET /accounts/{id}/sessions": {
    path: { id: string };
    answer: AccountsSessions;
  };
  /** Suspend an account, as `account.upserted` does: all sessions of the person end, and new ones are refused. Asking again does no harm. */
  "POST /accounts/{id}/suspend": {
    path: { id: string };
    body?: Action;
    answer: Account;
  };
  /** End the suspension of an account. */
  "POST /accounts/{id}/activate": {
    path: { id: string };
    body?: Action;
    answer: Account;
  };
  /** Approve an account: a telecaller may connect and be called. */
  "POST /accounts/{id}/approve": {
    path: { id: string };
    body?: Action;
    answer: Account;
  };
  /** Withdraw or refuse the approval of an account, as `account.upserted` does. */
  "POST /accounts/{id}/reject": {
    path: { id: string };
    body?: Action;
    answer: Account;
  };
  /** Return an account with its balance. The id `me` is the account of the person who asks; an admin may ask for any account. */
  "GET /accounts/{id}": {
    path: { id: string };
    answer: Account;
  };
  /** Return what admins have done, newest first. */
  "GET /admin/audit": {
    query: { limit?: number; cursor?: string; subjectId?: string };
    answer: AdminAuditLog;
  };
  /** Return how much work waits in the stack's queues, and how much has failed for good. */
  "GET /admin/queues": {
    answer: AdminQueues;
  };
  /** Return how many people are connected, and how many calls and bookings there are now and have been today (UTC). */
  "GET /admin/stats": {
    answer: AdminStats;
  };
  /** Sign in to the console: put an admin's token into a cookie that scripts cannot read. */
  "POST /session": {
    body: AdminSignIn;
    answer: AdminSignedIn;
  };
  /** Sign out of the console: delete the cookie. */
  "DELETE /session": {
    answer: undefined;
  };
  /** Report what happened in your own systems: one event, or several at a time. Reporting an event twice does no harm. */
  "POST /events": {
    body: BackendEvent | BackendEvents;
    answer: BackendAcceptedEvents;
  };
  /** Register a device of one's own, which is woken when one is called or written to without being connected. Only if the stack pushes. Registering again does no harm. A device that another account has registered belongs to this one from then on. Of too many devices the oldest is forgotten. */
  "POST /devices": {
    body: PushNewDevice;
    answer: PushRegisteredDevice;
  };
  /** Return the devices that the person who asks has registered. Only if the stack pushes. */
  "GET /devices": {
    answer: PushRegisteredDevices;
  };
  /** Forget a device of one's own, above all when the person logs out of the app. Only if the stack pushes. */
  "DELETE /devices/{id}": {
    path: { id: string };
    answer: undefined;
  };
  /** Return that the stack answers. */
  "GET /health": {
    answer: HttpHealth;
  };
}
