import WebSocket from "ws";

// Thousands of subscribers of one dashboard, in a process of their own. They read as little of each message as they can,
// so that what is measured is the server.

export interface WatchersPlan {
  /** Of the endpoint. */
  url: string;
  /** Of people who may see the dashboard; each opens so many sockets. */
  tokens: string[];
  socketsEach: number;
}

/** When the last of them had heard of a number, and how long each had to wait after `from`; in epoch milliseconds. */
export interface Heard {
  at: number[];
}

const query =
  "subscription { dashboardUpdates { reason dashboard { projectsCreated messages activeUsers documents } } }";
const openingAtOnce = 40;
const now = () => performance.timeOrigin + performance.now();

let sockets: WebSocket[] = [];
const seen: number[] = [];
const heardAt: number[] = [];
let wake = () => {};

process.on("message", (message: { open?: WatchersPlan; expect?: number }) => {
  const work = message.open ? open(message.open) : heard(message.expect!);
  work
    .then((outcome) => process.send!({ outcome }))
    .catch((error: unknown) => process.send!({ error: error instanceof Error ? error.stack : String(error) }));
});

async function open({ url, tokens, socketsEach }: WatchersPlan): Promise<number> {
  const wanted = tokens.flatMap((token) => Array.from({ length: socketsEach }, () => token));
  let next = 0;
  const opener = async () => {
    for (let n = next++; n < wanted.length; n = next++) await openOne(url, wanted[n]!, n);
  };
  await Promise.all(Array.from({ length: openingAtOnce }, opener));
  return sockets.length;
}

/** Resolves with the first update: how things stand. */
function openOne(url: string, token: string, n: number): Promise<void> {
  const socket = new WebSocket(url.replace(/^http/, "ws"), "graphql-transport-ws", { perMessageDeflate: false });
  sockets.push(socket);
  return new Promise((resolve, reject) => {
    socket.on("open", () =>
      socket.send(JSON.stringify({ type: "connection_init", payload: { authorization: `Bearer ${token}` } })),
    );
    socket.on("error", reject);
    socket.on("close", (code, reason) => reject(new Error(`A socket was closed: ${code} ${String(reason)}`)));
    socket.on("message", (data: Buffer) => {
      const text = data.toString();
      if (text.includes('"connection_ack"'))
        return socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query } }));
      const number = /"projectsCreated":(\d+)/.exec(text)?.[1];
      if (number === undefined) {
        if (text.includes('"ping"')) return socket.send('{"type":"pong"}');
        return reject(new Error(text));
      }
      if (Number(number) !== seen[n]) {
        seen[n] = Number(number);
        heardAt[n] = now();
        wake();
      }
      resolve();
    });
  });
}

async function heard(number: number): Promise<Heard> {
  const deadline = performance.now() + 30_000;
  while (seen.some((each) => each < number)) {
    if (performance.now() > deadline)
      throw new Error(`${seen.filter((each) => each < number).length} sockets haven't heard of ${number}.`);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 200);
      wake = () => {
        if (seen.some((each) => each < number)) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }
  return { at: heardAt };
}

process.on("disconnect", () => {
  for (const socket of sockets) socket.terminate();
  sockets = [];
});
