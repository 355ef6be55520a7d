// Pages are rendered on the server once, when they are built.
export default { output: 'export', turbopack: { root: import.meta.dirname } };
