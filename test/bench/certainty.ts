import { median } from './statistics.ts';

/** A figure, and how far off it may be. */
export interface Figure {
  readonly value: number;
  /** Share of the value. Infinite: nothing is known of it, as after a single round. */
  readonly uncertainty: number;
}

/** More is more than a figure of two or three digits shows. */
const SHOWN = 0.05;

/** Returns the mark of a figure that is less certain than it looks, or nothing. */
function mark({ uncertainty }: Figure): string {
  return uncertainty > SHOWN ? '≈ ' : '';
}

/** Returns a figure with its mark and so many digits. */
export function shown(figure: Figure, digits: number): string {
  return `${mark(figure)}${figure.value.toFixed(digits)}`;
}

/** Returns one figure divided by another. Their errors are independent of each other. */
export function quotient(dividend: Figure, divisor: Figure): Figure {
  return {
    value: dividend.value / divisor.value,
    uncertainty: Math.hypot(dividend.uncertainty, divisor.uncertainty),
  };
}

/** Returns the median of repeated runs, above that of a base. */
export function above(base: readonly number[], runs: readonly number[]): Figure {
  const value = median(runs) - median(base);
  const spread = Math.max(...runs) - Math.min(...runs);
  return { value, uncertainty: runs.length < 2 ? Number.POSITIVE_INFINITY : spread / 2 / Math.abs(value) };
}

/** Returns whether a figure is at most its goal, with the goal; `open` when its error could change the answer. */
export function verdict(figure: Figure, goal: number): string {
  const { value, uncertainty } = figure;
  const [least, most] = [value * (1 - uncertainty), value * (1 + uncertainty)];
  const word = most <= goal ? 'holds' : least > goal ? 'missed' : 'open';
  return `${shown(figure, 2)} (${goal.toFixed(2)}: ${word})`;
}
