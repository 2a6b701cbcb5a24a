/* Components for tools that do not read .vue files; vue-tsc reads the files themselves. */
declare module '*.vue' {
  import type { Component } from 'vue'
  const component: Component
  export { component as default }
}
