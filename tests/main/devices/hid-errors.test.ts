import { expect, it } from 'vitest'
import { exchangeError, listError, openError } from '../../../src/main/devices/hid-errors.ts'

// Texts seen with node-hid 3.4 on Linux, or taken from the manuals of Windows and macOS.
it.each([
  [
    "cannot open device with path /dev/hidraw0: Failed to open a device with path '/dev/hidraw0': Permission denied",
    'PERMISSION',
  ],
  ['Failed to open: Access is denied.', 'PERMISSION'],
  ['The process cannot access the file because it is being used by another process.', 'BUSY'],
  [
    'hid_open_path: failed to open IOHIDDevice from mach entry: (0xE00002C5) (iokit/common) exclusive access and device already open',
    'BUSY',
  ],
  ['libusb: Resource busy', 'BUSY'],
  ['cannot open device with path /dev/hidraw7: No such file or directory', 'UNPLUGGED'],
])('opening fails with %j: %s', (text, code) => {
  expect(openError(new TypeError(text))).toMatchObject({ code, message: text })
})

it.each([
  ['could not read from HID device: hid_read_timeout: unexpected poll error (device disconnected)', 'UNPLUGGED'],
  ['Cannot write to hid device: No such device', 'UNPLUGGED'],
  ['Cannot write to hid device: Connection timed out', 'SILENT'],
  ['Cannot write to hid device: Broken pipe', 'PROTOCOL'],
  ['Cannot write to hid device: Protocol error', 'PROTOCOL'],
])('an exchange fails with %j: %s, as an Error or as a plain string', (text, code) => {
  expect(exchangeError(new Error(text)).code).toBe(code)
  expect(exchangeError(text)).toMatchObject({ code, message: text, cause: text })
})

it('a missing library is one whenever it shows', () => {
  const missing = Object.assign(new Error('libusb-1.0.so.0: cannot open shared object file'), {
    code: 'ERR_DLOPEN_FAILED',
  })
  expect([openError(missing).code, listError(missing).code]).toEqual(['STACK_MISSING', 'STACK_MISSING'])
})
