import { greet } from './greet.js'

console.log(await greet(process.argv[2]))
