import { expect, type Locator, type Page } from '@playwright/test'
import type { DemoServer } from './DemoServer'

/** The live preview page, in the words of who uses it. */
export class LivePreview {
  readonly visitor: Locator
  readonly owner: Locator
  readonly connection: Locator

  constructor(readonly page: Page) {
    this.visitor = page.getByRole('region', { name: 'What a visitor types' })
    this.owner = page.getByRole('region', { name: 'What the owner sees' })
    this.connection = page.getByRole('banner').getByRole('status')
  }

  static async open(page: Page, server: DemoServer): Promise<LivePreview> {
    await page.goto(server.url)
    return LivePreview.on(page)
  }

  /** On a page that is being opened: once it is connected, and may be typed into. */
  static async on(page: Page): Promise<LivePreview> {
    const preview = new LivePreview(page)
    await expect(preview.connection).toHaveText('Connected')
    // Keys that are pressed in a form which isn't tracked yet are lost.
    await expect(preview.field('Your name')).toBeEnabled()
    return preview
  }

  /** A field of the tracked form. */
  field(label: string): Locator {
    return this.visitor.getByLabel(label)
  }

  async submit(): Promise<void> {
    await this.visitor.getByRole('button', { name: 'Join the club' }).click()
  }

  /** The session of the visitor in this very page. */
  get ownSession(): Locator {
    return this.owner.getByRole('button', { name: / you / })
  }

  session(visitor: string): Locator {
    return this.owner.getByRole('button', { name: visitor })
  }

  /** What the visitor is called, once the owner knows of them. */
  async visitorName(): Promise<string> {
    const words = (await this.ownSession.innerText()).split(/\s/)
    return words[0]!
  }

  /** What the owner sees of a field. */
  typed(label: string): Locator {
    return this.owner.getByRole('definition').and(this.page.locator(`dt:text-is("${label}") + dd`))
  }

  /** The newest events that the owner sees. */
  get events(): Locator {
    return this.owner.getByRole('list', { name: 'Events' }).getByRole('listitem')
  }

  /** What the fields held after each of the newest events, one that was typed into after the other. */
  get inputs(): Locator {
    return this.events.filter({ has: this.page.locator('code', { hasText: /^input$/ }) }).locator('.stream-detail')
  }
}
