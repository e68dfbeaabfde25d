import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the assistant's answers come from, word by word, as a test wishes: it speaks as OpenAI's API does. */
export class Provider {
  readonly #http: Server
  readonly #answers: ServerResponse[] = []

  private constructor() {
    this.#http = createServer((request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      this.#answers.push(response)
    })
  }

  static async start(): Promise<Provider> {
    const provider = new Provider()
    provider.#http.listen(0, '127.0.0.1')
    await once(provider.#http, 'listening')
    return provider
  }

  /** What tells a server to ask it. */
  get settings(): Record<string, string> {
    return { OPENAI_API_KEY: 'a key', OPENAI_BASE_URL: `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}/v1` }
  }

  /** How many answers were asked for. */
  get asked(): number {
    return this.#answers.length
  }

  /** Goes on with the newest answer. */
  say(content: string): void {
    this.#write({ delta: { content }, finish_reason: null })
  }

  /** Ends the newest answer. */
  end(): void {
    this.#write({ delta: {}, finish_reason: 'stop' })
    this.#answers.at(-1)?.end('data: [DONE]\n\n')
  }

  async dispose(): Promise<void> {
    this.#http.closeAllConnections()
    this.#http.close()
    await once(this.#http, 'close')
  }

  #write(choice: object): void {
    const chunk = { id: 'chatcmpl-1', object: 'chat.completion.chunk', choices: [{ index: 0, ...choice }] }
    this.#answers.at(-1)?.write(`data: ${JSON.stringify(chunk)}\n\n`)
  }
}
