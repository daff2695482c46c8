import { CloseCode } from '@app/protocol';

const ofTheProtocol = [1000, 1001, 1002, 1005, 1006, 1007, 1008, 1011, 1012];
const known = new Set([...ofTheProtocol, ...Object.values(CloseCode).map((reason) => reason.code)]);

/** A close code as a metric's label: clients may choose any code, and each would be a series of its own. */
export const closeLabel = (code: number): string => (known.has(code) ? String(code) : 'other');
