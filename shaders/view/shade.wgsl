// Draws what the renderer has made over the viewport, as one of several things to be seen. All of it comes out
// premultiplied, display-referred sRGB.

struct Shade {
    // Nearest and farthest distance that is told apart, metres; how opaque one layer is; pixels of motion at full strength.
    near: f32,
    far: f32,
    layer: f32,
    motion: f32,
    // Focal lengths, pixels.
    focal: vec2<f32>,
    padding: vec2<f32>,
}

@group(0) @binding(0) var color: texture_2d<f32>;
@group(0) @binding(1) var smooth_sampler: sampler;
// Depth or guide.
@group(0) @binding(2) var other: texture_2d<f32>;
@group(0) @binding(3) var<uniform> shade: Shade;

struct Cover {
    @builtin(position) position: vec4<f32>,
    @location(0) place: vec2<f32>,
}

@vertex
fn cover(@builtin(vertex_index) index: u32) -> Cover {
    let corner = vec2<f32>(f32(index & 1u), f32(index >> 1u));
    return Cover(vec4<f32>(4.0 * corner - 1.0, 0.0, 1.0), vec2<f32>(2.0 * corner.x, 1.0 - 2.0 * corner.y));
}

fn pixel(place: vec2<f32>) -> vec2<i32> {
    return vec2<i32>(place * vec2<f32>(textureDimensions(other)));
}

fn alpha(place: vec2<f32>) -> f32 {
    return clamp(textureSampleLevel(color, smooth_sampler, place, 0.0).a, 0.0, 1.0);
}

@fragment
fn scaled(in: Cover) -> @location(0) vec4<f32> {
    return textureSampleLevel(color, smooth_sampler, in.place, 0.0);
}

@fragment
fn depth(in: Cover) -> @location(0) vec4<f32> {
    let metres = textureLoad(other, pixel(in.place), 0).r;
    let light = 0.08 + 0.92 * clamp((shade.far - metres) / (shade.far - shade.near), 0.0, 1.0);
    return vec4<f32>(vec3<f32>(light), 1.0) * alpha(in.place);
}

// Where the surface is in the camera's space, seen at a pixel so far off this one.
fn surface(at: vec2<i32>, offset: vec2<i32>) -> vec4<f32> {
    let size = vec2<i32>(textureDimensions(other));
    let there = clamp(at + offset, vec2<i32>(0), size - 1);
    let metres = textureLoad(other, there, 0).r;
    let from_middle = (vec2<f32>(there) + 0.5 - 0.5 * vec2<f32>(size)) / shade.focal;
    return vec4<f32>(metres * from_middle.x, -metres * from_middle.y, -metres, metres);
}

// The slope across a pixel, from places that belong to the same surface: across an edge depth jumps.
fn slope(at: vec2<i32>, step: vec2<i32>) -> vec3<f32> {
    let middle = surface(at, vec2<i32>(0));
    let jump = 0.02 * middle.w;
    var sum = vec3<f32>(0.0);
    // Over some pixels, for the depth of soft Gaussians is not smooth.
    for (var i = 1; i <= 5; i++) {
        let ahead = surface(at, i * step);
        let behind = surface(at, -i * step);
        sum += select(vec3<f32>(0.0), ahead.xyz - middle.xyz, abs(ahead.w - middle.w) < jump);
        sum += select(vec3<f32>(0.0), middle.xyz - behind.xyz, abs(behind.w - middle.w) < jump);
    }
    return sum;
}

@fragment
fn normals(in: Cover) -> @location(0) vec4<f32> {
    let at = pixel(in.place);
    let across = slope(at, vec2<i32>(1, 0));
    let down = slope(at, vec2<i32>(0, 1));
    let normal = normalize(cross(down, across) + vec3<f32>(0.0, 0.0, 1e-12));
    return vec4<f32>(0.5 * normal + 0.5, 1.0) * alpha(in.place);
}

@fragment
fn motion(in: Cover) -> @location(0) vec4<f32> {
    let moved = textureLoad(other, pixel(in.place), 0).xy;
    let strength = clamp(length(moved) / shade.motion, 0.0, 1.0);
    let angle = atan2(moved.y, moved.x + 1e-9);
    let hue = 0.5 + 0.5 * cos(vec3<f32>(angle) - vec3<f32>(0.0, 2.0944, 4.1888));
    return vec4<f32>(mix(vec3<f32>(0.12), hue, strength), 1.0) * alpha(in.place);
}

// From dark blue over green to yellow: light grows steadily.
fn ramp(x: f32) -> vec3<f32> {
    let t = clamp(x, 0.0, 1.0);
    let low = mix(vec3<f32>(0.16, 0.07, 0.30), vec3<f32>(0.13, 0.44, 0.56), smoothstep(0.0, 0.5, t));
    return mix(low, vec3<f32>(0.99, 0.91, 0.15), smoothstep(0.45, 1.0, t));
}

@fragment
fn importance(in: Cover) -> @location(0) vec4<f32> {
    let seen = alpha(in.place);
    let looked = textureLoad(other, pixel(in.place), 0).z;
    return vec4<f32>(ramp(looked), 1.0) * max(seen, min(looked, 1.0));
}

@fragment
fn layers(in: Cover) -> @location(0) vec4<f32> {
    let covered = min(alpha(in.place), 0.9995);
    let many = log(1.0 - covered) / log(1.0 - shade.layer);
    // Every doubling is as far as the one before; 128 is white.
    let t = log2(1.0 + many) / 7.0;
    let hot = vec3<f32>(smoothstep(0.0, 0.45, t), smoothstep(0.35, 0.8, t), smoothstep(0.7, 1.0, t));
    return vec4<f32>(hot, 1.0) * smoothstep(0.0, 0.5, many);
}
