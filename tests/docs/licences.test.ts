import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { root } from './markdown.ts'

const read = (...parts: string[]) => readFileSync(join(root, ...parts), 'utf8')

describe('licences', () => {
  it('LICENSE is the whole Apache License 2.0, as package.json says', () => {
    expect(packageJson.license).toBe('Apache-2.0')
    const text = read('LICENSE')
    expect(text).toContain('Version 2.0, January 2004')
    for (const section of ['1. Definitions', '3. Grant of Patent License', '9. Accepting Warranty', 'APPENDIX'])
      expect(text).toContain(section)
  })

  it.each(readdirSync(join(root, 'resources', 'notices')))('NOTICE reproduces %s', (name) => {
    expect(read('NOTICE')).toContain(read('resources', 'notices', name).trim())
  })
})
