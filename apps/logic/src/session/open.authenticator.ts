import { CodedError, badName, normalName } from '@app/protocol';
import { Authenticator, type Credentials, type Identity } from './authenticator.js';

/** Believes everybody: `user` of the query is who one is, and without it one is anonymous. Tokens are not looked at. */
export class OpenAuthenticator extends Authenticator {
  async identify({ user }: Credentials): Promise<Identity> {
    if (user === undefined) return { labels: {}, expiresAtMs: 0 };
    const name = normalName(user);
    if (name === undefined) throw new CodedError('bad_name', `user: ${badName}`);
    return { user: name, labels: {}, expiresAtMs: 0 };
  }
}
