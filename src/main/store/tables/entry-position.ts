/** SQL for the rowid of entry `?` of log `?` (parameters in the order log, index). See migration 0001. */
export const POSITION_OF = '(? << 40) + ?'
/** SQL for the first rowid after those of log `?`. */
export const END_OF_LOG = '(? + 1) << 40'
