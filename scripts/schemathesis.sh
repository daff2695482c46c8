#!/usr/bin/env bash
# What a stranger's tool makes of /docs-json: schemathesis asks a standalone of its own everything that the document
# says, and much that it does not. Fails on a 500, on an answer that is not documented or off its schema, on bad input
# that is taken, on a missing key that is not missed. Needs a build, and Python 3 with venv.
#
#   scripts/schemathesis.sh                     as .ci/run does: the same requests every time
#   scripts/schemathesis.sh --seed 7 -n 1000    others, and more of them (any option of `schemathesis run`)
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap '[ -z "${app:-}" ] || kill "$app" 2>/dev/null; rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/pip" install --quiet --disable-pip-version-check schemathesis==4.32.5

key=a-key-of-this-run
env GATEWAY_PORT=0 LOGIC_PORT=0 API_KEYS=$key LOG_LEVEL=info \
  node dist/apps/standalone/apps/standalone/src/main.js >"$work/log" 2>&1 &
app=$!
for _ in $(seq 300); do
  grep -q '"clients are let in"' "$work/log" && break
  kill -0 $app 2>/dev/null || break
  sleep 0.1
done
port=$(sed -nE 's/.*"port":([0-9]+).*"msg":"logic listens".*/\1/p' "$work/log")
[ -n "$port" ] || { cat "$work/log"; exit 1; }

# All checks but: positive_data_acceptance, because a schema cannot say all that a body must be (one of `data`, `text` and
# `base64`; names of 128 bytes, not characters): test/contract/rest.openapi.spec.ts has the examples accepted instead;
# ensure_resource_availability, because nothing that is made here by one request is there for the next by its name.
# In a batch a bad push is answered by itself, within a 200.
cat >"$work/schemathesis.toml" <<'TOML'
[checks]
positive_data_acceptance.enabled = false
ensure_resource_availability.enabled = false

[[operations]]
include-operation-id = "pushBatch"
checks.negative_data_rejection.enabled = false
TOML

ended=0
(cd "$work" && timeout 150 python/bin/schemathesis run "http://127.0.0.1:$port/docs-json" \
  --header "Authorization: Bearer $key" --mode all --phases examples,coverage,fuzzing,stateful \
  --max-examples 25 --seed 1 --generation-database none --warnings off --no-color "$@") || ended=$?

if grep -E '"level":(50|60)' "$work/log"; then ended=1; fi
kill -0 $app 2>/dev/null || { echo 'the app did not survive'; ended=1; }
exit $ended
