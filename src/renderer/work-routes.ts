import type { RouteRecordRaw } from 'vue-router'

/** Routes of the bedside, devices, the tray, the ledger, the network, the audit, people and administration. */
export const workRoutes: RouteRecordRaw[] = [
  {
    // `?patient=HANDLE` opens a set for that patient; `?scan=…` asks for the next one.
    path: '/bedside',
    name: 'bedside',
    meta: { title: 'app.nav.bedside' },
    component: () => import('./views/BedsideView.vue'),
  },
  {
    path: '/devices',
    name: 'devices',
    meta: { title: 'app.nav.devices' },
    component: () => import('./views/DevicesView.vue'),
  },
  { path: '/tray', name: 'tray', meta: { title: 'app.nav.tray' }, component: () => import('./views/TrayView.vue') },
  {
    path: '/ledger',
    name: 'ledger',
    meta: { title: 'app.nav.ledger' },
    component: () => import('./views/LedgerView.vue'),
  },
  {
    path: '/network',
    name: 'network',
    meta: { title: 'app.nav.network' },
    component: () => import('./views/NetworkView.vue'),
  },
  {
    path: '/audit',
    name: 'audit',
    meta: { title: 'app.nav.audit' },
    component: () => import('./views/AuditView.vue'),
  },
  {
    path: '/administration',
    name: 'administration',
    meta: { title: 'app.nav.administration' },
    component: () => import('./views/AdministrationView.vue'),
  },
  {
    path: '/people',
    name: 'people',
    meta: { title: 'app.nav.people' },
    component: () => import('./views/PeopleView.vue'),
  },
]
