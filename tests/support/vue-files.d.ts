/* Components as tests see them: the compiler that checks the tests does not read .vue files. */
declare module '*.vue' {
  import type { Component } from 'vue'
  const component: Component
  export { component as default }
}
