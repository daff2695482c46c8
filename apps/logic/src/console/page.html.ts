/** The page as it is served: nothing in it depends on who asks. What moves is in the scripts. */
export const pageHtml = /* HTML */ `<!doctype html>
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>Skylark – see a push arrive</title>
      <link rel="icon" href="/console/icon.svg" type="image/svg+xml" />
      <link rel="stylesheet" href="/console/page.css" />
      <script type="module" src="/console/main.js"></script>
    </head>
    <body>
      <header class="top">
        <div>
          <h1>Skylark</h1>
          <p>Connect two clients, push below, and watch it reach both.</p>
        </div>
        <nav aria-label="Elsewhere"><a id="docs" href="/docs" hidden>REST in Swagger</a></nav>
      </header>

      <main>
        <noscript><p class="notice">This page needs JavaScript: it opens WebSockets from your browser.</p></noscript>
        <p id="notice" class="notice" role="alert" hidden></p>
        <div id="clients" class="clients"></div>

        <section class="card push" aria-labelledby="push-title">
          <h2 id="push-title">Push</h2>
          <form id="push" novalidate>
            <div class="fields">
              <div class="field wide">
                <label>To</label
                ><select name="target"></select>
              </div>
              <div class="field wide" id="names-field" hidden>
                <label id="names-label">Rooms</label
                ><input name="names" autocomplete="off" autocapitalize="off" spellcheck="false" /> <small></small>
              </div>
              <div class="field whole">
                <label>Message</label
                ><textarea name="message" rows="3" spellcheck="false">{"title": "It works"}</textarea>
              </div>
              <div class="field">
                <label>Send as</label
                ><select name="as">
                  <option value="data">JSON</option>
                  <option value="text">Text</option>
                </select>
              </div>
              <div class="field">
                <label>Type</label><input name="type" inputmode="numeric" value="200" autocomplete="off" />
              </div>
              <div class="field">
                <label>Lives for</label><input name="ttlMs" inputmode="numeric" placeholder="ever" autocomplete="off" />
                <small>milliseconds</small>
              </div>
              <div class="field" id="key-field" hidden>
                <label>API key</label><input name="key" type="password" autocomplete="off" />
                <small>kept in this page only</small>
              </div>
            </div>
            <p class="error" id="push-error" role="alert"></p>
            <button class="primary">Push</button>
          </form>
          <div class="outcome">
            <div class="titled">
              <h3 id="curl-title">The same as a command</h3>
              <button type="button" id="copy">Copy</button>
            </div>
            <pre id="curl" tabindex="0" role="region" aria-labelledby="curl-title"></pre>
            <h3 id="answer-title">Answer</h3>
            <pre id="answer" tabindex="0" role="region" aria-labelledby="answer-title" class="hint">
Nothing pushed yet.</pre>
          </div>
        </section>
      </main>

      <p id="announcer" class="unseen" role="status"></p>

      <template>
        <section class="card client">
          <div class="titled">
            <h2></h2>
            <p class="state" data-state="idle">Not connected</p>
          </div>
          <form class="who" novalidate>
            <div class="fields">
              <div class="field">
                <label>User</label><input name="user" autocomplete="off" autocapitalize="off" spellcheck="false" />
              </div>
              <div class="field token" hidden>
                <label>Token</label><input name="token" type="password" autocomplete="off" />
                <small>a JWT: says who the user is</small>
              </div>
              <div class="field">
                <label>Device</label><input name="device" autocomplete="off" autocapitalize="off" spellcheck="false" />
              </div>
              <div class="field">
                <label>Rooms</label><input name="rooms" autocomplete="off" autocapitalize="off" spellcheck="false" />
                <small>comma list</small>
              </div>
              <div class="field">
                <label>Labels</label><input name="labels" autocomplete="off" autocapitalize="off" spellcheck="false" />
                <small>key:value, comma list</small>
              </div>
              <div class="field whole gateway" hidden>
                <label>Gateway</label
                ><select name="gateway"></select>
              </div>
            </div>
            <button class="primary connect">Connect</button>
          </form>
          <div class="session" hidden>
            <p class="summary"></p>
            <div class="actions">
              <button type="button" class="ping">PING</button>
              <button type="button" class="drop">Drop</button>
              <button type="button" class="back primary">Come back</button>
              <button type="button" class="over">Disconnect</button>
            </div>
            <ul class="rooms" aria-label="Joined rooms"></ul>
            <form class="join" novalidate>
              <div class="field">
                <label>Join a room</label
                ><input name="room" autocomplete="off" autocapitalize="off" spellcheck="false" />
              </div>
              <button>Join</button>
            </form>
          </div>
          <p class="error" role="alert"></p>
          <div class="frames" tabindex="0" role="region" hidden>
            <ol reversed></ol>
          </div>
        </section>
      </template>
    </body>
  </html> `;

export const iconSvg =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="15" fill="#0b5cad"/>' +
  '<path d="M6 18q7-9 10-1 3-8 10-5-7 0-9 10-3-6-11-4z" fill="#fff"/></svg>\n';
