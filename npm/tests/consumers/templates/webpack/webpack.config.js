module.exports = { mode: 'production', entry: './main.mjs', output: { publicPath: '/dist/' }, performance: { hints: 'error', maxAssetSize: 100_000 } }
