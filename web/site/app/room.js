// The LiveKit room of a call. Signalling works without one, so what is wrong is said, not thrown.

import { button, h } from "./dom.js";

const PROBE_MS = 2500;

async function reachable(url) {
  try {
    await fetch(url.replace(/^ws/, "http"), { mode: "no-cors", signal: AbortSignal.timeout(PROBE_MS) });
    return true;
  } catch {
    return false;
  }
}

/**
 * Join with the credentials of `call:accepted`; `{ element, leave }`. Without them, `fresh()` gives
 * new ones: at once if this page has been in the room before, else when the person wants to talk here.
 */
export function joinRoom({ livekit, fresh, before }, video) {
  const say = h("p", { class: "media", role: "status" }, "Joining the room…");
  const element = h("div", {}, say);
  let room = null;
  let left = false;
  const offer = () => {
    say.textContent = "Another page has joined the room.";
    const here = button("Talk here", "quiet", () => {
      here.remove();
      say.textContent = "Joining the room…";
      fresh().then(join).catch(failed);
    });
    element.append(here);
  };
  const failed = (error) => (say.textContent = `The room cannot be joined: ${error.message}`);
  const join = async ({ url, token }) => {
    if (!url) return void (say.textContent = "No LiveKit server is configured: signalling only, no sound.");
    if (!(await reachable(url))) {
      say.textContent = `No LiveKit server answers at ${url}: signalling only, no sound.`;
      return;
    }
    const { Room, RoomEvent } = await import("/vendor/livekit-client.esm.mjs");
    if (left) return;
    room = new Room();
    room.on(RoomEvent.TrackSubscribed, (track) => element.append(track.attach()));
    room.on(RoomEvent.TrackUnsubscribed, (track) => track.detach().forEach((one) => one.remove()));
    await room.connect(url, token);
    if (left) return void room.disconnect();
    say.textContent = "In the LiveKit room, microphone off.";
    const on = button(video ? "Microphone and camera on" : "Microphone on", "quiet", async () => {
      try {
        await room.localParticipant.setMicrophoneEnabled(true);
        if (video) await room.localParticipant.setCameraEnabled(true);
        say.textContent = "In the LiveKit room, microphone on.";
        on.remove();
      } catch (error) {
        say.textContent = `The microphone stays off: ${error.message}`;
      }
    });
    element.append(on);
  };
  if (livekit || before) Promise.resolve(livekit ?? fresh()).then(join).catch(failed);
  else offer();
  return {
    element,
    leave() {
      left = true;
      room?.disconnect();
    },
  };
}
