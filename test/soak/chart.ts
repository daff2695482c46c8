import type { FaultMark } from './journal.js';
import type { Second } from './load.js';

const width = 1200;
const paneHeight = 110;
const left = 70;
const gap = 26;

const panes: readonly { title: string; colour: string; value: (second: Second) => number }[] = [
  { title: 'deliveries per second', colour: '#2563eb', value: ({ deliveries }) => deliveries },
  { title: 'connections', colour: '#16a34a', value: ({ here }) => here },
  { title: 'lag of half of the deliveries, ms', colour: '#9333ea', value: ({ lag }) => lag },
  { title: 'longest lag, ms', colour: '#ea580c', value: ({ lagMost }) => lagMost },
];

/** The run as an SVG: a pane for each figure, faults as bands across all of them. */
export function chart(seconds: readonly Second[], faults: readonly FaultMark[], title: string): string {
  const last = Math.max(1, seconds.at(-1)?.at ?? 1);
  const x = (at: number) => left + ((width - left - 10) * Math.min(at, last)) / last;
  const height = 50 + panes.length * (paneHeight + gap) + 10;
  const bands = faults.map(({ fromMs, toMs, what }, place) => {
    const [from, to] = [x(fromMs / 1000), x(Math.min(toMs / 1000, last))];
    const label = `<text x="${from.toFixed(1)}" y="${30 + (place % 2) * 10}" font-size="8" fill="#b91c1c">${place + 1}</text>`;
    const band = `<rect x="${from.toFixed(1)}" y="44" width="${Math.max(1, to - from).toFixed(1)}" height="${height - 54}" fill="#ef4444" opacity="0.13"/>`;
    return `<g><title>${escape(what)}</title>${band}${label}</g>`;
  });
  const drawn = panes.map(({ title: name, colour, value }, place) => {
    const top = 56 + place * (paneHeight + gap);
    const most = Math.max(1, ...seconds.map(value));
    const points = seconds.map((second) => {
      const y = top + paneHeight * (1 - value(second) / most);
      return `${x(second.at).toFixed(1)},${y.toFixed(1)}`;
    });
    return `<text x="${left}" y="${top - 3}" font-size="11">${name}</text>
<text x="${left - 6}" y="${top + 9}" font-size="10" text-anchor="end">${most}</text>
<text x="${left - 6}" y="${top + paneHeight}" font-size="10" text-anchor="end">0</text>
<path d="M${left} ${top}V${top + paneHeight}H${width - 10}" stroke="#999" fill="none"/>
<polyline points="${points.join(' ')}" fill="none" stroke="${colour}"/>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif">
<rect width="100%" height="100%" fill="white"/>
<text x="${left}" y="18" font-size="13">${escape(title)}</text>
${bands.join('\n')}
${drawn.join('\n')}
</svg>
`;
}

const escape = (text: string) => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
