"""Serve the built page on a loopback port, with the headers that threads in wasm need.

usage: site_server.py DIR [PORT]
"""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

FIRST_PORT, LAST_PORT = 8080, 8180
HEADERS = {
    # Cross-origin isolation: without it there is no shared memory, so no threads.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' blob:; "
        "img-src 'self' blob: data:; style-src 'self'; manifest-src 'self'; frame-src 'self'; base-uri 'none'; "
        "form-action 'none'; require-trusted-types-for 'script'; trusted-types bodymap"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # The page's service worker keeps a build; it sees a new one at a load and shows it at the next.
    "Cache-Control": "no-cache",
}


class Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
        ".webmanifest": "application/manifest+json",
        ".onnx": "application/octet-stream",
    }

    def end_headers(self):
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *_):
        pass


def bind(directory, ports):
    handler = partial(Handler, directory=directory)
    for port in ports:
        try:
            return ThreadingHTTPServer(("127.0.0.1", port), handler)
        except OSError as error:
            failure = error
    raise SystemExit(f"error: no port could be opened: {failure}")


def main():
    directory = sys.argv[1]
    ports = [int(sys.argv[2])] if len(sys.argv) > 2 else range(FIRST_PORT, LAST_PORT)
    server = bind(directory, ports)
    print(f"http://127.0.0.1:{server.server_port}/  (stop with Ctrl-C)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
