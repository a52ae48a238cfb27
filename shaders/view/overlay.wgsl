// Lines of the rig's mesh and places on it, over the avatar. What is behind the avatar's surface is faint.

struct Overlay {
    clip_from_avatar: mat4x4<f32>,
    // Of a point, in parts of half the picture.
    point: vec2<f32>,
    // What lies deeper than what is seen by more than this is behind, metres.
    slack: f32,
    // How strong what is behind is.
    behind: f32,
    ink: vec4<f32>,
}

@group(0) @binding(0) var<uniform> overlay: Overlay;
@group(0) @binding(1) var depth: texture_2d<f32>;

struct Posed {
    position: vec3<f32>,
    scale: f32,
    rotation: vec4<f32>,
}

struct Anchor {
    triangle: vec3<u32>,
    // sRGB, 8 bits each.
    color: u32,
    weights: vec3<f32>,
    padding: f32,
}

@group(0) @binding(2) var<storage, read> vertices: array<Posed>;
@group(0) @binding(3) var<storage, read> anchors: array<Anchor>;

struct Ink {
    @builtin(position) position: vec4<f32>,
    @location(0) clip: vec4<f32>,
    @location(1) color: vec4<f32>,
    // From the middle of a point, 1 at its edge.
    @location(2) off: vec2<f32>,
}

@vertex
fn line(@location(0) position: vec3<f32>) -> Ink {
    let clip = overlay.clip_from_avatar * vec4<f32>(position, 1.0);
    return Ink(clip, clip, overlay.ink, vec2<f32>(0.0));
}

@vertex
fn point(@builtin(vertex_index) index: u32, @builtin(instance_index) instance: u32) -> Ink {
    let anchor = anchors[instance];
    let place = anchor.weights.x * vertices[anchor.triangle.x].position
        + anchor.weights.y * vertices[anchor.triangle.y].position
        + anchor.weights.z * vertices[anchor.triangle.z].position;
    let clip = overlay.clip_from_avatar * vec4<f32>(place, 1.0);
    var corners = array<u32, 6>(0u, 1u, 2u, 2u, 1u, 3u);
    let number = corners[index];
    let corner = 2.0 * vec2<f32>(f32(number & 1u), f32(number >> 1u)) - 1.0;
    let moved = clip + vec4<f32>(corner * overlay.point * clip.w, 0.0, 0.0);
    return Ink(moved, clip, unpack4x8unorm(anchor.color), corner);
}

@fragment
fn draw(in: Ink) -> @location(0) vec4<f32> {
    let size = vec2<i32>(textureDimensions(depth));
    let place = 0.5 + 0.5 * vec2<f32>(in.clip.x, -in.clip.y) / in.clip.w;
    let at = clamp(vec2<i32>(place * vec2<f32>(size)), vec2<i32>(0), size - 1);
    let seen = textureLoad(depth, at, 0).r;
    let behind = seen > 0.0 && in.clip.w > seen + overlay.slack;
    let round = 1.0 - smoothstep(0.7, 1.0, dot(in.off, in.off));
    let strength = in.color.a * round * select(1.0, overlay.behind, behind);
    return vec4<f32>(in.color.rgb, 1.0) * strength;
}
