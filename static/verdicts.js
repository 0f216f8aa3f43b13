/** What a tile says when it has come to an end: nobody may, nobody can, or nothing gets through.  Pure. */

import { helpWhenHopeless } from './hopeless.js';
import { AUTO, PROTOCOLS } from './protocols.js';
import { say } from './say.js';

/**
 * @typedef {import('./types.js').Situation} Situation
 * @typedef {import('./types.js').Words} Words
 */

/**
 * @param {Situation} situation
 * @returns {Words} of a phase in which nothing goes on
 */
export function describeEnd({ phase, protocol, failure }) {
  const unusable = { picture: /** @type {const} */ ('greyed'), needsPerson: true };
  switch (phase) {
    case 'signed-out': {
      if (failure?.code === 'grant') {
        const detail = 'It is asked for another one by itself. If that goes on, the clock or the signing key of its server is wrong.';
        return say({ kind: 'signed-out', mark: 'No grant', title: failure.message, detail, spoken: failure.message, action: 'retry', ...unusable });
      }
      const title = 'Sign in to see this camera.';
      return say({ kind: 'signed-out', mark: 'Signed out', title, spoken: title, action: 'sign-in', ...unusable });
    }
    case 'forbidden': {
      const title = 'You may not see this camera.';
      return say({ kind: 'forbidden', mark: 'Not allowed', title, spoken: title, ...unusable });
    }
    case 'unknown': {
      const title = 'There is no camera of this name.';
      const detail = 'It may have been renamed or removed.';
      return say({ kind: 'unknown', mark: 'Unknown', title, detail, spoken: title, action: 'home', ...unusable });
    }
    case 'no-protocol': {
      const wrong = failure?.code === 'candidates' ? failure.message : null;
      const title = wrong ?? `There is no protocol “${protocol}”.`;
      const detail = wrong ? '' : `Choose one of these: ${PROTOCOLS.join(', ')}.`;
      return say({ kind: 'no-protocol', mark: 'Unknown', title, detail, spoken: title, action: 'home', ...unusable });
    }
    default: {
      const title = failure?.message ?? '';
      const detail = adviceFor(protocol, failure);
      return say({ kind: 'unsupported', mark: 'Unsupported', title, detail, spoken: title, ...unusable });
    }
  }
}

/**
 * @param {string} protocol
 * @param {Situation['failure']} failure
 * @returns {string} what would help a browser that plays nothing of what it was given
 */
function adviceFor(protocol, failure) {
  const browsers = 'Chrome, Edge, Firefox or Safari';
  // The gateway's sentence says it.
  if (failure?.code === 'absent') return protocol === AUTO ? '' : `Or watch without “protocol=${protocol}”.`;
  if (protocol !== AUTO) return `Watch without “protocol=${protocol}”, or use another browser: ${browsers}.`;
  return `Use a browser that plays H.264: ${browsers}.`;
}

/**
 * @param {Situation} situation
 * @returns {Words} what was tried, and what would help
 */
export function describeHopeless({ tried }) {
  const title = 'No picture gets through to this browser.';
  const told = helpWhenHopeless(tried);
  return say({
    kind: 'failed',
    mark: 'No picture',
    title,
    detail: `${told.tried} ${told.help}`.trim(),
    spoken: `${title} ${told.help}`.trim(),
    picture: 'greyed',
    needsPerson: true,
    action: 'retry',
  });
}
