import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import type { CardProof, Exported, ExportPreview, ExportRequest, ImportPreview, Outcome } from '../api/types.ts'
import { usePresence } from '../composables/use-presence.ts'

/** What comes in from a patient and what leaves. Nothing of it is kept here: files are the dialog's alone. */
export const useExchangeStore = defineStore('exchange', () => {
  const { guarded } = usePresence()

  /** Checks a text from a patient; records nothing. */
  async function previewImport(handle: string, text: string): Promise<Outcome<ImportPreview>> {
    return call((client) => client.imports.preview({ handle, text }))
  }

  /** Records what is new in it; with the patient's card when it is there. */
  async function acceptImport(
    handle: string,
    text: string,
    card: CardProof | null,
  ): Promise<Outcome<{ recorded: number }>> {
    return guarded(() => call((client) => client.imports.accept({ handle, text, card })))
  }

  /** Counts what an export would hold, and what consent keeps out. */
  async function previewExport(request: ExportRequest): Promise<Outcome<ExportPreview>> {
    return call((client) => client.exports.preview(request))
  }

  /** Records the export, then hands over its files. */
  async function makeExport(request: ExportRequest, pin: string): Promise<Outcome<Exported>> {
    return call((client) => client.exports.make({ ...request, pin }))
  }

  return { previewImport, acceptImport, previewExport, makeExport }
})
