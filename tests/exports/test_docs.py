"""The examples of docs/formats.md and docs/scale.md, run as they stand. BODYMAP_BIN is the program."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

BIN = Path(os.environ["BODYMAP_BIN"])
HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SAMPLES = ROOT / "www" / "samples"
# The readers are loaded as in the other tests, without what they need not.
WITH_READERS = f"import sys; sys.path.insert(0, {str(HERE)!r}); import readers; exec(sys.stdin.read())"


def blocks(page, language):
    text = (ROOT / "docs" / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


class Examples(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "photos").mkdir()
        # `bodymap` and this Python are found as they would be after an installation.
        tools = self.folder / "tools"
        tools.mkdir()
        (tools / "bodymap").symlink_to(BIN.resolve())
        path = os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]])
        self.environment = os.environ | {"PATH": path}

    def run_in_folder(self, command, **options):
        ran = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, **options
        )
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        return ran.stdout

    def test_formats(self):
        for sample in ("skimage_astronaut.png", "mpl_grace_hopper.jpg"):
            shutil.copy(SAMPLES / sample, self.folder / "photos")
        [command] = blocks("formats.md", "sh")
        self.run_in_folder(["sh", "-e", "-c", command])
        examples = blocks("formats.md", "python")
        self.assertEqual(len(examples), 6)
        process = subprocess.Popen([BIN, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True)
        try:
            url = process.stdout.readline().split()[0].rstrip("/")
            for example in examples:
                example = example.replace("http://localhost:8080", url)
                said = self.run_in_folder([sys.executable, "-W", "ignore", "-c", WITH_READERS], input=example)
                if "print(" in example:
                    self.assertRegex(said, "Hair|skimage_astronaut")
        finally:
            process.terminate()
            process.wait(timeout=60)
            process.stdout.close()

    def test_the_configuration_has_the_labels(self):
        [text] = blocks("formats.md", "xml")
        labels = ElementTree.fromstring(text).findall("BrushLabels/Label")
        card = (ROOT / "src" / "labels.rs").read_text()
        names = re.findall(r'"(.+?)"', re.search(r"const CIHP: \[&str; 20\] = \[(.*?)\]", card, re.DOTALL)[1])
        self.assertEqual([label.get("value") for label in labels], names[1:])
        colours = re.search(r"const CIHP: \[\[u8; 3\]; 20\] = \[(.*?)\];", palette(), re.DOTALL)[1]
        expected = [f"rgb({colour.replace(' ', '')})" for colour in re.findall(r"\[(.+?)\]", colours)]
        self.assertEqual([label.get("background") for label in labels], expected[1:])

    def test_scale(self):
        script = self.folder / "parse_manifest.py"
        [text] = blocks("scale.md", "python")
        # The test's photos are few and its model is small.
        model = ROOT / "tests" / "models" / "people"
        text = text.replace("PART = 200", "PART = 3")
        small = f'"--model", "{model}/card.json"'
        text = text.replace('"--formats", FORMATS', f'"--formats", FORMATS, {small}')
        self.assertEqual(text.count(small), 2)
        script.write_text(text)
        photo = (model / "photo.png").read_bytes()
        names = [f"{'beach/' if n % 2 else ''}{n}.png" for n in range(8)]
        (self.folder / "photos" / "beach").mkdir()
        for name in names:
            (self.folder / "photos" / name).write_bytes(photo)
        (self.folder / "photos" / "cut.png").write_bytes(photo[:100])
        manifest = [f"photos/{name}" for name in [*names[:4], "cut.png", "missing.png", *names[4:]]]

        def parse(photos):
            (self.folder / "manifest.txt").write_text("".join(f"{photo}\n" for photo in photos))
            [commands] = [block for block in blocks("scale.md", "sh") if "parse_manifest" in block]
            local = commands.splitlines()[0].split("#")[0]
            return self.run_in_folder(["sh", "-c", local])

        # Stopped half way, then run again with all.
        parse(manifest[:4])
        results = self.folder / "results"
        before = {path: path.stat().st_mtime_ns for path in results.rglob("*.png")}
        self.assertEqual(len(before), 8)
        said = parse(manifest)
        self.assertIn("4 of 4 parts, 2 photos failed", said)
        self.assertEqual({path: path.stat().st_mtime_ns for path in before}, before)
        errors = [json.loads(line) for line in (results / "errors.jsonl").read_text().splitlines()]
        self.assertEqual({error["photo"]: error["code"] for error in errors}, {
            "photos/cut.png": "truncated",
            "photos/missing.png": "io",
        })
        images = json.loads((results / "coco.json").read_text())["images"]
        self.assertEqual([image["file_name"] for image in images], names)
        for name in names:
            self.assertTrue((results / name.replace(".png", ".people.png")).exists())


def palette():
    return (ROOT / "src" / "palette.rs").read_text()


if __name__ == "__main__":
    unittest.main()
