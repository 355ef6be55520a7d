"""What Chromium makes of image files: one page that reads all of them."""

import http.server
import json
import os
import subprocess
import tempfile
import threading

import numpy as np
from PIL import Image

SIDE = 16
SECONDS = 60
PAGE = """<!DOCTYPE html><script type="module">
const names = await (await fetch('names')).json();
const shown = {};
for (const [number, name] of names.entries()) {
  const image = new Image();
  image.src = `file/${number}`;
  try { await image.decode(); } catch { continue; }
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.fillStyle = 'white';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0);
  const { width, height, data } = context.getImageData(0, 0, canvas.width, canvas.height);
  if (width * height < 1e6) shown[name] = { width, height, data: [...data] };
}
await fetch('shown', { method: 'POST', body: JSON.stringify(shown) });
</script>"""


def thumbnail(pixels):
    """RGB pixels, shrunk: decoders differ in single pixels."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).resize((SIDE, SIDE), Image.BOX)).astype(
        int
    )


def thumbnails(files):
    """Name -> thumbnail of each file that Chromium reads."""
    shown, done = {}, threading.Event()
    names = list(files)

    class Handler(http.server.BaseHTTPRequestHandler):
        """Serves the page and the files."""

        def do_GET(self):  # noqa: N802
            """Answers with the page, the names or a file."""
            if self.path == "/":
                body, kind = PAGE.encode(), "text/html"
            elif self.path == "/names":
                body, kind = json.dumps(names).encode(), "application/json"
            elif self.path.startswith("/file/"):
                body, kind = files[names[int(self.path[6:])]], "image/jpeg"
            else:
                body, kind = b"", "text/plain"
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):  # noqa: N802
            """Takes what was shown."""
            pictures = json.loads(self.rfile.read(int(self.headers["content-length"])))
            for name, picture in pictures.items():
                rgba = np.array(picture["data"], np.uint8).reshape(picture["height"], picture["width"], 4)
                shown[name] = thumbnail(rgba[..., :3])
            self.send_response(204)
            self.end_headers()
            done.set()

        def log_message(self, *_):
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as profile:
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--force-color-profile=srgb",
            f"--user-data-dir={profile}",
        ]
        address = f"http://127.0.0.1:{server.server_port}/"
        chromium = subprocess.Popen(
            [os.environ["CHROMIUM"], *options, address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            if not done.wait(SECONDS):
                raise TimeoutError("Chromium has not answered")
        finally:
            chromium.terminate()
            chromium.wait()
            server.shutdown()
    return shown
