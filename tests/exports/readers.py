"""The readers of other projects, loaded without their windows, tables and neural networks."""

import importlib.abc
import importlib.machinery
import sys
from unittest.mock import MagicMock


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Packages that are imported on the way but not used for reading."""

    PACKAGES = frozenset(["PyQt5", "imgviz", "loguru", "onnxruntime", "pandas", "tifffile"])

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.PACKAGES:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def exec_module(self, module):
        module.__getattr__ = lambda _: MagicMock()


sys.meta_path.append(StandIns())

from datumaro.components.annotation import AnnotationType  # noqa: E402
from datumaro.components.dataset import Dataset  # noqa: E402
from label_studio_converter import brush  # noqa: E402
from labelme import LabelFile  # noqa: E402
from PIL import Image  # noqa: E402
from pycocotools import mask as coco_mask  # noqa: E402
from pycocotools.coco import COCO  # noqa: E402

__all__ = ["COCO", "AnnotationType", "Dataset", "Image", "LabelFile", "brush", "coco_mask"]
