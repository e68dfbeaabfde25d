// A database of a test server's own: a file of SQLite in its folder or, where SAMEWIRE_TEST_POSTGRES is the address of a
// PostgreSQL server in which databases may be made, one there, called like the folder. `cargo xtask test` runs the tests on both.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

const { SAMEWIRE_TEST_POSTGRES: postgres } = process.env

/** What a folder's DATABASE_URL is. */
export function databaseUrl(folder) {
  return postgres === undefined ? `sqlite://${join(folder, 'samewire.db')}` : Object.assign(new URL(postgres), { pathname: basename(folder) }).href
}

/** A folder with a database that is empty. */
export function newDatabase() {
  const folder = mkdtempSync(join(tmpdir(), 'samewire-'))
  if (postgres !== undefined) sql(postgres, `CREATE DATABASE "${basename(folder)}"`)
  return folder
}

/** How long PostgreSQL may take to end the connections of a server that was killed. */
const DROP_MS = 60_000

/** Takes a folder away, and its database. */
export function removeDatabase(folder) {
  if (postgres !== undefined) drop(basename(folder))
  rmSync(folder, { recursive: true, force: true })
}

/** Drops a database, also where its connections take longer to end than the 5 s that PostgreSQL waits for them. */
function drop(database) {
  for (const deadline = Date.now() + DROP_MS; ; ) {
    try {
      return sql(postgres, `DROP DATABASE IF EXISTS "${database}" WITH (FORCE)`)
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
  }
}

/** All that is stored in a folder and its database, as text. */
export function allStored(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile())
  const files = entries.map((file) => readFileSync(join(file.parentPath ?? file.path, file.name), 'latin1'))
  if (postgres === undefined) return files.join('\n')
  const url = databaseUrl(folder)
  const tables = sql(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'").trim().split('\n')
  return [...files, ...tables.map((table) => sql(url, `TABLE "${table}"`))].join('\n')
}

/** Runs a statement in a PostgreSQL database; gives what psql prints. */
export function sql(url, statement) {
  return execFileSync('psql', ['--no-psqlrc', '--quiet', '--tuples-only', '--no-align', '--dbname', url, '--command', statement], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { PATH: process.env.PATH, PGOPTIONS: '-c client_min_messages=warning' },
  })
}
