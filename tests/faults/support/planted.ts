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
  'Gundula Vormund-Ash', // guardian
  '5830274619', // PIN of a card
  'Found asleep in the tramway', // words of an emergency
  'no longer of two minds', // reason for taking a consent back
  'the ward was empty that night', // remark of a review
  'typed by the wrong hand', // reason for a correction
  'scribbled on the back of a menu', // a note while nothing could be recorded
  'Who may see it', // words of every consent
  'the scale stood on a carpet', // reason for an amendment
  '"value":138.75', // what it says instead
  'noise from the glockenspiel', // an answer that the patient gave
  'Dorothea Quacksalver', // who gets an export
  'retains carbon dioxide since Lent', // reason for an oxygen scale
  'Friederike Knochenhauer', // physician
] as const
