#!/usr/bin/env bash
# @playcanvas/splat-transform 3.7.0 (npm), a PLY with the comment `SplatRenderMode: mip`.
#
# Expected: every output carries the mark in its own way, or the tool says that it is lost.
# Seen: compressed PLY keeps the comment and SOG says "model":"antialiased", but the GLB
# (KHR_gaussian_splatting) carries nothing of the kind, and the tool prints no warning.
# So the same splats are shown with another filter, depending on the format they went through.
#
# Output seen: compressed PLY: mip; SOG: antialiased; GLB: no mark; warnings: 0
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
timeout 500 npm install --silent --no-audit --no-fund @playcanvas/splat-transform@3.7.0 >&2

python3 - <<'E'
import struct

names = "x y z scale_0 scale_1 scale_2 rot_0 rot_1 rot_2 rot_3 opacity f_dc_0 f_dc_1 f_dc_2".split()
head = "ply\nformat binary_little_endian 1.0\ncomment SplatRenderMode: mip\nelement vertex 8\n"
head += "".join(f"property float {name}\n" for name in names) + "end_header\n"
with open("in.ply", "wb") as ply:
    ply.write(head.encode())
    for i in range(8):
        row = (i & 1, i >> 1 & 1, i >> 2, -3, -3, -3, 1, 0, 0, 0, 1, i / 8, 0.5, -0.5)
        ply.write(struct.pack("<14f", *row))
E
for out in out.compressed.ply out.sog out.glb; do
  timeout 100 node_modules/.bin/splat-transform -g cpu -w in.ply "$out" > "$out.log" 2>&1
done

python3 - <<'E'
import json, re, struct, sys, zipfile

ply = re.search(rb"comment SplatRenderMode: (\w+)", open("out.compressed.ply", "rb").read())
ply = ply.group(1).decode() if ply else "no mark"
sog = json.loads(zipfile.ZipFile("out.sog").read("meta.json")).get("model", "no mark")
glb = open("out.glb", "rb").read()
text = glb[20 : 20 + struct.unpack("<I", glb[12:16])[0]].decode()
assert "KHR_gaussian_splatting" in text
glb = "a mark" if re.search(r"mip|antialias|rendermode", text, re.I) else "no mark"
warnings = len(re.findall(r"warn|mip|antialias", open("out.glb.log").read(), re.I))
seen = f"compressed PLY: {ply}; SOG: {sog}; GLB: {glb}; warnings: {warnings}"
print(seen)
sys.exit(seen != "compressed PLY: mip; SOG: antialiased; GLB: no mark; warnings: 0")
E
