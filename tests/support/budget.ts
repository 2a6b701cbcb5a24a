/**
 * How many times a randomised test repeats: few enough for every `npm test`, or in full for `npm run test:long`.
 *
 * @param short - In `npm test`.
 * @param long - In `npm run test:long`, which sets CHARTSEAL_LONG.
 */
export function runs(short: number, long: number): number {
  return process.env.CHARTSEAL_LONG === '1' ? long : short
}
