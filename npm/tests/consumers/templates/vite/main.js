import { greet } from './greet.js'

document.body.textContent = await greet(new URLSearchParams(location.search).get('server'))
