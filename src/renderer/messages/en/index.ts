/*
 * One file per topic; its name is the first part of the key: `app.close` is `close` in `app.ts`.
 */
const files = import.meta.glob<Record<string, unknown>>(['./*.ts', '!./index.ts'], { eager: true, import: 'messages' })

/** Every text of the window, in English. */
export const en = Object.fromEntries(
  Object.entries(files).map(([path, messages]) => [path.slice('./'.length, -'.ts'.length), messages]),
)
