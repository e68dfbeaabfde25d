import { connectionOf, expect, openAs, test } from './fixtures'
import { openPanel } from './openPanel'

test('a connection that is cut heals, and one can watch it', async ({ page, server }) => {
  await openAs(page, server, 'ada', 'live-preview')
  const panel = await openPanel(page)
  await expect(panel.roundTrip).toContainText(/\d ms/)
  await expect(panel.rooms.filter({ hasText: /project:.*# \d+/ })).toHaveCount(1)

  await panel.cut.click()
  await expect(panel.log.filter({ hasText: /^.*Lost: / })).toHaveCount(1)
  await expect(connectionOf(page)).toHaveText('Connected')
  await expect(panel.figure('Came back')).toHaveText('1')
  await expect(panel.log.filter({ hasText: 'Connected again' })).toHaveCount(1)
})

test('what happened while one was offline is caught up with', async ({ page, server }) => {
  await openAs(page, server, 'ada', 'live-preview')
  const panel = await openPanel(page)
  await expect(panel.rooms.filter({ hasText: /project:.*# \d+/ })).toHaveCount(1)
  await panel.offline.click()
  await expect(connectionOf(page)).toHaveText('Disconnected')

  const token = await (await page.request.get(`${server.url}demo/token?user=ada`)).text()
  const projects = await page.request.get(`${server.url}api/projects`, { headers: { authorization: `Bearer ${token}` } })
  const [{ id, ingestKey }] = await projects.json()
  await page.request.post(`${server.url}api/projects/${id}/sessions`, {
    headers: { 'x-ingest-key': ingestKey },
    data: { externalUserId: 'visitor-meanwhile' },
  })

  await panel.online.click()
  await expect(connectionOf(page)).toHaveText('Connected')
  await expect(panel.figure('Caught up')).toHaveText(/^[1-9]\d* events$/)
  await panel.close.click()
  await expect(page.getByRole('button', { name: 'visitor-meanwhile' })).toHaveCount(1)
})

test('a token that expires is replaced', async ({ page, server }) => {
  await openAs(page, server, 'ada', 'live-preview')
  const panel = await openPanel(page)
  await panel.expire.click()
  await expect(panel.log.filter({ hasText: 'TOKEN_EXPIRED' })).toHaveCount(1)
  await expect(panel.figure('Refused')).toHaveText('1')
  await expect(panel.log.filter({ hasText: 'Connected again' })).toHaveCount(1)
  await expect(connectionOf(page)).toHaveText('Connected')
})
