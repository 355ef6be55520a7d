"""The memory of `bodymap parse` does not grow with the number of photos. BODYMAP_BIN is the program."""

import os
import resource
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

BIN = os.environ["BODYMAP_BIN"]
MODEL = Path(__file__).parent.parent / "models" / "people"
FORMATS = "labels,json,masks,coco,cvat,labelstudio,labelme"


class Batch(unittest.TestCase):
    def test_five_hundred_photos_take_the_memory_of_ten(self):
        peaks = {}
        # The measure is the largest of all children so far.
        for count in (10, 500):
            with tempfile.TemporaryDirectory() as folder:
                photos, out = Path(folder, "photos"), Path(folder, "out")
                photos.mkdir()
                for n in range(count):
                    shutil.copy(MODEL / "photo.png", photos / f"{n:03}.png")
                command = [BIN, "parse", photos, "--out", out, "--formats", FORMATS, "--zip"]
                subprocess.run([*command, "--model", MODEL / "card.json"], check=True, capture_output=True)
                self.assertEqual(len(list(out.glob("*.png"))), count)
                self.assertEqual(len(list(out.glob("cvat/SegmentationObject/*.png"))), count)
            peaks[count] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        self.assertLess(peaks[500], 1.1 * peaks[10], peaks)


if __name__ == "__main__":
    unittest.main()
