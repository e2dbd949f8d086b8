// Made by `make contract` from the table of events; not to be edited.
//
//   import { io, type Socket } from "socket.io-client";
//   import type { ClientToServer, ServerToClient } from "./events";
//
//   const user: Socket<ServerToClient["/user"], ClientToServer["/user"]> =
//     io("https://…/user", { transports: ["websocket"], auth: { token } });

/** To the telecaller's device that accepted. */
export interface Accepted {
  callId: string;
  callType: string;
  caller: Party;
  livekit: Credentials;
}

/** To the user. */
export interface AcceptedByTelecaller {
  callId: string;
  livekit: Credentials;
}

export interface CallError {
  message: string;
}

/** The payload of everything that happens to a call that exists. */
export interface CallRef {
  callId: string;
}

export interface Cancelled {
  callId: string;
}

/** Distinct people, not connections. `timestamp`: ISO 8601, UTC, milliseconds. */
export interface Counts {
  onlineUsers: number;
  onlineTelecallers: number;
  timestamp: string;
}

/** What a client joins the LiveKit room with. */
export interface Credentials {
  token: string;
  url: string;
  roomName: string;
}

export interface Ended {
  callId: string;
}

/** The payload of `error` and `call:error`. */
export interface Error {
  message: string;
}

/** Why something was refused. */
export interface Failure {
  message: string;
}

export interface Incoming {
  callId: string;
  callType: string;
  caller: Party;
}

export interface Initiate {
  telecallerId: string;
  callType: "AUDIO" | "VIDEO";
}

export interface Missed {
  callId: string;
}

/** The other side, as far as it is shown. */
export interface Party {
  _id: string;
  name: string;
  profile: string | null;
}

/** `presence`: `ONLINE`, `OFFLINE` or `ON_CALL`; details with `ONLINE` only. */
export interface PresenceChanged {
  telecallerId: string;
  presence: string;
  telecaller: TelecallerDetails | null;
}

/** What an acknowledgement carries when the event was refused. */
export interface Refused {
  error: Failure;
}

export interface Rejected {
  callId: string;
}

export interface Ringing {
  callId: string;
  telecaller: Party;
}

export interface TelecallerDetails {
  _id: string;
  name: string;
  profile: string | null;
  language: string | null;
  about: string | null;
}

/** What clients send, by namespace. */
export interface ClientToServer {
  "/user": {
    /** Ring a telecaller on all their devices; the user's hear that it rings. */
    "call:initiate": (data: Initiate, acknowledge?: (answer: Record<string, string> | Refused) => void) => void;
    "call:cancel": (data: CallRef, acknowledge?: (answer: null | Refused) => void) => void;
    /** Hang up, from either side. */
    "call:end": (data: CallRef, acknowledge?: (answer: null | Refused) => void) => void;
  };
  "/telecaller": {
    /** Both get credentials for the room; the telecaller's other devices stop ringing. */
    "call:accept": (data: CallRef, acknowledge?: (answer: null | Refused) => void) => void;
    "call:reject": (data: CallRef, acknowledge?: (answer: null | Refused) => void) => void;
    /** Hang up, from either side. */
    "call:end": (data: CallRef, acknowledge?: (answer: null | Refused) => void) => void;
  };
  "/admin": {
    /** Answer the asker with who is online now. */
    "presence:request-counts": (acknowledge?: (answer: null | Refused) => void) => void;
  };
}

/** What clients receive, by namespace. */
export interface ServerToClient {
  "/user": {
    "call:ringing": (data: Ringing) => void;
    /** To the user. */
    "call:accepted": (data: AcceptedByTelecaller) => void;
    "call:rejected": (data: Rejected) => void;
    "call:missed": (data: Missed) => void;
    "call:ended": (data: Ended) => void;
    "call:error": (data: CallError) => void;
    /** `presence`: `ONLINE`, `OFFLINE` or `ON_CALL`; details with `ONLINE` only. */
    "telecaller:presence-changed": (data: PresenceChanged) => void;
    /** The payload of `error` and `call:error`. */
    "error": (data: Error) => void;
  };
  "/telecaller": {
    "call:incoming": (data: Incoming) => void;
    /** To the telecaller's device that accepted. */
    "call:accepted": (data: Accepted) => void;
    "call:cancelled": (data: Cancelled) => void;
    "call:missed": (data: Missed) => void;
    "call:ended": (data: Ended) => void;
    /** The payload of `error` and `call:error`. */
    "error": (data: Error) => void;
  };
  "/admin": {
    /** Distinct people, not connections. `timestamp`: ISO 8601, UTC, milliseconds. */
    "presence:counts": (data: Counts) => void;
    /** The payload of `error` and `call:error`. */
    "error": (data: Error) => void;
  };
}
