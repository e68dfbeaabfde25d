import type { Page } from '@playwright/test'

/** The panel that shows the connection as it lives. */
export async function openPanel(page: Page) {
  await page.getByRole('button', { name: /^Connection:/ }).click()
  const panel = page.getByRole('complementary', { name: 'Connection' })
  return {
    cut: panel.getByRole('button', { name: 'Cut it' }),
    offline: panel.getByRole('button', { name: 'Go offline' }),
    online: panel.getByRole('button', { name: 'Go online' }),
    expire: panel.getByRole('button', { name: 'Expire token' }),
    close: panel.getByRole('button', { name: 'Close' }),
    /** A figure by its name. */
    figure: (name: string) => panel.locator(`dt:text-is("${name}") + dd`),
    rooms: panel.getByRole('table').getByRole('row'),
    log: panel.getByRole('list', { name: 'What happened' }).getByRole('listitem'),
    roundTrip: panel.getByRole('region', { name: 'Round trip' }),
  }
}
