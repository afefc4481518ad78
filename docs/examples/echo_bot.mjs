// A voice bot in its simplest form: it calls a number of NEON's test service, and says what it hears a second later.
//
//     ./run                                                  (in another terminal)
//     node docs/examples/echo_bot.mjs .neon/access.json 601
//
// It needs Node 22, or an older one with --experimental-websocket. In a web page the same works without the first lines.
import { readFileSync } from "node:fs";

const [path, number = "600", seconds = "10"] = process.argv.slice(2);
const access = JSON.parse(readFileSync(path, "utf8"));

const HEADER = 24;
const RATE = 16000;
const socket = new WebSocket(access.websocket);
socket.binaryType = "arraybuffer";

const answers = new Map();
const events = new Map();
const heard = [];
let last = 0;

socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) {
        hear(data);
        return;
    }
    const message = JSON.parse(data);
    if (message.action === "event") {
        console.log(message.name, JSON.stringify(message.data));
        events.get(message.name)?.(message.data);
    } else {
        answers.get(message.id)?.(message);
    }
};

/** Ask for something; what is answered. */
async function command(action, parameters) {
    const id = ++last;
    const answer = new Promise((resolve) => answers.set(id, resolve));
    socket.send(JSON.stringify({ id, action, ...parameters }));
    const { success, data, error } = await answer;
    if (!success) throw new Error(`${action}: ${error.description}`);
    return data;
}

const event = (name) => new Promise((resolve) => events.set(name, resolve));

/** Any number of samples; what is ahead of time waits, ten seconds at most. */
function say(call, samples) {
    const message = new ArrayBuffer(HEADER + samples.byteLength);
    const view = new DataView(message);
    view.setUint8(0, 1); // version
    view.setUint32(4, RATE, true);
    view.setBigUint64(8, call, true);
    new Uint8Array(message, HEADER).set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
    socket.send(message);
}

/** 20 ms of the far end: kept for a second, and said again. */
function hear(message) {
    const view = new DataView(message);
    const call = view.getBigUint64(8, true);
    const sequence = view.getUint32(16, true);
    const samples = new Int16Array(message, HEADER);
    heard.push(samples);
    if (heard.length > 50) say(call, heard.shift());
    if (sequence % 50 === 49) {
        const power = samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
        const level = 10 * Math.log10(power / 2 ** 30 + 1e-10);
        const waiting = view.getUint16(2, true);
        console.log(`second ${(sequence + 1) / 50}: ${level.toFixed(0)} dB heard, ${waiting} ms wait to be said`);
    }
}

await new Promise((resolve) => (socket.onopen = resolve));
const { token } = await command("authenticate", { user: access.user, password: access.password });
await command("subscribe", { token, events: ["OnDTMF", "OnSpeech"] });
const registered = event("OnSIPRegister");
await command("sipregister", { token, ...access.sip, autodisconnect: true });
await registered;
const accepted = event("OnAcceptCall");
const { callId } = await command("startcall", { token, number });
await accepted;
await command("openaudio", { token, callid: callId, rate: RATE });
say(BigInt(callId), Int16Array.from({ length: RATE / 2 }, (_, n) => 8000 * Math.sin(n * 0.2)));
setTimeout(async () => {
    await command("finalizecall", { token, callid: callId });
    socket.close();
}, Number(seconds) * 1000);
