/** Texts that stand nowhere else, and must not be found in a data folder. */

export const PASSPHRASE = 'oboe quarry lantern 52'

export const PLANTED = [
  'Zwiebelturm-Okonkwo', // family name
  'Ludmilla-Xanthe', // given name
  '1953-11-29', // birth date
  'MRN-77003141', // identifier
  '"value":137.25', // as FHIR writes it
  'Quendolin Ysop', // practitioner
  'Ottokar Immelmann', // administrator
  'Vexillum Street Practice', // clinic
  '7463529184', // PIN: long enough not to stand in anything random
  '9182736455', // PIN
  PASSPHRASE,
  '"resourceType"',
  'Zwiebelturm oximeter', // label of a device
  'finger of a visitor', // reason given for discarding
] as const
