"""Requests as clients of all kinds write them. BODYMAP_BIN is the program."""

import base64
import contextlib
import json
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import requests
from test_service import BIN, MODEL, PHOTO, ROOT, error_code, service

PNG = PHOTO.read_bytes()


def part(disposition, content=PNG, *headers):
    lines = [f"Content-Disposition: {disposition}", *headers]
    return "\r\n".join(["--x", *lines, "", ""]).encode() + content + b"\r\n"


def form(*parts, end=b"--x--\r\n"):
    return b"".join(parts) + end


IMAGE = part('form-data; name="image"; filename="p.png"', PNG, "Content-Type: image/png")


class Client(unittest.TestCase):
    arguments = ()

    @classmethod
    def setUpClass(cls):
        stack = contextlib.ExitStack()
        cls.url, cls.process = stack.enter_context(service(*cls.arguments))
        cls.addClassCleanup(stack.close)
        cls.host, port = cls.url.removeprefix("http://").split(":")
        cls.port = int(port)

    def connect(self):
        connection = socket.create_connection((self.host, self.port), timeout=60)
        self.addCleanup(connection.close)
        return connection

    def ask(self, request, half_close=False):
        """What comes back until the service ends the connection."""
        connection = self.connect()
        connection.sendall(request)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))

    def post(self, body, content_type="multipart/form-data; boundary=x", path="/parse", headers=()):
        head = ["host: x", "connection: close", f"content-length: {len(body)}", *headers]
        if content_type is not None:
            head.append(f"Content-Type: {content_type}")
        answer = self.ask("\r\n".join([f"POST {path} HTTP/1.1", *head, "", ""]).encode() + body)
        return self.read(answer)

    def read(self, answer):
        """Status and code of an answer, or the names of its masks."""
        head, _, body = answer.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        content = json.loads(body)
        return (status, content["error"]["code"]) if "error" in content else (status, content["width"])


class Forms(Client):
    def setUp(self):
        self.right = (200, 384)
        self.assertEqual(self.post(PNG, None), self.right)

    def test_content_types_are_read_as_they_are_meant(self):
        for content_type in (
            "Multipart/Form-Data; boundary=x",
            "MULTIPART/FORM-DATA;BOUNDARY=x",
            "multipart/form-data ; boundary=x",
            'multipart/form-data ;  boundary = "x" ; charset=utf-8;',
            "multipart/form-data; charset=utf-8 ; Boundary=x",
        ):
            self.assertEqual(self.post(form(IMAGE), content_type), self.right, content_type)
        for content_type in ("IMAGE/PNG", "image/png ;q=1", "application/octet-stream", "text/plain", ""):
            self.assertEqual(self.post(PNG, content_type), self.right, content_type)

    def test_parts_are_read_as_they_are_meant(self):
        for disposition in (
            "form-data; name=image; filename=p.png",
            'form-data; filename="p.png"; name="image"',
            'form-data; filename="my name.png"; name="image"',
            'form-data; filename="name=photo; x.png"; name="image"',
            'Form-Data ; NAME="image" ; FileName="p.png"',
            'form-data; name="image"',
            'form-data; name="image"; filename=""',
            "form-data; name=\"image\"; filename*=utf-8''caf%C3%A9.png",
            'form-data; name="image"; filename="caf\u00e9.png"',
            'form-data; name="image"; filename="C:\\photos\\p.png"',
        ):
            self.assertEqual(self.post(form(part(disposition))), self.right, disposition)
        lower = IMAGE.replace(b"Content-Disposition", b"content-disposition")
        button = part('form-data; name="button"', b"Parse")
        empty = part('form-data; name="photo"; filename=""', b"", "Content-Type: application/octet-stream")
        self.assertEqual(self.post(form(b"preamble\r\n", button, empty, lower, button)), self.right)
        self.assertEqual(self.post(form(IMAGE, end=b"--x--")), self.right)

    def test_names_are_those_that_were_sent(self):
        for disposition, name in {
            'form-data; name="image"; filename="my name.png"': "my name.png",
            'form-data; filename="name=x.png"; name="image"': "name=x.png",
            "form-data; name=image; filename*=utf-8''caf%C3%A9.png": "caf\u00e9.png",
            'form-data; name="image"; filename="C:\\photos\\p.png"': "p.png",
            'form-data; name="image"; filename="../../p.png"': "p.png",
            'form-data; name="image"; filename=".."': "photo.jpg",
        }.items():
            response = requests.post(
                f"{self.url}/parse?format=coco",
                data=form(part(disposition)),
                headers={"content-type": "multipart/form-data; boundary=x"},
                timeout=60,
            )
            self.assertEqual(response.json()["images"][0]["file_name"], name, disposition)

    def test_no_photo_of_a_form_is_dropped(self):
        other = part('form-data; name="photo"; filename="q.png"')
        nameless = part('form-data; name="image"')
        empty = part('form-data; name="image"; filename=""', b"", "Content-Type: application/octet-stream")
        for parts, expected in [
            ((IMAGE, IMAGE), (422, "several-photos")),
            ((nameless, IMAGE), (422, "several-photos")),
            ((IMAGE, part('form-data; name="image"; filename="q.png"', b"")), (422, "several-photos")),
            ((IMAGE, other), (422, "several-photos")),
            ((other, IMAGE), (422, "several-photos")),
            ((empty, IMAGE), self.right),
            ((IMAGE, empty), self.right),
            ((empty,), (422, "empty-file")),
            ((other,), (422, "no-photo")),
            ((), (422, "no-photo")),
        ]:
            self.assertEqual(self.post(form(*parts)), expected)

    def test_options_in_the_wrong_place_are_no_options(self):
        setting = part('form-data; name="setting"', b"fine")
        self.assertEqual(self.post(form(setting, IMAGE)), (400, "bad-option"))
        self.assertEqual(self.post(form(IMAGE, setting)), (400, "bad-option"))
        for query, expected in {
            "setting=f%69ne": self.right,
            "setting=fine&format=json": self.right,
            "Setting=fine": (400, "bad-option"),
            "seting=fine": (400, "bad-option"),
            "setting=": (400, "bad-option"),
            "setting=fine&setting=fast": (400, "bad-option"),
            "setting=%FF": (400, "bad-option"),
            "format=": (400, "bad-option"),
            "": self.right,
        }.items():
            self.assertEqual(self.post(form(IMAGE), path=f"/parse?{query}"), expected, query)

    def test_what_cannot_be_read_is_told(self):
        text = base64.b64encode(PNG)
        base64_form = form(part("form-data; name=image", text))
        urlencoded = "application/x-www-form-urlencoded"
        for body, content_type, expected in [
            (form(IMAGE), "multipart/form-data", (400, "bad-request")),
            (form(IMAGE), "multipart/form-data; boundary=", (400, "bad-request")),
            (form(IMAGE), "multipart/form-data; boundary=y", (400, "bad-request")),
            (form(IMAGE)[:-20], "multipart/form-data; boundary=x", (400, "bad-request")),
            (form(IMAGE), "multipart/mixed; boundary=x", (415, "unsupported-format")),
            (form(IMAGE), None, (415, "unsupported-format")),
            (base64_form, "multipart/form-data; boundary=x", (415, "unsupported-format")),
            (text, "text/plain", (415, "unsupported-format")),
            (json.dumps({"image": text.decode()}).encode(), "application/json", (415, "unsupported-format")),
            (b"image=" + text, urlencoded, (415, "unsupported-format")),
            (b"", None, (422, "empty-file")),
        ]:
            self.assertEqual(self.post(body, content_type), expected, content_type)
        both = ["Content-Type: multipart/form-data; boundary=x"]
        self.assertEqual(self.post(PNG, "image/png", headers=both), (400, "bad-request"))
        self.assertEqual(self.post(form(IMAGE), headers=both), self.right)
        for encoding, expected in {"gzip": (415, "unsupported-format"), "Identity": self.right}.items():
            self.assertEqual(self.post(PNG, None, headers=[f"Content-Encoding: {encoding}"]), expected)
        response = requests.post(f"{self.url}/parse", data=text, timeout=60)
        self.assertIn("text in place of a photo", response.json()["error"]["message"])


class Wire(Client):
    head = b"POST /parse HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"

    def test_half_closed_clients_get_their_answer(self):
        whole = self.head + b"content-length: %d\r\n\r\n" % len(PNG) + PNG
        self.assertEqual(self.read(self.ask(whole, half_close=True)), (200, 384))
        keep_alive = whole.replace(b"connection: close\r\n", b"")
        self.assertEqual(self.read(self.ask(keep_alive, half_close=True)), (200, 384))
        chunked = self.head + b"transfer-encoding: chunked\r\n\r\n%x\r\n" % len(PNG) + PNG + b"\r\n0\r\n\r\n"
        self.assertEqual(self.read(self.ask(chunked, half_close=True)), (200, 384))
        self.assertEqual(self.ask(b"GET /health HTTP/1.0\r\n\r\n", half_close=True).split()[1], b"200")
        # Of a photo that never ends it is told as well.
        self.assertEqual(self.read(self.ask(whole[:-100], half_close=True)), (400, "bad-request"))
        self.assertEqual(self.read(self.ask(chunked[:-100], half_close=True)), (400, "bad-request"))

    def test_clients_that_have_left_free_their_places(self):
        whole = b"POST /parse HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(PNG) + PNG
        for request in (whole[: len(whole) // 2], whole):
            for _ in range(20):
                with socket.create_connection((self.host, self.port)) as connection:
                    connection.sendall(request)
            for _ in range(200):
                response = requests.post(f"{self.url}/parse", data=PNG, timeout=60)
                if response.status_code == 200:
                    break
                time.sleep(0.05)
            self.assertEqual(response.status_code, 200, response.text)
            for _ in range(200):
                health = requests.get(f"{self.url}/health", timeout=60).json()
                if health["busy"] == 0:
                    break
                time.sleep(0.05)
            self.assertEqual(health["busy"], 0)

    def test_pipelined_requests_are_answered_in_turn(self):
        post = b"POST /parse HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(PNG) + PNG
        health = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
        answers = self.ask(health + post + post + health, half_close=True)
        self.assertEqual(answers.count(b"HTTP/1.1 200"), 4)
        self.assertEqual(answers.count(b'"status":"ok"'), 2)

    def test_bodies_are_sent_only_if_they_are_wanted(self):
        expecting = b"content-length: %d\r\nexpect: 100-continue\r\n\r\n" % len(PNG)
        connection = self.connect()
        connection.sendall(self.head + expecting)
        self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 100 "))
        connection.sendall(PNG)
        self.assertEqual(self.read(connection.makefile("rb").read()), (200, 384))
        start = time.monotonic()
        refused = self.ask(self.head.replace(b"/parse", b"/parse?setting=best") + expecting)
        self.assertEqual(self.read(refused), (400, "bad-option"))
        self.assertLess(time.monotonic() - start, 1.5)

    def test_refused_requests_are_answered_although_their_photo_is_not_read(self):
        photo = bytes(20 << 20)
        for path, status, code in [
            ("/parse?setting=best", 400, "bad-option"),
            ("/parse?seting=fast", 400, "bad-option"),
            ("/parse/", 404, "not-found"),
            ("/health", 405, "method-not-allowed"),
        ]:
            for _ in range(5):
                response = requests.post(self.url + path, data=photo, timeout=60)
                self.assertEqual((response.status_code, error_code(response)), (status, code))

    def test_a_photo_that_stops_to_come_is_no_reason_to_wait(self):
        connection = self.connect()
        connection.sendall(self.head.replace(b"/parse", b"/none") + b"content-length: 1000\r\n\r\n123")
        start = time.monotonic()
        self.assertEqual(self.read(connection.makefile("rb").read()), (404, "not-found"))
        self.assertLess(time.monotonic() - start, 10)

    def test_methods(self):
        for method, path, status, allowed in [
            ("OPTIONS", "/parse", 204, "POST, OPTIONS"),
            ("OPTIONS", "/health", 204, "GET, HEAD, OPTIONS"),
            ("GET", "/parse", 405, "POST, OPTIONS"),
            ("PUT", "/parse", 405, "POST, OPTIONS"),
            ("HEAD", "/parse", 405, "POST, OPTIONS"),
            ("DELETE", "/health", 405, "GET, HEAD, OPTIONS"),
            ("HEAD", "/health", 200, None),
        ]:
            response = requests.request(method, self.url + path, timeout=60)
            self.assertEqual((response.status_code, response.headers.get("allow")), (status, allowed))
        star = self.ask(b"OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        self.assertEqual(star.split()[1], b"204")

    def test_long_headers_are_refused_and_no_others(self):
        long = {"cookie": "a" * 60_000}
        self.assertEqual(requests.get(f"{self.url}/health", headers=long, timeout=60).status_code, 200)
        answer = self.ask(b"GET /health HTTP/1.1\r\nhost: x\r\ncookie: " + b"a" * 1_000_000 + b"\r\n\r\n")
        self.assertEqual(answer.split()[1], b"431")
        self.assertEqual(requests.get(f"{self.url}/health", timeout=60).status_code, 200)


class Left(unittest.TestCase):
    """With a setting that takes long."""

    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        default = ROOT / "models" / "default"
        card = json.loads((default / "card.json").read_text())
        [fast, *_] = card["settings"]
        slow = {"id": "slow", "upsample": "bilinear", "passes": fast["passes"][:1] * 8}
        (folder / "card.json").write_text(json.dumps(card | {"settings": [slow]}))
        shutil.copy(default / card["files"][0]["path"], folder)
        self.url, _ = stack.enter_context(service("--jobs", "1", model=folder / "card.json"))
        photo = ROOT / "www" / "samples" / "mpl_grace_hopper.jpg"
        self.photo = photo.read_bytes()

    def busy(self):
        return requests.get(f"{self.url}/health", timeout=60).json()["busy"]

    def test_work_stops_when_its_client_has_left(self):
        # The first one loads the model.
        for _ in range(2):
            began = time.monotonic()
            self.assertEqual(requests.post(f"{self.url}/parse", data=self.photo, timeout=60).status_code, 200)
            whole = time.monotonic() - began
        host, port = self.url.removeprefix("http://").split(":")
        head = b"POST /parse HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(self.photo)
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(head + self.photo)
            while self.busy() == 0:
                time.sleep(0.01)
            # Closed like this a connection is reset.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        left = time.monotonic()
        while self.busy() > 0:
            time.sleep(0.01)
        self.assertLess(time.monotonic() - left, whole / 2)
        self.assertEqual(requests.post(f"{self.url}/parse", data=self.photo, timeout=60).status_code, 200)


class Origins(unittest.TestCase):
    ORIGIN = "https://example.org"

    def asked(self, url, origin):
        headers = {"origin": origin, "access-control-request-method": "POST"}
        headers["access-control-request-headers"] = "content-type,x-requested-with"
        preflight = requests.options(f"{url}/parse", headers=headers, timeout=60)
        answers = [
            preflight,
            requests.post(f"{url}/parse", data=PNG, headers={"origin": origin}, timeout=60),
            requests.post(f"{url}/parse", data=b"x", headers={"origin": origin}, timeout=60),
            requests.get(f"{url}/health", headers={"origin": origin}, timeout=60),
        ]
        self.assertEqual([answer.status_code // 100 for answer in answers], [2, 2, 4, 2])
        [allowed] = {answer.headers.get("access-control-allow-origin") for answer in answers}
        return allowed, preflight.headers

    def test_no_other_site_reads_answers_unless_it_is_named(self):
        with service() as (url, _):
            allowed, headers = self.asked(url, self.ORIGIN)
            self.assertIsNone(allowed)
            self.assertFalse([name for name in headers if name.lower().startswith("access-control")])

    def test_named_sites_may_read_answers(self):
        named = ["--allow-origin", "HTTPS://Example.org:443/", "--allow-origin", "http://localhost:3000"]
        with service(*named) as (url, _):
            for origin in (self.ORIGIN, "http://localhost:3000"):
                allowed, headers = self.asked(url, origin)
                self.assertEqual(allowed, origin)
                self.assertIn("POST", headers["access-control-allow-methods"])
                self.assertEqual(headers["access-control-allow-headers"], "content-type,x-requested-with")
                self.assertIn("origin", headers["vary"].lower())
            for origin in ("http://example.org", "https://example.org:444", "https://a.example.org", "null"):
                self.assertIsNone(self.asked(url, origin)[0])

    def test_every_site_may_be_allowed(self):
        with service("--allow-origin", "*") as (url, _):
            self.assertEqual(self.asked(url, self.ORIGIN)[0], "*")
            headers = {"origin": self.ORIGIN, "access-control-request-method": "POST"}
            headers["access-control-request-private-network"] = "true"
            preflight = requests.options(f"{url}/parse", headers=headers, timeout=60)
            self.assertEqual(preflight.headers["access-control-allow-private-network"], "true")

    def test_what_is_no_origin_is_refused_at_the_start(self):
        for origin in ("example.org", "https://example.org/page", "https://", "localhost:3000"):
            command = [BIN, "serve", "--port", "0", "--model", MODEL / "card.json", "--allow-origin", origin]
            process = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(process.returncode, 2, origin)
            self.assertIn("scheme://host", process.stderr)


class Outputs(unittest.TestCase):
    def free_port(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            return server.getsockname()[1]

    def test_it_serves_although_nobody_can_be_told(self):
        for output in ("/dev/full", None):
            port = self.free_port()
            command = [BIN, "serve", "--port", str(port), "--model", MODEL / "card.json"]
            if output:
                with open(output, "wb") as full:
                    process = subprocess.Popen(command, stdout=full, stderr=full)
            else:
                process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                process.stdout.close()
                process.stderr.close()
            try:
                for _ in range(200):
                    try:
                        health = requests.get(f"http://127.0.0.1:{port}/health", timeout=60)
                        break
                    except requests.exceptions.ConnectionError:
                        self.assertIsNone(process.poll())
                        time.sleep(0.05)
                self.assertEqual(health.status_code, 200)
            finally:
                process.terminate()
            self.assertEqual(process.wait(timeout=60), 0)

    def test_its_status_is_right_although_nobody_can_be_told_why(self):
        command = [BIN, "serve", "--port", "0", "--model", "missing.json"]
        with open("/dev/full", "wb") as full:
            self.assertEqual(subprocess.run(command, stdout=full, stderr=full).returncode, 2)

    def test_pages_that_are_not_there_are_told_as_errors(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "index.html").write_text("<!doctype html>page")
            with service("--site", folder) as (url, _):
                for method, path in [("GET", "/none"), ("POST", "/parse/"), ("POST", "/none"), ("POST", "/")]:
                    response = requests.request(method, url + path, data=PNG, timeout=60)
                    self.assertEqual((response.status_code, error_code(response)), (404, "not-found"), path)
                self.assertEqual(requests.options(url, timeout=60).status_code, 204)


if __name__ == "__main__":
    unittest.main()
