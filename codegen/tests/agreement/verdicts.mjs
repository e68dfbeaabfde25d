// What checks.js says of each value of a corpus: `[text, error, raw error]`.
// Usage: node verdicts.mjs <checks.js> <corpus.json> <verdicts.json>
import { readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const [, , checksPath, corpusPath, verdictsPath] = process.argv
const tables = await import(pathToFileURL(checksPath).href)

const verdicts = JSON.parse(readFileSync(corpusPath, 'utf8')).map(([table, event, raw]) => {
  const check = tables[table][event]
  const given = JSON.parse(raw)
  // What travels is what JavaScript writes: 1.0 becomes 1, and large integers lose digits.
  const text = JSON.stringify(given)
  return [text, check(JSON.parse(text)) ?? null, check(given) ?? null]
})

writeFileSync(verdictsPath, JSON.stringify(verdicts))
