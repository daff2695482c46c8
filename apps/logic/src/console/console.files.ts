import { createHash } from 'node:crypto';
import { announcerScript } from './announcer.script.js';
import { clientScript } from './client.script.js';
import { elementScript } from './element.script.js';
import { framesScript } from './frames.script.js';
import { mainScript } from './main.script.js';
import { pageCss } from './page.css.js';
import { iconSvg } from './page.html.js';
import { paneScript } from './pane.script.js';
import { pushScript } from './push.script.js';
import { closeCodesScript, namesScript } from './tables.script.js';

/** A file of the page, with a strong validator (RFC 9110 §8.8.3). */
export interface ConsoleFile {
  type: string;
  body: string;
  etag: string;
}

const javascript = 'text/javascript; charset=utf-8';

/**
 * Everything that lies under `/console/`, by name. Files are strings in our own modules, so that they are wherever the
 * app is: beside no path, in a build, in a test, in `standalone`.
 */
export const consoleFiles: ReadonlyMap<string, ConsoleFile> = new Map(
  [
    file('page.css', 'text/css; charset=utf-8', pageCss),
    file('icon.svg', 'image/svg+xml', iconSvg),
    file('main.js', javascript, mainScript),
    file('pane.js', javascript, paneScript),
    file('push.js', javascript, pushScript),
    file('client.js', javascript, clientScript),
    file('frames.js', javascript, framesScript),
    file('announcer.js', javascript, announcerScript),
    file('element.js', javascript, elementScript),
    file('close-codes.js', javascript, closeCodesScript),
    file('names.js', javascript, namesScript),
  ].map((each) => [each.name, each]),
);

function file(name: string, type: string, body: string): ConsoleFile & { name: string } {
  const digest = createHash('sha256').update(body).digest('base64url').slice(0, 22);
  return { name, type, body: body.trimStart(), etag: `"${digest}"` };
}
