"""What the readers of other projects make of the exports: masks pixel by pixel, names, people.

The files are those that `cargo test --test exports` wrote; BODYMAP_EXPORTS is their folder.
"""

import base64
import contextlib
import io
import json
import os
import tempfile
import unittest
import zipfile
from pathlib import Path
from urllib.parse import quote

import numpy as np
from readers import COCO, AnnotationType, Dataset, Image, LabelFile, brush, coco_mask

FOLDER = Path(os.environ["BODYMAP_EXPORTS"])
NAMES = json.loads((FOLDER / "label_names.json").read_text())


class Scene:
    def __init__(self, entry):
        self.name, self.stem = entry["name"], entry["stem"]
        self.shape = entry["height"], entry["width"]
        raw = FOLDER / "truth" / self.stem
        self.labels = np.fromfile(f"{raw}.labels", np.uint8).reshape(self.shape)
        self.people = np.fromfile(f"{raw}.people", "<u2").reshape(self.shape)
        self.segments = entry["segments"]

    def mask(self, class_id, person):
        return (self.labels == class_id) & (self.people == person)

    def masks(self):
        """`{(class, person): mask}` of what was found."""
        return {(s["class"], s["person"]): self.mask(s["class"], s["person"]) for s in self.segments}

    def scores(self):
        return {(s["class"], s["person"]): s["score"] for s in self.segments}

    def single(self, name):
        """The one file of a format."""
        [path] = (FOLDER / "single" / self.stem / name).iterdir()
        return path


SCENES = [Scene(entry) for entry in json.loads((FOLDER / "truth.json").read_text())]


def pixels(source):
    """Pixels of a PNG as they are stored: indices of a palette, not its colours."""
    return np.array(Image.open(io.BytesIO(source) if isinstance(source, bytes) else source))


def in_base64(png):
    return pixels(base64.b64decode(png)) == 255


def numbers(text):
    return [[int(word) for word in line.split()] for line in text.splitlines()]


class Readers(unittest.TestCase):
    def same(self, found, expected, where):
        """Two dictionaries of masks."""
        self.assertEqual(set(found), set(expected), where)
        for key, mask in expected.items():
            np.testing.assert_array_equal(found[key], mask, f"{where} {key}")

    def test_scenes_are_what_the_tests_need(self):
        self.assertGreater(len(SCENES), 8)
        self.assertIn((1, 64), [scene.shape[::-1] for scene in SCENES])
        self.assertGreater(max(scene.people.max() for scene in SCENES), 255)
        self.assertIn(0, [len(scene.segments) for scene in SCENES])

    def test_pictures(self):
        for scene in SCENES:
            png = Image.open(scene.single("labelmap"))
            self.assertEqual(png.mode, "P")
            np.testing.assert_array_equal(np.array(png), scene.labels, scene.name)
            classes = dict(line.split(" ", 1) for line in png.text["Classes"].splitlines())
            self.assertEqual(classes, {str(i): name for i, name in enumerate(NAMES)})
            self.assertRegex(png.text["Model"], r"^people \S+, weights \S+ \(http.*\)$")
            np.testing.assert_array_equal(pixels(scene.single("people")), scene.people, scene.name)
            palette = np.array(png.getpalette(), np.uint8).reshape(-1, 3)
            colours = palette[scene.labels]
            np.testing.assert_array_equal(pixels(scene.single("colormap")), colours)
            photo = pixels(FOLDER / "photos" / scene.name)
            opacity = np.where(scene.labels > 0, 153, 0)[..., None]
            mixed = (colours.astype(int) * opacity + photo.astype(int) * (255 - opacity) + 127) // 255
            np.testing.assert_array_equal(pixels(scene.single("overlay")), mixed)

    def test_service_json(self):
        for scene in SCENES:
            answer = json.loads(scene.single("json").read_text())
            self.assertEqual((answer["height"], answer["width"]), scene.shape)
            found = {(m["class_id"], m["person"]): in_base64(m["mask"]) for m in answer["masks"]}
            self.same(found, scene.masks(), scene.name)
            self.assertTrue(all(m["label"] == NAMES[m["class_id"]] for m in answer["masks"]))

    def test_modelscope_json(self):
        for scene in SCENES:
            answer = json.loads(scene.single("modelscope").read_text())
            self.assertEqual(set(answer), {"masks", "labels", "scores"})
            self.assertEqual(answer["labels"], [NAMES[s["class"]] for s in scene.segments])
            self.assertEqual(answer["scores"], [s["score"] for s in scene.segments])
            for mask, expected in zip(answer["masks"], scene.masks().values(), strict=True):
                np.testing.assert_array_equal(in_base64(mask), expected)

    def test_masks(self):
        for scene, files in in_zip_and_alone("masks"):
            index = json.loads(files[f"{scene.stem}/masks.json"])
            self.assertEqual([c["name"] for c in index["label_names"]], NAMES)

            def read(entry, files=files, scene=scene):
                return pixels(files[f"{scene.stem}/{entry['file']}"]) == 255

            parts = {(p["class_id"], p["person"]): read(p) for p in index["parts"]}
            self.same(parts, scene.masks(), scene.name)
            scores = {(p["class_id"], p["person"]): p["score"] for p in index["parts"]}
            self.assertEqual(scores, scene.scores())
            self.same(
                {c["label"]: read(c) for c in index["classes"]},
                {NAMES[c]: scene.labels == c for c in np.unique(scene.labels) if c > 0},
                scene.name,
            )
            self.same(
                {p["person"]: read(p) for p in index["people"]},
                {p: scene.people == p for p in np.unique(scene.people) if p > 0},
                scene.name,
            )
            listed = len(index["parts"]) + len(index["classes"]) + len(index["people"])
            self.assertEqual(sum(path.startswith(f"{scene.stem}/") for path in files), listed + 1)

    def test_cihp(self):
        for scene, files in in_zip_and_alone("cihp"):
            np.testing.assert_array_equal(pixels(files[f"Category_ids/{scene.stem}.png"]), scene.labels)
            np.testing.assert_array_equal(pixels(files[f"Human_ids/{scene.stem}.png"]), scene.people)
            instances = pixels(files[f"Instance_ids/{scene.stem}.png"])
            rows = numbers(files[f"Instance_ids/{scene.stem}.txt"].decode())
            self.same({(c, p): instances == i for i, c, p in rows}, scene.masks(), scene.name)
            self.assertTrue(all(i % 20 == c for i, c, _ in rows))
            if scene.people.max() < 3000:
                self.assertTrue(all(i == 20 * (p - 1) + c for i, c, p in rows if p > 0))
            self.check_labels(files)

    def test_lip(self):
        for scene, files in in_zip_and_alone("lip"):
            np.testing.assert_array_equal(pixels(files[f"global_parsing/{scene.stem}.png"]), scene.labels)
            instances = pixels(files[f"instance_parsing/{scene.stem}.png"])
            lines = files[f"instance_parsing/{scene.stem}.txt"].decode().splitlines()
            self.assertEqual(instances.max(), len(lines))
            for n, (line, segment) in enumerate(zip(lines, scene.segments, strict=True), 1):
                class_id, score = line.split()
                self.assertEqual((int(class_id), float(score)), (segment["class"], segment["score"]))
                np.testing.assert_array_equal(instances == n, scene.mask(segment["class"], segment["person"]))
            self.check_labels(files)

    def check_labels(self, files):
        lines = files["labels.txt"].decode().splitlines()
        self.assertEqual(lines, [f"{i} {name}" for i, name in enumerate(NAMES)])

    def test_coco(self):
        whole = read_coco(FOLDER / "sets" / "coco.json")
        self.assertEqual([image["file_name"] for image in whole.dataset["images"]], [s.name for s in SCENES])
        self.assertTrue({"model", "weights_licence"} <= set(whole.dataset["info"]))
        for scene in SCENES:
            self.check_coco(whole, scene)
            alone = read_coco(scene.single("coco"))
            self.assertEqual(len(alone.imgs), 1)
            self.check_coco(alone, scene)
        empty = read_coco(FOLDER / "no-photos" / "coco.json")
        self.assertEqual((len(empty.imgs), len(empty.anns), len(empty.cats)), (0, 0, len(NAMES) - 1))

    def check_coco(self, coco, scene):
        self.assertEqual({c["id"]: c["name"] for c in coco.cats.values()}, dict(enumerate(NAMES[1:], 1)))
        [image] = [image for image in coco.imgs.values() if image["file_name"] == scene.name]
        self.assertEqual((image["height"], image["width"]), scene.shape)
        found = {}
        for ann in coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]])):
            key = ann["category_id"], ann["attributes"]["person"]
            found[key] = coco.annToMask(ann) == 1
            self.assertEqual(ann["score"], scene.scores()[key])
            # As pycocotools itself writes the mask.
            rle = coco_mask.encode(np.asfortranarray(scene.mask(*key).astype(np.uint8)))
            self.assertEqual(ann["segmentation"]["counts"], rle["counts"].decode())
            self.assertEqual(ann["area"], coco_mask.area(rle))
            self.assertEqual(ann["bbox"], list(coco_mask.toBbox(rle)))
        self.same(found, scene.masks(), scene.name)

    def test_cvat(self):
        with tempfile.TemporaryDirectory() as folder:
            zipfile.ZipFile(FOLDER / "sets" / "cvat.zip").extractall(folder)
            self.check_cvat(folder, SCENES)
        for scene in SCENES:
            with tempfile.TemporaryDirectory() as folder:
                zipfile.ZipFile(scene.single("cvat")).extractall(folder)
                self.check_cvat(folder, [scene])

    def check_cvat(self, folder, scenes):
        data = Dataset.import_from(folder, "voc_segmentation")
        labels = [label.name for label in data.categories()[AnnotationType.label]]
        self.assertEqual(labels[0], "background")
        self.assertEqual(labels[1 : len(NAMES)], NAMES[1:])
        items = {item.id: item for item in data}
        self.assertEqual(set(items), {scene.stem for scene in scenes})
        for scene in scenes:
            rows = numbers((Path(folder) / "People" / f"{scene.stem}.txt").read_text())
            person_of = {i: p for i, _, p in rows}
            found = {
                (mask.label, person_of[mask.group]): np.array(mask.image) == 1
                for mask in items[scene.stem].annotations
            }
            self.same(found, scene.masks(), scene.name)

    def test_label_studio(self):
        tasks = json.loads((FOLDER / "sets" / "labelstudio.json").read_text())
        for scene, task in zip(SCENES, tasks, strict=True):
            self.check_label_studio(task, scene)
            [alone] = json.loads(scene.single("labelstudio").read_text())
            self.assertEqual(alone, task)
        self.assertEqual(json.loads((FOLDER / "no-photos" / "labelstudio.json").read_text()), [])

    def check_label_studio(self, task, scene):
        self.assertEqual(task["data"]["image"], "../../photos/" + quote(scene.name))
        [prediction] = task["predictions"]
        found = {}
        for region in prediction["result"]:
            self.assertEqual((region["type"], region["image_rotation"]), ("brushlabels", 0))
            self.assertEqual((region["original_height"], region["original_width"]), scene.shape)
            [label] = region["value"]["brushlabels"]
            # The converter lays `value` beside the rest before it decodes.
            [layer] = brush.decode_from_annotation("tag", [region | region["value"]]).values()
            key = NAMES.index(label), region["meta"]["person"]
            found[key] = layer == 255
            self.assertTrue(np.isin(layer, [0, 255]).all())
            self.assertEqual(region["score"], scene.scores()[key])
        self.same(found, scene.masks(), scene.name)
        ids = [region["id"] for region in prediction["result"]]
        self.assertEqual(len(ids), len(set(ids)))

    def test_labelme(self):
        for scene in SCENES:
            path = FOLDER / "files" / "labelme" / f"{scene.stem}.json"
            # Reading checks that the photo is where the file says, in the size it says.
            file = LabelFile(str(path))
            found = {}
            for shape in file.shapes:
                self.assertEqual(shape["shape_type"], "mask")
                (left, top), (right, bottom) = shape["points"]
                mask = np.zeros(scene.shape, bool)
                mask[top : bottom + 1, left : right + 1] = shape["mask"]
                found[NAMES.index(shape["label"]), shape["group_id"] or 0] = mask
            self.same(found, scene.masks(), scene.name)
        with zipfile.ZipFile(FOLDER / "sets" / "labelme.zip") as archive:
            self.assertEqual(archive.namelist(), [f"{scene.stem}.json" for scene in SCENES])


def read_coco(path):
    # It prints what it does.
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(path)


def in_zip_and_alone(name):
    """Every scene with the files of the zip of all, and with those of its own."""

    def read(path):
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    whole = read(FOLDER / "sets" / f"{name}.zip")
    for scene in SCENES:
        yield scene, whole
        yield scene, read(scene.single(name))


if __name__ == "__main__":
    unittest.main()
