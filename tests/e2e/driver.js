// Runs socket.io-client for the tests: one JSON command per line on stdin, one report per line on
// stdout. Sockets of one `app` share a module instance, and with it their Managers, as in one page.
//
//   {"op":"open","socket":1,"app":1,"version":"4","url":"http://…/user","options":{…}}
//   … or with "code", which makes a `socket` with `io`, in place of the url and the options
//   {"op":"emit","socket":1,"event":"call:end","args":[…],"ack":7|null}
//   {"op":"disconnect"|"connect","socket":1}
//   {"op":"drop","socket":1,"reconnect":false}
//   {"op":"returns","socket":1}
//   {"op":"ping","socket":1,"ack":7}, of 2.x, which pings by itself
//   {"op":"transport","socket":1,"ack":7}
//   → {"socket":1,"type":"connect"|"connect_error"|"disconnect"|"event"|"ack", …}
"use strict";

const { createRequire } = require("node:module");
const path = require("node:path");
const readline = require("node:readline");

const PACKAGES = { 2: "socket.io-client-2", 3: "socket.io-client-3", 4: "socket.io-client" };
const load = createRequire(path.join(__dirname, "..", "..", "local", "package.json"));

const apps = new Map();
const sockets = new Map();

function say(socket, type, rest) {
  process.stdout.write(JSON.stringify({ socket, type, ...rest }) + "\n");
}

function appOf(number, version) {
  if (!apps.has(number)) {
    const name = PACKAGES[version];
    delete require.cache[load.resolve(name)];
    apps.set(number, load(name));
  }
  return apps.get(number);
}

// What the server sends, whatever its name. 2.x has no onAny, and hands a refusal over as `error`.
function listen(socket, number) {
  if (socket.onAny) {
    socket.on("connect_error", (error) => say(number, "connect_error", { message: error.message }));
    socket.onAny((event, ...args) => say(number, "event", { event, args }));
    return;
  }
  socket.on("error", (message) => say(number, "connect_error", { message }));
  socket.onevent = ({ data: [event, ...args] }) => say(number, "event", { event, args });
}

const operations = {
  open({ socket: number, app, version, url, options, code }) {
    const library = appOf(app, version);
    const io = library.io || library;
    const socket = code ? new Function("io", `${code}; return socket;`)(io) : io(url, options);
    sockets.set(number, socket);
    socket.on("connect", () => {
      const { id: sid, _pid: pid = "", recovered = false } = socket;
      say(number, "connect", { engine: socket.io.engine.id, sid, pid, recovered });
    });
    socket.on("disconnect", (reason) => say(number, "disconnect", { reason }));
    listen(socket, number);
  },
  emit({ socket: number, event, args, ack }) {
    if (ack !== null) args.push((...answer) => say(number, "ack", { ack, args: answer }));
    sockets.get(number).emit(event, ...args);
  },
  connect({ socket }) {
    sockets.get(socket).connect();
  },
  disconnect({ socket }) {
    sockets.get(socket).disconnect();
  },
  ping({ socket: number, ack }) {
    const { engine } = sockets.get(number).io;
    engine.once("pong", () => say(number, "ack", { ack, args: ["pong"] }));
    engine.ping();
  },
  transport({ socket: number, ack }) {
    say(number, "ack", { ack, args: [sockets.get(number).io.engine.transport.name] });
  },
  returns({ socket }) {
    sockets.get(socket).io.reconnection(true);
  },
  // Cut the TCP connection without a word.
  drop({ socket: number, reconnect }) {
    const { io } = sockets.get(number);
    io.reconnection(reconnect);
    io.engine.transport.ws.terminate();
  },
};

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const command = JSON.parse(line);
  operations[command.op](command);
});
process.stdin.on("end", () => process.exit(0));
