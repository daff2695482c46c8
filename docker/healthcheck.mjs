// Exits 0 when the app of this image is ready for its work. The image has no curl.
const {
  APP = 'standalone',
  GATEWAY_HTTP_PORT: gateway = 8880,
  LOGIC_PORT: logic = 9999,
  JOB_HTTP_PORT: job = 9990,
} = process.env;
const port = { gateway, logic, job, standalone: logic }[APP];

try {
  const answer = await fetch(`http://127.0.0.1:${port}/health/ready`, { signal: AbortSignal.timeout(3_000) });
  if (!answer.ok) throw new Error(await answer.text());
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
