// The shadow on the ground: the mesh seen from above, the fainter the higher it is, and then blurred.

struct Map {
    world_from_avatar: mat4x4<f32>,
    // Middle of the map on the ground and half its side; height of the ground.
    middle: vec2<f32>,
    half: f32,
    height: f32,
    // Steps of the blur in the map; metres at which a shadow is half as dark.
    step: vec2<f32>,
    reach: f32,
    padding: f32,
}

@group(0) @binding(0) var<uniform> map: Map;
@group(0) @binding(1) var sharp: texture_2d<f32>;
@group(0) @binding(2) var smooth_sampler: sampler;

struct Vertex {
    @builtin(position) position: vec4<f32>,
    @location(0) above: f32,
}

@vertex
fn from_above(@location(0) position: vec3<f32>) -> Vertex {
    let world = (map.world_from_avatar * vec4<f32>(position, 1.0)).xyz;
    let place = (world.xz - map.middle) / map.half;
    return Vertex(vec4<f32>(place.x, -place.y, 0.5, 1.0), world.y - map.height);
}

@fragment
fn darken(in: Vertex) -> @location(0) vec4<f32> {
    return vec4<f32>(exp2(-max(in.above, 0.0) / map.reach));
}

struct Cover {
    @builtin(position) position: vec4<f32>,
    @location(0) place: vec2<f32>,
}

@vertex
fn cover(@builtin(vertex_index) index: u32) -> Cover {
    let corner = vec2<f32>(f32(index & 1u), f32(index >> 1u));
    return Cover(vec4<f32>(4.0 * corner - 1.0, 0.0, 1.0), vec2<f32>(2.0 * corner.x, 1.0 - 2.0 * corner.y));
}

@fragment
fn blur(in: Cover) -> @location(0) vec4<f32> {
    var sum = 0.0;
    var weights = 0.0;
    for (var i = -8; i <= 8; i++) {
        let weight = exp(-0.5 * f32(i * i) / 16.0);
        sum += weight * textureSampleLevel(sharp, smooth_sampler, in.place + f32(i) * map.step, 0.0).r;
        weights += weight;
    }
    return vec4<f32>(sum / weights);
}
