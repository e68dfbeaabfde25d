// Every setting: a flag and a variable, its default, its other names, and what is said of a wrong value
// (operations.md).
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'
import { WebSocket } from 'ws'
import { call, createProject, token } from './api.mjs'
import { ask, next, open, refusal, signedIn } from './client.mjs'
import { helpText, SECRET, startServer, whyNotStarted } from './server.mjs'

const start = async (t, env) => {
  const server = await startServer({ env })
  t.after(() => server.stop())
  return server
}

// The variable, its default as --help tells it, and a wrong value with what is said of it.
const SETTINGS = [
  ['HOST', '127.0.0.1', 'here', 'HOST must be an IP address'],
  ['PORT', '3000', '65536', 'PORT must be a number from 0 to 65535'],
  ['JWT_SECRET', undefined, 'short', 'JWT_SECRET must be at least 32 bytes'],
  ['JWT_PUBLIC_KEY', undefined, undefined],
  ['JWT_JWKS_URL', undefined, undefined],
  ['CORS_ORIGIN', 'http://localhost:5173', 'localhost', 'CORS_ORIGIN must be a list of origins'],
  ['REQUEST_TIMEOUT', '75s', '0s', 'REQUEST_TIMEOUT must be a duration'],
  ['CONNECT_TIMEOUT', '10s', 'soon', 'CONNECT_TIMEOUT must be a duration'],
  ['PING_TIMEOUT', '60s', '0', 'PING_TIMEOUT must be a duration'],
  ['PING_INTERVAL', '25s', '-1s', 'PING_INTERVAL must be a duration'],
  ['AUTH_MODE', 'either', 'never', '--auth-mode'],
  ['AUTH_TIMEOUT', '10s', '', 'AUTH_TIMEOUT must be a duration'],
  ['RATE_LIMIT_WINDOW', '60s', '1 fortnight', 'RATE_LIMIT_WINDOW must be a duration'],
  ['RATE_LIMIT_MAX', '100', '0', 'RATE_LIMIT_MAX must be a number from 1'],
  ['CONNECTIONS_PER_SECOND', '50', 'many', 'CONNECTIONS_PER_SECOND must be a number from 1'],
  ['TRUSTED_PROXIES', undefined, '10.0.0.0/33', 'TRUSTED_PROXIES must be a list of IP addresses or networks'],
  ['FORWARDED_HEADER', 'x-forwarded-for', 'via', '--forwarded-header'],
  ['LOG_EVENTS', '1000', '1.5', 'LOG_EVENTS must be a number'],
  ['LOG_AGE', '5min', 'x', 'LOG_AGE must be a duration'],
  ['LOG_BYTES', '8MiB', 'x', 'LOG_BYTES must be a size such as 8MiB'],
  ['QUEUE_BYTES', '16MiB', 'x', 'QUEUE_BYTES must be a size such as 16MiB'],
  ['BROADCAST_EVENTS', '10', 'x', 'BROADCAST_EVENTS must be a number'],
  ['SESSION_TIMEOUT', '30min', 'x', 'SESSION_TIMEOUT must be a duration'],
  ['MEDIA_DIR', 'media/', '/dev/null/media', 'MEDIA_DIR must be a folder that can be written to'],
  ['MEDIA_BYTES', '100MB', 'x', 'MEDIA_BYTES must be a size such as 100MB'],
  ['PROJECT_MEDIA_BYTES', '10GB', 'x', 'PROJECT_MEDIA_BYTES must be a size such as 10GB'],
  ['EXPORT_AGE', '24h', 'x', 'EXPORT_AGE must be a duration'],
  ['OPENAI_API_KEY', undefined, undefined],
  ['OPENAI_BASE_URL', 'https://api.openai.com/v1', 'localhost', 'OPENAI_BASE_URL must be an http:// or https:// address'],
  ['OPENAI_MODEL', 'gpt-4o-mini', undefined],
  ['ASSISTANT_CONTEXT_TOKENS', '16000', '0', 'ASSISTANT_CONTEXT_TOKENS must be a number from 1'],
  ['ASSISTANT_CONNECT_TIMEOUT', '10s', 'x', 'ASSISTANT_CONNECT_TIMEOUT must be a duration'],
  ['ASSISTANT_FIRST_TOKEN_TIMEOUT', '60s', 'x', 'ASSISTANT_FIRST_TOKEN_TIMEOUT must be a duration'],
  ['ASSISTANT_IDLE_TIMEOUT', '30s', 'x', 'ASSISTANT_IDLE_TIMEOUT must be a duration'],
  ['ASSISTANT_ANSWER_TIMEOUT', '10min', 'x', 'ASSISTANT_ANSWER_TIMEOUT must be a duration'],
  ['ASSISTANT_RETRY_TIMEOUT', '30s', 'x', 'ASSISTANT_RETRY_TIMEOUT must be a duration'],
  ['ASSISTANT_ANSWER_BYTES', '64KiB', '1MiB', 'ASSISTANT_ANSWER_BYTES must be a size from 1B to 256KiB'],
  ['ASSISTANT_ANSWERS', '64', '0', 'ASSISTANT_ANSWERS must be a number from 1'],
  ['ASSISTANT_ANSWERS_PER_USER', '8', 'x', 'ASSISTANT_ANSWERS_PER_USER must be a number from 1'],
  ['DATABASE_URL', 'sqlite://samewire.db', 'mysql://x', 'DATABASE_URL must be sqlite://PATH or postgres://'],
  ['REDIS_URL', undefined, 'http://:sesame@localhost', 'REDIS_URL must be redis://HOST:PORT'],
  ['WEBHOOK_SECRET', undefined, undefined],
  ['INBOX_POLL_FEEDS', undefined, 'fax', 'INBOX_POLL_FEEDS must be a list of platform=address'],
  ['INBOX_POLL_PERIOD', '30s', '0s', 'INBOX_POLL_PERIOD must be a duration'],
  ['PUBLISH_KEY', undefined, undefined],
]

const help = await helpText()

/** What --help says of a setting. */
const entry = (variable) => {
  const flag = `--${variable.toLowerCase().replaceAll('_', '-')}`
  const [, text] = help.split(new RegExp(`\\n\\s+${flag} `))
  return text?.split(/\n\s+--/)[0]
}

for (const [variable, value, wrong, said] of SETTINGS) {
  test(`${variable} is a flag and a variable${value ? `, ${value} by default` : ''}${said ? ', and checked' : ''}`, async () => {
    const text = entry(variable)
    assert.ok(text, 'it stands in --help')
    assert.ok(text.includes(`[env: ${variable}`), text)
    const [, byDefault] = /\[default: ([^\]]+)\]/.exec(text) ?? []
    assert.equal(byDefault, value)
    if (said === undefined) return
    const byVariable = await whyNotStarted({ [variable]: wrong })
    assert.notEqual(byVariable.code, 0)
    assert.ok(byVariable.said.includes(said), byVariable.said)
    const flag = `--${variable.toLowerCase().replaceAll('_', '-')}=${wrong}`
    const byFlag = await whyNotStarted({ [variable]: undefined }, [flag])
    assert.notEqual(byFlag.code, 0)
    assert.ok(byFlag.said.includes(said), byFlag.said)
    assert.ok(!(byVariable.said + byFlag.said).includes('sesame'), 'a password is not repeated')
  })
}

test('--help tells of every setting that there is, and of no secret', async () => {
  const variables = [...help.matchAll(/\[env: (\w+)/g)].map(([, name]) => name)
  const others = variables.filter((name) => !SETTINGS.some(([known]) => known === name))
  assert.deepEqual(others, ['APP_DIR'])
  const told = await helpText({ JWT_SECRET: SECRET, PUBLISH_KEY: SECRET, WEBHOOK_SECRET: SECRET, INBOX_POLL_FEEDS: SECRET, DATABASE_URL: SECRET, REDIS_URL: `redis://:${SECRET}@localhost`, JWT_JWKS_URL: SECRET, OPENAI_API_KEY: SECRET, OPENAI_BASE_URL: SECRET })
  assert.ok(!told.includes(SECRET))
})

test('an address that is taken is named', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.after(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address()
  const { code, said } = await whyNotStarted({ PORT: String(port) })
  assert.notEqual(code, 0)
  assert.ok(said.includes(`HOST and PORT must name an address that is free: 127.0.0.1:${port}`), said)
})

test('a demo refuses a secret, and any address but this machine\'s', async () => {
  const withSecret = await whyNotStarted({}, ['--demo'])
  assert.match(withSecret.said, /JWT_SECRET, JWT_PUBLIC_KEY and JWT_JWKS_URL must not be set/)
  const withAlias = await whyNotStarted({ JWT_SECRET: undefined, JWT_ACCESS_SECRET: SECRET }, ['--demo'])
  assert.match(withAlias.said, /must not be set/)
  const inPublic = await whyNotStarted({ JWT_SECRET: undefined, HOST: '0.0.0.0' }, ['--demo'])
  assert.match(inPublic.said, /HOST must be a loopback address/)
})

describe('a setting\'s other name', () => {
  test('JWT_ACCESS_SECRET stands for JWT_SECRET', async (t) => {
    const server = await start(t, { JWT_SECRET: undefined, JWT_ACCESS_SECRET: SECRET })
    await signedIn(t, server, 'anna')
  })

  test('WEBSOCKET_PING_TIMEOUT and WEBSOCKET_PING_INTERVAL are in milliseconds', async (t) => {
    const server = await start(t, { WEBSOCKET_PING_TIMEOUT: '1500', WEBSOCKET_PING_INTERVAL: '700' })
    const response = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`)
    const { pingTimeout, pingInterval } = JSON.parse((await response.text()).slice(1))
    assert.deepEqual([pingTimeout, pingInterval], [1500, 700])
  })

  for (const name of ['WEBSOCKET_CORS_ORIGIN', 'FRONTEND_URL']) {
    test(`${name} stands for CORS_ORIGIN`, async (t) => {
      const server = await start(t, { [name]: 'https://app.example.org' })
      assert.equal(await allowed(server, 'https://app.example.org'), 'https://app.example.org')
      assert.equal(await allowed(server, 'http://localhost:5173'), null)
    })
  }
})

/** The origin that a browser is told it may read an answer from. */
async function allowed(server, origin, path = '/health') {
  return (await fetch(server.url + path, { headers: { origin } })).headers.get('access-control-allow-origin')
}

describe('CORS_ORIGIN', () => {
  const LISTED = ['https://app.example.org', 'https://other.example.org']

  test('lists who may call, and who may connect, by websocket too', async (t) => {
    const server = await start(t, { CORS_ORIGIN: LISTED.join(', ') })
    for (const transport of ['websocket', 'polling']) {
      const from = (origin) => open(t, server, { auth: { token: token('anna') }, transports: [transport], extraHeaders: { origin } })
      for (const origin of [...LISTED, server.url]) await next(from(origin), 'authenticated')
      for (const origin of ['https://evil.example.org', 'https://app.example.org.evil.org', 'null']) {
        await refusal(from(origin))
      }
    }
    const evil = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`, { origin: 'https://evil.example.org' })
    const [, response] = await once(evil, 'unexpected-response')
    assert.equal(response.statusCode, 403)
    for (const origin of LISTED) assert.equal(await allowed(server, origin), origin)
    assert.equal(await allowed(server, 'https://evil.example.org'), null)
    const preflight = await fetch(`${server.url}/api/projects`, {
      method: 'OPTIONS',
      headers: { origin: LISTED[0], 'access-control-request-method': 'PATCH', 'access-control-request-headers': 'authorization, x-ingest-key' },
    })
    assert.equal(preflight.status, 200)
    assert.match(preflight.headers.get('access-control-allow-methods'), /PATCH/)
    assert.match(preflight.headers.get('access-control-allow-headers'), /x-ingest-key/)
  })

  test('may be any', async (t) => {
    const server = await start(t, { CORS_ORIGIN: '*' })
    assert.equal(await allowed(server, 'https://anybody.example.org'), 'https://anybody.example.org')
    const socket = open(t, server, { auth: { token: token('anna') }, extraHeaders: { origin: 'https://anybody.example.org' } })
    await next(socket, 'authenticated')
  })
})

for (const PUBLISH_KEY of [undefined, '']) test(`without PUBLISH_KEY the calls of back ends are refused${PUBLISH_KEY === '' ? ', and with an empty one' : ''}`, async (t) => {
  const server = await start(t, { PUBLISH_KEY })
  for (const [method, path] of [['POST', '/api/publish'], ['GET', '/api/users/anna'], ['POST', '/api/users/anna/disconnect'], ['GET', '/api/rooms/lobby']]) {
    const response = await fetch(server.url + path, { method, headers: { 'x-api-key': '' } })
    const { code, detail } = await response.json()
    assert.deepEqual([response.status, code], [403, 'ACCESS_DENIED'], path)
    assert.match(detail, /PUBLISH_KEY/)
  }
})

test('DATABASE_URL says where the data is, and it is there after a restart', async (t) => {
  const first = await start(t, {})
  const project = await createProject(first, 'anna')
  await first.end('SIGTERM')
  const second = await startServer({ database: first.database })
  t.after(() => second.stop())
  assert.equal((await call(second, 'GET', `/api/projects/${project.id}`, { as: 'anna' })).status, 200)
  const socket = await signedIn(t, second, 'anna')
  assert.equal((await ask(socket, 'join-project', project.id)).ok, true)
})
