/** What the page says when there are no tiles to say it: no cameras yet, no gateway, no permission. */

import { element } from './dom.js';
import { duration } from './phrases.js';

/** @typedef {import('./directory.js').Access} Access */

/** @returns {HTMLElement} how to add a first camera, and how to see some without having one */
export function noCameras() {
  return element(
    'section',
    { class: 'notice' },
    element('h1', {}, 'No cameras yet'),
    element('p', {}, 'Start the gateway with the address of a camera:'),
    element('code', {}, 'camera-gateway serve front-door=rtsp://user:password@192.0.2.10/stream1'),
    element('p', {}, 'Or look at cameras that come with it:'),
    element('code', {}, 'camera-gateway demo'),
    element('p', { class: 'quiet' }, 'This page shows a camera as soon as there is one.'),
  );
}

/**
 * @param {Access} access
 * @param {number} leftMs until the next try
 * @returns {HTMLElement}
 */
export function noList(access, leftMs) {
  if (access === 'signed-out') {
    return element(
      'section',
      { class: 'notice' },
      element('h1', {}, 'Sign in to see your cameras'),
      element('p', {}, element('a', { href: 'login' }, 'Sign in')),
    );
  }
  if (access === 'forbidden') {
    return element(
      'section',
      { class: 'notice' },
      element('h1', {}, 'You may not see these cameras'),
      element('p', {}, 'Ask whoever runs this gateway to give you access.'),
    );
  }
  return element(
    'section',
    { class: 'notice' },
    element('h1', {}, 'Gateway not reachable'),
    element('p', {}, `Trying again in ${duration(Math.max(1000, leftMs))}. Is it running, and is this computer on its network?`),
  );
}
