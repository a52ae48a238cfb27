#!/usr/bin/env bash
# @gltf-transform/cli 4.5.1 (npm), `quantize` of a mesh with sparse morph targets.
#
# Expected: a smaller file, since 16-bit numbers take the place of floats.
# Seen: a file seven times as large. Each of the 20 targets moves 10 of 20 000 vertices and is a
# sparse accessor; `quantize` writes all of them dense. `copy` of the same file keeps them sparse.
#
# Output seen: copy: 20 sparse; quantize: 0 sparse, 7.4 times the size
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
timeout 500 npm install --silent --no-audit --no-fund @gltf-transform/cli@4.5.1 >&2

python3 - <<'E'
import json, struct

count, width = 20000, 200
positions = b"".join(struct.pack("<3f", i % width, i // width, 0) for i in range(count))
triangles = b"".join(
    struct.pack("<6H", a, a + 1, a + width, a + width, a + 1, a + width + 1)
    for a in range(count - width)
    if a % width < width - 1
)
data, views = b"", []


def view(content, **more):
    global data
    views.append(dict(buffer=0, byteOffset=len(data), byteLength=len(content), **more))
    data += content + b"\0" * (-len(content) % 4)
    return len(views) - 1


accessors = [
    dict(bufferView=view(positions, target=34962), componentType=5126, count=count, type="VEC3",
         min=[0, 0, 0], max=[width - 1, count // width - 1, 0]),
    dict(bufferView=view(triangles, target=34963), componentType=5123,
         count=len(triangles) // 2, type="SCALAR"),
]
for target in range(20):
    moved = struct.pack("<10H", *range(target * 100, target * 100 + 10))
    values = struct.pack("<30f", *[0, 0, 1] * 10)
    sparse = dict(count=10, indices=dict(bufferView=view(moved), componentType=5123),
                  values=dict(bufferView=view(values)))
    accessors.append(dict(componentType=5126, count=count, type="VEC3", min=[0, 0, 0],
                          max=[0, 0, 1], sparse=sparse))
primitive = dict(attributes=dict(POSITION=0), indices=1,
                 targets=[dict(POSITION=2 + target) for target in range(20)])
document = dict(asset=dict(version="2.0"), scene=0, scenes=[dict(nodes=[0])],
                nodes=[dict(mesh=0)], meshes=[dict(primitives=[primitive])], accessors=accessors,
                bufferViews=views, buffers=[dict(byteLength=len(data))])
text = json.dumps(document).encode()
text += b" " * (-len(text) % 4)
with open("in.glb", "wb") as glb:
    glb.write(struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(data)))
    glb.write(struct.pack("<I4s", len(text), b"JSON") + text)
    glb.write(struct.pack("<I4s", len(data), b"BIN\0") + data)
E
timeout 100 node_modules/.bin/gltf-transform copy in.glb copy.glb >&2
timeout 100 node_modules/.bin/gltf-transform quantize in.glb quantize.glb >&2

python3 - <<'E'
import json, os, struct, sys


def sparse(name):
    glb = open(name, "rb").read()
    document = json.loads(glb[20 : 20 + struct.unpack("<I", glb[12:16])[0]])
    return sum("sparse" in accessor for accessor in document["accessors"])


ratio = os.path.getsize("quantize.glb") / os.path.getsize("in.glb")
copied, quantized = sparse("copy.glb"), sparse("quantize.glb")
print(f"copy: {copied} sparse; quantize: {quantized} sparse, {ratio:.1f} times the size")
sys.exit(not (copied == 20 and quantized == 0 and ratio > 5))
E
