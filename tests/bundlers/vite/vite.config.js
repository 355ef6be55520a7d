// Dependencies are bundled into the server's code too, as hosts without node_modules need it.
export default { ssr: { noExternal: true } };
