#!/usr/bin/env bash
# pycolmap 4.2.1 (PyPI), a JPEG of 60x40 stored pixels with EXIF orientation 6.
#
# Expected: the picture is read as viewers show it, 40 wide and 60 high (Pillow's
# `exif_transpose` gives that).
# Seen: `Bitmap.read` and `infer_camera_from_image` both say 60x40: the pixels are not turned.
# So cameras and masks belong to the stored pixels, not to what a viewer shows.
#
# Output seen: viewers: 40x60; Bitmap: 60x40; camera: 60x40
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
timeout 500 env/bin/pip install -q --disable-pip-version-check pycolmap==4.2.1 pillow==13.0.0 >&2

# Two processes: Pillow and pycolmap each bring image libraries of their own.
shown=$(env/bin/python - <<'E'
from PIL import Image, ImageOps

picture = Image.new("RGB", (60, 40), "red")
exif = picture.getexif()
exif[0x0112] = 6
picture.save("in.jpg", exif=exif)
print("%dx%d" % ImageOps.exif_transpose(Image.open("in.jpg")).size)
E
)
read=$(timeout 60 env/bin/python - <<'E'
import pycolmap

bitmap = pycolmap.Bitmap.read("in.jpg", True)
camera = pycolmap.infer_camera_from_image("in.jpg")
print(f"Bitmap: {bitmap.width}x{bitmap.height}; camera: {camera.width}x{camera.height}")
E
)
seen="viewers: $shown; $read"
echo "$seen"
[ "$seen" = "viewers: 40x60; Bitmap: 60x40; camera: 60x40" ]
