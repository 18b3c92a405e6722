// Runs the suite against the cache at the URL that is given, and prints what became of each test.
// Results and verdicts are the suite's own; the words for the verdicts are those of its table.

import fetch from 'node-fetch'
import { determineTestResult } from 'http-cache-tests/lib/display.mjs'
import { getResults, runTests } from 'http-cache-tests/client/runner.mjs'
import suites from 'http-cache-tests/tests/index.mjs'
import surrogateControl from 'http-cache-tests/tests/surrogate-control.mjs'

const VERDICTS = {
  '-': 'not run',
  '✅': 'pass',
  '⛔️': 'fail',
  '⚠️': 'fail',
  Y: 'pass',
  N: 'fail',
  '🔹': 'setup',
  '⁉️': 'harness',
  '⚪️': 'dependency',
  '↻': 'retry'
}
// More at once would wait for each other rather than for the cache.
const AT_ONCE = 25

// Surrogate-Control never became a standard. What did, RFC 9213, takes the same directives: these
// are its tests under the name of the standard, but for what only Surrogate-Control has.
const ONLY_SURROGATE = new Set([
  'cdn-max-age-max-plus', 'cdn-max-age-me-target', 'cdn-max-age-other-target',
  'cdn-append-capabilities', 'cdn-remove-header'
])
const cdnCacheControl = JSON.parse(JSON.stringify(surrogateControl)
  .replaceAll('Surrogate-Control', 'CDN-Cache-Control')
  .replaceAll('"surrogate-control"', '"cdn-cache-control"')
  .replaceAll('"surrogate-', '"cdn-'))
cdnCacheControl.tests = cdnCacheControl.tests.filter(test => !ONLY_SURROGATE.has(test.id))

const groups = [...suites, cdnCacheControl]
await runTests(groups, fetch, false, process.argv[2], AT_ONCE)
const results = getResults()
const told = groups.flatMap(group => group.tests.map(test => ({
  id: test.id,
  group: group.id,
  kind: test.kind ?? 'required',
  verdict: VERDICTS[determineTestResult(groups, test.id, results)[2]],
  message: Array.isArray(results[test.id]) ? results[test.id].join(': ') : ''
})))
process.stdout.write(JSON.stringify(told) + '\n')
process.exit(0)
