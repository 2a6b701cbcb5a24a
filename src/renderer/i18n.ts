import { createI18n } from 'vue-i18n'
import { en } from './messages/en/index.ts'

/** Texts of the window. Units, codes and clinical dates are never translated. */
export function createMessages() {
  return createI18n({ legacy: false, locale: 'en', fallbackLocale: 'en', messages: { en } as never })
}
