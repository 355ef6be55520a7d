"""`bodymap serve` seen from its clients. BODYMAP_BIN is the program."""

import base64
import contextlib
import io
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

import numpy as np
import requests
from PIL import Image

BIN = os.environ["BODYMAP_BIN"]
ROOT = Path(__file__).parent.parent.parent
MODEL = ROOT / "tests" / "models" / "people"
PHOTO = MODEL / "photo.png"
MIB = 2**20
BROKEN_FORM = {"content-type": "multipart/form-data; boundary=x"}


@contextlib.contextmanager
def service(*arguments, model=MODEL / "card.json"):
    """The service on a free port; its address and its process."""
    command = [BIN, "serve", "--port", "0", *arguments]
    if model:
        command += ["--model", model]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().split()[0].rstrip("/"), process
    finally:
        process.terminate()
        process.wait(timeout=60)
        process.stdout.close()


def error_code(response):
    return response.json()["error"]["code"]


class Service(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        stack = contextlib.ExitStack()
        cls.url, cls.process = stack.enter_context(service())
        cls.addClassCleanup(stack.close)

    def parse(self, url="/parse", **arguments):
        return requests.post(self.url + url, timeout=60, **arguments)

    def test_the_old_clients_call(self):
        """As clients of the service before this one made it."""
        with open(PHOTO, "rb") as photo:
            response = requests.post(f"{self.url}/parse", files={"image": photo}, timeout=60)
        response.raise_for_status()
        data = response.json()
        mask = Image.open(io.BytesIO(base64.b64decode(data["masks"][0]["mask"])))
        self.assertEqual(mask.size, Image.open(PHOTO).size)
        self.assertEqual((data["width"], data["height"]), mask.size)
        self.assertEqual(set(np.unique(np.array(mask))), {0, 255})
        self.assertEqual(set(data), {"masks", "width", "height", "model"})
        for mask in data["masks"]:
            self.assertEqual(set(mask), {"label", "class_id", "person", "score", "mask"})
        self.assertEqual({mask["person"] for mask in data["masks"]}, {1, 2, 3})

    def test_the_answer_is_that_of_the_command_line(self):
        with tempfile.TemporaryDirectory() as folder:
            for setting in ("fast", "fine"):
                command = [BIN, "parse", PHOTO, "--out", folder, "--model", MODEL / "card.json"]
                command += ["--setting", setting, "--formats", "json,labels,coco,overlay"]
                subprocess.run(command, check=True)
                for name, path in {
                    "json": "photo.json",
                    "labelmap": "photo.png",
                    "coco": "coco/photo.json",
                    "overlay": "photo.overlay.png",
                }.items():
                    response = self.parse(
                        f"/parse?setting={setting}&format={name}",
                        files={"image": ("photo.png", PHOTO.read_bytes())},
                    )
                    self.assertEqual(response.status_code, 200)
                    self.assertEqual(response.content, Path(folder, path).read_bytes(), name)
                    media_type = f"image/{path[-3:]}" if path.endswith("png") else "application/json"
                    self.assertEqual(response.headers["content-type"], media_type)

    def test_raw_bodies_and_other_formats(self):
        whole = self.parse(files={"image": PHOTO.read_bytes()}).json()
        for headers in ({}, {"content-type": "image/png"}, {"content-type": "application/octet-stream"}):
            self.assertEqual(self.parse(data=PHOTO.read_bytes(), headers=headers).json(), whole)
        shape = self.parse("/parse?format=modelscope", data=PHOTO.read_bytes()).json()
        self.assertEqual(shape["labels"], [mask["label"] for mask in whole["masks"]])
        self.assertEqual(shape["masks"], [mask["mask"] for mask in whole["masks"]])
        self.assertEqual(shape["scores"], [mask["score"] for mask in whole["masks"]])
        response = self.parse("/parse?format=cvat", data=PHOTO.read_bytes())
        self.assertEqual(response.headers["content-type"], "application/zip")

    def test_bad_photos_have_their_statuses(self):
        png = PHOTO.read_bytes()
        # A PNG whose header promises 60000 x 60000 pixels.
        bomb = png[:16] + (60_000).to_bytes(4) * 2 + png[24:]
        for photo, status, code in [
            (b"", 422, "empty-file"),
            (b"%PDF-1.4", 415, "unsupported-format"),
            (png[: len(png) // 2], 422, "truncated"),
            (png[:60] + bytes(40) + png[100:], 422, "corrupt-photo"),
            (bomb, 413, "photo-too-large"),
            (png + bytes(64 * MIB), 413, "file-too-large"),
        ]:
            response = self.parse(files={"image": ("p.png", photo)})
            self.assertEqual((response.status_code, error_code(response)), (status, code))
            self.assertEqual(response.headers["content-type"], "application/json")
            self.assertTrue(response.json()["error"]["message"])
        # Far beyond the limit nothing is kept of the body; it is read so that the answer is not lost.
        response = self.parse(data=bytes(200 * MIB))
        self.assertEqual((response.status_code, error_code(response)), (413, "file-too-large"))
        self.assertEqual(self.parse(files={"image": png}).status_code, 200)

    def test_bad_requests(self):
        for call, status, code in [
            (self.parse(files={"photo": PHOTO.read_bytes()}), 422, "no-photo"),
            (self.parse("/parse?setting=best", data=b"x"), 400, "bad-option"),
            (self.parse("/parse?format=xml", data=PHOTO.read_bytes()), 400, "bad-option"),
            (self.parse(data=b"--x\r\nbroken", headers=BROKEN_FORM), 400, "bad-request"),
            (requests.get(f"{self.url}/parse", timeout=60), 405, "method-not-allowed"),
            (requests.get(f"{self.url}/nothing", timeout=60), 404, "not-found"),
        ]:
            self.assertEqual((call.status_code, error_code(call)), (status, code))

    def test_health_and_hint(self):
        health = requests.get(f"{self.url}/health", timeout=60).json()
        self.assertEqual((health["status"], health["model"], health["jobs"]), ("ok", "people", 1))
        hint = requests.get(f"{self.url}/", timeout=60)
        self.assertIn("POST /parse", hint.text)
        self.assertTrue(hint.headers["content-type"].startswith("text/plain"))

    def test_a_client_that_goes_away_leaves_room(self):
        host, port = self.url.removeprefix("http://").split(":")
        for _ in range(20):
            with socket.create_connection((host, int(port))) as connection:
                connection.sendall(b"POST /parse HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n123")
        for _ in range(100):
            response = self.parse(data=PHOTO.read_bytes())
            if response.status_code == 200:
                return
            time.sleep(0.05)
        self.fail(response.text)


class Busy(unittest.TestCase):
    def test_more_than_it_can_take_is_told_to_come_again(self):
        with service() as (url, _):
            host, port = url.removeprefix("http://").split(":")
            held = []
            head = b"POST /parse HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n"
            # One job and four that may wait: five requests whose photos do not come.
            for _ in range(5):
                held.append(socket.create_connection((host, int(port))))
                held[-1].sendall(head)
            for _ in range(100):
                response = requests.post(f"{url}/parse", data=PHOTO.read_bytes(), timeout=60)
                if response.status_code == 503:
                    break
                time.sleep(0.05)
            self.assertEqual((response.status_code, error_code(response)), (503, "busy"))
            self.assertEqual(response.headers["retry-after"], "1")
            self.assertEqual(requests.get(f"{url}/health", timeout=60).status_code, 200)
            for connection in held:
                connection.close()

    def test_requests_at_a_time_get_their_own_answers(self):
        with service("--jobs", "2") as (url, _):
            photos = [Image.new("RGB", (width, 40)) for width in (20, 30, 40, 50)]
            answers = {}

            def ask(photo):
                file = io.BytesIO()
                photo.save(file, "PNG")
                answers[photo.width] = requests.post(f"{url}/parse", data=file.getvalue(), timeout=60).json()

            threads = [threading.Thread(target=ask, args=[photo]) for photo in photos]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(len(answers), 4)
            for width, answer in answers.items():
                self.assertEqual((answer["width"], answer["height"]), (width, 40))


class Stop(unittest.TestCase):
    def test_what_has_begun_is_answered_and_no_more(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with service(model=None) as (url, process):
                host, port = url.removeprefix("http://").split(":")
                photo = (ROOT / "www/samples/mpl_grace_hopper.jpg").read_bytes()
                with socket.create_connection((host, int(port))) as connection:
                    head = f"POST /parse HTTP/1.1\r\nhost: x\r\ncontent-length: {len(photo)}\r\n\r\n"
                    connection.sendall(head.encode() + photo[:1000])
                    while requests.get(f"{url}/health", timeout=60).status_code != 200:
                        pass
                    process.send_signal(number)
                    time.sleep(0.3)
                    with self.assertRaises(requests.exceptions.ConnectionError):
                        requests.get(f"{url}/health", timeout=60)
                    connection.sendall(photo[1000:])
                    answer = connection.makefile("rb").read()
                self.assertTrue(answer.startswith(b"HTTP/1.1 200"), answer[:300])
                self.assertEqual(process.wait(timeout=60), 0)

    def test_wrong_options_are_refused_at_the_start(self):
        for arguments in (["--setting", "best"], ["--host", "256.0.0.1"], ["--model", "missing.json"]):
            command = [BIN, "serve", "--port", "0", *arguments]
            process = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(process.returncode, 2)
            self.assertRegex(process.stderr, r"\((bad-option|io)\)")


class Site(unittest.TestCase):
    def test_the_page_is_served_with_its_headers(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "pkg").mkdir()
            Path(folder, "index.html").write_text("<!doctype html>page")
            Path(folder, "app.js").write_text("1")
            Path(folder, "pkg", "engine.wasm").write_bytes(b"\0asm")
            Path(folder, "site.webmanifest").write_text("{}")
            with service("--site", folder) as (url, _):
                for path, media_type in {
                    "/": "text/html",
                    "/app.js": "text/javascript",
                    "/pkg/engine.wasm": "application/wasm",
                    "/site.webmanifest": "application/manifest+json",
                }.items():
                    response = requests.get(url + path, timeout=60)
                    self.assertEqual(response.status_code, 200)
                    self.assertEqual(response.headers["content-type"].split(";")[0], media_type)
                    self.assertEqual(response.headers["cross-origin-opener-policy"], "same-origin")
                    self.assertEqual(response.headers["cross-origin-embedder-policy"], "require-corp")
                    policy = response.headers["content-security-policy"]
                    self.assertIn("script-src 'self' 'wasm-unsafe-eval'", policy)
                for path in ("/none", "/../Cargo.toml", "/%2e%2e/Cargo.toml"):
                    self.assertEqual(requests.get(url + path, timeout=60).status_code, 404)
                response = requests.post(f"{url}/parse", data=PHOTO.read_bytes(), timeout=60)
                self.assertEqual(response.status_code, 200)

    def test_the_policy_is_that_of_the_page(self):
        page = (ROOT / "www/index.html").read_text()
        with service() as (url, _):
            policy = requests.get(f"{url}/", timeout=60).headers["content-security-policy"]
        self.assertIn(f'content="{policy}"', page)


if __name__ == "__main__":
    unittest.main()
