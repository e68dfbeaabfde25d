// Tokens signed by a private key: verified by one public key, or by a set that somebody publishes and
// changes (wire.md, section 2; operations.md, JWT_PUBLIC_KEY and JWT_JWKS_URL).
import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { describe, test } from 'node:test'
import { generate } from 'selfsigned'
import { ask, next, open, refusal, signedIn } from './client.mjs'
import { startServer, whyNotStarted } from './server.mjs'

const ALGORITHMS = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
}
const pairs = Object.fromEntries(Object.entries(ALGORITHMS).map(([alg, generate]) => [alg, generate()]))
const pem = (key) => key.export({ type: 'spki', format: 'pem' })
const jwk = (alg, kid, pair = pairs[alg], more = {}) => ({
  ...pair.publicKey.export({ format: 'jwk' }), alg, use: 'sig', kid, ...more,
})

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token, signed as an identity provider would. */
function signed(alg, { kid, sub = 'anna', pair = pairs[alg], expiresIn = 3600, by } = {}) {
  const exp = Math.floor(Date.now() / 1000) + expiresIn
  const head = `${part({ alg, typ: 'JWT', ...(kid && { kid }) })}.${part({ sub, exp })}`
  if (by !== undefined) return `${head}.${createHmac('sha256', by).update(head).digest('base64url')}`
  const signature = sign(alg === 'EdDSA' ? null : 'sha256', Buffer.from(head), {
    key: pair.privateKey, dsaEncoding: 'ieee-p1363',
  })
  return `${head}.${signature.toString('base64url')}`
}

/**
 * An identity provider: answers with `keys`, or however `answer` does, and counts who asks. Over
 * HTTPS with a certificate in `tls`.
 */
async function provider(t, keys, tls) {
  const here = { keys, asked: 0, answer: undefined }
  const answer = (request, response) => {
    here.asked++
    if (here.answer) here.answer(response, request)
    else response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: here.keys }))
  }
  const http = tls ? createSecureServer(tls, answer) : createServer(answer)
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.after(() => {
    http.closeAllConnections()
    http.close()
  })
  here.url = `${tls ? 'https' : 'http'}://127.0.0.1:${http.address().port}/keys`
  return here
}

function* endless() {
  for (;;) yield ' '.repeat(64 * 1024)
}

const serverWith = async (t, env, more) => {
  const server = await startServer({ env: { JWT_SECRET: undefined, ...env }, ...more })
  t.after(() => server.stop())
  return server
}
const user = async (t, server, token) => {
  const [{ userId }] = await next(open(t, server, { auth: { token } }), 'authenticated')
  return userId
}
const refused = (t, server, token) => refusal(open(t, server, { auth: { token } }))

describe('one public key', () => {
  for (const alg of Object.keys(ALGORITHMS)) {
    test(`verifies ${alg}, and nothing else`, async (t) => {
      const server = await serverWith(t, { JWT_PUBLIC_KEY: pem(pairs[alg].publicKey) })
      assert.equal(await user(t, server, signed(alg)), 'anna')
      assert.match(await refused(t, server, signed(alg, { pair: ALGORITHMS[alg]() })), /^TOKEN_INVALID: /)
      assert.match(await refused(t, server, signed(alg, { expiresIn: -60 })), /^TOKEN_EXPIRED: /)
      // Everybody has the public key: it must not do for a shared secret.
      assert.match(await refused(t, server, signed('HS256', { by: pem(pairs[alg].publicKey) })), /^TOKEN_INVALID: /)
    })
  }
})

describe('a set of keys', () => {
  test('verifies each algorithm by the key that a token names', async (t) => {
    const keys = Object.keys(ALGORITHMS).map((alg) => jwk(alg, `key of ${alg}`))
    const server = await serverWith(t, { JWT_JWKS_URL: (await provider(t, keys)).url })
    for (const alg of Object.keys(ALGORITHMS)) {
      assert.equal(await user(t, server, signed(alg, { kid: `key of ${alg}`, sub: alg })), alg)
      // Of its algorithm there is one alone, so that it need not be named.
      assert.equal(await user(t, server, signed(alg, { sub: alg })), alg)
      assert.match(await refused(t, server, signed(alg, { kid: `key of ${alg}`, pair: ALGORITHMS[alg]() })), /^TOKEN_INVALID: /)
    }
    assert.match(await refused(t, server, signed('ES256', { kid: 'key of RS256' })), /^TOKEN_INVALID: /)
  })

  test('signs in by an event and by HTTP too', async (t) => {
    const server = await serverWith(t, { JWT_JWKS_URL: (await provider(t, [jwk('ES256', 'a')])).url })
    const socket = open(t, server)
    await next(socket, 'connect')
    const { data } = await ask(socket, 'authenticate', { token: signed('ES256', { kid: 'a' }) })
    assert.equal(data.userId, 'anna')
    const headers = { authorization: `Bearer ${signed('ES256', { kid: 'a' })}` }
    assert.equal((await fetch(`${server.url}/api/projects`, { headers })).status, 200)
  })

  test('lends itself to no forgery', async (t) => {
    const shared = { kty: 'oct', k: Buffer.from('published').toString('base64url'), kid: 'shared', alg: 'HS256' }
    const encrypts = jwk('RS256', 'encrypts', pairs.RS256, { use: 'enc' })
    const other = jwk('RS256', 'other', pairs.RS256, { alg: 'RS512' })
    const keys = [shared, encrypts, other, jwk('EdDSA', 'good')]
    const server = await serverWith(t, { JWT_JWKS_URL: (await provider(t, keys)).url })
    for (const token of [
      signed('HS256', { kid: 'shared', by: 'published' }),
      signed('HS256', { kid: 'good', by: pem(pairs.EdDSA.publicKey) }),
      signed('RS256', { kid: 'encrypts' }),
      signed('RS256', { kid: 'other' }),
      `${part({ alg: 'none', kid: 'good' })}.${part({ sub: 'anna', exp: 4e9 })}.`,
    ]) {
      assert.match(await refused(t, server, token), /^TOKEN_INVALID: /)
    }
    assert.equal(await user(t, server, signed('EdDSA', { kid: 'good' })), 'anna')
  })

  test('is fetched again when a token names a new key, and then the old one is good no more', async (t) => {
    const idp = await provider(t, [jwk('ES256', 'old')])
    const server = await serverWith(t, { JWT_JWKS_URL: idp.url })
    assert.equal(await user(t, server, signed('ES256', { kid: 'old' })), 'anna')
    const asked = idp.asked
    assert.equal(await user(t, server, signed('ES256', { kid: 'old' })), 'anna')
    assert.equal(idp.asked, asked, 'a known key needs no fetch')

    const pair = ALGORITHMS.ES256()
    idp.keys = [jwk('ES256', 'new', pair)]
    assert.equal(await user(t, server, signed('ES256', { kid: 'new', pair })), 'anna')
    assert.equal(idp.asked, asked + 1)
    assert.match(await refused(t, server, signed('ES256', { kid: 'old' })), /^TOKEN_INVALID: /)
  })

  test('is hardly ever fetched for made-up keys, however many come', async (t) => {
    const idp = await provider(t, [jwk('ES256', 'a')])
    const server = await serverWith(t, { JWT_JWKS_URL: idp.url })
    const headers = () => ({ authorization: `Bearer ${signed('ES256', { kid: randomUUID() })}` })
    const began = Date.now()
    for (let round = 0; round < 10; round++) {
      const calls = Array.from({ length: 50 }, () => fetch(`${server.url}/api/projects`, { headers: headers() }))
      for (const { status } of await Promise.all(calls)) assert.equal(status, 401)
    }
    // One at the start, three at once, and one for every 10 s that this took.
    const most = 1 + 3 + Math.floor((Date.now() - began) / 10_000)
    assert.ok(idp.asked <= most, `asked ${idp.asked} times`)
    assert.equal(await user(t, server, signed('ES256', { kid: 'a' })), 'anna')
  })

  test('is asked for once, however many wait for it', async (t) => {
    const idp = await provider(t, [jwk('ES256', 'a')])
    const server = await serverWith(t, { JWT_JWKS_URL: idp.url })
    await user(t, server, signed('ES256', { kid: 'a' }))
    const asked = idp.asked
    const pair = ALGORITHMS.ES256()
    const held = []
    idp.answer = (response) => held.push(response)
    const headers = { authorization: `Bearer ${signed('ES256', { kid: 'b', pair })}` }
    const calls = Array.from({ length: 50 }, () => fetch(`${server.url}/api/projects`, { headers }))
    while (held.length === 0) await new Promise((resolve) => setImmediate(resolve))
    // All 50 are in by the time the server answers another call that came after them.
    await fetch(`${server.url}/health`)
    idp.answer = undefined
    held.forEach((response) => response.end(JSON.stringify({ keys: [jwk('ES256', 'b', pair)] })))
    for (const { status } of await Promise.all(calls)) assert.equal(status, 200)
    assert.ok(idp.asked <= asked + 2, `asked ${idp.asked - asked} times`)
  })

  describe('is kept when the next one', () => {
    const spoilt = {
      'is an error': (response) => response.writeHead(500).end('{}'),
      'is no JSON': (response) => response.end('<html>'),
      'is of another shape': (response) => response.end('{"keys":{"a":1}}'),
      'holds no key': (response) => response.end('{"keys":[]}'),
      'leads elsewhere': (response, { headers }) =>
        response.writeHead(302, { location: `http://${headers.host}/elsewhere` }).end(),
      'is cut off': (response) => {
        response.writeHead(200, { 'content-length': '5000' }).write('{"keys":[')
        setImmediate(() => response.destroy())
      },
      'never ends': (response) => pipeline(endless(), response, () => {}),
      'never comes': () => {},
    }
    for (const [what, answer] of Object.entries(spoilt)) {
      test(what, async (t) => {
        const idp = await provider(t, [jwk('ES256', 'a')])
        const server = await serverWith(t, { JWT_JWKS_URL: idp.url, RUST_LOG: 'off' })
        assert.equal(await user(t, server, signed('ES256', { kid: 'a' })), 'anna')
        idp.answer = answer
        const asked = idp.asked
        const miss = refused(t, server, signed('ES256', { kid: 'b' }))
        // Nobody else waits for it.
        assert.equal(await user(t, server, signed('ES256', { kid: 'a' })), 'anna')
        assert.match(await miss, /^UNAVAILABLE: /)
        assert.equal(idp.asked, asked + 1)
        assert.equal(await user(t, server, signed('ES256', { kid: 'a' })), 'anna')
        idp.answer = undefined
        idp.keys = [jwk('ES256', 'b')]
        assert.equal(await user(t, server, signed('ES256', { kid: 'b' })), 'anna')
      })
    }
  })

  test('that can\'t be fetched stops no start, and heals by itself', async (t) => {
    const idp = await provider(t, [jwk('ES256', 'a')])
    idp.answer = (response) => response.writeHead(503).end()
    let log = ''
    const server = await serverWith(t, { JWT_JWKS_URL: `${idp.url}?secret=hush`, RUST_LOG: 'debug' }, { log: (text) => (log += text) })
    assert.match(await refused(t, server, signed('ES256', { kid: 'a' })), /^UNAVAILABLE: /)
    const headers = { authorization: `Bearer ${signed('ES256', { kid: 'a' })}` }
    assert.equal((await fetch(`${server.url}/api/projects`, { headers })).status, 503)
    idp.answer = undefined
    await signedIn(t, server, 'anna', { auth: { token: signed('ES256', { kid: 'a' }) } })
    assert.match(log, /keys of tokens can't be fetched/)
    assert.ok(!log.includes('hush'), 'an address may hold a secret')
  })
})

describe('a set of keys over HTTPS', () => {
  /** A certificate of an authority of the tests' own, for the name or address in `altName`. */
  async function certificate(altName) {
    const common = (value) => [{ name: 'commonName', value }]
    const authority = await generate(common('Samewire tests'), {
      keyType: 'ec', algorithm: 'sha256',
      extensions: [{ name: 'basicConstraints', cA: true, critical: true }, { name: 'keyUsage', keyCertSign: true, critical: true }],
    })
    const { private: key, cert } = await generate(common('provider'), {
      keyType: 'ec', algorithm: 'sha256', ca: { key: authority.private, cert: authority.cert },
      extensions: [{ name: 'basicConstraints', cA: false }, { name: 'subjectAltName', altNames: [altName] }],
    })
    return { key, cert, authority: authority.cert }
  }

  /** What a token of the provider's is answered with, where the server trusts `authority`. */
  async function answered(t, { key, cert }, authority) {
    const idp = await provider(t, [jwk('ES256', 'a')], { key, cert })
    const folder = mkdtempSync(join(tmpdir(), 'samewire-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'authority.pem')
    writeFileSync(file, authority)
    const server = await serverWith(t, { JWT_JWKS_URL: idp.url, SSL_CERT_FILE: file, RUST_LOG: 'off' })
    const headers = { authorization: `Bearer ${signed('ES256', { kid: 'a' })}` }
    const { status } = await fetch(`${server.url}/api/projects`, { headers })
    return { status, asked: idp.asked }
  }

  test('is fetched from who shows a certificate of a trusted authority', async (t) => {
    const tls = await certificate({ type: 7, ip: '127.0.0.1' })
    assert.deepEqual(await answered(t, tls, tls.authority), { status: 200, asked: 1 })
  })

  test('is not fetched from anybody else', async (t) => {
    const tls = await certificate({ type: 7, ip: '127.0.0.1' })
    const stranger = await certificate({ type: 7, ip: '127.0.0.1' })
    assert.deepEqual(await answered(t, tls, stranger.authority), { status: 503, asked: 0 })
    const elsewhere = await certificate({ type: 2, value: 'id.example.org' })
    assert.deepEqual(await answered(t, elsewhere, elsewhere.authority), { status: 503, asked: 0 })
  })
})

describe('no start', () => {
  const cases = {
    'with keys that others could change on the way': [{ JWT_JWKS_URL: 'http://id.example.org/keys' }, /JWT_JWKS_URL must be an https:\/\/ address/],
    'with what is no key': [{ JWT_PUBLIC_KEY: '-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----' }, /JWT_PUBLIC_KEY must be a PEM/],
    'with a file that is not there': [{ JWT_PUBLIC_KEY: '/no/such/file.pem' }, /JWT_PUBLIC_KEY must be a PEM/],
    'with two ways to verify': [{ JWT_JWKS_URL: 'https://id.example.org/', JWT_SECRET: 'x'.repeat(32) }, /cannot be used with/],
    'with none': [{}, /JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL must be set/],
    'with a short secret': [{ JWT_SECRET: 'x'.repeat(31) }, /JWT_SECRET must be at least 32 bytes/],
  }
  for (const [what, [env, expected]] of Object.entries(cases)) {
    test(what, async () => {
      const { code, said } = await whyNotStarted({ JWT_SECRET: undefined, ...env })
      assert.notEqual(code, 0)
      assert.match(said, expected)
    })
  }
})
