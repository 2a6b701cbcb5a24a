import { createRouter, createWebHashHistory, type RouteRecordRaw, type Router, type RouterHistory } from 'vue-router'
import type { Role } from './api/types.ts'
import { homeOf, mayVisit } from './pages.ts'
import { workRoutes } from './work-routes.ts'

declare module 'vue-router' {
  interface RouteMeta {
    /** Key of the page's name. */
    title?: string
  }
}

/** Pages inside the frame; all need an open session. `App.vue` shows other screens by the installation's state. */
const routes: RouteRecordRaw[] = [
  {
    path: '/patients',
    name: 'patients',
    meta: { title: 'app.nav.patients' },
    component: () => import('./views/PatientsView.vue'),
  },
  {
    path: '/patients/:handle([0-9a-f]{32})',
    name: 'chart',
    meta: { title: 'chart.title' },
    props: true,
    component: () => import('./views/ChartView.vue'),
  },
  ...workRoutes,
  { path: '/about', name: 'about', meta: { title: 'app.nav.about' }, component: () => import('./views/AboutView.vue') },
]

/**
 * The router of the window.
 *
 * @param mayOpen - Whether patient data may be on screen. While it may not, no navigation happens, so that no
 *   address of a patient is resolved behind the sign-in screen.
 * @param role - Of whoever is signed in, whose pages these are; null while nobody is known.
 * @param history - Replaced in tests.
 */
export function createPages(
  mayOpen: () => boolean,
  role: () => Role | null,
  history: RouterHistory = createWebHashHistory(),
): Router {
  const home: RouteRecordRaw = { path: '/:rest(.*)', redirect: () => homeOf(role()) }
  const router = createRouter({ history, routes: [...routes, home] })
  router.beforeEach((to, from) => {
    if (!mayOpen()) return from.matched.length === 0
    return mayVisit(role(), to.path) || homeOf(role())
  })
  return router
}
