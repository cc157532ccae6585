/** One line of a plot. */
export interface Series {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const WIDTH = 640;
const HEIGHT = 300;
const LEFT = 64;
const BOTTOM = 48;
const TOP = 36;
const RIGHT = 16;
const COLOURS = ['#1f6feb', '#bf3989', '#1a7f37', '#9a6700'];

/** A plot as SVG: both axes from zero, so that what is flat looks flat. */
export function plot(title: string, xLabel: string, yLabel: string, series: readonly Series[]): string {
  const all = series.flatMap(({ points }) => points);
  const xTicks = ticks(Math.max(1, ...all.map(([x]) => x)));
  const yTicks = ticks(Math.max(1, ...all.map(([, y]) => y)));
  const xMost = xTicks.at(-1) ?? 1;
  const yMost = yTicks.at(-1) ?? 1;
  const x = (value: number) => round(LEFT + (value / xMost) * (WIDTH - LEFT - RIGHT));
  const y = (value: number) =>
    round(HEIGHT - BOTTOM - (Math.max(0, value) / yMost) * (HEIGHT - BOTTOM - TOP));
  const parts = [
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(WIDTH / 2, 20, title, 'middle', 14),
    ...yTicks.flatMap((tick) => [
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(tick)}" y2="${y(tick)}" stroke="#e5e5e5"/>`,
      text(LEFT - 6, y(tick) + 4, format(tick), 'end'),
    ]),
    ...xTicks.map((tick) => text(x(tick), HEIGHT - BOTTOM + 16, format(tick), 'middle')),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, xLabel, 'middle'),
    `<g transform="rotate(-90 16 ${HEIGHT / 2})">${text(16, HEIGHT / 2, yLabel, 'middle')}</g>`,
  ];
  for (const [at, { label, points }] of series.entries()) {
    const colour = COLOURS[at % COLOURS.length] ?? '#000';
    const path = points.map(([px, py]) => `${x(px)},${y(py)}`).join(' ');
    parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    for (const [px, py] of points) parts.push(`<circle cx="${x(px)}" cy="${y(py)}" r="3" fill="${colour}"/>`);
    if (series.length > 1) {
      parts.push(`<rect x="${LEFT + 8}" y="${TOP + at * 16}" width="10" height="10" fill="${colour}"/>`);
      parts.push(text(LEFT + 24, TOP + 9 + at * 16, label, 'start'));
    }
  }
  const size = `width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="${escaped(title)}" font-family="sans-serif">\n${parts.join('\n')}\n</svg>\n`;
}

function text(x: number, y: number, content: string, anchor: string, size = 11): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" font-size="${size}" fill="#24292f">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** Four or five round numbers from 0 to at least `most`. */
function ticks(most: number): number[] {
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, at) => at * step);
}

const round = (value: number) => Math.round(value * 10) / 10;
const format = (value: number) =>
  value >= 1000 ? `${Math.round(value / 100) / 10}k` : String(Math.round(value * 100) / 100);
