import { expect, it } from 'vitest'
import { byzantine } from './byzantine.ts'

it('one of four lies: its log is stopped with a proof, and the others go on', { timeout: 300_000 }, async () => {
  const { ended } = await byzantine({ isFull: false, floodMessages: 100 })
  const states = Object.fromEntries(ended.map(({ what, state }) => [what.split(':')[0], state]))
  expect(states).toMatchObject({
    'replays old checkpoints': expect.stringMatching(/^(current|behind)$/) as string,
    'forks its log, and cosigns both branches': 'frozen at A, C, D; convicted offline by file: log and its site',
    'sends what is no message': 'hung up on by all three',
  })
  expect(ended.every(({ finalMs }) => finalMs > 0)).toBe(true)
})
