"""Photo files of many kinds, judged by Pillow, libjpeg-turbo and Chromium.

The rule: the right pixels, or a refusal that says why; never wrong pixels. BODYMAP_DECODE names the
program of examples/decode.rs, CHROMIUM a browser.
"""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import browser
import inputs
import numpy as np

DECODE = os.environ["BODYMAP_DECODE"]
# Bytes of memory that decoding any of them may take.
MEMORY = 600 << 20


class BadFiles(unittest.TestCase):
    """Each input is decoded once; the tests look at the answers."""

    @classmethod
    def setUpClass(cls):
        cls.inputs = inputs.all_inputs()
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        photos, out = Path(cls.folder.name, "photos"), Path(cls.folder.name, "out")
        photos.mkdir()
        out.mkdir()
        for entry in cls.inputs:
            (photos / entry.name).write_bytes(entry.file)
        paths = [photos / entry.name for entry in cls.inputs]
        limited = f'ulimit -v {MEMORY // 1024} 2>/dev/null; exec "$@"'
        command = ["sh", "-c", limited, "sh", DECODE, *paths, "--out", out]
        answers = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
        cls.answers = {answer["name"]: answer for answer in map(json.loads, answers.splitlines())}
        cls.out = out

    def pixels(self, name):
        """The decoded photo as RGB, or None if it was refused."""
        answer = self.answers[name]
        if "code" in answer:
            return None
        rgba = np.fromfile(self.out / f"{name}.rgba", np.uint8).reshape(answer["height"], answer["width"], 4)
        self.assertEqual(rgba[..., 3].min(), 255, name)
        return rgba[..., :3]

    def test_right_pixels_or_a_fitting_refusal(self):
        """Against Pillow and libjpeg-turbo."""
        self.assertGreaterEqual(len(self.inputs), 150)
        for entry in self.inputs:
            with self.subTest(entry.name):
                pixels = self.pixels(entry.name)
                answer = self.answers[entry.name].get("code", "ok")
                self.assertIn(answer, entry.answers, self.answers[entry.name].get("message"))
                if pixels is None:
                    continue
                right = inputs.pillow_pixels(entry.file) if entry.pixels is None else entry.pixels
                self.assertEqual(pixels.shape, right.shape)
                difference = np.abs(pixels.astype(int) - right).mean()
                self.assertLess(difference, entry.tolerance)

    def test_same_as_chromium(self):
        """What both show is the same."""
        asked = [entry for entry in self.inputs if entry.in_browser and self.pixels(entry.name) is not None]
        shown = browser.thumbnails({entry.name: entry.file for entry in asked})
        self.assertGreater(len(shown), 100)
        for name, thumbnail in shown.items():
            with self.subTest(name):
                expected = browser.thumbnail(self.pixels(name))
                self.assertLess(np.abs(expected - thumbnail).mean(), 4)


if __name__ == "__main__":
    unittest.main()
