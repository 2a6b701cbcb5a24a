/**
 * A consent in plain words: what the patient is shown, what is printed, and what is signed together with the terms.
 *
 * @remarks
 * One paragraph for each point, and as much about what a consent does not do as about what it does. The window shows
 * these words and the vault computes them again from the terms: a consent whose words say something else is refused.
 * Proven by `tests/clinical/consent-words.test.ts`: terms that differ give words that differ, and all of it can be
 * read after eight years of school.
 *
 * @packageDocumentation
 */
import type { ConsentTerms, DataClass, Purpose } from '../shared/api/schemas.ts'
import { formatDate } from './format.ts'

/** Who the words are about. */
export interface ConsentNames {
  /** Name of the patient, as people say it: given name, family name. */
  readonly patient: string
  /** Id of the clinic that records the consent. */
  readonly ownSite: string
  /** What clinics are called, by id. One that is not in it is called by its id. */
  readonly called?: ReadonlyMap<string, string>
}

/** Characters of the longest list in one paragraph. */
const MAX_LIST = 1700

const PURPOSE_WORDS: Readonly<Record<Purpose, string>> = {
  care: 'For care: physicians and nurses may look at the data to treat the patient.',
  emergency:
    'For emergencies: these clinics get the keys in advance. A physician or nurse there may then open the data in an emergency.',
  insurer: 'For insurers: a copy may be given to an insurer.',
  research: 'For research: a copy may be given to people who do research.',
}
const PURPOSES = ['care', 'emergency', 'insurer', 'research'] as const
/** What can be ruled out. An emergency cannot: whoever holds the key can use it then, and has to answer for it. */
const REFUSABLE = ['care', 'insurer', 'research'] as const
const REFUSED_WORDS = { care: 'care', insurer: 'insurers', research: 'research' } as const
const CLASS_WORDS: Readonly<Record<DataClass, string>> = {
  demographics: 'name, birth date and record number',
  'vital-signs': 'vital signs, such as blood pressure, pulse and temperature',
  'body-measures': 'body measures, such as weight',
  laboratory: 'blood sugar and other lab values',
  assessments: 'scores that are worked out from these values',
  'patient-reported': 'what the patient has told, such as diaries and forms',
}
const CLASSES = [
  'demographics',
  'vital-signs',
  'body-measures',
  'laboratory',
  'assessments',
  'patient-reported',
] as const

/**
 * The words of a consent that is granted or amended.
 *
 * @param terms - As they are signed. The order in which purposes and kinds of data are listed does not matter.
 * @param names - Who is meant.
 * @returns One paragraph each, at most 2000 characters; at most 40.
 * @throws ClinicalError `WRONG_TIME` for a date that there is not.
 */
export function consentWords(terms: ConsentTerms, names: ConsentNames): string[] {
  const others = terms.sites.filter((site) => site !== names.ownSite)
  return [
    `This is a decision of ${names.patient}, called the patient here. It says who may see the patient’s health data.`,
    ...whoWords(terms, names, others),
    ...purposeWords(terms),
    ...classWords(terms),
    `How long: it starts on ${formatDate(terms.from)} and ends on ${formatDate(terms.until)}. From that day on it no longer holds.`,
    historyWords(terms),
    ...signatureWords(terms),
    ...(others.length === 0 ? [] : [freshnessWords(terms)]),
    ...limitWords(others.length > 0),
  ]
}

/**
 * The words for taking a consent back.
 *
 * @param terms - Of the version that ends.
 * @param names - Who is meant.
 * @returns As {@link consentWords}.
 * @throws ClinicalError `WRONG_TIME` for a date that there is not.
 */
export function revocationWords(terms: ConsentTerms, names: ConsentNames): string[] {
  const others = terms.sites.filter((site) => site !== names.ownSite)
  const isOwn = others.length < terms.sites.length
  const keys = `Other clinics: new data gets a new key, which they do not get. ${UNSEEN}`
  return [
    `${names.patient}, called the patient here, takes back a consent. It was to end on ${formatDate(terms.until)}. It no longer holds from now on.`,
    ...listed(
      'It named',
      terms.sites.map((site) => siteText(site, names)),
    ),
    ...(isOwn ? ['This clinic: physicians and nurses see the data only if another consent lets them.'] : []),
    EMERGENCY,
    ...(others.length === 0 ? [] : [keys]),
    'What stays: nothing is deleted. This clinic still records what it measures.',
    TRACE,
  ]
}

const EMERGENCY =
  'In an emergency: a physician or nurse can open data that their clinic has the key to, even without consent. They must say why. It is written down, and somebody else checks it.'
const UNSEEN =
  'What was seen or copied there cannot be taken back. Old data that they have is only hidden there, not locked.'
const TRACE =
  'Who looked: everyone who looks is put on a list. Nobody can change that list. The patient may ask for a copy of it.'

/** Sites, and what it means when the own one is not among them. */
function whoWords({ sites, purposes }: ConsentTerms, names: ConsentNames, others: readonly string[]): string[] {
  const isOwn = sites.includes(names.ownSite)
  const who = listed('Who may see it: people who work at', [
    ...(isOwn ? [`${siteText(names.ownSite, names)} (this clinic)`] : []),
    ...others.map((site) => siteText(site, names)),
  ])
  const nobodyElse = 'Nobody else: clinics that are not named here get no key from this consent.'
  if (isOwn && purposes.includes('care')) return [...who, nobodyElse]
  const own = `This clinic: this consent does not let physicians and nurses of ${siteText(names.ownSite, names)} see the data for care.`
  return [...who, nobodyElse, own]
}

/** The id stays with the name of another clinic: two may be called the same. */
function siteText(site: string, { ownSite, called }: ConsentNames): string {
  const name = called?.get(site)
  if (name === undefined) return site
  return site === ownSite ? name : `${name} (${site})`
}

/** What it is for, point by point, and what it is not for. */
function purposeWords({ purposes }: ConsentTerms): string[] {
  const yes = PURPOSES.filter((purpose) => purposes.includes(purpose)).map((purpose) => PURPOSE_WORDS[purpose])
  const left = REFUSABLE.filter((purpose) => !purposes.includes(purpose)).map((purpose) => REFUSED_WORDS[purpose])
  const no = left.length === 0 ? [] : [`Not for: ${joined(left, 'or')}.`]
  return [...yes, ...no, EMERGENCY]
}

/** Kinds of data, and those that are left out. */
function classWords({ classes }: ConsentTerms): string[] {
  const named = CLASSES.filter((each) => classes.includes(each)).map((each) => CLASS_WORDS[each])
  const left = CLASSES.filter((each) => !classes.includes(each)).map((each) => CLASS_WORDS[each])
  const yes = `Which data: ${named.join('; ')}.`
  return left.length === 0 ? [yes] : [yes, `Not these data: ${left.join('; ')}.`]
}

function historyWords({ history, from }: ConsentTerms): string {
  return history
    ? `Older data: it also holds for data that was recorded before ${formatDate(from)}.`
    : `Older data: it does not hold for data that was recorded before ${formatDate(from)}.`
}

function signatureWords({ asksSignature }: ConsentTerms): string[] {
  if (!asksSignature) return ['New readings: the clinic does not ask for the patient’s card each time.']
  return ['New readings: each one needs the patient’s card and PIN. When the patient cannot sign, the reading says so.']
}

function freshnessWords({ freshness }: ConsentTerms): string {
  const [online, offline] = [durationText(freshness.onlineMin), durationText(freshness.offlineMin)]
  return `Checks: before another clinic looks, it must know that this consent still holds. What it knows may be ${online} old at most. While it has no connection, it may be ${offline} old.`
}

/** What can be done about it later, and what it does not do. */
function limitWords(isShared: boolean): string[] {
  const after = `After it is taken back: new data gets a new key, which other clinics do not get. ${UNSEEN}`
  return [
    'Change it or take it back: the patient can do so at this clinic at any time, with the card or by saying so.',
    ...(isShared ? [after] : []),
    'What it does not do: it deletes nothing. It does not stop this clinic from recording what it measures.',
    'Technical staff: people who look after the computers do not see any readings.',
    TRACE,
  ]
}

/** A list of names in as many paragraphs as it needs. */
function listed(lead: string, names: readonly string[]): string[] {
  const parts: string[][] = [[]]
  for (const name of names) {
    const last = parts.at(-1) ?? []
    const isFull = last.length > 0 && [...last, name].join(', ').length > MAX_LIST
    if (isFull) parts.push([name])
    else last.push(name)
  }
  return parts.map((part, i) => `${i === 0 ? lead : 'Also'} ${joined(part, 'and')}.`)
}

/** `a, b and c`. */
function joined(items: readonly string[], last: 'and' | 'or'): string {
  if (items.length < 2) return items.join('')
  return `${items.slice(0, -1).join(', ')} ${last} ${items.at(-1) ?? ''}`
}

/** Minutes in the largest unit that leaves nothing over. */
function durationText(minutes: number): string {
  if (minutes % 1440 === 0) return counted(minutes / 1440, 'day')
  return minutes % 60 === 0 ? counted(minutes / 60, 'hour') : counted(minutes, 'minute')
}

function counted(amount: number, unit: string): string {
  return amount === 1 ? `1 ${unit}` : `${amount} ${unit}s`
}
