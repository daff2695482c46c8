import { badName, CloseCode, Limits } from '@app/protocol';

/** Of our own table of codes, what the page says of them. */
export const closeCodesScript = `
const codes = new Map(${JSON.stringify(Object.values(CloseCode).map((close) => [close.code, close]))});

/** Undefined for codes that are not ours. */
export const reasonOf = (code) => codes.get(code)?.reason;

export const mayReconnect = (code) => codes.get(code)?.reconnect ?? true;
`;

export const namesScript = `
const allowed = /^[\\p{L}\\p{M}\\p{N}._:@/-]+$/u;

/** What is wrong with the name of a room, user or device, as a sentence; undefined when nothing is. */
export function nameProblem(name) {
  const isShort = new TextEncoder().encode(name.normalize()).length <= ${Limits.nameBytes};
  if (isShort && allowed.test(name)) return undefined;
  return '“' + name.slice(0, 40) + '” cannot be a name: ' + ${JSON.stringify(badName)} + '.';
}

/** The items of a comma list. */
export const listOf = (text) => text.split(',').map((item) => item.trim()).filter((item) => item !== '');
`;
