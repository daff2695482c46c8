/** Colours keep a contrast of 4.5:1 for text and 3:1 for the edges of fields (WCAG 2.2 AA), in both schemes. */
export const pageCss = /* CSS */ `
:root {
  color-scheme: light dark;
  --paper: #f7f6f3;
  --card: #ffffff;
  --well: #f7f6f3;
  --ink: #1d1c1a;
  --soft: #5d5a54;
  --line: #e2dfd9;
  --edge: #878379;
  --accent: #0b5cad;
  --on-accent: #ffffff;
  --good: #1a6b3c;
  --bad: #a3261b;
  --fresh: #fdf0c9;
  --mono: ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, 'DejaVu Sans Mono', monospace;
}

@media (prefers-color-scheme: dark) {
  :root {
    --paper: #141517;
    --card: #1c1e20;
    --well: #141517;
    --ink: #e9e7e2;
    --soft: #aaa79f;
    --line: #303336;
    --edge: #757a80;
    --accent: #84bbf5;
    --on-accent: #10202f;
    --good: #7fcf9f;
    --bad: #f59a8f;
    --fresh: #3d3518;
  }
}

*,
*::before,
*::after {
  box-sizing: border-box;
}

[hidden] {
  display: none !important;
}

body {
  margin: 0 auto;
  padding: 2rem clamp(1rem, 4vw, 2.5rem) 4rem;
  max-width: 84rem;
  background: var(--paper);
  color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif;
}

h1,
h2,
h3,
p,
ol,
ul,
pre {
  margin: 0;
  padding: 0;
}

h1 {
  font-size: 1.5rem;
  font-weight: 650;
  letter-spacing: -0.01em;
}

h2 {
  font-size: 1.0625rem;
  font-weight: 650;
}

h3 {
  font-size: 0.875rem;
  font-weight: 600;
}

a {
  color: var(--accent);
  text-underline-offset: 0.2em;
}

:focus-visible {
  outline: 3px solid var(--accent);
  outline-offset: 2px;
}

.top,
.titled {
  display: flex;
  flex-wrap: wrap;
  align-items: baseline;
  justify-content: space-between;
  gap: 0.5rem 1.5rem;
}

.top {
  margin-bottom: 1.75rem;
}

.top p,
.summary,
.hint,
small {
  color: var(--soft);
}

.card {
  background: var(--card);
  border: 1px solid var(--line);
  border-radius: 0.75rem;
  padding: 1.25rem clamp(1rem, 2.5vw, 1.5rem) 1.5rem;
  min-width: 0;
}

.clients,
.push {
  display: grid;
  gap: 1.25rem;
}

.push {
  margin-top: 1.25rem;
}

.client {
  display: grid;
  align-content: start;
  gap: 1rem;
}

@media (min-width: 52rem) {
  .clients {
    grid-template-columns: 1fr 1fr;
  }
  .push {
    grid-template-columns: 1fr 1fr;
    column-gap: 2.5rem;
  }
  .push > h2 {
    grid-column: 1 / -1;
  }
}

.state {
  display: inline-flex;
  align-items: center;
  gap: 0.5rem;
  font-size: 0.875rem;
  color: var(--soft);
}

.state::before {
  content: '';
  width: 0.6rem;
  height: 0.6rem;
  border: 2px solid currentColor;
  border-radius: 50%;
}

.state[data-state='connected'] {
  color: var(--good);
}

.state[data-state='connected']::before {
  background: currentColor;
}

.state[data-state='closed'] {
  color: var(--bad);
}

.fields {
  display: grid;
  grid-template-columns: 1fr 1fr;
  gap: 0.875rem 1rem;
  align-items: start;
}

.push .fields {
  grid-template-columns: repeat(4, minmax(0, 1fr));
}

.push .wide {
  grid-column: span 2;
}

.whole {
  grid-column: 1 / -1;
}

@media (max-width: 32rem) {
  .push .fields {
    grid-template-columns: 1fr 1fr;
  }
}

.field {
  min-width: 0;
}

label {
  font-size: 0.875rem;
  font-weight: 550;
}

small {
  display: block;
  margin-top: 0.25rem;
  font-size: 0.8125rem;
  font-weight: 400;
  overflow-wrap: anywhere;
}

input,
select,
textarea,
button {
  font: inherit;
  color: inherit;
}

input,
select,
textarea {
  display: block;
  width: 100%;
  min-height: 2.5rem;
  margin-top: 0.25rem;
  padding: 0.4rem 0.625rem;
  font-size: 1rem;
  font-weight: 400;
  background: var(--card);
  border: 1px solid var(--edge);
  border-radius: 0.4rem;
}

textarea {
  resize: vertical;
}

textarea,
pre {
  font-family: var(--mono);
  font-size: 0.875rem;
}

[aria-invalid='true'] {
  border-color: var(--bad);
  border-width: 2px;
}

::placeholder {
  color: var(--soft);
  opacity: 1;
}

button {
  min-height: 2.5rem;
  padding: 0.4rem 1rem;
  font-size: 0.9375rem;
  font-weight: 550;
  background: var(--card);
  border: 1px solid var(--edge);
  border-radius: 0.4rem;
  cursor: pointer;
}

button:hover {
  border-color: var(--ink);
}

.primary {
  background: var(--accent);
  border-color: var(--accent);
  color: var(--on-accent);
}

.who .primary,
.push form .primary {
  margin-top: 1rem;
}

.titled button {
  min-height: 2rem;
  padding: 0.15rem 0.75rem;
  font-size: 0.875rem;
}

.session {
  display: grid;
  gap: 0.875rem;
}

.summary {
  font-size: 0.875rem;
  overflow-wrap: anywhere;
}

.summary strong {
  color: var(--ink);
}

.actions {
  display: flex;
  flex-wrap: wrap;
  gap: 0.5rem;
}

.rooms {
  display: flex;
  flex-wrap: wrap;
  gap: 0.5rem;
  list-style: none;
  font-size: 0.875rem;
}

.rooms:empty {
  display: none;
}

.rooms li {
  display: inline-flex;
  align-items: center;
  gap: 0.25rem;
  max-width: 100%;
  padding-left: 0.75rem;
  border: 1px solid var(--line);
  border-radius: 2rem;
  background: var(--well);
  overflow-wrap: anywhere;
}

.rooms li > span {
  padding-block: 0.3rem;
}

.rooms li > :only-child {
  padding-right: 0.75rem;
}

.rooms button {
  min-width: 2rem;
  min-height: 2rem;
  padding: 0;
  border-color: transparent;
  border-radius: 2rem;
  background: none;
}

.join {
  display: flex;
  align-items: end;
  gap: 0.5rem;
  max-width: 20rem;
}

.join .field {
  flex: 1;
}

.error,
.notice {
  color: var(--bad);
  overflow-wrap: anywhere;
}

.error:empty {
  display: none;
}

.push .error {
  margin-top: 0.875rem;
}

.notice {
  margin-bottom: 1.25rem;
}

.frames {
  height: clamp(14rem, 45vh, 22rem);
  overflow-y: auto;
  border: 1px solid var(--line);
  border-radius: 0.5rem;
  background: var(--well);
}

.frames ol {
  list-style: none;
}

.frames li {
  padding: 0.625rem 1rem;
  border-bottom: 1px solid var(--line);
}

.frames li.quiet {
  color: var(--soft);
  font-size: 0.875rem;
}

.frames li.quiet .what {
  font-weight: 400;
  color: inherit;
}

.line {
  display: flex;
  flex-wrap: wrap;
  align-items: baseline;
  gap: 0.125rem 0.875rem;
  font-size: 0.875rem;
  color: var(--soft);
  font-variant-numeric: tabular-nums;
}

.line > * {
  min-width: 0;
  overflow-wrap: anywhere;
}

.line .what {
  font-weight: 600;
  color: var(--ink);
}

.line .channel {
  color: var(--accent);
}

.line .late {
  color: var(--good);
}

.line .took {
  margin-left: auto;
}

pre {
  white-space: pre-wrap;
  overflow-wrap: anywhere;
  tab-size: 2;
}

li pre {
  max-height: 12rem;
  margin-top: 0.25rem;
  overflow-y: auto;
  unicode-bidi: plaintext;
}

.outcome {
  display: grid;
  align-content: start;
  gap: 0.5rem;
  min-width: 0;
}

.outcome pre {
  padding: 0.75rem 1rem;
  border: 1px solid var(--line);
  border-radius: 0.5rem;
  background: var(--well);
}

.outcome #answer {
  max-height: 16rem;
  overflow-y: auto;
}

.outcome h3 {
  margin-top: 0.25rem;
}

#answer.refused {
  border-color: var(--bad);
}

.unseen {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}

@media (prefers-reduced-motion: no-preference) {
  .frames li.push-frame {
    animation: fresh 1.6s ease-out;
  }
  @keyframes fresh {
    from {
      background: var(--fresh);
    }
  }
}
`;
