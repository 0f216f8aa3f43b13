import assert from 'node:assert/strict';
import { it } from 'node:test';

import { commandFor, LEGEND } from '../../static/shortcuts.js';

for (const [key, command] of /** @type {[string, object | null][]} */ ([
  ['Escape', { action: 'back' }],
  ['f', { action: 'fullscreen' }],
  ['F', { action: 'fullscreen' }],
  ['m', { action: 'sound' }],
  ['M', { action: 'sound' }],
  ['i', { action: 'statistics' }],
  ['I', { action: 'statistics' }],
  ['?', { action: 'help' }],
  ['1', { action: 'focus', index: 0 }],
  ['9', { action: 'focus', index: 8 }],
  ['0', null],
  ['ArrowUp', { action: 'move', key: 'ArrowUp' }],
  ['ArrowLeft', { action: 'move', key: 'ArrowLeft' }],
  ['Enter', null],
  ['a', null],
])) {
  it(`${key} means ${command ? JSON.stringify(command) : 'nothing'}`, () => assert.deepEqual(commandFor({ key }), command));
}

it('leaves the browser its own combinations', () => {
  for (const modifier of ['ctrlKey', 'altKey', 'metaKey']) assert.equal(commandFor({ key: 'f', [modifier]: true }), null);
});

it('explains every key it knows', () => {
  const explained = LEGEND.map(([keys]) => keys).join(' ');
  for (const key of ['Esc', 'f', 'm', 'i', '?', '1 – 9', 'Arrows', 'Enter']) assert.ok(explained.includes(key), key);
});
