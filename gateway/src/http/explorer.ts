/**
 * What a browser gets at the endpoint: Apollo Sandbox, which comes from Apollo's servers, and, where those can't be
 * reached, a page that says so and a small explorer of our own that needs nothing from outside.
 */
const sandboxOrigin = "https://embeddable-sandbox.cdn.apollographql.com";
const sandboxScript = `${sandboxOrigin}/v2/embeddable-sandbox.umd.production.min.js`;

/** The page's own content security policy: its one inline script by nonce, Apollo's, and requests to ourselves. */
export const explorerPolicy = (nonce: string, host: string) =>
  [
    "default-src 'none'",
    `script-src 'nonce-${nonce}' ${sandboxOrigin}`,
    "style-src 'unsafe-inline'",
    "img-src 'self' data: https://*.apollographql.com",
    "font-src data: https://*.apollographql.com",
    "frame-src https://sandbox.embed.apollographql.com",
    `connect-src 'self' ws://${host} wss://${host}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");

export const explorerPage = (nonce: string) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Atrium · GraphQL</title>
<style>
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
  html, body { height: 100%; margin: 0; }
  #sandbox { position: fixed; inset: 0; }
  main { max-width: 76rem; margin: 0 auto; padding: 1rem; display: grid; gap: .75rem; }
  h1 { font-size: 1.25rem; margin: 0; }
  p { margin: 0; }
  .columns { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); }
  .column { display: grid; gap: .5rem; align-content: start; min-width: 0; }
  textarea, input, pre { box-sizing: border-box; width: 100%; font: 13px/1.5 ui-monospace, monospace; margin: 0; }
  textarea { resize: vertical; }
  pre { min-height: 12rem; max-height: 32rem; overflow: auto; padding: .75rem; border: 1px solid #8886; white-space: pre-wrap; overflow-wrap: anywhere; }
  button { font: inherit; padding: .3rem .9rem; }
  label { font-weight: 600; }
  li { font: 13px/1.6 ui-monospace, monospace; overflow-wrap: anywhere; }
  [hidden] { display: none; }
</style>
</head>
<body>
<div id="sandbox" hidden></div>
<main id="own" hidden>
  <h1>Atrium · GraphQL</h1>
  <p id="reason" role="status"></p>
  <div class="columns">
    <div class="column">
      <label for="query">Operation</label>
      <textarea id="query" rows="14" spellcheck="false">query {
  __typename
}</textarea>
      <label for="variables">Variables (JSON)</label>
      <textarea id="variables" rows="4" spellcheck="false"></textarea>
      <label for="token">Access token</label>
      <input id="token" type="password" autocomplete="off" placeholder="what signIn returned as accessToken">
      <div><button id="run" type="button">Run</button> <button id="stop" type="button" hidden>Stop</button></div>
    </div>
    <div class="column">
      <label for="answer">Answer</label>
      <pre id="answer" tabindex="0" aria-live="polite"></pre>
    </div>
  </div>
  <div class="column">
    <label for="filter">What can be asked</label>
    <input id="filter" type="search" placeholder="filter">
    <ul id="fields"></ul>
  </div>
</main>
<noscript><p>This page needs JavaScript. The endpoint itself doesn't: send operations with POST to this address.</p></noscript>
<script nonce="${nonce}">
(() => {
  const at = (id) => document.getElementById(id);
  const endpoint = location.origin + location.pathname;
  const socketAddress = endpoint.replace(/^http/, "ws");
  let shown = false;
  let patience;

  function showOwn(reason) {
    if (shown || !at("sandbox").hidden) return;
    shown = true;
    clearTimeout(patience);
    at("reason").textContent = reason;
    at("own").hidden = false;
    listFields();
  }

  const show = (value) => { at("answer").textContent = typeof value === "string" ? value : JSON.stringify(value, null, 2); };
  const token = () => at("token").value.trim();

  async function post(body) {
    const headers = { "content-type": "application/json", accept: "application/json" };
    if (token()) headers.authorization = "Bearer " + token();
    const response = await fetch(endpoint, { method: "POST", headers, body: JSON.stringify(body) });
    return response.json();
  }

  let socket = null;
  function subscribe(body) {
    socket = new WebSocket(socketAddress, "graphql-transport-ws");
    const received = [];
    at("stop").hidden = false;
    socket.onopen = () => socket.send(JSON.stringify({ type: "connection_init", payload: { authorization: "Bearer " + token() } }));
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "connection_ack") socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: body }));
      if (message.type === "ping") socket.send('{"type":"pong"}');
      if (message.type === "next" || message.type === "error") received.unshift(message.payload);
      received.splice(200);
      if (message.type === "complete") socket.close(1000);
      show(received.length ? received : "Waiting for events …");
    };
    socket.onclose = ({ code, reason }) => {
      at("stop").hidden = true;
      if (code !== 1000) show("The socket was closed: " + code + " " + reason);
    };
  }

  async function run() {
    socket?.close(1000);
    try {
      const text = at("variables").value.trim();
      const body = { query: at("query").value, variables: text ? JSON.parse(text) : undefined };
      if (/^\\s*subscription\\b/m.test(body.query)) return subscribe(body);
      show("…");
      show(await post(body));
    } catch (error) {
      show(String(error));
    }
  }
  at("run").onclick = run;
  at("stop").onclick = () => socket?.close(1000);
  at("query").onkeydown = (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run(); };

  const typeName = (type) =>
    type.kind === "NON_NULL" ? typeName(type.ofType) + "!" : type.kind === "LIST" ? "[" + typeName(type.ofType) + "]" : type.name;
  async function listFields() {
    const type = "kind name ofType { kind name ofType { kind name ofType { kind name } } }";
    const root = "fields { name description args { name defaultValue type { " + type + " } } type { " + type + " } }";
    const query = "{ __schema { queryType { " + root + " } mutationType { " + root + " } subscriptionType { " + root + " } } }";
    const { data } = await post({ query }).catch(() => ({}));
    if (!data) return void (at("fields").textContent = "The schema can't be read here: introspection is off.");
    const lines = ["query", "mutation", "subscription"].flatMap((kind) =>
      (data.__schema[kind + "Type"]?.fields ?? []).map((field) => {
        const given = field.args.map((arg) => arg.name + ": " + typeName(arg.type) + (arg.defaultValue ? " = " + arg.defaultValue : "")).join(", ");
        return { text: kind + " " + field.name + (given && "(" + given + ")") + ": " + typeName(field.type), title: field.description };
      }));
    const draw = () => at("fields").replaceChildren(...lines
      .filter(({ text }) => text.toLowerCase().includes(at("filter").value.toLowerCase()))
      .map(({ text, title }) => Object.assign(document.createElement("li"), { textContent: text, title: title ?? "" })));
    at("filter").oninput = draw;
    draw();
  }

  const script = document.createElement("script");
  script.src = ${JSON.stringify(sandboxScript)};
  script.onload = () => {
    if (shown) return;
    at("sandbox").hidden = false;
    new EmbeddedSandbox({
      target: "#sandbox",
      initialEndpoint: endpoint,
      initialSubscriptionEndpoint: socketAddress,
      includeCookies: false,
    });
    clearTimeout(patience);
  };
  script.onerror = () => showOwn("Apollo Sandbox can't be loaded from here, so this is Atrium's own small explorer.");
  patience = setTimeout(script.onerror, 6000);
  if (new URLSearchParams(location.search).get("explorer") === "own") showOwn("Atrium's own small explorer.");
  else document.head.append(script);
})();
</script>
</body>
</html>
`;
