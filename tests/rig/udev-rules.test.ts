import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { inProject } from '../../scripts/lib/project.mjs'
import { DRIVER_TABLE } from '../../src/devices/driver-table.ts'

/** What the rules look like on paper; whether udev takes them so is tried in the rig. */
const RULES = readFileSync(inProject('resources', 'udev', '70-chartseal.rules'), 'utf8')
const hex = (id: number): string => id.toString(16).padStart(4, '0')

function idsOfRules(): Set<string> {
  const lines = RULES.matchAll(/^ATTRS\{idVendor\}=="(\w{4})", ATTRS\{idProduct\}=="([\w|]+)".*TAG\+="uaccess"$/gm)
  return new Set([...lines].flatMap(([, vendor, products]) => products!.split('|').map((one) => `${vendor}:${one}`)))
}

it('the udev rules name every id of the driver table, and no other', () => {
  const ids = DRIVER_TABLE.flatMap((row) => row.ids.map((one) => `${hex(one.vendorId)}:${hex(one.productId)}`))
  expect([...idsOfRules()].sort()).toEqual([...new Set(ids)].sort())
})

it('the udev rules know a scale of any maker by its usage page', () => {
  const pages = DRIVER_TABLE.filter(({ ids }) => ids.length === 0).map(({ usagePage }) => usagePage)
  expect(pages).toEqual([0x8d])
  expect(RULES).toMatch(/^TAG!="uaccess", PROGRAM==.*report_descriptor.*05 8d\|06 8d 00.*TAG\+="uaccess"$/m)
})

it('the udev rules write ids as the kernel does, in small letters', () => {
  expect(RULES).not.toMatch(/ATTRS\{id(?:Vendor|Product)\}=="[^"]*[A-F]/)
})
