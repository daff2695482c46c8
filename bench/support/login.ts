/** Signs the tokens of the load clients. */
export const jwtSecret = 'a secret of the benches, 32 bytes and more';

/** Settings under which clients log in by token, and as many may come from one address as there are. */
export const loginEnv = { AUTH_MODE: 'jwt', JWT_SECRET: jwtSecret };
