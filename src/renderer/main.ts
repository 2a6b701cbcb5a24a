import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { connectApi, provideApi } from './api/client.ts'
import { transportFor } from './api/transport.ts'
import { createMessages } from './i18n.ts'
import { createPages } from './router.ts'
import { useSessionStore } from './stores/session.ts'
import { useSettingsStore } from './stores/settings.ts'
import { useSystemStore } from './stores/system.ts'
import './styles/index.css'

provideApi(connectApi(transportFor(window)))

const pinia = createPinia()
const app = createApp(App).use(pinia).use(createMessages())
useSettingsStore(pinia)
useSystemStore(pinia).start()
const session = useSessionStore(pinia)
app.use(
  createPages(
    () => session.isOpen,
    () => session.practitioner?.role ?? null,
  ),
)
app.mount('#app')
