// Boxes in the light of a sun that throws shadows. Colours are linear light.

struct Light {
    clip_from_world: mat4x4<f32>,
    // Clip space of the shadow map.
    sun_from_world: mat4x4<f32>,
    sun_from_avatar: mat4x4<f32>,
    towards_sun: vec3<f32>,
}

@group(0) @binding(0) var<uniform> light: Light;
@group(1) @binding(0) var shadows: texture_depth_2d;
@group(1) @binding(1) var nearer: sampler_comparison;

struct Corner {
    @location(0) position: vec3<f32>,
    @location(1) normal: vec3<f32>,
    @location(2) color: vec4<f32>,
}

struct Surface {
    // The same to the bit in the passes for depth and for light.
    @invariant @builtin(position) clip: vec4<f32>,
    @location(0) position: vec3<f32>,
    @location(1) normal: vec3<f32>,
    @location(2) color: vec4<f32>,
}

@vertex
fn box_in_view(corner: Corner) -> Surface {
    let clip = light.clip_from_world * vec4<f32>(corner.position, 1.0);
    return Surface(clip, corner.position, corner.normal, corner.color);
}

@vertex
fn box_from_sun(corner: Corner) -> @builtin(position) vec4<f32> {
    return light.sun_from_world * vec4<f32>(corner.position, 1.0);
}

@vertex
fn avatar_from_sun(@location(0) position: vec3<f32>) -> @builtin(position) vec4<f32> {
    return light.sun_from_avatar * vec4<f32>(position, 1.0);
}

// How much of the sun comes to a place, 0 to 1: the mean of 3 × 3 comparisons.
fn sunlight(position: vec3<f32>) -> f32 {
    let at = light.sun_from_world * vec4<f32>(position, 1.0);
    let texel = 1.0 / vec2<f32>(textureDimensions(shadows));
    let place = at.xy * vec2<f32>(0.5, -0.5) + 0.5;
    if any(abs(at.xy) > vec2<f32>(0.99)) {
        return 1.0;
    }
    var sum = 0.0;
    for (var y = -1.0; y <= 1.0; y += 1.0) {
        for (var x = -1.0; x <= 1.0; x += 1.0) {
            sum += textureSampleCompareLevel(shadows, nearer, place + vec2<f32>(x, y) * texel, at.z);
        }
    }
    return sum / 9.0;
}

@fragment
fn lit(surface: Surface) -> @location(0) vec4<f32> {
    let facing = max(dot(surface.normal, light.towards_sun), 0.0);
    let brightness = 0.25 + 0.75 * facing * sunlight(surface.position);
    return vec4<f32>(brightness * surface.color.rgb, surface.color.a);
}
