import type { APIRequestContext } from '@playwright/test'
import { expect, test } from './fixtures'

const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } }

for (const [device, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test.describe(`${device}, ${colorScheme}`, () => {
      test.use({ viewport, colorScheme, isMobile: device === 'phone' })

      test('live preview', async ({ preview, page, request, server }) => {
        await earlierVisits(request, server.url)
        const take = (moment: string) => page.screenshot({ path: `screenshots/${device}-${colorScheme}-${moment}.png` })
        await take('start')
        await preview.field('Your name').pressSequentially('Ada Lovelace', { delay: 30 })
        await preview.field('Email').pressSequentially('ada@example.org', { delay: 30 })
        await preview.field('Password').pressSequentially('secret12', { delay: 30 })
        await preview.field('Favourite coffee').pressSequentially('Black. Like the night before a deadline', { delay: 30 })
        await expect(preview.typed('Favourite coffee')).toContainText('deadline')
        await take('typing')
        await preview.submit()
        await expect(preview.ownSession).toContainText('submitted')
        await take('submitted')
      })
    })
  }
}

/** Some that submitted the form, and one that didn't. */
async function earlierVisits(request: APIRequestContext, url: string): Promise<void> {
  const token = await (await request.get(`${url}demo/token?user=ada`)).text()
  const headers = { authorization: `Bearer ${token}` }
  const [project] = await (await request.get(`${url}api/projects`, { headers })).json()
  const ingest = { 'x-ingest-key': project.ingestKey }
  for (const [externalUserId, end] of [['visitor-lin', 'submit'], ['visitor-sam', 'end'], ['visitor-eve', 'submit']] as const) {
    const session = await request.post(`${url}api/projects/${project.id}/sessions`, { headers: ingest, data: { externalUserId } })
    const { sessionId } = await session.json()
    await request.post(`${url}api/sessions/${sessionId}/${end}`, { headers: ingest })
  }
}
