import { ipcRenderer } from 'electron'

/**
 * The bridge: hands the window its end of the MessagePort to the core and nothing else. The page asks with
 * `request-port` when it is ready to listen; the port arrives as `chartseal-port`, and another one whenever the core
 * was restarted.
 */
const REQUEST = 'request-port'
const PORT = 'chartseal-port'

window.addEventListener('message', (event) => {
  // Only the page itself may ask; frames and openers are denied elsewhere as well.
  if (event.source === window && event.data === REQUEST) ipcRenderer.send(REQUEST)
})

ipcRenderer.on(PORT, (event) => {
  window.postMessage(PORT, window.location.origin, event.ports)
})
