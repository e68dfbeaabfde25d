import { greet } from './greet.mjs'

greet(new URLSearchParams(location.search).get('server')).then((said) => (document.body.textContent = said))
