// Exits 0 when the app of this image is ready for its work. The image has no curl.
const {
  APP = 'standalone',
  GATEWAY_HTTP_PORT: gateway = 8880,
  LOGIC_PORT: logic = 9999,
  JOB_HTTP_PORT: job = 9990,
} = process.env;
const port = { gateway, logic, job, standalone: logic }[APP];

fetch(`http://127.0.0.1:${port}/health/ready`, { signal: AbortSignal.timeout(3_000) }).then(
  async (answer) => {
    if (!answer.ok) console.error(await answer.text());
    process.exit(answer.ok ? 0 : 1);
  },
  (error) => {
    console.error(error.message);
    process.exit(1);
  },
);
