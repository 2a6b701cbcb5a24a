import { dialog } from 'electron'

/**
 * Asks what to do after the core ended by itself. Nothing acknowledged is lost: it was durable before it was shown.
 *
 * @param exitCode - Of the core's process.
 * @returns Whether to start it again.
 */
export async function askToRestart(exitCode: number): Promise<boolean> {
  const { response } = await dialog.showMessageBox({
    type: 'error',
    title: 'Chartseal',
    message: 'Chartseal stopped unexpectedly.',
    detail:
      'Every reading that was shown as signed is stored. A reading that was being taken must be taken again. ' +
      `(The core process ended with code ${exitCode}.)`,
    buttons: ['Start again', 'Quit'],
    defaultId: 0,
    cancelId: 1,
    noLink: true,
  })
  return response === 0
}
