import { version } from 'react'
import { version as domVersion } from 'react-dom'
import { version as serverVersion } from 'react-dom/server'
import { expect, test } from 'vitest'

test('the tests of hooks run under the React that their project is named for', () => {
  const major = process.env.REACT_MAJOR
  expect([version, domVersion, serverVersion].map((found) => found.split('.')[0])).toEqual([major, major, major])
})
