/**
 * What Redis says when it is the one in trouble, whoever asks and whatever is asked. Inside a script older versions put
 * it behind an `ERR`.
 */
const outage =
  /\b(LOADING|READONLY|OOM|MISCONF|MASTERDOWN|CLUSTERDOWN|CROSSSLOT|MOVED|ASK|TRYAGAIN|NOAUTH|NOPERM|WRONGPASS|NOREPLICAS|BUSY|NOSCRIPT|UNKILLABLE|EXECABORT|NOTREADY|GHOST|INPROG|NOPROTO|NOMASTERLINK)\b|max number of clients|unknown command|memory|persist|can't write|replica|compiling/i;

/**
 * Whether a record may be the cause of an error: our own code stumbled, or the store answered and found the data wrong.
 * Everything else, time-outs, connections, and what is not known, is an outage until it is over.
 */
export function mayBeItsOwn(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError || error instanceof URIError) return true;
  if (!(error instanceof Error) || error.name !== 'ReplyError') return false;
  return /^(ERR|WRONGTYPE)\b/.test(error.message) && !outage.test(error.message);
}
