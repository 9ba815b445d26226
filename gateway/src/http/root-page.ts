/** What there is at this address, for people; `GET /` gives the same as JSON to programs. */
export const rootPage = (version: string, links: Readonly<Record<string, string>>) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Atrium</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif; }
  main { max-width: 40rem; margin: 10vh auto; padding: 0 1rem; }
</style>
</head>
<body>
<main>
<h1>Atrium</h1>
<p>Version ${version}</p>
<ul>
${Object.entries(links)
  .map(([name, href]) => `<li><a href="${href}">${name}</a></li>`)
  .join("\n")}
</ul>
</main>
</body>
</html>
`;

export const rootPagePolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";
