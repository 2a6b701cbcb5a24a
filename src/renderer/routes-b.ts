import type { RouteRecordRaw } from 'vue-router'

/** Routes of the bedside, the ledger, devices, the tray and people. */
export const workRoutes: RouteRecordRaw[] = []
