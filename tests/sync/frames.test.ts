import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/shared/bytes.ts'
import { encodeFrame, FrameReader } from '../../src/sync/frames.ts'
import { MAX_FRAME } from '../../src/sync/limits.ts'
import { expectCode } from '../support/expect-code.ts'

/** `bytes` cut at the given places. */
function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  return places.slice(1).map((end, i) => bytes.slice(places[i], end))
}

describe('frames', () => {
  it('are a length of four bytes and the message', () => {
    expect([...encodeFrame(Uint8Array.of(7, 8, 9))]).toEqual([0, 0, 0, 3, 7, 8, 9])
  })

  it('come out the same however the stream is cut', () => {
    const messages = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 })
    fc.assert(
      fc.property(messages, fc.array(fc.nat(), { maxLength: 40 }), (sent, cuts) => {
        const reader = new FrameReader()
        const chunks = cutAt(concatBytes(...sent.map(encodeFrame)), cuts)
        expect(chunks.flatMap((chunk) => reader.push(chunk))).toEqual(sent)
        expect(reader.held).toBe(0)
      }),
    )
  })

  it('are copies: what the caller does with its chunk afterwards changes nothing', () => {
    const reader = new FrameReader()
    const chunk = encodeFrame(Uint8Array.of(1, 2, 3))
    const [frame] = reader.push(chunk)
    chunk.fill(0)
    expect([...(frame ?? [])]).toEqual([1, 2, 3])
  })

  it.each([0, MAX_FRAME + 1, 0xffff_ffff])('of %i bytes are refused before anything of them is kept', (length) => {
    const header = new Uint8Array(4)
    new DataView(header.buffer).setUint32(0, length)
    const reader = new FrameReader()
    expectCode('FRAME_TOO_LARGE', () => reader.push(concatBytes(header, new Uint8Array(1000))))
    expect(reader.held).toBeLessThanOrEqual(4)
  })

  it('of the greatest length pass', () => {
    const [frame] = new FrameReader().push(encodeFrame(new Uint8Array(MAX_FRAME)))
    expect(frame?.length).toBe(MAX_FRAME)
  })

  it('never hold more than one frame, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 60 }), (chunks) => {
        const reader = new FrameReader()
        try {
          for (const chunk of chunks) reader.push(chunk)
        } catch (error) {
          expect(error).toMatchObject({ code: 'FRAME_TOO_LARGE' })
        }
        expect(reader.held).toBeLessThanOrEqual(MAX_FRAME + 4)
      }),
    )
  })
})
