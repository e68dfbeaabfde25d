import { expectTypeOf, test } from 'vitest'
import type { Client } from '../types.js'
import type { SamewireProviderProps } from './index.js'

test('a client, or what to make one of, but not both', () => {
  expectTypeOf<{ client: Client }>().toExtend<SamewireProviderProps>()
  expectTypeOf<{ url: string }>().toExtend<SamewireProviderProps>()
  expectTypeOf<{ url: string; token: () => Promise<string>; options: { retries: number } }>().toExtend<SamewireProviderProps>()
  expectTypeOf<{ client: Client; url: string }>().not.toExtend<SamewireProviderProps>()
  expectTypeOf<{ token: string }>().not.toExtend<SamewireProviderProps>()
})
