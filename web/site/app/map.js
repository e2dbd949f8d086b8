// A map as plain as can be: streets on a canvas, a house, and somebody who moves.

const SPAN = 0.02; // degrees from edge to edge
const STREETS = 6;

/** A canvas around `home`; `move(location)` puts the partner somewhere, `clear()` nowhere. */
export function makeMap(home) {
  const canvas = document.createElement("canvas");
  canvas.className = "map";
  canvas.setAttribute("role", "img");
  const trail = [];
  describe();

  function describe() {
    const at = trail.at(-1);
    canvas.setAttribute("aria-label", at
      ? `Map: the partner is at ${at.latitude.toFixed(4)}, ${at.longitude.toFixed(4)}`
      : "Map: the partner's place is not known yet");
  }

  function draw() {
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width) return;
    const dense = devicePixelRatio || 1;
    canvas.width = width * dense;
    canvas.height = height * dense;
    const paint = canvas.getContext("2d");
    paint.scale(dense, dense);
    const colour = (name) => getComputedStyle(canvas).getPropertyValue(name).trim();
    const place = ({ latitude, longitude }) => [
      width / 2 + ((longitude - home.longitude) / SPAN) * width,
      height / 2 - ((latitude - home.latitude) / SPAN) * height,
    ];
    paint.strokeStyle = colour("--line");
    paint.lineWidth = 5;
    for (let street = 0; street < STREETS; street++) {
      const part = (street + 0.5) / STREETS;
      line(paint, [[part * width - 18, 0], [part * width + 18, height]]);
      line(paint, [[0, part * height + 10], [width, part * height - 10]]);
    }
    paint.strokeStyle = colour("--accent");
    paint.lineWidth = 3;
    line(paint, trail.map(place));
    dot(paint, place(home), 7, colour("--ink"));
    if (trail.length) dot(paint, place(trail.at(-1)), 9, colour("--accent"));
  }

  new ResizeObserver(draw).observe(canvas);
  return {
    element: canvas,
    move(location) {
      trail.push(location);
      describe();
      draw();
    },
    clear() {
      trail.length = 0;
      describe();
      draw();
    },
  };
}

function line(paint, points) {
  paint.beginPath();
  points.forEach(([x, y], at) => (at ? paint.lineTo(x, y) : paint.moveTo(x, y)));
  paint.stroke();
}

function dot(paint, [x, y], radius, colour) {
  paint.beginPath();
  paint.arc(x, y, radius, 0, 2 * Math.PI);
  paint.fillStyle = colour;
  paint.fill();
}
