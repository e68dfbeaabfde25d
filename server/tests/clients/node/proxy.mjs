// nginx and Caddy with the configurations of deploy/, in front of servers of a test.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { generate } from 'selfsigned'
import { ownHost } from './server.mjs'

const START_MS = 30_000
const tools = fileURLToPath(new URL('../../../../target/tools/bin/', import.meta.url))

export const deployed = (name) => readFileSync(new URL(`../../../../deploy/${name}`, import.meta.url), 'utf8')

/** A program of a distribution's package, as `cargo xtask setup` leaves it. */
export function tool(name, variable = name.toUpperCase()) {
  const program = process.env[variable] ?? join(tools, name)
  if (!existsSync(program)) throw new Error(`${program} is not there: cargo xtask setup`)
  return program
}

/** Each takes deploy/'s text to where the test has its servers, ports and certificate. */
const PROXIES = {
  nginx: {
    file: 'nginx.conf',
    program: () => tool('nginx'),
    adapt: (text, { folder, host, port, plainPort }) => `
      daemon off;
      pid ${folder}/nginx.pid;
      error_log ${folder}/error.log;
      ${process.getuid() === 0 ? 'user root;' : ''}
      events { worker_connections 4096; }
      http {
        client_body_temp_path ${folder}/body;
        proxy_temp_path ${folder}/proxy;
        fastcgi_temp_path ${folder}/fastcgi;
        uwsgi_temp_path ${folder}/uwsgi;
        scgi_temp_path ${folder}/scgi;
        access_log off;
        ${replaced(text, [
          ['listen 80;', `listen ${host}:${plainPort};`],
          ['listen 443 ssl http2;', `listen ${host}:${port} ssl http2;`],
          ['/etc/ssl/samewire.pem', `${folder}/certificate.pem`],
          ['/etc/ssl/samewire.key', `${folder}/key.pem`],
          ['/var/log/nginx/samewire.log', `${folder}/access.log`],
        ])}
      }`,
    flags: (file) => ['-e', 'stderr', '-c', file],
  },
  caddy: {
    file: 'Caddyfile',
    program: () => tool('caddy'),
    adapt: (text, { folder, host, port, plainPort }) => `
{
  admin off
  http_port ${plainPort}
  default_bind ${host}
  storage file_system ${folder}
}
${replaced(text, [
    ['samewire.example.org {', `https://${host}:${port} {\n\ttls ${folder}/certificate.pem ${folder}/key.pem`],
  ])}`,
    flags: (file) => ['run', '--adapter', 'caddyfile', '--config', file],
  },
}

/**
 * A proxy that answers. `servers` are two; `edit` changes what deploy/ has, for a variant that it
 * names.
 */
export async function startProxy(name, servers, edit = (text) => text) {
  const { file, program, adapt, flags } = PROXIES[name]
  const folder = mkdtempSync(join(tmpdir(), `samewire-${name}-`))
  const host = ownHost()
  const [port, plainPort] = await freePorts(host, 2)
  const altNames = [{ type: 7, ip: host }]
  const extensions = [{ name: 'subjectAltName', altNames }]
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'samewire' }], { extensions })
  writeFileSync(join(folder, 'certificate.pem'), cert)
  writeFileSync(join(folder, 'key.pem'), key)
  const text = replaced(edit(deployed(file)), servers.map(({ url }, n) => [`127.0.0.1:300${n + 1}`, new URL(url).host]))
  const config = join(folder, file)
  writeFileSync(config, adapt(text, { folder, host, port, plainPort }))

  let said = ''
  const child = spawn(program(), flags(config), { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env.PATH, HOME: folder } })
  child.stderr.setEncoding('utf8').on('data', (more) => (said += more))
  const ended = once(child, 'exit')
  const url = `https://${host}:${port}`
  const deadline = Date.now() + START_MS
  while (!(await answers(`${url}/health`))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`${name} did not start: ${said}`)
    }
    await sleep(20)
  }
  return {
    url,
    plainUrl: `http://${host}:${plainPort}`,
    /** What was logged of requests; nothing where the configuration logs none. */
    accessLog: () => (name === 'nginx' ? readFileSync(join(folder, 'access.log'), 'utf8') : said),
    async stop() {
      // nginx's workers end with their master where it is asked to end; Caddy would wait for its clients.
      child.kill(name === 'nginx' ? 'SIGTERM' : 'SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The text with each of the pairs replaced; what isn't there can't be, and is a mistake. */
function replaced(text, pairs) {
  for (const [from, to] of pairs) {
    if (!text.includes(from)) throw new Error(`no ${from} in the configuration`)
    text = text.replaceAll(from, to)
  }
  return text
}

async function freePorts(host, count) {
  const listeners = Array.from({ length: count }, () => createServer().listen(0, host))
  await Promise.all(listeners.map((listener) => once(listener, 'listening')))
  const ports = listeners.map((listener) => listener.address().port)
  await Promise.all(listeners.map((listener) => new Promise((resolve) => listener.close(resolve))))
  return ports
}

async function answers(url) {
  try {
    return (await fetch(url)).ok
  } catch {
    return false
  }
}
