import { mkdirSync, writeFileSync } from 'node:fs';

/** One line of a picture: a value for each place. */
export interface Curve {
  name: string;
  values: readonly number[];
}

const [width, height, left, top, bottom] = [480, 260, 56, 36, 48];
const colours = ['#0b7285', '#c2410c', '#6b7280'];

/**
 * Draws curves over named places as `bench/curves/<name>.svg`, from 0 up.
 * @param unit of the values.
 */
export function draw(
  name: string,
  title: string,
  unit: string,
  places: readonly string[],
  curves: readonly Curve[],
): void {
  const most = Math.max(...curves.flatMap(({ values }) => values)) * 1.1;
  const x = (i: number) => left + ((width - left - 24) * i) / Math.max(1, places.length - 1);
  const y = (value: number) => height - bottom - ((height - top - bottom) * value) / most;
  const words = (at: number, from: number, said: string, more = '') =>
    `<text x="${at.toFixed(0)}" y="${from.toFixed(0)}" ${more}>${said}</text>`;
  const lines = curves.map(({ name: curve, values }, k) => {
    const points = values.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`);
    const dots = points
      .map((point) => `<circle cx="${point.replace(',', '" cy="')}" r="3" fill="${colours[k]}"/>`)
      .join('');
    const legend = words(left + 8 + 150 * k, height - 8, curve, `fill="${colours[k]}"`);
    return `<polyline points="${points.join(' ')}" fill="none" stroke="${colours[k]}" stroke-width="2"/>${dots}${legend}`;
  });
  const grid = [0, most / 2, most].map(
    (value) =>
      `<path d="M${left} ${y(value).toFixed(1)}H${width - 12}" stroke="#ddd"/>` +
      words(left - 6, y(value) + 4, value.toPrecision(2), 'text-anchor="end"'),
  );
  const below = places.map((place, i) => words(x(i), height - bottom + 16, place, 'text-anchor="middle"'));
  mkdirSync('bench/curves', { recursive: true });
  writeFileSync(
    `bench/curves/${name}.svg`,
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">\n` +
      `<rect width="${width}" height="${height}" fill="#fff"/>\n` +
      `${[words(8, 20, `${title}, ${unit}`, 'font-size="13"'), ...grid, ...below, ...lines].join('\n')}\n</svg>\n`,
  );
}
