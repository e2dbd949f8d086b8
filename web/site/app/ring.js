// The sound of a ringing phone, made of two tones: no file to load.

let audio = null;
let wanted = true;

// Browsers let a page sound only after somebody has touched it.
for (const event of ["pointerdown", "keydown"]) {
  addEventListener(event, () => (audio ??= new AudioContext()).resume(), { capture: true });
}

function beep(at) {
  const volume = new GainNode(audio, { gain: 0 });
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(0.08, at + 0.03);
  volume.gain.setValueAtTime(0.08, at + 0.35);
  volume.gain.linearRampToValueAtTime(0, at + 0.4);
  volume.connect(audio.destination);
  for (const frequency of [440, 554]) {
    const tone = new OscillatorNode(audio, { frequency });
    tone.connect(volume);
    tone.start(at);
    tone.stop(at + 0.4);
  }
}

/** Ring until the returned function is called. */
export function startRinging() {
  const sound = () => {
    if (!wanted || audio?.state !== "running") return;
    beep(audio.currentTime);
    beep(audio.currentTime + 0.55);
  };
  sound();
  const timer = setInterval(sound, 2000);
  return () => clearInterval(timer);
}

/** Make a button turn the sound on and off. */
export function soundButton(button) {
  button.addEventListener("click", () => {
    wanted = !wanted;
    button.setAttribute("aria-pressed", String(wanted));
    button.textContent = wanted ? "Sound on" : "Sound off";
  });
}
