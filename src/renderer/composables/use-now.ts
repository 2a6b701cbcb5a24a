import { onScopeDispose, readonly, ref, type Ref } from 'vue'

/** The time, in milliseconds since 1970, renewed every `everyMs`. For ages and clocks on screen. */
export function useNow(everyMs = 30_000): Readonly<Ref<number>> {
  const now = ref(Date.now())
  const timer = setInterval(() => (now.value = Date.now()), everyMs)
  onScopeDispose(() => clearInterval(timer))
  return readonly(now)
}
