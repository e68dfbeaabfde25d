/** How a platform is told from others at a glance. */
export interface PlatformLook {
  name: string
  /** What stands in its badge. */
  sign: string
  colour: string
}

const LOOKS: Record<string, PlatformLook> = {
  whatsapp: { name: 'WhatsApp', sign: 'WA', colour: '#0f7a4f' },
  telegram: { name: 'Telegram', sign: 'TG', colour: '#1a6fa8' },
  instagram: { name: 'Instagram', sign: 'IG', colour: '#b3286e' },
  messenger: { name: 'Messenger', sign: 'ME', colour: '#5b45d6' },
  sms: { name: 'SMS', sign: 'SMS', colour: '#55606f' },
  email: { name: 'Email', sign: '@', colour: '#8a4b0f' },
  slack: { name: 'Slack', sign: 'SL', colour: '#611f69' },
  discord: { name: 'Discord', sign: 'DC', colour: '#4752c4' },
}

/** One that isn't known is called by its name. */
export function lookOf(platform: string): PlatformLook {
  return LOOKS[platform] ?? { name: platform, sign: platform.slice(0, 2).toUpperCase(), colour: '#55606f' }
}
