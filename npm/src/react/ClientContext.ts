import { createContext } from 'react'
import type { Client } from '../types.js'

/** Where hooks find the client. */
export const ClientContext = createContext<Client | undefined>(undefined)
