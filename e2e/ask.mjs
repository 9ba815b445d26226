// Sends one GraphQL operation to a running Atrium and prints what comes back: the data of a query or mutation, the
// events of a subscription one by one.
//
//   node e2e/ask.mjs 'query ($id: ID!) { document(id: $id) { title } }' id=doc_…
//
//   name=text, name:=json   a variable
//   --pick a.b.0.c          prints this value of the data alone
//   --until text            ends a subscription with the first event that contains the text
//
// Reads ATRIUM (http://localhost:4000 unless set) and TOKEN, an access token or API key, from the environment.
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const { ATRIUM = "http://localhost:4000", TOKEN } = process.env;
const [query, ...rest] = process.argv.slice(2);
const { variables, pick, until } = readArguments(rest);

function readArguments(given) {
  const read = { variables: {}, pick: null, until: null };
  for (let i = 0; i < given.length; i++) {
    if (given[i] === "--pick") read.pick = given[++i];
    else if (given[i] === "--until") read.until = given[++i];
    else {
      const [, name, json, value] = /^(\w+)(:?)=(.*)$/s.exec(given[i]) ?? end(`What is ${given[i]}? Write name=text.`);
      read.variables[name] = json ? JSON.parse(value) : value;
    }
  }
  return read;
}

async function askOnce() {
  const response = await fetch(`${ATRIUM}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(TOKEN && { authorization: `Bearer ${TOKEN}` }) },
    body: JSON.stringify({ query, variables }),
  }).catch((error) => end(`${ATRIUM} doesn't answer (${error.cause?.code ?? error.message}). Is it running?`));
  const { data, errors } = await response.json();
  if (errors) end(errors.map(({ extensions, message }) => `${extensions?.code}: ${message}`).join("\n"));
  const value = pick ? pick.split(".").reduce((inner, name) => inner?.[name], data) : data;
  if (value == null) end(`There is no ${pick} in ${JSON.stringify(data)}.`);
  console.log(typeof value === "string" ? value : JSON.stringify(value, null, 2));
}

async function listen() {
  const client = createClient({
    url: `${ATRIUM.replace("http", "ws")}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: TOKEN ? { authorization: `Bearer ${TOKEN}` } : {},
    retryAttempts: 0,
  });
  try {
    for await (const { data, errors } of client.iterate({ query, variables })) {
      const event = JSON.stringify(errors ?? Object.values(data)[0]);
      console.log(event);
      if (until && event.includes(until)) break;
    }
  } catch (error) {
    end(error.reason ?? error.message ?? error[0]?.message ?? JSON.stringify(error));
  } finally {
    await client.dispose();
  }
}

function end(message) {
  console.error(message);
  process.exit(1);
}

await (/^\s*subscription\b/.test(query ?? end("Say which operation to send.")) ? listen() : askOnce());
