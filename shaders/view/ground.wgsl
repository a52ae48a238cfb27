// The ground: a grid that fades with distance, and the shadow of the avatar. Premultiplied.

struct Ground {
    world_from_camera: mat4x4<f32>,
    // Half the picture over the focal lengths; height of the ground; metres between lines.
    slopes: vec2<f32>,
    height: f32,
    cell: f32,
    // Middle of the shadow's map on the ground, half its side, and how dark it is.
    middle: vec2<f32>,
    half: f32,
    dark: f32,
    // Colour of the lines, and how strong they are.
    ink: vec4<f32>,
    // Where lines have faded away, metres from under the camera's target.
    target_place: vec2<f32>,
    far: f32,
    padding: f32,
}

@group(0) @binding(0) var<uniform> ground: Ground;
@group(0) @binding(1) var shadow: texture_2d<f32>;
@group(0) @binding(2) var smooth_sampler: sampler;

struct Cover {
    @builtin(position) position: vec4<f32>,
    @location(0) place: vec2<f32>,
}

@vertex
fn cover(@builtin(vertex_index) index: u32) -> Cover {
    let corner = 4.0 * vec2<f32>(f32(index & 1u), f32(index >> 1u)) - 1.0;
    return Cover(vec4<f32>(corner, 0.0, 1.0), corner);
}

// How much of a pixel lines cover that are `every` metres apart.
fn lines(at: vec2<f32>, every: f32, width: vec2<f32>) -> f32 {
    let off = abs(fract(at / every + 0.5) - 0.5) * every / max(width, vec2<f32>(1e-7));
    let covered = clamp(1.2 - off, vec2<f32>(0.0), vec2<f32>(1.0));
    // Lines that come nearer than some pixels to each other become a haze, and then nothing.
    let sparse = clamp(every / max(width, vec2<f32>(1e-7)) / 8.0 - 0.5, vec2<f32>(0.0), vec2<f32>(1.0));
    return max(covered.x * sparse.x, covered.y * sparse.y);
}

@fragment
fn draw(in: Cover) -> @location(0) vec4<f32> {
    let eye = ground.world_from_camera[3].xyz;
    let ray = (ground.world_from_camera * vec4<f32>(in.place * ground.slopes, -1.0, 0.0)).xyz;
    let along = (ground.height - eye.y) / select(ray.y, -1e-6, abs(ray.y) < 1e-6);
    let at = (eye + along * ray).xz;
    let width = max(fwidth(at), vec2<f32>(1e-6));
    // From above only: from below it would lie before the avatar.
    let seen = select(0.0, 1.0, along > 0.0 && eye.y > ground.height);
    let fade = seen * clamp(1.0 - length(at - ground.target_place) / ground.far, 0.0, 1.0);
    let fine = 0.45 * lines(at, ground.cell, width);
    let coarse = lines(at, 10.0 * ground.cell, width);
    let strength = ground.ink.a * fade * fade * max(fine, coarse);
    let on_map = (at - ground.middle) / (2.0 * ground.half) + 0.5;
    let inside = all(on_map > vec2<f32>(0.0)) && all(on_map < vec2<f32>(1.0));
    let dark = seen * ground.dark * select(0.0, textureSampleLevel(shadow, smooth_sampler, on_map, 0.0).r, inside);
    let line = vec4<f32>(ground.ink.rgb, 1.0) * strength;
    // The shadow lies on the lines too.
    return line * (1.0 - dark) + vec4<f32>(0.0, 0.0, 0.0, dark * (1.0 - line.a));
}
