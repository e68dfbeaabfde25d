// What the README's test looks for may take longer than a second where many things run at once.
import { configure } from '@testing-library/react'

configure({ asyncUtilTimeout: 30_000 })
