/* Exponential moving average with the bias of its start removed, as in Adam (Kingma and Ba 2015, section 3): the plain average
 * starts from zero and would draw a false ramp. weight 0 gives the values back. Cells without a number (null: not finite,
 * undefined: not measured) stay what they are and do not count. */
export type Cell = number | null | undefined;

export function smooth(values: readonly Cell[], weight: number): Cell[] {
  if (!(weight > 0)) return values.slice();
  let average = 0;
  let seen = 0;
  return values.map((value) => {
    if (typeof value !== 'number' || !Number.isFinite(value)) return value;
    average = average * weight + value * (1 - weight);
    seen++;
    return average / (1 - weight ** seen);
  });
}
