/** Words with nothing in them but what is said.  Pure. */

/** @typedef {import('./types.js').Words} Words */

/**
 * @param {Partial<Words> & {kind: string}} words
 * @returns {Words}
 */
export function say(words) {
  return {
    mark: '',
    title: '',
    detail: '',
    spoken: '',
    picture: 'clear',
    needsPerson: false,
    waiting: false,
    action: null,
    ...words,
  };
}
