// What a README's test looks for may take longer than a second where many things run at once.
import { expect } from 'vitest'

if (expect.getState().testPath?.includes('/tests/readme/')) {
  const { configure } = await import('@testing-library/react')
  configure({ asyncUtilTimeout: 30_000 })
}
