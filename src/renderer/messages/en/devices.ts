/** The devices page. */
export const messages = {
  title: 'Devices',
  text: 'What is plugged in here, and whether its readings can be signed.',
  loading: 'Looking for devices',
  none: 'No device connected',
  noneText: 'Plug in an oximeter or a blood pressure monitor. It appears here by itself within seconds.',
  enrolled: 'Enrolled here',
  fresh: 'Not enrolled yet',
  unsupported: 'Not supported',
  unsupportedText: 'These are connected, and Chartseal does not read them. Type their values by hand.',
  count: '{n} device connected | {n} devices connected',

  status: {
    connecting: 'Connecting',
    ready: 'Ready',
    measuring: 'Measuring',
    'needs-attention': 'Needs attention',
    unsupported: 'Not supported',
  },

  mode: { live: 'Live signal', spot: 'Measures while watched', memory: 'Reads its memory' },
  andMemory: 'and its memory',
  proven: {
    captured: 'Proven on recordings',
    constructed: 'Proven on constructed data',
    experimental: 'Experimental',
  },
  provenText: {
    captured: 'The driver reproduces exactly what the maker’s software read from recordings of the real device.',
    constructed:
      'The driver follows the documented protocol and was tested on data made from it, not on recordings of the real device.',
    experimental: 'The driver works from incomplete knowledge. Compare every value with the display of the device.',
  },

  fields: {
    serial: 'Serial number',
    noSerial: 'None. Recognised by type, label and port.',
    port: 'Port',
    proven: 'Driver proof',
  },
  exchange: {
    save: 'Save exchange',
    copy: 'the exchange',
    label: 'Save the newest exchange with {device} for support',
    text: 'What was said in the newest exchange with this device. Names of persons are blank. Readings and their times are in it: hand it on as you would a reading.',
    title: 'Exchange with {device}',
    close: 'Close',
  },
  checks: {
    title: 'Checks',
    text: 'Control solution, rooms and refrigerators. Nothing of this is in a patient’s record.',
    control: 'Control solution',
    room: 'Room or refrigerator',
    at: 'When',
    device: 'Device',
    what: 'What',
    value: 'Value',
  },
  unplugged: 'Unplugged',
  virtual: 'Virtual device',
  virtualText: 'Made by Chartseal for the demonstration. It speaks the same bytes as the real one.',

  enrol: {
    open: 'Enrol',
    openFor: 'Enrol {device}',
    title: 'Enrol device',
    text: 'Enrolling creates a key for this device at this workstation. From then on its readings can be signed for patients.',
    label: 'Asset label',
    labelHint: 'What is printed on the device, such as OX-03. It stands beside every reading.',
    noSerial: 'This device has no serial number. If two of this type are plugged in, Chartseal asks which is which.',
    experimental: 'This driver is experimental. Compare the first values with the display of the device.',
    confirm: 'Enrol device',
    cancel: 'Cancel',
    tooShort: 'Type at least two characters.',
    onlyIt: 'Clinic IT enrols devices. Ask them to sign in here once.',
    done: '{label} is enrolled. Its readings can be signed now.',
  },
}
