// A terminal over a WebSocket: bytes are what it shows and what is typed, texts say what is beside that.
const at = (id) => document.getElementById(id);
const box = at("terminal"), said = at("terminal-said"), again = at("terminal-again"), take = at("terminal-take");
const isConsole = box.dataset.kind === "console";

// xterm.js adds styles: those with the nonce of this page count.
const nonce = document.querySelector("link[nonce]").nonce, make = document.createElement;
document.createElement = function (name, ...more) {
  const made = make.call(this, name, ...more);
  if (made instanceof HTMLStyleElement) made.nonce = nonce;
  return made;
};
const [{ Terminal }, { FitAddon }] = await Promise.all([import(box.dataset.xterm), import(box.dataset.fit)]);

const term = new Terminal({ scrollback: 5000, fontFamily: "ui-monospace, monospace", linkHandler: { activate() {} } });
const fit = new FitAddon();
term.loadAddon(fit);
// What a guest writes asks nothing of this browser: no clipboard, title, colours or links. It may ask what terminal this is, where the
// answer goes to it alone: on a serial console each who watches would answer.
const swallow = () => true;
for (const n of [0, 1, 2, 4, 8, 10, 11, 12, 50, 52, 104, 110, 111, 112]) term.parser.registerOscHandler(n, swallow);
for (const id of [{ intermediates: "$", final: "p" }, { prefix: "?", intermediates: "$", final: "p" }, { final: "t" }, { prefix: ">", final: "q" }]) term.parser.registerCsiHandler(id, swallow);
term.parser.registerDcsHandler({ intermediates: "$", final: "q" }, swallow);
if (isConsole) for (const id of [{ final: "c" }, { prefix: ">", final: "c" }, { prefix: "=", final: "c" }, { final: "n" }, { prefix: "?", final: "n" }]) term.parser.registerCsiHandler(id, swallow);

let socket, isOwn = !isConsole, isOver = true;
const say = (text) => { said.textContent = text; };
const tell = (what) => { if (socket?.readyState === WebSocket.OPEN) socket.send(what); };
const size = () => tell(JSON.stringify({ size: [term.cols, term.rows] }));

function over(why) {
  if (isOver) return;
  isOver = true;
  isOwn = !isConsole;
  say(`${why}.`);
  if (take) take.hidden = true;
  again.hidden = false;
  term.options.disableStdin = true;
}

const news = {
  keyboard({ holder, own }) {
    const had = isOwn;
    isOwn = own;
    term.options.disableStdin = !own;
    take.hidden = own;
    take.textContent = holder && !own ? `Take the keyboard from ${holder}` : "Take the keyboard";
    if (own) { say("You have the keyboard."); term.focus(); } else if (had) say(holder ? `${holder} took the keyboard.` : "You gave the keyboard back.");
    else say(holder ? `${holder} has the keyboard.` : "Nobody has the keyboard.");
  },
  // The rest of a sequence that was begun means nothing.
  dropped(count) { term.write(`\x18\r\n[${count} bytes were left out: they came too fast]\r\n`); },
  note(text) { say(`${text}.`); },
  end: over,
};

function connect() {
  isOver = false;
  again.hidden = true;
  say("Connecting.");
  const mine = new WebSocket(new URL(box.dataset.stream, location.href).href.replace(/^http/, "ws"));
  socket = mine;
  mine.binaryType = "arraybuffer";
  mine.onopen = () => {
    if (!isConsole) { term.options.disableStdin = false; say("Connected."); term.focus(); }
    size();
  };
  mine.onmessage = ({ data }) => {
    if (typeof data !== "string") return term.write(new Uint8Array(data));
    for (const [what, value] of Object.entries(JSON.parse(data))) news[what]?.(value);
  };
  mine.onclose = () => { if (mine === socket) over("The connection was lost"); };
}

const bytes = new TextEncoder();
function type(data) {
  if (!isOwn || isOver) return;
  for (let n = 0; n < data.length; n += 16384) tell(data.subarray(n, n + 16384));
}
function leave() {
  if (isConsole && isOwn) tell('"give"');
  (again.hidden ? take ?? at("terminal-reader") : again).focus();
  if (document.activeElement === term.textarea) at("terminal-reader").focus();
}
term.onData((data) => (data === "\x1d" ? leave() : type(bytes.encode(data))));
term.onBinary((data) => type(Uint8Array.from(data, (c) => c.charCodeAt(0))));
term.attachCustomKeyEventHandler((event) => {
  if (!(event.ctrlKey && !event.altKey && event.key === "]")) return true;
  event.preventDefault();
  if (event.type === "keydown") leave();
  return false;
});
take?.addEventListener("click", () => tell('"take"'));
again.addEventListener("click", () => { term.write("\x18\r\n"); connect(); });
at("terminal-reader").addEventListener("change", (event) => { term.options.screenReaderMode = event.target.checked; });

at("log")?.setAttribute("hidden", "");
box.hidden = at("terminal-actions").hidden = false;
term.open(box);
fit.fit();
new ResizeObserver(() => fit.fit()).observe(box);
term.onResize(size);
connect();
