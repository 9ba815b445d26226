import WebSocket from "ws";

// Thousands of sockets at a gateway, in a process of their own. They read as little of each message as they can, so that
// what is measured is the gateway.

export interface SubscribersPlan {
  url: string;
  sockets: number;
  /** What each subscribes to; an idle socket only says hello. */
  query?: string;
}

const openingAtOnce = 40;
const now = () => performance.timeOrigin + performance.now();
const sockets: WebSocket[] = [];
let heardOf = 0;
let expected = 0;
let arrivals: number[] = [];
let allHeard = () => {};

process.on("message", (message: { open: SubscribersPlan } | { expect: number }) => {
  const work = "open" in message ? open(message.open) : heard(message.expect);
  work
    .then((outcome) => process.send!({ outcome }))
    .catch((error: unknown) => process.send!({ error: error instanceof Error ? error.stack : String(error) }));
});
process.once("disconnect", () => process.exit(0));

async function open(plan: SubscribersPlan): Promise<number> {
  let next = 0;
  const opener = async () => {
    while (next++ < plan.sockets) await openOne(plan);
  };
  await Promise.all(Array.from({ length: openingAtOnce }, opener));
  return sockets.length;
}

function openOne({ url, query }: SubscribersPlan): Promise<void> {
  const socket = new WebSocket(url.replace(/^http/, "ws"), "graphql-transport-ws", { perMessageDeflate: false });
  sockets.push(socket);
  return new Promise((resolve, reject) => {
    socket.on("open", () => socket.send('{"type":"connection_init"}'));
    socket.on("error", reject);
    socket.on("close", (code, reason) => reject(new Error(`A socket was closed: ${code} ${String(reason)}`)));
    socket.on("message", (data: Buffer) => {
      const text = data.toString();
      if (text.includes('"connection_ack"')) {
        if (query) socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query } }));
        return resolve();
      }
      if (text.includes('"type":"ping"')) return socket.send('{"type":"pong"}');
      if (!text.includes(`"id":"${expected}"`)) return reject(new Error(text));
      arrivals.push(now());
      if (++heardOf === sockets.length) allHeard();
    });
  });
}

/** When each socket heard of this number, in epoch milliseconds. */
async function heard(number: number): Promise<number[]> {
  expected = number;
  heardOf = 0;
  arrivals = [];
  const all = new Promise<void>((resolve) => (allHeard = resolve));
  process.send!({ outcome: "listening" });
  const late = setTimeout(() => process.send!({ error: `${sockets.length - heardOf} sockets heard nothing.` }), 30_000);
  await all;
  clearTimeout(late);
  return arrivals;
}
